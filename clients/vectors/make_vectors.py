#!/usr/bin/env python3
"""Writes the vectors that the clients of the door are held against, beside this file.

    pip install cryptography && python3 make_vectors.py            # writes
    pip install cryptography && python3 make_vectors.py --check    # compares, and fails where a file differs

Nothing here is a client's code: ChaCha20, HKDF and SHA-256 are those of `cryptography`, sharings are sums of Python's whole numbers,
reals are rounded as fractions. What is drawn is drawn by SHAKE-256 from a label, so that the files are the same each time. README.md
describes them.
"""
import datetime
import json
import math
import struct
import sys
from fractions import Fraction
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HERE = Path(__file__).resolve().parent
MODULUS = 1 << 64


# Primitives


def drawn(label, count):
    """`count` bytes that depend on the label alone."""
    function = hashes.Hash(hashes.SHAKE256(digest_size=count))
    function.update(b"crypten vectors 1 " + label.encode())
    return function.finalize()


def sha256(data):
    function = hashes.Hash(hashes.SHA256())
    function.update(data)
    return function.finalize()


def hkdf(key, salt, info, count):
    return HKDF(algorithm=hashes.SHA256(), length=count, salt=salt, info=info).derive(key)


def chacha20(key, nonce, counter, count):
    """`count` bytes of the key stream, from block `counter` on."""
    cipher = Cipher(algorithms.ChaCha20(key, struct.pack("<I", counter) + nonce), mode=None)
    return cipher.encryptor().update(bytes(count))


def lp(data):
    return struct.pack("<I", len(data)) + data


def info_of(identifier, model, name, party):
    return b"crypten share 1" + lp(identifier) + lp(model.encode()) + lp(name.encode()) + struct.pack("<I", party)


def share(seed, identifier, model, name, party, count):
    key = hkdf(seed, None, info_of(identifier, model, name, party), 32)
    stream = chacha20(key, bytes(12), 0, 8 * count)
    return list(struct.unpack(f"<{count}Q", stream))


def rounded(value, bits):
    """round(value · 2^bits), halves away from zero: of fractions, so exact."""
    scaled = abs(Fraction(value)) * 2**bits
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return -whole if value < 0 else whole


def bits_of(value):
    return struct.pack(">d", value).hex()


def words(values):
    """Words as text, for a reader of JSON may keep but 53 bits of a number."""
    return [str(value % MODULUS) for value in values]


def little_endian(values):
    return b"".join(struct.pack("<Q", value % MODULUS) for value in values)


# Files


def make_chacha20():
    zero = "00" * 32
    one = "00" * 31 + "01"
    cases = [
        ("RFC 8439, 2.3.2", bytes(range(32)).hex(), "000000090000004a00000000", 1,
         "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4ed2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"),
        ("RFC 8439, A.1 #1", zero, "00" * 12, 0,
         "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"),
        ("RFC 8439, A.1 #2", zero, "00" * 12, 1,
         "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"),
        ("RFC 8439, A.1 #3", one, "00" * 12, 1,
         "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0"),
        ("RFC 8439, A.1 #4", "00ff" + "00" * 30, "00" * 12, 2,
         "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096"),
        ("RFC 8439, A.1 #5", zero, "00" * 11 + "02", 0,
         "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c78a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d"),
    ]
    for name, key, nonce, counter, block in cases:
        assert chacha20(bytes.fromhex(key), bytes.fromhex(nonce), counter, 64).hex() == block, name
    keys = ["name", "key", "nonce", "counter", "block"]
    return {"origin": "RFC 8439, sections 2.3.2 and A.1", "cases": [dict(zip(keys, case)) for case in cases]}


def make_hkdf():
    def ascending(first, count):
        return bytes(range(first, first + count)).hex()

    cases = [
        ("RFC 5869, A.1", "0b" * 22, ascending(0x00, 13), ascending(0xF0, 10),
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
        ("RFC 5869, A.2", ascending(0x00, 80), ascending(0x60, 80), ascending(0xB0, 80),
         "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
         "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"),
        ("RFC 5869, A.3", "0b" * 22, "", "", "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
    ]
    for name, key, salt, info, output in cases:
        made = hkdf(bytes.fromhex(key), bytes.fromhex(salt) or None, bytes.fromhex(info), len(output) // 2)
        assert made.hex() == output, name
    keys = ["name", "input_key", "salt", "info", "output"]
    return {"origin": "RFC 5869, appendix A, the cases with SHA-256", "cases": [dict(zip(keys, case)) for case in cases]}


def make_shares():
    names = [
        ("digits", "image", 0, 1),
        ("digits", "image", 1, 1),
        ("digits", "image", 0, 7),
        ("digits", "image", 0, 8),
        ("digits", "image", 0, 9),
        ("digits", "mask", 0, 9),
        ("digit", "simage", 0, 9),
        ("Überweisung-日本", "Beträge", 2, 17),
        ("Überweisung-日本", "𝛌", 254, 16),
        ("a", "", 0, 3),
        ("digits", "image", 0, 0),
        ("digits", "image", 0, 784),
        ("digits", "image", 70000, 4097),
        ("digits", "image", 1, 131072),
    ]
    cases = []
    for index, (model, name, party, count) in enumerate(names):
        seed = drawn(f"share seed {index // 2}", 32)
        identifier = drawn(f"share id {index // 2}", 16)
        values = share(seed, identifier, model, name, party, count)
        info = info_of(identifier, model, name, party)
        case = {
            "seed": seed.hex(), "id": identifier.hex(), "model": model, "input": name, "party": party, "count": count,
            "info": info.hex(), "key": hkdf(seed, None, info, 32).hex(),
        }
        if count <= 32:
            case["words"] = words(values)
        else:
            case["first"], case["last"] = words(values[:2]), words(values[-2:])
        case["sha256"] = sha256(little_endian(values)).hex()
        cases.append(case)
    return {"cases": cases}


def make_numbers():
    reals = []
    for bits in (0, 8, 16, 24):
        unit = 2.0**-bits
        values = [
            0.0, -0.0, 1.0, -1.0, 0.1, -0.1, 1 / 3, -1 / 3, math.pi, -math.e,
            0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 3.5 * unit, -3.5 * unit,
            0.5 * unit, -0.5 * unit, 1.5 * unit, -1.5 * unit, 2.5 * unit, -2.5 * unit,
            0.49999999999999994, -0.49999999999999994, 0.49999999999999994 * unit, -0.49999999999999994 * unit,
            0.5000000000000001 * unit, -0.5000000000000001 * unit, 1.4999999999999998 * unit, 1.5000000000000002 * unit,
            (2.0**51 + 0.5) * unit, -(2.0**51 + 0.5) * unit, (2.0**52 - 0.5) * unit, (2.0**52 + 1) * unit, -(2.0**52 + 1) * unit,
            (2.0**53 - 1) * unit, (2.0**53 + 2) * unit, 2.0**62 * unit,
            math.nextafter(2.0**63, 0) * unit, -(2.0**63) * unit,
            5e-324, -5e-324, 2.2250738585072014e-308, 1e-9, 1e9, -1e9, 12345.678,
        ]
        for value in values:
            whole = rounded(value, bits)
            assert -(2**63) <= whole < 2**63
            reals.append({"fraction_bits": bits, "value": value, "bits": bits_of(value), "word": str(whole % MODULUS)})
    refused = []
    for bits in (0, 8, 16, 24):
        unit = 2.0**-bits
        for value in (2.0**63 * unit, math.nextafter(-(2.0**63), -math.inf) * unit, 1e300, -1e300, math.inf, -math.inf, math.nan):
            refused.append({"fraction_bits": bits, "bits": bits_of(value)})
    whole_numbers = [0, 1, -1, 2, -2, 2**31, -(2**31), 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
    decoded = []
    for bits in (0, 8, 16, 24):
        for word in (0, 1, MODULUS - 1, 1 << bits, MODULUS - (1 << bits), 98765, MODULUS - 98765, 2**53 - 1, MODULUS - (2**53 - 1),
                     2**62, 2**63, 2**63 - 1024):
            signed = word - MODULUS if word >= 2**63 else word
            value = signed / 2**bits
            assert Fraction(value) == Fraction(signed, 2**bits)
            decoded.append({"fraction_bits": bits, "word": str(word), "value": value, "bits": bits_of(value)})
    return {
        "reals": reals,
        "refused": refused,
        "whole": [{"value": str(value), "word": str(value % MODULUS)} for value in whole_numbers],
        "booleans": [{"value": False, "word": "0"}, {"value": True, "word": "1"}],
        "decoded": decoded,
    }


def make_padding():
    def padded(values, shape, bucket, pad):
        result = [pad] * math.prod(bucket)
        strides = [math.prod(bucket[axis + 1:]) for axis in range(len(bucket))]
        for flat, value in enumerate(values):
            place, rest = 0, flat
            for axis in reversed(range(len(shape))):
                rest, index = divmod(rest, shape[axis])
                place += index * strides[axis]
            result[place] = value
        return result

    cases = []
    for shape, buckets, pad in [
        ([1, 5], [[-1, 4], [-1, 8], [-1, 16]], 0),
        ([2, 4], [[-1, 4], [-1, 8]], 0),
        ([2, 1], [[-1, 8], [-1, 4]], -1),
        ([2, 2, 3], [[-1, 2, 2], [-1, 3, 4], [-1, 4, 4]], 7),
        ([1, 3, 2], [[-1, 2, 2], [-1, 2, 8], [-1, 4, 2]], 0),
        ([3], [[-1]], 0),
        ([2, 0], [[-1, 2], [-1, 4]], 9),
    ]:
        for bucket in buckets:
            if all(have <= room for have, room in zip(shape[1:], bucket[1:])):
                chosen = [shape[0]] + bucket[1:]
                break
        values = list(range(1, math.prod(shape) + 1))
        cases.append({"shape": shape, "crypten_shapes": buckets, "crypten_pad": pad, "data": values,
                      "padded_shape": chosen, "padded_data": padded(values, shape, chosen, pad)})
    refused = [
        {"shape": [1, 17], "crypten_shapes": [[-1, 4], [-1, 8], [-1, 16]]},
        {"shape": [1, 3], "crypten_shapes": [[-1, 4]]},
        {"shape": [1, 3, 3], "crypten_shapes": [[-1, 2, 8], [-1, 8, 2]]},
        {"shape": [1, 4, 1], "crypten_shapes": [[-1, 4]]},
        {"shape": [4], "crypten_shapes": [[-1, 4]]},
        {"shape": [0, 4], "crypten_shapes": [[-1, 4]]},
    ]
    together = []
    for shapes, buckets in [
        ([[1, 3], [1, 3]], [[[-1, 4], [-1, 8]], [[-1, 4], [-1, 8]]]),
        ([[2, 3], [2, 7]], [[[-1, 4], [-1, 8]], [[-1, 4], [-1, 8]]]),
        ([[2, 7], [2, 3], [2]], [[[-1, 4], [-1, 8]], [[-1, 4], [-1, 8]], [[-1], [-1]]]),
        ([[1, 5], [1, 2, 2]], [[[-1, 8], [-1, 8], [-1, 16]], [[-1, 2, 1], [-1, 2, 2], [-1, 4, 4]]]),
        ([[1, 8], [1, 5]], [[[-1, 4], [-1, 8]], [[-1, 8], [-1, 4]]]),
    ]:
        case = {"shapes": shapes, "crypten_shapes": buckets}
        for row in zip(*buckets):
            if all(have <= room for shape, bucket in zip(shapes, row) for have, room in zip(shape[1:], bucket[1:])):
                case["padded_shapes"] = [shape[:1] + bucket[1:] for shape, bucket in zip(shapes, row)]
                break
        together.append(case)
    return {"cases": cases, "refused": refused, "together": together}


def make_fingerprints():
    key = Ed25519PrivateKey.from_private_bytes(drawn("certificate key", 32))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "clinic")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(datetime.datetime(2026, 1, 1)).not_valid_after(datetime.datetime(2036, 1, 1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("clinic.example")]), critical=False)
        .sign(key, None)
    )
    digits = sha256(made.public_bytes(serialization.Encoding.DER)).hex()
    groups = [digits[index:index + 4] for index in range(0, 64, 4)]
    pairs = [digits[index:index + 2] for index in range(0, 64, 2)]
    return {
        "certificate": made.public_bytes(serialization.Encoding.PEM).decode(),
        "fingerprint": "-".join(groups),
        "same": ["-".join(groups), digits, digits.upper(), ":".join(pairs).upper(), " ".join(groups), " " + "-".join(groups) + " "],
        "refused": ["", digits[:-1], digits + "0", "-".join(groups)[:-1] + "g", digits[:32]],
    }


def make_exchange(parties):
    """One question, from the numbers that are asked to those that are read: every value on the way."""
    label = f"exchange {parties} "
    model, version = ("digits", "0123456789abcdef") if parties == 2 else ("Größen-日本", "fedcba9876543210")
    names = ["clinic", "bank", "register"][:parties]
    epoch, binding, identifier = drawn(label + "epoch", 16), drawn(label + "binding", 32), drawn(label + "id", 16)
    seeds = [drawn(label + f"seed {party}", 32) for party in range(parties - 1)]
    rows = 2
    inputs = [
        {"name": "image", "type": "FP32", "fraction_bits": 16, "range": [-4, 4], "shape": [rows, 1, 3],
         "values": [0.5, -0.25, 3.0000076293945312, -3.9999, 0.1, -7.62939453125e-06]},
        {"name": "größe", "type": "INT64", "fraction_bits": 0, "range": [-1000, 1000], "shape": [rows], "values": [-1000, 17]},
        {"name": "flags", "type": "BOOL", "fraction_bits": 0, "range": [0, 1], "shape": [rows, 2], "values": [True, False, False, True]},
    ]
    outputs = [
        {"name": "scores", "type": "FP32", "fraction_bits": 16, "shape": [rows, 3], "values": [0.5, -0.125, 100.0, -32768.0, 1.52587890625e-05, 0.0]},
        {"name": "total", "type": "INT64", "fraction_bits": 0, "shape": [rows], "values": [-(2**63), 9007199254740993]},
        {"name": "sure", "type": "BOOL", "fraction_bits": 0, "shape": [rows], "values": [True, False]},
    ]

    shares = [[] for _ in range(parties)]
    for one in inputs:
        encoded = [rounded(value, one["fraction_bits"]) % MODULUS for value in one["values"]]
        one["words"] = words(encoded)
        rest = encoded
        for party in range(parties - 1):
            mask = share(seeds[party], identifier, model, one["name"], party, len(encoded))
            shares[party].append(mask)
            rest = [(value - masked) % MODULUS for value, masked in zip(rest, mask)]
        shares[-1].append(rest)

    def parameters(one):
        made = {"crypten_type": one["type"], "crypten_fraction_bits": one["fraction_bits"]}
        if "range" in one:
            made["crypten_range"] = one["range"]
            made["crypten_shapes"] = [[-1] + one["shape"][1:]]
            made["crypten_pad"] = 0
        return made

    def described(one):
        return {"name": one["name"], "datatype": "UINT64", "shape": [-1] + one["shape"][1:], "parameters": parameters(one)}

    metadata = [
        {
            "name": model, "versions": [version], "platform": "crypten",
            "inputs": [described(one) for one in inputs], "outputs": [described(one) for one in outputs],
            "parameters": {"crypten_sharing": 1, "crypten_cell": "bank", "crypten_epoch": epoch.hex(), "crypten_party": party,
                           "crypten_parties": parties, "crypten_party_name": names[party], "crypten_rows": 32},
        }
        for party in range(parties)
    ]

    requests = []
    for party in range(parties):
        head = {"id": identifier.hex(), "parameters": {"crypten_sharing": 1, "crypten_epoch": epoch.hex()},
                "inputs": [{"name": one["name"], "shape": one["shape"], "datatype": "UINT64"} for one in inputs],
                "outputs": [{"name": one["name"]} for one in outputs]}
        made = {"party": party, "shares": [words(values) for values in shares[party]]}
        if party < parties - 1:
            head["parameters"]["crypten_seed"] = seeds[party].hex()
            made["json"] = head
        else:
            tail = b"".join(little_endian(values) for values in shares[party])
            with_sizes = json.loads(json.dumps(head))
            for one, values in zip(with_sizes["inputs"], shares[party]):
                one["parameters"] = {"binary_data_size": 8 * len(values)}
            for one, values in zip(head["inputs"], shares[party]):
                one["data"] = values
            made["json"], made["binary_json"], made["binary_tail"] = head, with_sizes, tail.hex()
        requests.append(made)

    tag = sha256(b"crypten reply 1" + epoch + binding + identifier)
    replies = []
    answers = []
    for one in outputs:
        encoded = [rounded(value, one["fraction_bits"]) % MODULUS for value in one["values"]]
        parts = [list(struct.unpack(f"<{len(encoded)}Q", drawn(label + f"reply {party} {one['name']}", 8 * len(encoded))))
                 for party in range(parties - 1)]
        parts.append([(value - sum(column)) % MODULUS for value, column in zip(encoded, zip(*parts))])
        answers.append(parts)
    for party in range(parties):
        described_outputs = [
            {"name": one["name"], "shape": one["shape"], "datatype": "UINT64", "parameters": parameters(one), "data": answers[index][party]}
            for index, one in enumerate(outputs)
        ]
        body = {"model_name": model, "model_version": version, "id": identifier.hex(), "parameters": {"crypten_tag": tag.hex()},
                "outputs": described_outputs}
        binary = json.loads(json.dumps(body))
        for one in binary["outputs"]:
            one["parameters"]["binary_data_size"] = 8 * len(one.pop("data"))
        tail = b"".join(little_endian(answers[index][party]) for index in range(len(outputs)))
        replies.append({"party": party, "words": [words(parts[party]) for parts in answers],
                        "json": body, "binary_json": binary, "binary_tail": tail.hex()})
    for one in inputs + outputs:
        if one["type"] == "INT64":
            one["values"] = [str(value) for value in one["values"]]
    return {
        "parties": parties, "model": model, "version": version, "id": identifier.hex(), "seeds": [seed.hex() for seed in seeds],
        "epoch": epoch.hex(), "binding": binding.hex(), "tag": tag.hex(), "metadata": metadata,
        "inputs": inputs, "requests": requests, "replies": replies, "outputs": outputs,
    }


def written(value, depth=0, budget=150):
    """JSON with a line for whatever fits into one."""
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not isinstance(value, (dict, list)) or len(flat) + depth <= budget:
        return flat
    space = " " * (depth + 2)
    if isinstance(value, dict):
        lines = [f"{space}{json.dumps(key, ensure_ascii=False)}: {written(inner, depth + 2)}" for key, inner in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"
    lines = [space + written(inner, depth + 2) for inner in value]
    return "[\n" + ",\n".join(lines) + "\n" + " " * depth + "]"


def main():
    files = {
        "chacha20.json": make_chacha20(),
        "hkdf.json": make_hkdf(),
        "shares.json": make_shares(),
        "numbers.json": make_numbers(),
        "padding.json": make_padding(),
        "fingerprints.json": make_fingerprints(),
        "exchange-2.json": make_exchange(2),
        "exchange-3.json": make_exchange(3),
    }
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit("usage: make_vectors.py [--check]")
    stale = []
    for name, value in files.items():
        text = written(value) + "\n"
        path = HERE / name
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        sys.exit("these differ from what make_vectors.py makes, which writes them anew without --check: " + ", ".join(stale))


if __name__ == "__main__":
    main()
