import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing

/// Training between parties, against the same steps in double.
@Suite("Training between parties")
struct TrainingTests {
    /// One linear layer, or two with a ReLU between.
    struct Layers: Module {
        var parameters: ParameterTree

        func callAsFunction(_ x: CrypTensor) -> CrypTensor {
            var value = x
            for index in 0..<parameters.count / 2 {
                if index > 0 { value = value.relu() }
                value = value.linear(parameters["\(index).weight"]!, bias: parameters["\(index).bias"]!)
            }
            return value
        }
    }

    /// The numbers of a layer, and of its gradients' steps, in double.
    struct Network {
        var sizes: [Int]
        var parameters: [String: Tensor] = [:]

        init(_ sizes: [Int], seed: UInt64) {
            self.sizes = sizes
            var state = seed
            func number() -> Double {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Double(state >> 40) / Double(1 << 24) * 2 - 1
            }
            for (index, (inputs, outputs)) in zip(sizes, sizes.dropFirst()).enumerated() {
                let bound = 1 / Double(inputs).squareRoot()
                parameters["\(index).weight"] = Tensor(
                    (0..<inputs * outputs).map { _ in number() * bound },
                    shape: [outputs, inputs]
                )
                parameters["\(index).bias"] = Tensor((0..<outputs).map { _ in number() * bound }, shape: [outputs])
            }
        }
    }

    static func data(rows: Int, columns: Int, classes: Int) -> (x: Tensor, labels: Tensor) {
        var state: UInt64 = 0x5EED
        func number() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 40) / Double(1 << 24) * 2 - 1
        }
        let x = (0..<rows * columns).map { _ in number() }
        let labels = (0..<rows).map { row in
            // The class is that of the largest of the first columns.
            (0..<classes).max { x[row * columns + $0] < x[row * columns + $1] }!
        }
        let oneHot = labels.flatMap { label in (0..<classes).map { $0 == label ? 1.0 : 0 } }
        return (Tensor(x, shape: [rows, columns]), Tensor(oneHot, shape: [rows, classes]))
    }

    @Test("a network of layers with batch normalisation learns, and keeps its buffers", arguments: [2, 3])
    func layers(parties: Int) async throws {
        let (x, labels) = Self.data(rows: 64, columns: 36, classes: 3)
        let told = try await withLocalParties(parties) { session -> (losses: [Double], batches: [Double]) in
            var model = Sequential {
                Conv2d(1, 4, kernelSize: 3)
                BatchNorm2d(4)
                ReLU()
                MaxPool2d(2)
                Flatten()
                Dropout(0.1)
                Linear(16, 3)
            }
            try await session.initialize(&model, owner: .party(1), seed: 5)
            var optimizer = Adam(learningRate: 0.03)
            let images = try await session.input(from: .party(0)) { x }
            let classes = try await session.input(from: .party(1)) { labels }
            let held = try await session.hold([images.reshape(64, 1, 6, 6), classes])
            model = model.train()
            var losses: [Double] = []
            for _ in 0..<24 {
                let (loss, gradients, buffers) = valueAndGradient(of: model) {
                    crossEntropy($0(held[0]), labels: held[1])
                }
                let told = try await optimizer.update(
                    &model,
                    gradients,
                    buffers: buffers,
                    on: session,
                    revealing: [loss]
                )
                losses.append(told![0].doubles[0])
            }
            let scores = model.eval()(held[0])
            let right = (scores.argmax(axis: 1) .== held[1].argmax(axis: 1)).toInteger().sum()
            let batches = model.buffers["1.num_batches_tracked"]!
            let counts = try await session.reveal([right, batches], to: .all)!
            return (losses + [counts[0].doubles[0]], counts[1].doubles)
        }
        for (losses, batches) in told {
            #expect(losses[23] < 0.8 * losses[0], "\(losses)")
            #expect(losses[24] > 36, "of 64 rows \(losses[24]) are told apart")
            #expect(batches == [24])
        }
    }

    static let optimizers: [(name: String, optimizer: any Optimizer)] = [
        ("SGD", SGD(learningRate: 0.3)),
        ("SGD with momentum", SGD(learningRate: 0.2, momentum: 0.9, weightDecay: 1e-4)),
        ("SGD of Nesterov", SGD(learningRate: 0.1, momentum: 0.7, nesterov: true)),
        ("Adam", Adam(learningRate: 0.01)),
        ("AdamW", Adam.withDecoupledDecay(learningRate: 0.01)),
        ("RMSprop", RMSprop(learningRate: 0.005, momentum: 0.5)),
        ("Adagrad", Adagrad(learningRate: 0.05)),
        ("LAMB", LAMB(learningRate: 0.03)),
    ]

    @Test(
        "losses of 20 steps are those of the same steps in double, within 10⁻³",
        arguments: [2, 3],
        optimizers.indices
    )
    func steps(parties: Int, which: Int) async throws {
        let network = Network([12, 16, 4], seed: 7)
        let (x, labels) = Self.data(rows: 64, columns: 12, classes: 4)
        let names = network.parameters.keys.sorted()
        let optimizer = Self.optimizers[which].optimizer
        let secret = try await withLocalParties(parties) { session -> [Double] in
            var optimizer = optimizer
            let data = try await session.input(from: .party(0)) { x }
            let classes = try await session.input(from: .party(1)) { labels }
            var tree = ParameterTree()
            for name in names {
                let numbers = network.parameters[name]!
                tree[name] = try await session.input(from: .party(1), shape: numbers.shape) { numbers }
            }
            var model = Layers(parameters: tree)
            let held = try await session.hold([data, classes])
            var losses: [Double] = []
            for _ in 0..<20 {
                let (loss, gradients, _) = valueAndGradient(of: model) { crossEntropy($0(held[0]), labels: held[1]) }
                losses.append(
                    try await optimizer.update(&model, gradients, on: session, revealing: [loss])![0].doubles[0]
                )
            }
            return losses
        }
        let expected = try Self.inDouble(network, names, x, labels, optimizer, steps: 20)
        #expect(expected.last! < 0.85 * expected.first!, "\(expected)")
        for losses in secret {
            let worst = zip(losses, expected).map { abs($0 - $1) }.max()!
            #expect(worst <= 1e-3, "\(Self.optimizers[which].name): \(worst), \(losses), in double \(expected)")
        }
    }

    /// The same expressions through the evaluator in the clear.
    static func inDouble(
        _ network: Network,
        _ names: [String],
        _ x: Tensor,
        _ labels: Tensor,
        _ optimizer: any Optimizer,
        steps: Int
    ) throws -> [Double] {
        func source(_ shape: Shape, _ number: Int) -> CrypTensor {
            CrypTensor(
                Node(
                    source: .input(owner: .party(0), number: number),
                    shape: shape,
                    kind: .real,
                    visibility: .secret,
                    session: nil
                )
            )
        }
        var values = names.map { network.parameters[$0]! }
        let slots = optimizer.slots.map(\.name)
        var memory = values.map { value in
            slots.map { _ in Tensor([Double](repeating: 0, count: value.shape.count), shape: value.shape) }
        }
        var losses: [Double] = []
        let sources = values.indices.map { source(values[$0].shape, $0) }
        let remembered = values.indices.map { index in
            slots.indices.map { source(values[index].shape, 100 + index * slots.count + $0) }
        }
        let (data, classes) = (source(x.shape, 200), source(labels.shape, 201))
        let rates = optimizer.rates(at: 1).indices.map { source([], 300 + $0) }
        let model = Layers(parameters: ParameterTree(zip(names, sources).map { ($0, $1) }))
        let (loss, gradients, _) = valueAndGradient(of: model) { crossEntropy($0(data), labels: classes) }
        var results = [loss]
        for (index, name) in names.enumerated() {
            let past = Dictionary(uniqueKeysWithValues: zip(slots, remembered[index]))
            let next = optimizer.step(sources[index], gradients[name]!, past, rates: rates)
            results += [next.parameter] + slots.map { next.remembered[$0]! }
        }
        for step in 1...steps {
            let (now, past) = (values, memory)
            let factors = optimizer.rates(at: step)
            let found = try ClearEvaluator { node in
                guard case .input(_, let number) = node.operation else { preconditionFailure("all are inputs") }
                switch number {
                case 200: return x
                case 201: return labels
                case 300...: return Tensor(factors[number - 300])
                case 100...: return past[(number - 100) / slots.count][(number - 100) % slots.count]
                default: return now[number]
                }
            }.evaluate(results.map(\.node))
            losses.append(found[0].doubles[0])
            for index in names.indices {
                let first = 1 + index * (slots.count + 1)
                values[index] = found[first]
                memory[index] = slots.indices.map { found[first + 1 + $0] }
            }
        }
        return losses
    }
}
