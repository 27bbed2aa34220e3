/// Numbers that follow from a seed, for data that is made up: SplitMix64.
///
/// > Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. Of no use for keys and masks.
public struct SeededNumbers: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// A number of [0, 1).
    public mutating func uniform() -> Double { Double(next() >> 11) / Double(1 << 53) }

    /// A number of mean 0 and variance 1: Irwin's and Hall's sum of twelve, which is near enough to normal for an example.
    public mutating func normal() -> Double {
        (0..<12).reduce(-6.0) { sum, _ in sum + uniform() }
    }

    /// So many numbers of mean 0 and variance 1.
    public mutating func normals(_ count: Int) -> [Double] {
        (0..<count).map { _ in normal() }
    }
}
