#!/usr/bin/env python3
"""Runs the standard's own tests of operators, those of the `onnx` package, through `crypten infer`, with two parties.

    swift build -c release
    pip install onnx numpy && python3 Scripts/onnx_suite.py [NAME …] [--tool .build/release/crypten] [--jobs 2] [--dealer none]

NAME picks the tests whose names hold it. With --dealer none the parties make their correlations themselves. Floats are secret. What decides a
shape, an address or an exponent is public: integers and bits, and floats that the tool says must be public; of operators on quantised numbers
everything is secret. A model whose inputs or outputs are sequences or optional values is run inside of one whose are tensors: nodes put them
together before it and take them apart behind it. Texts are secret inputs of those operators that tell them apart. Left out are tests that
compute with texts, with 16-bit numbers, with values that fixed point doesn't hold, and without one right answer.

A test passes when every output has the shape expected and is within 0.02 + 2 %, integers and bits exactly, but for numbers
that were rounded to a grid: these may be one level off. It is refused
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
from onnx import helper
from onnx.backend.test.case.model import collect_testcases as collect_models
from onnx.backend.test.case.node import collect_testcases
from onnx.reference import ReferenceEvaluator

QUANTISED = re.compile("[Qq]uantize|Integer|QLinear")
TYPES = {getattr(onnx.TensorProto, name) for name in ("FLOAT", "DOUBLE", "INT32", "INT64", "BOOL")}
LEFT_OUT = re.compile(
    "NonZero|Unique|NonMaxSuppression|Random|Multinomial|Bernoulli|String|Bit|IsNaN|IsInf"
    "|TfIdf|LabelEncoder|Regex|ImageDecoder|Adagrad|Adam|Momentum|Gradient"
)


def operators(graph):
    """The operators of a graph and of those inside of its nodes."""
    for node in graph.node:
        yield node.op_type
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from operators(attribute.g)


def leaf(kind):
    """The tensors that a type is made of."""
    while not kind.HasField("tensor_type"):
        kind = getattr(kind, kind.WhichOneof("value")).elem_type
    return kind.tensor_type.elem_type


def with_tensors(case):
    """The same test with tensors alone at the model's ends: model, inputs and outputs."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    (given, wanted), graph = case.data_sets[0], model.graph
    before, behind, inputs, outputs, ends = [], [], [], [], ([], [])

    def put(kind, value, name):
        if kind.HasField("optional_type") and value is not None:
            put(kind.optional_type.elem_type, value, name + ".value")
            before.append(helper.make_node("Optional", [name + ".value"], [name]))
        elif kind.HasField("optional_type"):
            before.append(helper.make_node("Optional", [], [name], type=kind.optional_type.elem_type))
        elif kind.HasField("sequence_type"):
            names = [f"{name}.{index}" for index in range(len(value))]
            for part, each in zip(names, value):
                put(kind.sequence_type.elem_type, each, part)
            kind = {"dtype": leaf(kind)} if not names else {}
            before.append(helper.make_node("SequenceConstruct" if names else "SequenceEmpty", names, [name], **kind))
        else:
            array = np.asarray(value)
            inputs.append(array)
            ends[0].append(helper.make_tensor_value_info(name, kind.tensor_type.elem_type, array.shape))

    def take(kind, value, name):
        if kind.HasField("optional_type"):
            behind.append(helper.make_node("OptionalGetElement", [name], [name + ".value"]))
            take(kind.optional_type.elem_type, value, name + ".value")
        elif kind.HasField("sequence_type"):
            behind.append(helper.make_node("SequenceLength", [name], [name + ".length"]))
            ends[1].append(helper.make_tensor_value_info(name + ".length", onnx.TensorProto.INT64, []))
            outputs.append(np.array(len(value)))
            for index, each in enumerate(value):
                at = helper.make_tensor("at", onnx.TensorProto.INT64, [], [index])
                behind.append(helper.make_node("Constant", [], [f"{name}.at.{index}"], value=at))
                behind.append(helper.make_node("SequenceAt", [name, f"{name}.at.{index}"], [f"{name}.{index}"]))
                take(kind.sequence_type.elem_type, each, f"{name}.{index}")
        else:
            outputs.append(np.asarray(value))
            ends[1].append(helper.make_tensor_value_info(name, kind.tensor_type.elem_type, np.asarray(value).shape))

    for info, value in zip(graph.input, given):
        put(info.type, value, info.name)
    for info, value in zip(graph.output, wanted):
        take(info.type, value, info.name)
    if not inputs:  # The tool runs a model on something.
        put(helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, [1]), np.zeros(1, np.float32), "nothing")
    nodes = before + list(graph.node) + behind
    for field, values in (("node", nodes), ("input", ends[0]), ("output", ends[1])):
        graph.ClearField(field)
        getattr(graph, field).extend(values)
    return model, inputs, outputs


def has_tensors_alone(case):
    graph = case.model.graph
    return graph.input and all(value.type.HasField("tensor_type") for value in [*graph.input, *graph.output])


def parts(case):
    if has_tensors_alone(case):
        return case.model, *case.data_sets[0]
    return with_tensors(case)


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


def is_quantised(case):
    return any(QUANTISED.search(node.op_type) for node in case.model.graph.node)


def plain(array):
    """Numbers of fewer than eight bits, floats of eight, and texts, in a type that files of arrays have."""
    array = np.asarray(onnx.numpy_helper.to_array(array) if isinstance(array, onnx.TensorProto) else array)
    if array.dtype.kind == "O":
        return array.astype(str)
    if array.dtype.kind != "V" and array.dtype.str != "<f1":
        return array
    return array.astype(np.int8 if "int" in array.dtype.name else np.float32)


def is_in_scope(case):
    """Whether all values are dense tensors of types and magnitudes that a secret can have."""
    graph = case.model.graph
    if "ai_onnx_ml" in case.name:  # Classical models take texts, and numbers that are missing.
        return True
    if any(LEFT_OUT.search(name) for name in operators(graph)):
        return False
    if any(node.op_type in ("BatchNormalization", "Dropout") and "train" in case.name for node in graph.node):
        return False
    if not is_quantised(case) and any(leaf(value.type) not in TYPES for value in [*graph.input, *graph.output]):
        return False
    _, inputs, outputs = parts(case)
    arrays = [plain(x) for x in list(inputs) + list(outputs)]
    if any(x.dtype.kind not in "fiubU" for x in arrays):
        return False
    if not all(np.isfinite(x).all() and (np.abs(x) < 2**30).all() for x in arrays if x.dtype.kind == "f"):
        return False
    # A graph of simpler operators in the place of one may go through numbers that the one doesn't.
    return "expanded" not in case.name or largest_inside(case, inputs) < 2**14


def run(tool, case, folder, *more):
    """'passed', or 'refused' or 'wrong' with a reason."""
    proto, inputs, outputs = parts(case)
    model = os.path.join(folder, "model.onnx")
    onnx.save(proto, model)
    names = [value.name for value in proto.graph.input]
    paths = []
    for index, array in enumerate(inputs):
        paths.append(os.path.join(folder, f"input_{index}.npy"))
        np.save(paths[-1], plain(array))
    public = set() if is_quantised(case) else {name for name, x in zip(names, inputs) if np.asarray(x).dtype.kind in "iub"}
    for _ in range(len(names) + 1):
        arguments = [
            part for name, path in zip(names, paths) for part in ("--public" if name in public else "--input", f"{name}={path}")
        ]
        out = os.path.join(folder, "out")
        os.makedirs(out, exist_ok=True)
        command = [tool, "infer", "--model", model, *arguments, "--local", "2", "--output-dir", out, *more]
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
    for value, want in zip(proto.graph.output, outputs):
        path = os.path.join(out, re.sub("[/:]", "_", value.name) + ".npy")
        if not os.path.exists(path):
            return "wrong", f"{value.name} wasn't written"
        got, want = np.load(path), plain(want)
        if got.shape != want.shape:
            return "wrong", f"{value.name} has shape {got.shape}, not {want.shape}"
        if want.dtype.kind == "U":
            if (got.astype(str) != want).any():
                return "wrong", f"{value.name} has other texts"
            continue
        rounded = any("Integer" not in node.op_type for node in case.model.graph.node) and is_quantised(case)
        exact = want.dtype.kind in "iub"
        difference = np.abs(got.astype(np.float64) - want.astype(np.float64))
        if (difference > (int(rounded) if exact else 0.02 + 0.02 * np.abs(want))).any():
            return "wrong", f"{value.name} is off by {difference.max()}"
    return "passed", ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--tool", default=".build/release/crypten")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--dealer", choices=["none"], help="none: two parties who need nobody else")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    cases = [*collect_testcases(None), *(case for case in collect_models() if case.kind == "simple")]
    cases = [case for case in cases if case.model and case.data_sets and is_in_scope(case)]
    cases = [case for case in cases if not options.names or any(name in case.name for name in options.names)]
    counts = collections.Counter()

    def check(case):
        with tempfile.TemporaryDirectory() as folder:
            return case, *run(options.tool, case, folder, *(["--dealer", options.dealer] if options.dealer else []))

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for case, result, reason in pool.map(check, cases):
            counts[result] += 1
            if result != "passed":
                print(f"{result:8} {case.name}  {reason[:300]}", flush=True)
    print(f"{len(cases)} tests: {counts['passed']} passed, {counts['refused']} refused, {counts['wrong']} wrong")
    return 1 if counts["wrong"] or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
