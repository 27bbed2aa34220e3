"""Costs that others published, and how far from them this estimate may be."""
import math

from . import dual, primal
from .instances import Instance
from .reduction import CLASSICAL, GATES, QUANTUM, STANDARD, STANDARD_QUANTUM

# Both sides follow the same formulas for primal attacks: what differs is how finely one searches.
PRIMAL, DUAL = 1.0, 3.0


def standard(dimension, modulus):
    """An instance of the Homomorphic Encryption Standard's tables: ternary secret, noise of deviation 8/√2π."""
    return Instance(f"{dimension}, {modulus} bits, ternary", dimension, modulus, 8 / math.sqrt(2 * math.pi))


def kyber(dimension, sigma):
    return Instance(f"Kyber{dimension}", dimension, math.log2(3329), sigma, "gaussian", samples=dimension)


# Homomorphic Encryption Standard, 2018: tables 1 and 2, rows (−1, 1), columns uSVP and dual.
STANDARD_TABLES = [
    (STANDARD, 4096, 109, 128.1, 129.9),
    (STANDARD, 8192, 218, 128.5, 129.2),
    (STANDARD, 16384, 438, 128.1, 129.0),
    (STANDARD, 8192, 152, 192.2, 194.6),
    (STANDARD_QUANTUM, 4096, 101, 129.6, 131.5),
    (STANDARD_QUANTUM, 8192, 202, 129.8, 128.0),
]

# swift-homomorphic-encryption 1.x, EncryptionParameters: the largest moduli it calls 128 bits post-quantum, by core-SVP, as its documentation says.
LIMITS = [(4096, 83), (8192, 165), (16384, 330)]

# The lattice estimator's documentation (github.com/malb/lattice-estimator: README, pages on schemes, examples of lwe_primal and lwe_dual), without its simulator.
ESTIMATOR = [
    (CLASSICAL, kyber(512, math.sqrt(1.5)), primal.usvp, 118.6, PRIMAL),
    (GATES, kyber(512, math.sqrt(1.5)), primal.usvp, 143.8, PRIMAL),
    (GATES, kyber(512, math.sqrt(1.5)), primal.hybrid, 140.3, PRIMAL),
    (GATES, kyber(768, 1.0), primal.hybrid, 201.0, PRIMAL),
    (GATES, kyber(1024, 1.0), primal.hybrid, 270.7, PRIMAL),
    (GATES, kyber(512, math.sqrt(1.5)), dual.distinguishing, 149.9, DUAL),
    (CLASSICAL, kyber(512, math.sqrt(1.5)), dual.hybrid, 115.4, DUAL),
    (GATES, kyber(512, math.sqrt(1.5)), dual.hybrid, 139.2, DUAL),
    (GATES, Instance("SEAL 2.2, 8192, 226 bits", 8192, 226, 3.19), dual.hybrid, 121.8, DUAL),
    (GATES, Instance("1024, 27 bits, Gaussian", 1024, 27, 3.0, "gaussian", samples=1024), primal.hybrid, 136.7, PRIMAL),
    (GATES, Instance("1024, 27 bits, ternary", 1024, 27, 3.0, samples=1024), primal.meeting_hybrid, 182.8, DUAL),
    (GATES, Instance("512, 32 not zero", 512, math.log2(3329), math.sqrt(1.5), hamming=32, samples=512), primal.meeting_hybrid, 85.5, DUAL),
    (GATES, Instance("512, 32 not zero", 512, math.log2(3329), math.sqrt(1.5), hamming=32, samples=512), primal.decoding_hybrid, 89.3, DUAL),
    (GATES, Instance("1024, 32 bits, 64 not zero", 1024, 32, 3.0, hamming=64), dual.distinguishing, 103.4, DUAL),
    (GATES, Instance("1024, 32 bits, 64 not zero", 1024, 32, 3.0, hamming=64), dual.hybrid, 92.1, DUAL),
]


def rows():
    """Model, instance, attack, published cost, tolerance."""
    for model, dimension, modulus, usvp, dual_cost in STANDARD_TABLES:
        yield model, standard(dimension, modulus), primal.usvp, usvp, PRIMAL
        yield model, standard(dimension, modulus), dual.distinguishing, dual_cost, DUAL
    for dimension, modulus in LIMITS:
        yield QUANTUM, standard(dimension, modulus), primal.usvp, 128.0, DUAL
    yield from ESTIMATOR
