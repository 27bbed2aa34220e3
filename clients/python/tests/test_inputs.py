"""What a model doesn't take is refused before a share is sent, in a sentence that names the input, the place and the remedy, but no number."""
from __future__ import annotations

from typing import Any, Dict, Iterator

import numpy as np
import pytest
from crypten_client import Cell, InvalidInput

from fake import FakeCell

SECRET = 3.14159


@pytest.fixture
def cell(fake: FakeCell) -> Iterator[Cell]:
    with Cell.load(fake.file(), token=fake.tokens(), timeout=10) as made:
        yield made
    assert all(not party.requests for party in fake.parties)


def placed(value: Any, dtype: Any = np.float64) -> Any:
    rows = np.full((4, 3), 1, dtype=dtype)
    rows[2, 1] = value
    return rows


@pytest.mark.parametrize(
    "rows, message",
    [
        (placed(np.nan), r"input 'x' isn't finite at index \(2, 1\): replace"),
        (placed(np.inf, np.float32), r"input 'x' isn't finite at index \(2, 1\): replace"),
        (placed(4.0000001), r"input 'x' is out of range at index \(2, 1\): the model takes numbers from -4 to 4 there: scale"),
        (placed(-5, np.int8), r"input 'x' is out of range at index \(2, 1\)"),
        (placed(1, np.complex128), r"input 'x' has dtype complex128.*\.astype\(numpy\.float64\)"),
        (placed(1, np.bool_), "input 'x' has dtype bool"),
        (np.array([["1", "2", "3"]]), "input 'x' has dtype <U1"),
        (np.array([[None, 1, 2]], dtype=object), "input 'x' has dtype object"),
        (np.zeros(3), r"input 'x' has shape \(3,\), and the model takes \(rows, 3\): add the axis of rows"),
        (np.zeros((2, 4)), r"input 'x' has shape \(2, 4\), and the model takes \(rows, 3\): reshape it"),
        (np.zeros((2, 2)), r"input 'x' has shape \(2, 2\)"),
        (np.zeros((2, 3, 1)), r"input 'x' has shape \(2, 3, 1\)"),
        (np.float64(1), r"input 'x' has shape \(\)"),
        (np.zeros((0, 3)), "input 'x' has no rows"),
        ([[1, 2, 3], [1, 2]], r"input 'x' is no array|input 'x' has shape \(2,\)"),
    ],
)
def test_reals_are_checked(cell: Cell, rows: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        cell.infer("linear", {"x": rows})
    assert caught.value.code == "invalid_input" and isinstance(caught.value, ValueError)


def test_errors_don_t_print_numbers(cell: Cell) -> None:
    with pytest.raises(InvalidInput) as caught:
        cell.infer("linear", {"x": placed(1000 * SECRET)})
    assert "3141" not in str(caught.value)


GOOD: Dict[str, Any] = {"real": np.zeros((2, 2, 2)), "größe": np.zeros(2, dtype=np.int64), "flags": np.zeros((2, 2), dtype=np.bool_)}


@pytest.mark.parametrize(
    "name, values, message",
    [
        ("größe", np.zeros(2), r"input 'größe' has dtype float64.*\.astype\(numpy\.int64\)"),
        ("größe", np.array([True, False]), "input 'größe' has dtype bool"),
        ("größe", np.array([0, 10**15 + 1]), r"input 'größe' is out of range at index \(1,\)"),
        ("größe", np.array([0, 2**64 - 1], dtype=np.uint64), r"input 'größe' is out of range at index \(1,\)"),
        ("größe", np.array([-(2**63), 0]), r"input 'größe' is out of range at index \(0,\)"),
        ("flags", np.zeros((2, 2), dtype=np.int64), r"input 'flags' has dtype int64.*\.astype\(bool\)"),
        ("flags", np.zeros((3, 2), dtype=np.bool_), "input 'flags' has 3 rows, and input 'real' has 2"),
    ],
)
def test_whole_numbers_and_truth_values_are_checked(cell: Cell, name: str, values: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        cell.infer("Größen-日本", {**GOOD, name: values})


def test_names_are_checked(cell: Cell) -> None:
    with pytest.raises(InvalidInput, match="takes 'x': see to 'x', 'y'"):
        cell.infer("linear", {"y": np.zeros((1, 3))})
    with pytest.raises(InvalidInput, match="see to 'flags'"):
        cell.infer("Größen-日本", {name: values for name, values in GOOD.items() if name != "flags"})
    with pytest.raises(InvalidInput, match="choose of 'scores'"):
        cell.infer("linear", {"x": np.zeros((1, 3))}, outputs=["scores", "other"])
    for name in ("", "..", "."):
        with pytest.raises(InvalidInput, match="no name of a model"):
            cell.infer(name, {})


def test_whole_numbers_of_all_dtypes_are_held_against_ranges_beyond_theirs(fake: FakeCell) -> None:
    with Cell.load(fake.file(), token=fake.tokens(), timeout=10) as cell:
        for dtype in (np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64):
            limits = np.iinfo(dtype)
            most = min(limits.max, 10**15)
            answer = cell.infer("Größen-日本", {**GOOD, "größe": np.array([max(limits.min, -(10**15)), most], dtype=dtype)})
            assert answer["triple"].tolist() == [3 * max(limits.min, -(10**15)), 3 * most]
