/// What the elements of an expression are, and so how they are encoded in the ring.
public enum ElementKind: String, Hashable, Sendable, Codable {
    /// Real numbers in fixed point, with the session's fraction bits.
    case real
    /// Whole numbers, exact modulo 2^64.
    case integer
    /// Bits: the results of comparisons.
    case bit
}

/// Who may know an expression's value before anything is revealed.
public enum Visibility: String, Hashable, Sendable, Codable {
    /// Every party knows it: constants, and tensors that one party read and sent to all.
    case `public`
    /// Nobody knows it; the parties hold a masked value and shares of its mask, or shares.
    case secret
}
