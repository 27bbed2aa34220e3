"""Instances of learning with errors, and those of this library."""
import dataclasses
import math

UNLIMITED = math.inf


@dataclasses.dataclass(frozen=True)
class Instance:
    """b = A·s + e modulo q, with m samples. All attacks here treat a ring's samples as samples without a ring: none is known to gain by it."""

    name: str
    dimension: int  # n, of s
    modulus: float  # log2 of q
    sigma: float  # standard deviation of an entry of e
    secret: str = "ternary"  # each entry of s uniform in {−1, 0, 1}; or "gaussian", with secret_sigma
    hamming: int = 0  # ternary with exactly so many entries that aren't zero; 0 for uniform entries
    secret_sigma: float = 0.0  # of a Gaussian secret; 0 for that of the noise
    samples: float = UNLIMITED

    @property
    def secret_deviation(self):
        if self.secret == "gaussian":
            return self.secret_sigma or self.sigma
        return math.sqrt((self.hamming or self.dimension * 2 / 3) / self.dimension)

    @property
    def guessable(self):
        """Whether guesses of entries are enumerated one by one; those of a Gaussian secret only in MATZOV's attack, by entropy."""
        return self.secret == "ternary"

    def guess_table(self, guessed, limit):
        """What guessing `guessed` entries costs and brings: pairs (log2 of the number of candidates, probability that the secret is among them).

        Uniform entries make all candidates alike, and to try them all is best. With few that aren't zero a pair for each w: candidates with at most w such
        entries, while they are fewer than 2^limit.
        """
        if not self.hamming:
            return [(guessed * math.log2(3), 1.0)]
        table, candidates, probability = [], 0.0, 0.0
        n, h, zeros = self.dimension, self.hamming, self.dimension - self.hamming
        for w in range(max(0, guessed - zeros), min(guessed, h) + 1):
            candidates += math.exp(min(log_binomial(guessed, w) + w * math.log(2), 700))
            probability += math.exp(log_binomial(h, w) + log_binomial(zeros, guessed - w) - log_binomial(n, guessed))
            if math.log2(candidates) > limit:
                break
            table.append((math.log2(candidates), min(probability, 1.0)))
        return table


def log_binomial(n, k):
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


# Ring of degree 8192; modulus of six primes below 2^31, 186 bits; ternary secrets; centred binomial noise, whose deviation is 3.24: √10.5, of 21 pairs of bits.
DIMENSION, MODULUS, SIGMA = 8192, 186, 3.24
# Answers keep four of the primes.
ANSWER_MODULUS = 124

PROJECT = (
    # Who evaluates sees b = a·s + e for the public key and for each ciphertext of the run, with one s: as many samples as he likes. Ciphertexts of words in
    # slots have the same degree, primes, secret and noise as those of tensors, and so do their answers.
    Instance("public key, ciphertexts of tensors and of words in slots", DIMENSION, MODULUS, SIGMA),
    # Who decrypts knows s, and sees the second half of an answer: Σ a·w + a·u + e₁, with u ternary and fresh, one ring sample. The first half is hidden by a
    # word that is uniform modulo q′. This is the answer before primes are dropped: dropping them can only take from what is seen.
    Instance("answer, all six primes", DIMENSION, MODULUS, SIGMA, samples=DIMENSION),
    # The same as it is sent. Scaled to q′ the noise is 3.24·2^−62, and what hides the plaintext is the rounding, uniform in ±1/2: deviation √(1/12).
    # Attacks depend on q/σ and on the secret alone, so that this is an instance with noise 0.289 modulo q′.
    Instance("answer, as it is sent", DIMENSION, ANSWER_MODULUS, math.sqrt(1 / 12), samples=DIMENSION),
)
