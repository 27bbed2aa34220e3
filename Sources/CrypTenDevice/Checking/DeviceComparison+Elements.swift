import CrypTenRing

/// Elementwise kernels.
extension DeviceComparison {
    /// A count beyond what a device computes at once, too.
    private var elementCounts: [Int] {
        isShort ? counts : counts + [1_000_001]
    }

    mutating func compareArithmetic() {
        var numbers = EdgeWords(3)
        for count in elementCounts {
            let (a, b, base) = (numbers.tensor([count]), numbers.tensor([count]), numbers.tensor([count]))
            equal("\(count) sums") { $0.add(a, b).elements }
            equal("\(count) differences") { $0.subtract(a, b).elements }
            equal("\(count) products") { $0.multiply(a, b).elements }
            equal("\(count) negatives") { $0.negate(a).elements }
            equal("\(count) through a chain of operations, some of which others read, too") {
                let first = $0.add($0.multiply(a, b), base)
                let second = $0.shiftRight($0.negate(first), by: 7)
                var sum = $0.subtract(second, first)
                $0.accumulate(&sum, addingProductOf: second, a)
                $0.accumulate(&sum, adding: first, times: 5)
                return sum.elements + first.elements
            }
            for scalar in EdgeWords.edges.prefix(isShort ? 3 : 6) {
                equal("\(count) and \(scalar)") { $0.add(a, scalar: scalar).elements }
                equal("\(count) times \(scalar)") { $0.multiply(a, scalar: scalar).elements }
                accumulate("\(count) added \(scalar) times", base) { $0.accumulate(&$1, adding: a, times: scalar) }
            }
            accumulate("\(count) added", base) { $0.accumulate(&$1, adding: a) }
            accumulate("\(count) subtracted", base) { $0.accumulate(&$1, subtracting: a) }
            accumulate("\(count) products added", base) { $0.accumulate(&$1, addingProductOf: a, b) }
            accumulate("\(count) products subtracted", base) { $0.accumulate(&$1, subtractingProductOf: a, b) }
            accumulate("\(count) squares added to themselves", base) { $0.accumulate(&$1, addingProductOf: base, base) }
        }
        // Parts that begin anywhere, also in the storage that is written to.
        let whole = numbers.tensor([203])
        for offset in 1...3 {
            let (left, right) = (whole.flat(offset..<offset + 97), whole.flat(100..<197))
            equal("parts from \(offset)") { $0.multiply(left, right).elements }
            accumulate("parts from \(offset) added", left) { $0.accumulate(&$1, adding: right) }
        }
        for (small, shape) in [
            ([64], [33, 64]), ([33, 1], [33, 64]), ([2, 1, 31], [2, 65, 31]), ([1, 127, 1], [3, 127, 129]),
        ] as [(Shape, Shape)] {
            let (a, factor, addend) = (numbers.tensor(shape), numbers.tensor(small), numbers.tensor(small))
            equal("\(small) repeated to \(shape), in a chain and in a part of it") {
                var sum = $0.product(.multiply, factor, $0.add(a, scalar: 1))
                $0.accumulate(&sum, adding: $0.broadcast(addend, to: shape))
                let part = $0.product(.multiply, addend, a).flat(11..<shape.count)
                return $0.subtract(sum.flat(5..<shape.count - 6), part).elements
            }
        }
        equal("broadcast elements") {
            $0.product(.multiply, whole.flat(0..<21).reshaped(to: [3, 7, 1]), whole.flat(5..<26).reshaped(to: [7, 3]))
                .elements
        }
    }

    /// A sum that somebody else looks at, and one that nobody does.
    private mutating func accumulate(
        _ what: String,
        _ base: RingTensor,
        _ call: (any Kernels, inout RingTensor) -> Void
    ) {
        equal(what) {
            var shared = base
            call($0, &shared)
            var own = $0.add(base, scalar: 0)
            call($0, &own)
            return shared.elements + own.elements
        }
    }

    mutating func compareShifts() {
        var numbers = EdgeWords(4)
        for count in counts {
            let a = numbers.tensor([count])
            for bits in isShort ? [0, 33, 63] : [0, 1, 16, 31, 32, 33, 62, 63] {
                equal("\(count) to the right by \(bits)") { $0.shiftRight(a, by: bits).elements }
                equal("\(count) to the left by \(bits)") { $0.shiftLeft(a, by: bits).elements }
                equal("\(bits + 1) low bits of \(count)") { $0.lowBits(a, bits + 1).elements }
            }
            for factor in [0, 1, 3, 0x0123_4567_89AB_CDEF, (1 << 62) - 1] as [UInt64] {
                equal("high parts of \(count) by \(factor)") { $0.multiplyHigh(a, factor: factor).elements }
            }
        }
    }

    mutating func compareFunctions() {
        var numbers = EdgeWords(5)
        let turn: [UInt64] =
            (0..<4096).map { UInt64($0) << 50 }
            + (0..<512).flatMap { [UInt64($0) << 32, (1 << 62) - UInt64($0) << 32] }
        let dense = RingTensor(turn, shape: [turn.count])
        equal("sines around the turn") { $0.sine(dense).elements }
        equal("powers around the turn") { $0.powerOfTwo(dense, fractionBits: 30).elements }
        for count in elementCounts {
            let (a, cosine, sine) = (numbers.tensor([count]), numbers.tensor([count]), numbers.tensor([count]))
            for (number, offset) in [(1, 0), (7, 1 << 62), (.max, 0x0123_4567_89AB_CDEF)] as [(UInt64, UInt64)] {
                equal("\(count) sines, \(number) times") { $0.sine(a, times: number, plus: offset).elements }
            }
            for bits in [0, 15, 30, 46] {
                equal("\(count) powers with \(bits) bits") { $0.powerOfTwo(a, fractionBits: bits).elements }
                equal("\(count) inverse powers with \(bits) bits") {
                    $0.powerOfTwo(a, negated: true, plus: 3 << 60, fractionBits: bits).elements
                }
            }
            for (number, p, q) in [
                (1, 1 << 30, 0), (2, -7, 1 << 32), (63, -(1 << 32), -(1 << 32)), (5, 0x7FFF_FFFF, -0x8000_0000),
            ] as [(Int, Int64, Int64)] {
                accumulate("\(count) harmonics \(number)", a) {
                    $0.accumulate(&$1, harmonic: number, of: a, cosine: cosine, sine: sine, factors: (p, q))
                }
            }
        }
    }
}
