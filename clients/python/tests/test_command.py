"""The command line: what it prints, where, and its exit status."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
from crypten_client.__main__ import main

from fake import FakeCell, described, linear


def tokens(fake: FakeCell, folder: Path) -> List[str]:
    options = []
    for party, token in fake.tokens().items():
        path = folder / f"{party}.jwt"
        path.write_text(token + "\n")
        options += ["--token", f"{party}={path}"]
    return options


def test_arrays_go_in_and_come_out(fake: FakeCell, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 3)))
    command = [sys.executable, "-m", "crypten_client", str(fake.file()), "linear", "--input", f"x={tmp_path / 'x.npy'}", *tokens(fake, tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "scores.npy  float32  (2, 2)\n", "")
    np.testing.assert_array_equal(np.load(tmp_path / "scores.npy"), np.array([[1000, -1]] * 2, dtype=np.float32) / 65536)


def test_errors_are_one_line_and_status_one(fake: FakeCell, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", np.full((2, 3), 9.0))
    assert main([str(fake.file()), "linear", "--input", f"x={tmp_path / 'x.npy'}", *tokens(fake, tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("crypten_client: input 'x' is out of range at index (0, 0)") and printed.err.count("\n") == 1
    assert main([str(fake.file()), "linear", "--input", f"x={tmp_path / 'none.npy'}", *tokens(fake, tmp_path)]) == 1
    assert "none.npy" in capsys.readouterr().err


def test_names_of_outputs_lead_nowhere_else(fake: FakeCell, tmp_path: Path) -> None:
    fake.models["linear"].outputs = [described("../../x/.scores", "FP32", [-1, 2], 16)]
    fake.models["linear"].function = lambda rows, inputs: {"../../x/.scores": linear(rows, inputs)["scores"]}
    np.save(tmp_path / "x.npy", np.zeros((1, 3)))
    folder = tmp_path / "out"
    folder.mkdir()
    assert main([str(fake.file()), "linear", "--input", f"x={tmp_path / 'x.npy'}", "--folder", str(folder), *tokens(fake, tmp_path)]) == 0
    assert os.listdir(folder) == ["_._.._x_.scores.npy"]
