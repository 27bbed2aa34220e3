package import CrypTenExpressions
package import CrypTenRing

/// One party's part of a value that a session keeps, apart from any session: an additive share modulo 2^64, and what all parties know of it.
///
/// The parties' words add up to the value. One party's alone are uniformly random, but for what its owner has put in: there the owner's are
/// the value, and the others' may be zero. What all parties' shares say together is secret: a share goes where its party alone reads it.
///
/// It holds no mask, key or number of a session, and belongs to none.
package struct KeptShare: Sendable, CustomStringConvertible, CustomReflectable {
    /// What the program calls the value.
    package var name: String
    /// What the value's elements are; bits are kept in another way.
    package var kind: ElementKind
    /// Fraction bits of the value in the ring; 0 for integers.
    package var scale: Int
    /// What was declared of the value, if anything was.
    package var range: ValueRange?
    /// Whether the session keeps the value masked, so that no run that reads it masks it again.
    package var isMasked: Bool
    /// The share.
    package var words: RingTensor

    package init(
        name: String,
        kind: ElementKind,
        scale: Int,
        range: ValueRange? = nil,
        isMasked: Bool = false,
        words: RingTensor
    ) {
        (self.name, self.kind, self.scale, self.range) = (name, kind, scale, range)
        (self.isMasked, self.words) = (isMasked, words)
    }

    package var shape: Shape {
        words.shape
    }

    /// Overwrites the share, unless a session still keeps it.
    package mutating func wipe() {
        words.wipe()
    }

    /// What must be equal at all parties, in words.
    package var form: String {
        let declared = range.map { ", within \($0.low) to \($0.high)" } ?? ""
        let bits = kind == .real ? ", \(scale) fraction bits" : ""
        return "shape \(shape), \(kind.rawValue)\(bits)\(declared), \(isMasked ? "masked" : "a share")"
    }

    package var description: String { "a share of '\(name)'" }

    package var customMirror: Mirror { Mirror(self, children: []) }
}
