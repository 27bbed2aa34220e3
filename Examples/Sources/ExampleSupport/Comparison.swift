import Foundation

/// Results in secret beside those in the clear: printed, and held to bounds that the example states.
///
/// ```swift
/// var comparison = Comparison()
/// comparison.losses(secret: losses, plain: plainLosses, within: 0.005)
/// comparison.shares("test accuracy", secret: 0.93, plain: 0.93, within: 0.01)
/// try comparison.finish()                                        // throws where a bound was left: the program exits with 1
/// ```
public struct Comparison: Sendable {
    /// What lies outside of its bounds.
    private var problems: [String] = []

    /// Nothing is compared yet.
    public init() {}

    /// Prints some steps' losses, and the largest difference of all steps.
    public mutating func losses(secret: [Double], plain: [Double], within bound: Double) {
        print("  step    secret     plain  difference")
        let stride = max(1, (secret.count + 9) / 10)
        var largest = secret.count == plain.count ? 0.0 : .infinity
        for index in 0..<min(secret.count, plain.count) {
            let difference = secret[index] - plain[index]
            largest = difference.isNaN ? .infinity : max(largest, abs(difference))
            guard index % stride == 0 || index == plain.count - 1 else { continue }
            print(String(format: "  %4d  %8.4f  %8.4f  %+10.5f", index + 1, secret[index], plain[index], difference))
        }
        print(String(format: "  largest difference of %d steps: %.5f (bound %.2g)", plain.count, largest, bound))
        if largest > bound { problems.append("losses differ by \(largest), more than \(bound)") }
    }

    /// Prints a part of a whole, as an accuracy.
    public mutating func shares(_ name: String, secret: Double, plain: Double, within bound: Double) {
        print("  \(name): \(percent(secret)) in secret, \(percent(plain)) in the clear")
        require(abs(secret - plain) <= bound, "\(name) differs by \(abs(secret - plain)), more than \(bound)")
    }

    /// Takes note of what must hold.
    public mutating func require(_ holds: Bool, _ problem: @autoclosure () -> String) {
        if !holds { problems.append(problem()) }
    }

    /// Ends the comparison.
    ///
    /// - Throws: ``Failure`` naming all that was outside of its bounds.
    public func finish() throws {
        if !problems.isEmpty { throw Failure("secret and plain results differ: " + problems.joined(separator: "; ")) }
        print("Secret and plain results agree within the bounds.")
    }
}
