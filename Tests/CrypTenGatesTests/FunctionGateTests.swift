import CrypTenGates
import CrypTenRing
import Foundation
import Testing
import _CrypTenTestSupport

@Suite("Functions")
struct FunctionGateTests {
    private func value(_ coefficients: [UInt64], _ v: UInt64) -> UInt64 {
        coefficients.reversed().reduce(0) { $0 &* v &+ $1 }
    }

    @Test("a polynomial is exact modulo 2^64", arguments: parties, counts + [moreThanASlab])
    func polynomial(parties: Int, count: Int) throws {
        let v = ringVectors(count, seed: 80)
        let polynomials: [[UInt64]] = [[9], [5, 3], [5, 0 &- 3, 2, 7], [0, 0, 1], ringVectors(9, seed: 81)]
        for coefficients in polynomials where count < 4097 || coefficients.count == 4 {
            for sharesHeld in [true, false] {
                try check(
                    PolynomialGate(shape: [count], form: WireForm(sharesHeld: sharesHeld), coefficients: coefficients),
                    parties: parties,
                    expected: [v.map { value(coefficients, $0) }]
                ) { [$0.wire(v, sharesHeld: sharesHeld)] }
            }
            let simulator = GateSimulator(parties: parties, kernels: NativeKernels(threads: 1))
            let inRange = ringVectors(count, seed: 82, in: truncationRange)
            let wire = try simulator.truncatedWire(inRange, shift: 16)
            let form = WireForm(sharesHeld: false, shift: 16)
            let gate = PolynomialGate(shape: [count], form: form, coefficients: coefficients)
            #expect(try simulator.run(gate, [wire])[0].plain() == wire.plain().map { value(coefficients, $0) })
        }
    }

    @Test("sine and cosine of a wire in turns", arguments: parties, [0, 1, 65, 4097])
    func sine(parties: Int, count: Int) throws {
        let u = ringVectors(count, seed: 83)
        for kernels in backends() {
            let simulator = GateSimulator(parties: parties, kernels: kernels)
            let wire = simulator.wire(u, sharesHeld: parties == 2)
            for (outputs, functions) in [
                (SineGate.Outputs.sine, [sin]), (.cosine, [cos]), (.both, [sin, cos]),
            ] as [(SineGate.Outputs, [(Double) -> Double])] {
                let got = try simulator.run(SineGate(shape: [count], outputs: outputs), [wire])
                #expect(got.count == functions.count)
                for (value, function) in zip(got, functions) {
                    for (y, u) in zip(try value.plain(), u) {
                        let angle = Double(Int64(bitPattern: u)) * .pi * 0x1p-63
                        #expect(abs(Double(Int64(bitPattern: y)) * 0x1p-60 - function(angle)) < 3e-8)
                    }
                }
            }
        }
    }

    // Integer pieces that meet nowhere: a wrong bit or a wrong coefficient shows.
    private static let knots: [Int64] = [-(3 << 16), -(1 << 16), 0, 1 << 15, 9 << 16]

    private func pieces(degree: Int) -> [PolynomialPiece] {
        (0...FunctionGateTests.knots.count).map { index in
            let terms = index % 3 == 0 ? 1 : degree + 1  // some are constants
            let coefficients = (0..<terms).map { k -> UInt64 in
                let small = Int64((index * 7 + k * 5) % 11 - 5)
                return UInt64(bitPattern: small)
            }
            return PolynomialPiece(center: UInt64(bitPattern: Int64(index - 3) << 15), coefficients: coefficients)
        }
    }

    private func plain(_ pieces: [PolynomialPiece], _ v: UInt64) -> UInt64 {
        let index = FunctionGateTests.knots.filter { Int64(bitPattern: v) >= $0 }.count
        return value(pieces[index].coefficients, v &- pieces[index].center)
    }

    @Test("a piecewise polynomial takes the piece it is in", arguments: parties, [0, 1, 65, 4097])
    func piecewise(parties: Int, count: Int) throws {
        var v = ringVectors(count, seed: 84, in: -(1 << 61)...(1 << 61))
        var random = TestRandom(seed: 85)
        for index in stride(from: 16, to: count, by: 2) { v[index] = random.next() % (24 << 16) &- (12 << 16) }
        for (index, knot) in FunctionGateTests.knots.enumerated() where 20 + index < count {
            v[20 + index] = UInt64(bitPattern: knot)
        }
        let knots = FunctionGateTests.knots.map { UInt64(bitPattern: $0) }
        let grid = KnotGrid(start: UInt64(bitPattern: -(10 << 16)), step: 15, span: 21)
        for degree in [0, 1, 3] {
            let pieces = pieces(degree: degree)
            let exact = v.map { plain(pieces, $0) }
            let relu = v.map { Int64(bitPattern: $0) >= 0 ? $0 : 0 }
            for (grid, positive) in [(nil, nil), (grid, nil), (grid, 2), (nil, 2)] as [(KnotGrid?, Int?)] {
                if degree == 0, positive != nil { continue }
                let form = WireForm(sharesHeld: grid == nil)
                try check(
                    PiecewiseGate(
                        shape: [count],
                        form: form,
                        knots: knots,
                        pieces: pieces,
                        outputShift: 0,
                        positive: positive,
                        grid: grid
                    ),
                    parties: parties,
                    expected: [positive == nil ? exact : zip(exact, relu).map { $0 &+ $1 }]
                ) { [$0.wire(v, sharesHeld: form.sharesHeld)] }
            }
        }
    }

    @Test("with a grid, a truncation takes the piece that the wire itself is in", arguments: parties)
    func piecewiseOfTruncation(parties: Int) throws {
        let count = 4097
        var random = TestRandom(seed: 87)
        let v = (0..<count).map { index -> UInt64 in
            let near = UInt64(bitPattern: FunctionGateTests.knots[index % FunctionGateTests.knots.count])
            return index % 2 == 0 ? random.next() % (24 << 16) &- (12 << 16) : near &+ UInt64(index % 16) &- 8
        }
        let gate = PiecewiseGate(
            shape: [count],
            form: WireForm(sharesHeld: false, shift: 4),
            knots: FunctionGateTests.knots.map { UInt64(bitPattern: $0) },
            pieces: pieces(degree: 3),
            outputShift: 0,
            grid: KnotGrid(start: UInt64(bitPattern: -(10 << 16)), step: 15, span: 21)
        )
        for kernels in backends() {
            let simulator = GateSimulator(parties: parties, kernels: kernels)
            let wire = simulator.wire(v)
            let place = try simulator.run(TruncateInPlaceGate(shape: [count], shift: 4), [wire])[0]
            let got = try simulator.run(gate, [place, wire])[0].plain()
            for ((v, reduced), y) in zip(zip(v, try place.plain()), got) {
                let piece = gate.pieces[FunctionGateTests.knots.filter { Int64(bitPattern: v) >= $0 }.count]
                #expect(y == value(piece.coefficients, reduced &- piece.center))
            }
        }
    }

    @Test("a polynomial about a centre", arguments: parties)
    func centered(parties: Int) throws {
        let v = ringVectors(257, seed: 88, in: -(1 << 61)...(1 << 61))
        let (coefficients, center) = ([3, 5, 7, 11] as [UInt64], 0 &- (9 << 20) as UInt64)
        try check(
            PolynomialGate(shape: [257], form: WireForm(), coefficients: coefficients, center: center),
            parties: parties,
            expected: [v.map { value(coefficients, $0 &- center) }]
        ) { [$0.wire(v)] }
    }

    @Test("a piecewise polynomial is truncated, and reads truncations", arguments: parties)
    func piecewiseTruncated(parties: Int) throws {
        let count = 4097
        var random = TestRandom(seed: 86)
        let v = (0..<count).map { _ in random.next() % (24 << 16) &- (12 << 16) }
        let knots = FunctionGateTests.knots.map { UInt64(bitPattern: $0) }
        let pieces = pieces(degree: 3)
        for kernels in backends() {
            let simulator = GateSimulator(parties: parties, kernels: kernels)
            let gate = PiecewiseGate(
                shape: [count],
                form: WireForm(),
                knots: knots,
                pieces: pieces,
                outputShift: 16,
                positive: 2
            )
            let got = try simulator.run(gate, [simulator.wire(v)])[0].plain()
            for (y, v) in zip(got, v) {
                let floor = Int64(bitPattern: plain(pieces, v)) >> 16 + max(Int64(bitPattern: v), 0)
                #expect((floor...floor + 1).contains(Int64(bitPattern: y)))
            }
            let wire = try simulator.truncatedWire(v.map { $0 << 8 }, shift: 8)
            let form = WireForm(sharesHeld: false, shift: 8)
            let second = PiecewiseGate(
                shape: [count],
                form: form,
                knots: knots,
                pieces: pieces,
                outputShift: 0,
                positive: 2
            )
            let want = try wire.plain().map { plain(pieces, $0) &+ UInt64(bitPattern: max(Int64(bitPattern: $0), 0)) }
            #expect(try simulator.run(second, [wire])[0].plain() == want)
        }
    }
}
