#!/usr/bin/env python3
"""Prints Sources/CrypTenDevice/Kernels/moduli.h: the moduli of products by residues, and what is derived from them.

    Scripts/gpu_kernels/moduli.py > Sources/CrypTenDevice/Kernels/moduli.h
"""
from math import gcd, prod

# The largest numbers up to 256 that are pairwise coprime, and as many as make room for sums of 8192 products.
MODULI = [256, 255, 253, 251, 247, 241, 239, 233, 229, 227, 223, 217, 211, 199, 197, 193, 191, 181]
INNER = 8192
WHOLE = prod(MODULI)
assert all(gcd(p, q) == 1 for i, p in enumerate(MODULI) for q in MODULI[:i])
# Words are read as signed: a product is 2^126 at most.
assert 2 * INNER * 2**126 < 0.74 * WHOLE
FRACTION_BITS = 27
# What rounding FRACTION errs by, at most, and the distance of the nearest sum from where rounding to whole multiples of P would change.
assert len(MODULI) * 255 * 0.5 / 2**FRACTION_BITS < 2e-5 < 0.5 - INNER * 2**126 / WHOLE
assert len(MODULI) * 2**FRACTION_BITS + 2**FRACTION_BITS / 2 < 2**32


def packed(p, first):
    return sum((2 ** (8 * j) % p) << 8 * (j - first) for j in range(first, first + 4))


def table(comment, kind, name, numbers, digits="d"):
    suffix = "u" if kind == "u32" else "ul"
    texts = [(f"{number:#x}" if digits == "x" else str(number)) + suffix for number in numbers]
    lines, line = [], "   "
    for text in texts:
        if len(line) + len(text) > 140:
            lines.append(line)
            line = "   "
        line += f" {text},"
    body = "\n".join(lines + [line])
    print(f"// {comment}\nCONSTANT {kind} {name}[MODULI] = {{\n{body}\n}};")


print("""// The moduli of products by residues, and what is derived from them. Written by Scripts/gpu_kernels/moduli.py.
//
// They are pairwise coprime, and P, their product, is 2^140.45: a number within ±P/2 is known by its residues.""")
print(f"#define MODULI {len(MODULI)}")
table("p", "u32", "MODULUS", MODULI)
table("floor(2^32 / p) + 1: MULHI32(u, RECIPROCAL) is floor(u / p) for u < 2^24, and one more at most for u < 2^32", "u32", "RECIPROCAL", [2**32 // p + 1 for p in MODULI])
table("Byte j: 2^(8 j) mod p", "u32", "POWERS_LOW", [packed(p, 0) for p in MODULI], "x")
table("Byte j: 2^(8 (j + 4)) mod p", "u32", "POWERS_HIGH", [packed(p, 4) for p in MODULI], "x")
table("(-2^63) mod p, plus 128", "u32", "BIAS", [-(2**63) % p + 128 for p in MODULI])
table("The first multiple of p from 2^27 on", "u32", "OFFSET", [-(-(2**27) // p) * p for p in MODULI])
table("(P / p)^-1 mod p", "u32", "INVERSE", [pow(WHOLE // p, -1, p) for p in MODULI])
table("P / p modulo 2^64", "u64", "WEIGHT", [WHOLE // p % 2**64 for p in MODULI], "x")
table(f"2^{FRACTION_BITS} / p, rounded", "u32", "FRACTION", [(2 * 2**FRACTION_BITS + p) // (2 * p) for p in MODULI])
print(f"#define FRACTION_BITS {FRACTION_BITS}")
print(f"#define WHOLE {WHOLE % 2**64:#x}ul  // P modulo 2^64")
