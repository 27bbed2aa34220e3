"""What lattice reduction yields and what it costs: BKZ with blocks of β, its root Hermite factor, and models of its price.

Shapes follow the geometric series assumption (GSA), not a simulator: C.-P. Schnorr, "Lattice Reduction by Random Sampling and Birthday Methods", STACS 2003.
Lengths are natural logarithms here, costs logarithms to base 2.
"""
import dataclasses
import functools
import math

# Below this block size reduction is practical and the formula for δ isn't meant to hold; the search begins here, and what needs less counts as this.
SMALLEST_BLOCK = 50
# The probability with which an attack is to succeed.
SUCCESS = 0.99


@functools.lru_cache(maxsize=None)
def log_delta(beta):
    """ln δ, where a reduced basis begins with a vector of length δ^(d−1)·vol^(1/d).

    δ = ((πβ)^(1/β)·β / 2πe)^(1/(2(β−1))): Y. Chen, "Réduction de réseau et sécurité concrète du chiffrement complètement homomorphe", thesis, Paris 7, 2013.
    """
    return (math.log(math.pi * beta) / beta + math.log(beta / (2 * math.pi * math.e))) / (2 * (beta - 1))


def log_gaussian(dimension):
    """ln of the Gaussian heuristic's shortest vector in a lattice of volume 1: Γ(d/2 + 1)^(1/d) / √π."""
    return math.lgamma(dimension / 2 + 1) / dimension - math.log(math.pi) / 2


def add(*logs):
    """log2 of the sum of what has these logarithms."""
    top = max(logs)
    return top if math.isinf(top) else top + math.log2(sum(2.0 ** (x - top) for x in logs))


def repetitions(log_probability):
    """log2 of how often something of this probability is tried until it has happened with probability 0.99."""
    probability = 2.0 ** max(log_probability, -1000)
    if probability >= SUCCESS:
        return 0.0
    return math.log2(math.log(1 - SUCCESS) / math.log1p(-probability)) - min(log_probability + 1000, 0)


@dataclasses.dataclass(frozen=True)
class CoreSVP:
    """One call of a sieve in dimension β, and no factor beside 2^(c·β): a lower bound, and what is compared across papers.

    E. Alkim, L. Ducas, T. Pöppelmann, P. Schwabe, "Post-quantum Key Exchange: A New Hope", USENIX Security 2016, section 6. The exponents:
    0.292, A. Becker, L. Ducas, N. Gama, T. Laarhoven, "New Directions in Nearest Neighbor Searching with Applications to Lattice Sieving", SODA 2016;
    0.265, T. Laarhoven, "Search Problems in Cryptography", thesis, Eindhoven, 2015, with Grover's search in the sieve;
    0.257, A. Chailloux, J. Loyer, "Lattice Sieving via Quantum Random Walks", ASIACRYPT 2021.
    """

    name: str
    exponent: float

    def reduction(self, beta, d):
        return self.exponent * beta

    def shortest(self, dimension):
        return self.exponent * dimension

    def sieve(self, beta, d):
        """Block size of the sieve that makes many short vectors, and the cost of making them once with reduction before."""
        return beta, self.reduction(beta, d)

    def plane(self, d):
        return 0.0  # a call of nearest plane counts as one operation, as steps of tables do

    multiply, add = 0.0, 0.0


@dataclasses.dataclass(frozen=True)
class Standard:
    """8d calls of a sieve of 2^(c·β + 16.4) operations: the models BKZ.sieve and BKZ.qsieve of the Homomorphic Encryption Standard's tables.

    M. Albrecht, M. Chase, H. Chen and others, "Homomorphic Encryption Standard", 2018 (ePrint 2019/939); the constant is that of
    Becker, Ducas, Gama, Laarhoven 2016.
    """

    name: str
    exponent: float

    def reduction(self, beta, d):
        return self.exponent * beta + 16.4 + math.log2(8 * d)

    def shortest(self, dimension):
        return self.exponent * dimension + 16.4

    def sieve(self, beta, d):
        return beta, self.reduction(beta, d)

    def plane(self, d):
        return 0.0

    multiply, add = 0.0, 0.0


@dataclasses.dataclass(frozen=True)
class Gates:
    """Gates of a classical circuit, as MATZOV counts them: progressive BKZ, sieves with dimensions for free, nearest neighbours by list decoding.

    MATZOV, "Report on the Security of LWE: Improved Dual Lattice Attack", 2022 (zenodo 6412487), which betters the circuit of M. Albrecht,
    V. Gheorghiu, E. Postlethwaite, J. Schanck, "Estimating Quantum Speedups for Lattice Sieves", ASIACRYPT 2020. A sieve in dimension β′ is
    2^(0.2961·β′ + 20.39): the line through that circuit's costs up to β′ = 1024 that the lattice estimator uses, the program after M. Albrecht, R. Player,
    S. Scott, "On the Concrete Hardness of Learning with Errors", JMC 2015. Progressive sieving and progressive BKZ each cost C = 1/(1 − 2^−0.292) times their
    last step, and BKZ takes d − β blocks (R. Avanzi and others, CRYSTALS-Kyber, round 3, 2021, section 5). Dimensions for free: L. Ducas,
    "Shortest Vector from Lattice Sieving: A Few Dimensions for Free", EUROCRYPT 2018.
    """

    name: str
    slope: float = 0.29613500308205365
    constant: float = 20.387885985467914
    progressive: float = 1 / (1 - 2**-0.292)

    def free(self, beta):
        return max(beta * math.log(4 / 3) / math.log(beta / (2 * math.pi * math.e)), 0.0)

    def _sieve(self, dimension):
        return math.log2(self.progressive) + self.slope * dimension + self.constant

    def reduction(self, beta, d):
        return math.log2(self.progressive * max(d - beta, 1)) + self._sieve(beta - self.free(beta))

    def shortest(self, dimension):
        return math.log2(self.progressive) + self._sieve(dimension - self.free(dimension))

    def sieve(self, beta, d):
        """The sieve after reduction is as dear as reduction (Q. Guo, T. Johansson, "Faster Dual Lattice Attacks for Solving LWE", ASIACRYPT 2021)."""
        inner = beta - math.floor(self.free(beta))
        block = math.floor(inner + math.log2(max(d - beta, 1) * self.progressive) / self.slope)
        block = max(min(block, d), SMALLEST_BLOCK)
        return block, add(self.reduction(beta, d), self._sieve(block))

    def plane(self, d):
        return 2 * math.log2(d)

    multiply, add = math.log2(32**2), math.log2(5 * 32)  # of words of 32 bits: MATZOV's figure, and the lattice estimator's guess beside it


CLASSICAL = CoreSVP("core-SVP classical", 0.292)
QUANTUM = CoreSVP("core-SVP quantum", 0.265)
WALKS = CoreSVP("core-SVP quantum walks", 0.257)
GATES = Gates("MATZOV gates")
STANDARD = Standard("HE standard classical", 0.292)
STANDARD_QUANTUM = Standard("HE standard quantum", 0.265)
MODELS = (CLASSICAL, QUANTUM, WALKS, GATES, STANDARD, STANDARD_QUANTUM)
