#!/usr/bin/env python3
"""Makes Tests/CrypTenONNXTests/Fixtures/quantised.json: quantised operators and small networks that onnxruntime's own tools have
quantised, with what onnxruntime computes of made-up inputs.

    pip install onnx onnxruntime onnx_ir && python3 Scripts/make_quantised_cases.py

Each case has a seed of its own, and the largest difference that is allowed: one quantum of its output, or none where whole
numbers are exact.
"""
import base64
import json
import logging
import os
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

logging.disable(logging.CRITICAL)
onnxruntime.set_default_logger_severity(4)
OUT = os.path.join(os.path.dirname(__file__), "..", "Tests", "CrypTenONNXTests", "Fixtures", "quantised.json")
MICROSOFT = "com.microsoft"
CASES = []


def run(model, feeds):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    data = model if isinstance(model, bytes) else model.SerializeToString()
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run(None, feeds)


def entry(name, array):
    array = np.asarray(array)
    kind = {"f": "real", "i": "integer", "u": "integer", "b": "bit"}[array.dtype.kind]
    values = [round(float(v), 6) if kind == "real" else int(v) for v in array.reshape(-1)]
    return {"name": name, "shape": list(array.shape), "kind": kind, "values": values, "public": False}


def keep(name, operator, model, feeds, tolerance, outputs=None):
    model.producer_name = ""
    data = model.SerializeToString()
    results = outputs or run(model, feeds)
    CASES.append(
        {
            "name": name,
            "operator": operator,
            "model": base64.b64encode(data).decode(),
            "inputs": [entry(k, v) for k, v in feeds.items()],
            "outputs": [entry(o.name, r) for o, r in zip(model.graph.output, results)],
            "tolerance": tolerance,
        }
    )


def typed(array):
    return helper.np_dtype_to_tensor_dtype(np.asarray(array).dtype)


def single(name, operator, inputs, output, tolerance, domain="", standard=21, feeds=("x",), **attributes):
    """One node; `inputs` are arrays by name in order, of which `feeds` are given and the rest stand in the file."""
    given = {k: v for k, v in inputs.items() if k in feeds}
    stored = [v if isinstance(v, TensorProto) else numpy_helper.from_array(np.asarray(v), k) for k, v in inputs.items() if k not in feeds and v is not None]
    node = helper.make_node(operator, [k if v is not None else "" for k, v in inputs.items()], [f"y{i}" for i in range(len(output))], name="n", domain=domain, **attributes)
    graph = helper.make_graph(
        [node],
        "case",
        [helper.make_tensor_value_info(k, typed(v), np.asarray(v).shape) for k, v in given.items()],
        [helper.make_tensor_value_info(f"y{i}", t, None) for i, t in enumerate(output)],
        stored,
    )
    opsets = [helper.make_opsetid("", standard)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    keep(name, operator, helper.make_model(graph, opset_imports=opsets, ir_version=10), given, tolerance)


def operators():
    r = np.random.default_rng(17)
    f = lambda *s, scale=1.0: np.round(r.standard_normal(s) * scale * 64).astype(np.float32) / 64
    u8 = lambda *s: r.integers(0, 256, s).astype(np.uint8)
    s8 = lambda *s: r.integers(-128, 128, s).astype(np.int8)
    F, U8, S8, I32 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32
    one = np.float32
    for kind, t, z in [("u8", U8, np.uint8(121)), ("s8", S8, np.int8(-7)), ("s16", TensorProto.INT16, np.int16(3)), ("u16", TensorProto.UINT16, np.uint16(30000))]:
        single(f"quantise_{kind}", "QuantizeLinear", {"x": f(3, 7, scale=30), "s": one(0.37 if "8" in kind else 0.0031), "z": z}, [t], 1)
    single("quantise_axis", "QuantizeLinear", {"x": f(2, 3, 4), "s": np.array([0.011, 0.2, 0.017], np.float32), "z": np.array([1, 128, 255], np.uint8)}, [U8], 1, axis=1)
    single("dequantise_u8", "DequantizeLinear", {"x": u8(3, 5), "s": one(0.043), "z": np.uint8(131)}, [F], 2e-3)
    single("dequantise_axis", "DequantizeLinear", {"x": s8(2, 3), "s": np.array([0.01, 0.3, 0.02], np.float32), "z": np.array([1, -3, 0], np.int8)}, [F], 2e-3, axis=-1)
    int4 = helper.make_tensor("w", TensorProto.INT4, [2, 5], [-8, 7, 0, 3, -1, 5, -6, 2, 1, -4])
    node = [helper.make_node("DequantizeLinear", ["w", "s"], ["d"], name="d", axis=1, block_size=2), helper.make_node("MatMul", ["x", "d"], ["y0"], name="n")]
    graph = helper.make_graph(node, "case", [helper.make_tensor_value_info("x", F, [3, 2])], [helper.make_tensor_value_info("y0", F, None)], [int4, numpy_helper.from_array(f(2, 3, scale=0.1), "s")])
    x = f(3, 2)
    keep("int4_blocks", "DequantizeLinear", helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), {"x": x}, 2e-3)
    single("qlinear_conv", "QLinearConv", {"x": u8(1, 2, 5, 5), "xs": one(0.02), "xz": np.uint8(120), "w": s8(3, 2, 3, 3), "ws": np.array([0.01, 0.02, 0.005], np.float32), "wz": np.zeros(3, np.int8), "ys": one(0.11), "yz": np.uint8(127), "b": r.integers(-3000, 3000, 3).astype(np.int32)}, [U8], 1, pads=[1, 0, 1, 2], strides=[2, 1])
    single("qlinear_matmul", "QLinearMatMul", {"x": u8(2, 4, 6), "as": one(0.03), "az": np.uint8(110), "b": u8(6, 3), "bs": one(0.007), "bz": np.uint8(130), "ys": one(0.05), "yz": np.uint8(118)}, [U8], 1)
    single("qlinear_matmul_of_inputs", "QLinearMatMul", {"x": u8(2, 4, 6), "as": one(0.03), "az": np.uint8(110), "b": u8(2, 6, 3), "bs": one(0.007), "bz": np.uint8(130), "ys": one(0.05), "yz": np.uint8(118)}, [U8], 1, feeds=("x", "b"))
    single("conv_integer", "ConvInteger", {"x": u8(1, 2, 5, 5), "w": u8(3, 2, 2, 2), "xz": np.uint8(9), "wz": np.uint8(100)}, [I32], 0, pads=[1, 1, 0, 0])
    single("matmul_integer", "MatMulInteger", {"x": u8(3, 8), "w": s8(8, 2), "xz": np.uint8(77), "wz": np.array([3, -9], np.int8)}, [I32], 0)
    single("dynamic_quantise", "DynamicQuantizeLinear", {"x": f(4, 9, scale=3)}, [U8, F, U8], 1)
    single("dynamic_quantise_positive", "DynamicQuantizeLinear", {"x": np.abs(f(4, 9, scale=3)) + 1}, [U8, F, U8], 1)
    m = dict(domain=MICROSOFT, standard=17)
    pair = {"x": s8(2, 3, 4), "as": one(0.02), "az": np.int8(4), "b": s8(3, 4), "bs": one(0.07), "bz": np.int8(-9), "ys": one(0.06), "yz": np.int8(5)}
    single("qlinear_add", "QLinearAdd", pair, [S8], 1, feeds=("x", "b"), **m)
    single("qlinear_mul", "QLinearMul", pair, [S8], 1, feeds=("x", "b"), **m)
    single("qlinear_mul_by_weights", "QLinearMul", pair, [S8], 1, **m)
    unary = {"x": u8(2, 9), "xs": one(0.05), "xz": np.uint8(128), "ys": one(1 / 256), "yz": np.uint8(0)}
    single("qlinear_sigmoid", "QLinearSigmoid", unary, [U8], 1, **m)
    single("qlinear_softmax", "QLinearSoftmax", unary, [U8], 1, axis=-1, opset=13, **m)
    single("qlinear_leaky_relu", "QLinearLeakyRelu", {**unary, "ys": one(0.05), "yz": np.uint8(60)}, [U8], 1, alpha=0.125, **m)
    image = {"x": u8(1, 2, 4, 6), "xs": one(0.05), "xz": np.uint8(128), "ys": one(0.02), "yz": np.uint8(121)}
    single("qlinear_global_average_pool", "QLinearGlobalAveragePool", image, [U8], 1, **m)
    single("qlinear_average_pool", "QLinearAveragePool", image, [U8], 1, kernel_shape=[3, 2], strides=[1, 2], pads=[1, 0, 1, 0], **m)
    single("qlinear_concat", "QLinearConcat", {"ys": one(0.06), "yz": np.uint8(125), "x": u8(2, 3), "as": one(0.05), "az": np.uint8(100), "b": u8(2, 2), "bs": one(0.09), "bz": np.uint8(140)}, [U8], 1, feeds=("x", "b"), axis=1, **m)
    gemm = {"x": u8(3, 6), "as": one(0.03), "az": np.uint8(100), "b": s8(4, 6), "bs": np.array([0.01, 0.004, 0.02, 0.006], np.float32), "bz": np.zeros(4, np.int8), "c": r.integers(-2000, 2000, 4).astype(np.int32), "ys": one(0.1), "yz": np.uint8(127)}
    single("qgemm", "QGemm", gemm, [U8], 1, transB=1, alpha=0.75, **m)
    single("qgemm_to_reals", "QGemm", {k: v for k, v in gemm.items() if k[0] != "y"}, [F], 4e-3, transB=1, **m)
    single("matmul_integer_to_float", "MatMulIntegerToFloat", {"x": u8(3, 6), "b": s8(6, 4), "as": one(0.03), "bs": one(0.01), "az": np.uint8(99), "bz": np.int8(2), "bias": f(4)}, [F], 4e-3, **m)
    single("dynamic_quantise_matmul", "DynamicQuantizeMatMul", {"x": f(3, 6), "b": s8(6, 4), "bs": np.array([0.01, 0.004, 0.02, 0.006], np.float32), "bz": np.array([1, 2, -3, 0], np.int8), "bias": f(4)}, [F], 2e-2, **m)
    for bits, zeros in [(4, None), (4, u8(3, 2)), (8, None)]:
        single(f"matmul_{bits}_bits" + ("_zero_points" if zeros is not None else ""), "MatMulNBits", {"x": f(2, 40), "b": u8(3, 3, 16 * bits // 8), "s": f(3, 3, scale=0.05) if bits == 4 else f(3, 3, scale=0.05) / 16, **({"z": zeros} if zeros is not None else {})}, [F], 4e-3, K=40, N=3, bits=bits, block_size=16, **m)
    # Wrapping: the runtime has no arithmetic of 8 bits for all of these, numpy has.
    wide = {"x": u8(2, 8), "b": u8(2, 8)}
    for operator, function in [("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply)]:
        node = helper.make_node(operator, ["x", "b"], ["y0"], name="n")
        for kind, cast in [(U8, np.uint8), (S8, np.int8)]:
            values = {k: v.astype(cast) for k, v in wide.items()}
            graph = helper.make_graph([node], "case", [helper.make_tensor_value_info(k, kind, [2, 8]) for k in values], [helper.make_tensor_value_info("y0", kind, None)])
            keep(f"{operator.lower()}_{np.dtype(cast).name}", operator, helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), values, 0, [function(*values.values())])
    whole = r.integers(-1000, 1000, (2, 8)).astype(np.int32)
    for kind, name in [(U8, "uint8"), (S8, "int8"), (TensorProto.UINT16, "uint16")]:
        single(f"cast_to_{name}", "Cast", {"x": whole}, [kind], 0, to=kind)


class Made:
    def __init__(self, seed):
        self.random, self.nodes, self.stored, self.count = np.random.default_rng(seed), [], [], 0

    def weights(self, *shape, scale=None):
        self.count += 1
        values = self.random.standard_normal(shape) * (scale or 1 / np.sqrt(np.prod(shape[1:])))
        self.stored.append(numpy_helper.from_array(values.astype(np.float32), f"w{self.count}"))
        return f"w{self.count}"

    def node(self, operator, inputs, **attributes):
        self.count += 1
        self.nodes.append(helper.make_node(operator, inputs, [f"v{self.count}"], name=f"{operator}{self.count}", **attributes))
        return f"v{self.count}"

    def model(self, shape, out):
        self.nodes[-1].output[0] = "y"
        info = helper.make_tensor_value_info
        graph = helper.make_graph(self.nodes, "made", [info("x", TensorProto.FLOAT, shape)], [info("y", TensorProto.FLOAT, out)], self.stored)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def dense(seed):
    m = Made(seed)
    x = m.node("Relu", [m.node("Gemm", ["x", m.weights(7, 6), m.weights(7, scale=0.3)], transB=1)])
    m.node("Add", [m.node("MatMul", [x, m.weights(7, 4, scale=0.4)]), m.weights(4, scale=0.3)])
    return m.model([3, 6], [3, 4])


def image(seed):
    m = Made(seed)
    x = m.node("Relu", [m.node("Conv", ["x", m.weights(3, 1, 3, 3), m.weights(3, scale=0.2)], pads=[1, 1, 1, 1])])
    x = m.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
    x = m.node("Relu", [m.node("Add", [m.node("Conv", [x, m.weights(3, 3, 1, 1), m.weights(3, scale=0.2)]), x])])
    x = m.node("Concat", [x, m.node("Conv", [x, m.weights(2, 3, 1, 1)])], axis=1)
    m.node("Gemm", [m.node("Flatten", [m.node("GlobalAveragePool", [x])]), m.weights(3, 5), m.weights(3, scale=0.2)], transB=1)
    return m.model([2, 1, 4, 4], [2, 3])


class Calibration(CalibrationDataReader):
    def __init__(self, shape, seed):
        r = np.random.default_rng(seed)
        self.rows = iter([{"x": r.standard_normal(shape).astype(np.float32)} for _ in range(6)])

    def get_next(self):
        return next(self.rows, None)


def networks():
    U8, S8, QDQ, OPERATORS = QuantType.QUInt8, QuantType.QInt8, QuantFormat.QDQ, QuantFormat.QOperator
    static = lambda form, a, w, **more: dict(quant_format=form, activation_type=a, weight_type=w, **more)
    modes = [
        ("qdq_s8s8", static(QDQ, S8, S8)), ("qdq_u8s8_channels", static(QDQ, U8, S8, per_channel=True)), ("operators_u8u8", static(OPERATORS, U8, U8)),
        ("operators_u8s8_channels", static(OPERATORS, U8, S8, per_channel=True, reduce_range=True)), ("dynamic_u8", dict(weight_type=U8)), ("dynamic_s8_channels", dict(weight_type=S8, per_channel=True)), ("bits4", None),
    ]
    for make, shape in [(dense, [3, 6]), (image, [2, 1, 4, 4])]:
        for index, (mode, options) in enumerate(modes):
            if make is image and mode == "bits4":
                continue
            seed = 100 + index
            with tempfile.TemporaryDirectory() as folder:
                plain, quantised = os.path.join(folder, "plain.onnx"), os.path.join(folder, "quantised.onnx")
                onnx.save(make(seed), plain)
                if options is None:
                    tool = MatMulNBitsQuantizer(onnx.load(plain), algo_config=DefaultWeightOnlyQuantConfig(block_size=16, is_symmetric=False, bits=4, accuracy_level=1))
                    tool.process()
                    tool.model.save_model_to_file(quantised)
                elif "dynamic" in mode:
                    quantize_dynamic(plain, quantised, **options)
                else:
                    quantize_static(plain, quantised, Calibration(shape, seed + 1), **options)
                model = onnx.load(quantised)
            x = np.round(np.random.default_rng(seed + 2).standard_normal(shape) * 256).astype(np.float32) / 256
            want = run(model, {"x": x})
            scales = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
            last = [n for n in model.graph.node if n.op_type == "DequantizeLinear" and n.output[0] == "y"]
            quantum = float(scales[last[0].input[1]]) if last else float(np.ptp(want[0])) / 255
            keep(f"{make.__name__}_{mode}", "network", model, {"x": x}, round(1.01 * quantum, 6), want)


operators()
networks()
with open(OUT, "w") as file:
    head = json.dumps({"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__})[1:-1]
    file.write("{" + head + ', "cases": [\n' + ",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES) + "\n]}\n")
print(len(CASES), "cases", os.path.getsize(OUT), "bytes")
