"""Canaries: rows with known answers among those that are asked; a party that falsifies answers is seen by them."""
from __future__ import annotations

import struct
from typing import Any, Dict, List

import numpy as np
import pytest
from crypten_client import Canaries, CanaryFailed, Cell, InvalidInput, _round

from fake import BIAS, WEIGHTS, FakeCell


def scores(x: Any) -> Any:
    return ((_round(np.asarray(x), 16) @ np.array(WEIGHTS) + BIAS) / 65536).astype(np.float32)


GENERATOR = np.random.default_rng(7)
KNOWN = GENERATOR.uniform(-4, 4, (10, 3))
ASKED = GENERATOR.uniform(-4, 4, (50, 3))


def load(fake: FakeCell) -> Cell:
    return Cell.load(fake.file(), token=fake.tokens(), timeout=10)


def seen_rows(fake: FakeCell) -> Any:
    """The rows that were computed, put together from what both parties got."""
    from fake import expanded

    rows: List[Any] = []
    for request in fake.parties[1].requests:
        other = next(one for one in fake.parties[0].requests if one.document["id"] == request.document["id"])
        masked = np.frombuffer(request.tail, dtype="<u8")
        seed, identifier = (bytes.fromhex(text) for text in (other.document["parameters"]["crypten_seed"], other.document["id"]))
        mask = np.array(expanded(seed, identifier, "linear", "x", 0, len(masked)), dtype=np.uint64)
        rows.append((masked + mask).view(np.int64).reshape(-1, 3))
    return np.concatenate(rows)


def test_canaries_are_mixed_in_at_random_places_and_taken_out_again(fake: FakeCell) -> None:
    places: List[List[int]] = []
    chosen = set()
    encoded = _round(KNOWN, 16).astype(np.int64).tolist()
    with load(fake) as cell:
        for _ in range(12):
            for party in fake.parties:
                party.requests.clear()
            answer = cell.infer("linear", {"x": ASKED}, canaries=Canaries({"x": KNOWN}, {"scores": scores(KNOWN)}, 1e-6, count=4))
            np.testing.assert_array_equal(answer["scores"], scores(ASKED))
            rows = seen_rows(fake).tolist()
            assert len(rows) == 54
            places.append([place for place, row in enumerate(rows) if row in encoded])
            chosen |= {encoded.index(rows[place]) for place in places[-1]}
            others = [row for row in rows if row not in encoded]
            assert others == _round(ASKED, 16).astype(np.int64).tolist()
    assert all(len(here) == 4 for here in places)
    assert len({tuple(here) for here in places}) == 12  # two alike of C(54, 4) have a probability of 66/316,251
    assert len(chosen) > 4


def falsify(every: int) -> Any:
    def change(document: Dict[str, Any], data: List[bytes]) -> None:
        words = list(struct.unpack(f"<{len(data[0]) // 8}Q", data[0]))
        for row in range(0, len(words) // 2, every):
            words[2 * row] = (words[2 * row] + 65536) % 2**64
        data[0] = struct.pack(f"<{len(words)}Q", *words)

    return change


def test_a_party_that_falsifies_all_rows_is_seen_and_no_answer_is_given(fake: FakeCell) -> None:
    fake.parties[1].change = falsify(1)
    with load(fake) as cell:
        cell.infer("linear", {"x": ASKED})  # nothing is seen without canaries
        with pytest.raises(CanaryFailed, match="^3 of 3 canaries have another output 'scores'") as caught:
            cell.infer("linear", {"x": ASKED}, canaries=Canaries({"x": KNOWN}, {"scores": scores(KNOWN)}, 1e-3, count=3))
        assert caught.value.code == "canary"
        cell.infer("linear", {"x": ASKED}, canaries=Canaries({"x": KNOWN}, {"scores": scores(KNOWN)}, 1.001, count=3))


def test_a_party_that_falsifies_some_rows_is_seen_as_often_as_documented(fake: FakeCell) -> None:
    """Every other row of 54 in requests of 32: with five canaries at most (1/2)^5 of calls pass unseen; 12 of 12 do with (1/32)^12 < 10^-18."""
    fake.parties[1].change = falsify(2)
    caught = 0
    with load(fake) as cell:
        for _ in range(12):
            try:
                cell.infer("linear", {"x": ASKED}, canaries=Canaries({"x": KNOWN}, {"scores": scores(KNOWN)}, 1e-3, count=5))
            except CanaryFailed:
                caught += 1
    assert caught > 0


def test_canaries_of_another_length_are_padded_alike(fake: FakeCell) -> None:
    tokens, known = np.arange(15).reshape(3, 5), np.arange(18).reshape(2, 9)
    with load(fake) as cell:
        answer = cell.infer("text", {"tokens": tokens}, canaries=Canaries({"tokens": known}, {"sum": known.sum(axis=1) + 7 * 7}, 0))
        np.testing.assert_array_equal(answer["room"], [16, 16, 16])
        np.testing.assert_array_equal(answer["sum"], tokens.sum(axis=1) + 7 * 11)
        with pytest.raises(CanaryFailed, match="^1 of 2"):
            cell.infer("text", {"tokens": tokens}, canaries=Canaries({"tokens": known}, {"sum": known.sum(axis=1) + [49, 50]}, 100))
    assert all(request.document["inputs"][0]["shape"][1] == 16 for request in fake.parties[0].requests)


@pytest.mark.parametrize("canaries, message", [
    (Canaries({"x": KNOWN}, {"scores": scores(KNOWN)}, 0.1, count=11), "11 canaries were asked for, and 10 rows are given"),
    (Canaries({"x": KNOWN}, {"scores": scores(KNOWN)}, 0.1, count=0), "0 canaries were asked for"),
    (Canaries({"x": KNOWN}, {"scores": scores(KNOWN)}, -1), "a tolerance that isn't negative"),
    (Canaries({"x": KNOWN}, {"scores": scores(KNOWN)}, float("nan")), "a tolerance that isn't negative"),
    (Canaries({"x": KNOWN}, {}, 0.1), "known outputs"),
    (Canaries({"x": KNOWN}, {"other": scores(KNOWN)}, 0.1), "canaries know output 'other'"),
    (Canaries({"x": KNOWN}, {"scores": scores(KNOWN)[:9]}, 0.1), "give one answer for each"),
    (Canaries({"y": KNOWN}, {"scores": scores(KNOWN)}, 0.1), "canaries' inputs don't fit model 'linear'"),
    (Canaries({"x": KNOWN + 8}, {"scores": scores(KNOWN)}, 0.1), r"canaries' input 'x' is out of range at index \("),
    (Canaries({"x": KNOWN[:, :2]}, {"scores": scores(KNOWN)}, 0.1), r"canaries' input 'x' has shape \(10, 2\)"),
])
def test_canaries_are_checked_before_anything_is_asked(fake: FakeCell, canaries: Canaries, message: str) -> None:
    with load(fake) as cell:
        with pytest.raises(InvalidInput, match=message):
            cell.infer("linear", {"x": ASKED}, canaries=canaries)
    assert all(not party.requests for party in fake.parties)


def test_canaries_of_another_output_shape_are_refused(fake: FakeCell) -> None:
    with load(fake) as cell:
        with pytest.raises(InvalidInput, match=r"has shape \(1,\) in each row, and the model's has \(2,\)"):
            cell.infer("linear", {"x": ASKED}, canaries=Canaries({"x": KNOWN}, {"scores": scores(KNOWN)[:, :1]}, 0.1))
