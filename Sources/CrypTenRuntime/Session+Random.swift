public import CrypTenBase
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
    /// - Complexity: 21 rounds; the cosine's run beside the root's.
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
