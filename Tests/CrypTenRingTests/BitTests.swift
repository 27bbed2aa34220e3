import CrypTenRing
import Testing

@Suite("Planes of bits")
struct BitTests {
    @Test("planes and words equal the specification's", arguments: implementations)
    func planes(kernels: any Kernels) {
        var numbers = SeededNumbers(0xB1)
        for count in counts {
            let a = numbers.tensor([count])
            for (low, planes) in [(0, 64), (0, 1), (63, 1), (5, 39), (17, 0), (24, 40), (8, 8)] {
                let expected = plain.planes(of: a, from: low, count: planes)
                let out = kernels.planes(of: a, from: low, count: planes)
                #expect(out.allWords == expected.allWords, "planes \(low) ..< \(low + planes) of \(count)")
                #expect(
                    kernels.words(of: out, shape: [count]).elements
                        == plain.words(of: expected, shape: [count]).elements
                )
            }
            let whole = kernels.planes(of: a, from: 0, count: 64)
            #expect(kernels.words(of: whole, shape: [count]).elements == a.elements)
        }
    }

    @Test("planes of extreme words equal the specification's, whatever their number", arguments: implementations)
    func extremes(kernels: any Kernels) {
        let a = ElementwiseTests.operand(1300, seed: 9)
        for planes in 0...64 {
            for low in Set([0, 64 - planes, min(1, 64 - planes)]) {
                let expected = plain.planes(of: a, from: low, count: planes)
                let out = kernels.planes(of: a, from: low, count: planes)
                #expect(out.allWords == expected.allWords, "planes \(low) ..< \(low + planes)")
                #expect(kernels.words(of: out, shape: [1300]).elements == plain.words(of: out, shape: [1300]).elements)
            }
        }
    }

    @Test("a plane holds the bit that its number says", arguments: [plain] + implementations)
    func meaning(kernels: any Kernels) {
        let a = RingTensor([0b101, 0b110, 0b011], shape: [3])
        let planes = kernels.planes(of: a, from: 1, count: 2)
        #expect(planes.bits(ofPlane: 0) == [false, true, true])
        #expect(planes.bits(ofPlane: 1) == [true, true, false])
    }

    @Test("logic equals the specification's; tails stay zero", arguments: implementations)
    func logic(kernels: any Kernels) {
        var numbers = SeededNumbers(0xB2)
        for count in counts {
            for planes in [0, 1, 3] {
                let (a, b) = (numbers.planes(planes, count: count), numbers.planes(planes, count: count))
                #expect(kernels.xor(a, b).allWords == plain.xor(a, b).allWords)
                #expect(kernels.and(a, b).allWords == plain.and(a, b).allWords)
                #expect(kernels.not(a).allWords == plain.not(a).allWords)
                #expect(kernels.not(kernels.not(a)).allWords == a.allWords)
                var (sum, expected) = (a, a)
                kernels.accumulate(&sum, xor: b)
                plain.accumulate(&expected, xor: b)
                #expect(sum.allWords == expected.allWords)
                let c = numbers.planes(planes, count: count)
                kernels.accumulate(&sum, xorAndOf: b, c)
                plain.accumulate(&expected, xorAndOf: b, c)
                #expect(sum.allWords == expected.allWords)
            }
        }
    }

    /// A program that computes random bits, each of two that are there, and what the outputs are by the logic of planes.
    private static func random(
        _ numbers: inout SeededNumbers,
        inputs: [BitPlanes],
        length: Int
    ) -> (program: BitProgram, outputs: [BitPlanes]) {
        var program = BitProgram.Builder()
        let count = inputs[0].count
        var bits = [program.zeros, program.ones] + inputs.flatMap { program.input(planes: $0.planes) }
        var values = [BitPlanes(zeros: 1, count: count), plain.not(BitPlanes(zeros: 1, count: count))]
        values += inputs.flatMap { input in (0..<input.planes).map { input[$0] } }
        for _ in 0..<length {
            let (a, b) = (Int(numbers.next() % UInt64(bits.count)), Int(numbers.next() % UInt64(bits.count)))
            switch numbers.next() % 4 {
            case 0:
                bits.append(program.not(bits[a]))
                values.append(plain.not(values[a]))
            case 1:
                bits.append(program.xor(bits[a], bits[b]))
                values.append(plain.xor(values[a], values[b]))
            default:
                bits.append(program.and(bits[a], bits[b]))
                values.append(plain.and(values[a], values[b]))
            }
        }
        // Constants, an input, a plane twice, and what was made last.
        let chosen = [0, 1, 2, bits.count / 2, bits.count / 2] + (bits.count - min(12, length)..<bits.count)
        return (program.program(chosen.map { bits[$0] }), chosen.map { values[$0] })
    }

    @Test("a program computes what its bits were made of", arguments: [plain] + implementations)
    func programs(kernels: any Kernels) {
        var numbers = SeededNumbers(0xB7)
        for count in counts where count > 0 {
            for length in [0, 1, 7, 150] {
                let inputs = [3, 0, 5].map { numbers.planes($0, count: count) }
                let (program, expected) = BitTests.random(&numbers, inputs: inputs, length: length)
                #expect(
                    kernels.run(program, on: inputs).allWords == expected.flatMap(\.allWords),
                    "\(length) operations on \(count)"
                )
            }
        }
    }

    @Test("a program on more words than a register holds equals the specification's", arguments: implementations)
    func longPrograms(kernels: any Kernels) {
        var numbers = SeededNumbers(0xB8)
        for length in [60, 400] {
            let few = [8, 2].map { numbers.planes($0, count: 64) }
            let (program, _) = BitTests.random(&numbers, inputs: few, length: length)
            let words = NativeKernels.wordsAtOnce(of: program)
            for count in [64 * words - 64, 64 * words, 64 * words + 1, 64 * (2 * words + 1) - 3] {
                let inputs = [8, 2].map { numbers.planes($0, count: count) }
                #expect(
                    kernels.run(program, on: inputs).allWords == plain.run(program, on: inputs).allWords,
                    "\(length) operations on \(count)"
                )
            }
        }
    }

    @Test(
        "a program computes nothing twice, nothing that isn't asked for, and a product with the sum that it goes into"
    )
    func shortPrograms() {
        var program = BitProgram.Builder()
        let a = program.input(planes: 4)
        let product = program.and(a[0], a[1])
        let same = program.and(a[1], a[0])
        _ = program.xor(a[2], a[3])
        let outputs = [program.xor(product, a[2]), program.xor(same, a[2])]
        let made = program.program(outputs)
        #expect(made.steps.map(\.operation) == [.xorAnd, .copy])
        #expect(made.registers == 0)
        let trivial = [
            program.and(a[0], program.ones), program.and(program.zeros, a[1]), program.xor(a[3], a[3]),
            program.not(program.not(a[2])), program.xor(a[1], program.ones),
        ]
        #expect(trivial == [a[0], program.zeros, program.zeros, a[2], program.not(a[1])])
    }

    @Test("stacks and slabs equal the specification's", arguments: implementations)
    func stacks(kernels: any Kernels) {
        var numbers = SeededNumbers(0xB3)
        for count in counts {
            let parts = [2, 0, 1, 3].map { numbers.planes($0, count: count) }
            let stack = kernels.stack(parts)
            #expect(stack.allWords == plain.stack(parts).allWords)
            #expect(stack[2..<3].allWords == parts[2].allWords)
            for start in stride(from: 0, through: count, by: 64) {
                for end in Set([start, min(count, start + 1), min(count, start + 100), count]) {
                    let slab = kernels.slab(stack, start..<end)
                    #expect(slab.allWords == plain.slab(stack, start..<end).allWords)
                }
            }
        }
    }

    @Test("a plane among others is read alone", arguments: implementations)
    func slices(kernels: any Kernels) {
        var numbers = SeededNumbers(0xB4)
        let planes = numbers.planes(5, count: 130)
        let a = numbers.tensor([130])
        let bits = planes.bits(ofPlane: 3)
        #expect(kernels.keep(a, where: planes[3]).elements == zip(a.elements, bits).map { $1 ? $0 : 0 })
        #expect(kernels.negate(a, where: planes[3]).elements == zip(a.elements, bits).map { $1 ? 0 &- $0 : $0 })
        var one = planes[3]
        kernels.accumulate(&one, xor: planes[3])
        #expect(one.allWords == [0, 0, 0])
        #expect(planes.bits(ofPlane: 3) == bits)
    }

    @Test("keeping and negating equal the specification's", arguments: implementations)
    func choices(kernels: any Kernels) {
        var numbers = SeededNumbers(0xB5)
        for count in counts {
            let (a, bits) = (numbers.tensor([count]), numbers.planes(1, count: count))
            #expect(kernels.keep(a, where: bits).elements == plain.keep(a, where: bits).elements)
            #expect(kernels.negate(a, where: bits).elements == plain.negate(a, where: bits).elements)
        }
    }

    @Test("packing equals the specification's and is undone by unpacking", arguments: implementations)
    func packing(kernels: any Kernels) {
        var numbers = SeededNumbers(0xB6)
        for count in [0, 1, 2, 63, 64, 65, 130, 513] {
            let a = numbers.tensor([count])
            for bits in 1...64 {
                let packed = kernels.pack(a, bits: bits)
                #expect(packed.elements == plain.pack(a, bits: bits).elements, "\(count) of \(bits) bits")
                let unpacked = kernels.unpack(packed, bits: bits, shape: [count]).elements
                #expect(unpacked == plain.lowBits(a, bits).elements)
                #expect(unpacked == plain.unpack(packed, bits: bits, shape: [count]).elements)
            }
        }
    }
}
