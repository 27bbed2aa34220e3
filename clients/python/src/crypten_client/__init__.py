"""A client of the door of swift-crypten: asks a model that no party sees the question of, or the answer.

    from crypten_client import Cell

    cell = Cell.load("cell.json", certificate="app.pem", key="app.key")
    scores = cell.infer("digits", {"image": image})["scores"]

An input is split here into one share for each party of a cell, each share goes to its party over HTTPS, and the shares of the answer that
come back are added. All parties together are needed to read either. The goals of this module, in order: no share, seed or token goes to
anyone but the party that it is for; an id and a seed are used once; a wrong answer becomes an error wherever it can be seen; every wait
and every allocation has a bound.

The wire is specified in "The door: clients that are no party" of the project's documentation. This module needs numpy, and nothing else.
"""
from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import math
import os
import queue
import random
import re
import secrets
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Generic, List, Mapping, NoReturn, Optional, Sequence, Set, Tuple, Type, TypeVar, Union, cast

import numpy as np
import numpy.typing as npt

__all__ = [
    "Budget", "Canaries", "CanaryFailed", "Cell", "Configuration", "ConnectionLost", "CrypTenError", "Forbidden", "IdentityMismatch",
    "InvalidInput", "MalformedReply", "MetadataDisagrees", "Model", "Party", "Refused", "RepliesDisagree", "Tensor", "TimedOut",
    "Unauthorized",
]

Array = npt.NDArray[Any]
Words = npt.NDArray[np.uint64]
PathLike = Union[str, "os.PathLike[str]"]
Token = Union[Callable[[str], str], Mapping[str, str]]

_METADATA_BYTES = 4 << 20  # the most that metadata may take
_REFUSAL_BYTES = 64 << 10  # the most that a refusal may take
_REPLY_BYTES = 256 << 20  # the most that a reply may take whose size the metadata doesn't say
_REQUEST_WORDS = 1 << 28  # the most words of one input
_IDLE_SECONDS = 20.0  # a connection that has been idle for longer isn't used again
_PATIENCE_SECONDS = 2.0  # how long other parties' answers are waited for after one has failed


# Errors


class CrypTenError(Exception):
    """Why there is no answer.

    The message is for whoever runs this program. It holds shapes, names and indices, but no share, seed, input or token.

    - code: what happened, in one word: a code of the door's table of errors, or one of those below.
    - party: the name of the party that it happened with, where it was one.
    - status: the HTTP status of that party's reply, where there was one.
    """

    def __init__(self, message: str, *, code: str, party: Optional[str] = None, status: Optional[int] = None) -> None:
        super().__init__(message)
        self.code = code
        self.party = party
        self.status = status
        self._pause = 0.2  # seconds until it is worth asking anew


class Configuration(CrypTenError):
    """The cell's file, a certificate, a key or a token is missing or can't be used. Code `configuration`."""


class InvalidInput(CrypTenError, ValueError):
    """An input has a dtype, a shape or a number that the model doesn't take. Code `invalid_input`; nothing was sent."""


class IdentityMismatch(CrypTenError):
    """Who answers at a party's address isn't that party. Code `identity`; nothing was sent to it."""


class ConnectionLost(CrypTenError):
    """A party can't be reached, or its connection ended before the reply did. Code `lost`."""


class TimedOut(CrypTenError):
    """The time limit passed. Code `timeout`."""


class MalformedReply(CrypTenError):
    """A party's reply isn't what the protocol says. Code `malformed_reply`."""


class MetadataDisagrees(CrypTenError):
    """Parties say different things of a model. Code `metadata`; no question was asked."""


class RepliesDisagree(CrypTenError):
    """The parties' replies aren't shares of one answer. Code `replies_disagree`."""


class CanaryFailed(CrypTenError):
    """A row whose answer was known was answered otherwise. Code `canary`."""


class Refused(CrypTenError):
    """A party refused the request; `code` is the party's."""


class Unauthorized(Refused):
    """The party knows no certificate or token of this client, or the token has expired. Code `unauthorized`."""


class Forbidden(Refused):
    """The client may not have this model or output. Code `forbidden`."""


class Budget(Refused):
    """The rows of this UTC day are used up. Code `budget`."""


#: What to do about a refusal, by its code.
_ADVICE = {
    "malformed": "client and cell may be of different versions",
    "needs_shares": "it takes no plain numbers; client and cell may be of different versions",
    "sharing_version": "install the client that belongs to the cell's version",
    "unauthorized": "check that its owner has entered this client's certificate or key, and that the token is new and for this party",
    "forbidden": "ask its owner for the model, or name in outputs= those that the client may have",
    "not_found": "check the model's name and version",
    "too_slow": "the upload took too long; send fewer rows at once",
    "epoch": "the cell's session is new; ask again",
    "duplicate": "the id of a request was used before; ask again",
    "mismatch": "another party has the request in another form; ask again, and if it stays so, compare the versions of the parties",
    "too_large": "send fewer rows at once",
    "budget": "ask tomorrow (UTC), or ask its owner for more",
    "busy": "ask again later",
    "restarting": "the cell's session ended meanwhile; ask again",
    "incomplete": "another party didn't get its part in time; ask again",
}

#: Codes, the most telling first: which of several parties' failures is raised. Codes that aren't here stand where `None` is.
_TELLING: Tuple[Optional[str], ...] = (
    "identity", "unauthorized", "forbidden", "budget", "sharing_version", "needs_shares", "too_large", "malformed", None, "not_found",
    "duplicate", "too_slow", "epoch", "restarting", "busy", "timeout", "lost", "mismatch", "incomplete",
)
_RETRIED = frozenset({"epoch", "restarting", "incomplete", "busy", "lost"})
_KEEPS_METADATA = frozenset({"incomplete", "busy", "timeout", "invalid_input", "canary"})


def _rank(error: CrypTenError) -> int:
    return _TELLING.index(error.code if error.code in _TELLING else None)


def _is_decisive(error: CrypTenError) -> bool:
    """Whether nothing that another party may still say would tell more."""
    return _rank(error) < _TELLING.index("epoch")


def _invalid(message: str) -> InvalidInput:
    return InvalidInput(message, code="invalid_input")


def _misconfigured(message: str) -> Configuration:
    return Configuration(message, code="configuration")


def _refusal(party: str, status: int, code: str, sentence: str) -> Refused:
    kinds: Dict[str, Type[Refused]] = {"unauthorized": Unauthorized, "forbidden": Forbidden, "budget": Budget}
    # The sentence is another's: nothing in it may look like a token, a seed or an id, move a cursor, or be endless.
    sentence = re.sub(r"[\w+/=.\-]{24,}", "…", "".join(letter if letter.isprintable() else " " for letter in sentence))[:300]
    advice = _ADVICE.get(code, "see the documentation of the door")
    said = f' and says "{sentence}"' if sentence else ""
    return kinds.get(code, Refused)(
        f"party {party!r} refused the request with {code} (HTTP {status}){said}: {advice}", code=code, party=party, status=status
    )


# Secrets: HKDF, ChaCha20, shares


def _hkdf(input_key: bytes, salt: bytes, info: bytes, count: int) -> bytes:
    """`count` bytes of HKDF-SHA256; an empty salt is none.

    > RFC 5869.
    """
    key = hmac.new(salt or bytes(32), input_key, hashlib.sha256).digest()
    output = block = b""
    for index in range(1, -(-count // 32) + 1):
        block = hmac.new(key, block + info + bytes([index]), hashlib.sha256).digest()
        output += block
    return output[:count]


_LANES = 4096  # blocks that are computed together: their state fits into a cache of second level


def _chacha20(key: bytes, nonce: bytes, counter: int, blocks: int) -> bytes:
    """The key stream of `blocks` blocks from `counter` on: 64 bytes each.

    The state is four rows of four words, each word a lane for every block; a diagonal round is a round of columns on rows that are turned.
    Time depends on `blocks` alone.

    > RFC 8439, section 2.3.
    """
    if counter + blocks > 1 << 32:
        raise OverflowError("the counter of ChaCha20 has 32 bits")
    head = np.array(struct.unpack("<12I", b"expand 32-byte k" + key), dtype=np.uint32)
    tail = np.array(struct.unpack("<3I", nonce), dtype=np.uint32)
    output = np.empty((blocks, 16), dtype="<u4")
    for first in range(0, blocks, _LANES):
        lanes = min(_LANES, blocks - first)
        start = np.empty((16, lanes), dtype=np.uint32)
        start[:12] = head[:, None]
        start[12] = np.arange(counter + first, counter + first + lanes, dtype=np.uint64).astype(np.uint32)
        start[13:] = tail[:, None]
        a, b, c, d = (start[4 * row : 4 * row + 4].copy() for row in range(4))
        spare = np.empty((4, lanes), dtype=np.uint32)
        for _ in range(10):
            _quarter_rounds(a, b, c, d, spare)
            b, c, d = b[[1, 2, 3, 0]], c[[2, 3, 0, 1]], d[[3, 0, 1, 2]]
            _quarter_rounds(a, b, c, d, spare)
            b, c, d = b[[3, 0, 1, 2]], c[[2, 3, 0, 1]], d[[1, 2, 3, 0]]
        for row, value in enumerate((a, b, c, d)):
            value += start[4 * row : 4 * row + 4]
            output[first : first + lanes, 4 * row : 4 * row + 4] = value.T
    return output.tobytes()


def _quarter_rounds(a: Array, b: Array, c: Array, d: Array, spare: Array) -> None:
    """A quarter round in each column of each block, in place."""
    for added, base, turned, by in ((b, a, d, 16), (d, c, b, 12), (b, a, d, 8), (d, c, b, 7)):
        base += added
        turned ^= base
        np.right_shift(turned, np.uint32(32 - by), out=spare)
        np.left_shift(turned, np.uint32(by), out=turned)
        turned |= spare


def _share(seed: bytes, identifier: bytes, model: str, name: str, party: int, count: int) -> Words:
    """The `count` words of an input that party `party` makes of its seed."""

    def prefixed(data: bytes) -> bytes:
        return struct.pack("<I", len(data)) + data

    info = b"crypten share 1" + prefixed(identifier) + prefixed(model.encode()) + prefixed(name.encode()) + struct.pack("<I", party)
    return _words(_chacha20(_hkdf(seed, b"", info, 32), bytes(12), 0, -(-count // 8)), count)


def _words(data: Union[bytes, memoryview], count: int) -> Words:
    """The first `count` little-endian words."""
    return np.frombuffer(data, dtype="<u8", count=count).astype(np.uint64) if count else np.empty(0, dtype=np.uint64)


# Numbers


def _round(values: Array, fraction_bits: int) -> npt.NDArray[np.float64]:
    """round(x · 2^f) to the nearest whole number, halves away from zero; exact, for what is cut off is computed without rounding.

    Adding one half and rounding down would make 1 of 0.49999999999999994, and even numbers of odd ones beyond 2^52.
    """
    scaled = np.ldexp(values.astype(np.float64), fraction_bits)
    whole = np.trunc(scaled)
    return cast("npt.NDArray[np.float64]", whole + np.copysign(np.abs(scaled - whole) >= 0.5, scaled))


def _decode(words: Words, type_name: str, fraction_bits: int) -> Array:
    """The numbers that words stand for, in the dtype of the model's type. Whoever calls has seen that words of `BOOL` are 0 or 1."""
    signed = words.view(np.int64)
    if type_name == "BOOL":
        return signed.astype(np.bool_)
    if type_name == "INT64":
        return signed
    return np.ldexp(signed.astype(np.float64), -fraction_bits).astype(np.float32 if type_name == "FP32" else np.float64)


def _first(mask: Array) -> Tuple[int, ...]:
    """The index of the first element that holds."""
    return tuple(int(index) for index in np.unravel_index(int(np.argmax(mask)), mask.shape))


def _encode(tensor: Tensor, values: Array, label: str) -> Words:
    """The words of an input, checked: dtype, finite, range. `label` names it in errors, which tell where, and never what."""
    kind = values.dtype.kind
    if tensor.type == "BOOL":
        if kind != "b":
            raise _invalid(f"{label} has dtype {values.dtype}, and the model takes truth values: convert it with .astype(bool)")
        return values.astype(np.uint64)
    low, high = tensor.range if tensor.range is not None else (-math.inf, math.inf)
    outside = "the model takes numbers {} there: scale or clip the input".format(
        f"from {low} to {high}" if tensor.range is not None else f"of which 2^{tensor.fraction_bits} times fit into 64 bits"
    )
    if tensor.type == "INT64":
        if kind not in "iu":
            raise _invalid(f"{label} has dtype {values.dtype}, and the model takes whole numbers: convert it with .astype(numpy.int64)")
        least = max(-(2**63), math.ceil(low) if low > -math.inf else -(2**63))
        most = min(2**63 - 1, math.floor(high) if high < math.inf else 2**63 - 1)
        limits = np.iinfo(values.dtype)
        wrong = np.zeros(values.shape, dtype=np.bool_)
        if least > limits.min:
            wrong |= values < values.dtype.type(least) if least <= limits.max else True
        if most < limits.max:
            wrong |= values > values.dtype.type(most) if most >= limits.min else True
        if wrong.any():
            raise _invalid(f"{label} is out of range at index {_first(wrong)}: {outside}")
        return values.astype(np.int64).view(np.uint64)
    if kind not in "fiu" or values.dtype.itemsize > 8:
        raise _invalid(f"{label} has dtype {values.dtype}, and the model takes real numbers: convert it with .astype(numpy.float64)")
    reals = values.astype(np.float64)
    wrong = ~np.isfinite(reals)
    if wrong.any():
        raise _invalid(f"{label} isn't finite at index {_first(wrong)}: replace what is infinite or not a number")
    wrong = (reals < low) | (reals > high)
    if kind in "iu":  # a double holds these whole numbers, and must not have rounded them
        wrong |= np.abs(reals) > 2.0**53
    if wrong.any():
        raise _invalid(f"{label} is out of range at index {_first(wrong)}: {outside}")
    with np.errstate(over="ignore"):
        whole = _round(reals, tensor.fraction_bits)
    wrong = ~((whole >= -(2.0**63)) & (whole < 2.0**63))
    if wrong.any():
        raise _invalid(
            f"{label} is out of range at index {_first(wrong)}: 2^{tensor.fraction_bits} times a number must fit into 64 bits: scale the input"
        )
    return whole.astype(np.int64).view(np.uint64)


def _holding(tensor: Tensor, shape: Tuple[int, ...], label: str) -> List[int]:
    """Which of the shapes that the model lists for an input hold it, in their order; one at least."""
    if len(shape) > 0 and shape[0] == 0:
        raise _invalid(f"{label} has no rows, shape {shape}: give at least one")
    holding = [
        index for index, candidate in enumerate(tensor.shapes)
        if len(candidate) == len(shape) and all(have <= room for have, room in zip(shape[1:], candidate[1:]))
    ]
    if holding and (len(tensor.shapes) > 1 or tensor.shapes[0][1:] == shape[1:]):  # one shape is the shape; padding is for several
        return holding
    takes = " or ".join("(" + ", ".join(["rows", *map(str, candidate[1:])]) + ")" for candidate in tensor.shapes)
    missing = any(candidate[1:] == shape for candidate in tensor.shapes)
    remedy = "add the axis of rows with array[numpy.newaxis]" if missing else "reshape it"
    if len(tensor.shapes) > 1 and not missing:
        remedy = "reshape or shorten it, for it is padded up to these but never cut"
    raise _invalid(f"{label} has shape {shape}, and the model takes {takes}: {remedy}")


def _buckets(model: Model, shapes: Mapping[str, Tuple[int, ...]], label: str) -> Dict[str, Tuple[int, ...]]:
    """The shapes to which inputs are padded: those that stand at the first place of the model's lists where all inputs are held.

    Shapes of several inputs that stand at one place belong together, as those of a text and of what says where it ends.
    """
    holding = [_holding(tensor, shapes[tensor.name], f"{label} {tensor.name!r}") for tensor in model.inputs]
    index = next((place for place in holding[0] if all(place in places for places in holding)), None)
    if index is None:
        raise _invalid(
            f"{label}s of model {model.name!r} are held by none of its shapes together, which belong to each other in their order: pad them to "
            "one of these"
        )
    padded = {tensor.name: shapes[tensor.name][:1] + tensor.shapes[index][1:] for tensor in model.inputs}
    for name, shape in padded.items():
        if math.prod(shape) > _REQUEST_WORDS:
            raise _invalid(f"{label} {name!r} takes {math.prod(shape)} words with its padding, more than {_REQUEST_WORDS}: send fewer rows at once")
    return padded


def _padded(words: Words, shape: Tuple[int, ...], pad: np.uint64) -> Words:
    if words.shape == shape:
        return words
    room = np.full(shape, pad, dtype=np.uint64)
    room[tuple(slice(0, extent) for extent in words.shape)] = words
    return room


# Models, as metadata describes them


@dataclass(frozen=True)
class Tensor:
    """An input or an output of a model.

    - type: `FP32`, `FP64`, `INT64` or `BOOL`.
    - fraction_bits: a real x travels as round(x · 2^fraction_bits).
    - shape: its shape, with -1 for the rows.
    - range: the least and the greatest number that an input may hold, where the model says so.
    - shapes: the shapes that an input may have; it is padded to the first that holds it.
    - pad: the number that it is padded with.
    """

    name: str
    type: str
    fraction_bits: int
    shape: Tuple[int, ...]
    range: Optional[Tuple[float, float]] = None
    shapes: Tuple[Tuple[int, ...], ...] = ()
    pad: float = 0


@dataclass(frozen=True)
class Model:
    """What all parties say of a model.

    - versions: digests of the model's public form: first the one that this describes, and that is asked.
    - rows: the most rows of one request; more of them become several.
    - epoch: which session of the cell this belongs to.
    - row_counts: the numbers of rows that a call may have, where the model mixes its rows; any where it is left out.
    """

    name: str
    versions: Tuple[str, ...]
    inputs: Tuple[Tensor, ...]
    outputs: Tuple[Tensor, ...]
    rows: int
    epoch: str = field(compare=False)
    row_counts: Optional[Tuple[int, ...]] = None


class _Malformed(Exception):
    """What is wrong with a text of a party: no more than a few words of ours."""


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise _Malformed(what)


def _parse(text: bytes) -> Dict[str, Any]:
    def refuse(_: str) -> NoReturn:
        raise ValueError

    def whole(digits: str) -> int:
        return int(digits) if len(digits) <= 400 else refuse(digits)  # those of a double; millions of them would take hours

    try:
        value = json.loads(text.decode(), parse_constant=refuse, parse_int=whole)
    except (ValueError, RecursionError):
        raise _Malformed("it isn't JSON in UTF-8") from None
    return _dictionary(value, "the body")


def _dictionary(value: Any, what: str) -> Dict[str, Any]:
    _require(isinstance(value, dict), f"{what} is no object")
    return cast(Dict[str, Any], value)


def _list(value: Any, what: str) -> List[Any]:
    _require(isinstance(value, list), f"{what} is no list")
    return cast(List[Any], value)


def _string(value: Any, what: str, pattern: str = r"(?s).+") -> str:
    _require(isinstance(value, str) and re.fullmatch(pattern, value) is not None, f"{what} isn't the text that it should be")
    return cast(str, value)


def _integer(value: Any, what: str, least: int, most: int) -> int:
    _require(type(value) is int and least <= value <= most, f"{what} isn't a whole number from {least} to {most}")
    return cast(int, value)


def _number(value: Any, what: str) -> Union[int, float]:
    _require(type(value) in (int, float) and -sys.float_info.max <= value <= sys.float_info.max, f"{what} is no finite number")
    return cast(Union[int, float], value)


def _shape(value: Any, what: str, least: int) -> Tuple[int, ...]:
    extents = _list(value, what)
    _require(len(extents) <= 32, f"{what} has more than 32 axes")
    return tuple(_integer(extent, f"an extent of {what}", least, 2**40) for extent in extents)


def _type(parameters: Dict[str, Any]) -> Tuple[str, int]:
    name = _string(parameters.get("crypten_type"), "crypten_type", "FP32|FP64|INT64|BOOL")
    bits = _integer(parameters.get("crypten_fraction_bits", 0 if name in ("INT64", "BOOL") else None), "crypten_fraction_bits", 0, 62)
    _require(bits == 0 or name in ("FP32", "FP64"), "a whole number has fraction bits")
    return name, bits


def _tensor(value: Any, is_input: bool) -> Tensor:
    one = _dictionary(value, "a tensor")
    parameters = _dictionary(one.get("parameters"), "the parameters of a tensor")
    _require(one.get("datatype") == "UINT64", "a datatype isn't UINT64")
    name = _string(one.get("name"), "the name of a tensor")
    type_name, bits = _type(parameters)
    shape = _shape(one.get("shape"), "a shape", -1)
    if not is_input:
        return Tensor(name, type_name, bits, shape)
    limits: Optional[Tuple[float, float]] = None
    if parameters.get("crypten_range") is not None:
        pair = _list(parameters["crypten_range"], "crypten_range")
        _require(len(pair) == 2, "crypten_range isn't two numbers")
        low, high = (_number(limit, "a limit of crypten_range") for limit in pair)
        _require(low <= high, "crypten_range is empty")
        limits = (low, high)
    shapes = tuple(_shape(one_shape, "crypten_shapes", -1) for one_shape in _list(parameters.get("crypten_shapes", [list(shape)]), "crypten_shapes"))
    _require(len(shapes) > 0, "crypten_shapes is empty")
    for one_shape in shapes:
        _require(len(one_shape) > 0 and one_shape[0] == -1 and -1 not in one_shape[1:], "crypten_shapes doesn't have -1 for the rows, and only there")
    pad = _number(parameters.get("crypten_pad", 0), "crypten_pad")
    made = Tensor(name, type_name, bits, shape, limits, shapes, pad)
    _pad_word(made)
    return made


def _pad_word(tensor: Tensor) -> np.uint64:
    whole = float(_round(np.array([tensor.pad], dtype=np.float64), tensor.fraction_bits)[0])
    if type(tensor.pad) is int and tensor.fraction_bits == 0:
        whole = tensor.pad
    _require(-(2**63) <= whole < 2**63, "crypten_pad doesn't fit into a word")
    return np.uint64(int(whole) % 2**64)


def _model(document: Dict[str, Any], name: str, cell: str) -> Model:
    """A model from its metadata, checked: whatever a party sends becomes a model or an error."""
    parameters = _dictionary(document.get("parameters"), "parameters")
    _require(document.get("name") == name, "it is of another model")
    _require(parameters.get("crypten_cell") == cell, "it is of another cell than the file of the cell names")
    versions = tuple(_string(one, "a version", "[0-9a-f]{16}") for one in _list(document.get("versions"), "versions"))
    _require(len(versions) > 0, "there is no version")
    inputs = tuple(_tensor(one, True) for one in _list(document.get("inputs"), "inputs"))
    outputs = tuple(_tensor(one, False) for one in _list(document.get("outputs"), "outputs"))
    for tensors in (inputs, outputs):
        _require(len(tensors) > 0 and len({one.name for one in tensors}) == len(tensors), "inputs or outputs are none, or share a name")
    _require(len({len(one.shapes) for one in inputs}) == 1, "its inputs list different numbers of shapes")
    rows = _integer(parameters.get("crypten_rows"), "crypten_rows", 1, 2**31)
    counts: Optional[Tuple[int, ...]] = None
    if parameters.get("crypten_row_counts") is not None:
        listed = _list(parameters["crypten_row_counts"], "crypten_row_counts")
        _require(len(listed) > 0, "crypten_row_counts is empty")
        counts = tuple(_integer(count, "a number of crypten_row_counts", 1, rows) for count in listed)
    return Model(
        name, versions, inputs, outputs, rows, _string(parameters.get("crypten_epoch"), "crypten_epoch", "[0-9a-f]{32}"), counts
    )


def _without_party(document: Dict[str, Any], drop: Sequence[str] = ("crypten_party", "crypten_party_name")) -> str:
    """Metadata as one text, without what parties may say differently."""
    parameters = {key: value for key, value in document.get("parameters", {}).items() if key not in drop}
    return json.dumps({**document, "parameters": parameters}, sort_keys=True)


# Replies


@dataclass(frozen=True)
class _Reply:
    """A party's share of an answer."""

    tag: str
    outputs: Dict[str, Words]


def _reply(body: bytes, head: Optional[int], model: Model, identifier: str, rows: int, asked: Optional[Sequence[str]]) -> _Reply:
    """A reply, checked against what was asked. `head` is the length of the JSON where the binary form follows it."""
    _require(head is None or 0 <= head <= len(body), "the length of its JSON is wrong")
    document = _parse(body if head is None else body[:head])
    rest = memoryview(b"" if head is None else body)[head or 0 :]
    _require(document.get("id") == identifier, "it has another id")
    _require(document.get("model_name") == model.name, "it is of another model")
    _require(document.get("model_version") == model.versions[0], "it is of another version of the model")
    tag = _string(_dictionary(document.get("parameters"), "parameters").get("crypten_tag"), "crypten_tag", "[0-9a-f]{64}")
    outputs: Dict[str, Words] = {}
    for one in _list(document.get("outputs"), "outputs"):
        output = _dictionary(one, "an output")
        known = next((tensor for tensor in model.outputs if tensor.name == output.get("name")), None)
        if known is None or known.name in outputs:
            raise _Malformed("an output isn't the model's, or comes twice")
        parameters = _dictionary(output.get("parameters", {}), "the parameters of an output")
        _require(output.get("datatype") == "UINT64", "a datatype isn't UINT64")
        _require(_type(parameters) == (known.type, known.fraction_bits), "an output has another type than the model says")
        shape = _shape(output.get("shape"), "the shape of an output", 0)
        _require(_fits(shape, known.shape, rows), "an output has another shape than the model says")
        count = math.prod(shape)
        if "data" in output:
            data = _list(output["data"], "data")
            _require(len(data) == count, "an output has another number of words than its shape")
            _require(all(type(word) is int and 0 <= word < 2**64 for word in data), "an output's words aren't words")
            words = np.array(data, dtype=np.uint64)
        else:
            size = parameters.get("binary_data_size")
            _require(size == 8 * count and 8 * count <= len(rest), "an output's binary form has another length than its shape")
            words = _words(rest, count)
            rest = rest[8 * count :]
        outputs[known.name] = words.reshape(shape)
    _require(len(rest) == 0, "bytes follow its outputs")
    _require(len(outputs) > 0 if asked is None else set(outputs) == set(asked), "it doesn't have the outputs that were asked for")
    return _Reply(tag, outputs)


def _fits(shape: Tuple[int, ...], model: Tuple[int, ...], rows: int) -> bool:
    """Whether a reply's shape is what the model says: -1 are the rows in the first axis, and whatever the padding made of it in others."""
    if len(shape) != len(model):
        return False
    return all(
        extent == (rows if axis == 0 else extent) if expected == -1 else extent == expected
        for axis, (extent, expected) in enumerate(zip(shape, model))
    )


def _reply_limit(model: Model, rows: int) -> int:
    """The most bytes of a reply: what its outputs take in either form, and room for names; or a fixed limit where a shape isn't known."""
    words = 0
    for output in model.outputs:
        if -1 in output.shape[1:]:
            return _REPLY_BYTES
        words += math.prod(rows if extent == -1 else extent for extent in output.shape)
    return min(_REPLY_BYTES, (64 << 10) + 1024 * len(model.outputs) + 24 * words)


# Connections


def _remaining(deadline: float) -> float:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise socket.timeout("the time limit passed")
    return remaining


class _Socket(ssl.SSLSocket):
    """A TLS socket whose waits end at one time: a party that sends a byte now and then can't prolong them."""

    deadline: float = 0.0
    ended: bool = False  # the other end has sent its last byte, and more was wanted

    def send(self, data: Any, flags: int = 0) -> int:
        self.settimeout(_remaining(self.deadline))
        return super().send(data, flags)

    def recv_into(self, buffer: Any, nbytes: Optional[int] = None, flags: int = 0) -> int:
        self.settimeout(_remaining(self.deadline))
        count = super().recv_into(buffer, nbytes, flags)
        self.ended = self.ended or count == 0
        return count

    def is_idle(self) -> bool:
        """Whether it stands, and nothing has come that nobody asked for."""
        self.settimeout(0)
        try:
            super().recv(1)
        except ssl.SSLWantReadError:
            return True
        except (OSError, ValueError):
            return False
        return False

    def cut(self) -> None:
        """Ends the connection below TLS, which another thread that waits for it notices."""
        try:
            socket.socket.shutdown(self, socket.SHUT_RDWR)
        except OSError:
            pass


class _Connection(http.client.HTTPConnection):
    """HTTP on a connection that was made, and whose other end was identified, elsewhere. It never connects by itself."""

    auto_open = 0
    default_port = 443

    def __init__(self, party: Party, tls: _Socket, fingerprint: str) -> None:
        super().__init__(party._host, party._port)
        self.sock = tls
        self.tls = tls
        self.fingerprint = fingerprint
        self.idle_since = 0.0


def _fingerprint(text: str) -> str:
    """64 hexadecimal digits of what was written with hyphens, colons or spaces."""
    digits = re.sub(r"[-:\s]", "", text).lower()
    if re.fullmatch("[0-9a-f]{64}", digits) is None:
        raise ValueError("a fingerprint is 64 hexadecimal digits, hyphens, colons and spaces aside")
    return digits


def _written(fingerprint: str) -> str:
    return "-".join(fingerprint[index : index + 4] for index in range(0, 64, 4))


@dataclass(frozen=True)
class Party:
    """Where a party is, and by what it is known: certificates' fingerprints, or authorities. While one replaces another both are given.

    - url: `https://HOST:PORT`, perhaps with a path under which the door stands.
    - fingerprints: SHA-256 of certificates in DER, as 64 hexadecimal digits; hyphens, colons and spaces don't matter. The host's name
      and the certificate's dates don't matter then.
    - authorities: certificates in PEM; the party's must be issued by one of them for the host of `url`. The system's don't count.
    """

    name: str
    url: str
    fingerprints: Tuple[str, ...] = ()
    authorities: Tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise _misconfigured("a party of the cell has no name: give each the name that its owner uses")
        try:
            address = urllib.parse.urlsplit(self.url)
            usable = (
                address.scheme == "https" and bool(address.hostname) and address.port != 0
                and not (address.query or address.fragment or address.username is not None)
                and re.fullmatch(r"[!-~]*", self.url) is not None
            )
        except ValueError:
            usable = False
        if not usable:
            raise _misconfigured(f"the url of party {self.name!r} isn't https://HOST:PORT: correct it in the file of the cell")
        if bool(self.fingerprints) == bool(self.authorities):
            raise _misconfigured(f"party {self.name!r} needs either fingerprints or authorities to be known by: give one of the two")
        try:
            object.__setattr__(self, "fingerprints", tuple(_fingerprint(one) for one in self.fingerprints))
        except ValueError as error:
            raise _misconfigured(f"a fingerprint of party {self.name!r} can't be read: {error}") from None

    @property
    def _host(self) -> str:
        return urllib.parse.urlsplit(self.url).hostname or ""

    @property
    def _port(self) -> int:
        return urllib.parse.urlsplit(self.url).port or 443

    @property
    def _path(self) -> str:
        return urllib.parse.urlsplit(self.url).path.rstrip("/")


class _Link:
    """All connections to one party. Idle ones are kept, and used by one request at a time."""

    def __init__(self, party: Party, context: ssl.SSLContext, certified: bool) -> None:
        self.party = party
        self._context = context
        self._certified = certified  # whether the client shows a certificate
        self._lock = threading.Lock()
        self._idle: List[_Connection] = []

    def connect(self, deadline: float) -> _Connection:
        """A connection to the party, and to nobody else: an idle one, or a new one."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                break
            if time.monotonic() - connection.idle_since < _IDLE_SECONDS and connection.tls.is_idle():
                connection.tls.deadline = deadline
                return connection
            connection.close()
        party = self.party
        try:
            tls = self._dial(deadline)
        except socket.timeout:
            raise self.timed_out("connecting to") from None
        except ssl.SSLCertVerificationError as error:
            raise IdentityMismatch(
                f"who answers at {party.url} has no certificate that an authority of party {party.name!r} issued for this host "
                f"({error.verify_message}): check the address, and the authorities in the file of the cell",
                code="identity", party=party.name,
            ) from None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            raise self.lost("ended the connection while it was made") from None
        except ssl.SSLError as error:
            raise self._tls_failed(error) from None
        except OSError as error:
            raise self.lost(f"can't be reached at {party.url} ({error.strerror or type(error).__name__})") from None
        try:
            shown = hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()
            if party.fingerprints and shown not in party.fingerprints:
                raise IdentityMismatch(
                    f"who answers at {party.url} shows a certificate that isn't one of party {party.name!r}, with fingerprint "
                    f"{_written(shown)}: ask the party's owner, over another way than this one, whether it is new",
                    code="identity", party=party.name,
                )
            tls.deadline = deadline
            return _Connection(party, tls, shown)
        except BaseException:
            tls.close()
            raise

    def _dial(self, deadline: float) -> _Socket:
        party = self.party
        failure: OSError = OSError("no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(party._host, party._port, type=socket.SOCK_STREAM):
            plain = socket.socket(family, kind, protocol)
            try:
                plain.settimeout(_remaining(deadline))
                plain.connect(address)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                plain.settimeout(_remaining(deadline))
            except socket.timeout:
                plain.close()
                raise
            except OSError as error:
                plain.close()
                failure = error
                continue
            try:  # wrap_socket makes the handshake, within the socket's time
                return cast(_Socket, self._context.wrap_socket(plain, server_hostname=party._host))
            except BaseException:
                plain.close()
                raise
        raise failure

    def keep(self, connection: _Connection) -> None:
        connection.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def exchange(
        self, connection: _Connection, method: str, path: str, headers: Dict[str, str], body: Optional[bytes], limit: int
    ) -> Tuple[int, Mapping[str, str], bytes]:
        """Sends a request and reads the reply, of at most `limit` bytes. Afterwards the connection is idle, or closed."""
        reusable = False
        try:
            try:
                connection.request(method, self.party._path + path, body=body, headers=headers)
                sent = True
            except socket.timeout:
                raise
            except OSError:
                sent = False  # a party may refuse before it has read all, and its refusal, or an alert, may be there
            response = connection.getresponse()
            length = response.length
            if connection.tls.ended:
                raise self.lost("ended the connection within its reply")
            if length is None and not response.chunked:
                raise self.malformed("it doesn't say its length", response.status)
            limit = limit if response.status == 200 else _REFUSAL_BYTES
            pieces: List[bytes] = []
            size = 0
            while size <= limit and (length is None or length <= limit):
                piece = response.read(min(limit + 1 - size, 1 << 18))
                if not piece:
                    break
                pieces.append(piece)
                size += len(piece)
            else:
                raise self.malformed(f"it is longer than {limit} bytes, the most that it should need", response.status)
            if length is not None and size < length:
                raise self.lost("ended the connection within its reply")
            response.close()
            reusable = sent and not response.will_close
            return response.status, {key.lower(): value for key, value in response.getheaders()}, b"".join(pieces)
        except socket.timeout:
            raise self.timed_out("waiting for") from None
        except (OSError, http.client.IncompleteRead) as error:
            if _is_about_certificate(error):
                raise self._unauthorized(error) from None
            doubt = ", as one does that doesn't know this client's certificate" if self._certified and not connection.idle_since else ""
            raise self.lost(f"ended the connection before its reply{doubt}") from None
        except (http.client.HTTPException, ValueError):
            if connection.tls.ended:
                raise self.lost("ended the connection within its reply") from None
            raise self.malformed("it isn't HTTP", None) from None
        finally:
            if reusable:
                self.keep(connection)
            else:
                connection.close()

    def lost(self, what: str) -> ConnectionLost:
        return ConnectionLost(f"party {self.party.name!r} {what}: check that it runs, and ask again", code="lost", party=self.party.name)

    def timed_out(self, what: str) -> TimedOut:
        return TimedOut(
            f"the time limit passed while {what} party {self.party.name!r}: check that it runs, or give a longer timeout=",
            code="timeout", party=self.party.name,
        )

    def malformed(self, what: str, status: Optional[int]) -> MalformedReply:
        return MalformedReply(
            f"the reply of party {self.party.name!r} can't be used: {what}; client and cell may be of different versions, or something "
            "stands between them",
            code="malformed_reply", party=self.party.name, status=status,
        )

    def _tls_failed(self, error: ssl.SSLError) -> CrypTenError:
        if _is_about_certificate(error):
            return self._unauthorized(error)
        return IdentityMismatch(
            f"there is no TLS of version 1.2 or later with who answers at {self.party.url} for party {self.party.name!r} "
            f"({error.reason or 'no reason given'}): check the address",
            code="identity", party=self.party.name,
        )

    def _unauthorized(self, error: Exception) -> Unauthorized:
        return Unauthorized(
            f"party {self.party.name!r} doesn't take this client's certificate ({getattr(error, 'reason', '')}): give certificate= and key= of an "
            "identity that its owner has entered",
            code="unauthorized", party=self.party.name,
        )


def _is_about_certificate(error: Exception) -> bool:
    """Whether a party's alert says that it doesn't take the client's certificate; with TLS 1.3 it comes after the handshake."""
    return isinstance(error, ssl.SSLError) and re.search("ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)", error.reason or "") is not None


T = TypeVar("T")


class _Outcome(Generic[T]):
    """What became of one party's part: a value, a failure, or neither where it wasn't waited for any longer."""

    value: Optional[T] = None
    failure: Optional[BaseException] = None


def _together(jobs: Sequence[Callable[[], T]], deadline: float) -> List[_Outcome[T]]:
    """Runs a job for each party at the same time, until all have ended, one has failed and the others were given a while, or time is up.

    A job has time limits of its own; this one holds whatever it does, a name server that doesn't answer included.
    """
    ended: "queue.SimpleQueue[Tuple[int, Optional[T], Optional[BaseException]]]" = queue.SimpleQueue()

    def run(index: int) -> None:
        try:
            ended.put((index, jobs[index](), None))
        except BaseException as error:
            ended.put((index, None, error))

    for index in range(len(jobs)):
        threading.Thread(target=run, args=(index,), name=f"crypten-client-{index}", daemon=True).start()
    outcomes = [_Outcome[T]() for _ in jobs]
    until = deadline + 0.25  # the jobs' own errors say more
    for _ in jobs:
        try:
            index, value, failure = ended.get(timeout=max(until - time.monotonic(), 0.001))
        except queue.Empty:
            break
        outcomes[index].value, outcomes[index].failure = value, failure
        if failure is not None:
            if not isinstance(failure, CrypTenError) or _is_decisive(failure):
                break
            until = min(until, time.monotonic() + _PATIENCE_SECONDS)
    return outcomes


# Canaries


@dataclass(frozen=True)
class Canaries:
    """Rows with answers that are known, to be mixed among those that are asked.

    - inputs: as those of `Cell.infer`, any number of rows.
    - outputs: what the model answers to these rows, for all outputs or some: from the model in the clear, or from this cell on a day when
      it was trusted.
    - tolerance: how far a real number of an answer may be from the known one; whole numbers and truth values must be equal. Fixed point and
      approximations need some: a few times 2^-fraction_bits, more for deep models.
    - count: how many rows of these go into each call, chosen anew each time; all where it is left out.

    A party can't tell a canary from another row, nor where it stands. Of N rows in a call, k of them canaries, whoever falsifies m passes
    unseen with a probability of at most (1 − m/N)^k: a few canaries find whoever falsifies much, or again and again. They don't show a single
    falsified row among many, an error within the tolerance, or a model exchanged for one that answers these rows alike. They don't show
    who it was, and nothing of who reads along: for that all parties would have to put their shares together. They count as rows in
    budgets. Keep them from the parties, and don't use few of them for ever.
    """

    inputs: Mapping[str, npt.ArrayLike]
    outputs: Mapping[str, npt.ArrayLike]
    tolerance: float
    count: Optional[int] = None


@dataclass(frozen=True)
class _Question:
    """All rows of a call as words, canaries among them, in the order in which they are asked."""

    words: Dict[str, Words]
    rows: int


def _checked(model: Model, given: Mapping[str, npt.ArrayLike], label: str) -> Dict[str, Array]:
    """The inputs of a model as arrays: all of them, no others, with one number of rows."""
    names = [tensor.name for tensor in model.inputs]
    if set(given) != set(names):
        listed = ", ".join(map(repr, names))
        odd = ", ".join(repr(name) for name in [*(set(names) - set(given)), *(set(given) - set(names))])
        raise _invalid(f"{label}s don't fit model {model.name!r}, which takes {listed}: see to {odd}")
    arrays: Dict[str, Array] = {}
    for name in names:
        try:
            arrays[name] = np.asarray(given[name])
        except ValueError:
            raise _invalid(f"{label} {name!r} is no array: its rows have different lengths, so pad them yourself or ask for each alone") from None
        first = arrays[names[0]]
        if arrays[name].ndim > 0 and first.ndim > 0 and len(arrays[name]) != len(first):
            raise _invalid(
                f"{label} {name!r} has {len(arrays[name])} rows, and {label} {names[0]!r} has {len(first)}: the first axis of every input is the rows"
            )
    return arrays


class _Mixture:
    """Where the canaries of a call stand, which is drawn once, and what they should become."""

    def __init__(self, canaries: Canaries, rows: int) -> None:
        generator = secrets.SystemRandom()
        available = min((len(np.atleast_1d(np.asarray(one))) for one in canaries.inputs.values()), default=0)
        count = available if canaries.count is None else canaries.count
        if not 0 < count <= available:
            raise _invalid(f"{count} canaries were asked for, and {available} rows are given: let count be from 1 to their number")
        if not canaries.outputs or not canaries.tolerance >= 0:
            raise _invalid("canaries need known outputs, and a tolerance that isn't negative: give both")
        self.canaries = canaries
        self.available = available
        self.chosen = generator.sample(range(available), count)
        self.places = sorted(generator.sample(range(rows + count), count))
        self.others = [row for row in range(rows + count) if row not in set(self.places)]

    def check(self, model: Model, asked: Optional[Sequence[str]]) -> None:
        for name, values in self.canaries.outputs.items():
            if name not in (asked if asked is not None else [tensor.name for tensor in model.outputs]):
                raise _invalid(f"canaries know output {name!r}, which isn't asked for: leave it out there, or add it to outputs=")
            shape = np.shape(values)
            if len(shape) == 0 or shape[0] != self.available:
                raise _invalid(f"canaries' output {name!r} has shape {shape}, and their inputs have {self.available} rows: give one answer for each")

    def mix(self, asked: Words, canaries: Words) -> Words:
        mixed = np.empty((len(asked) + len(self.chosen),) + asked.shape[1:], dtype=np.uint64)
        mixed[self.others] = asked
        mixed[self.places] = canaries[self.chosen]
        return mixed

    def separate(self, answers: Dict[str, Array]) -> Dict[str, Array]:
        """The answers to the other rows, if all canaries have theirs."""
        for name, values in self.canaries.outputs.items():
            known = np.asarray(values)[self.chosen]
            if name not in answers or len(answers[name]) != len(self.others) + len(self.places):
                raise _invalid(f"canaries know output {name!r}, which hasn't come with an answer for each row: leave it out there")
            got = answers[name][self.places]
            if got.shape != known.shape:
                raise _invalid(f"canaries' output {name!r} has shape {known.shape[1:]} in each row, and the model's has {got.shape[1:]}: correct it")
            if got.dtype.kind == "f":
                off = ~(np.abs(got.astype(np.float64) - known.astype(np.float64)) <= self.canaries.tolerance)
            else:
                off = np.asarray(got != known)
            wrong = int(off.reshape(len(known), -1).any(axis=1).sum())
            if wrong:
                raise CanaryFailed(
                    f"{wrong} of {len(known)} canaries have another output {name!r} than the known one, so that the other rows' answers aren't given "
                    "either: a party computed wrongly, the model is another, or the tolerance is too small",
                    code="canary",
                )
        return {name: values[self.others] if len(values) == len(self.others) + len(self.places) else values for name, values in answers.items()}


# The cell


class Cell:
    """n parties that answer questions together, and that see neither these nor the answers unless all of them put their shares together.

    A cell may be used by several threads at once. It keeps connections; `close()`, or a `with` statement, ends them.
    """

    def __init__(
        self,
        name: str,
        parties: Sequence[Party],
        *,
        certificate: Optional[PathLike] = None,
        key: Optional[PathLike] = None,
        password: Optional[str] = None,
        token: Optional[Token] = None,
        timeout: float = 60.0,
        retries: int = 2,
    ) -> None:
        """A cell of `parties`, in the order of their numbers.

        - certificate, key: files in PEM by which the parties know this client, and the `password` of the key where it has one.
        - token: instead of them, a token for each party by its name, or a function from a party's name to its token, which is called for each
          request, so that it can make new ones. A token for one party is of no use to another.
        - timeout: seconds for a request to all parties, its retries included. A call with more rows than the model's makes several.
        - retries: how often a request is asked anew, with a new id and new shares, after `epoch`, `restarting`, `incomplete`, `busy` or a
          lost connection.
        """
        if len(parties) < 2:
            raise _misconfigured("a cell has two parties at least, for one alone would see everything: correct the file of the cell")
        self._check_apart(parties)
        if (certificate is None) != (key is None) or (certificate is None and token is None):
            raise _misconfigured("parties answer clients that they know: give both certificate= and key=, or token=")
        if not timeout > 0 or retries < 0:
            raise _misconfigured("timeout= is a positive number of seconds, and retries= isn't negative")
        self.name = name
        self.parties = tuple(parties)
        self.timeout = float(timeout)
        self.retries = retries
        self._token = token
        self._links = [_Link(party, _context(party, certificate, key, password), certificate is not None) for party in parties]
        self._lock = threading.Lock()
        self._models: Dict[Tuple[str, Optional[str]], Model] = {}

    @classmethod
    def load(
        cls,
        path: PathLike,
        *,
        certificate: Optional[PathLike] = None,
        key: Optional[PathLike] = None,
        password: Optional[str] = None,
        token: Optional[Token] = None,
        timeout: float = 60.0,
        retries: int = 2,
    ) -> Cell:
        """The cell that a file describes; the rest is as with `Cell`.

            {"cell": "bank", "parties": [
                {"name": "clinic", "url": "https://clinic.example:8443", "fingerprint": "3f9a-11c0-…"},
                {"name": "bank", "url": "https://bank.example:8443", "authority": "bank-ca.pem"}]}

        Parties stand in the order of their numbers. `fingerprint` and `authority` may be lists. An authority is PEM, or the path of a file
        with it, seen from the folder of this one.
        """
        try:
            document = _parse(Path(path).read_bytes())
            name = _string(document.get("cell"), "cell")
            listed = [_dictionary(one, "a party") for one in _list(document.get("parties"), "parties")]
            parties = [
                Party(
                    _string(one.get("name"), "the name of a party"),
                    _string(one.get("url"), "the url of a party"),
                    tuple(_string(text, "a fingerprint") for text in _one_or_more(one.get("fingerprint"))),
                    tuple(_pem(_string(text, "an authority"), Path(path).parent) for text in _one_or_more(one.get("authority"))),
                )
                for one in listed
            ]
        except OSError as error:
            raise _misconfigured(f"{error.filename} can't be read ({error.strerror}): check the path") from None
        except _Malformed as error:
            raise _misconfigured(f"{os.fspath(path)} is no file of a cell, for {error}: correct it") from None
        return cls(
            name, parties, certificate=certificate, key=key, password=password, token=token, timeout=timeout, retries=retries
        )

    @staticmethod
    def _check_apart(parties: Sequence[Party]) -> None:
        """Two parties that are one machine would see what only two together may."""
        seen: Dict[str, str] = {}
        for party in parties:
            fingerprints = {f"fingerprint {_written(one)}" for one in party.fingerprints}
            for mark in {f"name {party.name}", f"address {party._host}:{party._port}", *fingerprints}:
                if mark in seen:
                    raise _misconfigured(
                        f"parties {seen[mark]!r} and {party.name!r} have one {mark}, and whoever is both would see everything: correct the file of "
                        "the cell"
                    )
                seen[mark] = party.name

    def __enter__(self) -> Cell:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections that are idle. The cell can be used again."""
        for link in self._links:
            link.close()

    def metadata(self, model: str, *, version: Optional[str] = None, timeout: Optional[float] = None) -> Model:
        """What the parties say of a model, asked anew: all of them must say the same."""
        self._forget(model, version)
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        attempt = 0
        while True:
            try:
                return self._described(model, version, deadline)[0]
            except CrypTenError as error:
                self._wait_or_raise(error, attempt, deadline, error.code in _RETRIED)
                attempt += 1

    def ready(self, model: Optional[str] = None, *, timeout: Optional[float] = None) -> bool:
        """Whether all parties would answer now, or would for a model."""
        path = "/v2/health/ready" if model is None else f"{_model_path(model, None)}/ready"
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        try:
            self._get(path, deadline)
        except CrypTenError as error:
            if error.status == 503:
                return False
            raise
        return True

    def infer(
        self,
        model: str,
        inputs: Mapping[str, npt.ArrayLike],
        *,
        outputs: Optional[Sequence[str]] = None,
        version: Optional[str] = None,
        canaries: Optional[Canaries] = None,
        timeout: Optional[float] = None,
    ) -> Dict[str, Array]:
        """What a model answers.

        - inputs: an array for each input of the model. The first axis is the rows, of which there may be any number: they are asked in
          several requests where they are more than the model takes at once. A model that mixes its rows takes the numbers of them in its
          `row_counts` alone. The other axes are padded where the model lists several shapes.
        - outputs: the outputs to ask for; all that the client may have where it is left out.
        - version: the version of the model, where it must be a certain one.
        - canaries: rows with known answers to mix in; see `Canaries`.
        - timeout: as the cell's, for this call.

        Returns an array for each output: `float32`, `float64`, `int64` or `bool`, by the model's type.

        Raises `InvalidInput`, before any share is sent, for what the model doesn't take, and other kinds of `CrypTenError` for whatever
        keeps the answer away. Parties learn the model, the rows, the padded shapes and the time, and nothing else.
        """
        seconds = self.timeout if timeout is None else float(timeout)
        asked = None if outputs is None else list(dict.fromkeys(outputs))
        mixture: Optional[_Mixture] = None
        known: Optional[Model] = None
        question: Optional[_Question] = None
        answers: List[Dict[str, Array]] = []
        position = 0
        while question is None or position < question.rows:
            deadline = time.monotonic() + seconds
            attempt = 0
            while True:
                fresh = True
                try:
                    described, fresh = self._described(model, version, deadline)
                    if question is None or described != known:
                        if answers:
                            raise CrypTenError(
                                f"model {model!r} changed while its rows were asked, so that their answers don't belong together: ask again",
                                code="model_changed",
                            )
                        known = described
                        self._check_outputs(described, asked)
                        arrays = _checked(described, inputs, "input")
                        if canaries is not None and mixture is None:
                            _checked(described, canaries.inputs, "canaries' input")
                            mixture = _Mixture(canaries, len(np.atleast_1d(arrays[described.inputs[0].name])))
                        if mixture is not None:
                            mixture.check(described, asked)
                        question = _question(described, arrays, mixture)
                        if described.row_counts is not None and question.rows not in described.row_counts:
                            raise _invalid(
                                f"{question.rows} rows{'' if mixture is None else ', canaries included,'} don't fit model {model!r}, which mixes its "
                                f"rows and takes {' or '.join(map(str, described.row_counts))} at once: ask for as many, for they can't be cut into parts"
                            )
                        if question.rows > described.rows and any(output.shape[:1] != (-1,) for output in described.outputs):
                            raise _invalid(f"model {model!r} has an output without rows, so that {described.rows} rows are all that one call can ask")
                    rows = min(described.rows, question.rows - position)
                    chunk = {name: words[position : position + rows] for name, words in question.words.items()}
                    answers.append(self._ask(described, chunk, rows, asked, deadline))
                    break
                except CrypTenError as error:
                    if error.code not in _KEEPS_METADATA:
                        self._forget(model, version)
                    again = error.code in _RETRIED or (error.code == "not_found" and not fresh)
                    self._wait_or_raise(error, attempt, deadline, again)
                    attempt += 1
            position += rows
        if len({tuple((name, values.shape[1:]) for name, values in answer.items()) for answer in answers}) > 1:
            raise RepliesDisagree(f"model {model!r} gave different outputs to different rows: ask again", code="replies_disagree")
        whole = {name: np.concatenate([answer[name] for answer in answers]) if len(answers) > 1 else answers[0][name] for name in answers[0]}
        return whole if mixture is None else mixture.separate(whole)

    # What is asked, once

    def _ask(
        self, model: Model, words: Dict[str, Words], rows: int, asked: Optional[Sequence[str]], deadline: float
    ) -> Dict[str, Array]:
        """One request to all parties: a new id, new seeds, and the sum of what comes back."""
        identifier = secrets.token_bytes(16)
        seeds = [secrets.token_bytes(32) for _ in self._links[:-1]]
        bodies, head = _bodies(model, words, asked, identifier, seeds)
        path = f"{_model_path(model.name, model.versions[0])}/infer"
        limit = _reply_limit(model, rows)

        def asking(index: int, connection: _Connection) -> Callable[[], _Reply]:
            link = self._links[index]

            def ask() -> _Reply:
                headers = {"Content-Type": "application/json", **authorizations[index]}
                if index == len(self._links) - 1:
                    headers.update({"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(head)})
                status, fields, body = link.exchange(connection, "POST", path, headers, bodies[index], limit)
                self._check_status(link, status, fields, body)
                try:
                    return _reply(body, _head(fields), model, identifier.hex(), rows, asked)
                except _Malformed as error:
                    raise link.malformed(str(error), status) from None

            return ask

        authorizations = [self._authorization(link.party.name) for link in self._links]
        connections = self._connected(deadline)
        replies = self._all([asking(index, connection) for index, connection in enumerate(connections)], deadline, connections)
        if any(reply.tag != replies[0].tag for reply in replies):
            raise RepliesDisagree(
                f"the parties' replies for model {model.name!r} don't belong to one run, for their tags differ: ask again, and if it stays so, ask "
                "the parties' owners",
                code="replies_disagree",
            )
        results: Dict[str, Array] = {}
        for output in model.outputs:
            parts = [reply.outputs.get(output.name) for reply in replies]
            shares = [part for part in parts if part is not None]
            if not shares and output.name not in (asked or ()):
                continue
            if len(shares) != len(parts) or any(share.shape != shares[0].shape for share in shares):
                raise RepliesDisagree(
                    f"the parties' replies differ in output {output.name!r} of model {model.name!r}: ask again", code="replies_disagree"
                )
            total = np.zeros(shares[0].shape, dtype=np.uint64)
            for share in shares:
                total += share
            if output.type == "BOOL" and bool((total > 1).any()):
                raise RepliesDisagree(
                    f"output {output.name!r} of model {model.name!r} isn't 0 or 1 at index {_first(total > 1)}: a party computed wrongly",
                    code="replies_disagree",
                )
            results[output.name] = _decode(total, output.type, output.fraction_bits)
        return results

    def _connected(self, deadline: float) -> List[_Connection]:
        """A connection to each party. All are identified before any of them is told anything."""

        def connecting(link: _Link) -> Callable[[], _Connection]:
            def connect() -> _Connection:
                connection = link.connect(deadline)
                with lock:
                    if not abandoned:
                        made.append((link, connection))
                        return connection
                link.keep(connection)
                raise link.lost("was connected too late")

            return connect

        lock = threading.Lock()
        made: List[Tuple[_Link, _Connection]] = []
        abandoned: Set[bool] = set()
        try:
            connections = self._all([connecting(link) for link in self._links], deadline, [])
            shown: Dict[str, str] = {}
            for link, connection in zip(self._links, connections):
                other = shown.setdefault(connection.fingerprint, link.party.name)
                if other != link.party.name:
                    raise IdentityMismatch(
                        f"parties {other!r} and {link.party.name!r} show one certificate, and whoever is both would see everything: ask their owners",
                        code="identity", party=link.party.name,
                    )
            return connections
        except BaseException:
            with lock:
                abandoned.add(True)
            for link, connection in made:
                link.keep(connection)
            raise

    def _all(self, jobs: Sequence[Callable[[], T]], deadline: float, connections: Sequence[_Connection]) -> List[T]:
        """The values of all parties' jobs, or the most telling of their failures."""
        outcomes: List[_Outcome[T]] = []
        try:
            outcomes = _together(jobs, deadline)
        finally:  # whoever still waits on a connection is woken
            for index, connection in enumerate(connections):
                if not outcomes or (outcomes[index].value is None and outcomes[index].failure is None):
                    connection.tls.cut()
        failures: List[CrypTenError] = []
        late = time.monotonic() >= deadline
        for link, outcome in zip(self._links, outcomes):
            if isinstance(outcome.failure, CrypTenError):
                failures.append(outcome.failure)
            elif outcome.failure is not None:
                raise outcome.failure
            elif outcome.value is None:
                failures.append(link.timed_out("waiting for") if late else link.lost("hadn't answered when another party had failed"))
        if failures:
            raise min(failures, key=_rank)
        return [cast(T, outcome.value) for outcome in outcomes]

    def _get(self, path: str, deadline: float) -> List[bytes]:
        def getting(link: _Link, authorization: Dict[str, str]) -> Callable[[], bytes]:
            def get() -> bytes:
                connection = link.connect(deadline)
                status, fields, body = link.exchange(connection, "GET", path, authorization, None, _METADATA_BYTES)
                self._check_status(link, status, fields, body)
                return body

            return get

        return self._all([getting(link, self._authorization(link.party.name)) for link in self._links], deadline, [])

    @staticmethod
    def _check_status(link: _Link, status: int, fields: Mapping[str, str], body: bytes) -> None:
        if status == 200:
            return
        try:
            document = _parse(body)
            code = _string(document.get("crypten_code"), "crypten_code", "[a-z_]{1,40}")
        except _Malformed:
            raise link.malformed(f"it is HTTP {status} without a code of the door", status) from None
        sentence = document.get("error")
        refusal = _refusal(link.party.name, status, code, sentence if isinstance(sentence, str) else "")
        if re.fullmatch("[0-9]{1,2}", fields.get("retry-after", "")) is not None:
            refusal._pause = max(refusal._pause, float(fields["retry-after"]))
        raise refusal

    def _authorization(self, party: str) -> Dict[str, str]:
        if self._token is None:
            return {}
        token = self._token(party) if callable(self._token) else self._token.get(party)
        if not isinstance(token, str):
            raise _misconfigured(f"token= has no token for party {party!r}: each party needs one of its own")
        if re.fullmatch(r"[!-~]+", token) is None:
            raise _misconfigured(f"the token for party {party!r} is empty, or has characters that no token has: give a JSON Web Token")
        return {"Authorization": f"Bearer {token}"}

    # What is known of models

    def _forget(self, model: str, version: Optional[str]) -> None:
        with self._lock:
            self._models.pop((model, version), None)

    def _described(self, name: str, version: Optional[str], deadline: float) -> Tuple[Model, bool]:
        """A model, and whether it was asked for now."""
        with self._lock:
            known = self._models.get((name, version))
        if known is not None:
            return known, False
        documents: List[Dict[str, Any]] = []
        models: List[Model] = []
        for index, (link, body) in enumerate(zip(self._links, self._get(_model_path(name, version), deadline))):
            try:
                document = _parse(body)
                parameters = _dictionary(document.get("parameters"), "parameters")
                if parameters.get("crypten_sharing") != 1:
                    raise CrypTenError(
                        f"party {link.party.name!r} shares numbers in another way than this client: {_ADVICE['sharing_version']}",
                        code="sharing_version", party=link.party.name, status=200,
                    )
                models.append(_model(document, name, self.name))
                documents.append(document)
                _require(version in (None, models[-1].versions[0]), "it is of another version than was asked for")
            except _Malformed as error:
                raise link.malformed(str(error), 200) from None
            for key, expected in (("crypten_party", index), ("crypten_parties", len(self._links)), ("crypten_party_name", link.party.name)):
                if parameters.get(key) != expected:
                    raise MetadataDisagrees(
                        f"party {link.party.name!r} has another {key} than the file of the cell: see that its parties stand there with their names and "
                        "in the order of their numbers",
                        code="metadata", party=link.party.name, status=200,
                    )
        if len({_without_party(document) for document in documents}) > 1:
            if len({_without_party(document, ("crypten_party", "crypten_party_name", "crypten_epoch")) for document in documents}) == 1:
                raise CrypTenError(
                    f"the parties of cell {self.name!r} are in different sessions: one of them restarts, so ask again", code="restarting"
                )
            raise MetadataDisagrees(
                f"the parties of cell {self.name!r} say different things of model {name!r}, so nothing was asked: they must serve one model in one way",
                code="metadata",
            )
        with self._lock:
            self._models[(name, version)] = models[0]
        return models[0], True

    @staticmethod
    def _check_outputs(model: Model, asked: Optional[Sequence[str]]) -> None:
        names = [output.name for output in model.outputs]
        if asked is not None and (not asked or not set(asked) <= set(names)):
            raise _invalid(f"outputs= names other outputs than model {model.name!r} has: choose of {', '.join(map(repr, names))}")

    def _wait_or_raise(self, error: CrypTenError, attempt: int, deadline: float, again: bool) -> None:
        """Waits a while before the next attempt, or as long as the party says, twice as long each time; raises the error where there is none."""
        pause = error._pause * 2**attempt * random.uniform(1, 1.25)
        if not again or attempt >= self.retries or time.monotonic() + pause >= deadline:
            raise error
        time.sleep(pause)


# Parts of a request


def _question(model: Model, arrays: Dict[str, Array], mixture: Optional[_Mixture]) -> _Question:
    """All rows as words. Where there are canaries they are padded as the others are, so that they look like them."""
    canaries = None if mixture is None else _checked(model, mixture.canaries.inputs, "canaries' input")
    words: Dict[str, Words] = {}
    shapes = {name: values.shape for name, values in arrays.items()}
    buckets = _buckets(model, shapes, "input")
    if canaries is not None:
        _buckets(model, {name: values.shape for name, values in canaries.items()}, "canaries' input")
        largest = {name: tuple(map(max, zip(shape, canaries[name].shape))) for name, shape in shapes.items()}
        buckets = _buckets(model, largest, "canaries' input")
    for tensor in model.inputs:
        extents, pad = buckets[tensor.name][1:], _pad_word(tensor)

        def encoded(values: Array, label: str) -> Words:
            return _padded(_encode(tensor, values, f"{label} {tensor.name!r}"), (len(values),) + extents, pad)

        asked = encoded(arrays[tensor.name], "input")
        if canaries is not None and mixture is not None:
            asked = mixture.mix(asked, encoded(canaries[tensor.name], "canaries' input"))
        words[tensor.name] = asked
    return _Question(words, len(words[model.inputs[0].name]))


def _bodies(
    model: Model, words: Dict[str, Words], asked: Optional[Sequence[str]], identifier: bytes, seeds: Sequence[bytes]
) -> Tuple[List[bytes], int]:
    """The bodies of all parties' requests, and the length of the JSON in the last, which has the words behind it.

    `identifier` and `seeds` are used here, and nowhere else.
    """

    def head(parameters: Dict[str, Any], with_sizes: bool) -> bytes:
        inputs: List[Dict[str, Any]] = []
        for tensor in model.inputs:
            one: Dict[str, Any] = {"name": tensor.name, "shape": list(words[tensor.name].shape), "datatype": "UINT64"}
            if with_sizes:
                one["parameters"] = {"binary_data_size": 8 * words[tensor.name].size}
            inputs.append(one)
        document: Dict[str, Any] = {
            "id": identifier.hex(),
            "parameters": {"crypten_sharing": 1, "crypten_epoch": model.epoch, "binary_data_output": True, **parameters},
            "inputs": inputs,
        }
        if asked is not None:
            document["outputs"] = [{"name": name} for name in asked]
        return json.dumps(document, ensure_ascii=False).encode()

    bodies = [head({"crypten_seed": seed.hex()}, False) for seed in seeds]
    last = head({}, True)
    pieces = [last]
    for tensor in model.inputs:
        rest = words[tensor.name].ravel().copy()
        for party, seed in enumerate(seeds):
            rest -= _share(seed, identifier, model.name, tensor.name, party, rest.size)
        pieces.append(rest.astype("<u8").tobytes())
    return bodies + [b"".join(pieces)], len(last)


def _model_path(model: str, version: Optional[str]) -> str:
    if model in ("", ".", ".."):
        raise _invalid(f"{model!r} is no name of a model: give the name under which the cell serves it")
    path = "/v2/models/" + urllib.parse.quote(model, safe="")
    return path if version is None else f"{path}/versions/{urllib.parse.quote(version, safe='')}"


def _head(fields: Mapping[str, str]) -> Optional[int]:
    text = fields.get("inference-header-content-length")
    if text is None:
        return None
    _require(re.fullmatch("[0-9]{1,10}", text) is not None, "the length of its JSON is no number")
    return int(text)


def _one_or_more(value: Any) -> List[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _pem(text: str, folder: Path) -> str:
    return text if "-----BEGIN CERTIFICATE-----" in text else (folder / text).read_text(encoding="ascii", errors="replace")


def _context(party: Party, certificate: Optional[PathLike], key: Optional[PathLike], password: Optional[str]) -> ssl.SSLContext:
    """How TLS is spoken with a party: with certificates' fingerprints the check of names and authorities is `_Link.connect`'s instead."""

    def passphrase() -> str:
        if password is None:
            raise _misconfigured(f"the key {os.fspath(key or '')} has a password: give password=")
        return password

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # the certificate that was checked is the one to the end
    context.sslsocket_class = _Socket
    if party.fingerprints:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        try:
            context.load_verify_locations(cadata="\n".join(party.authorities))
        except (ssl.SSLError, ValueError):
            raise _misconfigured(f"an authority of party {party.name!r} holds no certificate in PEM: correct the file of the cell") from None
    if certificate is not None and key is not None:
        try:
            context.load_cert_chain(certificate, key, password=passphrase)
        except (ssl.SSLError, OSError) as error:
            reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
            raise _misconfigured(
                f"certificate {os.fspath(certificate)} and key {os.fspath(key)} can't be used together ({reason}): check that both are PEM and "
                "belong to each other"
            ) from None
    return context
