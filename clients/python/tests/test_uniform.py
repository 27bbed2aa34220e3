"""What leaves the client is uniform, whatever the input.

Hypothesis: in all words that a party gets, over many requests with one input, each of the eight bytes has each of its 256 values equally
often. Pearson's statistic of 255 degrees of freedom is held against both tails. Secrets come from the system's generator, so that no seed can
be fixed; the rate of false alarms is 10^-9 in each test instead, divided by the number of comparisons. The last two tests show that the
same statistic sees what is not uniform.
"""
from __future__ import annotations

from statistics import NormalDist
from typing import Any, Callable, List

import crypten_client
import numpy as np
import pytest
from crypten_client import Cell

from fake import FakeCell, expanded

FALSE_ALARMS = 1e-9
REQUESTS, ROWS = 60, 32


def statistics(words: Any) -> List[float]:
    """Pearson's statistic of each byte of the words, as a normal variable (Wilson and Hilferty), good to a few per cent in these tails."""
    columns = np.asarray(words, dtype=np.uint64).astype("<u8").view(np.uint8).reshape(-1, 8)
    scores = []
    for byte in range(8):
        expected = len(columns) / 256
        statistic = float(((np.bincount(columns[:, byte], minlength=256) - expected) ** 2 / expected).sum())
        scores.append(((statistic / 255) ** (1 / 3) - (1 - 2 / (9 * 255))) / (2 / (9 * 255)) ** 0.5)
    return scores


def limit(comparisons: int) -> float:
    return -NormalDist().inv_cdf(FALSE_ALARMS / (2 * comparisons))


@pytest.mark.parametrize("value", [0.0, -4.0, 1.25])
def test_each_party_gets_uniform_words(make: Callable[..., FakeCell], value: float) -> None:
    fake = make(3)
    shapes = [[-1, 3]]
    fake.models["linear"].inputs[0]["parameters"]["crypten_shapes"] = shapes
    x = np.full((ROWS, 3), value)
    with Cell.load(fake.file(), token=fake.tokens(), timeout=10) as cell:
        for _ in range(REQUESTS):
            cell.infer("linear", {"x": x})
    seen: List[List[int]] = [[], [], []]
    for party in fake.parties:
        assert len(party.requests) == REQUESTS
        for request in party.requests:
            if request.tail:
                seen[party.index] += np.frombuffer(request.tail, dtype="<u8").tolist()
            else:
                seed, identifier = (bytes.fromhex(text) for text in (request.document["parameters"]["crypten_seed"], request.document["id"]))
                seen[party.index] += expanded(seed, identifier, "linear", "x", party.index, 3 * ROWS)
    pairs = [np.array(seen[one], dtype=np.uint64) + np.array(seen[other], dtype=np.uint64) for one, other in ((0, 1), (0, 2), (1, 2))]
    samples: List[Any] = [*seen, *pairs]  # two of three parties together learn nothing, either
    assert all(len(sample) == REQUESTS * ROWS * 3 for sample in samples)
    bound = limit(8 * len(samples))
    for index, sample in enumerate(samples):
        assert max(map(abs, statistics(sample))) < bound, f"sample {index}"


def masked(seed: Any) -> List[int]:
    """The last party's words over many requests, whose seeds a function draws."""
    words = np.zeros((ROWS, 3), dtype=np.uint64)
    collected: List[int] = []
    for index in range(REQUESTS):
        share = crypten_client._share(seed(index), bytes(16), "linear", "x", 0, words.size)
        collected += (words.ravel() - share).tolist()
    return collected


def test_a_seed_that_is_used_again_is_seen() -> None:
    assert max(map(abs, statistics(masked(lambda index: bytes(32))))) > limit(8)
    assert max(map(abs, statistics(masked(lambda index: index.to_bytes(32, "little"))))) < limit(8)


def test_an_input_that_isnt_masked_is_seen() -> None:
    words = crypten_client._round(np.random.default_rng(1).uniform(-4, 4, 6000), 16).astype(np.int64)
    assert max(map(abs, statistics(words.view(np.uint64)))) > limit(8)
