#!/usr/bin/env python3
"""Runs the standard's own tests of operators, those of the `onnx` package, through `crypten infer`, with two parties.

    swift build -c release
    pip install onnx numpy && python3 Scripts/onnx_suite.py [NAME …] [--tool .build/release/crypten] [--jobs 2]

NAME picks the tests whose names hold it. Floats are secret. What decides a shape, an address or an exponent is public: integers
and bits, and floats that the tool says must be public. Left out are tests with types that no secret has (strings,
sequences, quantised and 16-bit numbers), with values that fixed point doesn't hold, and without one right answer.

A test passes when every output has the shape expected and is within 0.02 + 2 %, integers and bits exactly. It is refused
when the tool says so in a line. Everything else is wrong, and the exit code 1.
"""
import argparse
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases
from onnx.reference import ReferenceEvaluator

TYPES = {getattr(onnx.TensorProto, name) for name in ("FLOAT", "DOUBLE", "INT32", "INT64", "BOOL")}
LEFT_OUT = re.compile(
    "NonZero|Unique|NonMaxSuppression|Random|Multinomial|Bernoulli|Sequence|Optional|String|Quantize|Integer|QLinear|Bit|IsNaN|IsInf"
    "|TfIdf|LabelEncoder|Regex|ImageDecoder|Adagrad|Adam|Momentum|Gradient|^If$|^Loop$"
)


def largest_inside(case, inputs):
    """The largest magnitude of all values in between, the ends of a mask's range left out."""
    names = [value.name for value in case.model.graph.input]
    try:
        with np.errstate(all="ignore"):
            values = ReferenceEvaluator(case.model).run(None, dict(zip(names, inputs)), intermediate=True)
    except Exception:
        return 0
    arrays = [np.asarray(x) for x in values.values() if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    return max((np.max(x[x > -1e30], initial=0) for x in arrays), default=0)


def is_in_scope(case):
    """Whether all values are dense tensors of types and magnitudes that a secret can have."""
    graph = case.model.graph
    if any(LEFT_OUT.search(node.op_type) and node.op_type != "ReverseSequence" for node in graph.node):
        return False
    if any(node.op_type in ("BatchNormalization", "Dropout") and "train" in case.name for node in graph.node):
        return False
    for value in list(graph.input) + list(graph.output):
        if not value.type.HasField("tensor_type") or value.type.tensor_type.elem_type not in TYPES:
            return False
    inputs, outputs = case.data_sets[0]
    arrays = [np.asarray(x) for x in list(inputs) + list(outputs)]
    if any(x.dtype.kind not in "fiub" for x in arrays):
        return False
    if not all(np.isfinite(x).all() and (np.abs(x) < 2**30).all() for x in arrays if x.dtype.kind == "f"):
        return False
    # A graph of simpler operators in the place of one may go through numbers that the one doesn't.
    return "expanded" not in case.name or largest_inside(case, inputs) < 2**14


def run(tool, case, folder):
    """'passed', or 'refused' or 'wrong' with a reason."""
    inputs, outputs = case.data_sets[0]
    model = os.path.join(folder, "model.onnx")
    onnx.save(case.model, model)
    names = [value.name for value in case.model.graph.input]
    paths = []
    for index, array in enumerate(inputs):
        paths.append(os.path.join(folder, f"input_{index}.npy"))
        np.save(paths[-1], np.asarray(array))
    public = {name for name, x in zip(names, inputs) if np.asarray(x).dtype.kind in "iub"}
    for _ in range(len(names) + 1):
        arguments = [
            part for name, path in zip(names, paths) for part in ("--public" if name in public else "--input", f"{name}={path}")
        ]
        out = os.path.join(folder, "out")
        os.makedirs(out, exist_ok=True)
        command = [tool, "infer", "--model", model, *arguments, "--local", "2", "--output-dir", out]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            return "wrong", "no answer in two minutes"
        if done.returncode == 0:
            break
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        needed = next((n for n in names if n not in public and "public" in last and n in last), None)
        if needed is None:
            refused = 0 < done.returncode < 128 and re.search("unsupported|public|can't", last)
            return ("refused" if refused else "wrong"), f"exit {done.returncode}: {last}"
        public.add(needed)
    for value, want in zip(case.model.graph.output, outputs):
        path = os.path.join(out, re.sub("[/:]", "_", value.name) + ".npy")
        if not os.path.exists(path):
            return "wrong", f"{value.name} wasn't written"
        got, want = np.load(path), np.asarray(want)
        if got.shape != want.shape:
            return "wrong", f"{value.name} has shape {got.shape}, not {want.shape}"
        exact = want.dtype.kind in "iub"
        difference = np.abs(got.astype(np.float64) - want.astype(np.float64))
        if (difference > (0 if exact else 0.02 + 0.02 * np.abs(want))).any():
            return "wrong", f"{value.name} is off by {difference.max()}"
    return "passed", ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--tool", default=".build/release/crypten")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    cases = [case for case in collect_testcases(None) if case.data_sets and is_in_scope(case)]
    cases = [case for case in cases if not options.names or any(name in case.name for name in options.names)]
    counts = collections.Counter()

    def check(case):
        with tempfile.TemporaryDirectory() as folder:
            return case, *run(options.tool, case, folder)

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for case, result, reason in pool.map(check, cases):
            counts[result] += 1
            if result != "passed":
                print(f"{result:8} {case.name}  {reason[:300]}", flush=True)
    print(f"{len(cases)} tests: {counts['passed']} passed, {counts['refused']} refused, {counts['wrong']} wrong")
    return 1 if counts["wrong"] or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
