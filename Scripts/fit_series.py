#!/usr/bin/env python3
"""Fits the functions' trigonometric series and writes Sources/CrypTenExpressions/Series/SeriesTables.swift.

    python3 Scripts/fit_series.py > Sources/CrypTenExpressions/Series/SeriesTables.swift

Needs NumPy. A series has as few terms as the bound on the error allows, with a period, longer than the interval, that serves
best: what the series is beyond the interval doesn't matter. The largest error over the bound is made small by Lawson's
iteration of weighted least squares; a little weight on the coefficients keeps them small.
"""
from math import erf, pi

import numpy as np

ERF = np.vectorize(erf, otypes=[float])
# Of what fixed point rounds to 1/65536, and with some more terms.
BOUND, ACCURATE_BOUND = 4.5e-5, 1.8e-5
# Rounding of the sines, 30 bits, must stay below the errors.
LARGEST_SUM = 2.0**13


def fit(function, low, high, period, terms, kinds, bound, count=600, steps=40):
    """Largest error over the bound, and the coefficients: the constant, cosines, sines."""
    x = np.cos(pi * (np.arange(count) + 0.5) / count) * (high - low) / 2 + (low + high) / 2
    angles = 2 * pi / period * x[:, None] * np.arange(1, terms + 1)
    columns = np.hstack([np.ones((count, 1))] + [{"c": np.cos, "s": np.sin}[kind](angles) for kind in kinds])
    damping = np.eye(columns.shape[1]) * 1e-9 * count**0.5
    target, limits, weights = function(x), bound(x), np.ones(count)
    best = (np.inf, None)
    for _ in range(steps):
        scale = weights**0.5 / limits
        rows = np.vstack([columns * scale[:, None], damping])
        values = np.concatenate([target * scale, np.zeros(columns.shape[1])])
        coefficients = np.linalg.lstsq(rows, values, rcond=None)[0]
        errors = np.abs(columns @ coefficients - target) / limits
        if errors.max() < best[0]:
            parts = dict(zip(kinds, np.split(coefficients[1:], len(kinds))))
            zeros = np.zeros(terms)
            best = (errors.max(), (coefficients[0], parts.get("c", zeros), parts.get("s", zeros)))
        weights *= errors / errors.max() + 1e-3
        weights /= weights.mean()
    return best


def shortest(function, low, high, periods, kinds, bound):
    """The period and the coefficients of the fewest terms that keep the bound."""
    for terms in range(3, 40):
        fits = [(*fit(function, low, high, period, terms, kinds, bound), period) for period in periods]
        within = [f for f in fits if f[0] <= 0.97 and sum(np.abs(part).sum() for part in f[1]) <= LARGEST_SUM]
        if within:
            _, coefficients, period = min(within, key=lambda f: f[0])
            return period, coefficients
    raise SystemExit("no series keeps the bound")


def sigmoid(v):
    return 1 / (1 + np.exp(-np.clip(v, -50, 50)))


def gelu_tanh(v):
    return v * (1 + np.tanh((2 / pi) ** 0.5 * (v + 0.044715 * v**3))) / 2


def gelu_slope(v):
    return (1 + ERF(v / 2**0.5)) / 2 + v * np.exp(-(v**2) / 2) / (2 * pi) ** 0.5


def mish_slope(v):
    t = np.tanh(np.logaddexp(0, v))
    return t + v * sigmoid(v) * (1 - t**2)


def gelu_tanh_slope(v):
    c, a = (2 / pi) ** 0.5, 0.044715
    t = np.tanh(c * (v + a * v**3))
    return (1 + t) / 2 + v / 2 * (1 - t**2) * c * (1 + 3 * a * v**2)


# Constant, what it is, function, limits below and above (None: x itself).
SMOOTH_FUNCTIONS = [
    ("sigmoid", "1 / (1 + e⁻ˣ)", sigmoid, 0.0, 1.0),
    ("tanh", "The hyperbolic tangent.", np.tanh, -1.0, 1.0),
    ("erf", "The error function.", ERF, -1.0, 1.0),
    ("gelu", "x · (1 + erf(x / √2)) / 2", lambda v: v * 0.5 * (1 + ERF(v / 2**0.5)), 0.0, None),
    ("silu", "x / (1 + e⁻ˣ)", lambda v: v * sigmoid(v), 0.0, None),
    ("softplus", "log(1 + eˣ)", lambda v: np.logaddexp(0, v), 0.0, None),
    ("mish", "x · tanh(log(1 + eˣ))", lambda v: v * np.tanh(np.logaddexp(0, v)), 0.0, None),
    ("geluTanh", "x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2", gelu_tanh, 0.0, None),
]
# Derivatives of those that aren't polynomials of the function itself, and of which kinds their terms are.
SLOPES = [
    ("erfSlope", "The derivative of the error function.", lambda v: 2 / pi**0.5 * np.exp(-(v**2)), 0.0, 0.0, "c"),
    ("geluSlope", "The derivative of `gelu`.", gelu_slope, 0.0, 1.0, "s"),
    ("siluSlope", "The derivative of `silu`.", lambda v: sigmoid(v) * (1 + v * (1 - sigmoid(v))), 0.0, 1.0, "s"),
    ("mishSlope", "The derivative of `mish`.", mish_slope, 0.0, 1.0, "cs"),
    ("geluTanhSlope", "The derivative of `geluTanh`.", gelu_tanh_slope, 0.0, 1.0, "s"),
]
# Of functions without such limits, on an interval: beyond it the value at its end.
INTERVALS = [("arctangent", "The arctangent of −1 to 1.", np.arctan, -1.0625, 1.0625)]
# Of a number in [1/16, 1), periods 4/m; and of one in [1/4, 1), period 2: see Lowering+Magnitudes.swift.
COARSE_PERIODS = [4 / m for m in (2, 3)]
MANTISSAS = [
    ("reciprocal", "1 / x", lambda v: 1 / v, lambda v: 2.2e-4 / v, lambda v: 2e-5 / v),
    ("root", "√x", np.sqrt, lambda v: 2.5e-4 * np.sqrt(v), None),
    ("inverseRoot", "1 / √x", lambda v: 1 / np.sqrt(v), lambda v: 2.5e-4 / np.sqrt(v), lambda v: 2e-5 / np.sqrt(v)),
    ("logarithm", "ln x", np.log, lambda v: np.full_like(v, 1e-4), lambda v: np.full_like(v, 1e-5)),
]


def end(function, limit, bound):
    """Where a function comes within the bound of its limit, in sixteenths."""
    x = 2.0
    while abs(float(function(np.float64(x))) - (x if limit is None else limit)) > bound:
        x += 1 / 16
    return x


def numbers(values):
    return "[" + ", ".join(repr(float(v)) for v in values) + "]"


def write_series(indent, period, coefficients):
    constant, cosines, sines = coefficients
    space = " " * indent
    print(f"{space}period: {float(period)!r},\n{space}constant: {float(constant)!r},")
    print(f"{space}cosines: {numbers(cosines)},\n{space}sines: {numbers(sines)}")


def write_function(name, meaning, function, low, high, below, above, bound, constant, isFirst, kinds=None):
    kinds = kinds or ("s" if above is not None else "cs")  # bounded functions are odd but for a constant
    periods = [(high - low) * stretch for stretch in np.linspace(1.02, 2.0, 50)]
    period, coefficients = shortest(function, low, high, periods, kinds, lambda v: np.full_like(v, bound))
    print(("" if isFirst else "\n") + f"    /// {meaning}")
    print(f"    package static let {constant} = SmoothFunction(\n        name: \"{name}\",")
    print(f"        lowest: {low!r},\n        highest: {high!r},")
    print("        series: TrigonometricSeries(")
    write_series(12, period, coefficients)
    print(f"        ),\n        below: {below!r},\n        above: {above!r}\n    )".replace("None", "nil"))


def main():
    print("// Generated by Scripts/fit_series.py: change that and run it again, as it says.\n// swift-format-ignore-file\n")
    print("extension SmoothFunction {")
    for index, (name, meaning, function, below, above) in enumerate(SMOOTH_FUNCTIONS):
        for suffix, note, bound in [("", "", BOUND), ("Accurate", " More exact, of more terms.", ACCURATE_BOUND)]:
            high, low = end(function, above, bound), -end(lambda v: function(-v), below, bound)
            isFirst = index == 0 and not suffix
            write_function(name, meaning + note, function, low, high, below, above, bound, name + suffix, isFirst)
    for name, meaning, function, low, high in INTERVALS:
        below, above = float(function(low)), float(function(high))
        write_function(name, meaning, function, low, high, below, above, ACCURATE_BOUND, name, False)
    for name, meaning, function, below, above, kinds in SLOPES:
        for suffix, note, bound in [("", "", BOUND), ("Accurate", " More exact, of more terms.", ACCURATE_BOUND)]:
            high, low = end(function, above, bound), -end(lambda v: function(-v), below, bound)
            write_function(name, meaning + note, function, low, high, below, above, bound, name + suffix, False, kinds)
    print("}\n\nextension TrigonometricSeries {")
    for index, (name, meaning, function, coarse, fine) in enumerate(MANTISSAS):
        for suffix, low, periods, bound in [("", 1 / 16, COARSE_PERIODS, coarse), ("Fine", 1 / 4, [2.0], fine)]:
            if bound is None:
                continue
            series = shortest(function, low, 1, periods, "cs", bound)
            print(("" if index == 0 and not suffix else "\n") + f"    /// {meaning} in [1/{round(1 / low)}, 1).")
            print(f"    package static let {name}{suffix}Mantissa = TrigonometricSeries(")
            write_series(8, *series)
            print("    )")
    # Of a number that decides about many.
    coefficients = fit(lambda v: 1 / np.sqrt(v), 1 / 16, 1, 2.0, 10, "cs", lambda v: 2e-5 / np.sqrt(v))[1]
    print("\n    /// 1 / √x in [1/16, 1), of more terms.")
    print("    package static let inverseRootExactMantissa = TrigonometricSeries(")
    write_series(8, 2.0, coefficients)
    print("    )")
    coefficients = fit(lambda v: 1 / v, 1 / 16, 1, 4 / 3, 16, "cs", lambda v: 1 / v)[1]
    print("\n    /// 1 / x in [1/16, 1), of more terms.")
    print("    package static let reciprocalExactMantissa = TrigonometricSeries(")
    write_series(8, 4 / 3, coefficients)
    print("    )\n}")


main()
