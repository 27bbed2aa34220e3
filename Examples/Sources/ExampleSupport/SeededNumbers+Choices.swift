extension SeededNumbers {
    /// A number between two.
    public mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

    /// A whole number from 0 to `count` − 1.
    public mutating func index(below count: Int) -> Int { Int(uniform() * Double(count)) }
}
