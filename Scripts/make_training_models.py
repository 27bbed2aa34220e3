#!/usr/bin/env python3
"""Writes small networks with their first weights, to be trained, to Tests/CrypTenToolTests/Fixtures/training.

    pip install onnx numpy && python3 Scripts/make_training_models.py

    softmax.onnx   x [N, 4] to three scores
    logistic.onnx  x [N, 4] to one
    words.onnx     numbers of seven words, [N, 5], to the mean of their rows
    sides.onnx     x [N, 4] and z [N, 2] to the sum of two products
    ends.onnx      x [N, 4], through weights of which only whole parts are read
    fixed.onnx     softmax.onnx for batches of four, as an export without dynamic axes gives it

Element i of a tensor that begins at n is ((7 * (n + i) + 3) mod 11 - 5) / 16: exact in fixed point, and simple to write down again.
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent.parent / "Tests/CrypTenToolTests/Fixtures/training"


def numbers(first, *shape):
    place = first + np.arange(np.prod(shape))
    return (((7 * place + 3) % 11 - 5) / 16).astype(np.float32).reshape(shape)


def write(name, nodes, weights, inputs, scores):
    def info(name, kind, shape):
        return helper.make_tensor_value_info(name, kind, shape)

    graph = helper.make_graph(
        nodes,
        name,
        [info(name, kind, shape) for name, kind, shape in inputs],
        [info("scores", TensorProto.FLOAT, scores)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, FOLDER / f"{name}.onnx")


def linear(name, scores, rows="N"):
    write(
        name,
        [helper.make_node("Gemm", ["x", "fc.weight", "fc.bias"], ["scores"], "/fc/Gemm", transB=1)],
        {"fc.weight": numbers(0, scores, 4), "fc.bias": numbers(100, scores)},
        [("x", TensorProto.FLOAT, [rows, 4])],
        [rows, scores],
    )


FOLDER.mkdir(parents=True, exist_ok=True)
linear("softmax", 3)
linear("logistic", 1)
linear("fixed", 3, rows=4)
write(
    "words",
    [
        helper.make_node("Gather", ["words.weight", "x"], ["rows"], "/words/Gather", axis=0),
        helper.make_node("ReduceMean", ["rows"], ["scores"], "/ReduceMean", axes=[1], keepdims=0),
    ],
    {"words.weight": numbers(0, 7, 3)},
    [("x", TensorProto.INT64, ["N", 5])],
    ["N", 3],
)
write(
    "sides",
    [
        helper.make_node("MatMul", ["x", "left"], ["a"], "/left/MatMul"),
        helper.make_node("MatMul", ["z", "right"], ["b"], "/right/MatMul"),
        helper.make_node("Add", ["a", "b"], ["scores"], "/Add"),
    ],
    {"left": numbers(0, 4, 3), "right": numbers(50, 2, 3)},
    [("x", TensorProto.FLOAT, ["N", 4]), ("z", TensorProto.FLOAT, ["N", 2])],
    ["N", 3],
)
write(
    "ends",
    [
        helper.make_node("MatMul", ["x", "first.weight"], ["a"], "/first/MatMul"),
        helper.make_node("Floor", ["a"], ["b"], "/Floor"),
        helper.make_node("MatMul", ["b", "second.weight"], ["scores"], "/second/MatMul"),
    ],
    {"first.weight": numbers(0, 4, 3), "second.weight": numbers(50, 3, 3)},
    [("x", TensorProto.FLOAT, ["N", 4])],
    ["N", 3],
)
