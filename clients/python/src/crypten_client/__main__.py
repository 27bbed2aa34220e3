"""Asks a cell from the command line: arrays in, arrays out, as files of numpy.

    python -m crypten_client cell.json digits --input image=image.npy --certificate app.pem --key app.key
"""
from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import List, Optional, Tuple

import numpy as np

from . import Cell, CrypTenError


def _pair(text: str) -> Tuple[str, str]:
    name, separator, path = text.partition("=")
    if not (name and separator and path):
        raise argparse.ArgumentTypeError("give NAME=FILE")
    return name, path


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="crypten_client", description="Asks a model of a cell, and writes each output as OUTPUT.npy.")
    parser.add_argument("cell", help="the file of the cell")
    parser.add_argument("model", help="the name of the model")
    parser.add_argument("--input", action="append", type=_pair, required=True, metavar="NAME=FILE", help="an input, a file .npy")
    parser.add_argument("--output", action="append", metavar="NAME", help="an output; all where none is named")
    parser.add_argument("--certificate", metavar="FILE", help="the client's certificate, in PEM")
    parser.add_argument("--key", metavar="FILE", help="its key, in PEM")
    parser.add_argument("--token", action="append", type=_pair, metavar="PARTY=FILE", help="a file with the token for a party")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="the time limit of a request (60)")
    parser.add_argument("--folder", type=Path, default=Path("."), help="where outputs are written (here)")
    options = parser.parse_args(arguments)
    try:
        tokens = {name: Path(path).read_text(encoding="ascii").strip() for name, path in options.token} if options.token else None
        inputs = {name: np.load(path, allow_pickle=False) for name, path in options.input}
        with Cell.load(options.cell, certificate=options.certificate, key=options.key, token=tokens, timeout=options.timeout) as cell:
            answers = cell.infer(options.model, inputs, outputs=options.output)
        for name, values in answers.items():
            path = options.folder / (re.sub(r"[^\w.-]|^\.", "_", name) + ".npy")  # the name is the parties': it must not lead elsewhere
            np.save(path, values)
            print(f"{path}  {values.dtype}  {values.shape}")
    except (CrypTenError, OSError, ValueError) as error:
        print(f"crypten_client: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
