internal import CrypTenBase
internal import CrypTenRing

/// The bits of integers, and shifts: exact on the whole ring, in two's complement.
extension CrypTensor {
    /// The lowest bits of integers, the least first, along a new last axis.
    ///
    /// Bit k is the sign of the integer times 2^(63 − k), modulo 2^64: one comparison for each bit, all in 4 rounds. What leaves
    /// the range in those products is meant to; a checked session reports it nevertheless.
    public func bits(_ count: Int = 64, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard kind != .real, (0...64).contains(count) else {
                throw CrypTenError(
                    .invalidArgument,
                    "bits can't give \(count) bits of \(kind.rawValue) \(shape): it takes integers, and 0 to 64"
                )
            }
            return try bits(0..<count, at: origin)
        }
    }

    /// The integers whose lowest bits the last axis lists, the least first; of 64 the last is the sign's.
    ///
    /// 1 round.
    public func integersFromBits(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard kind == .bit, rank > 0, shape[-1] <= 64 else {
                throw CrypTenError(
                    .invalidArgument,
                    "integersFromBits can't take \(kind.rawValue) \(shape): it takes up to 64 bits along the last axis"
                )
            }
            return number(at: origin).weighted((0..<shape[-1]).map { Int64(bitPattern: 1 << UInt64($0)) }, at: origin)
        }
    }

    /// Integers times 2^count, modulo 2^64: local.
    public func shiftedLeft(_ count: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try checkShift(count, "shiftedLeft")
            let factor = Tensor(.int64([Int64(bitPattern: 1 << UInt64(count))]), shape: [])
            return number(at: origin).applying(
                .bilinear(.multiply),
                CrypTensor(constant: factor, at: origin),
                at: origin
            )
        }
    }

    /// Integers without their lowest bits, `⌊x / 2^count⌋`: an arithmetic shift.
    ///
    /// 5 rounds, and a comparison for each bit that is left.
    public func shiftedRight(_ count: Int, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            try checkShift(count, "shiftedRight")
            if count == 0 { return number(at: origin) }
            // The highest bit counts negative.
            let weights = (0..<64 - count).map { $0 == 63 - count ? -(Int64(1) << Int64($0)) : Int64(1) << Int64($0) }
            return try bits(count..<64, at: origin).number(at: origin).weighted(weights, at: origin)
        }
    }

    private func checkShift(_ count: Int, _ name: String) throws {
        guard kind != .real, (0..<64).contains(count) else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) can't move \(kind.rawValue) \(shape) by \(count) bits: it takes integers, and 0 to 63"
            )
        }
    }

    private func bits(_ range: Range<Int>, at origin: SourceOrigin) throws -> CrypTensor {
        let factors = range.map { Int64(bitPattern: 1 << UInt64(63 - $0)) }
        let constant = CrypTensor(constant: Tensor(factors, shape: [range.count]), at: origin)
        return number(at: origin).reshaped(try checkedShape(shape.dimensions + [1], in: "bits"), at: origin)
            .applying(.bilinear(.multiply), constant, at: origin).applying(.isNegative, at: origin)
    }

    /// The sum along the last axis with weights.
    private func weighted(_ weights: [Int64], at origin: SourceOrigin) -> CrypTensor {
        applying(
            .bilinear(.multiply),
            CrypTensor(constant: Tensor(weights, shape: [weights.count]), at: origin),
            at: origin
        ).applying(.sum(axes: [rank - 1]), at: origin)
    }
}
