"""Makes one model of the list: its ONNX file, its inputs, and what is expected of it.

A folder holds `model.onnx`, perhaps with a file of data beside it, `in.NAME.npy` for each input, `expected.INDEX.npy` for each output, and `made.json`,
which names them and says where the expected values come from. It is made in a process of its own, which ends afterwards: what exporters take, or break,
goes with it.
"""
import contextlib
import json
import multiprocessing
import os
import shutil
import warnings
import zlib

import numpy as np

from .judging import QUANTISED

def folder_of(tried, work):
    return os.path.join(work, "models", tried.name)


def prepare(families):
    """Imports what makes a family's models, once for all processes to come."""
    if families - {"classical"}:
        import torch

        torch.set_num_threads(1)
        from . import transformer, vision  # noqa: F401
    if "classical" in families:
        from . import classical

        classical.load_all()


def make(tried, work):
    """The folder of a model, made if it isn't there; or the sentence that says why it can't be made."""
    folder = folder_of(tried, work)
    if os.path.exists(os.path.join(folder, "made.json")):
        return folder, None
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(False)
    child = context.Process(target=_make, args=(tried, work, folder, theirs))
    child.start()
    theirs.close()
    try:
        said = ours.recv()
    except EOFError:
        said = "the exporter's process ended without a word"
    child.join()
    if said:
        shutil.rmtree(folder, ignore_errors=True)
    return folder, said


def _make(tried, work, folder, pipe):
    warnings.simplefilter("ignore")
    quiet = os.open(os.path.join(folder, "making.log"), os.O_WRONLY | os.O_CREAT)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    try:
        write(tried, work, folder)
        pipe.send(None)
    except BaseException as error:  # exporters raise all kinds
        said = " ".join(str(error).split()) or "no word"
        pipe.send(f"{type(error).__name__}: {said}"[:300])
        raise


def write(tried, work, folder):
    path = os.path.join(folder, "model.onnx")
    if tried.family == "classical":
        from . import classical

        inputs, results, origin = classical.export(tried, path), None, "onnxruntime"
    elif tried.variant == "plain":
        # The same network for both exporters.
        seed = zlib.crc32(tried.model.encode())
        if tried.family == "vision":
            from . import vision as family
        else:
            from . import transformer as family
        inputs, results = family.export(tried, path, seed)
        origin = "torch in double precision" if results is not None else "onnxruntime"
    else:
        inputs, results, origin = changed(tried, work, path)
    names, ran = by_onnxruntime(path, inputs)
    if results is None:
        results = ran
    save(folder, tried, inputs, names, results, origin, moves(path, inputs, ran) if tried.variant in QUANTISED else {"moves": 0, "moves_inside": [0] * len(results)})


def moves(path, inputs, results):
    """How far onnxruntime's own results move where numbers are as exact as 2^-16: each one that rounds to another integer moves what comes after it.

    Two ways. Inputs are moved by up to 2^-17, eight times, and the graph is computed as it is written, without what onnxruntime makes of it. And
    everything that is rounded to a grid is moved so before, eight times.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    random = np.random.default_rng(17)
    of_inputs, inside = 0.0, [0.0] * len(results)
    for running in (session(path, options), *[session(path)] * 8):
        moved = {n: (x + random.uniform(-(2.0**-17), 2.0**-17, x.shape)).astype(x.dtype) if x.dtype.kind == "f" else x for n, x in inputs.items()}
        of_inputs = max([of_inputs, *differences(running.run(None, moved), results)])
    for seed in range(8):
        inside = [max(pair) for pair in zip(inside, differences(session(moved_inside(path, seed)).run(None, inputs), results))]
    return {"moves": of_inputs, "moves_inside": inside}


def differences(results, wanted):
    """Of each output."""
    return [float(np.abs(got - want).max()) if want.dtype.kind == "f" and want.size else 0.0 for got, want in zip(results, wanted)]


def moved_inside(path, seed):
    """The file with a random number of up to 2^-17 added to all that is rounded to a grid."""
    import onnx

    model = onnx.load(path)
    nodes = []
    for place, node in enumerate(model.graph.node):
        if node.op_type in ("QuantizeLinear", "DynamicQuantizeLinear"):
            noise, moved = f"noise.{place}", f"moved.{place}"
            limits = {"low": -(2.0**-17), "high": 2.0**-17, "seed": float(1000 * seed + place), "dtype": onnx.TensorProto.FLOAT}
            nodes.append(onnx.helper.make_node("RandomUniformLike", [node.input[0]], [noise], **limits))
            nodes.append(onnx.helper.make_node("Add", [node.input[0], noise], [moved]))
            node.input[0] = moved
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model.SerializeToString()


def save(folder, tried, inputs, names, results, origin, moved):
    files = {}
    for index, (name, array) in enumerate(inputs.items()):
        files[name] = f"in.{index}.npy"
        np.save(os.path.join(folder, files[name]), array)
    for index, array in enumerate(results):
        np.save(os.path.join(folder, f"expected.{index}.npy"), array)
    with open(os.path.join(folder, "made.json"), "w") as file:
        json.dump({"name": tried.name, "inputs": files, "outputs": names, "expected": origin, **moved}, file, indent=1)


def session(path, options=None):
    import onnxruntime

    options = options or onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def by_onnxruntime(path, inputs):
    """Names and values of the outputs that onnxruntime gets. Lists of maps become a row of values in the order of their keys."""
    running = session(path)
    values = running.run(None, dict(inputs))
    return [output.name for output in running.get_outputs()], [as_array(value) for value in values]


def as_array(value):
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return np.array([[row[key] for key in sorted(row)] for row in value])
    if isinstance(value, list):
        return np.array(value)
    array = np.asarray(value)
    return array.astype(str) if array.dtype.kind == "O" else array


def changed(tried, work, path):
    """Writes a variant of the file as exported, which is made if it isn't there. Inputs and, where nothing is rounded anew, results are the same."""
    plain = type(tried)(tried.model, tried.family, tried.exporter, "plain")
    folder, said = make(plain, work)
    if said:
        raise RuntimeError(f"{plain.name}: {said}")
    with open(os.path.join(folder, "made.json")) as file:
        made = json.load(file)
    inputs = {name: np.load(os.path.join(folder, file)) for name, file in made["inputs"].items()}
    results = [np.load(os.path.join(folder, f"expected.{index}.npy")) for index in range(len(made["outputs"]))]
    with with_data_inside(os.path.join(folder, "model.onnx"), path + ".source") as source:
        if tried.variant == "optimised":
            optimise(source, path)
        elif tried.variant == "fused":
            fuse(tried, source, path)
        elif tried.variant == "half":
            halve(source, path)
        else:
            quantise(tried.variant, source, path, inputs)
    rounds_anew = tried.variant not in ("optimised", "fused")
    return inputs, None if rounds_anew else results, "onnxruntime" if rounds_anew else made["expected"]


@contextlib.contextmanager
def with_data_inside(source, copy):
    """A file with its weights inside: what changes files doesn't follow them to another one."""
    import onnx

    onnx.save(onnx.load(source), copy)
    try:
        yield copy
    finally:
        os.remove(copy)


def optimise(source, path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = path
    session(source, options)


def fuse(tried, source, path):
    from onnxruntime.transformers import optimizer

    from . import transformer

    configured = transformer.NETWORKS[tried.model][1]
    options = {"num_heads": transformer.HEADS, "hidden_size": transformer.WIDTH} if "embed_dim" not in configured else {}
    model = optimizer.optimize_model(source, model_type=transformer.FUSED_AS[tried.model], opt_level=0, **options)
    if not any(model.get_fused_operator_statistics().values()):
        raise RuntimeError("the optimizer found nothing to fuse")
    model.save_model_to_file(path)


def halve(source, path):
    import onnx
    from onnxruntime.transformers import float16

    onnx.save(float16.convert_float_to_float16(onnx.load(source), keep_io_types=True), path)


def quantise(variant, source, path, inputs):
    from onnxruntime import quantization
    from onnxruntime.quantization import shape_inference

    prepared = path + ".prepared"
    shape_inference.quant_pre_process(source, prepared, skip_symbolic_shape=True)
    try:
        if variant == "dynamic":
            quantization.quantize_dynamic(prepared, path, weight_type=quantization.QuantType.QInt8)
            return
        formats = {"qdq": quantization.QuantFormat.QDQ, "qoperator": quantization.QuantFormat.QOperator}
        quantization.quantize_static(prepared, path, samples(inputs), quant_format=formats[variant])
    finally:
        for left in (prepared, prepared + ".data"):
            if os.path.exists(left):
                os.remove(left)


def samples(inputs):
    """The inputs themselves and three with noise, from which ranges are taken."""
    from onnxruntime.quantization import CalibrationDataReader

    class Samples(CalibrationDataReader):
        def __init__(self):
            random = np.random.default_rng(17)
            noisy = lambda x: (x + 0.05 * random.standard_normal(x.shape)).astype(x.dtype) if x.dtype.kind == "f" else x
            self.left = [dict(inputs)] + [{name: noisy(x) for name, x in inputs.items()} for _ in range(3)]

        def get_next(self):
            return self.left.pop() if self.left else None

    return Samples()


def forget(folder):
    """Removes what takes room; the next run makes it again."""
    shutil.rmtree(folder, ignore_errors=True)
