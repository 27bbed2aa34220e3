internal import CrypTenBase
internal import CrypTenRing

/// Functions with corners: exact on the encoded numbers, up to one rounding where reals are truncated.
///
/// For |x| < 2^(63 − fractionBits), 2⁴⁷ with 16, less the largest bound; of a product within 2^(62 − 2·fractionBits), 2³⁰.
extension CrypTensor {
    /// max(x, 0): 4 rounds, and the truncation of a product before it is free.
    public func relu(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { number(at: $0).applying(.relu, at: $0) }
    }

    /// x, but never below `min` or above `max`: 4 rounds.
    public func clamp(
        min: Double? = nil,
        max: Double? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { try clamped(min: min, max: max, name: "clamp", at: $0) }
    }

    /// x, but never below 0 or above 6: 4 rounds.
    public func relu6(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { try clamped(min: 0, max: 6, name: "relu6", at: $0) }
    }

    /// x, but never below `min` or above `max`: 4 rounds.
    public func hardtanh(
        min: Double = -1,
        max: Double = 1,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) {
            try clamped(min: min, max: max, name: "hardtanh", at: $0)
        }
    }

    /// x where it is positive, `slope · x` elsewhere: 4 rounds.
    public func leakyRelu(_ slope: Double = 0.01, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            guard slope.isFinite else {
                throw CrypTenError(.invalidArgument, "leakyRelu can't have slope \(slope): it must be finite")
            }
            let x = real(at: origin)
            return x.applying(.relu, at: origin).scaled(by: 1 - slope, at: origin).adding(
                x.scaled(by: slope, at: origin),
                at: origin
            )
        }
    }

    /// |x| = 2 · max(x, 0) − x: 4 rounds.
    public func abs(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let x = number(at: origin)
            let two = CrypTensor(whole: 2, at: origin)
            return x.applying(.relu, at: origin).applying(.bilinear(.multiply), two, at: origin)
                .applying(.subtract, x, at: origin)
        }
    }

    /// −1 where x is negative, +1 elsewhere and so at 0 too; of this tensor's kind.
    ///
    /// 4 rounds.
    public func sign(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let negative = number(at: origin).applying(.isNegative, at: origin).number(at: origin)
            let two = CrypTensor(whole: 2, at: origin)
            let one = CrypTensor(whole: 1, at: origin).broadcasted(to: shape, at: origin)
            let sign = one.applying(.subtract, negative.applying(.bilinear(.multiply), two, at: origin), at: origin)
            return kind == .real ? sign.real(at: origin) : sign
        }
    }

    /// The larger of two tensors' elements, `y + max(x − y, 0)`; they broadcast.
    ///
    /// 4 rounds.
    public func maximum(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { origin in
            let (a, b) = CrypTensor.unified(self, other, at: origin)
            let (x, y) = CrypTensor.aligned(a, b, at: origin)
            let excess = x.applying(.subtract, y, at: origin)
            return excess.error == nil ? y.applying(.add, excess.applying(.relu, at: origin), at: origin) : excess
        }
    }

    /// The smaller of two tensors' elements, `x − max(x − y, 0)`; they broadcast.
    ///
    /// 4 rounds.
    public func minimum(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { origin in
            let (a, b) = CrypTensor.unified(self, other, at: origin)
            let (x, y) = CrypTensor.aligned(a, b, at: origin)
            let excess = x.applying(.subtract, y, at: origin)
            return excess.error == nil ? x.applying(.subtract, excess.applying(.relu, at: origin), at: origin) : excess
        }
    }

    /// Two bounds of a real number are one primitive; one bound is a shifted max(x, 0), and so are bounds of a whole number.
    private func clamped(min: Double?, max: Double?, name: String, at origin: SourceOrigin) throws -> CrypTensor {
        let bounds = [min, max].compactMap(\.self)
        guard bounds.allSatisfy(\.isFinite), bounds == bounds.sorted() else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) can't bound shape \(shape) by \(bounds): bounds are finite and in order"
            )
        }
        let whole = kind != .real && bounds.allSatisfy { Int64(exactly: $0) != nil }
        let x = whole ? number(at: origin) : real(at: origin)
        func constant(_ value: Double) -> CrypTensor {
            let scalar =
                whole ? CrypTensor(whole: Int(value), at: origin) : CrypTensor(constant: Tensor(value), at: origin)
            return scalar.broadcasted(to: shape, at: origin)
        }
        switch (min, max) {
        case (nil, nil):
            return self
        case (let low?, let high?) where low == high:
            return constant(low)
        case (let low?, let high?) where !whole:
            return x.applying(.clamp(low: low, high: high), at: origin)
        case (let low, let high):
            var result = x
            if let low {
                if low == 0 {
                    result = result.applying(.relu, at: origin)
                } else {
                    result = result.applying(.subtract, constant(low), at: origin).applying(.relu, at: origin)
                        .applying(.add, constant(low), at: origin)
                }
            }
            if let high {
                // max(x, low) − max(x − high, 0), for low ≤ high: the second term is 0 wherever the first isn't x.
                let excess = x.applying(.subtract, constant(high), at: origin).applying(.relu, at: origin)
                result = result.applying(.subtract, excess, at: origin)
            }
            return result
        }
    }
}

/// max(x, 0).
///
/// 4 rounds.
public func relu(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.relu(file: file, line: line)
}

/// x, but never below 0 or above 6. 4 rounds.
public func relu6(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.relu6(file: file, line: line)
}

/// x, but never below `min` or above `max`.
///
/// 4 rounds.
public func clamp(
    _ x: CrypTensor,
    min: Double? = nil,
    max: Double? = nil,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.clamp(min: min, max: max, file: file, line: line)
}

/// x, but never below `min` or above `max`.
///
/// 4 rounds.
public func hardtanh(
    _ x: CrypTensor,
    min: Double = -1,
    max: Double = 1,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.hardtanh(min: min, max: max, file: file, line: line)
}

/// x where it is positive, `slope · x` elsewhere.
///
/// 4 rounds.
public func leakyRelu(
    _ x: CrypTensor,
    _ slope: Double = 0.01,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.leakyRelu(slope, file: file, line: line)
}

/// |x|.
///
/// 4 rounds.
public func abs(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.abs(file: file, line: line)
}

/// −1 where x is negative, +1 elsewhere and so at 0 too.
///
/// 4 rounds.
public func sign(_ x: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.sign(file: file, line: line)
}

/// The larger of two tensors' elements.
///
/// 4 rounds.
public func maximum(
    _ x: CrypTensor,
    _ y: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.maximum(y, file: file, line: line)
}

/// The smaller of two tensors' elements.
///
/// 4 rounds.
public func minimum(
    _ x: CrypTensor,
    _ y: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.minimum(y, file: file, line: line)
}
