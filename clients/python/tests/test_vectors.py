"""The client against clients/vectors, which others' implementations of ChaCha20, HKDF and SHA-256 made."""
from __future__ import annotations

import hashlib
import json
import ssl
import struct
import time
from pathlib import Path
from typing import Any, Dict, List

import crypten_client as client
import numpy as np
import pytest

VECTORS = Path(__file__).resolve().parents[2] / "vectors"


def load(name: str) -> Dict[str, Any]:
    document: Dict[str, Any] = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return document


def double(bits: str) -> float:
    value: float = struct.unpack(">d", bytes.fromhex(bits))[0]
    return value


def tensor(type_name: str, bits: int = 0, **more: Any) -> client.Tensor:
    return client.Tensor("x", type_name, bits, (-1,), **more)


@pytest.mark.parametrize("case", load("chacha20.json")["cases"], ids=lambda case: case["name"])
def test_chacha20_is_that_of_the_rfc(case: Dict[str, Any]) -> None:
    key, nonce = bytes.fromhex(case["key"]), bytes.fromhex(case["nonce"])
    assert client._chacha20(key, nonce, case["counter"], 1).hex() == case["block"]
    if case["counter"]:
        assert client._chacha20(key, nonce, case["counter"] - 1, 2)[64:].hex() == case["block"]


def test_chacha20_goes_on_across_slabs_and_ends_with_its_counter() -> None:
    key, nonce = bytes(range(32)), bytes(12)
    whole = client._chacha20(key, nonce, 0, 2 * client._LANES + 3)
    for block in (0, client._LANES - 1, client._LANES, 2 * client._LANES + 2):
        assert whole[64 * block : 64 * block + 64] == client._chacha20(key, nonce, block, 1)
    assert len(client._chacha20(key, nonce, 2**32 - 1, 1)) == 64
    with pytest.raises(OverflowError):
        client._chacha20(key, nonce, 2**32 - 1, 2)


def test_a_megabyte_of_key_stream_takes_well_under_a_tenth_of_a_second() -> None:
    fastest = 1.0
    for _ in range(5):
        start = time.perf_counter()
        client._chacha20(bytes(32), bytes(12), 0, (1 << 20) // 64)
        fastest = min(fastest, time.perf_counter() - start)
    assert fastest < 0.1


@pytest.mark.parametrize("case", load("hkdf.json")["cases"], ids=lambda case: case["name"])
def test_hkdf_is_that_of_the_rfc(case: Dict[str, Any]) -> None:
    key, salt, info = (bytes.fromhex(case[name]) for name in ("input_key", "salt", "info"))
    assert client._hkdf(key, salt, info, len(case["output"]) // 2).hex() == case["output"]


@pytest.mark.parametrize("case", load("shares.json")["cases"], ids=lambda case: f"{case['model']}-{case['input']}-{case['party']}-{case['count']}")
def test_shares_are_expanded_as_specified(case: Dict[str, Any]) -> None:
    seed, identifier = bytes.fromhex(case["seed"]), bytes.fromhex(case["id"])
    words = client._share(seed, identifier, case["model"], case["input"], case["party"], case["count"])
    assert hashlib.sha256(words.astype("<u8").tobytes()).hexdigest() == case["sha256"]
    if "words" in case:
        assert [str(word) for word in words] == case["words"]
    else:
        assert [str(word) for word in words[:2]] == case["first"] and [str(word) for word in words[-2:]] == case["last"]


@pytest.mark.parametrize("bits", [0, 8, 16, 24])
def test_reals_are_rounded_as_specified(bits: int) -> None:
    cases = [case for case in load("numbers.json")["reals"] if case["fraction_bits"] == bits]
    assert len(cases) > 40
    values = np.array([double(case["bits"]) for case in cases])
    assert [str(word) for word in client._encode(tensor("FP64", bits), values, "input 'x'")] == [case["word"] for case in cases]
    for case in cases:  # alone, too: nothing depends on its neighbours
        assert str(client._encode(tensor("FP32", bits), np.array(double(case["bits"])).reshape(1), "")[0]) == case["word"]


def test_reals_that_no_word_stands_for_are_refused() -> None:
    for case in load("numbers.json")["refused"]:
        with pytest.raises(client.InvalidInput, match=r"index \(1,\)"):
            client._encode(tensor("FP64", case["fraction_bits"]), np.array([0.0, double(case["bits"])]), "input 'x'")


def test_whole_numbers_and_booleans_are_themselves() -> None:
    document = load("numbers.json")
    values = np.array([int(case["value"]) for case in document["whole"]], dtype=np.int64)
    assert [str(word) for word in client._encode(tensor("INT64"), values, "")] == [case["word"] for case in document["whole"]]
    truths = np.array([case["value"] for case in document["booleans"]])
    assert [str(word) for word in client._encode(tensor("BOOL"), truths, "")] == [case["word"] for case in document["booleans"]]


def test_words_are_decoded_as_specified() -> None:
    for case in load("numbers.json")["decoded"]:
        value = client._decode(np.array([int(case["word"])], dtype=np.uint64), "FP64", case["fraction_bits"])[0]
        assert struct.pack(">d", value).hex() == case["bits"]


def test_padding_is_as_specified() -> None:
    document = load("padding.json")
    for case in document["cases"]:
        one = tensor("INT64", shapes=tuple(map(tuple, case["crypten_shapes"])), pad=case["crypten_pad"])
        model = client.Model("m", ("0" * 16,), (one,), (), 32, "0" * 32)
        shape = client._buckets(model, {"x": tuple(case["shape"])}, "input")["x"]
        assert list(shape) == case["padded_shape"]
        words = np.array(case["data"], dtype=np.int64).reshape(case["shape"]).view(np.uint64)
        padded = client._padded(words, shape, client._pad_word(one))
        assert padded.view(np.int64).ravel().tolist() == case["padded_data"]
    for case in document["refused"]:
        with pytest.raises(client.InvalidInput, match="input 'x'"):
            client._holding(tensor("INT64", shapes=tuple(map(tuple, case["crypten_shapes"]))), tuple(case["shape"]), "input 'x'")
    for case in document["together"]:
        inputs = tuple(client.Tensor(f"x{index}", "INT64", 0, (-1,), None, tuple(map(tuple, shapes))) for index, shapes in enumerate(case["crypten_shapes"]))
        model = client.Model("m", ("0" * 16,), inputs, (), 32, "0" * 32)
        given = {f"x{index}": tuple(shape) for index, shape in enumerate(case["shapes"])}
        if "padded_shapes" in case:
            assert [list(shape) for shape in client._buckets(model, given, "input").values()] == case["padded_shapes"]
        else:
            with pytest.raises(client.InvalidInput, match="together"):
                client._buckets(model, given, "input")


def test_fingerprints_are_read_in_all_forms() -> None:
    document = load("fingerprints.json")
    der = ssl.PEM_cert_to_DER_cert(document["certificate"])
    assert client._written(hashlib.sha256(der).hexdigest()) == document["fingerprint"]
    assert {client._fingerprint(text) for text in document["same"]} == {hashlib.sha256(der).hexdigest()}
    for text in document["refused"]:
        with pytest.raises(ValueError):
            client._fingerprint(text)


DTYPES = {"FP32": np.float64, "INT64": np.int64, "BOOL": np.bool_}


@pytest.mark.parametrize("name", ["exchange-2.json", "exchange-3.json"])
def test_a_whole_exchange_is_as_specified(name: str) -> None:
    document = load(name)
    models = [client._model(metadata, document["model"], "bank") for metadata in document["metadata"]]
    assert len({client._without_party(metadata) for metadata in document["metadata"]}) == 1
    model = models[0]
    assert model.epoch == document["epoch"] and model.versions == (document["version"],) and model.rows == 32

    arrays = {
        one["name"]: np.array([int(value) if one["type"] == "INT64" else value for value in one["values"]], dtype=DTYPES[one["type"]]).reshape(one["shape"])
        for one in document["inputs"]
    }
    question = client._question(model, client._checked(model, arrays, "input"), None)
    for one in document["inputs"]:
        assert [str(word) for word in question.words[one["name"]].ravel()] == one["words"]

    identifier, seeds = bytes.fromhex(document["id"]), [bytes.fromhex(seed) for seed in document["seeds"]]
    asked = [one["name"] for one in document["outputs"]]
    bodies, head = client._bodies(model, question.words, asked, identifier, seeds)
    assert len(bodies) == document["parties"]
    for body, request in zip(bodies[:-1], document["requests"]):
        sent = json.loads(body)
        assert sent["parameters"].pop("binary_data_output") is True
        assert sent == request["json"]
    sent = json.loads(bodies[-1][:head])
    assert sent["parameters"].pop("binary_data_output") is True
    assert sent == document["requests"][-1]["binary_json"]
    assert bodies[-1][head:].hex() == document["requests"][-1]["binary_tail"]

    tag = hashlib.sha256(b"crypten reply 1" + bytes.fromhex(document["epoch"]) + bytes.fromhex(document["binding"]) + identifier).hexdigest()
    assert tag == document["tag"]
    for binary in (True, False):
        replies: List[Any] = []
        for reply in document["replies"]:
            text = json.dumps(reply["binary_json" if binary else "json"]).encode()
            body = text + bytes.fromhex(reply["binary_tail"]) if binary else text
            replies.append(client._reply(body, len(text) if binary else None, model, document["id"], 2, asked))
            assert [[str(word) for word in replies[-1].outputs[name].ravel()] for name in asked] == reply["words"]
            assert replies[-1].tag == document["tag"]
        for one in document["outputs"]:
            total = sum(reply.outputs[one["name"]] for reply in replies)
            values = client._decode(total, one["type"], one["fraction_bits"])
            assert values.shape == tuple(one["shape"])
            assert values.ravel().tolist() == [int(value) if one["type"] == "INT64" else value for value in one["values"]]
