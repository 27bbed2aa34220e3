import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing
import _CrypTenONNXTestSupport

/// A program that two parties run in a session, once with a dealer and once without, and what it must yield.
struct PairedCase: Sendable, CustomTestStringConvertible {
    var name: String
    var testDescription: String { name }
    /// What party 0 learns; nil at the other.
    var run: @Sendable (Session) async throws -> [Tensor]?
    /// What is wrong with that.
    var fault: @Sendable ([Tensor]) -> String?

    /// The standard's operators, those of another runtime, classical models, quantised ones, and ensembles of trees: those that run in secret with
    /// a dealer, and functions that are made of exponentials, logarithms, roots and quotients.
    static let all: [PairedCase] = every.filter { selected.contains($0.name) }

    /// All there are.
    static let every: [PairedCase] =
        OperatorCase.all.map { PairedCase($0, within: 2e-3) }
        + OperatorCase.ofRuntime.map { PairedCase($0, within: 2e-3) }
        + OperatorCase.classical.map { PairedCase($0, within: $0.tolerance.secret) }
        + QuantizedCase.all.map { PairedCase($0) }
        + TreeCase.all.map { PairedCase($0) }

    private static let selected: Set<String> = Set(
        (OperatorCase.secret + OperatorCase.secretOfRuntime + OperatorCase.secretClassical).map(\.name)
            + QuantizedCase.secret.map(\.item.name) + TreeCase.all.filter { $0.rows.shape.count <= 64 }.map(\.name)
            + [
                "exp", "sigmoid", "tanh", "erf", "gelu", "log", "sqrt", "reciprocal", "div", "pow_many", "clip",
                "where", "max3", "softmax", "logsoftmax", "argmax_last", "reducemean", "layernorm", "groupnorm_18",
                "batchnorm", "lstm", "attention", "lpnorm2",
            ]
    )

    private init(_ item: OperatorCase, within bound: Double) {
        name = item.name
        run = { try await item.results(on: $0) }
        fault = { values in
            for (tensor, output) in zip(values, item.outputs) {
                let difference = output.difference(from: tensor)
                if difference > (output.kind == .real ? bound : 0) { return "\(output.name) is off by \(difference)" }
            }
            return values.count == item.outputs.count ? nil : "\(values.count) results"
        }
    }

    private init(_ entry: QuantizedCase) {
        name = entry.item.name
        run = { try await entry.item.results(on: $0) }
        fault = { values in
            for (tensor, output) in zip(values, entry.item.outputs) where !entry.accepts(tensor, output) {
                return "\(output.name) is \(tensor)"
            }
            return values.count == entry.item.outputs.count ? nil : "\(values.count) results"
        }
    }

    private init(_ item: TreeCase) {
        name = item.name
        run = { try await item.results(on: $0, .features)?.values }
        fault = { values in
            guard let outputs = try? ONNXModel(contentsOf: item.url).outputs else { return "no model" }
            return item.fault(Array(zip(outputs, values)), within: 4e-4)
        }
    }
}

@Suite("Sessions with and without a dealer")
struct PairedCaseTests {
    /// What a session was, at both parties.
    private struct Outcome {
        var values: [Tensor]
        var statistics: [SessionStatistics]
    }

    private func outcome(
        _ correlations: CorrelationProvider,
        _ run: @escaping @Sendable (Session) async throws -> [Tensor]?
    ) async throws -> Outcome {
        var configuration = SessionConfiguration()
        configuration.correlations = correlations
        configuration.threads = 1
        let results = try await withLocalParties(2, configuration: configuration) { session in
            (try await run(session), try await session.statistics)
        }
        return Outcome(values: try #require(results[0].0), statistics: results.map(\.1))
    }

    /// What goes online is the same, to the word; what goes beforehand goes between the parties, in few exchanges.
    private func compareCosts(_ name: String, _ made: Outcome, _ dealt: Outcome) {
        for (made, dealt) in zip(made.statistics, dealt.statistics) {
            #expect(made.rounds == dealt.rounds, "\(name)")
            #expect(made.onlineBytes == dealt.onlineBytes, "\(name)")
            #expect(made.setupBytes == dealt.setupBytes, "\(name)")
            #expect(made.runs == dealt.runs, "\(name)")
            #expect(made.dealerBytes == 0, "\(name)")
            #expect(made.offlineExchanges <= PairedCaseTests.mostExchanges * (made.runs + 1), "\(name)")
        }
    }

    /// Of a run, exponentials included.
    private static let mostExchanges = 8

    @Test(
        "yield what another runtime computes, within the tolerance that they have with a dealer, in as many rounds and bytes online",
        arguments: PairedCase.all
    )
    func equal(item: PairedCase) async throws {
        let made = try await outcome(.parties, item.run)
        let dealt = try await outcome(.dealer, item.run)
        for values in [made.values, dealt.values] { #expect(item.fault(values) == nil, "\(item.name)") }
        compareCosts(item.name, made, dealt)
    }

    @Test(
        "every case that there is yields what it yields with a dealer, or is refused as it is there",
        .enabled(
            if: ProcessInfo.processInfo.environment["CRYPTEN_LONG_TESTS"] != nil,
            "CRYPTEN_LONG_TESTS isn't set, and a sample has run"
        ),
        arguments: PairedCase.every
    )
    func every(item: PairedCase) async throws {
        let dealt: Outcome
        do {
            dealt = try await outcome(.dealer, item.run)
        } catch let refusal as CrypTenError {
            let error = await #expect(throws: CrypTenError.self) { _ = try await outcome(.parties, item.run) }
            #expect(error?.code == refusal.code, "\(item.name)")
            return
        }
        let made = try await outcome(.parties, item.run)
        if item.fault(dealt.values) == nil {
            #expect(item.fault(made.values) == nil, "\(item.name)")
        } else {
            // Beyond what is promised of a secret result, with a dealer as without.
            #expect(made.values.map(\.shape) == dealt.values.map(\.shape), "\(item.name)")
        }
        compareCosts(item.name, made, dealt)
    }

    @Test("train alike: what SGD and Adam make of a network, and its batch statistics, in three steps")
    func training() async throws {
        let program: @Sendable (Session) async throws -> [Tensor]? = { session in
            var values: [Tensor] = []
            for optimizer in [SGD(learningRate: 0.1, momentum: 0.9), Adam(learningRate: 0.02)] as [any Optimizer] {
                values += try await PairedCaseTests.trained(by: optimizer, on: session) ?? []
            }
            return values.isEmpty ? nil : values
        }
        let made = try await outcome(.parties, program)
        let dealt = try await outcome(.dealer, program)
        #expect(made.values.count == dealt.values.count)
        for (index, (got, want)) in zip(made.values, dealt.values).enumerated() {
            let distance = distance(got, want)
            #expect(distance < 2e-3, "tensor \(index): \(distance)")
        }
        compareCosts("training", made, dealt)
    }

    private static func trained(by optimizer: some Optimizer, on session: Session) async throws -> [Tensor]? {
        var optimizer = optimizer
        var network = Sequential {
            // A bias before a normalisation has no gradient but for rounding, of which Adam makes steps.
            Conv2d(1, 2, kernelSize: 3, padding: 1, bias: false)
            BatchNorm2d(2)
            ReLU()
            MaxPool2d(2)
            Flatten()
            Linear(8, 3)
        }
        try await session.initialize(&network, owner: .party(1), seed: 11)
        let image = numbers([4, 1, 4, 4], seed: 12)
        let x = try await session.hold([session.input(from: .party(0)) { image }])[0]
        let labels = try await session.input(from: .party(0)) {
            Tensor((0..<12).map { Double($0 % 3 == $0 / 3 % 3 ? 1 : 0) }, shape: [4, 3])
        }
        let y = try await session.hold([labels])[0]
        var losses: [Tensor] = []
        for _ in 0..<3 {
            let (loss, gradients, buffers) = valueAndGradient(of: network) { crossEntropy($0(x), y) }
            losses +=
                try await optimizer.update(
                    &network,
                    gradients,
                    buffers: buffers,
                    on: session,
                    revealing: [loss],
                    to: .party(0)
                ) ?? []
        }
        return try await session.reveal(network.stateTree.map { $0.tensor * 1 }, to: .party(0)).map { losses + $0 }
    }

    @Test("draw alike: dropout keeps its share of elements, rows are shuffled and none is lost")
    func drawing() async throws {
        let program: @Sendable (Session) async throws -> [Tensor]? = { session in
            let x = try await session.input(from: .party(0)) {
                Tensor([Double](repeating: 1.5, count: 1024), shape: [32, 32])
            }
            let rows = try await session.input(from: .party(1)) {
                Tensor((0..<120).map { Double($0) / 8 }, shape: [40, 3])
            }
            let shuffled = try await session.shuffled(rows: [rows])
            return try await session.reveal([Dropout(0.25)(x)] + shuffled, to: .party(0))
        }
        let made = try await outcome(.parties, program)
        let dealt = try await outcome(.dealer, program)
        for values in [made.values, dealt.values] {
            let kept = values[0].doubles.filter { $0 != 0 }
            #expect(kept.allSatisfy { abs($0 - 2) < 1e-3 })
            // Of 1,024 with probability 3/4: five deviations are 69.
            #expect(abs(kept.count - 768) <= 69)
            let rows = stride(from: 0, to: 120, by: 3).map { Array(values[1].doubles[$0..<$0 + 3]) }
            #expect(rows != rows.sorted { $0[0] < $1[0] })
            #expect(rows.sorted { $0[0] < $1[0] }.flatMap { $0 } == (0..<120).map { Double($0) / 8 })
        }
        compareCosts("drawing", made, dealt)
    }

    @Test("an order of more rows than the parties can make is refused by a sentence; with a dealer it isn't")
    func orderOfManyRows() async throws {
        let program: @Sendable (Session) async throws -> [Tensor]? = { session in
            let x = try await session.input(from: .party(0)) {
                Tensor((0..<4097).map { Double($0) }, shape: [4097])
            }
            return try await session.reveal(session.shuffled(rows: [x]), to: .party(0))
        }
        #expect(try await outcome(.dealer, program).values[0].doubles.sorted() == (0..<4097).map { Double($0) })
        let error = await #expect(throws: CrypTenError.self) { _ = try await outcome(.parties, program) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("an order of 4097 rows") == true, "\(String(describing: error))")
        #expect(error?.message.contains("at most 4096 are put in order") == true)
    }
}
