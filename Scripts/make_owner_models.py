"""Writes the models of Tests/CrypTenToolTests/Fixtures/owners: of two inputs, of operators that aren't computed, of words, and of labels with names.

pip install onnx numpy && python3 Scripts/make_owner_models.py
"""

import os

import numpy as np
import onnx
from onnx import TensorProto as T, helper as h, numpy_helper as nh

folder = os.path.join(os.path.dirname(__file__), "../Tests/CrypTenToolTests/Fixtures/owners")

# x [N, 5] and z [N, 2], weights that fixed point holds exactly: y = relu(x W + z V), s is its sum.
W = np.array([[(i - j) / 4 for j in range(3)] for i in range(5)], "f4")
V = np.array([[(i + 2 * j) / 8 for j in range(3)] for i in range(2)], "f4")
g = h.make_graph(
    [
        h.make_node("MatMul", ["x", "W"], ["a"], name="of_x"),
        h.make_node("MatMul", ["z", "V"], ["b"], name="of_z"),
        h.make_node("Add", ["a", "b"], ["c"], name="both"),
        h.make_node("Relu", ["c"], ["y"], name="relu"),
        h.make_node("ReduceSum", ["y"], ["s"], keepdims=0, name="sum"),
    ],
    "two",
    [h.make_tensor_value_info("x", T.FLOAT, ["N", 5]), h.make_tensor_value_info("z", T.FLOAT, ["N", 2])],
    [h.make_tensor_value_info("y", T.FLOAT, ["N", 3]), h.make_tensor_value_info("s", T.FLOAT, [])],
    [nh.from_array(W, "W"), nh.from_array(V, "V")],
)
m = h.make_model(g, opset_imports=[h.make_opsetid("", 17)])
m.ir_version = 8
onnx.checker.check_model(m)
onnx.save(m, folder + "/two.onnx")
# three operators that aren't computed, one of them twice and of another domain; a table read at public places; a bound
E = np.arange(12, dtype="f4").reshape(6, 2) / 8
g = h.make_graph(
    [
        h.make_node("MatMul", ["x", "W"], ["a"], name="first"),
        h.make_node("Wobble", ["a"], ["b"], name="wobble_1", domain="com.example"),
        h.make_node("Relu", ["b"], ["c"], name="relu"),
        h.make_node("Wobble", ["c"], ["d"], name="wobble_2", domain="com.example"),
        h.make_node("Add", ["d", "V"], ["e"], name="add"),
        h.make_node("StringNormalizer", ["e"], ["f"], name="text"),
        h.make_node("Reshape", ["a", "shape"], ["r"], name="flat"),
        h.make_node("Mod", ["r", "five"], ["p"], name="remainder", fmod=1),
    ],
    "refused",
    [h.make_tensor_value_info("x", T.FLOAT, ["N", 5])],
    [h.make_tensor_value_info("f", T.FLOAT, ["N", 3]), h.make_tensor_value_info("p", T.FLOAT, ["M"])],
    [
        nh.from_array(W, "W"),
        nh.from_array(V[:1], "V"),
        nh.from_array(np.array([-1], "i8"), "shape"),
        nh.from_array(np.array([5], "f4"), "five"),
    ],
)
m = h.make_model(g, opset_imports=[h.make_opsetid("", 17), h.make_opsetid("com.example", 3)])
m.ir_version = 8
onnx.save(m, folder + "/refused.onnx")
# word numbers
g = h.make_graph(
    [
        h.make_node("Gather", ["table", "ids"], ["a"], name="look"),
        h.make_node("ReduceMean", ["a"], ["y"], name="mean", axes=[1], keepdims=0),
    ],
    "words",
    [h.make_tensor_value_info("ids", T.INT64, ["N", "L"])],
    [h.make_tensor_value_info("y", T.FLOAT, ["N", 2])],
    [nh.from_array(E, "table")],
)
m = h.make_model(g, opset_imports=[h.make_opsetid("", 17)])
m.ir_version = 8
onnx.checker.check_model(m)
onnx.save(m, folder + "/words.onnx")
# x [N, 5], labels that are texts, and a map of scores: the label is the place of the largest of x C + d among them.
C = np.array([[(i - j) * (j - 1) / 4 for j in range(3)] for i in range(5)], "f4")
ml = {"domain": "ai.onnx.ml"}
kinds = ["apple", "medlar", "quince"]
g = h.make_graph(
    [
        h.make_node(
            "LinearClassifier", ["x"], ["chosen", "scores"], name="choose", coefficients=C.T.flatten().tolist(),
            intercepts=[0.0, 0.5, 0.25], classlabels_strings=kinds, post_transform="NONE", **ml,
        ),
        h.make_node("Identity", ["chosen"], ["label"], name="named"),
        h.make_node("ZipMap", ["scores"], ["maps"], name="maps", classlabels_strings=kinds, **ml),
    ],
    "named",
    [h.make_tensor_value_info("x", T.FLOAT, ["N", 5])],
    [
        h.make_tensor_value_info("label", T.STRING, ["N"]),
        h.make_value_info("maps", h.make_sequence_type_proto(h.make_map_type_proto(T.STRING, h.make_tensor_type_proto(T.FLOAT, [])))),
    ],
)
m = h.make_model(g, opset_imports=[h.make_opsetid("", 17), h.make_opsetid("ai.onnx.ml", 3)])
m.ir_version = 8
onnx.checker.check_model(m)
onnx.save(m, folder + "/named.onnx")
