"""Whether a result is right.

Numbers of estimators are within 0.005 + 0.1 % of what is expected, those of networks within 0.005 + 0.5 % of an output's largest. Those of quantised
networks may instead be within one 255th of the output's span, or as far off as onnxruntime's own result moves where its inputs are moved by up to 2^-17
(making.py): a number that rounds to another integer moves all that is computed from it. Beyond that, a result is no further off than onnxruntime's moves
where what is rounded inside is moved so, too, or it is wrong; which of the two it was is said.

Labels and all other whole numbers are equal. A row of a table may differ where a tree compares two numbers that aren't both multiples of 2^-16 and that
differ by less than 2^-16, or where its two best scores are as close as scores may be off; not more than one row in a hundred, but one row always.
"""
import os

import numpy as np

ABSOLUTE, RELATIVE_OF_ROWS, RELATIVE_OF_LARGEST = 0.005, 0.001, 0.005
QUANTUM = 2.0**-16
QUANTISED = ("dynamic", "qdq", "qoperator")


def judge(family, made, folder, inputs, expected, outputs):
    """Verdict, the largest error of the numbers, how many labels differ."""
    bad_rows, error, largest, worst, labels, loose = set(), 0.0, 0.0, "", None, ""
    for name, want, inside in zip(made["outputs"], expected, made["moves_inside"]):
        got = outputs[name]
        if got is None:
            return wrong(f"{name} wasn't written")
        if got.shape != want.shape and got.size == want.size and family == "classical":
            # A column and a list of labels, or one picture more or less, are the same numbers: onnxruntime itself departs from the file here.
            if [n for n in got.shape if n > 1] == [n for n in want.shape if n > 1]:
                got = got.reshape(want.shape)
        if got.shape != want.shape:
            return wrong(f"{name} has shape {list(got.shape)}, not {list(want.shape)}")
        if want.dtype.kind in "iubU":
            different = as_labels(got, want) != want
            labels = (labels or 0) + int(different.sum())
        else:
            with np.errstate(all="ignore"):
                off = np.abs(got.astype(np.float64) - want)
            span = float(want.max() - want.min()) if want.size else 0.0
            bound = ABSOLUTE + RELATIVE_OF_ROWS * np.abs(want)
            if family != "classical":
                bound = np.full(want.shape, ABSOLUTE + RELATIVE_OF_LARGEST * float(np.abs(want).max(initial=0)))
            if made["name"].split(".")[-1] in QUANTISED:
                bound = np.maximum(bound, max(span / 255, made["moves"]))
                if not (off <= bound).all() and (off <= inside).all():
                    loose = loose or f"{name} is off by {float(off.max()):.2g}, onnxruntime's own by up to {inside:.2g} where what is rounded is moved by 2^-17"
                bound = np.maximum(bound, inside)
            different = ~(off <= bound)
            good = off[~different]
            error, largest = max(error, float(good.max(initial=0))), max(largest, float(np.abs(want).max(initial=0)))
        if different.any():
            place = tuple(int(i) for i in np.argwhere(different)[0])
            worst = worst or f"{name}{list(place)} = {got[place]}, expected {want[place]} ({int(different.sum())} of {different.size})"
            bad_rows |= {int(i) for i in np.argwhere(different)[:, row_axis(want)]} if want.ndim else {0}
    rows = max((x.shape[row_axis(x)] for x in expected if x.ndim), default=1)
    result = {"error": error, "largest": largest, "rows": rows, "labels_differ": labels}
    if not bad_rows:
        return {"verdict": "right", **result, **({"loose": loose} if loose else {})}
    if family == "classical":
        excused = {row for row in bad_rows if at_a_threshold(folder, inputs, row) or at_a_tie(expected, row)}
        if excused == bad_rows and len(bad_rows) <= max(1, rows // 100):
            return {"verdict": "right", **result, "rows_at_a_threshold": len(bad_rows)}
        result["rows_that_differ"] = len(bad_rows)
        result["rows_excused"] = len(excused)
    return {**wrong(worst), **result}


def wrong(said):
    return {"verdict": "wrong", "said": said}


def row_axis(array):
    return 1 if array.ndim == 2 and array.shape[0] == 1 else 0


def as_labels(got, want):
    """Texts for texts, whole numbers for whole numbers."""
    if want.dtype.kind == "U":
        return got.astype(str) if got.dtype.kind != "S" else np.char.decode(got, "utf-8")
    return np.round(got).astype(np.int64) if got.dtype.kind == "f" else got


def at_a_tie(expected, row):
    """Whether the two best scores of a row are as close as scores may be off; of one score, whether it is next to nothing."""
    for array in expected:
        if array.dtype.kind != "f" or array.ndim != 2 or array.shape[0] <= row:
            continue
        best = np.sort(array[row])[::-1]
        gap = best[0] - best[1] if len(best) > 1 else abs(best[0])
        if gap <= 2 * 2.0**-10:
            return True
    return False


def at_a_threshold(folder, inputs, row):
    """Whether a tree of the model compares two numbers of this row that differ by less than a quantum, and that aren't both multiples of it."""
    import onnx

    model = onnx.load(os.path.join(folder, "model.onnx"))
    for node in model.graph.node:
        if not node.op_type.startswith("TreeEnsemble"):
            continue
        values = value_of(model, node.input[0], inputs)
        if values is None:
            continue
        features = values[row].astype(np.float64)
        for which, threshold in nodes_of(node):
            both = (features[which], threshold)
            whole = all(np.isfinite(x) and float(x * 2**16).is_integer() for x in both)
            # What is computed from the inputs carries their rounding.
            reach = QUANTUM if node.input[0] in inputs else 8 * QUANTUM * max(1.0, abs(threshold))
            if not whole and abs(both[0] - both[1]) < reach:
                return True
    return False


def nodes_of(node):
    import onnx

    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    values = attributes.get("nodes_values", attributes.get("nodes_values_as_tensor", attributes.get("nodes_splits")))
    if hasattr(values, "dims"):
        values = onnx.numpy_helper.to_array(values)
    modes = attributes.get("nodes_modes", [b""] * len(values))
    modes = modes if isinstance(modes, list) else [b""] * len(values)
    return [(int(f), float(v)) for f, v, m in zip(attributes["nodes_featureids"], values, modes) if m != b"LEAF"]


def value_of(model, name, inputs):
    """A value inside a model, by onnxruntime."""
    import onnx

    from . import making

    if name in inputs:
        return inputs[name]
    inside = onnx.ModelProto()
    inside.CopyFrom(model)
    inside.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    try:
        running = making.session(inside.SerializeToString())
        return np.asarray(running.run([name], dict(inputs))[0])
    except Exception:  # a model that onnxruntime doesn't take apart excuses nothing
        return None
