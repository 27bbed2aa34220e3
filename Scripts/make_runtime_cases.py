#!/usr/bin/env python3
"""Writes Tests/CrypTenONNXTests/Fixtures/runtime.json: small models of one operator of onnxruntime's own, inputs, and what it makes of them.

    pip install onnx onnxruntime numpy && python3 Scripts/make_runtime_cases.py

Models and numbers are made here. Operators that onnxruntime runs on devices only are written out in double.
A name with a `!` in front is public: it decides a shape, an address or a mask. A `#` makes a constant of it.
"""
import base64
import json
import math
import os

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(17)
CASES = []
RUNTIME = "com.microsoft"


def f(*shape, low=-2.0, high=2.0):
    return np.round(RNG.uniform(low, high, shape), 2).astype(np.float32)


def i32(values):
    return np.array(values, np.int32)


def i64(values):
    return np.array(values, np.int64)


def case(name, operator, inputs, outputs=1, domain=RUNTIME, opset=16, want=None, keep=None, **attributes):
    """One model: `inputs` maps names to arrays, and None leaves an optional input out. `outputs` may be a list of positions that are read."""
    names = [n.lstrip("!#") for n in inputs]
    given = {n.lstrip("!"): x for n, x in inputs.items() if x is not None and not n.startswith("#")}
    constants = [numpy_helper.from_array(x, n[1:]) for n, x in inputs.items() if x is not None and n.startswith("#")]
    read = list(range(outputs)) if isinstance(outputs, int) else outputs
    results = [f"y{k}" if k in read else "" for k in range(max(read) + 1)]
    node = helper.make_node(operator, [n if x is not None else "" for n, x in zip(names, inputs.values())], results, "n", domain=domain, **attributes)
    infos = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for n, x in given.items()]
    made = [n for n in results if n]
    kinds = dict(zip(made, keep or [])) if keep else {}
    model = helper.make_model(
        helper.make_graph([node], "case", infos, [helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), None) for n in made], constants),
        opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid(RUNTIME, 1)])
    model.ir_version = 8
    if want is None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        got = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(made, given)
    else:
        got = want()
        got = got if isinstance(got, tuple) else (got,)
    got = [np.asarray(g) for g in got]
    assert all(np.isfinite(g).all() for g in got), name

    def entry(n, x, public=False):
        values = [round(float(v), 4) for v in x.ravel()] if x.dtype.kind == "f" else [int(v) for v in x.ravel()]
        return {"name": n, "shape": list(x.shape), "kind": {"f": "real", "i": "integer", "b": "bit"}[x.dtype.kind],
                "values": [int(v) if v == int(v) else v for v in values], "public": public}

    CASES.append({
        "name": name, "operator": (domain + "." if domain else "") + operator, "model": base64.b64encode(model.SerializeToString()).decode(),
        "inputs": [entry(n.lstrip("!"), x, n.startswith("!")) for n, x in inputs.items() if x is not None and not n.startswith("#")],
        "outputs": [entry(n, g) for n, g in zip(made, got)],
    })


def pick(*values):
    return values[RNG.integers(len(values))]


# What operators of devices compute, in double.

def erf_gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def tanh_gelu(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def group_norm(x, gamma, beta, groups, epsilon, silu):
    n, h, w, c = x.shape
    g = x.astype(np.float64).reshape(n, h * w, groups, c // groups)
    g = (g - g.mean(axis=(1, 3), keepdims=True)) / np.sqrt(g.var(axis=(1, 3), keepdims=True) + epsilon)
    y = g.reshape(x.shape) * gamma + beta
    return y / (1 + np.exp(-y)) if silu else y


def attention(q, k, v, scale, allowed=None, added=0, sink=None):
    """q `[N, H, L, D]`, k and v `[N, G, T, D]`."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(2, 3) * scale + added
    if allowed is not None:
        scores = np.where(allowed, scores, -np.inf)
    if sink is not None:
        column = np.broadcast_to(np.asarray(sink, np.float64).reshape(1, -1, 1, 1), scores.shape[:3] + (1,))
        return softmax(np.concatenate([scores, column], axis=3))[..., :-1] @ v
    return softmax(scores) @ v


def turned(x, cos, sin, positions):
    """x `[N, H, L, D]` by halves, positions `[N, L]`."""
    c, s = cos[positions][:, None], sin[positions][:, None]
    a, b = np.split(x.astype(np.float64), 2, axis=-1)
    return np.concatenate([a * c - b * s, s * a + c * b], axis=-1)


def joined(x):
    return x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)


def heads(x, count):
    return x.reshape(x.shape[0], x.shape[1], count, -1).transpose(0, 2, 1, 3)


# The cases.

def units():
    x, b = f(2, 3, 4, low=-4, high=4), f(4)
    case("gelu", "Gelu", {"x": x})
    case("fast_gelu", "FastGelu", {"x": x})
    case("fast_gelu_bias", "FastGelu", {"x": x, "#b": b})
    case("bias_gelu", "BiasGelu", {"x": x, "#b": b})
    case("quick_gelu", "QuickGelu", {"x": x})
    case("quick_gelu_alpha", "QuickGelu", {"x": x}, alpha=float(np.round(RNG.uniform(0.5, 2), 2)))
    case("bias_split_gelu", "BiasSplitGelu", {"x": x, "#b": b}, want=lambda: (x + b)[..., :2] * erf_gelu((x + b)[..., 2:].astype(np.float64)))
    case("bias_add", "BiasAdd", {"x": x, "#b": b, "s": x[::-1].copy()}, want=lambda: x + b + x[::-1])
    y, m = f(2, 2, 3, 4), f(2, 1, 1, 4)
    case("bias_softmax", "BiasSoftmax", {"x": y, "m": m}, axis=3, is_inner_broadcast=1, want=lambda: softmax((y + m).astype(np.float64)))
    case("bias_softmax_rows", "BiasSoftmax", {"x": y, "m": y[:1]}, axis=2, is_inner_broadcast=0,
         want=lambda: softmax((y + y[:1]).astype(np.float64).reshape(2, 2, 12)).reshape(y.shape))


def products():
    n, k, m = (int(RNG.integers(2, 5)) for _ in range(3))
    alpha = float(np.round(RNG.uniform(0.1, 1.5), 2))
    for ta in (0, 1):
        for tb in (0, 1):
            a, b = f(*((k, n) if ta else (n, k))), f(*((m, k) if tb else (k, m)))
            case(f"fused_matmul_{ta}{tb}", "FusedMatMul", {"a": a, "#b": b}, transA=ta, transB=tb, alpha=alpha)
            case(f"fused_gemm_{ta}{tb}", "FusedGemm", {"a": a, "#b": b, "#c": f(m)}, transA=ta, transB=tb, alpha=alpha, beta=0.5,
                 activation=pick("Relu", "Tanh", "Sigmoid"))
    a, b = f(2, n, k), f(2, m, k)
    case("fused_matmul_batches", "FusedMatMul", {"a": a, "b": b}, transB=1, alpha=alpha)
    case("transpose_matmul", "TransposeMatMul", {"a": a, "b": b}, transB=1, alpha=alpha)
    a, b = f(n, 2, 3, k), f(2, 3, k, m)
    case("fused_matmul_batch_of_rows", "FusedMatMul", {"a": a, "b": b}, transBatchA=1, alpha=alpha)
    case("fused_matmul_batch_turned", "FusedMatMul", {"a": f(k, 2, 3, n), "b": f(k, 2, 3, m)}, transBatchA=1, transA=1, transBatchB=1)
    case("fused_matmul_both_turned", "FusedMatMul", {"a": f(n, 2, k), "b": f(m, 2, k)}, transBatchA=1, transBatchB=1, transB=1, alpha=alpha)
    case("fused_matmul_vector", "FusedMatMul", {"a": f(2, n, k), "b": f(k)}, alpha=alpha)
    case("fused_gemm_leaky", "FusedGemm", {"a": f(2, k), "#b": f(k, m), "#c": f(m)}, activation="LeakyRelu", activation_alpha=0.2)
    case("fused_gemm_plain", "FusedGemm", {"a": f(2, k), "#b": f(k, m)}, activation="Elu", activation_alpha=1.0)
    x, w, c = f(2, 3, k), f(k, m), f(m)
    case("gemm_fast_gelu", "GemmFastGelu", {"x": x, "#w": w, "#b": c}, want=lambda: tanh_gelu(x.astype(np.float64) @ w + c))
    case("fused_matmul_activation", "FusedMatMulActivation", {"x": x, "#w": w}, activation="Relu", alpha=0.5,
         want=lambda: np.maximum(0.5 * (x.astype(np.float64) @ w), 0))
    for metric in ("euclidean", "sqeuclidean"):
        case(f"cdist_{metric}", "CDist", {"a": f(3, k), "#b": f(m, k)}, metric=metric)


def convolutions():
    x, w, b = f(1, 4, 4, 5), f(4, 2, 3, 3, low=-1, high=1), f(4)
    case("fused_conv_relu", "FusedConv", {"x": x, "#w": w, "#b": b}, group=2, pads=[1, 1, 1, 1], activation="Relu")
    case("fused_conv_leaky", "FusedConv", {"x": x, "#w": w, "#b": b}, group=2, strides=[2, 1], activation="LeakyRelu", activation_params=[0.1])
    case("fused_conv_clip", "FusedConv", {"x": x, "#w": w}, group=2, activation="Clip", activation_params=[-1.0, 2.0])
    case("fused_conv_hard_sigmoid", "FusedConv", {"x": x, "#w": w}, group=2, activation="HardSigmoid", activation_params=[0.3, 0.4])
    case("fused_conv_sum", "FusedConv", {"x": x, "#w": w, "#b": b, "z": f(1, 4, 4, 5)}, group=2, pads=[1, 1, 1, 1], activation="Relu")
    case("fused_conv_sum_only", "FusedConv", {"x": x, "#w": w, "#b": None, "z": f(1, 4, 4, 5)}, group=2, pads=[1, 1, 1, 1])
    case("fused_conv_signal", "FusedConv", {"x": f(2, 2, 8), "#w": f(3, 2, 3)}, dilations=[2], activation="Tanh")
    conv = helper.make_model(helper.make_graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["y"], group=2, strides=[2, 1], pads=[1, 0, 1, 0])], "g",
        [helper.make_tensor_value_info(n, 1, None) for n in "xwb"], [helper.make_tensor_value_info("y", 1, None)]),
        opset_imports=[helper.make_opsetid("", 16)])
    conv.ir_version = 8
    y = onnxruntime.InferenceSession(conv.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x, "w": w, "b": b})[0]
    last = x.transpose(0, 2, 3, 1).copy()
    out = y.transpose(0, 2, 3, 1)
    z = f(*out.shape)
    case("nhwc_fused_conv", "NhwcFusedConv", {"x": last, "#w": w, "#b": b, "z": z}, group=2, strides=[2, 1], pads=[1, 0, 1, 0], activation="Relu",
         want=lambda: np.maximum(out + z, 0))
    case("nhwc_conv", "NhwcConv", {"x": last, "#w": w.transpose(0, 2, 3, 1).copy(), "#b": b}, group=2, strides=[2, 1], pads=[1, 0, 1, 0], want=lambda: out)
    case("conv_transpose_pads", "ConvTransposeWithDynamicPads", {"x": f(1, 2, 4, 4), "#w": f(2, 3, 3, 3), "#p": i64([1, 0, 1, 1]), "#b": f(3)},
         strides=[2, 2])


def normalizations():
    h = int(pick(4, 6, 8))
    x, g, b = f(2, 3, h), f(h), f(h)
    case("layer_1", "LayerNormalization", {"x": x, "#g": g, "#b": b}, domain="", axis=-1, epsilon=1e-5)
    case("layer_1_axis", "LayerNormalization", {"x": x, "#g": f(3, h), "#b": f(3, h)}, domain="", axis=1, epsilon=1e-5)
    case("simplified", "SimplifiedLayerNormalization", {"x": x, "#g": g}, domain="", axis=-1, epsilon=1e-5)
    case("simplified_deviation", "SimplifiedLayerNormalization", {"x": x, "#g": g}, 2, domain="", axis=-1, epsilon=1e-5,
         want=lambda: (x / np.sqrt((x.astype(np.float64)**2).mean(-1, keepdims=True) + 1e-5) * g,
                       1 / np.sqrt((x.astype(np.float64)**2).mean(-1, keepdims=True) + 1e-5)))
    s = f(2, 3, h)
    case("skip_layer", "SkipLayerNormalization", {"x": x, "s": s, "#g": g, "#b": b}, epsilon=1e-5)
    case("skip_layer_sum", "SkipLayerNormalization", {"x": x, "s": s, "#g": g, "#b": b, "#d": f(h)}, [0, 3], epsilon=1e-5)
    case("skip_layer_one_row", "SkipLayerNormalization", {"x": x, "#s": f(1, 3, h), "#g": g}, [0, 3])
    case("skip_layer_matrix", "SkipLayerNormalization", {"x": x, "s": f(3, h), "#g": g, "#b": b})
    case("skip_simplified", "SkipSimplifiedLayerNormalization", {"x": x, "s": s, "#g": g}, epsilon=1e-5)
    case("skip_simplified_sum", "SkipSimplifiedLayerNormalization", {"x": x, "s": s, "#g": g, "#d": f(h)}, [0, 3], epsilon=1e-5)
    image, gamma, beta = f(1, 3, 3, 6), f(6), f(6)
    for silu in (0, 1):
        case(f"group_norm_{silu}", "GroupNorm", {"x": image, "#g": gamma, "#b": beta}, groups=3, activation=silu, epsilon=1e-5, channels_last=1,
             want=lambda: group_norm(image, gamma, beta, 3, 1e-5, silu))
    skip, bias = f(1, 6), f(6)
    total = image + skip[:, None, None] + bias
    case("skip_group_norm", "SkipGroupNorm", {"x": image, "#g": gamma, "#b": beta, "s": skip, "#d": bias}, 2, groups=2, activation=1, epsilon=1e-5,
         want=lambda: (group_norm(total, gamma, beta, 2, 1e-5, 1), total))


def embeddings():
    n, l, h = 2, int(RNG.integers(3, 6)), 4
    words, places, kinds, g, b = f(11, h), f(8, h), f(3, h), f(h), f(h)
    ids, segments = i32(RNG.integers(0, 11, (n, l))), i32(RNG.integers(0, 3, (n, l)))
    mask = i32([[1] * l, [1] * (l - 2) + [0] * 2])
    tables = {"#w": words, "#p": places, "#k": kinds, "#g": g, "#b": b}
    case("embed", "EmbedLayerNormalization", {"!ids": ids, "!segments": segments, **tables}, epsilon=1e-5, outputs=[0, 1], keep=[TensorProto.FLOAT, TensorProto.INT32])
    case("embed_mask", "EmbedLayerNormalization", {"!ids": ids, "!segments": segments, **tables, "!mask": mask}, [0, 1, 2], epsilon=1e-5,
         keep=[TensorProto.FLOAT, TensorProto.INT32, TensorProto.FLOAT])
    case("embed_plain", "EmbedLayerNormalization", {"!ids": ids, "segments": None, "#w": words, "#p": places, "kinds": None, "#g": g, "#b": b}, [0, 1],
         keep=[TensorProto.FLOAT, TensorProto.INT32])
    case("embed_positions", "EmbedLayerNormalization", {"!ids": ids, "!segments": segments, **tables, "m": None, "!q": i32(RNG.integers(0, 8, (n, l)))},
         [0, 1, 2], epsilon=1e-5, keep=[TensorProto.FLOAT, TensorProto.INT32, TensorProto.FLOAT])


def merged():
    n, l, count, size = 2, int(RNG.integers(3, 5)), 2, int(pick(2, 4))
    h = count * size
    x, w, b = f(n, l, 5), f(5, 3 * h, low=-1, high=1), f(3 * h)
    base = {"x": x, "#w": w, "#b": b}
    case("attention", "Attention", base, num_heads=count)
    case("attention_no_bias", "Attention", {"x": x, "#w": w}, num_heads=count, scale=0.3)
    case("attention_causal", "Attention", base, num_heads=count, unidirectional=1)
    case("attention_lengths", "Attention", {**base, "!m": i32([l, l - 1])}, num_heads=count)
    case("attention_lengths_secret", "Attention", {**base, "m": i32([l - 1, l])}, num_heads=count)
    case("attention_starts", "Attention", {**base, "!m": i32([l, l - 1, 1, 0])}, num_heads=count)
    case("attention_raw", "Attention", {**base, "!m": i32([[1] * l, [0] + [1] * (l - 1)])}, num_heads=count)
    case("attention_raw_secret", "Attention", {**base, "m": i32([[1] * l, [1] * (l - 1) + [0]])}, num_heads=count, mask_filter_value=-5000.0)
    case("attention_raw_lowest", "Attention", {**base, "!m": i32([[1] * l, [1] * (l - 1) + [0]])}, num_heads=count,
         mask_filter_value=-3.4028234663852886e38)
    each = RNG.integers(0, 2, (n, l, l))
    each[:, :, 0] = 1
    case("attention_pairs", "Attention", {**base, "!m": i32(each)}, num_heads=count, unidirectional=1)
    case("attention_added", "Attention", {**base, "m": None, "p": None, "a": f(1, count, l, l)}, num_heads=count)
    past = f(2, n, count, 2, size)
    case("attention_past", "Attention", {**base, "m": None, "p": past}, 2, num_heads=count, unidirectional=1)
    case("attention_past_raw", "Attention", {**base, "!m": i32([[1] * (l + 2), [0] + [1] * (l + 1)]), "p": past}, 2, num_heads=count, unidirectional=1)
    case("attention_present", "Attention", base, 2, num_heads=count)
    v = 6
    w2, b2 = f(5, 2 * h + v, low=-1, high=1), f(2 * h + v)
    case("attention_sizes", "Attention", {"x": x, "#w": w2, "#b": b2}, num_heads=count, qkv_hidden_sizes=[h, h, v])
    megatron = np.tril(np.ones((1, 1, 7, 7), np.int32))

    def by_hand():
        y = x.astype(np.float64) @ w + b
        q, k, u = (heads(y[..., s * h:(s + 1) * h], count) for s in range(3))
        return joined(attention(q, k, u, 1 / math.sqrt(size), np.tril(np.ones((l, l), bool))))
    case("attention_megatron", "Attention", {**base, "!m": np.repeat(megatron, n, axis=0)}, num_heads=count, want=by_hand)


def multihead():
    n, l, t, count, size = 2, 3, int(RNG.integers(3, 6)), 2, int(pick(2, 4))
    h = count * size
    q, k, v, b = f(n, l, h), f(n, t, h), f(n, t, h), f(3 * h)
    base = {"q": q, "k": k, "v": v}
    case("heads", "MultiHeadAttention", base, num_heads=count)
    case("heads_bias", "MultiHeadAttention", {**base, "#b": b}, num_heads=count, scale=0.4)
    case("heads_lengths", "MultiHeadAttention", {**base, "b": None, "!m": i32([t, t - 1])}, num_heads=count)
    case("heads_mask", "MultiHeadAttention", {**base, "#b": b, "!m": i32([[1] * t, [1] * (t - 2) + [0] * 2])}, num_heads=count)
    case("heads_mask_secret", "MultiHeadAttention", {**base, "#b": b, "m": i32([[1] * t, [1] * (t - 2) + [0] * 2])}, num_heads=count)
    each = RNG.integers(0, 2, (n, l, t))
    each[:, :, 0] = 1
    case("heads_pairs", "MultiHeadAttention", {**base, "b": None, "!m": i32(each)}, num_heads=count)
    case("heads_added", "MultiHeadAttention", {**base, "b": None, "m": None, "a": f(1, 1, l, t)}, num_heads=count)
    case("heads_added_each", "MultiHeadAttention", {**base, "b": None, "m": None, "a": f(n, count, l, t)}, num_heads=count)
    case("heads_causal", "MultiHeadAttention", {"q": q, "k": f(n, l, h), "v": f(n, l, h)}, num_heads=count, unidirectional=1)
    case("heads_value_size", "MultiHeadAttention", {"q": q, "k": k, "v": f(n, t, 6), "#b": f(2 * h + 6)}, num_heads=count)
    cross = {"q": q, "k": f(n, count, t, size), "v": f(n, count, t, size)}
    case("heads_cross", "MultiHeadAttention", cross, num_heads=count)
    case("heads_cross_bias", "MultiHeadAttention", {**cross, "#b": b}, num_heads=count,
         want=lambda: joined(attention(heads(q + b[:h], count), cross["k"], cross["v"], 1 / math.sqrt(size))))
    case("heads_past", "MultiHeadAttention",
         {"q": q, "k": f(n, l, h), "v": f(n, l, h), "#b": b, "m": None, "a": None, "pk": f(n, count, 2, size), "pv": f(n, count, 2, size)}, 3,
         num_heads=count, unidirectional=1)
    case("heads_present", "MultiHeadAttention", base, 3, num_heads=count)
    kv, qkv = f(n, t, count, 2, size), f(n, l, count, 3, size)
    turn = lambda x: x.transpose(0, 2, 1, 3)
    case("heads_packed_kv", "MultiHeadAttention", {"q": q, "kv": kv}, num_heads=count,
         want=lambda: joined(attention(heads(q, count), turn(kv[:, :, :, 0]), turn(kv[:, :, :, 1]), 1 / math.sqrt(size))))
    case("heads_packed_qkv", "MultiHeadAttention", {"qkv": qkv}, num_heads=count,
         want=lambda: joined(attention(*(turn(qkv[:, :, :, s]) for s in range(3)), 1 / math.sqrt(size))))


def groups():
    n, l, count, kv, size = 1, 3, 2, 1, 16
    q, k, v = f(n, l, count * size), f(n, l, kv * size), f(n, l, kv * size)
    cos, sin = np.cos(f(16, size // 2, low=0, high=3)), np.sin(f(16, size // 2, low=0, high=3))
    base = {"q": q, "k": k, "v": v, "pk": None, "pv": None}
    prompt = {"!s": i32([l - 1] * n), "!t": i32(l)}
    many = dict(num_heads=count, kv_num_heads=kv)
    tables = {"#c": cos, "#r": sin}
    case("groups_rotary", "GroupQueryAttention", {**base, **prompt, **tables}, 3, **many, do_rotary=1)
    case("groups_rotary_interleaved", "GroupQueryAttention", {**base, **prompt, **tables}, **many, do_rotary=1, rotary_interleaved=1, scale=0.2)
    case("groups_packed", "GroupQueryAttention",
         {"q": f(n, l, (count + 2 * kv) * size), "k": None, "v": None, "pk": None, "pv": None, **prompt, **tables}, **many, do_rotary=1)
    case("groups_positions", "GroupQueryAttention", {**base, **prompt, **tables, "!i": i64([[0, 1, 2]] * n)}, **many, do_rotary=1)
    past = {"pk": f(n, kv, 4, size), "pv": f(n, kv, 4, size)}
    one = {"q": q[:, :1], "k": k[:, :1], "v": v[:, :1]}
    case("groups_next", "GroupQueryAttention", {**one, **past, "!s": i32([4] * n), "!t": i32(5), **tables}, 3, **many, do_rotary=1)
    case("groups_more", "GroupQueryAttention", {**base, **past, "!s": i32([6]), "!t": i32(7), **tables}, 3, **many, do_rotary=1)

    n, size = 2, 8
    q, k, v = f(n, l, count * size), f(n, l, kv * size), f(n, l, kv * size)
    cos, sin = cos[:, :4], sin[:, :4]
    base, prompt = {"q": q, "k": k, "v": v, "pk": None, "pv": None}, {"!s": i32([l - 1] * n), "!t": i32(l)}
    past = {"pk": f(n, kv, 4, size), "pv": f(n, kv, 4, size)}
    one = {"q": q[:, :1], "k": k[:, :1], "v": v[:, :1]}
    bias = f(1, 1, l, l)
    case("groups", "GroupQueryAttention", {**base, **prompt}, 3, **many)
    case("groups_softcap", "GroupQueryAttention", {**base, **prompt}, **many, softcap=2.0)
    case("groups_smooth", "GroupQueryAttention", {**base, **prompt}, **many, smooth_softmax=1)
    case("groups_sink", "GroupQueryAttention", {**base, **prompt, "c": None, "r": None, "i": None, "a": None, "#k0": f(count)}, **many)
    case("groups_added", "GroupQueryAttention", {**base, **prompt, "c": None, "r": None, "i": None, "a": bias}, **many)
    long = 5
    lq, lk, lv = f(1, long, count * size), f(1, long, kv * size), f(1, long, kv * size)
    for window in (1, 3):
        case(f"groups_window_{window}", "GroupQueryAttention",
             {"q": lq, "k": lk, "v": lv, "pk": None, "pv": None, "!s": i32([long - 1]), "!t": i32(long)}, **many, local_window_size=window)

    def apart():
        before = np.array([[4], [2]])
        new_k, new_v = turned(heads(k[:, :1], kv), cos, sin, before), heads(v[:, :1], kv)
        out = []
        for b in range(n):
            p = before[b, 0]
            ks, vs = np.concatenate([past["pk"][b:b + 1, :, :p], new_k[b:b + 1]], 2), np.concatenate([past["pv"][b:b + 1, :, :p], new_v[b:b + 1]], 2)
            query = turned(heads(q[b:b + 1, :1], count), cos, sin, before[b:b + 1])
            out.append(joined(attention(query, ks, vs, 1 / math.sqrt(size))))
        return np.concatenate(out)
    case("groups_next_apart", "GroupQueryAttention", {**one, **past, "!s": i32([4, 2]), "!t": i32(5), "#c": cos, "#r": sin}, **many, do_rotary=1, want=apart)
    case("groups_both_ways", "GroupQueryAttention", {**base, "!s": i32([l - 1, l - 2]), "!t": i32(l), "c": None, "r": None, "i": None, "a": bias},
         **many, causal=0,
         want=lambda: joined(attention(heads(q, count), heads(k, kv), heads(v, kv), 1 / math.sqrt(size),
                                       np.arange(l)[None, None, None] < np.array([l, l - 1])[:, None, None, None], bias)))
    qw, kw = f(size), f(size)

    def rms(x, weight):
        x = x.astype(np.float64)
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * weight
    case("groups_normal", "GroupQueryAttention",
         {**base, **prompt, **{f"e{p}": None for p in range(7)}, "#qw": qw, "#kw": kw}, **many,
         want=lambda: joined(attention(rms(heads(q, count), qw), rms(heads(k, kv), kw), heads(v, kv), 1 / math.sqrt(size), np.tril(np.ones((l, l), bool)))))


def rotations():
    n, l, count, size = 2, 3, 2, 4
    x, cos, sin = f(n, l, count * size), f(9, size // 2), f(9, size // 2)
    case("rotary", "RotaryEmbedding", {"x": x, "!p": i64(RNG.integers(0, 9, (n, l))), "#c": cos, "#s": sin})
    case("rotary_offset", "RotaryEmbedding", {"x": x, "!p": i64([2]), "#c": cos, "#s": sin}, interleaved=1)
    case("rotary_heads", "RotaryEmbedding", {"x": f(n, count, l, size), "!p": i64(RNG.integers(0, 9, (n, l))), "#c": cos, "#s": sin}, interleaved=int(pick(0, 1)))
    case("rotary_part", "RotaryEmbedding", {"x": f(n, l, count * 6), "!p": i64(RNG.integers(0, 9, (n, l))), "#c": cos, "#s": sin},
         rotary_embedding_dim=4, num_heads=count)


def structure():
    x = f(2, 3, 4)
    case("trilu", "Trilu", {"x": x, "#k": i64(1)}, upper=0)
    case("trilu_upper", "Trilu", {"x": x})
    case("expand_dims", "ExpandDims", {"x": x, "#a": i32(int(pick(-1, 0, 2)))})
    case("pad", "Pad", {"x": f(2, 3), "#p": i64([0, 2, 1, 0]), "#v": np.array([0.5], np.float32)})
    case("pad_row", "Pad", {"x": f(2, 3), "#p": i64([[0, 1, 0, 1]])}, mode="reflect")
    case("range", "Range", {"#a": i64(2), "#b": i64(9)}, keep=[TensorProto.INT64])
    case("range_step", "Range", {"#a": np.array(1, np.float32), "#b": np.array(3, np.float32), "#d": np.array(0.5, np.float32)})
    case("gather_nd", "GatherND", {"x": x, "#i": i64([[0, 1], [1, 2]])})
    y = f(2, 8)
    case("rfft", "Rfft", {"x": y}, onesided=1, normalized=0, signal_ndim=1,
         want=lambda: np.stack([np.fft.rfft(y.astype(np.float64)).real, np.fft.rfft(y.astype(np.float64)).imag], -1))
    z = np.fft.rfft(y.astype(np.float64))
    half = np.round(np.stack([z.real, z.imag], -1), 3).astype(np.float32)
    case("irfft", "Irfft", {"x": half}, onesided=1, normalized=0, signal_ndim=1, want=lambda: np.fft.irfft(half[..., 0].astype(np.float64) + 1j * half[..., 1]))
    for both in (0, 1):
        table, l = f(8, 2), int(RNG.integers(5, 9))

        def biases(both=both, table=table, l=l):
            distance = np.arange(l)[None] - np.arange(l)[:, None]
            each = 4 if both else 8
            base = (distance > 0) * each if both else 0 * distance
            far = abs(distance) if both else np.maximum(-distance, 0)
            exact = each // 2
            more = exact + (np.log(np.maximum(far, 1) / exact) / math.log(6 / exact) * (each - exact)).astype(int)
            bucket = base + np.where(far < exact, far, np.minimum(more, each - 1))
            return table.reshape(2, 8)[:, bucket][None]
        case(f"relative_positions_{both}", "RelativePositionBias", {"#t": table, "#q": i64([l]), "#k": i64([l])}, is_bidirectional=both, max_distance=6, want=biases)


# Not kept in the file: other forms of the same, for a longer run of one's own.
SPARE = set("""fused_matmul_00 fused_matmul_01 fused_matmul_10 fused_gemm_00 fused_gemm_01 fused_gemm_10 fused_conv_leaky fused_conv_clip
fused_conv_sum_only heads heads_present heads_added heads_mask heads_lengths heads_causal heads_value_size heads_packed_qkv groups groups_softcap
groups_smooth groups_added groups_packed groups_positions groups_rotary_interleaved groups_window_1 attention attention_lengths attention_present
attention_raw attention_past skip_layer skip_layer_one_row skip_simplified group_norm_0 cdist_sqeuclidean layer_1 simplified embed embed_plain
fused_matmul_batches fused_matmul_both_turned bias_softmax""".split())
GROUPS = [units, products, convolutions, normalizations, embeddings, merged, multihead, groups, rotations, structure]


def main():
    for group in GROUPS:
        group()
    kept = [c for c in CASES if c["name"] not in SPARE]
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "CrypTenONNXTests", "Fixtures")
    with open(os.path.join(folder, "runtime.json"), "w") as out:
        out.write('{"onnx": "%s", "onnxruntime": "%s", "cases": [\n' % (onnx.__version__, onnxruntime.__version__))
        out.write(",\n".join(json.dumps(c, separators=(",", ":")) for c in kept) + "\n]}\n")
    print(len(kept), "cases of", len({c["operator"] for c in kept}), "operators")


if __name__ == "__main__":
    main()
