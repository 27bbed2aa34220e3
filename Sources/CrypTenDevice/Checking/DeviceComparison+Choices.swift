import CrypTenRing

/// Masked bits and values, and words of few bits.
extension DeviceComparison {
    mutating func compareBorrows() {
        var numbers = EdgeWords(9)
        for count in counts {
            for size in 1...4 {
                let (planes, c) = (numbers.planes(13, count: count), numbers.planes(13, count: count))
                let starts = [0, 7, 3]
                let products = processor.subsetProducts(of: planes, starts: starts, size: size)
                equal("subsets of \(size) of \(count)") {
                    $0.subsetProducts(of: planes, starts: starts, size: size).elements
                }
                for (first, generate, propagate) in [(true, true, true), (false, true, false), (true, false, true)] {
                    equal("borrows of \(size) of \(count)") {
                        $0.borrows(
                            of: c,
                            starts: starts,
                            size: size,
                            products: products,
                            first: first,
                            generate: generate,
                            propagate: propagate
                        ).elements
                    }
                }
            }
        }
    }

    mutating func compareChoices() {
        var numbers = EdgeWords(10)
        for count in counts {
            let operands = (0..<4).map { _ in numbers.tensor([count]) }
            let (a, b, c, base) = (operands[0], operands[1], operands[2], operands[3])
            let bits = numbers.planes(3, count: count)[1]
            equal("\(count) kept, negated and added where bits are 1") {
                var sum = base
                $0.accumulate(&sum, adding: a, where: bits)
                return $0.keep(a, where: bits).elements + $0.negate(a, where: bits).elements + sum.elements
            }
            for first in [false, true] {
                equal("\(count) selections") {
                    $0.selection(of: a, beta: b, product: c, mask: base, where: bits, first: first).elements
                }
            }
            for factor in [1, 0xDEAD_BEEF_0BAD_F00D, 1 << 63, .max] as [UInt64] {
                equal("\(count) with a sign, \(factor) times") {
                    var sums = [base, base]
                    $0.accumulate(&sums[0], adding: b, times: factor, negatedWhere: bits)
                    $0.accumulate(&sums[1], addingProductOf: a, b, less: c, times: factor, negatedWhere: bits)
                    return sums.flatMap(\.elements)
                }
            }
            for planes in isShort ? [1, 33] : [1, 2, 33, 64] {
                let bits = (0..<planes).map { _ in numbers.planes(1, count: count) }
                let factors = (0..<planes).map { _ in numbers.next() }
                equal("\(planes) weights of \(count)") {
                    $0.weights(of: bits, factors: factors, constant: 1 << 63).elements
                }
            }
            for shift in [1, 16, 31, 32, 62] {
                equal("\(count) truncated by \(shift)") {
                    let (out, selector) = $0.truncate(a, by: shift)
                    return out.elements + selector.elements
                }
            }
        }
    }

    mutating func comparePacking() {
        var numbers = EdgeWords(11)
        for count in isShort ? [65] : [1, 2, 63, 64, 65, 130, 513, 70_001] {
            let a = numbers.tensor([count])
            for bits in stride(from: 1, through: 64, by: isShort ? 9 : 1) {
                equal("\(count) of \(bits) bits") {
                    let packed = $0.pack(a, bits: bits)
                    return packed.elements + $0.unpack(packed, bits: bits, shape: [count]).elements
                }
            }
            let chosen = numbers.planes(1, count: count)
            for (width, shift) in [(1, 63), (16, 48), (16, 0), (23, 41), (64, 0)] {
                let words = numbers.tensor([(count * width + 63) / 64])
                equal("\(count) of \(width) bits added, shifted by \(shift)") {
                    var sum = a
                    $0.accumulate(&sum, addingUnpacked: words, bits: width, shiftedLeft: shift, where: chosen)
                    return sum.elements
                }
            }
        }
    }
}
