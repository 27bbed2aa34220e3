#!/usr/bin/env python3
"""Writes Tests/CrypTenONNXTests/Fixtures/operators.json: small models of one operator, inputs, and what onnxruntime makes of them.

    pip install onnx onnxruntime numpy && python3 Scripts/make_operator_cases.py

Models and numbers are made here; where the runtime doesn't know an operator, the reference evaluator of `onnx` computes it.
A name with a `!` in front is public: it decides a shape, an address or an exponent.
"""
import base64
import json
import os
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

RNG = np.random.default_rng(20)
KINDS = {"f": TensorProto.FLOAT, "i": TensorProto.INT64, "b": TensorProto.BOOL}
CASES = []


def f(*shape, low=-2.0, high=2.0):
    return np.round(RNG.uniform(low, high, shape), 3).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def one(value):
    return np.array(value, np.int64)


def tensor(values):
    return np.array(values, np.float32)


def case(name, operator, inputs, opset=21, outputs=1, dtypes=None, **attributes):
    """One model: `inputs` maps names to arrays, and None leaves an optional input out."""
    given = {n.lstrip("!"): x for n, x in inputs.items() if x is not None}
    names = [f"y{k}" for k in range(outputs)]
    node = helper.make_node(operator, [n.lstrip("!") if x is not None else "" for n, x in inputs.items()], names, "n", **attributes)
    infos = [helper.make_tensor_value_info(n, KINDS[x.dtype.kind], x.shape) for n, x in given.items()]
    results = [helper.make_tensor_value_info(n, (dtypes or [TensorProto.FLOAT] * outputs)[k], None) for k, n in enumerate(names)]
    model = helper.make_model(helper.make_graph([node], "case", infos, results), opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 10
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        got = session.run(names, given)
    except Exception:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            got = ReferenceEvaluator(model).run(names, given)
    got = [np.asarray(g) for g in got]
    assert all(np.isfinite(g).all() for g in got), name

    def entry(n, x, public=False):
        values = [round(float(v), 6) for v in x.ravel()] if x.dtype.kind == "f" else [int(v) for v in x.ravel()]
        return {"name": n, "shape": list(x.shape), "kind": {"f": "real", "i": "integer", "b": "bit"}[x.dtype.kind],
                "values": values, "public": public}

    CASES.append({
        "name": name, "operator": operator, "model": base64.b64encode(model.SerializeToString()).decode(),
        "inputs": [entry(n.lstrip("!"), x, n.startswith("!")) for n, x in inputs.items() if x is not None],
        "outputs": [entry(n, g) for n, g in zip(names, got)],
    })


def elementwise():
    x = f(2, 5)
    for op in ["Exp", "Sinh", "Cosh", "Tan", "Atan", "Asinh", "Sigmoid", "Tanh", "Erf", "Softplus", "Softsign", "Elu", "Selu", "HardSwish",
               "Mish", "Celu", "ThresholdedRelu", "HardSigmoid", "LeakyRelu", "Relu", "Abs", "Neg", "Sign", "Sin", "Cos", "Floor", "Ceil", "Gelu"]:
        case(op.lower(), op, {"x": x})
    case("gelu_tanh", "Gelu", {"x": x}, approximate="tanh")
    case("round_half", "Round", {"x": tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.4, -0.6])})
    case("shrink", "Shrink", {"x": x}, bias=0.5, lambd=1.0)
    case("swish", "Swish", {"x": x}, opset=24, alpha=0.5)
    positive = f(2, 5, low=0.1, high=4)
    for op in ["Log", "Sqrt", "Reciprocal"]:
        case(op.lower(), op, {"x": positive})
    case("acosh", "Acosh", {"x": positive + np.float32(1.5)})
    for op in ["Asin", "Acos", "Atanh"]:
        case(op.lower(), op, {"x": f(2, 5, low=-0.9, high=0.9)})
    case("prelu_channels", "PRelu", {"x": f(2, 3, 2), "s": f(3, 1)})
    case("pow_many", "Pow", {"x": positive, "!e": tensor([2, 3, 0.5, -1, 1.5])})
    case("div", "Div", {"a": x, "b": f(5, low=0.5, high=3)})
    case("mod", "Mod", {"a": ints(-7, 5, 9, -2), "b": ints(3, -3, 4, 5)}, dtypes=[TensorProto.INT64])
    case("fmod", "Mod", {"a": f(5, low=-9, high=9), "b": f(5, low=1, high=2)}, fmod=1)
    case("clip", "Clip", {"x": x, "!lo": np.array(-1, np.float32), "!hi": np.array(1.5, np.float32)})
    case("where", "Where", {"c": np.array([True, False, True, False, True]), "a": x, "b": f(2, 5)})
    case("max3", "Max", {"a": f(2, 3), "b": f(3), "c": f(2, 1)})
    case("greater_or_equal", "GreaterOrEqual", {"a": f(2, 3), "b": f(3)}, dtypes=[TensorProto.BOOL])


def reductions():
    x = f(2, 3, 4)
    for op in ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"]:
        case(op.lower(), op, {"x": x, "!axes": ints(0, 2)}, keepdims=0)
        case(op.lower() + "_all", op, {"x": x})
        case(op.lower() + "_attribute", op, {"x": x}, opset=12, axes=[1])
    case("reducelogsum", "ReduceLogSum", {"x": f(2, 3, low=0.2, high=2), "!axes": ints(1)})
    case("reduce_any", "ReduceMax", {"x": f(3, 4) > 1.5, "!axes": ints(1)}, dtypes=[TensorProto.BOOL])
    for op in ["Softmax", "LogSoftmax"]:
        case(op.lower(), op, {"x": x}, axis=1)
        case(op.lower() + "_flattening", op, {"x": x}, opset=11, axis=1)
    case("hardmax", "Hardmax", {"x": x}, axis=-1)
    case("argmax_last", "ArgMax", {"x": tensor([[1, 3, 3], [2, 2, 0]])}, axis=1, select_last_index=1, dtypes=[TensorProto.INT64])
    case("topk", "TopK", {"x": f(3, 6), "!k": ints(3)}, outputs=2, dtypes=[TensorProto.FLOAT, TensorProto.INT64], axis=1)
    case("topk_smallest", "TopK", {"x": f(5, 2), "!k": ints(2)}, outputs=2, dtypes=[TensorProto.FLOAT, TensorProto.INT64], axis=0, largest=0)
    case("cumsum", "CumSum", {"x": x, "!axis": one(1)}, exclusive=1, reverse=1)
    case("cumprod", "CumProd", {"x": x, "!axis": one(2)}, opset=26)


def windows():
    case("conv1d", "Conv", {"x": f(2, 3, 9), "w": f(4, 3, 3), "b": f(4)}, strides=[2], pads=[1, 0])
    case("conv2d_groups", "Conv", {"x": f(1, 4, 6, 5), "w": f(6, 2, 3, 3)}, group=2, dilations=[2, 1], auto_pad="SAME_UPPER", opset=11)
    case("conv3d", "Conv", {"x": f(1, 2, 4, 5, 4), "w": f(3, 2, 2, 3, 2), "b": f(3)}, strides=[1, 2, 1], pads=[1, 0, 1, 0, 1, 1])
    case("convtranspose1d", "ConvTranspose", {"x": f(1, 2, 4), "w": f(2, 3, 3)}, strides=[2], output_padding=[1])
    case("convtranspose2d", "ConvTranspose", {"x": f(1, 4, 3, 3), "w": f(4, 2, 3, 2), "b": f(4)}, strides=[2, 1], pads=[1, 0, 0, 1], group=2)
    case("convtranspose2d_shape", "ConvTranspose", {"x": f(1, 1, 3, 3), "w": f(1, 2, 3, 3)}, strides=[2, 2], output_shape=[6, 6])
    case("convtranspose3d", "ConvTranspose", {"x": f(1, 2, 2, 3, 2), "w": f(2, 2, 2, 2, 3)}, strides=[2, 1, 1], dilations=[1, 2, 1])
    case("maxpool1d", "MaxPool", {"x": f(1, 2, 9)}, kernel_shape=[3], strides=[2], pads=[1, 1])
    case("maxpool2d_ceil", "MaxPool", {"x": f(1, 2, 6, 5)}, kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1, dilations=[1, 2])
    case("maxpool3d", "MaxPool", {"x": f(1, 1, 4, 5, 4)}, kernel_shape=[2, 3, 2], strides=[1, 2, 2], pads=[1, 0, 0, 0, 1, 0])
    case("maxpool_indices", "MaxPool", {"x": f(1, 2, 4, 4)}, kernel_shape=[2, 2], strides=[2, 2], outputs=2,
         dtypes=[TensorProto.FLOAT, TensorProto.INT64])
    case("avgpool2d", "AveragePool", {"x": f(1, 2, 5, 5)}, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    case("avgpool2d_counting", "AveragePool", {"x": f(1, 2, 5, 5)}, kernel_shape=[2, 3], pads=[1, 1, 0, 1], count_include_pad=1)
    case("avgpool3d", "AveragePool", {"x": f(1, 1, 4, 4, 5)}, kernel_shape=[2, 2, 2], strides=[1, 2, 2])
    case("lppool", "LpPool", {"x": f(1, 2, 5, 4)}, kernel_shape=[2, 2], p=2)
    for op in ["GlobalAveragePool", "GlobalMaxPool"]:
        case(op.lower(), op, {"x": f(1, 3, 4, 3)})
    case("globallppool", "GlobalLpPool", {"x": f(1, 3, 4, 3)}, opset=18, p=1)
    case("col2im", "Col2Im", {"x": f(1, 8, 9), "!i": ints(4, 4), "!b": ints(2, 2)})
    case("maxunpool", "MaxUnpool", {"x": f(1, 1, 2, 2), "!i": np.array([[[[0, 3], [9, 14]]]], np.int64)}, opset=11, kernel_shape=[2, 2], strides=[2, 2])


def normalizations():
    case("layernorm", "LayerNormalization", {"x": f(2, 3, 8), "s": f(8), "b": f(8)})
    case("layernorm_axis", "LayerNormalization", {"x": f(2, 3, 4), "s": f(3, 4)}, axis=1)
    case("rmsnorm", "RMSNormalization", {"x": f(2, 8), "s": f(8)}, opset=23)
    case("groupnorm", "GroupNormalization", {"x": f(2, 4, 3, 3), "s": f(4), "b": f(4)}, num_groups=2)
    case("groupnorm_18", "GroupNormalization", {"x": f(2, 4, 3, 3), "s": f(2), "b": f(2)}, opset=18, num_groups=2)
    case("instancenorm", "InstanceNormalization", {"x": f(2, 3, 6), "s": f(3), "b": f(3)})
    case("batchnorm", "BatchNormalization", {"x": f(2, 3, 4), "s": f(3), "b": f(3), "m": f(3), "v": f(3, low=0.5, high=2)})
    case("mvn", "MeanVarianceNormalization", {"x": f(2, 3, 4, 2)})
    case("lrn", "LRN", {"x": f(1, 6, 2, 2)}, size=3, alpha=0.5, bias=1.0)
    case("lpnorm1", "LpNormalization", {"x": f(2, 5)}, p=1)
    case("lpnorm2", "LpNormalization", {"x": f(2, 5)}, axis=0)


def structure():
    x = f(2, 3, 4)
    case("gatherelements", "GatherElements", {"x": x, "!i": np.array([[[0, 2, 1, 0]], [[2, -1, 0, 1]]], np.int64)}, axis=1)
    case("gathernd", "GatherND", {"x": x, "!i": np.array([[0, 1], [1, 2]], np.int64)})
    case("gathernd_batch", "GatherND", {"x": x, "!i": np.array([[1], [2]], np.int64)}, batch_dims=1)
    for reduction in ["none", "add", "mul", "max", "min"]:
        case("scatterelements_" + reduction, "ScatterElements",
             {"x": f(4, 3), "!i": np.array([[1, 0, 2], [3, 0, 1]] if reduction == "none" else [[1, 0, 2], [1, 0, 2]], np.int64), "u": f(2, 3)},
             opset=18, reduction=reduction)
        case("scatternd_" + reduction, "ScatterND",
             {"x": f(4, 3), "!i": np.array([[1], [3]] if reduction == "none" else [[1], [1]], np.int64), "u": f(2, 3)}, opset=18, reduction=reduction)
    case("onehot", "OneHot", {"i": ints(2, -1, 0), "!d": one(4), "v": tensor([-1, 2])}, axis=0)
    case("compress", "Compress", {"x": x, "!c": np.array([True, False, True])}, axis=1)
    case("reversesequence", "ReverseSequence", {"x": f(4, 3), "!l": ints(4, 2, 1)}, opset=10)
    case("trilu", "Trilu", {"x": f(2, 4, 5), "!k": one(-1)}, upper=0)
    case("eyelike", "EyeLike", {"x": f(3, 5)}, k=1)
    case("depthtospace", "DepthToSpace", {"x": f(1, 8, 2, 3)}, blocksize=2, mode="CRD")
    case("spacetodepth", "SpaceToDepth", {"x": f(1, 2, 4, 6)}, blocksize=2)
    case("centercroppad", "CenterCropPad", {"x": f(5, 4), "!s": ints(3, 7)})
    case("pad_reflect", "Pad", {"x": f(3, 4), "!p": ints(1, 2, 1, 0)}, mode="reflect")
    case("pad_wrap", "Pad", {"x": f(3, 4), "!p": ints(1, 2, 1, 0)}, mode="wrap")
    case("split_uneven", "Split", {"x": f(7, 2)}, outputs=3, num_outputs=3)
    case("slice_steps", "Slice", {"x": f(6, 5), "!s": ints(5, 0), "!e": ints(-7, 4), "!a": ints(0, 1), "!t": ints(-2, 3)})
    case("einsum", "Einsum", {"a": f(2, 3, 4), "b": f(2, 5, 4)}, equation="bij, bkj -> bik")
    case("einsum_diagonal", "Einsum", {"a": f(2, 3, 3)}, equation="...ii->...i")
    case("det", "Det", {"x": f(2, 3, 3)})
    case("matmul", "MatMul", {"a": f(2, 2, 3), "b": f(3, 4)})
    case("gemm", "Gemm", {"a": f(3, 2), "b": f(4, 3), "c": f(4)}, transA=1, transB=1, alpha=0.5, beta=2.0)


def interpolation():
    x = f(1, 2, 4, 5)
    for mode in ["nearest", "linear", "cubic"]:
        for coordinates in ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]:
            case(f"resize_{mode}_{coordinates}", "Resize", {"x": x, "roi": None, "scales": None, "!sizes": ints(1, 2, 7, 3)}, mode=mode,
                 coordinate_transformation_mode=coordinates)
    case("resize_scales", "Resize", {"x": x, "roi": None, "!scales": tensor([1, 1, 2, 0.6])}, mode="linear")
    case("resize_ceil", "Resize", {"x": x, "roi": None, "!scales": tensor([1, 1, 1.5, 2])}, nearest_mode="ceil")
    case("resize_antialias", "Resize", {"x": x, "roi": None, "!scales": tensor([1, 1, 0.5, 0.6])}, mode="linear", antialias=1)
    case("resize_crop", "Resize", {"x": x, "!roi": tensor([0, 0, 0.2, 0.1, 1, 1, 0.9, 1.2]), "scales": None, "!sizes": ints(1, 2, 3, 4)},
         mode="linear", coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=10.0)
    case("upsample", "Upsample", {"x": x, "!scales": tensor([1, 1, 2, 3])}, opset=9, mode="nearest")
    for mode in ["nearest", "linear", "cubic"]:
        for padding in ["zeros", "border", "reflection"]:
            case(f"gridsample_{mode}_{padding}", "GridSample", {"x": f(1, 2, 4, 4), "!g": f(1, 2, 3, 2, low=-1.4, high=1.4)}, opset=20, mode=mode,
                 padding_mode=padding)
    case("affinegrid", "AffineGrid", {"t": f(1, 2, 3), "!s": ints(1, 1, 3, 4)}, align_corners=1)
    case("roialign", "RoiAlign", {"x": f(2, 2, 6, 6), "!r": tensor([[0, 0, 4, 5], [1, 1, 3, 3]]), "!b": ints(1, 0)}, output_height=2, output_width=2,
         sampling_ratio=2)
    case("deformconv", "DeformConv", {"x": f(1, 2, 4, 4), "w": f(2, 2, 2, 2), "!o": f(1, 8, 3, 3, low=-0.7, high=0.7), "b": f(2)}, opset=19)


def sequences():
    for op, gates in [("RNN", 1), ("GRU", 3), ("LSTM", 4)]:
        count = 3 if op == "LSTM" else 2
        case(op.lower(), op, {"x": f(3, 2, 4), "w": f(1, gates * 5, 4, low=-0.5, high=0.5), "r": f(1, gates * 5, 5, low=-0.5, high=0.5),
                              "b": f(1, 2 * gates * 5, low=-0.5, high=0.5)}, outputs=count, hidden_size=5)
        case(op.lower() + "_both_ways", op, {"x": f(3, 2, 4), "w": f(2, gates * 3, 4, low=-0.5, high=0.5),
                                             "r": f(2, gates * 3, 3, low=-0.5, high=0.5)}, outputs=count, hidden_size=3, direction="bidirectional")
    case("gru_linear", "GRU", {"x": f(2, 2, 3), "w": f(1, 9, 3), "r": f(1, 9, 3), "b": f(1, 18)}, outputs=2, hidden_size=3, linear_before_reset=1)
    q, k, v = f(1, 2, 3, 4), f(1, 2, 5, 4), f(1, 2, 5, 4)
    case("attention", "Attention", {"q": q, "k": k, "v": v}, opset=23)
    case("attention_mask", "Attention", {"q": q, "k": k, "v": v, "m": f(3, 5)}, opset=23, scale=0.3)
    case("attention_causal", "Attention", {"q": q, "k": q, "v": q}, opset=23, is_causal=1)
    case("attention_flat", "Attention", {"q": f(1, 3, 8), "k": f(1, 4, 4), "v": f(1, 4, 4)}, opset=23, q_num_heads=2, kv_num_heads=1)
    case("rotary", "RotaryEmbedding", {"x": f(1, 2, 3, 4), "c": f(6, 2), "s": f(6, 2), "!p": np.array([[0, 2, 5]], np.int64)}, opset=23)
    case("nll", "NegativeLogLikelihoodLoss", {"x": f(3, 4), "!t": ints(1, 3, 0), "w": f(4, low=0.5, high=1)})
    case("cross_entropy", "SoftmaxCrossEntropyLoss", {"x": f(3, 4), "!t": ints(1, 3, 0)}, outputs=2, ignore_index=3)
    case("dft", "DFT", {"x": f(1, 6, 1), "l": None, "!a": one(1)}, opset=20)
    case("dft_inverse", "DFT", {"x": f(1, 5, 2), "l": None, "!a": one(1)}, opset=20, inverse=1)
    case("stft", "STFT", {"x": f(1, 16, 1), "!s": one(4), "w": f(8)}, opset=17)


def loops():
    """A state that a weight of the graph inside scales, and a sequence that is added to it; outputs in reverse order."""
    inner = helper.make_graph(
        [helper.make_node("Mul", ["h", "w"], ["m"]), helper.make_node("Add", ["m", "s"], ["next"]), helper.make_node("Neg", ["next"], ["out"])],
        "step", [helper.make_tensor_value_info("h", TensorProto.FLOAT, [2]), helper.make_tensor_value_info("s", TensorProto.FLOAT, [2])],
        [helper.make_tensor_value_info("next", TensorProto.FLOAT, [2]), helper.make_tensor_value_info("out", TensorProto.FLOAT, [2])],
        [helper.make_tensor("w", TensorProto.FLOAT, [2], [0.5, -0.25])])
    case("scan", "Scan", {"h0": f(2), "x": f(2, 4)}, outputs=2, body=inner, num_scan_inputs=1, scan_input_axes=[1], scan_output_directions=[1])


def main():
    for group in [elementwise, reductions, windows, normalizations, structure, interpolation, sequences, loops]:
        group()
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "CrypTenONNXTests", "Fixtures")
    with open(os.path.join(folder, "operators.json"), "w") as out:
        out.write('{"onnx": "%s", "onnxruntime": "%s", "cases": [\n' % (onnx.__version__, onnxruntime.__version__))
        out.write(",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES) + "\n]}\n")
    print(len(CASES), "cases of", len({c["operator"] for c in CASES}), "operators")


if __name__ == "__main__":
    main()
