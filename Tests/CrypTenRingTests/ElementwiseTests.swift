import CrypTenRing
import Foundation
import Testing

@Suite("Elementwise kernels")
struct ElementwiseTests {
    static let edges: [UInt64] = [
        0, 1, 2, 1 << 30, (1 << 31) - 1, 1 << 31, 0xFFFF_FFFF, 1 << 32, 1 << 61, (1 << 62) - 1, 1 << 62, 3 << 62,
        (1 << 63) - 1, 1 << 63, UInt64.max - 1, UInt64.max,
    ]

    /// Random elements with edge values strewn in.
    static func operand(_ count: Int, seed: UInt64) -> RingTensor {
        var numbers = SeededNumbers(seed)
        return RingTensor(
            (0..<count).map { $0 % 3 == 0 ? edges[Int(numbers.next() % 16)] : numbers.next() },
            shape: [count]
        )
    }

    @Test("words of a frame are added to a part of a tensor, or XORed into it", arguments: [plain] + implementations)
    func framesOfWords(kernels: any Kernels) {
        var numbers = SeededNumbers(0xE9)
        for count in counts {
            let (old, words) = (numbers.tensor([count + 9]), numbers.tensor([count]).elements)
            for isXOR in [false, true] {
                var sum = old
                words.withUnsafeBufferPointer { kernels.accumulate(&sum, at: 5, $0, xor: isXOR) }
                let expected = old.elements.enumerated().map { index, element in
                    guard (5..<5 + count).contains(index) else { return element }
                    return isXOR ? element ^ words[index - 5] : element &+ words[index - 5]
                }
                #expect(sum.elements == expected, "\(count) words")
            }
        }
    }

    @Test("binary operations equal the specification's", arguments: implementations)
    func binary(kernels: any Kernels) {
        for count in counts {
            let (a, b) = (Self.operand(count, seed: 1), Self.operand(count, seed: 2))
            #expect(kernels.add(a, b).elements == zip(a.elements, b.elements).map { $0 &+ $1 })
            #expect(kernels.subtract(a, b).elements == zip(a.elements, b.elements).map { $0 &- $1 })
            #expect(kernels.multiply(a, b).elements == zip(a.elements, b.elements).map { $0 &* $1 })
        }
    }

    @Test("unary operations equal the specification's", arguments: implementations)
    func unary(kernels: any Kernels) {
        for count in counts {
            let a = Self.operand(count, seed: 3)
            #expect(kernels.negate(a).elements == plain.negate(a).elements)
            for scalar in Self.edges {
                #expect(kernels.add(a, scalar: scalar).elements == plain.add(a, scalar: scalar).elements)
                #expect(kernels.multiply(a, scalar: scalar).elements == plain.multiply(a, scalar: scalar).elements)
            }
            for bits in [0, 1, 16, 31, 32, 33, 63] {
                #expect(kernels.shiftRight(a, by: bits).elements == plain.shiftRight(a, by: bits).elements)
                #expect(kernels.shiftLeft(a, by: bits).elements == plain.shiftLeft(a, by: bits).elements)
                #expect(kernels.lowBits(a, bits + 1).elements == plain.lowBits(a, bits + 1).elements)
            }
            for factor in [0, 1, 3, 0x0123_4567_89AB_CDEF, (1 << 62) - 1] as [UInt64] {
                let want = a.elements.map { element -> UInt64 in
                    let (high, low) = element.multipliedFullWidth(by: factor)
                    return high << 2 | low >> 62
                }
                #expect(kernels.multiplyHigh(a, factor: factor).elements == want)
                #expect(plain.multiplyHigh(a, factor: factor).elements == want)
            }
        }
    }

    @Test("accumulating equals the specification's", arguments: implementations)
    func accumulating(kernels: any Kernels) {
        for count in counts {
            let (a, b, base) = (
                Self.operand(count, seed: 4), Self.operand(count, seed: 5), Self.operand(count, seed: 6)
            )
            func check(_ body: (any Kernels, inout RingTensor) -> Void) {
                var (expected, sum) = (base, base)
                body(plain, &expected)
                body(kernels, &sum)
                #expect(sum.elements == expected.elements)
                #expect(base.elements == Self.operand(count, seed: 6).elements, "a copy was written to")
                var own = Self.operand(count, seed: 6)
                body(kernels, &own)
                #expect(own.elements == expected.elements, "a storage that nobody shares")
            }
            check { $0.accumulate(&$1, adding: a) }
            check { $0.accumulate(&$1, subtracting: a) }
            check { $0.accumulate(&$1, addingProductOf: a, b) }
            check { $0.accumulate(&$1, subtractingProductOf: a, b) }
            check { $0.accumulate(&$1, adding: a, times: 0xDEAD_BEEF_0BAD_F00D) }
            check { $0.accumulate(&$1, addingProductOf: base, base) }
        }
    }

    @Test("operands may look into the same storage", arguments: implementations)
    func sharedStorage(kernels: any Kernels) {
        let whole = Self.operand(130, seed: 7)
        var left = whole.flat(0..<65)
        let right = whole.flat(65..<130)
        kernels.accumulate(&left, adding: right)
        kernels.accumulate(&left, subtracting: left)
        #expect(left.elements == [UInt64](repeating: 0, count: 65))
        #expect(whole.elements == Self.operand(130, seed: 7).elements)
    }
}

@Suite("The integer sine")
struct IntegerSineTests {
    /// From `integer_sine` of the executable specification in Python.
    static let knownAnswers: [(UInt64, Int64)] = [
        (0x0000_0000_0000_0000, 0), (0x0000_0000_0000_0001, 0), (0x0000_0000_FFFF_FFFF, 0), (0x0000_0001_0000_0000, 1),
        (0x2000_0000_0000_0000, 759_250_124), (0x3FFF_FFFF_FFFF_FFFF, 1_073_741_824),
        (0x4000_0000_0000_0000, 1_073_741_824), (0x4000_0000_0000_0001, 1_073_741_824), (0x7FFF_FFFF_FFFF_FFFF, 1),
        (0x8000_0000_0000_0000, 0), (0xC000_0000_0000_0000, -1_073_741_824), (0xC000_0B3A_73CE_2FF2, -1_073_741_824),
        (0xFFFF_FFFF_FFFF_FFFF, -1), (0x0123_4567_89AB_CDEF, 29_980_630), (0xFEDC_BA98_7654_3210, -29_980_631),
        (0x5555_5555_5555_5555, 929_887_697), (0x9E37_79B9_7F4A_7C15, -725_302_180),
    ]

    @Test("equals the published values", arguments: knownAnswers)
    func published(u: UInt64, sine: Int64) {
        #expect(Int64(bitPattern: integerSine(u)) == sine)
    }

    @Test("vectors equal the function at every quotient's edges", arguments: implementations)
    func vectors(kernels: any Kernels) {
        var numbers = SeededNumbers(0x51E)
        var elements = (0..<100_000).map { _ in numbers.next() }
        // The whole quarter turn in coarse steps and its ends in the finest.
        elements += (0..<65_536).map { UInt64($0) << 46 }
        elements += (0..<4096).map { UInt64($0) << 32 } + (0..<4096).map { (1 << 62) - UInt64($0) << 32 }
        #expect(kernels.sine(RingTensor(elements, shape: [elements.count])).elements == elements.map(integerSine))
        for count in counts {
            let a = ElementwiseTests.operand(count, seed: 8)
            #expect(kernels.sine(a).elements == a.elements.map(integerSine))
            for (number, offset) in [(1, 1 << 62), (7, 0), (.max, 0x0123_4567_89AB_CDEF)] as [(UInt64, UInt64)] {
                let expected = a.elements.map { integerSine($0 &* number &+ offset) }
                #expect(kernels.sine(a, times: number, plus: offset).elements == expected)
                #expect(plain.sine(a, times: number, plus: offset).elements == expected)
            }
        }
    }
}

@Suite("Powers of two and harmonics in integers")
struct IntegerFunctionTests {
    @Test("a power is within half a unit and a relative 10^-8", arguments: [0, 7, 15, 30, 46])
    func power(fractionBits: Int) {
        var numbers = SeededNumbers(0x2F)
        for index in 0..<20_000 {
            let octave = index % (62 - fractionBits) - min(index % 7, fractionBits)
            let edges: [UInt64] = [0, 1, 1 << 28, 1 << 57, (1 << 58) - 1]
            let fraction = index < 64 ? edges[index % 5] : numbers.next() >> 6
            let x = UInt64(bitPattern: Int64(octave)) << 58 | fraction
            let exact = exp2(Double(octave + fractionBits) + Double(fraction) * 0x1p-58)
            let error = abs(Double(integerPower(x, fractionBits: fractionBits)) - exact)
            #expect(error <= 0.5 + exact * 1e-8, "2^\(octave) and \(fraction)")
        }
    }

    @Test("equals the published values")
    func published() {
        let known: [(UInt64, Int, UInt64)] = [
            (0, 0, 1), (0, 30, 1 << 30), (1 << 58, 30, 1 << 31), (0xFC00_0000_0000_0000, 30, 1 << 29),
            (1 << 57, 30, 1_518_500_250), (1 << 57, 46, 99_516_432_384_000), (0xFE00_0000_0000_0000, 30, 759_250_125),
            ((1 << 58) - 1, 30, 2_147_483_637), (0x0123_4567_89AB_CDEF, 40, 1_339_140_472_832),
        ]
        for (x, fractionBits, power) in known { #expect(integerPower(x, fractionBits: fractionBits) == power, "\(x)") }
    }

    @Test("vectors equal the functions", arguments: implementations)
    func vectors(kernels: any Kernels) {
        let plain = PlainKernels()
        for count in counts {
            let a = ElementwiseTests.operand(count, seed: 11)
            for bits in [0, 15, 17, 46] {
                #expect(
                    kernels.powerOfTwo(a, fractionBits: bits).elements
                        == plain.powerOfTwo(a, fractionBits: bits).elements
                )
                let negated = a.elements.map { integerPower((3 << 60) &- $0, fractionBits: bits) }
                for kernels in [kernels, plain] as [any Kernels] {
                    let power = kernels.powerOfTwo(a, negated: true, plus: 3 << 60, fractionBits: bits)
                    #expect(power.elements == negated)
                }
            }
            let (cosine, sine) = (ElementwiseTests.operand(count, seed: 12), ElementwiseTests.operand(count, seed: 13))
            for (number, p, q) in [
                (1, 1 << 30, 0), (2, -7, 1 << 32), (63, -(1 << 32), -(1 << 32)), (5, 0x7FFF_FFFF, -0x8000_0000),
                (64, -0x8000_0000, 0x7FFF_FFFF), (7, 0x8000_0000, 1), (3, 1, -0x8000_0001),
            ] as [(Int, Int64, Int64)] {
                var (got, expected) = (a, a)
                kernels.accumulate(&got, harmonic: number, of: a, cosine: cosine, sine: sine, factors: (p, q))
                plain.accumulate(&expected, harmonic: number, of: a, cosine: cosine, sine: sine, factors: (p, q))
                #expect(got.elements == expected.elements)
            }
            let bits = plain.planes(of: sine, from: 5, count: 1)
            var (got, expected) = (a, a)
            kernels.accumulate(&got, adding: cosine, where: bits)
            plain.accumulate(&expected, adding: cosine, where: bits)
            #expect(got.elements == expected.elements)
        }
    }
}

@Suite("Elements that begin anywhere")
struct AlignmentTests {
    @Test("kernels of a part of a tensor equal the specification's", arguments: implementations)
    func parts(kernels: any Kernels) {
        for count in [1, 4, 31, 33, 64, 129, 512, 1001] {
            for offset in 1...3 {
                let all = (0..<4).map { ElementwiseTests.operand(count + offset, seed: UInt64(20 + $0)) }
                let parts = all.map { $0.flat(offset..<count + offset) }
                func check(_ name: String, _ body: (any Kernels, [RingTensor]) -> [UInt64]) {
                    #expect(body(kernels, parts) == body(plain, parts), "\(name) of \(count) from \(offset)")
                }
                check("planes") { $0.planes(of: $1[0], from: 0, count: 64).allWords }
                check("one plane") { $0.planes(of: $1[0], from: 63, count: 1).allWords }
                check("three planes") { $0.planes(of: $1[0], from: 30, count: 3).allWords }
                check("sine") { $0.sine($1[0]).elements }
                check("power") { $0.powerOfTwo($1[0], fractionBits: 16).elements }
                check("harmonic") {
                    var sum = $1[3]
                    $0.accumulate(
                        &sum,
                        harmonic: 3,
                        of: $1[0],
                        cosine: $1[1],
                        sine: $1[2],
                        factors: (5 << 28, -7 << 27)
                    )
                    return sum.elements
                }
                check("product") { $0.multiply($1[0], $1[1]).elements }
                check("truncation") {
                    let (out, selector) = $0.truncate($1[0], by: 13)
                    return out.elements + selector.allWords
                }
                check("packing") { $0.pack($1[0], bits: 20).elements }
            }
        }
    }
}
