import CrypTenRing

/// Planes of bits, and programs of logic.
extension DeviceComparison {
    mutating func comparePlanes() {
        var numbers = EdgeWords(7)
        for count in counts {
            for offset in [0, 1] {
                let a = numbers.tensor([count + offset]).flat(offset..<count + offset)
                for (low, planes) in [(0, 64), (0, 1), (63, 1), (5, 39), (17, 0), (24, 40), (8, 8)] {
                    equal("planes \(low) ..< \(low + planes) of \(count)") {
                        let made = $0.planes(of: a, from: low, count: planes)
                        return made.elements + $0.words(of: made, shape: [count]).elements
                    }
                }
            }
            let words = numbers.tensor([3 * BitPlanes.words(for: count)])
            equal("planes of \(count) out of words") { $0.planes(words, planes: 3, count: count).elements }
            let parts = [2, 0, 1, 3].map { numbers.planes($0, count: count) }
            equal("stacks of \(count)") { $0.stack(parts).elements }
            for start in stride(from: 0, through: count, by: max(64, count / 3 / 64 * 64)) {
                for end in [start, min(count, start + 1), min(count, start + 100), count] {
                    equal("elements \(start) ..< \(end)") { $0.slab(parts[3], start..<end).elements }
                }
            }
            let (row, one) = (numbers.planes(1, count: 5 * count), numbers.planes(1, count: count))
            equal("runs of \(count)") { $0.runs(of: row, [4, 0, 0, 2], length: count).elements }
            equal("\(count) joined with others") { $0.join([one, row, one, parts[2]]).elements }
        }
    }

    mutating func compareLogic() {
        var numbers = EdgeWords(8)
        for count in counts {
            for planes in [0, 1, 3] {
                let (a, b) = (numbers.planes(planes, count: count), numbers.planes(planes, count: count))
                let c = numbers.planes(planes, count: count)
                equal("logic on \(planes) planes of \(count)") {
                    var (sum, other) = (a, b)
                    $0.accumulate(&sum, xor: b)
                    $0.accumulate(&sum, xorAndOf: b, c)
                    $0.accumulate(&other, xorAndOf: a, $0.not(c))
                    return [$0.xor(a, b), $0.and(a, b), $0.not(a), sum, other].flatMap(\.elements)
                }
            }
        }
        let lengths = isShort ? [7, 150] : [0, 1, 7, 150, 600]
        for (index, length) in lengths.enumerated() {
            let program = Self.program(&numbers, inputs: [3, 0, 5], length: length)
            for count in isShort ? [65, 5000] : [1, 64, 65, 5000, 64 * 1040, 300_001] {
                let inputs = [3, 0, 5].map { numbers.planes($0, count: count + index) }
                equal("\(length) operations on \(count)") { $0.run(program, on: inputs).elements }
            }
        }
        let wide = Self.wideProgram()
        for count in isShort ? [65] : [1, 65, 5000, 100_000] {
            let inputs = [numbers.planes(40, count: count)]
            equal("\(wide.registers) registers on \(count)") { $0.run(wide, on: inputs).elements }
        }
    }

    /// A program that computes random bits, each of two that are there.
    private static func program(_ numbers: inout EdgeWords, inputs: [Int], length: Int) -> BitProgram {
        var program = BitProgram.Builder()
        var bits = [program.zeros, program.ones] + inputs.flatMap { program.input(planes: $0) }
        for _ in 0..<length {
            let a = bits[Int(numbers.next() % UInt64(bits.count))]
            let b = bits[Int(numbers.next() % UInt64(bits.count))]
            switch numbers.next() % 4 {
            case 0: bits.append(program.not(a))
            case 1: bits.append(program.xor(a, b))
            default: bits.append(program.and(a, b))
            }
        }
        // Constants, an input, a plane twice, and what was made last.
        let chosen = [0, 1, 2, bits.count / 2, bits.count / 2] + (bits.count - min(12, length)..<bits.count)
        return program.program(chosen.map { bits[$0] })
    }

    /// A program with more registers than a group has room for: all products are made before any is read.
    private static func wideProgram() -> BitProgram {
        var program = BitProgram.Builder()
        let inputs = program.input(planes: 40)
        var pairs: [BitProgram.Builder.Bit] = []
        for a in 0..<40 { for b in 0..<a { pairs.append(program.and(inputs[a], inputs[b])) } }
        var outputs: [BitProgram.Builder.Bit] = []
        for index in pairs.indices {
            outputs.append(program.xor(pairs[index], pairs[(index * 7 + 3) % pairs.count]))
        }
        return program.program([program.sum(outputs)] + outputs.prefix(5))
    }
}
