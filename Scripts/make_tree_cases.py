"""Writes Tests/CrypTenONNXTests/Fixtures/trees: small ensembles of trees, and what onnxruntime computes of them.

    pip install numpy onnx onnxruntime skl2onnx onnxmltools scikit-learn xgboost lightgbm && python3 Scripts/make_tree_cases.py

Each case is NAME.onnx and, in cases.json, rows of features, labels and scores. What exporters write comes from
scikit-learn, XGBoost and LightGBM on scikit-learn's data sets; what they don't, from trees that are drawn here.
"""

import json
import os
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

warnings.filterwarnings("ignore")
FOLDER = os.path.join(os.path.dirname(__file__), "..", "Tests", "CrypTenONNXTests", "Fixtures", "trees")
CASES = {}


def keep(name, model, x):
    x = np.asarray(x, np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    outputs = session.run(None, {session.get_inputs()[0].name: x})
    case = {"shape": list(x.shape), "x": [float(v) for v in x.ravel()], "outputs": {}}
    for info, value in zip(session.get_outputs(), outputs):
        if isinstance(value, list):
            value = np.array([[row[k] for k in row] for row in value])
        numbers = [str(v) for v in value.ravel()] if value.dtype.kind in "OU" else [float(v) for v in value.ravel()]
        case["outputs"][info.name] = {"shape": list(value.shape), "values": numbers}
    CASES[name] = case
    with open(os.path.join(FOLDER, name + ".onnx"), "wb") as file:
        file.write(model.SerializeToString())


class Trees:
    """Random trees as lists of attributes."""

    def __init__(self, rng, trees, depth, features, modes, targets, chance=0.8, thresholds=None):
        self.rng, self.modes, self.features = rng, modes, features
        self.thresholds = thresholds or (lambda: np.float32(np.round(rng.normal() * 8) / 8))
        keys = "treeids nodeids featureids values modes truenodeids falsenodeids".split()
        self.nodes = {k: [] for k in keys}
        self.leaves = {k: [] for k in "treeids nodeids ids weights".split()}
        for tree in range(trees):
            self.number = 0
            self.grow(tree, depth, chance, targets)

    def add(self, **values):
        for key, value in values.items():
            self.nodes[key].append(value)
        return len(self.nodes["modes"]) - 1

    def grow(self, tree, depth, chance, targets):
        number = self.number
        self.number += 1
        if depth == 0 or (number > 0 and self.rng.random() > chance):
            self.add(treeids=tree, nodeids=number, featureids=0, values=0.0, modes="LEAF", truenodeids=0, falsenodeids=0)
            for target in targets:
                for key, value in zip(
                    ("treeids", "nodeids", "ids", "weights"), (tree, number, target, np.float32(self.rng.normal()))
                ):
                    self.leaves[key].append(value)
            return number
        place = self.add(
            treeids=tree,
            nodeids=number,
            featureids=int(self.rng.integers(self.features)),
            values=float(self.thresholds()),
            modes=str(self.rng.choice(self.modes)),
            truenodeids=0,
            falsenodeids=0,
        )
        self.nodes["truenodeids"][place] = self.grow(tree, depth - 1, chance, targets)
        self.nodes["falsenodeids"][place] = self.grow(tree, depth - 1, chance, targets)
        return number

    def attributes(self, kind):
        result = {"nodes_" + k: v for k, v in self.nodes.items()}
        result.update({f"{kind}_{k}": v for k, v in self.leaves.items()})
        result["nodes_hitrates"] = [1.0] * len(self.nodes["modes"])
        return result


def model(operator, features, outputs, version=3, **attributes):
    node = helper.make_node(operator, ["x"], [o[0] for o in outputs], domain="ai.onnx.ml", name="trees", **attributes)
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", features])],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs],
    )
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", version)]
    return helper.make_model(graph, opset_imports=versions, ir_version=8)


def drawn():
    rng = np.random.default_rng(17)
    all_modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
    x = lambda rows=10, features=4: np.round(rng.normal(size=(rows, features)) * 8) / 8
    y, label = ("y", TensorProto.FLOAT), ("label", TensorProto.INT64)
    for mode in all_modes:
        trees = Trees(rng, 3, 3, 4, [mode], [0])
        keep("mode-" + mode[7:].lower(), model("TreeEnsembleRegressor", 4, [y], **trees.attributes("target"), n_targets=1), x())
    trees = Trees(rng, 4, 6, 4, all_modes, [0], chance=0.8)
    keep("modes-mixed-and-deep", model("TreeEnsembleRegressor", 4, [y], **trees.attributes("target"), n_targets=1, base_values=[0.5]), x())
    for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
        trees = Trees(rng, 5, 3, 4, ["BRANCH_LEQ"], [0, 1, 2])
        keep(
            "aggregate-" + aggregate.lower(),
            model("TreeEnsembleRegressor", 4, [y], **trees.attributes("target"), n_targets=3, aggregate_function=aggregate, base_values=[0.5, -1.0, 2.0]),
            x(),
        )
    between = lambda: np.nextafter(np.float32(rng.integers(-4, 5) / 2), np.float32(rng.choice([-9, 0, 9])))
    trees = Trees(rng, 12, 2, 4, all_modes[:4], [0], thresholds=between)
    keep("beside-numbers", model("TreeEnsembleRegressor", 4, [y], **trees.attributes("target"), n_targets=1), rng.integers(-5, 6, size=(20, 4)) / 2)
    trees = Trees(rng, 3, 0, 4, ["BRANCH_LEQ"], [0])
    other = Trees(rng, 2, 2, 4, ["BRANCH_LEQ"], [0])
    for key in trees.nodes:
        trees.nodes[key] += [v + 3 if key == "treeids" else v for v in other.nodes[key]]
    for key in trees.leaves:
        trees.leaves[key] += [v + 3 if key == "treeids" else v for v in other.leaves[key]]
    keep("trees-of-one-leaf", model("TreeEnsembleRegressor", 4, [y], **trees.attributes("target"), n_targets=1), x())
    for transform in ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"):
        trees = Trees(rng, 4, 3, 4, ["BRANCH_LEQ"], [0, 1, 2])
        keep(
            "classes-" + transform.lower().replace("_", "-"),
            model("TreeEnsembleClassifier", 4, [label, y], **trees.attributes("class"), classlabels_int64s=[7, 3, 12], post_transform=transform),
            x(),
        )
    for name, sign in (("mixed", 1), ("positive", 0)):
        for transform in ("NONE", "LOGISTIC") if sign else ("NONE",):
            trees = Trees(rng, 4, 3, 4, ["BRANCH_LT"], [0])
            if not sign:
                trees.leaves["weights"] = [np.float32(round(abs(w) / 8, 2)) for w in trees.leaves["weights"]]
            keep(
                f"two-classes-{name}-{transform.lower()}",
                model("TreeEnsembleClassifier", 4, [label, y], **trees.attributes("class"), classlabels_int64s=[4, 9], post_transform=transform),
                x(),
            )
    trees = Trees(rng, 4, 3, 4, ["BRANCH_LEQ"], [0, 1, 2])
    keep(
        "labels-of-text",
        model("TreeEnsembleClassifier", 4, [("label", TensorProto.STRING), y], **trees.attributes("class"), classlabels_strings=["ah", "oh, well", "äöü"], base_values=[0.1, 0.2, 0.3]),
        x(),
    )
    by_index(rng, x())


def by_index(rng, x):
    tensor = lambda name, kind, values: helper.make_tensor(name, kind, [len(values)], values)
    attributes = dict(
        n_targets=2,
        aggregate_function=1,
        tree_roots=[0, 3],
        nodes_modes=tensor("modes", TensorProto.UINT8, [0, 3, 1, 0]),
        nodes_featureids=[0, 1, 2, 3],
        nodes_splits=tensor("splits", TensorProto.FLOAT, [0.5, -0.25, 0.125, 0.0]),
        nodes_truenodeids=[1, 0, 2, 4],
        nodes_trueleafs=[0, 1, 1, 1],
        nodes_falsenodeids=[2, 1, 3, 5],
        nodes_falseleafs=[0, 1, 1, 1],
        leaf_targetids=[0, 1, 0, 1, 1, 0],
        leaf_weights=tensor("leaves", TensorProto.FLOAT, [1.5, -2.0, 0.25, 3.0, 0.75, -0.5]),
    )
    keep("trees-by-index", model("TreeEnsemble", 4, [("y", TensorProto.FLOAT)], version=5, **attributes), x)
    # Two sets, of three numbers and of one; a comparison between them.
    attributes.update(
        nodes_modes=tensor("modes", TensorProto.UINT8, [6, 3, 1, 6]),
        nodes_splits=tensor("splits", TensorProto.FLOAT, [0.0, -0.25, 0.125, 0.0]),
        membership_values=tensor("sets", TensorProto.FLOAT, [1.0, 3.0, 2.0, np.nan, 1.0, np.nan]),
    )
    grid = np.round(np.abs(x) * 2).astype(np.float32)  # onnxruntime's sets are of whole numbers up to 32
    keep("trees-of-sets", model("TreeEnsemble", 4, [("y", TensorProto.FLOAT)], version=5, **attributes), grid)


def exported():
    from lightgbm import LGBMClassifier
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    from skl2onnx import to_onnx
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from xgboost import XGBRegressor

    x, y = load_iris(return_X_y=True)
    x = x.astype(np.float32)
    forest = RandomForestClassifier(5, max_depth=4, random_state=0).fit(x, y)
    keep("iris-forest-maps", to_onnx(forest, x[:1], target_opset=17), x[::9])
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    forest = RandomForestClassifier(5, max_depth=4, random_state=1).fit(x, names)
    keep("iris-forest-names", to_onnx(forest, x[:1], target_opset=17, options={"zipmap": False}), x[::9])
    x, y = load_breast_cancer(return_X_y=True)
    x = x.astype(np.float32)
    forest = RandomForestClassifier(10, max_depth=3, random_state=0).fit(x, y)
    keep("cancer-forest", to_onnx(forest, x[:1], target_opset=17, options={"zipmap": False}), x[::40])
    boosted = GradientBoostingClassifier(n_estimators=6, max_depth=2, random_state=0).fit(x, y)
    keep("cancer-boosting", to_onnx(boosted, x[:1], target_opset=17, options={"zipmap": False}), x[::40])
    light = LGBMClassifier(n_estimators=5, num_leaves=7, verbose=-1).fit(x, y)
    keep("cancer-lightgbm", convert_lightgbm(light, initial_types=[("x", FloatTensorType([None, 30]))], zipmap=False, target_opset=15), x[::40])
    x, y = load_diabetes(return_X_y=True, scaled=False)
    x = x.astype(np.float32)
    boosted = XGBRegressor(n_estimators=6, max_depth=3).fit(x, y)
    keep("diabetes-xgboost", convert_xgboost(boosted, initial_types=[("x", FloatTensorType([None, 10]))], target_opset=15), x[::30])


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    drawn()
    exported()
    with open(os.path.join(FOLDER, "cases.json"), "w") as file:
        json.dump(CASES, file, indent=None, separators=(",", ":"), ensure_ascii=False)
        file.write("\n")
