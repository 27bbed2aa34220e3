"""Primal attacks: the secret and the noise are the shortest vector of a lattice, which reduction finds, alone or with part of the secret guessed.

The lattice of S. Bai, S. Galbraith, "Lattice Decoding Attacks on Binary LWE", ACISP 2014: dimension d = m + n, volume q^m·ξ^n, and in it (e, ξ·s), whose
entries all have the deviation of the noise where ξ = σ_e/σ_s. No other ξ does better: the projected length grows with the quadratic mean of the entries'
deviations, the volume's d-th root with their geometric mean, and the quotient is least where they are equal.
"""
import math

from .reduction import SMALLEST_BLOCK, add, log_delta, log_gaussian, repetitions
from .searching import least, minimum, valley

SEARCHED = 300  # candidates beyond 2^300 are of no use


class Lattice:
    """The lattice of an instance of whose secret the first `guessed` entries are known, after reduction with blocks of `beta`, at the best d."""

    def __init__(self, instance, beta, guessed=0):
        unknown = instance.dimension - guessed
        log_q = instance.modulus * math.log(2)
        log_xi = math.log(instance.sigma / instance.secret_deviation)
        self.log_sigma = math.log(instance.sigma)
        self.delta = log_delta(beta)
        # ln vol/d − d·ln δ is largest where d² = n·ln(q/ξ)/ln δ.
        best = math.sqrt(unknown * max(log_q - log_xi, 0.0) / self.delta)
        self.d = int(max(min(best, unknown + instance.samples), unknown + 1, beta + 1))
        self.root = log_q - unknown * (log_q - log_xi) / self.d  # ln vol/d

    def projected_gaussian(self, dimension):
        """ln of the Gaussian heuristic in the projection to the last `dimension` vectors."""
        return log_gaussian(dimension) + self.root - (self.d - dimension) * self.delta

    def revealing(self):
        """Least η such that the projection of (e, ξ·s) to the last η vectors is the shortest vector there; None if no η is."""

        def reveals(eta):
            return self.log_sigma + math.log(eta) / 2 <= self.projected_gaussian(eta)

        low, high = 2, self.d
        if not reveals(high):
            return None
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if reveals(middle) else (middle + 1, high)
        return low

    def nearest_plane(self):
        """log2 of the probabilities that Babai's nearest plane finds e, and that a sum of two guesses and its halves are rounded alike.

        With b the length of an orthogonalised vector, x = b/σ: P(|e| < b/2) = erf(x/√8), R. Lindner, C. Peikert, "Better Key Sizes (and Attacks) for LWE-Based
        Encryption", CT-RSA 2011; and E[max(0, 1 − |e|/b)] = erf(x/√2) − √(2/π)·(1 − exp(−x²/2))/x, as in Y. Son, J. H. Cheon, "Revisiting the Hybrid Attack on
        Sparse and Ternary Secret LWE", WAHC 2019.
        """
        finds = rounds = 0.0
        for i in range(1, self.d + 1):
            x = math.exp(min(self.root - (self.d + 1 - 2 * i) * self.delta - self.log_sigma, 100))
            alike = math.erf(x / math.sqrt(2)) - math.sqrt(2 / math.pi) * (1 - math.exp(-x * x / 2)) / x
            found = math.erf(x / math.sqrt(8))
            if found <= 0 or alike <= 0:
                return -math.inf, -math.inf
            finds += math.log2(found)
            rounds += math.log2(alike)
            if finds < -SEARCHED:
                return -math.inf, -math.inf
            if x > 100:  # the rest is a geometric series of log2(1 − √(2/π)/x)
                rounds -= math.sqrt(2 / math.pi) / math.log(2) / x / (math.exp(2 * self.delta) - 1)
                break
        return finds, rounds


def usvp(instance, model):
    """Cost and (β, d) of uSVP: reduction with blocks of β finds the vector where σ√β ≤ δ^(2β−d−1)·vol^(1/d).

    Alkim, Ducas, Pöppelmann, Schwabe 2016, section 6.3; M. Albrecht, F. Göpfert, F. Virdia, T. Wunderer, "Revisiting the Expected Cost of Solving uSVP and
    Applications to LWE", ASIACRYPT 2017. One dimension more holds the target, with an entry of the size of the noise.
    """
    n = instance.dimension
    log_q, log_sigma = instance.modulus * math.log(2), math.log(instance.sigma)
    log_xi = log_sigma - math.log(instance.secret_deviation)
    largest = n + instance.samples + 1

    def margin(beta, d):
        volume = (d - n - 1) * log_q + n * log_xi + log_sigma
        return (2 * beta - d - 1) * log_delta(beta) + volume / d - (log_sigma + math.log(beta) / 2)

    def best(beta):
        optimal = math.sqrt(max((n + 1) * log_q - n * log_xi - log_sigma, 0.0) / log_delta(beta))
        return int(max(min(optimal, largest), n + 2, beta + 1))

    beta = least(SMALLEST_BLOCK, 8 * n, lambda b: margin(b, best(b)) >= 0)
    if beta is None:
        return math.inf, {}
    answer = (math.inf, {})
    # A few blocks more allow a smaller lattice, which is cheaper where the cost depends on d. The margin grows in d up to the best one.
    for beta in range(beta, beta + 40):
        d = least(max(n + 2, beta + 1), best(beta), lambda d: margin(beta, d) >= 0)
        if d is not None:
            answer = min(answer, (model.reduction(beta, d), {"β": beta, "d": d}), key=lambda a: a[0])
    return answer


def hybrid(instance, model):
    """Cheapest of both hybrids."""
    return min(decoding_hybrid(instance, model), meeting_hybrid(instance, model), key=lambda a: a[0])


def decoding_hybrid(instance, model):
    """Part of the secret guessed, a shortest vector in dimension η for each candidate.

    M. Albrecht, B. Curtis, T. Wunderer, "Exploring Trade-offs in Batch Bounded Distance Decoding", SAC 2019. With nothing guessed it is M. Liu, P. Nguyen,
    "Solving BDD by Enumeration: An Update", CT-RSA 2013.
    """
    return guessing(instance, model, decoding)


def meeting_hybrid(instance, model):
    """Part of the secret guessed, candidates' halves meet in a table, a nearest plane for each; as many halves as the root of the number of candidates.

    N. Howgrave-Graham, "A Hybrid Lattice-Reduction and Meet-in-the-Middle Attack Against NTRU", CRYPTO 2007; T. Wunderer, "Revisiting the Hybrid Attack: Improved
    Analysis and Refined Security Estimates", ePrint 2016/733.
    """
    return guessing(instance, model, meeting)


def guessing(instance, model, cost):
    """Cheapest β, number ζ of guessed entries, and number of them that may differ from zero.

    All is done anew, with other entries guessed, until the secret is found with probability 0.99.
    """
    cost_alone, found = usvp(instance, model)
    limit = min(cost_alone, instance.dimension * math.log2(3))
    top = found.get("β", SMALLEST_BLOCK)
    most = 0
    if instance.guessable:  # uniform entries: √candidates/probability is at least 3^(ζ/2)
        most = instance.dimension - 2 if instance.hamming else min(instance.dimension - 2, math.ceil(2 * limit / math.log2(3)))

    def at(guessed):
        table = instance.guess_table(guessed, SEARCHED)
        return valley(SMALLEST_BLOCK, top, lambda beta: cost(instance, model, beta, guessed, table))

    return minimum(0, most, at, pieces=12)


def decoding(instance, model, beta, guessed, table):
    lattice = Lattice(instance, beta, guessed)
    eta = lattice.revealing()
    if eta is None:
        return math.inf, {}
    return cheapest(
        model.reduction(beta, lattice.d), add(model.shortest(eta + 1), model.plane(lattice.d)), table, 1.0, 0.0,
        {"by": "decoding", "β": beta, "η": eta, "ζ": guessed, "d": lattice.d},
    )


def meeting(instance, model, beta, guessed, table):
    lattice = Lattice(instance, beta, guessed)
    finds, rounds = lattice.nearest_plane()
    return cheapest(
        model.reduction(beta, lattice.d), model.plane(lattice.d), table, 0.5 if guessed else 1.0, finds + (rounds if guessed else 0.0),
        {"by": "meeting", "β": beta, "ζ": guessed, "d": lattice.d},
    )


def cheapest(reduction, trial, table, power, chance, parameters):
    """Least of (reduction + candidates^power·trial)·repetitions over a guess's table; `chance` is log2 of what else must happen."""
    answer = (math.inf, {})
    for candidates, probability in table:
        if probability > 0:
            cost = add(reduction, power * candidates + trial) + repetitions(math.log2(probability) + chance)
            if cost < answer[0]:
                answer = (cost, parameters)
    return answer
