import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing

/// What a check says of runs whose numbers stay in the ring and are wrong all the same.
@Suite("Findings of checks")
struct FindingTests {
    private static func check(
        _ x: [Double],
        _ y: [Double] = [0],
        fractionBits: Int = 16,
        wantedError: Double = CheckReport.usualWantedError,
        _ function: @escaping @Sendable (CrypTensor, CrypTensor) -> CrypTensor
    ) async throws -> CheckReport {
        var configuration = SessionConfiguration()
        configuration.fractionBits = fractionBits
        return try await withInsecureCheckedParties(2, configuration: configuration) { session in
            let a = try await session.input(from: .party(0), name: "amounts") { Tensor(x, shape: [x.count]) }
            let b = try await session.input(from: .party(1), name: "rates") { Tensor(y, shape: [y.count]) }
            return try await session.check(function(a, b), wantedError: wantedError)
        }[0]
    }

    @Test("a result beyond the end of exp is a violation with operand, value, truth and count; one before it isn't")
    func beyondTheEnd() async throws {
        let report = try await Self.check([1, 2, 40]) { x, _ in withLayer("rate") { exp(x) } }
        let finding = try #require(report.violations.first)
        #expect(finding.kind == .deviates && finding.layer == "rate" && finding.operation == "exp")
        #expect(finding.count == 1 && finding.index == [2])
        #expect(finding.expected.map { abs($0 / Foundation.exp(40) - 1) < 1e-9 } == true)
        #expect(finding.message.contains("1 of 3 numbers is further from the true one than exp may be"))
        #expect(finding.message.contains("of 40") && finding.message.contains("fewer fraction bits"))
        #expect(report.violation?.code == .outOfRange)
        #expect(report.violation?.message == finding.message)
        // What was revealed is there to be looked at.
        #expect(report.values?.count == 1)
        let inside = try await Self.check([1, 2, 9]) { x, _ in exp(x) }
        #expect(inside.violations.isEmpty && inside.imprecisions.isEmpty)
    }

    @Test(
        "the reference is the function of unrounded numbers: an input that vanishes makes an output imprecise, and is named"
    )
    func vanishing() async throws {
        let report = try await Self.check([1e-6, 2e-6], [8e5, 5e5]) { $0 * $1 }
        #expect(report.violations.isEmpty)
        let finding = try #require(report.imprecisions.first)
        #expect(finding.kind == .imprecise && finding.operation == "multiply")
        #expect(finding.message.contains("in amounts / input 2 of 2 numbers lose more than 2^-8 of their size"))
        #expect(finding.message.contains("2 of them all of it"))
        #expect(report.outputErrors[0].map { abs($0.largestError - 1) < 1e-6 && abs($0.part - 1) < 1e-6 } == true)
        // The same numbers where it doesn't matter.
        let sum = try await Self.check([1e-6, 2e-6], [8e5, 5e5]) { $0 + $1 }
        #expect(sum.violations.isEmpty && sum.imprecisions.isEmpty)
    }

    @Test("more fraction bits, where the message says so, are enough")
    func remedy() async throws {
        let numbers = ([0.001, 0.0007], [3000.0, 20.0])
        let report = try await Self.check(numbers.0, numbers.1, wantedError: 0x1p-10) { $0 * $1 }
        let message = try #require(report.imprecisions.first?.message)
        let words = message.split(separator: " ")
        let place = try #require(words.lastIndex(of: "use"))
        let bits = try #require(Int(words[place + 1]))
        let better = try await Self.check(numbers.0, numbers.1, fractionBits: bits, wantedError: 0x1p-10) { $0 * $1 }
        #expect(better.imprecisions.isEmpty, "\(message)")
    }

    @Test("what is wrong and not chosen is no violation")
    func notChosen() async throws {
        let report = try await Self.check([40, 1], [-1, 1]) { x, y in `where`(y .> 0.0, exp(x), 7.0) }
        #expect(report.violations.isEmpty, "\(report.violations)")
        #expect(report.imprecisions.isEmpty, "\(report.imprecisions)")
        #expect(report.values?[0].doubles.first == 7)
    }

    @Test("a comparison of numbers that are nearer than they are exact may come out either way")
    func ties() async throws {
        // Both are 0.7 of the encoding's unit apart from nothing, so their order isn't known.
        let unit = 0x1p-16
        let report = try await Self.check([3 + 0.4 * unit, 5], [3 + 0.3 * unit, 4]) { x, y in
            `where`(x .> y, 1000.0, -1000.0)
        }
        #expect(report.violations.isEmpty && report.imprecisions.isEmpty, "\(report.violations)")
        let indices = try await Self.check([1 + 0.4 * unit, 1 + 0.3 * unit, 0.5]) { x, _ in x.argmax(axis: 0) }
        #expect(indices.violations.isEmpty && indices.imprecisions.isEmpty)
        let wrong = try await Self.check([3.25, 5], [3, 4]) { x, y in (x - y).floor() * 1.0 }
        #expect(wrong.violations.isEmpty && wrong.values?[0].doubles == [0, 1])
    }

    @Test(
        "a whole number that was made of one beyond its operation's end is a violation, also where it is beyond all integers",
        arguments: [22.0, 45, 64, 500]
    )
    func floored(exponent: Double) async throws {
        let report = try await Self.check([1, 2, exponent]) { x, _ in exp(x).floor() }
        #expect(report.violations.map(\.index) == [[2]])
    }

    @Test("a quotient by 0 and the root of a negative number have no true value, and are told so")
    func undefined() async throws {
        let quotient = try await Self.check([1, 2], [0, 4]) { $0 / $1 }
        let finding = try #require(quotient.violations.first)
        #expect(finding.kind == .undefined && finding.count == 1 && finding.index == [0])
        #expect(finding.message.contains("a quotient by 0"))
        let root = try await Self.check([-4, 4]) { x, _ in x.sqrt() }
        #expect(root.violations.first?.kind == .undefined)
    }

    @Test("values that a run keeps are compared with true ones of unrounded inputs in the next")
    func kept() async throws {
        let reports = try await withInsecureCheckedParties(2) { session -> CheckReport in
            let w = try await session.input(from: .party(1), name: "slope") { Tensor([3e-6], shape: [1]) }
            let held = try await session.hold([w])[0]
            let x = try await session.input(from: .party(0)) { Tensor([90_000], shape: [1]) }
            return try await session.check(held * x)
        }
        for report in reports {
            let message = try #require(report.imprecisions.first?.message)
            #expect(
                message.contains("in slope / kept value 1 of 1 numbers lose more than 2^-8 of their size"),
                "\(message)"
            )
        }
    }

    @Test("reveal throws what a check reports as a violation")
    func revealThrows() async throws {
        _ = try await withInsecureCheckedParties(2) { session in
            let x = try await session.input(from: .party(0)) { Tensor([1, 60], shape: [2]) }
            let error = await #expect(throws: CrypTenError.self) { try await session.reveal(exp(x), to: .all) }
            #expect(error?.code == .outOfRange)
            #expect(error?.message.contains("exp may be") == true)
            return try await session.reveal(x * 0.5, to: .all)
        }
    }

    @Test("long names lose their middle in sentences, and stay whole in findings")
    func longNames() async throws {
        let name = String(repeating: "block_with_a_long_name_", count: 13)
        let report = try await Self.check([40]) { x, _ in withLayer(name) { exp(x) } }
        let finding = try #require(report.violations.first)
        #expect(finding.layer == name)
        #expect(!finding.message.contains(name) && finding.message.hasPrefix("block_with_a_long_name_b…"))
        #expect(finding.message.prefix { $0 != " " }.count == 48)
    }

    @Test("a wanted error must be positive")
    func wantedError() async throws {
        await #expect(throws: CrypTenError.self) { try await Self.check([1], wantedError: 0) { x, _ in x } }
    }

    @Test("losses are counted by size: zeros lose nothing, and the bits that are said to be needed are enough")
    func losses() throws {
        let tensor = Tensor([0, 1, 0.25, 3e-6, -1e-3, 2e-4], shape: [6])
        let loss = try #require(EncodingLoss(of: tensor, fractionBits: 16, name: "w"))
        #expect(loss.numbers == 5 && loss.vanished == 1 && loss.imprecise == 3 && loss.isNotable)
        #expect(EncodingLoss(of: tensor, fractionBits: loss.neededFractionBits, name: "w") == nil)
        #expect(EncodingLoss(of: Tensor([1, 2, 0], shape: [3]), fractionBits: 16, name: "w") == nil)
        let many = Tensor((0..<100).map { $0 < 5 ? 1e-4 : 1 }, shape: [100])
        #expect(EncodingLoss(of: many, fractionBits: 16, name: "w")?.isNotable == false)
    }
}
