internal import CrypTenBase
public import CrypTenExpressions
public import CrypTenRing

/// Random numbers that no party knows, and the dealer only where it draws them: see `RandomSource`.
///
/// Each is drawn once, by the first run that reads it. A second run that reads the same tensor throws `.invalidArgument`:
/// `evaluate` it first, and use what that keeps.
extension Session {
    /// Reals in [0, 1), multiples of 2^-fractionBits.
    ///
    /// - Parameter source: Who draws them. The dealer knows its own: x plus such a number, published, is x to the dealer.
    /// - Throws: `.sessionBusy` while another call is under way.
    /// - Complexity: of the dealer's no round and no bytes, and 8 bytes dealt an element. Drawn by everyone: one round, in which
    ///   each party opens fractionBits bits an element, and 8·fractionBits bytes dealt.
    public func uniform(_ shape: Shape, drawnBy source: RandomSource = .dealer) async throws -> CrypTensor {
        CrypTensor(try await perform { try $0.random(.uniform, drawnBy: source, shape) })
    }

    /// Bits that are 1 with a probability, which is rounded to a multiple of 2^-fractionBits: exactly that of k / 2^j for
    /// j ≤ fractionBits.
    ///
    /// The dealer learns the probability, whoever draws, and the bits where it draws them.
    ///
    /// - Parameters:
    ///   - probability: In [0, 1].
    ///   - shape: The bits' shape.
    ///   - source: Who draws them.
    /// - Throws: `.invalidArgument` for a probability outside [0, 1]; `.sessionBusy` while another call is under way.
    /// - Complexity: of the dealer's no round and no bytes, and a bit dealt an element, of fair ones nothing. Drawn by
    ///   everyone, a probability of k / 2^j for an odd k: 1 + ⌈log₄ j⌉ rounds; fair bits 1 round and one bit opened, a quarter
    ///   2 rounds and 3 bits, what takes 16 bits 3 rounds and at most 24 bits, and 59 bits dealt.
    public func bernoulli(
        _ probability: Double,
        _ shape: Shape,
        drawnBy source: RandomSource = .dealer
    ) async throws -> CrypTensor {
        guard (0...1).contains(probability) else {
            throw CrypTenError(.invalidArgument, "a probability of \(probability); it must lie in [0, 1]")
        }
        return CrypTensor(try await perform { try $0.random(.bernoulli(probability), drawnBy: source, shape) })
    }

    /// Bits that are 1 with a probability of their own each, which may be secret.
    ///
    /// - Parameters:
    ///   - probabilities: In [0, 1]; what is less or more counts as 0 or 1.
    ///   - source: Who draws the numbers that they are compared with.
    /// - Returns: Bits of the same shape.
    /// - Throws: `.sessionBusy` while another call is under way.
    /// - Complexity: `uniform` and a comparison.
    public func bernoulli(
        _ probabilities: CrypTensor,
        drawnBy source: RandomSource = .dealer
    ) async throws -> CrypTensor {
        try await uniform(probabilities.shape, drawnBy: source) .< probabilities
    }

    /// Reals that are normally distributed but for their tails and their grid, of mean 0 and deviation 1, by Box and Muller.
    ///
    /// They are multiples of 2^-fractionBits, and with 16 fraction bits within ±4.71, which is √(32·ln 2): the radius √(−2 ln u) is
    /// made of a multiple u of 2^-16, and so takes 65,536 values, of which the outer ones are far apart. Good for initial
    /// weights and for simulations.
    ///
    /// > Important: This is no noise for differential privacy, whoever draws it. The proofs for normal noise are of real
    /// > numbers with tails without an end; here a result beyond 4.71 deviations, or between the outer values, tells what
    /// > was hidden. ``binomialNoise(_:trials:scale:drawnBy:)`` has a proof for the numbers that it draws.
    ///
    /// - Parameters:
    ///   - shape: The numbers' shape.
    ///   - source: Who draws the uniform numbers. The dealer knows its own but for the rounding of the steps between.
    /// - Throws: `.sessionBusy` while another call is under way.
    /// - Complexity: 15 rounds, and one more drawn by everyone; the cosine's run beside the root's.
    public func normal(_ shape: Shape, drawnBy source: RandomSource = .dealer) async throws -> CrypTensor {
        let (radius, angle) = (try await uniform(shape, drawnBy: source), try await uniform(shape, drawnBy: source))
        return CrypTensor.normal(radius: radius, angle: angle)
    }

    /// A random order of 0, 1, …, `count` − 1.
    ///
    /// Numbers are drawn and sorted. They have 30 bits: two of 1,000 are equal with probability 5·10⁻⁴, and keep their order
    /// then.
    ///
    /// - Parameters:
    ///   - count: How many; not negative.
    ///   - source: Who draws the numbers. The dealer knows the order of its own: rows shuffled by it, published, are rows in their
    ///     order to the dealer.
    /// - Returns: Integers `[count]`; `x.take(order, axis: 0)` puts rows into that order.
    /// - Throws: `.invalidArgument` for a negative count; `.sessionBusy` while another call is under way.
    /// - Complexity: as `argsort`, and two `uniform` numbers an element, drawn in one round.
    public func permutation(_ count: Int, drawnBy source: RandomSource = .dealer) async throws -> CrypTensor {
        guard (0...Shape.largestCount).contains(count) else {
            throw CrypTenError(.invalidArgument, "a random order of \(count) numbers: there are 0 to 2^40")
        }
        let (coarse, fine) = (
            try await uniform([count], drawnBy: source), try await uniform([count], drawnBy: source)
        )
        return CrypTensor.order(coarse: coarse, fine: fine)
    }

    /// Tensors with their rows in a random order that no party knows, the same one for all of them.
    ///
    /// Each party in turn puts the rows into an order of its own, all n! of which are as likely, of what it is sent under masks. So the order
    /// is uniform as long as one party draws its own as the program says, and all parties but one know nothing of it together. Words are moved
    /// and never rounded, whatever their fraction bits. No gradient passes through it.
    ///
    /// > Important: The dealer knows the order, though nothing of what the rows hold: once they are published it knows which row each of them
    /// > was.
    ///
    /// - Parameter tensors: Secret numbers of as many rows; of bits take `toInteger()`.
    /// - Returns: In their order. As other random tensors they are drawn by the first run that reads one, and all that are needed must be read
    ///   by that: `evaluate` them together.
    /// - Throws: `.wrongSession` for tensors of another session; `.sessionBusy` while another call is under way. What else is wrong is thrown
    ///   by the run: `.shapeMismatch` for tensors of other numbers of rows, `.invalidArgument` for public ones and bits.
    /// - Complexity: n rounds for n parties, in each of which all but one party send that one 8 bytes an element: 8·(n − 1) bytes sent by a
    ///   party in all, and 8·n dealt.
    public func shuffled(rows tensors: [CrypTensor]) async throws -> [CrypTensor] {
        let nodes = tensors.map(\.node)
        if nodes.isEmpty { return [] }
        return try await perform { try $0.shuffle(nodes) }.map { CrypTensor($0) }
    }

    /// Dropout in training: elements become 0 with a probability; the others grow, so that the mean stays.
    ///
    /// - Parameters:
    ///   - x: Any numbers.
    ///   - probability: In [0, 1), rounded to a multiple of 2^-fractionBits; the dealer learns it.
    ///   - source: Who draws the bits. The dealer knows which elements its own drop.
    /// - Throws: `.invalidArgument` for a probability outside [0, 1); `.sessionBusy` while another call is under way.
    /// - Complexity: `bernoulli` and one selection.
    public func dropout(
        _ x: CrypTensor,
        probability: Double,
        drawnBy source: RandomSource = .dealer
    ) async throws -> CrypTensor {
        guard (0..<1).contains(probability) else {
            throw CrypTenError(
                .invalidArgument,
                "dropout can't drop with probability \(probability): it must lie in [0, 1)"
            )
        }
        let isKept = try await bernoulli(1 - probability, x.shape, drawnBy: source)
        return x.where(isKept, otherwise: 0.0) * (1 / (1 - probability))
    }

    /// Noise for differential privacy: of an even number of fair coins, the heads beyond one half of them, times a scale.
    ///
    /// With k trials and scale s these are exactly the numbers s·(B − k/2) for a binomial B of k trials and probability 1/2: multiples
    /// of s within ±s·k/2, of mean 0 and variance s²·k/4. Nothing is rounded. Added to a value that is a multiple of s and
    /// revealed, they make the binomial mechanism: for d values whose sensitivities in the three norms are Δ₁, Δ₂ and Δ∞, with
    /// `v = k/4 ≥ max(23 ln(10d/δ), 2Δ∞/s)` it is (ε, δ)-differentially private for
    ///
    ///     ε = Δ₂·√(2 ln(1.25/δ)) / (s·√v)
    ///       + (Δ₂·(7√2/4)·√(ln(10/δ)) + Δ₁/3) / (s·v·(1 − δ/10))
    ///       + (2/3)·Δ∞·(ln(1.25/δ) + ln(20d/δ)·ln(10/δ)) / (s·v)
    ///
    /// The value must be a multiple of s before the noise is added, `(x / s).round() * s`: what lies between two multiples no
    /// noise hides. Sensitivities are those of the rounded value.
    ///
    /// Each coin is the XOR of one that every party tosses. So n − 1 parties that pool what they know, their own tosses included,
    /// know nothing of the noise, and it needn't be larger for fear of them, as noise must of which each party adds a part. It
    /// protects against whoever doesn't take part, and against parties that follow the program.
    ///
    /// - Parameters:
    ///   - shape: The numbers' shape; each has trials of its own.
    ///   - trials: An even number, 2 to 65,536.
    ///   - scale: A positive multiple of 2^-fractionBits; `trials / 2 · scale` lies within what inputs may be,
    ///     2^(62 − 2·fractionBits).
    ///   - source: Who tosses the coins. The dealer knows the noise that it draws, so against it that is none.
    /// - Throws: `.invalidArgument` for trials and scales other than these; `.sessionBusy` while another call is under way.
    /// - Complexity: drawn by everyone one round, in which each party opens `trials` bits an element, and 8·`trials` bytes dealt;
    ///   of the dealer's no round, and as much dealt.
    /// > Dwork, Kenthapadi, McSherry, Mironov, Naor, "Our Data, Ourselves: Privacy via Distributed Noise Generation",
    /// > EUROCRYPT 2006, for coins that all toss; Agarwal, Suresh, Yu, Kumar, McMahan, "cpSGD: Communication-efficient and
    /// > differentially-private distributed SGD", NeurIPS 2018, Theorem 1, for ε.
    public func binomialNoise(
        _ shape: Shape,
        trials: Int,
        scale: Double = 1,
        drawnBy source: RandomSource = .everyone
    ) async throws -> CrypTensor {
        let steps = scale * Double(1 << configuration.fractionBits)
        let limit = Double(sign: .plus, exponent: 62 - 2 * configuration.fractionBits, significand: 1)
        guard steps >= 1, steps == steps.rounded(), Double(trials) / 2 * scale < limit else {
            throw CrypTenError(
                .invalidArgument,
                "binomial noise of \(trials) trials can't have the scale \(scale): it must be a positive multiple of "
                    + "2^-\(configuration.fractionBits), and half the trials times it less than \(limit)"
            )
        }
        return CrypTensor(
            try await perform { try $0.random(.binomial(trials: trials, scale: scale), drawnBy: source, shape) }
        )
    }
}
