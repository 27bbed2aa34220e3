internal import CrypTenBase
internal import CrypTenRing

/// Logic on bits, and choices by bits.
extension CrypTensor {
    /// Both bits: 1 round.
    public static func & (left: CrypTensor, right: CrypTensor) -> CrypTensor {
        let (x, y) = aligned(left, right)
        return x.applying(.and, y)
    }

    /// One bit or both, as ¬(¬a ∧ ¬b): 1 round.
    public static func | (left: CrypTensor, right: CrypTensor) -> CrypTensor {
        let (x, y) = aligned(left, right)
        return x.applying(.not).applying(.and, y.applying(.not)).applying(.not)
    }

    /// One bit but not both: local.
    public static func ^ (left: CrypTensor, right: CrypTensor) -> CrypTensor {
        let (x, y) = aligned(left, right)
        return x.applying(.xor, y)
    }

    /// The other bit: local.
    public static prefix func ~ (operand: CrypTensor) -> CrypTensor {
        operand.applying(.not)
    }

    /// Whether both bits are 1: 1 round.
    public func logicalAnd(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { origin in
            let (x, y) = CrypTensor.aligned(self, other, at: origin)
            return x.applying(.and, y, at: origin)
        }
    }

    /// Whether a bit is 1: 1 round.
    public func logicalOr(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { origin in
            let (x, y) = CrypTensor.aligned(self, other, at: origin)
            return x.applying(.not, at: origin).applying(.and, y.applying(.not, at: origin), at: origin)
                .applying(.not, at: origin)
        }
    }

    /// Whether exactly one bit is 1: local.
    public func logicalXor(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { origin in
            let (x, y) = CrypTensor.aligned(self, other, at: origin)
            return x.applying(.xor, y, at: origin)
        }
    }

    /// The other bits: local.
    public func logicalNot(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { applying(.not, at: $0) }
    }

    /// This tensor's elements where the condition holds, `other`'s elsewhere; all three broadcast.
    ///
    /// `other + condition · (self − other)`: 1 round, or none beyond the condition's where all are masked.
    ///
    /// - Parameters:
    ///   - condition: Bits.
    ///   - other: Elements of this tensor's kind; integers and reals mix to reals.
    public func `where`(
        _ condition: CrypTensor,
        otherwise other: CrypTensor,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([condition, self, other], file: file, line: line) { origin in
            guard condition.kind == .bit else {
                throw CrypTenError(
                    .invalidArgument,
                    "where can't take \(condition.kind.rawValue) \(condition.shape) as condition: it takes bits"
                )
            }
            guard let pair = Shape.broadcast(shape, other.shape), let full = Shape.broadcast(condition.shape, pair)
            else {
                throw CrypTenError(
                    .shapeMismatch,
                    "where can't combine shapes \(condition.shape), \(shape) and \(other.shape): extents must be equal or 1"
                )
            }
            let bits = condition.broadcasted(to: full, at: origin)
            if kind == .bit, other.kind == .bit {
                let (x, y) = (broadcasted(to: full, at: origin), other.broadcasted(to: full, at: origin))
                let change = bits.applying(.and, x.applying(.xor, y, at: origin), at: origin)
                return y.applying(.xor, change, at: origin)
            }
            let (a, b) = CrypTensor.unified(self, other, at: origin)
            let (x, y) = (a.broadcasted(to: full, at: origin), b.broadcasted(to: full, at: origin))
            if b.constantValue?.doubles.allSatisfy({ $0 == 0 }) == true { return bits.applying(.select, x, at: origin) }
            return y.applying(
                .add,
                bits.applying(.select, x.applying(.subtract, y, at: origin), at: origin),
                at: origin
            )
        }
    }
}

/// `a` where the condition holds, `b` elsewhere; all three broadcast.
///
/// 1 round.
public func `where`(
    _ condition: CrypTensor,
    _ a: CrypTensor,
    _ b: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    a.where(condition, otherwise: b, file: file, line: line)
}

/// `where` under a name that needs no quotes: `a` where the condition holds, `b` elsewhere.
public func which(
    _ condition: CrypTensor,
    _ a: CrypTensor,
    _ b: CrypTensor,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    a.where(condition, otherwise: b, file: file, line: line)
}
