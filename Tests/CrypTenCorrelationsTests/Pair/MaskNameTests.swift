import CrypTenCorrelations
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// What is read under which r.
///
/// Where two words agree that shouldn't, it is by accident with probability 2^-64 each.
@Suite("r is fresh for each wire, and a view's is that of what it moves")
struct MaskNameTests {
    private static let count = 128

    /// Mutant: what is computed of a wire is read under the words of its first operand's r.
    private static let operand = MaskNaming(insecureNames: { $0.movesElements ? .moved : .insecureOperand })
    /// Mutant: an r by the place that a wire has, which the next wire has after it.
    private static let slot = MaskNaming(insecureStreams: { _ in 0 })

    /// r of each of a reading: λ − d.
    private func r(_ mask: [UInt64], _ difference: [UInt64]) -> [UInt64] {
        less(mask, difference)
    }

    /// r of x, of 2x and of x + y.
    private func sums(_ naming: MaskNaming) throws -> [[UInt64]] {
        var readings = PairReadings(count: MaskNameTests.count, seed: 51)
        readings.naming = naming
        let d = try readings.differences { stage, wires in
            let (x, y) = (wires[0].mask, wires[1].mask)
            try stage.read(x)
            try stage.read(stage.apply(.combine(factors: [2]), to: [x]))
            try stage.read(stage.apply(.combine(factors: [1, 1]), to: [x, y]))
        }
        let (x, y) = (readings.mask(0), readings.mask(1))
        #expect(d.count == 3)
        return [r(x, d[0]), r(x.map { 2 &* $0 }, d[1]), r(zip(x, y).map { $0 &+ $1 }, d[2])]
    }

    @Test("x, 2x and x + y have an r each")
    func sums() throws {
        let r = try sums(.byWire)
        #expect(agreeing(r[0], r[1]) == 0 && agreeing(r[0], r[2]) == 0 && agreeing(r[1], r[2]) == 0)
        // Nor is that of 2x twice that of x.
        #expect(agreeing(r[0].map { 2 &* $0 }, r[1]) == 0)
    }

    @Test("mutant: x and 2x share r, and d shows the mask")
    func sharedByMultiples() throws {
        let r = try sums(MaskNameTests.operand)
        #expect(agreeing(r[0], r[1]) == MaskNameTests.count && agreeing(r[0], r[2]) == MaskNameTests.count)
    }

    /// How often two wires' d's differ by what their masks do.
    private func sharedByWires(_ naming: MaskNaming) throws -> Int {
        var readings = PairReadings(count: MaskNameTests.count, seed: 52)
        readings.naming = naming
        let d = try readings.differences { stage, wires in
            for wire in wires { try stage.read(wire.mask) }
        }
        return agreeing(less(d[0], d[1]), less(readings.mask(0), readings.mask(1)))
    }

    @Test("two wires have two r's; mutant: an r by slot is seen")
    func wires() throws {
        #expect(try sharedByWires(.byWire) == 0)
        #expect(try sharedByWires(MaskNameTests.slot) == MaskNameTests.count)
    }

    private static let views: [(operation: LinearOperation, name: String)] = [
        (.slice(starts: [1, 0], steps: [2, 1], shape: [4, 16]), "slice"),
        (.permute(axes: [1, 0]), "permutation"),
        (.broadcast([3, 8, 16]), "broadcast"),
        (.take(axis: 0, indices: [7, 0, 7]), "rows"),
        (.pad(before: [1, 0], after: [0, 2]), "zeros around"),
        (.concatenate(axis: 0), "concatenation"),
        (.reshape([128]), "reshape"),
    ]

    @Test(
        "views have the d of what they move, element by element, in whichever order they are read",
        arguments: 0..<7
    )
    func views(index: Int) throws {
        let operation = MaskNameTests.views[index].operation
        var operands = 1
        if case .concatenate = operation { operands = 2 }
        let readings = PairReadings(count: MaskNameTests.count, seed: 53)
        for viewFirst in [false, true] {
            let d = try readings.differences { [operands] stage, wires in
                let wires = wires.prefix(operands).map { stage.apply(.reshape([8, 16]), to: [$0.mask]) }
                let view = stage.apply(operation, to: Array(wires))
                if viewFirst { try stage.read(view) }
                for wire in wires { try stage.read(wire) }
                if !viewFirst { try stage.read(view) }
            }
            #expect(d.count == operands + 1)
            let (view, whole) = viewFirst ? (d[0], d[1...]) : (d[operands], d[..<operands])
            let moved = operation.apply(whole.map { RingTensor($0, shape: [8, 16]) }, NativeKernels(threads: 1))
            #expect(view == moved.elements, "\(MaskNameTests.views[index].name)")
        }
    }

    @Test("a run of a wire's elements has their d")
    func slab() throws {
        let readings = PairReadings(count: MaskNameTests.count, seed: 54)
        let d = try readings.differences { stage, wires in
            try stage.read(wires[0].mask)
            try stage.read(stage.slab(wires[0].mask, 64..<128))
            // Read twice, it is what it was.
            try stage.read(wires[0].mask)
        }
        #expect(d[1] == Array(d[0][64...]) && d[2] == d[0])
    }

    // MARK: Kept values

    /// r of a kept wire in two runs that read it, and of its new version in the run after: x, then x + y.
    private func kept(_ naming: MaskNaming) throws -> (first: [UInt64], again: [UInt64], version: [UInt64]) {
        let session = try PairedSession(seed: 61, naming: naming)
        let source = ExpressionSource(seed: 62)
        let shape: Shape = [64]
        let (x, y) = (source.input(shape, owner: 0), source.input(shape, owner: 1))
        let known = (0..<2).map { number in
            source.values[number]!.doubles.map { UInt64(bitPattern: Int64(($0 * 65536).rounded(.toNearestOrEven))) }
        }
        // The mask of a wire that is kept: its public part less what it is.
        func mask(_ run: PairedSession.Run, _ value: [UInt64]) throws -> [UInt64] {
            guard case .wire(let wire) = run.outputs[0][0] else { throw SimulationError("not kept as a wire") }
            return less(wire.hat.elements, value)
        }
        let first = try PlannedExpressions([(x, .keep), (x .< 0, .reveal(to: nil))], of: source)
        let one = try session.run(first)
        let value = CrypTensor(kept: 0, shape)
        let again = try PlannedExpressions([(value .< 0, .reveal(to: nil))], of: source, kept: first.kept)
        let two = try session.run(again)
        #expect(one.differences.count == 1 && two.differences.count == 1)
        let change = try PlannedExpressions([(value + y, .keep)], of: source, kept: first.kept)
        let three = try session.run(change)
        let new = CrypTensor(kept: 1, shape)
        let reading = try PlannedExpressions(
            [(new .< 0, .reveal(to: nil))],
            of: source,
            kept: first.kept + change.kept
        )
        let four = try session.run(reading)
        #expect(three.differences.isEmpty && four.differences.count == 1)
        let oldMask = try mask(one, known[0])
        let newMask = try mask(three, zip(known[0], known[1]).map { $0 &+ $1 })
        return (
            r(oldMask, one.differences[0]), r(oldMask, two.differences[0]), r(newMask, four.differences[0])
        )
    }

    @Test("a kept value keeps its r from run to run, and a new version of it gets another")
    func kept() throws {
        let r = try kept(.byWire)
        #expect(r.first == r.again)
        #expect(agreeing(r.first, r.version) == 0)
    }

    @Test("mutant: a new version of a kept value that inherits r is seen")
    func inherited() throws {
        let r = try kept(MaskNameTests.operand)
        #expect(r.first == r.again && r.first == r.version)
    }

    @Test("rows of a kept value have the r of its rows")
    func rows() throws {
        // Read whole, then some rows by a run of their own.
        let session = try PairedSession(seed: 63)
        let source = ExpressionSource(seed: 64)
        let x = source.input([8, 8], owner: 0)
        let first = try PlannedExpressions([(x, .keep), (x .< 0, .reveal(to: nil))], of: source)
        let whole = try session.run(first).differences[0]
        let some = CrypTensor(kept: 0, [8, 8])[2..<4]
        let second = try PlannedExpressions([(some .< 0, .reveal(to: nil))], of: source, kept: first.kept)
        #expect(try session.run(second).differences[0] == Array(whole[16..<32]))
    }
}
