internal import CrypTenBase
public import CrypTenExpressions
public import CrypTenRing

/// Random numbers of other distributions, of uniform ones.
extension Session {
    /// Normally distributed reals of mean 0 and deviation 1, that no party knows, by Box and Muller.
    ///
    /// They lie within ±4.7, since their uniform numbers are multiples of 2^-fractionBits. As with `uniform`, one run draws
    /// them.
    ///
    /// - Throws: `.sessionBusy` while another call is under way.
    /// - Complexity: 17 rounds; the cosine's run beside the root's.
    public func normal(_ shape: Shape) async throws -> CrypTensor {
        let radius = try await uniform(shape).applying(.logarithm(MagnitudeRange(-16, 1))) * -2.0
        let angle = try await uniform(shape) * (2 * Double.pi)
        return radius.applying(.squareRoot(MagnitudeRange(-16, 5))) * cos(angle)
    }

    /// Bits that no party knows, each 1 with a probability of its own, which may be secret.
    ///
    /// - Parameter probabilities: In [0, 1]; what is less or more counts as 0 or 1.
    /// - Returns: Bits of the same shape.
    /// - Throws: `.sessionBusy` while another call is under way.
    /// - Complexity: a comparison.
    public func bernoulli(_ probabilities: CrypTensor) async throws -> CrypTensor {
        try await uniform(probabilities.shape) .< probabilities
    }

    /// A random order of 0, 1, …, `count` − 1 that no party knows.
    ///
    /// Numbers are drawn and sorted. They have 30 bits: two of 1,000 are equal with probability 5·10⁻⁴, and keep their order then.
    ///
    /// - Returns: Integers `[count]`; `x.take(order, axis: 0)` puts rows into that order.
    /// - Throws: `.invalidArgument` for a negative count; `.sessionBusy` while another call is under way.
    /// - Complexity: as `argsort`.
    public func permutation(_ count: Int) async throws -> CrypTensor {
        guard count >= 0 else { throw CrypTenError(.invalidArgument, "a random order of \(count) numbers") }
        let (coarse, fine) = (try await uniform([count]), try await uniform([count]))
        return (coarse * 16384 + fine).argsort(axis: 0)
    }

    /// Dropout in training: elements become 0 with a probability, by bits that no party knows; the others grow, so that the
    /// mean stays.
    ///
    /// - Throws: `.invalidArgument` for a probability outside [0, 1); `.sessionBusy` while another call is under way.
    /// - Complexity: one selection.
    public func dropout(_ x: CrypTensor, probability: Double) async throws -> CrypTensor {
        guard (0..<1).contains(probability) else {
            throw CrypTenError(
                .invalidArgument,
                "dropout can't drop with probability \(probability): it must lie in [0, 1)"
            )
        }
        let isKept = try await bernoulli(1 - probability, x.shape)
        return x.where(isKept, otherwise: 0.0) * (1 / (1 - probability))
    }
}
