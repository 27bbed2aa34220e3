"""Estimators of scikit-learn, XGBoost, LightGBM and CatBoost, trained on scikit-learn's data sets, and their exporters.

Each function of the table returns (estimator, X, y): trained on all rows but the first `ROWS`, which are those that are run. Data are what the
packages hold: iris, wine, breast cancer, digits, diabetes, linnerud.
"""
import contextlib
import warnings

import numpy as np

ROWS = 50
SEED = 17
MODELS = {}


def model(name):
    def add(function):
        MODELS[name] = function
        return function

    return add


def data(name):
    """Features as float32, which is what runs later: training sees the same numbers. Rows in an order of their own, the same every time."""
    from sklearn import datasets

    X, y = getattr(datasets, "load_" + name)(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(X))
    return X[order].astype(np.float32), y[order]


def fitted(estimator, X, y=None):
    """Trained on the rows that aren't run; small data sets lend some of theirs."""
    train = slice(ROWS if len(X) > 3 * ROWS - 1 else 0, None)
    rows = X.iloc[train] if hasattr(X, "iloc") else X[train]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(rows) if y is None else estimator.fit(rows, y[train])
    return estimator, X, y


def simple(name, dataset, make, target=lambda y: y, change=lambda X: X):
    """A model that needs no more than an estimator and a data set."""

    def build():
        X, y = data(dataset)
        return fitted(make(), change(X), target(y))

    MODELS[name] = build


def scaled(estimator):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), estimator)


def with_gaps(X):
    """The same rows with one number in twelve missing."""
    X = X.copy()
    X[np.random.default_rng(SEED).random(X.shape) < 1 / 12] = np.nan
    return X


def linear_models():
    from sklearn import linear_model as linear
    from sklearn.svm import LinearSVC

    simple("logistic-regression", "iris", lambda: linear.LogisticRegression(max_iter=1000))
    simple("logistic-regression-scaled", "breast_cancer", lambda: scaled(linear.LogisticRegression(max_iter=1000)))
    names = np.array(["setosa", "versicolor", "virginica"])
    simple("logistic-regression-of-names", "iris", lambda: linear.LogisticRegression(max_iter=1000), target=lambda y: names[y])
    simple("linear-svc", "wine", lambda: scaled(LinearSVC(random_state=SEED)))
    simple("sgd-classifier", "breast_cancer", lambda: scaled(linear.SGDClassifier(loss="log_loss", random_state=SEED)))
    simple("ridge-classifier", "wine", lambda: scaled(linear.RidgeClassifier()))
    simple("linear-regression", "diabetes", linear.LinearRegression)
    simple("ridge", "diabetes", linear.Ridge)
    simple("lasso", "diabetes", lambda: linear.Lasso(alpha=0.1))
    simple("elastic-net", "diabetes", lambda: linear.ElasticNet(alpha=0.01))
    simple("sgd-regressor", "diabetes", lambda: scaled(linear.SGDRegressor(random_state=SEED)))
    simple("bayesian-ridge", "diabetes", linear.BayesianRidge)
    simple("huber", "diabetes", lambda: scaled(linear.HuberRegressor(max_iter=500)))
    simple("poisson-regressor", "diabetes", lambda: scaled(linear.PoissonRegressor()))
    simple("multi-output-regression", "linnerud", linear.LinearRegression)


def kernel_and_neighbour_models():
    from sklearn import neighbors, svm
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF

    simple("svc-rbf", "wine", lambda: scaled(svm.SVC()))
    simple("svc-with-probabilities", "breast_cancer", lambda: scaled(svm.SVC(probability=True, random_state=SEED)))
    simple("svc-polynomial", "iris", lambda: svm.SVC(kernel="poly", degree=3))
    simple("svc-sigmoid", "iris", lambda: scaled(svm.SVC(kernel="sigmoid")))
    simple("nu-svc", "iris", lambda: svm.NuSVC(nu=0.3))
    simple("svr", "diabetes", lambda: scaled(svm.SVR(C=100)))
    simple("nu-svr", "diabetes", lambda: scaled(svm.NuSVR(C=100)))
    simple("one-class-svm", "wine", lambda: scaled(svm.OneClassSVM(nu=0.1)))
    simple("knn-classifier", "iris", neighbors.KNeighborsClassifier)
    simple("knn-regressor", "diabetes", lambda: neighbors.KNeighborsRegressor(weights="distance"))

    def gaussian_process():
        X, y = data("diabetes")
        X, y = X[: 3 * ROWS].astype(np.float64), (y[: 3 * ROWS] - 150) / 80
        return fitted(GaussianProcessRegressor(RBF(0.2), alpha=0.1, optimizer=None), X, y)

    MODELS["gaussian-process"] = gaussian_process


def probabilistic_models():
    from sklearn import cluster, discriminant_analysis, mixture, naive_bayes

    simple("gaussian-nb", "wine", naive_bayes.GaussianNB)
    simple("multinomial-nb", "digits", naive_bayes.MultinomialNB)
    simple("bernoulli-nb", "digits", lambda: naive_bayes.BernoulliNB(binarize=7.0))
    simple("lda", "wine", discriminant_analysis.LinearDiscriminantAnalysis)
    simple("qda", "iris", discriminant_analysis.QuadraticDiscriminantAnalysis)
    simple("kmeans", "iris", lambda: cluster.KMeans(3, n_init=3, random_state=SEED), target=lambda y: None)
    simple("gaussian-mixture", "iris", lambda: mixture.GaussianMixture(3, random_state=SEED), target=lambda y: None)


def networks():
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    sixteenths = lambda X: X / 16
    simple("mlp-classifier", "digits", lambda: MLPClassifier(hidden_layer_sizes=(32,), max_iter=100, random_state=SEED), change=sixteenths)
    simple("mlp-regressor", "diabetes", lambda: scaled(MLPRegressor(hidden_layer_sizes=(16, 8), activation="tanh", max_iter=500, random_state=SEED)))


def trees():
    from sklearn import ensemble, tree

    simple("decision-tree", "iris", lambda: tree.DecisionTreeClassifier(random_state=SEED))
    simple("decision-tree-regressor", "diabetes", lambda: tree.DecisionTreeRegressor(max_depth=8, random_state=SEED))
    simple("random-forest", "breast_cancer", lambda: ensemble.RandomForestClassifier(50, random_state=SEED))
    simple("random-forest-regressor", "diabetes", lambda: ensemble.RandomForestRegressor(50, max_depth=7, random_state=SEED))
    simple("extra-trees", "digits", lambda: ensemble.ExtraTreesClassifier(30, max_depth=8, random_state=SEED))
    simple("extra-trees-regressor", "diabetes", lambda: ensemble.ExtraTreesRegressor(30, max_depth=7, random_state=SEED))
    simple("gradient-boosting", "wine", lambda: ensemble.GradientBoostingClassifier(n_estimators=30, random_state=SEED))
    simple("gradient-boosting-regressor", "diabetes", lambda: ensemble.GradientBoostingRegressor(n_estimators=60, random_state=SEED))
    simple("hist-gradient-boosting", "breast_cancer", lambda: ensemble.HistGradientBoostingClassifier(max_iter=30, random_state=SEED))
    simple("hist-gradient-boosting-missing", "diabetes", lambda: ensemble.HistGradientBoostingRegressor(max_iter=30, random_state=SEED), change=with_gaps)
    simple("isolation-forest", "breast_cancer", lambda: ensemble.IsolationForest(n_estimators=30, random_state=SEED), target=lambda y: None)
    simple("adaboost", "iris", lambda: ensemble.AdaBoostClassifier(n_estimators=20, random_state=SEED))
    simple("adaboost-regressor", "diabetes", lambda: ensemble.AdaBoostRegressor(n_estimators=20, random_state=SEED))
    simple("bagging", "wine", lambda: ensemble.BaggingClassifier(n_estimators=10, random_state=SEED))


def combined_models():
    from sklearn import calibration, ensemble, linear_model, multiclass, naive_bayes, svm, tree

    several = [
        ("regression", linear_model.LogisticRegression(max_iter=1000)),
        ("tree", tree.DecisionTreeClassifier(max_depth=3, random_state=SEED)),
        ("bayes", naive_bayes.GaussianNB()),
    ]
    simple("voting", "iris", lambda: ensemble.VotingClassifier(several, voting="soft", flatten_transform=False))
    simple("stacking", "breast_cancer", lambda: scaled(ensemble.StackingClassifier(several, cv=3)))
    simple("calibrated", "wine", lambda: scaled(calibration.CalibratedClassifierCV(svm.LinearSVC(random_state=SEED), cv=3)))
    simple("one-vs-rest", "iris", lambda: multiclass.OneVsRestClassifier(linear_model.LogisticRegression(max_iter=1000)))


def wine_table(words):
    """Wine with two of its columns as categories, numbers or words, beside two that stay numbers."""
    import pandas

    X, y = data("wine")
    kinds = [np.digitize(X[:, column], np.quantile(X[:, column], (0.25, 0.5, 0.75))) for column in (9, 11)]
    if words:
        kinds = [np.array(["low", "fair", "good", "high"], dtype=object)[kind] for kind in kinds]
    table = pandas.DataFrame({"alcohol": X[:, 0], "proline": X[:, 12], "colour": kinds[0], "dilution": kinds[1]})
    return table, y


def tables():
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    def one_hot(words):
        columns = [("numbers", StandardScaler(), ["alcohol", "proline"]), ("kinds", OneHotEncoder(), ["colour", "dilution"])]
        X, y = wine_table(words)
        return fitted(make_pipeline(ColumnTransformer(columns), LogisticRegression(max_iter=1000)), X, y)

    def ordinal():
        columns = [("numbers", "passthrough", ["alcohol", "proline"]), ("kinds", OrdinalEncoder(), ["colour", "dilution"])]
        X, y = wine_table(False)
        return fitted(make_pipeline(ColumnTransformer(columns), RandomForestClassifier(20, random_state=SEED)), X, y)

    MODELS["table-of-categories"] = lambda: one_hot(False)
    MODELS["table-of-words"] = lambda: one_hot(True)
    MODELS["ordinal-categories"] = ordinal


def transformed():
    from sklearn import decomposition, feature_selection, impute, linear_model, pipeline, preprocessing, svm
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.neighbors import KNeighborsClassifier

    regression = lambda: linear_model.LogisticRegression(max_iter=2000)
    chain = pipeline.make_pipeline
    simple("imputed-mean", "wine", lambda: chain(impute.SimpleImputer(), preprocessing.StandardScaler(), regression()), change=with_gaps)
    simple("imputed-neighbours", "iris", lambda: chain(impute.KNNImputer(n_neighbors=3), regression()), change=with_gaps)
    simple("pca", "digits", lambda: chain(decomposition.PCA(12, random_state=SEED), regression()))
    simple("truncated-svd", "digits", lambda: chain(decomposition.TruncatedSVD(12, random_state=SEED), regression()))
    simple("polynomial-features", "diabetes", lambda: chain(preprocessing.PolynomialFeatures(2), linear_model.Ridge(0.01)))
    simple("binned", "wine", lambda: chain(preprocessing.KBinsDiscretizer(4, encode="onehot-dense", quantile_method="averaged_inverted_cdf"), regression()))
    simple("min-max", "wine", lambda: chain(preprocessing.MinMaxScaler(), svm.SVC()))
    simple("robust-scaler", "diabetes", lambda: chain(preprocessing.RobustScaler(), linear_model.HuberRegressor(max_iter=500)))
    simple("normalizer", "digits", lambda: chain(preprocessing.Normalizer(), regression()))
    simple("binarizer", "digits", lambda: chain(preprocessing.Binarizer(threshold=7.5), regression()))
    simple("power-transformer", "diabetes", lambda: chain(preprocessing.PowerTransformer(), linear_model.Ridge()))
    forest = lambda: RandomForestClassifier(20, random_state=SEED)
    simple("selected-features", "breast_cancer", lambda: chain(feature_selection.SelectKBest(k=8), forest()))
    union = lambda: pipeline.make_union(preprocessing.StandardScaler(), decomposition.PCA(2, random_state=SEED))
    simple("feature-union", "wine", lambda: chain(union(), KNeighborsClassifier(3)))


def boosters():
    import catboost
    import lightgbm
    import xgboost

    X = {"n_estimators": 30, "max_depth": 4, "random_state": SEED, "n_jobs": 1}
    simple("xgboost", "breast_cancer", lambda: xgboost.XGBClassifier(**X))
    simple("xgboost-classes", "wine", lambda: xgboost.XGBClassifier(**X))
    simple("xgboost-regressor", "diabetes", lambda: xgboost.XGBRegressor(**X))
    simple("xgboost-missing", "diabetes", lambda: xgboost.XGBRegressor(**X), change=with_gaps)
    simple("xgboost-random-forest", "breast_cancer", lambda: xgboost.XGBRFClassifier(**X))
    simple("xgboost-poisson", "diabetes", lambda: xgboost.XGBRegressor(objective="count:poisson", **X))
    simple("xgboost-digits", "digits", lambda: xgboost.XGBClassifier(**{**X, "n_estimators": 10}))
    simple("xgboost-in-a-pipeline", "breast_cancer", lambda: scaled(xgboost.XGBClassifier(**X)))

    L = {"n_estimators": 30, "num_leaves": 15, "random_state": SEED, "n_jobs": 1, "verbose": -1}
    simple("lightgbm", "breast_cancer", lambda: lightgbm.LGBMClassifier(**L))
    simple("lightgbm-classes", "iris", lambda: lightgbm.LGBMClassifier(**L))
    simple("lightgbm-regressor", "diabetes", lambda: lightgbm.LGBMRegressor(**L))
    simple("lightgbm-missing", "diabetes", lambda: lightgbm.LGBMRegressor(**L), change=with_gaps)
    simple("lightgbm-dart", "breast_cancer", lambda: lightgbm.LGBMClassifier(boosting_type="dart", **L))
    simple("lightgbm-poisson", "diabetes", lambda: lightgbm.LGBMRegressor(objective="poisson", **L))
    simple("lightgbm-in-a-pipeline", "wine", lambda: scaled(lightgbm.LGBMClassifier(**L)))

    def categories():
        table, y = wine_table(False)
        rows = table.to_numpy(dtype=np.float32)
        estimator = lightgbm.LGBMClassifier(min_data_per_group=5, cat_smooth=1, **L)
        estimator.fit(rows[ROWS:], y[ROWS:], categorical_feature=[2, 3])
        return estimator, rows, y

    MODELS["lightgbm-categories"] = categories

    C = {"iterations": 30, "depth": 4, "random_seed": SEED, "verbose": False, "thread_count": 1, "allow_writing_files": False}
    simple("catboost", "breast_cancer", lambda: catboost.CatBoostClassifier(**C))
    simple("catboost-classes", "wine", lambda: catboost.CatBoostClassifier(**C))
    simple("catboost-regressor", "diabetes", lambda: catboost.CatBoostRegressor(**C))


def load_all():
    for group in (linear_models, kernel_and_neighbour_models, probabilistic_models, networks, trees, combined_models, tables, transformed, boosters):
        group()


def teach_skl2onnx():
    """Pipelines that end in XGBoost or LightGBM: what both packages' documentation says."""
    from lightgbm import LGBMClassifier
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
    from xgboost import XGBClassifier

    options = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    for kind, name, convert in ((LGBMClassifier, "LightGbmLGBMClassifier", convert_lightgbm), (XGBClassifier, "XGBoostXGBClassifier", convert_xgboost)):
        update_registered_converter(kind, name, calculate_linear_classifier_output_shapes, convert, options=options)


def inputs_of(X, double):
    """What the file asks for, by name: a table has an input for each column, all else one called X."""
    if hasattr(X, "columns"):
        columns = {name: X[name].to_numpy() for name in X.columns}
        as_type = lambda x: x.astype(str) if x.dtype.kind in "OUT" else x.astype(np.int64 if x.dtype.kind in "iu" else np.float32)
        return {name: as_type(x).reshape(-1, 1)[:ROWS] for name, x in columns.items()}
    return {"X": np.asarray(X[:ROWS], dtype=np.float64 if double else np.float32)}


def export(tried, path):
    """Writes the file, and returns its inputs. What is expected is what onnxruntime gets from it."""
    load_all()
    estimator, X, y = MODELS[tried.model]()
    inputs = inputs_of(X, tried.variant == "double")
    if tried.exporter == "catboost":
        # The exporter's own names: a batch of features called "features".
        estimator.save_model(path, format="onnx")
        return {"features": inputs["X"]}
    write = by_onnxmltools if tried.exporter == "onnxmltools" else by_skl2onnx
    proto = write(estimator, inputs, y, tried.variant == "zipmap")
    with open(path, "wb") as file:
        file.write(proto.SerializeToString())
    return inputs


def by_skl2onnx(estimator, inputs, y, zipmap):
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
    from sklearn.base import is_classifier
    from sklearn.svm import LinearSVC

    teach_skl2onnx()
    types = {"f4": FloatTensorType, "f8": DoubleTensorType, "i8": Int64TensorType}
    initial = [(n, types.get(x.dtype.str[1:], StringTensorType)([None, x.shape[1]])) for n, x in inputs.items()]
    options = {LinearSVC: {}}  # or an option that it doesn't know is taken for given
    if is_classifier(estimator) and hasattr(estimator, "predict_proba"):
        options[id(estimator)] = {"zipmap": zipmap}
    with integers_as_onnx_takes_them():
        return to_onnx(estimator, initial_types=initial, options=options, target_opset={"": 18, "ai.onnx.ml": 3})


@contextlib.contextmanager
def integers_as_onnx_takes_them():
    """skl2onnx 1.20 writes numpy's booleans and integers into attributes, which protobuf 7 refuses: they become Python's integers on the way."""
    from unittest import mock

    import onnx.helper

    make = onnx.helper.make_attribute

    def make_attribute(key, value, *rest, **options):
        if isinstance(value, list) and any(isinstance(x, (bool, np.bool_, np.integer)) for x in value):
            value = [int(x) if isinstance(x, (bool, np.bool_, np.integer)) else x for x in value]
        return make(key, value, *rest, **options)

    with mock.patch("onnx.helper.make_attribute", make_attribute):
        yield


def by_onnxmltools(estimator, inputs, y, zipmap):
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType

    initial = [("X", FloatTensorType([None, inputs["X"].shape[1]]))]
    if type(estimator).__module__.startswith("lightgbm"):
        return onnxmltools.convert_lightgbm(estimator, initial_types=initial, zipmap=zipmap, target_opset=15)
    return onnxmltools.convert_xgboost(estimator, initial_types=initial, target_opset=15)
