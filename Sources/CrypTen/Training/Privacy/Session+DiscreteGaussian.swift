import CrypTenBase
public import CrypTenExpressions
public import CrypTenRing
public import CrypTenRuntime

extension Session {
    /// Noise for differential privacy: whole numbers to which each party adds discrete Gaussian ones of its own, of the whole deviation.
    ///
    /// Each party draws, exactly and from its system's generator, whole numbers with probabilities proportional to exp(−x² / (2·σ²)). The sum of all
    /// is added to what is published. Whoever takes away what it knows, n − 1 parties that pool their numbers included, is left with the noise
    /// of one party at the least, and that is as strong as it has to be; to anybody else the noise has the variance n·σ².
    ///
    /// A whole number that a row changes by vectors of length Δ at most, published with it, is Rényi differentially private with α·Δ² /
    /// (2·σ²) at every order α, as with real normal numbers; ``PrivacyAccountant`` adds up what steps spend, with σ / Δ as the multiplier.
    ///
    /// ```swift
    /// let counts = votes.sum(axis: 0)                                          // whole numbers; a person changes one by 1
    /// let told = try await session.reveal(counts + (try await session.discreteGaussianNoise(counts.shape, deviation: 8)), to: .all)
    /// ```
    ///
    /// Real values are rounded to multiples of a scale first, and their sensitivity is that of the rounded ones: what lies between two
    /// multiples no noise hides.
    ///
    /// - Parameters:
    ///   - shape: The numbers' shape.
    ///   - deviation: σ, from 1 to 2^24; its square is rounded up to a whole number.
    /// - Returns: Integers.
    /// - Throws: `.invalidArgument` for other deviations; `.sessionBusy` while another call is under way.
    /// - Complexity: 8 bytes an element from each party to each other, in the round in which inputs are masked.
    /// > Security: Semi-honest: a party that doesn't follow the program can leave its noise away, and then its own numbers protect nobody.
    /// > How long a party takes to draw depends on what it draws, and is seen by who measures when its messages come. Canonne, Kamath,
    /// > Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS 2020.
    public func discreteGaussianNoise(_ shape: Shape, deviation: Double) async throws -> CrypTensor {
        guard deviation >= 1, deviation <= 0x1p24 else {
            throw CrypTenError(
                .invalidArgument,
                "discrete Gaussian noise can't have the deviation \(deviation): it lies from 1 to 2^24; scale what it is added to"
            )
        }
        let distribution = try DiscreteGaussian(variance: UInt64((deviation * deviation).rounded(.up)))
        var noise: CrypTensor?
        for index in 0..<partyCount {
            let own = try await input(from: PartyID(index), shape: shape, kind: .integer, name: "noise") {
                var generator = SystemRandomNumberGenerator()
                return Tensor((0..<shape.count).map { _ in distribution.draw(using: &generator) }, shape: shape)
            }
            noise = noise.map { $0 + own } ?? own
        }
        return noise ?? CrypTensor(0)
    }
}
