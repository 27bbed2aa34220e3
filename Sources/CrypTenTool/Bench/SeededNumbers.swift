import Foundation

/// The same numbers on every machine, from a name: what benchmarks compute on. Nothing about them is secret.
struct InsecureSeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    /// Numbers of their own for each name.
    init(name: String) {
        // FNV-1a.
        state = name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Evenly spread over a range.
    mutating func uniform(_ range: ClosedRange<Double>, count: Int) -> [Double] {
        (0..<count).map { _ in Double.random(in: range, using: &self) }
    }

    /// Normally distributed around 0, by Box and Muller.
    mutating func normal(deviation: Double, count: Int) -> [Double] {
        var out: [Double] = []
        out.reserveCapacity(count + 1)
        while out.count < count {
            let radius = deviation * (-2 * log(1 - Double.random(in: 0..<1, using: &self))).squareRoot()
            let angle = 2 * Double.pi * Double.random(in: 0..<1, using: &self)
            out.append(radius * cos(angle))
            out.append(radius * sin(angle))
        }
        return Array(out.prefix(count))
    }
}
