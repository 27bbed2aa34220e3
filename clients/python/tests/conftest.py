from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake import FakeCell  # noqa: E402


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., FakeCell]]:
    """Makes fake cells, which end with the test."""
    made: List[FakeCell] = []

    def start(*arguments: Any, **options: Any) -> FakeCell:
        made.append(FakeCell(tmp_path, *arguments, **options))
        return made[-1]

    yield start
    for cell in made:
        cell.stop()


@pytest.fixture
def fake(make: Callable[..., FakeCell]) -> FakeCell:
    return make(2)
