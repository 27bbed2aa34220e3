#!/usr/bin/env python3
"""Writes Tests/CrypTenONNXTests/Fixtures/classical.json: small classical models (ai.onnx.ml), inputs, and what onnxruntime makes of them.

    pip install onnx onnxruntime numpy && python3 Scripts/make_classical_cases.py

Models and numbers are made here. Texts stand as their places: of inputs among the texts that the model tells apart, of outputs among its
labels. An input that may lack numbers has a last axis of two, the number and whether it is missing.
"""
import base64
import json
import os

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

RNG = np.random.default_rng(17)
ELEMENTS = {"f": TensorProto.FLOAT, "i": TensorProto.INT64, "U": TensorProto.STRING}
CASES = []


def f(*shape, low=-2.0, high=2.0):
    return np.round(RNG.uniform(low, high, shape), 3).astype(np.float32)


def floats(count, low=-1.5, high=1.5):
    return [float(x) for x in f(count, low=low, high=high)]


def whole(*values):
    return np.array(values, np.int64)


def numbers(x, texts=None):
    """What the parties get for an array."""
    if x.dtype.kind in "UO":
        places = {text: place for place, text in enumerate(texts)}
        return x.shape, "integer", [places.get(text, -1) for text in x.ravel()]
    if x.dtype.kind == "f":
        if np.isnan(x).any():
            pairs = np.stack([np.where(np.isnan(x), 0, x), np.isnan(x)], -1)
            return pairs.shape, "real", [round(float(v), 6) for v in pairs.ravel()]
        return x.shape, "real", [round(float(v), 6) for v in x.ravel()]
    return x.shape, "integer", [int(v) for v in x.ravel()]


def case(name, nodes, inputs, outputs, texts=None, constants=()):
    """A model of nodes; `outputs` maps names to element types, `texts` names to the lists in which places are meant."""
    texts = texts or {}
    infos = [helper.make_tensor_value_info(n, ELEMENTS[x.dtype.kind], x.shape) for n, x in inputs.items()]
    results = [helper.make_tensor_value_info(n, t, None) for n, t in outputs.items()]
    graph = helper.make_graph(nodes, "case", infos, results, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)])
    model.ir_version = 8
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    got = session.run(list(outputs), {n: x.astype(object) if x.dtype.kind == "U" else x for n, x in inputs.items()})

    def entry(n, x):
        shape, kind, values = numbers(np.asarray(x), texts.get(n))
        return {"name": n, "shape": list(shape), "kind": kind, "values": values, "public": False}

    assert all(np.isfinite(g).all() for g in map(np.asarray, got) if g.dtype.kind == "f"), name
    CASES.append({
        "name": name, "operator": nodes[0].op_type, "model": base64.b64encode(model.SerializeToString()).decode(),
        "inputs": [entry(n, x) for n, x in inputs.items()], "outputs": [entry(n, g) for n, g in zip(outputs, got)],
    })


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs, outputs, operator.lower(), domain="ai.onnx.ml", **attributes)


def one(name, operator, x, type=TensorProto.FLOAT, texts=None, **attributes):
    case(name, [node(operator, ["x"], ["y"], **attributes)], {"x": x}, {"y": type}, texts)


def classifier(name, operator, x, texts=None, **attributes):
    label = TensorProto.STRING if "classlabels_strings" in attributes else TensorProto.INT64
    case(name, [node(operator, ["x"], ["label", "scores"], **attributes)], {"x": x}, {"label": label, "scores": TensorProto.FLOAT},
         {"label": attributes["classlabels_strings"]} if label == TensorProto.STRING else None)


def linear():
    x = f(5, 3)
    one("scaler", "Scaler", x, offset=[0.5, -1.0, 100.3], scale=[2.0, 0.01, 300.0])
    one("scaler_one", "Scaler", whole([3, 4], [-2, 7]), offset=[1.25], scale=[0.5])
    one("regressor", "LinearRegressor", x, coefficients=floats(3), intercepts=[0.75])
    one("regressor_targets", "LinearRegressor", x, coefficients=floats(6), intercepts=floats(2), targets=2)
    one("regressor_amounts", "LinearRegressor", f(4, 3, low=0, high=1) * np.float32([90, 4e5, 3e6]), coefficients=[0.31, 2.4e-5, -3.1e-6],
        intercepts=[-2.7])
    for transform in ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]:
        classifier(f"classes_{transform.lower()}", "LinearClassifier", x, coefficients=floats(9), intercepts=floats(3), classlabels_ints=[7, -3, 11],
                   post_transform=transform)
        classifier(f"two_classes_{transform.lower()}", "LinearClassifier", x, coefficients=floats(3), intercepts=floats(1),
                   classlabels_strings=["no", "yes"], post_transform=transform)
    classifier("classes_texts", "LinearClassifier", x, coefficients=floats(9), intercepts=floats(3), classlabels_strings=["b", "a", "c"])
    classifier("classes_equal", "LinearClassifier", np.zeros((2, 3), np.float32), coefficients=floats(9), intercepts=[1.0, 2.0, 2.0], classlabels_ints=[4, 5, 6])


def vectors():
    x = f(5, 3)
    for kernel in ["LINEAR", "POLY", "RBF", "SIGMOID"]:
        parameters = dict(kernel_type=kernel, kernel_params=[0.4, 0.5, 3.0])
        for classes in [2, 3, 4]:
            counts = [2, 1, 3, 2][:classes]
            count, pairs = sum(counts), classes * (classes - 1) // 2
            common = dict(coefficients=floats((classes - 1) * count), support_vectors=floats(3 * count), rho=floats(pairs), vectors_per_class=counts,
                          classlabels_ints=[5, 2, 9, 1][:classes], **parameters)
            classifier(f"vectors_{kernel.lower()}_{classes}", "SVMClassifier", x, **common)
            if kernel == "RBF":
                classifier(f"vectors_probabilities_{classes}", "SVMClassifier", x, prob_a=floats(pairs, low=-3, high=-1), prob_b=floats(pairs), **common)
                classifier(f"vectors_logistic_{classes}", "SVMClassifier", x, post_transform="LOGISTIC", **common)
        one(f"regressor_{kernel.lower()}", "SVMRegressor", x, coefficients=floats(4), support_vectors=floats(12), rho=[0.3], n_supports=4, **parameters)
    classifier("lines", "SVMClassifier", x, coefficients=floats(9), rho=[0.2], kernel_type="LINEAR", kernel_params=[0.4, 0.5, 3.0], classlabels_ints=[1, 2, 3])
    one("one_class", "SVMRegressor", x, coefficients=floats(4), support_vectors=floats(12), rho=[-0.1], n_supports=4, one_class=1, kernel_type="RBF",
        kernel_params=[0.4, 0.0, 3.0])
    amounts = f(4, 2, low=0, high=1) * np.float32([1200, 30]) + np.float32([300, 10])
    one("regressor_of_amounts", "SVMRegressor", amounts, coefficients=floats(5), support_vectors=[float(v) for v in (f(5, 2, low=0, high=1) * [1200, 30] + [300, 10]).ravel()],
        rho=[0.2], n_supports=5, kernel_type="RBF", kernel_params=[4e-6, 0.0, 3.0])


def features():
    x = f(4, 3)
    x[1] = 0
    for norm in ["MAX", "L1", "L2"]:
        one(f"normalizer_{norm.lower()}", "Normalizer", x, norm=norm)
    one("imputer", "Imputer", np.float32([[1, -1, 3], [-1, 2, -1]]), imputed_value_floats=[0.25, 100.5, 7.0], replaced_value_float=-1.0)
    one("imputer_whole", "Imputer", whole([1, -1, 3], [-1, 2, -1]), TensorProto.INT64, imputed_value_int64s=[40], replaced_value_int64=-1)
    nan = float("nan")
    one("imputer_missing", "Imputer", np.float32([[1, nan, 3], [nan, 2, 0]]), imputed_value_floats=[0.25, 100.5, 7.0], replaced_value_float=nan)
    case("imputer_missing_moved", [
        helper.make_node("Concat", ["x", "z"], ["c"], "concat", axis=1),
        node("ArrayFeatureExtractor", ["c", "places"], ["p"]),
        node("Imputer", ["p"], ["y"], imputed_value_floats=[9.5], replaced_value_float=nan),
    ], {"x": np.float32([[1, nan], [3, 4]]), "z": np.float32([[nan], [5]])}, {"y": TensorProto.FLOAT},
         constants=[helper.make_tensor("places", TensorProto.INT64, [3], [2, 0, 1])])
    case("vectorizer", [node("FeatureVectorizer", ["a", "b"], ["y"], inputdimensions=[2, 1])], {"a": f(3, 2), "b": f(3, 1)}, {"y": TensorProto.FLOAT})
    case("extractor", [node("ArrayFeatureExtractor", ["x", "places"], ["y"])], {"x": f(3, 4)}, {"y": TensorProto.FLOAT},
         constants=[helper.make_tensor("places", TensorProto.INT64, [1, 2], [3, 1])])
    for name, labels, type in [("labels", [10, 30, 20], TensorProto.INT32), ("texts", [b"red", b"green", b"blue"], TensorProto.STRING)]:
        made = TensorProto.STRING if type == TensorProto.STRING else TensorProto.INT32
        case(f"extractor_of_{name}", [
            helper.make_node("ArgMax", ["x"], ["i"], "argmax", axis=1, keepdims=0),
            node("ArrayFeatureExtractor", ["labels", "i"], ["e"]),
            helper.make_node("Reshape", ["e", "s"], ["y"], "reshape"),
        ], {"x": f(4, 3)}, {"y": made}, {"y": ["red", "green", "blue"]},
             constants=[helper.make_tensor("labels", type, [3], labels), helper.make_tensor("s", TensorProto.INT64, [1], [-1])])
    case("extractor_of_secret_places", [node("ArrayFeatureExtractor", ["x", "i"], ["y"])], {"x": f(2, 3), "i": whole(2, 0)}, {"y": TensorProto.FLOAT})


def encoders():
    one("binarizer", "Binarizer", np.float32([[0.5, 0.4999], [2, -1]]), threshold=0.5)
    one("onehot", "OneHotEncoder", whole([2, 9], [7, 2]), cats_int64s=[7, 2, 3])
    one("onehot_of_floats", "OneHotEncoder", np.float32([2.0, 2.9, -3.5, 7]), cats_int64s=[7, 2, -3])
    words = np.array([["b", "z"], ["a", "b"]])
    one("onehot_of_texts", "OneHotEncoder", words, texts={"x": ["a", "b", "c"]}, cats_strings=["a", "b", "c"])
    one("encoder_whole_to_floats", "LabelEncoder", whole([4, 9], [5, 0]), keys_int64s=[4, 5, 0], values_floats=[1.5, -8.0, 300.25], default_float=-0.5)
    one("encoder_floats", "LabelEncoder", np.float32([1.5, 2, 2.25, -7]), keys_floats=[2.25, 1.5], values_floats=[0.125, 9.0], default_float=4.0)
    one("encoder_texts", "LabelEncoder", words, TensorProto.INT64, texts={"x": ["b", "a"]}, keys_strings=["b", "a"], values_int64s=[3, 8], default_int64=-5)
    one("encoder_to_texts", "LabelEncoder", whole(4, 9, 5), TensorProto.STRING, texts={"y": ["u", "v", "none"]}, keys_int64s=[4, 5], values_strings=["u", "v"],
        default_string="none")
    one("mapper", "CategoryMapper", words, TensorProto.INT64, texts={"x": ["a", "b"]}, cats_strings=["a", "b"], cats_int64s=[12, -4], default_int64=6)
    one("mapper_to_texts", "CategoryMapper", whole(12, -4, 1), TensorProto.STRING, texts={"y": ["a", "b", "?"]}, cats_strings=["a", "b"], cats_int64s=[12, -4],
        default_string="?")


def main():
    for group in [linear, vectors, features, encoders]:
        group()
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "CrypTenONNXTests", "Fixtures")
    with open(os.path.join(folder, "classical.json"), "w") as out:
        out.write('{"onnx": "%s", "onnxruntime": "%s", "cases": [\n' % (onnx.__version__, onnxruntime.__version__))
        out.write(",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES) + "\n]}\n")
    print(len(CASES), "cases of", len({c["operator"] for c in CASES}), "operators")


if __name__ == "__main__":
    main()
