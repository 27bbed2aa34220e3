#!/usr/bin/env python3
"""Fits the functions' polynomials and writes Sources/CrypTenExpressions/PiecewiseTables.swift.

    python3 Scripts/fit_piecewise.py > Sources/CrypTenExpressions/PiecewiseTables.swift

Needs NumPy. Pieces are as long as the bound on the error allows; knots lie on a grid, so that their comparisons share most
of their bits; beyond the outer knots a constant is within the bound. A function that grows on the right is fitted less
max(x, 0), with a knot at 0. Functions of a number in [2/3, 1) are one polynomial.
"""
from math import erf

import numpy as np


class Form:
    """How a polynomial is evaluated: a coefficient of degree d is used as round(c * 2^(scale - d * bits))."""

    def __init__(self, bits, scale, degree=3):
        self.bits, self.scale, self.degree = bits, scale, degree


SMOOTH = Form(bits=16, scale=60)
# Exponentials of half the operand: up to e^5.2, and of numbers below 0.
EXPONENTIAL = Form(bits=13, scale=54)
NORMALIZED = Form(bits=14, scale=60)
# Of a number in [1/16, 1), where it may reach 16; and of one in [2/3, 1).
MANTISSA = Form(bits=16, scale=57)
FINE_MANTISSA = Form(bits=14, scale=60, degree=4)

BOUND = 5e-5
ACCURATE_BOUND = 2.2e-5


def fit(function, a, b, form, bound=lambda v: np.full_like(v, BOUND), centre=None):
    """Largest error over the bound, centre and coefficients on [a, b].

    The highest coefficient is rounded first, the lower ones are fitted again.
    """
    if centre is None:
        centre = round((a + b) / 2 * 2**form.bits) / 2**form.bits
    nodes = np.cos(np.pi * (np.arange(48) + 0.5) / 48) * (b - a) / 2 + (a + b) / 2 - centre
    weights = 1 / bound(nodes + centre)
    rest, coefficients = function(nodes + centre), []
    for d in range(form.degree, -1, -1):
        unit = 2.0 ** (form.scale - d * form.bits)
        powers = nodes[:, None] ** np.arange(d + 1)
        best = np.linalg.lstsq(powers * weights[:, None], rest * weights, rcond=None)[0][d]
        coefficients.insert(0, round(best * unit) / unit)
        rest = rest - coefficients[0] * nodes**d
    return np.abs(rest * weights).max(), (centre, coefficients)


def fit_pieces(function, ends, form, pitch, bound=lambda v: np.full_like(v, BOUND), outer=None):
    """Knots and pieces between the given ends, each piece as long as the bound allows; constants beyond."""
    ends = [round(end / pitch) * pitch for end in ends]
    below, above = outer or (float(function(ends[0])), float(function(ends[-1])))
    knots, pieces = [ends[0]], [(0.0, [below])]
    for end in ends[1:]:
        while knots[-1] < end:
            a, low, high = knots[-1], 1, round((end - knots[-1]) / pitch)
            while low < high:
                middle = (low + high + 1) // 2
                within = fit(function, a, a + middle * pitch, form, bound)[0] <= 1
                low, high = (middle, high) if within else (low, middle - 1)
            pieces.append(fit(function, a, a + low * pitch, form, bound)[1])
            knots.append(a + low * pitch)
    return knots, pieces + [(0.0, [above])]


def sigmoid(v):
    return 1 / (1 + np.exp(-np.clip(v, -50, 50)))


ERF = np.vectorize(erf, otypes=[float])

SMOOTH_FUNCTIONS = [
    ("sigmoid", "1 / (1 + e⁻ˣ)", sigmoid, [-10, 10], 2**-4),
    ("tanh", "The hyperbolic tangent.", np.tanh, [-5.3125, 5.3125], 2**-4),
    ("erf", "The error function.", ERF, [-2.875, 2.875], 2**-5),
    ("gelu", "x · (1 + erf(x / √2)) / 2", lambda v: v * 0.5 * (1 + ERF(v / 2**0.5)), [-4.625, 0, 4.625], 2**-4),
    ("silu", "x / (1 + e⁻ˣ)", lambda v: v * sigmoid(v), [-12.5, 0, 12.5], 2**-4),
    ("softplus", "log(1 + eˣ)", lambda v: np.logaddexp(0, v), [-10, 0, 10], 2**-4),
]


def accurate_ends(function, ends, pitch):
    """Ends so far out that the constants beyond them are within the smaller bound."""
    low, high = ends[0], ends[-1]
    while abs(function(np.float64(low)) - function(np.float64(-64.0))) > ACCURATE_BOUND:
        low -= pitch
    while abs(function(np.float64(high)) - function(np.float64(64.0))) > ACCURATE_BOUND:
        high += pitch
    return [low] + ends[1:-1] + [high]


def half_exponential(v):
    return np.exp(v / 2)


# What is left of a bound on e^x, relative 5.5e-4 or absolute 5.5e-5, for its root.
def exponential_bound(v):
    return np.maximum(5.5e-4 * np.exp(v / 2), 5.5e-5 * np.exp(-v / 2)) / 2


MANTISSAS = [
    ("reciprocal", "1 / x", lambda v: 1 / v, lambda v: 4.2e-4 / v),
    ("root", "√x", np.sqrt, lambda v: 3e-4 * np.sqrt(v)),
    ("inverseRoot", "1 / √x", lambda v: 1 / np.sqrt(v), lambda v: 3e-4 / np.sqrt(v)),
    ("logarithm", "ln x", np.log, lambda v: np.full_like(v, 1e-4)),
]


def write(constant, meaning, knots, pieces, unbounded=False, isFirst=False, name=None):
    print(("" if isFirst else "\n") + f"    /// {meaning}")
    print(f"    package static let {constant} = PiecewisePolynomial(")
    print(f'        name: "{name or constant}",\n        knots: [')
    for knot in knots:
        print(f"            {float(knot)!r},")
    print("        ],\n        pieces: [")
    for centre, coefficients in pieces:
        numbers = ", ".join(repr(float(c)) for c in coefficients)
        print(f"            Piece(center: {float(centre)!r}, coefficients: [{numbers}]),")
    print("        ]" + (",\n        addsPositivePart: true" if unbounded else "") + "\n    )")


def main():
    print("// Generated by Scripts/fit_piecewise.py: change that and run it again, as it says.\n// swift-format-ignore-file\n")
    print("extension PiecewisePolynomial {")
    for index, (name, meaning, function, ends, pitch) in enumerate(SMOOTH_FUNCTIONS):
        unbounded = len(ends) == 3
        bounded = (lambda v: function(v) - np.maximum(v, 0)) if unbounded else function
        write(name, meaning, *fit_pieces(bounded, ends, SMOOTH, pitch), unbounded, isFirst=index == 0)
        further = accurate_ends(bounded, ends, pitch)
        accurate = fit_pieces(bounded, further, SMOOTH, pitch, lambda v: np.full_like(v, ACCURATE_BOUND))
        write(name + "Accurate", f"{meaning} More exact, of more pieces.", *accurate, unbounded, name=name)
    ends, top = [-9.5, 10.375], float(np.exp(10.375 / 2))
    halves = fit_pieces(half_exponential, ends, EXPONENTIAL, 2**-3, exponential_bound, (0.0, top))
    write("exponentialOfHalf", "e^(x / 2) for x ≤ 10.375, for its square: 0 below -9.5.", *halves)
    knots = [float(k) for k in range(-16, 1)]
    pieces = [fit(half_exponential, a, a + 1, NORMALIZED, half_exponential)[1] for a in knots[:-1]]
    write("exponentialOfHalfBelowZero", "e^(x / 2) for x ≤ 0, for its square: 0 below -16.", knots[:-1], [(0.0, [0.0])] + pieces)
    for name, meaning, function, bound in MANTISSAS:
        knots, pieces = fit_pieces(function, [1 / 16, 1], MANTISSA, 2**-9, bound)
        write(name + "Mantissa", f"{meaning} in [1/16, 1).", knots[1:-1], pieces[1:-1])
        if name != "root":
            fine = fit(function, 2 / 3, 1, FINE_MANTISSA, centre=0.75)[1]
            write(name + "FineMantissa", f"{meaning} in [2/3, 1).", [], [fine])
    print("}")


if __name__ == "__main__":
    main()
