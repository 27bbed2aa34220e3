"""Dual attacks: short vectors of the dual lattice tell samples from uniform words, and right guesses of part of the secret from wrong ones."""
import math

from .reduction import SMALLEST_BLOCK, SUCCESS, add, log_delta, repetitions
from .searching import least, minimum, valley

SIEVED = 0.2075  # log2 of √(4/3): a sieve in dimension β ends with 2^(0.2075·β) vectors, of √(4/3) times the length of the shortest


class Sampler:
    """Short vectors (x, y) with y = A'·x of the scaled dual lattice, of an instance of whose secret `unknown` entries are left.

    From reduction with blocks of β and a sieve on the first block β′: length √(4/3)·√(β′/2πe)·δ^(d−β′)·vol^(1/d) (MATZOV 2022, section 7). The error that a vector
    makes of samples has the deviation σ_e^(m/d)·(σ_s·q)^(k/d)·length, scaled so that secret and noise weigh alike (M. Albrecht, "On Dual Lattice Attacks Against
    Small-Secret LWE and Parameter Choices in HElib and SEAL", EUROCRYPT 2017).
    """

    def __init__(self, instance, model, beta, unknown):
        log_e = math.log(instance.sigma)
        log_s = math.log(instance.secret_deviation) + instance.modulus * math.log(2)
        delta = log_delta(beta)
        # unknown·(log_s − log_e)/d + d·ln δ is least at this d.
        best = math.sqrt(unknown * max(log_s - log_e, 0.0) / delta)
        self.d = int(max(min(best, unknown + instance.samples), unknown + 1, beta + 1))
        self.block, self.cost = model.sieve(beta, self.d)
        log_length = math.log(4 / 3) / 2 + math.log(self.block / (2 * math.pi * math.e)) / 2 + (self.d - self.block) * delta
        log_error = log_e + unknown * (log_s - log_e) / self.d + log_length
        self.log_ratio = log_error - instance.modulus * math.log(2)  # ln of the error's deviation by q

    @property
    def bias(self):
        """−log2 of the square of the advantage exp(−2π²(τ/q)²)."""
        return 4 * math.pi**2 * math.exp(min(2 * self.log_ratio, 600)) / math.log(2)

    def sampling(self, needed):
        """Cost of 2^needed vectors: reduction and sieve again and again, each time on a basis made random."""
        return self.cost + max(0.0, needed - SIEVED * self.block)


def distinguishing(instance, model):
    """Cost of telling the samples from uniform ones with probability 0.99.

    D. Micciancio, O. Regev, "Lattice-based Cryptography", in Post-Quantum Cryptography, 2009; with all of a sieve's vectors: Alkim, Ducas, Pöppelmann, Schwabe
    2016, section 6.4. A majority over N vectors of advantage ε each errs with probability at most exp(−N·ε²/2)/2.
    """
    votes = math.log2(2 * math.log(1 / (2 * (1 - SUCCESS))))

    def at(beta):
        sampler = Sampler(instance, model, beta, instance.dimension)
        return sampler.sampling(sampler.bias + votes), {"β": beta, "d": sampler.d}

    return over_beta(instance, at)


def hybrid(instance, model):
    """Cost of MATZOV's attack: ζ entries of the secret are enumerated, t more found modulo p by a Fourier transform, the rest left to dual vectors.

    MATZOV 2022, Theorem 7.6, after Guo, Johansson 2021: N = exp(4π²(τ/q)²)·exp(t/3·(πσ_s/p)²)·(ln candidates + t·ln p + ln 2) vectors, p^(t+1)·t multiplications
    a transform. A ternary secret's ζ entries are 3^ζ candidates, or, where few of them differ from zero, those up to a number of such entries, and all is done anew if
    the guess was wrong (Albrecht 2017; T. Espitau, A. Joux, N. Kharchenko, "On a Dual/Hybrid Approach to Small Secret LWE", INDOCRYPT 2020).

    That errors of different vectors are independent, on which this rests, fails for many sets: L. Ducas, L. Pulles, "Does the Dual-Sieve Attack on Learning with
    Errors even Work?", CRYPTO 2023. So this is what an attack would cost that nobody knows to work: a bound that errs on the safe side.
    """
    limit = distinguishing(instance, model)[0] + 20
    sparse = instance.hamming and instance.hamming < instance.dimension / 2
    deviation = instance.secret_deviation
    # Guesses of a Gaussian's entry that are needed, in the order of their probability: 2/√e times 2^entropy (MATZOV, section 7).
    entropy = math.log2(3) if instance.guessable else gaussian_entropy(deviation) + math.log2(2 / math.sqrt(math.e))
    half = instance.dimension // 2
    top = instance.dimension - 2 if sparse else math.floor(min(limit / entropy, half))

    def solve(guessed, folded, p):
        table = instance.guess_table(guessed, limit) if sparse else [(entropy * guessed, 1.0)]
        transform = math.log2(folded) + (folded + 1) * math.log2(p) + model.multiply if folded else -math.inf

        def at(beta):
            sampler = Sampler(instance, model, beta, instance.dimension - guessed - folded)
            fold = folded / 3 * (math.pi * deviation / p) ** 2 / math.log(2)
            best = (math.inf, {})
            for candidates, probability in table:
                if probability <= 0:
                    continue
                needed = sampler.bias + fold + math.log2(candidates * math.log(2) + folded * math.log(p) + math.log(2))
                cost = add(sampler.sampling(needed), candidates + add(transform, 2 + model.add + needed)) + repetitions(math.log2(probability))
                if cost < best[0]:
                    best = (cost, {"β": beta, "ζ": guessed, "t": folded, "p": p, "d": sampler.d})
            return best

        return over_beta(instance, at)

    if sparse:  # transforms gain nothing over zeros that are guessed, and no work combines them
        return minimum(0, top, lambda z: solve(z, 0, 2), pieces=16)
    answer = (math.inf, {})
    for p in range(2, 8):
        longest = max(math.floor(min((limit - model.multiply) / math.log2(p), half - 1)), 0)
        found = valley(0, top, lambda z: valley(0, longest, lambda t: solve(z, t, p)))
        if found[0] > answer[0] + 0.5:
            break
        answer = min(answer, found, key=lambda a: a[0])
    return answer


def gaussian_entropy(deviation):
    """Entropy of the discrete Gaussian on whole numbers, in bits."""
    if deviation > 10:
        return math.log2(math.sqrt(2 * math.pi * math.e) * deviation)
    weights = [math.exp(-x * x / (2 * deviation**2)) for x in range(-120, 121)]
    total = sum(weights)
    return -sum(w / total * math.log2(w / total) for w in weights if w > 0)


def over_beta(instance, at):
    """Cheapest β: the cost falls steeply while one sieve's vectors don't suffice, and rises slowly after that, in small steps where β′ is rounded."""
    low, high = SMALLEST_BLOCK, max(4 * SMALLEST_BLOCK, instance.dimension)
    seen = {}

    def cost(beta):
        if beta not in seen:
            seen[beta] = at(beta)
        return seen[beta]

    turn = least(low, high, lambda b: cost(min(b + 4, high))[0] >= cost(b)[0])
    return min((cost(b) for b in range(max(low, turn - 2), min(high, turn + 6) + 1)), key=lambda a: a[0])
