#!/usr/bin/env python3
"""Writes Tests/CrypTenTests/Fixtures/*.json: what PyTorch makes, in double precision, of functions, modules, optimisers and initialisers.

    pip install torch==2.0.1 "numpy<2" && python3 Scripts/make_gradient_cases.py

    function-gradients.json  values, gradients and second derivatives of the functions of CrypTensor, by their Swift names and labels
    module-steps.json        modules with PyTorch's names of state: outputs, gradients and buffers
    optimizer-steps.json     parameters after each step of an optimiser, learning rates and momentum of schedules, clipped gradients
    initializers.json        the distributions from which initialisers draw

Numbers that are given (inputs, parameters, cotangents) are multiples of 2^-16 and written exactly, but for gradients given to optimisers, of
which some are 10^-8; numbers that follow have ten significant digits, learning rates all. Inputs lie at least 0.05 from corners and ties, within modules what they
become 0.02. Every case has a generator of its own, seeded by its name and its number among those of that name, so that new cases at
the end leave the others as they are. Before a case of a function is written, its gradients are compared with central differences, and so
are its second derivatives.
"""
import json
import math
import os
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import lr_scheduler as schedulers

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "CrypTenTests", "Fixtures")
CLEARANCE = 0.05  # the least distance from a corner or a tie


# Numbers


def generator(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def on_grid(values, bits=16):
    """Multiples of 2^-bits."""
    return np.round(np.asarray(values, np.float64) * 2**bits) / 2**bits + 0.0


def digits(values):
    """A tensor's numbers with ten significant digits."""
    return [float(f"{x:.10g}") + 0.0 for x in values.detach().reshape(-1).tolist()]


def tensor_json(tensor):
    """A tensor that is given: exact."""
    if tensor.dtype == torch.bool:
        return {"kind": "bit", "shape": list(tensor.shape), "values": tensor.reshape(-1).int().tolist()}
    kind = "real" if tensor.is_floating_point() else "integer"
    return {"kind": kind, "shape": list(tensor.shape), "values": tensor.detach().reshape(-1).tolist()}


def cotangent(rng, tensor):
    """The weights of a result's elements in the sum whose gradient is taken."""
    return torch.tensor(on_grid(rng.uniform(-1, 1, tuple(tensor.shape)), bits=6))


def write(name, cases):
    """One case a line."""
    path = os.path.join(FIXTURES, name)
    with open(path, "w") as out:
        out.write('{"pytorch":"2.0.1","cases":[\n')
        out.write(",\n".join(json.dumps(c, separators=(",", ":"), allow_nan=False) for c in cases) + "\n]}\n")
    print(f"{name}: {len(cases)} cases, {os.path.getsize(path)} bytes")


# Inputs that are drawn


class Drawn:
    """An input: its shape, and how a generator draws it."""

    def __init__(self, shape, draw):
        (self.shape, self.draw) = (shape, draw)

    def __call__(self, rng):
        return torch.tensor(on_grid(self.draw(rng))).reshape(self.shape)


def real(*shape, low=-2.0, high=2.0):
    """Uniform in a range."""
    return Drawn(shape, lambda rng: rng.uniform(low, high, shape))


def positive(*shape, low=2**-6, high=16.0, signed=False):
    """Of all magnitudes in a range alike."""
    def draw(rng):
        signs = rng.choice([-1, 1], shape) if signed else 1
        return signs * np.exp(rng.uniform(math.log(low), math.log(high), shape))
    return Drawn(shape, draw)


def distinct(*shape, offset=0.0, spacing=0.12, magnitudes=False):
    """No two alike, in an order of chance. With spacing 0.24, those of offsets 0 and 0.12 don't meet either."""
    def draw(rng):
        places = rng.permutation(int(np.prod(shape))) + (1 if magnitudes else -(np.prod(shape) // 2))
        values = places * spacing + offset + rng.uniform(-0.03, 0.03, places.shape)
        return values * rng.choice([-1, 1], places.shape) if magnitudes else values
    return Drawn(shape, draw)


def probabilities(*shape):
    """Positive, with sum 1 along axis 1 up to the grid."""
    def draw(rng):
        weights = rng.uniform(0.2, 1, shape)
        return weights / weights.sum(1, keepdims=True)
    return Drawn(shape, draw)


def one_hot(*shape):
    """Ones at places of chance along axis 1, zeros elsewhere."""
    return Drawn(shape, lambda rng: np.moveaxis(np.eye(shape[1])[rng.integers(0, shape[1], (shape[0],) + shape[2:])], -1, 1))


def either(low, high, *shape):
    """One of two numbers, the second at least once."""
    def draw(rng):
        values = rng.choice([low, high], shape)
        values.flat[rng.integers(values.size)] = high
        return values
    return Drawn(shape, draw)


def invertible(*shape):
    """Square matrices near the identity."""
    return Drawn(shape, lambda rng: np.eye(shape[-1]) * 1.5 + rng.uniform(-0.5, 0.5, shape))


# Cases of functions

FUNCTIONS = []


def draws_in(value):
    """The inputs in an argument: one, or a list of them."""
    return [value] if isinstance(value, Drawn) else value if isinstance(value, list) and value and isinstance(value[0], Drawn) else []


def cases(function, compute, *variants, clear=None, second=False):
    """The cases of one function.

    compute: PyTorch's function, with Swift's names for its parameters.
    variants: values by parameter. What is drawn is an input; all else is an argument. `result` picks one of several results.
    clear: what must be no nearer to 0 than `CLEARANCE`: the distances from corners.
    second: whether the function is smooth, so that second derivatives are given.
    """
    for variant in variants:
        number = sum(c["function"] == function for c in FUNCTIONS)
        FUNCTIONS.append(function_case(function, number, compute, dict(variant), clear, second))


def smooth(function, compute, *variants):
    cases(function, compute, *variants, second=True)


def function_case(function, number, compute, variant, clear, second):
    rng = generator(f"{function} {number}")
    result = variant.pop("result", None)
    names = [(k, place) for k, v in variant.items() for place in range(len(draws_in(v)))]
    arguments = {k: v for k, v in variant.items() if not draws_in(v)}
    lists = [k for k, v in variant.items() if isinstance(v, list) and draws_in(v)]

    def bound(tensors):
        """All parameters, with these tensors for the inputs."""
        inputs = {}
        for (name, _), tensor in zip(names, tensors):
            if name in lists:
                inputs.setdefault(name, []).append(tensor)
            else:
                inputs[name] = tensor
        return {**arguments, **inputs}

    def value(tensors):
        output = compute(**bound(tensors))
        return output if result is None else output[result]

    for _ in range(10000):
        inputs = [draw(rng).requires_grad_() for v in variant.values() for draw in draws_in(v)]
        corners = [] if clear is None else [clear(**bound(inputs))]
        corners = [c for group in corners for c in (group if isinstance(group, (list, tuple)) else [group])]
        if all(c.detach().abs().min() >= CLEARANCE for c in corners):
            break
    else:
        raise ValueError(f"{function} {number}: no inputs away from its corners")

    output = value(inputs)
    weights = cotangent(rng, output)

    def gradients(tensors, **options):
        return torch.autograd.grad((value(tensors) * weights).sum(), tensors, **options)

    first = gradients(inputs, create_graph=second)
    check(f"{function} {number}", lambda tensors: (value(tensors) * weights).sum(), inputs, first)
    case = {"function": function, "arguments": {k: argument_json(v) for k, v in arguments.items()}}
    if result is not None:
        case["result"] = result
    case["inputs"] = [
        {"name": f"{name}.{place}" if name in lists else name, "shape": list(x.shape), "values": x.reshape(-1).tolist()}
        for (name, place), x in zip(names, inputs)
    ]
    case["weights"] = weights.reshape(-1).tolist()
    case["output"] = {"shape": list(output.shape), "values": digits(output)}
    case["gradients"] = [digits(g) for g in first]
    if second:
        directions = [cotangent(rng, x) for x in inputs]

        def slope(gradients):
            return sum((g * v).sum() for g, v in zip(gradients, directions))

        curvature = torch.autograd.grad(slope(first), inputs, allow_unused=True)
        curvature = [torch.zeros_like(x) if c is None else c for c, x in zip(curvature, inputs)]
        check(f"{function} {number}, second", lambda tensors: slope(gradients(tensors)), inputs, curvature)
        case["second"] = {"directions": [v.reshape(-1).tolist() for v in directions], "gradients": [digits(c) for c in curvature]}
    return case


def check(name, total, inputs, gradients):
    """Gradients against central differences."""
    assert all(g.isfinite().all() for g in gradients), name
    scale = 1 + max(g.abs().max().item() for g in gradients)
    for place, gradient in enumerate(gradients):
        flat = inputs[place].detach().reshape(-1)
        for k in range(flat.numel()):
            step = 1e-5 * max(abs(flat[k].item()), 0.01)
            ends = []
            for sign in (1, -1):
                moved = flat.clone()
                moved[k] += sign * step
                tensors = [x.detach() for x in inputs]
                tensors[place] = moved.reshape(inputs[place].shape)
                ends.append(total([x.requires_grad_() for x in tensors]).item())
            difference = (ends[0] - ends[1]) / (2 * step)
            error = abs(difference - gradient.reshape(-1)[k].item())
            assert error <= 1e-5 * scale, f"{name}: input {place}, element {k}: {gradient.reshape(-1)[k].item()}, not {difference}"


def argument_json(value):
    return tensor_json(value) if isinstance(value, torch.Tensor) else value


def integers(values):
    return torch.tensor(values, dtype=torch.int64)


def bits(values):
    return torch.tensor(values, dtype=torch.bool)


def axes_of(x, axes):
    return tuple(range(x.dim())) if axes is None else tuple(axes)


def arithmetic():
    pairs = [dict(left=real(2, 3), right=real(2, 3)), dict(left=real(2, 3), right=real(3)), dict(left=real(2, 1), right=real(1, 3))]
    cases("+", lambda left, right: left + right, *pairs, dict(left=real(4), right=2.5))
    cases("-", lambda left, right: left - right, *pairs, dict(left=0.75, right=real(4)))
    smooth("*", lambda left, right: left * right, *pairs, dict(left=positive(2, 3, low=2**-8, high=64, signed=True), right=real(3)))
    cases("*", lambda left, right: left * right, dict(left=real(4), right=-1.625), dict(left=3, right=real(4)))
    smooth("/", lambda left, right: left / right, dict(left=real(2, 3), right=positive(2, 3, low=0.25, high=8, signed=True)),
           dict(left=real(2, 3), right=positive(3, low=2**-4, high=32)), dict(left=positive(4, low=0.1, high=30), right=real(4, 1, low=1, high=3)),
           dict(left=1.0, right=positive(6, low=2**-4, high=16, signed=True)), dict(left=-2.5, right=positive(6, low=0.25, high=4)))
    cases("/", lambda left, right: left / right, dict(left=real(4), right=3.0),
          dict(left=real(2, 3), right=torch.tensor([0.5, -4.0, 3.0])))
    cases("prefix -", lambda x: -x, dict(x=real(2, 3)), dict(x=real(5)))
    cases("prefix +", lambda x: +x, dict(x=real(2, 3)), dict(x=real(5)))
    smooth("divided", lambda x, by, range=None, isSigned=True: x / by,
           dict(x=real(2, 3), by=positive(2, 3, low=0.5, high=7), range=[0.5, 8], isSigned=False),
           dict(x=real(3, 2), by=positive(2, low=0.25, high=4, signed=True), range=[0.25, 4], isSigned=True))
    smooth("dot", lambda x, other: (x * other).sum(), dict(x=real(6), other=real(6)), dict(x=real(2, 3), other=real(2, 3)))
    smooth("outer", lambda x, other: torch.outer(x, other), dict(x=real(3), other=real(4)), dict(x=real(5), other=real(2)))
    smooth("matmul", lambda x, other: x @ other,
           *[dict(x=real(*a), other=real(*b)) for a, b in [
               ((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 2, 3), (3, 2)), ((2, 2, 3), (2, 3, 2)), ((2, 1, 2, 3), (2, 3, 2)),
               ((2, 3), (2, 3, 2)), ((3,), (2, 3, 2)), ((2, 2, 3), (3,))]])
    smooth("bmm", lambda x, other: torch.bmm(x, other), dict(x=real(2, 2, 3), other=real(2, 3, 2)), dict(x=real(3, 1, 2), other=real(3, 2, 3)))
    smooth("linear", lambda x, weight, bias=None: F.linear(x, weight, bias), dict(x=real(2, 3), weight=real(4, 3), bias=real(4)),
           dict(x=real(2, 2, 3), weight=real(2, 3), bias=real(2)), dict(x=real(3), weight=real(2, 3)))
    for equation, shapes in [
        ("ij,jk->ik", [(2, 3), (3, 2)]), ("bij,bjk->bik", [(2, 2, 3), (2, 3, 2)]), ("i,j->ij", [(3,), (2,)]), ("ij,ij->", [(2, 3), (2, 3)]),
        ("...ij,...kj->...ik", [(2, 2, 3), (2, 2, 3)]), ("ij,jk,kl->il", [(2, 3), (3, 2), (2, 2)]),
        ("bhqd,bhkd->bhqk", [(1, 2, 2, 3), (1, 2, 3, 3)]), ("ij->ji", [(2, 3)]), ("ii->i", [(3, 3)]), ("ii->", [(3, 3)]), ("ijk->j", [(2, 3, 2)]),
    ]:
        cases("einsum", lambda equation, operands: torch.einsum(equation, *operands),
              dict(equation=equation, operands=[real(*shape) for shape in shapes]), second=len(shapes) > 1)
    smooth("determinant", lambda x: torch.linalg.det(x), dict(x=real(2, 2)), dict(x=real(2, 3, 3)), dict(x=real(4, 4)))
    smooth("inverse", lambda x, iterations=14: torch.linalg.inv(x), dict(x=invertible(2, 2)), dict(x=invertible(2, 3, 3), iterations=16))
    cases("declaring", lambda x, range: x * 1, dict(x=real(6), range=[-2, 2]), dict(x=positive(6, low=1, high=1000), range=[0, 1024]))


def reductions():
    shapes = [dict(x=real(2, 3)), dict(x=real(2, 3, 2), axes=[1]), dict(x=real(2, 3, 2), axes=[-1, 0], keepDimensions=True)]
    for name, compute in [("sum", torch.sum), ("mean", torch.mean)]:
        cases(name, lambda x, axes=None, keepDimensions=False: compute(x, axes_of(x, axes), keepdim=keepDimensions), *shapes)
    for name, compute in [("variance", torch.var), ("std", torch.std)]:
        smooth(name,
               lambda x, axes=None, unbiased=False, keepDimensions=False: compute(x, axes_of(x, axes), unbiased=unbiased, keepdim=keepDimensions),
               *shapes, dict(x=real(3, 4), axes=[1], unbiased=True), dict(x=positive(2, 5, low=0.01, high=20), axes=[-1]))
    for name, compute in [("max", torch.amax), ("min", torch.amin)]:
        cases(name, lambda x, axes=None, keepDimensions=False: compute(x, axes_of(x, axes), keepdim=keepDimensions), dict(x=distinct(2, 3)),
              dict(x=distinct(3, 7), axes=[1]), dict(x=distinct(2, 3, 4), axes=[0, 2], keepDimensions=True), dict(x=distinct(5, 4), axes=[-2]))
    smooth("norm", p_norm, dict(x=real(2, 3)), dict(x=real(2, 3, 2), p=2.0, axes=[1], keepDimensions=True),
           dict(x=positive(3, 4, low=0.1, high=20), axes=[-1]))
    cases("norm", p_norm, dict(x=real(2, 3), p=1.0), dict(x=real(3, 4), p=1.0, axes=[0]), dict(x=real(3, 4), p=3.0, axes=[1]),
          dict(x=real(5), p=1.5), dict(x=distinct(2, 3, magnitudes=True), p="infinity"),
          dict(x=distinct(3, 4, magnitudes=True), p="infinity", axes=[1], keepDimensions=True), clear=lambda x, **_: x)
    smooth("cosineSimilarity", lambda x, other, axis=1: F.cosine_similarity(x, other, dim=axis), dict(x=real(2, 3), other=real(2, 3)),
           dict(x=real(3, 2), other=real(3, 1), axis=0), dict(x=positive(2, 4, low=0.1, high=8, signed=True), other=real(2, 4), axis=-1))
    smooth("prod", lambda x, axes=None, keepDimensions=False: product(x, axes, keepDimensions), dict(x=real(2, 3)), dict(x=real(2, 3, 2), axes=[1]),
           dict(x=real(2, 5), axes=[-1], keepDimensions=True), dict(x=real(2, 2, 2), axes=[0, 2]))
    scans = [dict(x=real(7), axis=0), dict(x=real(2, 5), axis=1, exclusive=True), dict(x=real(4, 2), axis=0, reverse=True),
             dict(x=real(2, 3, 2), axis=-2, exclusive=True, reverse=True)]
    cases("cumsum", lambda x, axis, exclusive=False, reverse=False: scan(torch.cumsum, 0, x, axis, exclusive, reverse), *scans)
    smooth("cumprod", lambda x, axis, exclusive=False, reverse=False: scan(torch.cumprod, 1, x, axis, exclusive, reverse), *scans)
    smooth("softmax", lambda x, axis: torch.softmax(x, axis), dict(x=distinct(2, 5), axis=1), dict(x=distinct(3, 2, 2), axis=0),
           dict(x=distinct(2, 12, spacing=0.5), axis=-1))
    smooth("logSoftmax", lambda x, axis: torch.log_softmax(x, axis), dict(x=distinct(2, 5), axis=1), dict(x=distinct(3, 2, 2), axis=0),
           dict(x=distinct(2, 12, spacing=0.5), axis=-1))
    smooth("logSumExp", lambda x, axis, keepDimensions=False: torch.logsumexp(x, axis, keepDimensions), dict(x=distinct(2, 5), axis=1),
           dict(x=distinct(3, 2, 2), axis=0, keepDimensions=True), dict(x=distinct(2, 12, spacing=0.5), axis=-1))
    cases("sort", lambda x, axis=-1, descending=False: torch.sort(x, axis, descending).values, dict(x=distinct(7)),
          dict(x=distinct(2, 6), axis=-1, descending=True), dict(x=distinct(5, 3), axis=0))
    cases("topK", lambda x, k, axis=-1, largest=True: dict(values=torch.topk(x, k, axis, largest).values), dict(x=distinct(8), k=3, result="values"),
          dict(x=distinct(2, 6), k=2, axis=1, largest=False, result="values"), dict(x=distinct(5, 3), k=4, axis=0, result="values"))
    cases("median", lambda x, axis=-1: torch.median(x, axis).values, dict(x=distinct(7)), dict(x=distinct(6, 2), axis=0),
          dict(x=distinct(2, 5, 2), axis=1))


def p_norm(x, p=2.0, axes=None, keepDimensions=False):
    return torch.linalg.vector_norm(x, math.inf if p == "infinity" else p, axes and tuple(axes), keepDimensions)


def product(x, axes, keep):
    for axis in sorted(a % x.dim() for a in axes_of(x, axes))[::-1]:
        x = x.prod(axis, keepdim=keep)
    return x


def scan(compute, neutral, x, axis, exclusive, reverse):
    x = x.flip(axis) if reverse else x
    if exclusive:
        x = torch.cat([torch.full_like(x.narrow(axis, 0, 1), neutral), x.narrow(axis, 0, x.shape[axis] - 1)], axis)
    return compute(x, axis).flip(axis) if reverse else compute(x, axis)


def bent_functions():
    """Elementwise functions with corners."""
    wide = dict(x=positive(6, low=0.06, high=200, signed=True))
    cases("relu", lambda x: x.relu(), dict(x=real(3, 4)), wide, clear=lambda x: x)
    cases("relu6", lambda x: F.relu6(x), dict(x=real(3, 4, low=-3, high=9)), wide, clear=lambda x: (x, x - 6))
    cases("clamp", lambda x, min=None, max=None: x.clamp(min, max), dict(x=real(3, 4), min=-1.0, max=0.5), dict(x=real(6), min=0.25),
          dict(x=real(6), max=1.0), dict(x=real(6), min=0.0, max=1.5), clear=lambda x, **bounds: [x - b for b in bounds.values()])
    cases("hardtanh", lambda x, min=-1.0, max=1.0: F.hardtanh(x, min, max), dict(x=real(3, 4)), dict(x=real(8, low=-4, high=4), min=-2.0, max=3.0),
          clear=lambda x, min=-1.0, max=1.0: (x - min, x - max))
    cases("leakyRelu", lambda x, slope=0.01: F.leaky_relu(x, slope), dict(x=real(3, 4)), dict(x=real(6), slope=0.25), dict(wide, slope=-0.5),
          clear=lambda x, **_: x)
    cases("prelu", lambda x, slope: torch.where(x > 0, x, slope * x), dict(x=real(2, 3), slope=real(3)), dict(x=real(2, 2, 3), slope=real(2, 1)),
          dict(x=real(5), slope=real(1)), clear=lambda x, slope: x)
    cases("abs", lambda x: x.abs(), dict(x=real(3, 4)), wide, clear=lambda x: x)
    pairs = [dict(x=distinct(*first, spacing=0.24), other=distinct(*second, spacing=0.24, offset=0.12))
             for first, second in [((2, 3), (2, 3)), ((2, 3), (3,)), ((4, 1), (3,))]]
    cases("maximum", lambda x, other: torch.maximum(x, other), *pairs)
    cases("minimum", lambda x, other: torch.minimum(x, other), *pairs)
    cases("hardSigmoid", lambda x, slope=1 / 6, shift=0.5: (slope * x + shift).clamp(0, 1), dict(x=real(3, 4, low=-5, high=5)),
          dict(x=real(8, low=-4, high=4), slope=0.25, shift=0.375),
          clear=lambda x, slope=1 / 6, shift=0.5: (slope * x + shift, slope * x + shift - 1))
    cases("hardSwish", lambda x: F.hardswish(x), dict(x=real(3, 4, low=-5, high=5)), wide, clear=lambda x: (x - 3, x + 3), second=True)
    cases("thresholdedRelu", lambda x, threshold=1.0: torch.where(x > threshold, x, torch.zeros_like(x)), dict(x=real(3, 4)),
          dict(x=real(6), threshold=-0.5), clear=lambda x, threshold=1.0: x - threshold)
    shrinks = [dict(x=real(3, 4)), dict(x=real(6), threshold=1.25)]
    cases("hardShrink", lambda x, threshold=0.5: F.hardshrink(x, threshold), *shrinks, clear=lambda x, threshold=0.5: x.abs() - threshold)
    cases("softShrink", lambda x, threshold=0.5: F.softshrink(x, threshold), *shrinks, clear=lambda x, threshold=0.5: x.abs() - threshold)
    cases("shrink", lambda x, threshold, bias: torch.where(x > threshold, x - bias, torch.where(x < -threshold, x + bias, torch.zeros_like(x))),
          dict(x=real(3, 4), threshold=0.75, bias=0.25), dict(x=real(6), threshold=0.5, bias=1.0),
          clear=lambda x, threshold, bias: x.abs() - threshold)
    tails = [dict(x=real(3, 4)), dict(x=real(8, low=-8, high=8), alpha=0.5)]
    for name, compute in [("elu", F.elu), ("celu", F.celu)]:
        cases(name, lambda x, alpha=1.0: compute(x, alpha), *tails, clear=lambda x, **_: x, second=True)
    cases("selu", lambda x, alpha=None, scale=None: F.selu(x) if alpha is None else scale * F.elu(x, alpha), dict(x=real(3, 4)),
          dict(x=real(8, low=-6, high=6), alpha=1.5, scale=1.25), clear=lambda x, **_: x, second=True)
    cases("softsign", lambda x: F.softsign(x), dict(x=real(3, 4)), wide, clear=lambda x: x, second=True)
    cases("remainder", lambda x, divisor: torch.remainder(x, divisor), dict(x=real(3, 4, low=-5, high=5), divisor=1.5),
          dict(x=real(6, low=-9, high=9), divisor=-2.0),
          clear=lambda x, divisor: (torch.remainder(x, divisor), torch.remainder(x, divisor) - divisor))
    cases("fmod", lambda x, divisor: torch.fmod(x, divisor), dict(x=real(3, 4, low=-5, high=5), divisor=1.5),
          dict(x=real(6, low=-9, high=9), divisor=2.0), clear=lambda x, divisor: (torch.fmod(x, divisor), torch.fmod(x, divisor).abs() - divisor))
    for name, compute in [("remainder", torch.remainder), ("fmod", torch.fmod)]:
        cases(name, lambda x, dividingBy: compute(x, dividingBy), dict(x=real(3, 2, low=-6, high=6), dividingBy=real(3, 2, low=0.8, high=2)),
              dict(x=real(2, 3, low=-6, high=6), dividingBy=real(3, low=-3, high=-1)),
              clear=lambda x, dividingBy: (compute(x, dividingBy), compute(x, dividingBy).abs() - dividingBy.abs()))
    bits_of = bits([[1, 0, 1], [0, 0, 1]])
    cases("where", lambda x, condition, otherwise: torch.where(condition, x, otherwise), dict(x=real(2, 3), condition=bits_of, otherwise=real(2, 3)),
          dict(x=real(3), condition=bits_of, otherwise=real(2, 1)), dict(x=real(2, 1, 3), condition=bits([1, 0, 1]), otherwise=real(2, 1)))
    cases("maskedFill", lambda x, mask, value: x.masked_fill(mask, value), dict(x=real(2, 3), mask=bits_of, value=-1.5),
          dict(x=real(2, 2, 3), mask=bits([0, 1, 0]), value=0.0))
    cases("dropout", lambda x, probability=0.5: F.dropout(x, probability, training=False), dict(x=real(2, 3)), dict(x=real(4), probability=0.1))


def smooth_functions():
    """Elementwise functions without corners: near 0, and further out."""
    near, far = dict(x=real(3, 4)), dict(x=real(12, low=-9, high=9))
    small = dict(x=positive(6, low=2**-10, high=2**-2, signed=True))
    for name, compute in [
        ("sigmoid", torch.sigmoid), ("tanh", torch.tanh), ("erf", torch.erf), ("gelu", F.gelu), ("silu", F.silu), ("softplus", F.softplus),
        ("logSigmoid", F.logsigmoid), ("mish", F.mish), ("geluTanh", lambda x: F.gelu(x, approximate="tanh")),
    ]:
        smooth(name, lambda x: compute(x), near, far, small)
    smooth("swish", lambda x, alpha=1.0: x * torch.sigmoid(alpha * x), near, dict(far, alpha=1.702), dict(x=real(6, low=-6, high=6), alpha=-0.125))
    smooth("square", lambda x: x * x, near, dict(x=positive(6, low=2**-6, high=200, signed=True)))
    smooth("sin", lambda x: x.sin(), near, dict(x=real(12, low=-60, high=60)))
    smooth("cos", lambda x: x.cos(), near, dict(x=real(12, low=-60, high=60)))
    smooth("tan", lambda x: x.tan(), dict(x=real(3, 4, low=-1.2, high=1.2)), dict(x=real(6, low=2, high=4.2)))
    smooth("sinh", lambda x: x.sinh(), near, dict(x=real(6, low=-6, high=6)))
    smooth("cosh", lambda x: x.cosh(), near, dict(x=real(6, low=-6, high=6)))
    smooth("atan", lambda x: x.atan(), dict(x=real(3, 4, low=-0.9, high=0.9)), dict(x=positive(8, low=1.1, high=50, signed=True)))
    smooth("asin", lambda x: x.asin(), dict(x=real(3, 4, low=-0.7, high=0.7)), dict(x=positive(6, low=0.75, high=0.94, signed=True)))
    smooth("acos", lambda x: x.acos(), dict(x=real(3, 4, low=-0.7, high=0.7)), dict(x=positive(6, low=0.75, high=0.94, signed=True)))
    smooth("asinh", lambda x: x.asinh(), dict(x=positive(3, 4, low=0.06, high=2, signed=True)), dict(x=positive(6, low=2, high=200, signed=True)))
    smooth("acosh", lambda x: x.acosh(), dict(x=real(3, 4, low=1.2, high=4)), dict(x=positive(6, low=4, high=200)))
    smooth("atanh", lambda x: x.atanh(), dict(x=real(3, 4, low=-0.7, high=0.7)), dict(x=positive(6, low=0.75, high=0.95, signed=True)))
    smooth("exp", lambda x: x.exp(), near, dict(x=real(8, low=-9, high=7)))
    smooth("log", lambda x: x.log(), dict(x=real(3, 4, low=0.2, high=3)), dict(x=positive(8, low=2**-6, high=4000)))
    smooth("sqrt", lambda x: x.sqrt(), dict(x=real(3, 4, low=0.2, high=3)), dict(x=positive(8, low=2**-6, high=4000)))
    smooth("inverseSquareRoot", lambda x: x.rsqrt(), dict(x=real(3, 4, low=0.2, high=3)), dict(x=positive(8, low=2**-4, high=4000)))
    smooth("reciprocal", lambda x, range=None, isSigned=False: 1 / x, dict(x=real(3, 4, low=0.3, high=3)), dict(x=positive(8, low=2**-4, high=500)),
           dict(x=positive(6, low=0.3, high=8, signed=True), isSigned=True),
           dict(x=positive(6, low=0.25, high=4, signed=True), range=[0.25, 4], isSigned=True))
    smooth("pow", lambda x, exponent: x ** exponent, dict(near, exponent=2), dict(near, exponent=3), dict(x=real(6), exponent=5),
           dict(x=real(4), exponent=1), dict(x=real(6, low=0.3, high=3), exponent=0.5), dict(x=real(6, low=0.3, high=3), exponent=-0.5),
           dict(x=real(6, low=0.3, high=3), exponent=-2.0), dict(x=positive(8, low=2**-3, high=16), exponent=1.75),
           dict(x=positive(8, low=2**-2, high=16), exponent=-0.75), dict(x=real(2, 3, low=0.3, high=3), exponent=real(2, 3)),
           dict(x=positive(2, 3, low=0.25, high=9), exponent=real(3, low=-1.5, high=1.5)))
    smooth("polynomial", lambda x, coefficients: sum(c * x**k for k, c in enumerate(coefficients)) + 0 * x,
           dict(near, coefficients=[0.5, -1.25, 0.75]), dict(x=real(6), coefficients=[1.0, 0.5, -0.25, 0.125, 0.0625]),
           dict(x=real(6), coefficients=[0.25, 2.0]))


def structure():
    cases("reshape", lambda x, dimensions: x.reshape(dimensions), dict(x=real(2, 6), dimensions=[3, 4]), dict(x=real(2, 3, 2), dimensions=[4, -1]))
    cases("flatten", lambda x, start=0, end=-1: x.flatten(start, end), dict(x=real(2, 3, 2)), dict(x=real(2, 3, 2), start=1))
    cases("permuted", lambda x, axes: x.permute(axes), dict(x=real(2, 3, 2), axes=[2, 0, 1]), dict(x=real(2, 3), axes=[1, 0]))
    cases("transposed", lambda x: x.permute(*range(x.dim())[::-1]), dict(x=real(2, 3)), dict(x=real(2, 3, 2)))
    cases("transposed", lambda x, first, second: x.transpose(first, second), dict(x=real(2, 3), first=-2, second=-1),
          dict(x=real(2, 3, 2), first=0, second=-1))
    cases("squeeze", lambda x, axes=None: x.squeeze() if axes is None else x.squeeze(axes[0]), dict(x=real(1, 3, 1)), dict(x=real(2, 1, 3), axes=[1]))
    cases("expandDimensions", lambda x, axes: expanded(x, axes), dict(x=real(2, 3), axes=[0, 2]), dict(x=real(4), axes=[-1]))
    cases("unsqueeze", lambda x, axis: x.unsqueeze(axis), dict(x=real(2, 3), axis=1), dict(x=real(4), axis=-1))
    cases("broadcast", lambda x, to: x.broadcast_to(to), dict(x=real(3, 1), to=[2, 3, 4]), dict(x=real(4), to=[3, 4]))
    cases("concatenate", lambda tensors, axis=0: torch.cat(tensors, axis), dict(tensors=[real(2, 3), real(1, 3)]),
          dict(tensors=[real(2, 1, 2), real(2, 3, 2), real(2, 2, 2)], axis=1), dict(tensors=[real(2, 2), real(2, 3)], axis=-1))
    cases("stack", lambda tensors, axis=0: torch.stack(tensors, axis), dict(tensors=[real(2, 3), real(2, 3)]),
          dict(tensors=[real(4), real(4), real(4)], axis=-1))
    cases("pad", lambda x, before, after, value=0.0: padded(x, before, after, value), dict(x=real(2, 3), before=[1, 0], after=[0, 2]),
          dict(x=real(2, 2, 2), before=[0, 1, 1], after=[1, 0, 2], value=-1.5))
    cases("tiled", lambda x, repetitions: x.repeat(*repetitions), dict(x=real(2, 3), repetitions=[2, 2]), dict(x=real(3), repetitions=[2, 1, 3]))
    cases("repeated", lambda x, count, axis: x.repeat_interleave(count, axis), dict(x=real(2, 3), count=3, axis=1),
          dict(x=real(2, 3), count=2, axis=0))
    cases("slice", sliced, dict(x=real(4, 5), starts=[1, 0], ends=[4, 5], steps=[2, 3]),
          dict(x=real(4, 5), starts=[3, -1], ends=[-9, 0], steps=[-1, -2]), dict(x=real(3, 6), starts=[-5], ends=[-1], axes=[1], steps=[1]),
          dict(x=real(2, 7), starts=[6], ends=[0], axes=[-1], steps=[-3]))
    cases("indexed", lambda x, indices: indexed(x, indices), dict(x=real(3, 4, 2), indices=[{"position": 1}, {"start": 1, "end": 3, "step": 1}]),
          dict(x=real(3, 5), indices=["ellipsis", {"position": -1}]),
          dict(x=real(3, 5), indices=[{"start": 2, "end": None, "step": -1}, "newAxis", {"start": None, "end": None, "step": 2}]),
          dict(x=real(2, 3, 4), indices=[{"start": None, "end": None, "step": 1}, {"position": 0}, {"start": -2, "end": None, "step": 1}]))
    cases("narrow", lambda x, axis, start, length: x.narrow(axis, start, length), dict(x=real(4, 3), axis=0, start=1, length=2),
          dict(x=real(2, 5), axis=-1, start=3, length=2))
    cases("split", lambda x, extents=None, parts=None, axis=0: x.split(extents or x.shape[axis] // parts, axis),
          dict(x=real(5, 2), extents=[2, 3], result=1), dict(x=real(2, 6), parts=3, axis=1, result=1),
          dict(x=real(2, 6), extents=[1, 2, 3], axis=-1, result=0))
    cases("take", lambda x, indices, axis=0: x.index_select(axis, integers(indices) % x.shape[axis]), dict(x=real(4, 2), indices=[3, 0, 3]),
          dict(x=real(2, 5), indices=[-1, 2, 2, 0, -1], axis=1))
    cases("take", lambda x, index, axis=0: taken(x, F.one_hot(index, x.shape[axis]).double(), axis), dict(x=real(4, 2), index=integers([3, 0, 3])),
          dict(x=real(2, 5), index=integers([[1, 4], [2, 1]]), axis=1))
    smooth("take", lambda x, oneHot, axis=0: taken(x, oneHot, axis), dict(x=real(4, 2), oneHot=real(3, 4)),
           dict(x=real(2, 3, 2), oneHot=real(2, 3), axis=1))
    cases("gather", lambda x, indices, axis=0: gathered(x, indices, axis), dict(x=real(4, 2), indices=integers([[0, 3], [3, 1]])),
          dict(x=real(2, 5, 2), indices=integers([-1, 2, 2]), axis=1))
    cases("embedding", lambda indices, weight: F.embedding(indices, weight), dict(indices=integers([1, 3, 1, 0]), weight=real(4, 3)),
          dict(indices=integers([[2, 2], [0, 4]]), weight=real(5, 2)))
    smooth("embedding", lambda oneHot, weight: oneHot @ weight, dict(oneHot=real(3, 4), weight=real(4, 2)),
           dict(oneHot=real(2, 2, 3), weight=real(3, 2)))
    cases("flip", lambda x, axes: x.flip(axes), dict(x=real(2, 3, 2), axes=[0, 2]), dict(x=real(5), axes=[-1]))
    cases("roll", lambda x, shift, axis: x.roll(shift, axis), dict(x=real(2, 5), shift=2, axis=1), dict(x=real(4, 2), shift=-1, axis=0))
    places = integers([[0, 2, 2], [1, 0, 1]])
    cases("takeAlong", lambda x, indices, axis: x.gather(axis, indices % x.shape[axis]), dict(x=real(2, 4), indices=places, axis=1),
          dict(x=real(4, 3), indices=integers([[0, -1, 2], [0, 3, -2]]), axis=0))
    cases("scatter", lambda x, indices, source, axis, reduction="none": x.scatter(axis, indices % x.shape[axis], source),
          dict(x=real(2, 4), indices=integers([[3, 0], [1, -2]]), source=real(2, 2), axis=1, reduction="none"),
          dict(x=real(4, 3), indices=integers([[2, 0, 1], [3, 1, 0]]), source=real(2, 3), axis=0))
    for reduction, name in [("add", "sum"), ("multiply", "prod"), ("minimum", "amin"), ("maximum", "amax")]:
        for shape, axis, rows in [((2, 4), 1, places), ((3, 2), 0, integers([[2, 0], [-1, 0], [1, 0]]))]:
            cases("scatter", lambda x, indices, source, axis, reduction: x.scatter_reduce(axis, indices % x.shape[axis], source, name),
                  dict(x=distinct(*shape, spacing=0.24), indices=rows, source=distinct(*rows.shape, spacing=0.24, offset=0.12), axis=axis,
                       reduction=reduction))
    cases("scatterAdd", lambda x, indices, source, axis: x.scatter_add(axis, indices, source),
          dict(x=real(2, 4), indices=places, source=real(2, 3), axis=1),
          dict(x=real(4, 3), indices=integers([[3, 3, 0], [3, 1, 0]]), source=real(2, 3), axis=0))
    cases("indexAdd", lambda x, indices, source, axis=0: x.index_add(axis, integers(indices) % x.shape[axis], source),
          dict(x=real(4, 2), indices=[1, 3, 1], source=real(3, 2)), dict(x=real(2, 4), indices=[-1, 0], source=real(2, 2), axis=1))
    triangles = [dict(x=real(3, 4)), dict(x=real(2, 3, 3), diagonal=1), dict(x=real(4, 3), diagonal=-1)]
    cases("tril", lambda x, diagonal=0: x.tril(diagonal), *triangles)
    cases("triu", lambda x, diagonal=0: x.triu(diagonal), *triangles)
    cases("diagonal", lambda x, offset=0, axis1=-2, axis2=-1: x.diagonal(offset, axis1, axis2), dict(x=real(3, 4)),
          dict(x=real(3, 2, 3), offset=-1, axis1=0, axis2=2))
    cases("trace", lambda x: x.diagonal(dim1=-2, dim2=-1).sum(-1), dict(x=real(3, 3)), dict(x=real(2, 2, 3)))


def expanded(x, axes):
    for axis in axes:
        x = x.unsqueeze(axis)
    return x


def padded(x, before, after, value=0.0):
    return F.pad(x, [n for pair in list(zip(before, after))[::-1] for n in pair], value=value)


def sliced(x, starts, ends, axes=None, steps=None):
    """Python's slices, with negative steps too."""
    for start, end, axis, step in zip(starts, ends, axes or range(len(starts)), steps or [1] * len(starts)):
        x = x.index_select(axis, integers(list(range(x.shape[axis]))[start:end:step]))
    return x


def indexed(x, indices):
    """One index after another, at the axis where it stands; a range by its positions."""
    axis = 0
    for index in indices:
        if index == "newAxis":
            x = x.unsqueeze(axis)
        elif index == "ellipsis":
            axis = x.dim() - (len(indices) - indices.index("ellipsis") - 1) - 1
        elif "position" in index:
            x = x.select(axis, index["position"])
            continue
        else:
            x = x.index_select(axis, integers(list(range(x.shape[axis]))[index["start"]:index["end"]:index["step"]]))
        axis += 1
    return x


def gathered(x, indices, axis):
    shape = x.shape[:axis] + indices.shape + x.shape[axis + 1:]
    return x.index_select(axis, indices.reshape(-1) % x.shape[axis]).reshape(shape)


def taken(x, rows, axis):
    """Sums of slices by rows of weights, whose axes take the axis's place."""
    sums = torch.tensordot(rows, x, ([rows.dim() - 1], [axis]))
    lead = rows.dim() - 1
    return sums.movedim(tuple(range(lead)), tuple(range(axis, axis + lead)))


def windows():
    smooth("conv1d", conv1d, dict(x=real(2, 2, 5), weight=real(3, 2, 3), bias=real(3)),
           dict(x=real(1, 2, 7), weight=real(2, 2, 2), stride=2, padding=1, paddingAfter=2, dilation=2),
           dict(x=real(1, 4, 5), weight=real(4, 2, 3), bias=real(4), padding=1, groups=2))
    smooth("conv2d", conv2d, dict(x=real(1, 2, 4, 4), weight=real(2, 2, 3, 3), bias=real(2)),
           dict(x=real(2, 1, 5, 4), weight=real(2, 1, 2, 2), bias=real(2), stride=[2, 1], padding=[1, 0, 0, 1]),
           dict(x=real(1, 2, 5, 5), weight=real(2, 1, 2, 2), stride=[1, 2], padding=[1, 1, 1, 1], dilation=[2, 1], groups=2),
           dict(x=real(1, 4, 3, 3), weight=real(4, 1, 3, 3), bias=real(4), padding=[1, 1, 1, 1], groups=4),
           dict(x=real(1, 3, 3, 3), weight=real(2, 3, 1, 1), stride=[2, 2]))
    smooth("conv3d", conv3d, dict(x=real(1, 2, 3, 3, 3), weight=real(2, 2, 2, 2, 2), bias=real(2)),
           dict(x=real(1, 2, 3, 4, 2), weight=real(2, 1, 2, 2, 1), stride=[1, 2, 1], padding=[1, 0, 1], paddingAfter=[0, 1, 1],
                dilation=[2, 1, 1], groups=2))
    smooth("convTransposed1d", conv_transposed, dict(x=real(1, 2, 4), weight=real(2, 3, 3), bias=real(3)),
           dict(x=real(2, 2, 3), weight=real(2, 1, 3), stride=2, padding=1, paddingAfter=0, outputPadding=1, groups=2),
           dict(x=real(1, 2, 4), weight=real(2, 2, 2), bias=real(2), stride=3, dilation=2, padding=1))
    smooth("convTransposed2d", conv_transposed, dict(x=real(1, 2, 3, 3), weight=real(2, 2, 2, 2), bias=real(2)),
           dict(x=real(1, 2, 3, 2), weight=real(2, 1, 3, 2), bias=real(2), stride=[2, 1], padding=[1, 0, 1, 1], outputPadding=[1, 0], groups=2),
           dict(x=real(1, 2, 2, 3), weight=real(2, 1, 2, 2), stride=[1, 2], padding=[1, 0, 0, 0], dilation=[2, 1]))
    smooth("convTransposed3d", conv_transposed, dict(x=real(1, 2, 2, 2, 2), weight=real(2, 2, 2, 1, 2), bias=real(2)),
           dict(x=real(1, 2, 2, 2, 2), weight=real(2, 1, 2, 2, 1), bias=real(2), stride=[2, 1, 1], padding=[1, 0, 0], paddingAfter=[0, 1, 0],
                outputPadding=[1, 0, 0], groups=2))
    cases("maxPool1d", max_pool1d, dict(x=distinct(1, 2, 6), kernel=2),
          dict(x=distinct(2, 1, 8), kernel=3, stride=2, padding=1, paddingAfter=0, ceilMode=True),
          dict(x=distinct(1, 1, 9), kernel=5, stride=1, padding=2))
    cases("maxPool2d", max_pool2d, dict(x=distinct(1, 2, 4, 4), kernel=[2, 2]), dict(x=distinct(1, 1, 5, 5), kernel=[3, 3], stride=[1, 1]),
          dict(x=distinct(1, 2, 4, 5), kernel=[3, 2], stride=[2, 2], padding=[1, 1, 0, 0]),
          dict(x=distinct(1, 1, 5, 6), kernel=[2, 2], stride=[2, 2], ceilMode=True),
          dict(x=distinct(1, 1, 6, 5), kernel=[2, 2], stride=[1, 2], dilation=[2, 3]))
    cases("maxPool3d", max_pool3d, dict(x=distinct(1, 1, 2, 4, 4), kernel=[2, 2, 2]),
          dict(x=distinct(1, 1, 3, 4, 3), kernel=[2, 3, 2], stride=[1, 2, 1], padding=[1, 1, 0], ceilMode=True))
    cases("avgPool1d", avg_pool1d, dict(x=real(1, 2, 6), kernel=2), dict(x=real(2, 1, 7), kernel=3, stride=2, padding=1),
          dict(x=real(1, 1, 8), kernel=3, stride=2, padding=1, countIncludePad=False, ceilMode=True))
    cases("avgPool2d", avg_pool2d, dict(x=real(1, 2, 4, 4), kernel=[2, 2]),
          dict(x=real(1, 1, 5, 5), kernel=[3, 2], stride=[2, 1], padding=[1, 1, 1, 1]),
          dict(x=real(1, 1, 5, 5), kernel=[3, 3], stride=[2, 2], padding=[1, 1, 1, 1], countIncludePad=False),
          dict(x=real(1, 1, 6, 5), kernel=[2, 2], stride=[3, 2], ceilMode=True),
          dict(x=real(1, 2, 5, 5), kernel=[2, 2], stride=[1, 1], dilation=[2, 3]),
          dict(x=real(1, 1, 3, 4), kernel=[2, 2], stride=[1, 1], padding=[1, 0, 0, 1]))
    cases("avgPool3d", avg_pool3d, dict(x=real(1, 1, 2, 4, 4), kernel=[2, 2, 2]),
          dict(x=real(1, 1, 3, 4, 3), kernel=[2, 3, 2], stride=[1, 2, 1], padding=[1, 1, 0], countIncludePad=False))
    for name, pools in [("adaptiveAvgPool", [F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d]),
                        ("adaptiveMaxPool", [F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d])]:
        cases(name, lambda x, extents: pools[len(extents) - 1](x, extents), dict(x=distinct(1, 2, 7), extents=[3]),
              dict(x=distinct(1, 2, 5, 4), extents=[2, 3]), dict(x=distinct(1, 1, 3, 4, 3), extents=[2, 2, 1]))
    cases("globalAveragePool", lambda x: x.mean(tuple(range(2, x.dim())), keepdim=True), dict(x=real(2, 2, 3)), dict(x=real(1, 2, 3, 4)))
    cases("globalMaxPool", lambda x: x.amax(tuple(range(2, x.dim())), keepdim=True), dict(x=distinct(2, 2, 3)), dict(x=distinct(1, 2, 3, 4)))


# PyTorch's windows with Swift's names. Where padding differs from side to side, which PyTorch's doesn't, it is added first.


def conv1d(x, weight, bias=None, stride=1, padding=0, paddingAfter=None, dilation=1, groups=1):
    return F.conv1d(F.pad(x, both_ends(padding, paddingAfter)), weight, bias, stride, 0, dilation, groups)


def conv2d(x, weight, bias=None, stride=1, padding=(0, 0, 0, 0), dilation=1, groups=1):
    return F.conv2d(F.pad(x, sides(padding)), weight, bias, stride, 0, dilation, groups)


def conv3d(x, weight, bias=None, stride=1, padding=(0, 0, 0), paddingAfter=None, dilation=1, groups=1):
    return F.conv3d(padded(x, [0, 0, *padding], [0, 0, *(paddingAfter or padding)]), weight, bias, stride, 0, dilation, groups)


def conv_transposed(x, weight, bias=None, stride=1, padding=0, paddingAfter=None, outputPadding=0, dilation=1, groups=1):
    """The result without padding, cut on each side."""
    rank = x.dim() - 2
    compute = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d][rank - 1]
    before, after = [list(p) if isinstance(p, list) else [p] * rank for p in [padding, padding if paddingAfter is None else paddingAfter]]
    if len(before) == 4:
        before, after = before[:2], before[2:]
    whole = compute(x, weight, bias, stride, 0, outputPadding, groups, dilation)
    for axis in range(rank):
        whole = whole.narrow(axis + 2, before[axis], whole.shape[axis + 2] - before[axis] - after[axis])
    return whole


def max_pool1d(x, kernel, stride=None, padding=0, paddingAfter=None, dilation=1, ceilMode=False):
    return F.max_pool1d(F.pad(x, both_ends(padding, paddingAfter), value=-math.inf), kernel, stride or kernel, 0, dilation, ceilMode)


def max_pool2d(x, kernel, stride=None, padding=(0, 0, 0, 0), dilation=1, ceilMode=False):
    return F.max_pool2d(F.pad(x, sides(padding), value=-math.inf), kernel, stride or kernel, 0, dilation, ceilMode)


def max_pool3d(x, kernel, stride=None, padding=0, dilation=1, ceilMode=False):
    return F.max_pool3d(x, kernel, stride or kernel, padding, dilation, ceilMode)


def avg_pool1d(x, kernel, stride=None, padding=0, ceilMode=False, countIncludePad=True):
    return F.avg_pool1d(x, kernel, stride or kernel, padding, ceilMode, countIncludePad)


def avg_pool3d(x, kernel, stride=None, padding=0, ceilMode=False, countIncludePad=True):
    return F.avg_pool3d(x, kernel, stride or kernel, padding, ceilMode, countIncludePad)


def both_ends(before, after):
    return [before, before if after is None else after]


def sides(padding):
    """PyTorch's order of the four sides."""
    top, left, bottom, right = padding
    return [left, right, top, bottom]


def avg_pool2d(x, kernel, stride=None, padding=(0, 0, 0, 0), dilation=(1, 1), ceilMode=False, countIncludePad=True):
    if ceilMode or not countIncludePad:
        return F.avg_pool2d(x, kernel, stride or kernel, padding[:2], ceilMode, countIncludePad)
    # Means with gaps between a window's elements, or uneven padding, as a convolution of each channel.
    mean = torch.full((x.shape[1], 1, *kernel), 1 / (kernel[0] * kernel[1]))
    return F.conv2d(F.pad(x, sides(padding)), mean, None, stride or kernel, 0, dilation, x.shape[1])


def normalizations():
    smooth("layerNorm", lambda x, axes=1, weight=None, bias=None, epsilon=1e-5: F.layer_norm(x, x.shape[-axes:], weight, bias, epsilon),
           dict(x=real(2, 5)), dict(x=real(2, 2, 3), axes=2, weight=real(2, 3), bias=real(2, 3)),
           dict(x=positive(2, 6, low=0.1, high=40), weight=real(6), epsilon=0.001))
    smooth("rmsNorm", lambda x, weight=None, epsilon=1e-5: rms_norm(x, weight, epsilon), dict(x=real(2, 5)),
           dict(x=real(2, 2, 3), weight=real(3), epsilon=0.001))
    smooth("instanceNorm", lambda x, weight=None, bias=None, epsilon=1e-5: F.instance_norm(x, weight=weight, bias=bias, eps=epsilon),
           dict(x=real(2, 2, 4)), dict(x=real(1, 2, 3, 3), weight=real(2), bias=real(2), epsilon=0.001))
    smooth("groupNorm", lambda x, groups, weight=None, bias=None, epsilon=1e-5: F.group_norm(x, groups, weight, bias, epsilon),
           dict(x=real(2, 4, 2), groups=2), dict(x=real(1, 4, 2, 2), groups=2, weight=real(4), bias=real(4)),
           dict(x=real(2, 4), groups=1, weight=real(4), epsilon=0.001))
    smooth("batchNorm", lambda x, scale, shift: x * channels(scale, x) + channels(shift, x), dict(x=real(3, 2), scale=real(2), shift=real(2)),
           dict(x=real(2, 3, 2, 2), scale=real(3), shift=real(3)))


def rms_norm(x, weight, epsilon):
    normal = x * (x.square().mean(-1, keepdim=True) + epsilon).rsqrt()
    return normal if weight is None else normal * weight


def channels(parameter, x):
    return parameter.reshape([1, -1] + [1] * (x.dim() - 2))


def networks():
    attention = dict(query=real(2, 3, 2), key=real(2, 4, 2), value=real(2, 4, 3))
    smooth("scaledDotProductAttention", scaled_dot_product_attention, attention,
           dict(query=real(3, 4), key=real(3, 4), value=real(3, 2), isCausal=True, scale=0.3),
           dict(attention, mask=bits([[1, 1, 0, 1], [1, 0, 0, 1], [0, 1, 1, 1]])),
           dict(query=real(1, 2, 2, 3), key=real(1, 2, 3, 3), value=real(1, 2, 3, 2), mask=real(2, 3)))

    def recurrent(gates, **more):
        weights = dict(input=real(gates * 2, 3, low=-1, high=1), hidden=real(gates * 2, 2, low=-1, high=1))
        biases = dict(inputBias=real(gates * 2, low=-1, high=1), hiddenBias=real(gates * 2, low=-1, high=1))
        return [dict(x=real(3, 2, 3), **weights), dict(x=real(2, 2, 3), **weights, **biases, state=real(2, 2), **more)]

    smooth("rnn", lambda **given: recurrent_layer("RNN", **given)["output"], *recurrent(1))
    cases("rnn", lambda usesReLU, **given: rnn_sums(**given).relu(), *[dict(v, usesReLU=True) for v in recurrent(1)],
          clear=lambda usesReLU, **given: rnn_sums(**given))
    smooth("gru", lambda **given: recurrent_layer("GRU", **given)["output"], *recurrent(3))
    smooth("lstm", lambda **given: recurrent_layer("LSTM", **given),
           *[dict(v, result=r) for v in recurrent(4, cell=real(2, 2)) for r in ["output", "cell"]])


def scaled_dot_product_attention(query, key, value, mask=None, isCausal=False, scale=None):
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    if isCausal:
        scores = scores.masked_fill(~torch.ones(scores.shape[-2:], dtype=torch.bool).tril(), -math.inf)
    return torch.softmax(scores, -1) @ value


def recurrent_layer(kind, x, input, hidden, inputBias=None, hiddenBias=None, state=None, cell=None):
    """PyTorch's layer with these weights; what is missing is 0."""
    layer = getattr(nn, kind)(x.shape[-1], hidden.shape[1])
    zeros, no_bias = torch.zeros(1, x.shape[1], hidden.shape[1]), torch.zeros(len(input))
    weights = dict(weight_ih_l0=input, weight_hh_l0=hidden, bias_ih_l0=no_bias if inputBias is None else inputBias,
                   bias_hh_l0=no_bias if hiddenBias is None else hiddenBias)
    start = zeros if state is None else state[None]
    if kind == "LSTM":
        start = (start, zeros if cell is None else cell[None])
    output, last = torch.func.functional_call(layer, weights, (x, start))
    return dict(output=output, cell=last[1][0] if kind == "LSTM" else None)


def rnn_sums(x, input, hidden, inputBias=None, hiddenBias=None, state=None):
    """What an Elman network's max(x, 0) is taken of, in all steps."""
    sums, h = [], torch.zeros(x.shape[1], hidden.shape[1]) if state is None else state
    for step in x:
        sums.append(F.linear(step, input, inputBias) + F.linear(h, hidden, hiddenBias))
        h = sums[-1].relu()
    return torch.stack(sums)


def losses():
    reductions_of = ["none", "mean", "sum"]
    pairs = [dict(prediction=real(2, 3), target=real(2, 3), reduction=r) for r in reductions_of]
    smooth("mseLoss", lambda prediction, target, reduction="mean": F.mse_loss(prediction, target, reduction=reduction), *pairs)
    cases("l1Loss", lambda prediction, target, reduction="mean": F.l1_loss(prediction, target, reduction=reduction), *pairs,
          clear=lambda prediction, target, **_: prediction - target)
    cases("smoothL1Loss", lambda prediction, target, beta=1.0, reduction="mean": F.smooth_l1_loss(prediction, target, reduction=reduction, beta=beta),
          pairs[1], dict(pairs[2], beta=0.5),
          clear=lambda prediction, target, beta=1.0, **_: ((prediction - target).abs() - beta, prediction - target))
    cases("huberLoss", lambda prediction, target, delta=1.0, reduction="mean": F.huber_loss(prediction, target, reduction=reduction, delta=delta),
          pairs[1], dict(pairs[2], delta=1.5),
          clear=lambda prediction, target, delta=1.0, **_: ((prediction - target).abs() - delta, prediction - target))
    bends = [("smoothL1Loss", "beta", 0.125, F.smooth_l1_loss), ("huberLoss", "delta", 0.25, F.huber_loss)]
    for name, label, bound, function in bends:
        cases(name, lambda prediction, target, reduction, function=function, **bound: function(prediction, target, reduction=reduction, **bound),
              {**pairs[0], label: bound},
              clear=lambda prediction, target, bound=bound, **_: ((prediction - target).abs() - bound, prediction - target))

    class_weights = torch.tensor([0.5, 1.0, 2.0, 1.25])
    labels = integers([3, 0, 1])
    scores = dict(scores=distinct(3, 4, spacing=0.3))
    extras = [dict(reduction=r) for r in reductions_of] + [dict(labelSmoothing=0.125), dict(weights=class_weights)]
    smooth("crossEntropy", cross_entropy, *[dict(scores, classes=labels, **e) for e in extras],
           dict(scores, classes=labels, weights=class_weights, labelSmoothing=0.25),
           dict(scores, classes=labels, weights=class_weights, labelSmoothing=0.25, reduction="sum"),
           dict(scores=distinct(2, 3, 2), classes=integers([[0, 2], [1, 1]])), dict(scores=distinct(2, 5, spacing=1.0), classes=integers([4, 2])))
    smooth("crossEntropy", cross_entropy, *[dict(scores, target=probabilities(3, 4), **e) for e in extras],
           dict(scores=distinct(2, 3, 2), target=probabilities(2, 3, 2)))
    everything, mask, public_mask = dict(weights=class_weights, labelSmoothing=0.25), dict(mask=either(0, 1, 3)), dict(mask=bits([1, 0, 1]))
    smooth("crossEntropy", cross_entropy, dict(scores, classes=labels, **mask), dict(scores, classes=labels, **public_mask, **everything),
           dict(scores, classes=labels, **mask, **everything), dict(scores, target=probabilities(3, 4), **everything),
           dict(scores, target=probabilities(3, 4), **mask), dict(scores, target=probabilities(3, 4), **mask, **everything, reduction="sum"),
           dict(scores, labels=one_hot(3, 4)), dict(scores, labels=one_hot(3, 4), labelSmoothing=0.125),
           dict(scores, labels=one_hot(3, 4), weights=class_weights), dict(scores, labels=one_hot(3, 4), **mask),
           dict(scores, labels=one_hot(3, 4), **public_mask, **everything), dict(scores, labels=one_hot(3, 4), **mask, **everything),
           dict(scores, labels=one_hot(3, 4), **mask, **everything, reduction="none"),
           dict(scores=distinct(2, 3, 2), labels=one_hot(2, 3, 2), mask=either(0, 1, 2, 2), labelSmoothing=0.125))
    smooth("binaryCrossEntropy", lambda probability, target, reduction="mean": F.binary_cross_entropy(probability, target, reduction=reduction),
           *[dict(probability=real(2, 3, low=0.05, high=0.95), target=real(2, 3, low=0, high=1), reduction=r) for r in reductions_of])
    smooth("binaryCrossEntropyWithLogits",
           lambda score, target, reduction="mean": F.binary_cross_entropy_with_logits(score, target, reduction=reduction),
           *[dict(score=real(2, 3, low=-6, high=6), target=real(2, 3, low=0, high=1), reduction=r) for r in reductions_of])
    logarithms = real(2, 3, low=-3, high=-0.2)
    smooth("klDivergenceLoss", lambda logarithms, target, reduction="mean": F.kl_div(logarithms, target, reduction=reduction),
           *[dict(logarithms=logarithms, target=probabilities(2, 3), reduction=r) for r in ["sum", "mean", "batchmean"]])
    smooth("klDivergenceLoss", kl_divergence, *[dict(logarithms=logarithms, target=real(2, 3, low=-3, high=-0.2), logTarget=True, reduction=r)
                                                for r in ["none", "batchmean"]])
    cases("klDivergenceLoss", kl_divergence,
          dict(logarithms=logarithms, target=torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]), reduction="batchmean"))
    logarithms = dict(logarithms=real(3, 4, low=-3, high=-0.2), classes=labels)
    cases("nllLoss", lambda logarithms, classes, weights=None, reduction="mean": F.nll_loss(logarithms, classes, weights, reduction=reduction),
          logarithms, dict(logarithms, weights=class_weights), dict(logarithms, reduction="none"))
    cases("nllLoss", lambda logarithms, classes, weights=None, mask=None, reduction="mean":
          of_rows(-logarithms.gather(1, classes[:, None])[:, 0] * (weights[classes] if weights is not None else 1),
                  weights[classes] if weights is not None else None, mask, reduction),
          dict(logarithms, **mask), dict(logarithms, weights=class_weights, **mask), dict(logarithms, **public_mask, reduction="sum"))
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0])
    cases("hingeLoss", lambda score, target, reduction="mean": reduced((1 - target * score).relu(), reduction), dict(score=real(4), target=signs),
          dict(score=real(4), target=signs, reduction="sum"), dict(score=real(4), target=either(-1, 1, 4)),
          clear=lambda score, target, **_: 1 - target * score)
    cases("hingeLoss", lambda score, labels, reduction="mean": reduced((1 - (2 * labels - 1) * score).relu(), reduction),
          dict(score=real(2, 3), labels=either(0, 1, 2, 3)), dict(score=real(4), labels=bits([1, 0, 0, 1]).double(), reduction="none"),
          clear=lambda score, labels, **_: 1 - (2 * labels - 1) * score)
    cases("hingeEmbeddingLoss",
          lambda distance, target, margin=1.0, reduction="mean": F.hinge_embedding_loss(distance, target, margin, reduction=reduction),
          dict(distance=real(4), target=signs), dict(distance=real(4), target=signs, margin=0.5, reduction="sum"),
          clear=lambda distance, target, margin=1.0, **_: margin - distance)
    cases("hingeEmbeddingLoss",
          lambda distance, target, margin=1.0, reduction="mean": reduced(either_of(distance, (margin - distance).relu(), target), reduction),
          dict(distance=real(4), target=either(-1, 1, 4), reduction="none"), clear=lambda distance, target, margin=1.0, **_: margin - distance)
    cases("cosineEmbeddingLoss",
          lambda x, other, target, margin=0.0, reduction="mean": F.cosine_embedding_loss(x, other, target, margin, reduction=reduction),
          dict(x=real(4, 3), other=real(4, 3), target=signs), dict(x=real(4, 3), other=real(4, 3), target=signs, margin=-0.25, reduction="sum"),
          clear=lambda x, other, target, margin=0.0, **_: F.cosine_similarity(x, other) - margin)
    cases("cosineEmbeddingLoss", lambda x, other, target, margin=0.0, reduction="mean":
          reduced(either_of(1 - F.cosine_similarity(x, other), (F.cosine_similarity(x, other) - margin).relu(), target), reduction),
          dict(x=real(4, 3), other=real(4, 3), target=either(-1, 1, 4), margin=0.25, reduction="none"),
          clear=lambda x, other, target, margin=0.0, **_: F.cosine_similarity(x, other) - margin)
    triplets = dict(anchor=real(3, 4), positive=real(3, 4), negative=real(3, 4))
    cases("tripletMarginLoss", triplet_margin_loss, triplets, dict(triplets, margin=2.0, reduction="sum"),
          dict(triplets, p=1.0, margin=3.0), dict(triplets, swap=True, margin=1.5, reduction="none"),
          clear=lambda margin=1.0, reduction=None, p=2.0, **given:
          (triplet_margin_loss(**given, margin=margin + 100, reduction="none", p=p) - 100, *differences(p=p, **given)))


def cross_entropy(scores, classes=None, target=None, labels=None, weights=None, labelSmoothing=0.0, mask=None, reduction="mean"):
    if labels is None and mask is None:
        return F.cross_entropy(scores, target if classes is None else classes, weights, label_smoothing=labelSmoothing, reduction=reduction)
    given = next(x for x in [target, labels, F.one_hot(classes, scores.shape[1]) if classes is not None else None] if x is not None)
    of_classes = 1 if weights is None else weights.reshape(-1, *[1] * (scores.dim() - 2))
    smoothed = of_classes * ((1 - labelSmoothing) * given + labelSmoothing / scores.shape[1])
    # Labels are one-hot: where no class counts for more the logarithm's factor is 1.
    plain = labels is not None and weights is None
    losses_of = scores.logsumexp(1) - (smoothed * scores).sum(1) if plain else -(smoothed * scores.log_softmax(1)).sum(1)
    return of_rows(losses_of, (of_classes * given).sum(1) if weights is not None and target is None else None, mask, reduction)


def of_rows(losses_of, counts, mask, reduction):
    """Losses of rows that count for more than others, which they have as a factor already, or are masked."""
    if mask is not None:
        losses_of = losses_of * mask
        counts = mask if counts is None else counts * mask
    return losses_of.sum() / counts.sum() if reduction == "mean" and counts is not None else reduced(losses_of, reduction)


def kl_divergence(logarithms, target, logTarget=False, reduction="mean"):
    return F.kl_div(logarithms, target, reduction=reduction, log_target=logTarget)


def triplet_margin_loss(anchor, positive, negative, margin=1.0, reduction="mean", p=2.0, swap=False):
    return F.triplet_margin_loss(anchor, positive, negative, margin, p=p, swap=swap, reduction=reduction)


def differences(anchor, positive, negative, p=2.0, swap=False):
    """What must not be 0 where the norm has corners, and how far the two distances of a swap are apart."""
    if p == 1:
        return anchor - positive, anchor - negative
    return [F.pairwise_distance(anchor, negative) - F.pairwise_distance(positive, negative)] if swap else []


def either_of(first, second, target):
    return (1 + target) / 2 * first + (1 - target) / 2 * second


def reduced(losses_of, reduction):
    return {"none": losses_of, "mean": losses_of.mean(), "sum": losses_of.sum()}[reduction]


# Cases of modules

MODULES = []


def module(name, inputs, modes=("training",), build=None, keywords=None, outputs=("output",), **arguments):
    """One module's cases: a step for each mode, with inputs and cotangents of its own.

    inputs: what is drawn, or a tensor of integers, by the parameters of `forward`, in their order.
    build: makes the module where PyTorch has none of that name.
    keywords: further arguments of `forward`.
    """
    rng = generator(f"{name} {sum(c['module'] == name for c in MODULES)}")
    layer = (build or getattr(nn, name))(**arguments)
    buffers = {k: b.clone() for k, b in layer.named_buffers()}
    distances = watch(layer)
    for _ in range(1000):
        distances.clear()
        for key, parameter in layer.named_parameters():
            values = rng.uniform(-0.6, 0.6, parameter.shape) + (1 if is_scale(layer, key) else 0)
            parameter.data = torch.tensor(on_grid(values))
        for key, buffer in layer.named_buffers():
            buffer.copy_(buffers[key])
        steps = [module_step(layer, mode, inputs, keywords or {}, outputs, rng) for mode in modes]
        if all(d >= 0.02 for d in distances):
            break
    else:
        raise ValueError(f"{name}: no parameters away from corners")
    case = {"module": name, "arguments": arguments, "parameters": [named(k, p) for k, p in layer.named_parameters()],
            "buffers": [named(k, b) for k, b in buffers.items()]}
    if keywords:
        case["keywords"] = {k: argument_json(v) for k, v in keywords.items()}
    MODULES.append({**case, "steps": steps})


def named(name, tensor):
    given = tensor_json(tensor)
    return {"name": name, **given}


def is_scale(layer, key):
    """Whether a parameter is a normalisation's weight, which starts from 1."""
    owner = layer.get_submodule(key.rpartition(".")[0])
    return key.endswith("weight") and "Norm" in type(owner).__name__


def watch(layer):
    """How far, in every call, the operands of max(x, 0) are from 0, and the largest of a window from the second."""
    distances = []

    def note_operand(operand):
        distances.append(operand.detach().abs().min().item())

    def note_windows(pool, x):
        windows_of = F.unfold(x.detach().reshape(-1, 1, *x.shape[2:]), pool.kernel_size, stride=pool.stride)
        first, second = windows_of.topk(2, 1).values.unbind(1)
        # Zeros that max(x, 0) has made are alike, and none has a gradient.
        distances.append((first - second)[first > 0].min().item())

    for part in layer.modules():
        if isinstance(part, nn.ReLU):
            part.register_forward_pre_hook(lambda _, inputs: note_operand(inputs[0]))
        elif isinstance(part, nn.MaxPool2d):
            part.register_forward_pre_hook(lambda pool, inputs: note_windows(pool, inputs[0]))
        elif isinstance(part, nn.TransformerEncoderLayer) and part.activation_relu_or_gelu == 1:
            part.linear1.register_forward_hook(lambda _, inputs, output: note_operand(output))
    return distances


def module_step(layer, mode, inputs, keywords, outputs, rng):
    layer.train(mode == "training")
    layer.zero_grad()
    given = {k: x(rng).requires_grad_() if isinstance(x, Drawn) else x for k, x in inputs.items()}
    results = flat_results(layer(*given.values(), **keywords))[:len(outputs)]
    weights = [cotangent(rng, y) for y in results]
    sum((w * y).sum() for w, y in zip(weights, results)).backward()
    return {
        "mode": mode, "inputs": [named(k, x) for k, x in given.items()],
        "outputs": [{"name": n, "shape": list(y.shape), "values": digits(y), "weights": w.reshape(-1).tolist()}
                    for n, y, w in zip(outputs, results, weights)],
        "inputGradients": [digits(x.grad) if x.requires_grad else None for x in given.values()],
        "parameterGradients": {k: digits(p.grad) for k, p in layer.named_parameters()},
        "buffers": {k: digits(b.double()) for k, b in layer.named_buffers()},
    }


def flat_results(results):
    """A module's tensors, of tuples within tuples too."""
    return [results] if isinstance(results, torch.Tensor) else [t for r in results if r is not None for t in flat_results(r)]


class RMSNorm(nn.Module):
    """As PyTorch has it from 2.4 on."""

    def __init__(self, normalized_shape, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(normalized_shape)), eps

    def forward(self, x):
        return rms_norm(x, self.weight, self.eps)


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return x + self.body(x)


def modules():
    module("Linear", dict(input=real(3, 4)), in_features=4, out_features=3)
    module("Linear", dict(input=real(2, 2, 3)), in_features=3, out_features=2, bias=False)
    module("Conv1d", dict(input=real(2, 2, 6)), in_channels=2, out_channels=3, kernel_size=3, stride=2, padding=1)
    module("Conv2d", dict(input=real(2, 2, 4, 4)), in_channels=2, out_channels=3, kernel_size=3, padding=1)
    module("Conv2d", dict(input=real(1, 4, 5, 4)), in_channels=4, out_channels=4, kernel_size=[2, 1], stride=[2, 1], dilation=[2, 1], groups=2,
           bias=False)
    module("Conv3d", dict(input=real(1, 2, 3, 3, 3)), in_channels=2, out_channels=2, kernel_size=2, padding=[1, 0, 0])
    module("ConvTranspose1d", dict(input=real(1, 2, 4)), in_channels=2, out_channels=3, kernel_size=3, stride=2, padding=1, output_padding=1)
    module("ConvTranspose2d", dict(input=real(1, 2, 3, 3)), in_channels=2, out_channels=2, kernel_size=2, stride=2)
    module("ConvTranspose2d", dict(input=real(1, 4, 3, 2)), in_channels=4, out_channels=2, kernel_size=3, stride=[2, 1], padding=[1, 0], groups=2,
           bias=False)
    trained = ("training", "training", "training", "evaluation")
    module("BatchNorm1d", dict(input=real(5, 3)), trained, num_features=3)
    module("BatchNorm1d", dict(input=real(3, 2, 4)), trained, num_features=2, momentum=0.25, eps=0.001)
    module("BatchNorm2d", dict(input=real(2, 3, 2, 3)), trained, num_features=3)
    module("BatchNorm2d", dict(input=real(2, 2, 2, 2)), trained, num_features=2, affine=False)
    module("BatchNorm3d", dict(input=real(2, 2, 2, 2, 2)), trained, num_features=2)
    module("LayerNorm", dict(input=real(3, 5)), normalized_shape=[5])
    module("LayerNorm", dict(input=real(2, 2, 3)), normalized_shape=[2, 3], eps=0.001)
    module("RMSNorm", dict(input=real(3, 5)), build=RMSNorm, normalized_shape=[5], eps=1e-5)
    module("GroupNorm", dict(input=real(2, 4, 3)), num_groups=2, num_channels=4)
    module("InstanceNorm1d", dict(input=real(2, 3, 4)), num_features=3, affine=True)
    module("InstanceNorm2d", dict(input=real(1, 2, 3, 3)), num_features=2)
    module("Embedding", dict(input=integers([[1, 4, 1], [0, 2, 4]])), num_embeddings=5, embedding_dim=3)
    module("Embedding", dict(input=integers([0, 2, 1, 2])), num_embeddings=4, embedding_dim=2, padding_idx=1)
    module("PReLU", dict(input=positive(2, 3, low=0.1, high=2, signed=True)), num_parameters=3)
    sequence = dict(input=real(3, 2, 3))
    for name, outputs in [("RNN", ("output", "h_n")), ("GRU", ("output", "h_n")), ("LSTM", ("output", "h_n", "c_n"))]:
        module(name, sequence, outputs=outputs, input_size=3, hidden_size=2)
        module(name, sequence, outputs=outputs, input_size=3, hidden_size=2, num_layers=2, bidirectional=True)
        module(name, dict(input=real(2, 3, 3)), outputs=outputs, input_size=3, hidden_size=3, num_layers=2, bias=False, batch_first=True)
    attention = dict(query=real(2, 3, 4), key=real(2, 3, 4), value=real(2, 3, 4))
    plain = dict(need_weights=False)
    module("MultiheadAttention", attention, keywords=plain, embed_dim=4, num_heads=2, batch_first=True)
    module("MultiheadAttention", attention, keywords=dict(plain, attn_mask=bits([[0, 1, 1], [0, 0, 1], [0, 0, 0]])), embed_dim=4, num_heads=2,
           batch_first=True, bias=False)
    module("MultiheadAttention", dict(query=real(2, 2, 4), key=real(3, 2, 3), value=real(3, 2, 2)), keywords=plain, embed_dim=4, num_heads=2, kdim=3,
           vdim=2)
    block = dict(d_model=4, nhead=2, dim_feedforward=6, dropout=0.0, batch_first=True)
    for norm_first in [False, True]:
        for activation in ["relu", "gelu"]:
            module("TransformerEncoderLayer", dict(src=real(2, 3, 4)), **block, activation=activation, norm_first=norm_first)
    module("TransformerEncoder", dict(src=real(2, 3, 4)), num_layers=2, layer={**block, "activation": "gelu", "norm_first": True},
           build=lambda num_layers, layer: nn.TransformerEncoder(nn.TransformerEncoderLayer(**layer), num_layers))
    composite("Linear(4, 5), ReLU, Linear(5, 3)", dict(input=real(3, 4)), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    composite("Residual(body: Linear(3, 3), Tanh), Linear(3, 2)", dict(input=real(2, 3)),
              Residual(nn.Sequential(nn.Linear(3, 3), nn.Tanh())), nn.Linear(3, 2))
    composite("Conv2d(1, 2, 3, padding: 1, bias: false), BatchNorm2d(2), ReLU, MaxPool2d(2), Flatten, Linear(8, 3)", dict(input=real(2, 1, 4, 4)),
              nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3), modes=trained)


def composite(layers, inputs, *parts, modes=("training",)):
    """A sequence of modules; their names of state begin with their places."""
    module("Sequential", inputs, modes, build=lambda layers: nn.Sequential(*parts), layers=layers)


# Optimisers and schedules

GRADIENTS = [  # by step; the third parameter's are always tiny, the fourth's always 0, the fifth's 0 at first, the last's tiny at last
    [0.5, -1.25, 1e-8, 0.0, 0.0, 0.75],
    [0.375, 1.5, -1e-8, 0.0, 0.0, -0.5],
    [-0.25, -0.875, 1e-8, 0.0, 0.625, 1e-8],
    [0.125, 2.0, 1e-8, 0.0, -1e-8, 0.0],
    [-2.5, -0.0625, 2e-8, 0.0, 1.125, 1e-8],
]
PARAMETERS = [0.5, -1.5, 0.25, 2.0, -0.75, 0.125]

OPTIMIZERS = [
    ("SGD", dict(lr=0.1)), ("SGD", dict(lr=0.1, momentum=0.9)), ("SGD", dict(lr=0.05, momentum=0.9, nesterov=True)),
    ("SGD", dict(lr=0.1, weight_decay=0.01)), ("SGD", dict(lr=0.1, momentum=0.8, dampening=0.5)),
    ("SGD", dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)), ("Adam", dict(lr=0.01)),
    ("Adam", dict(lr=0.01, betas=[0.8, 0.95], eps=1e-6)), ("Adam", dict(lr=0.01, weight_decay=0.1)), ("AdamW", dict(lr=0.01)),
    ("AdamW", dict(lr=0.02, betas=[0.9, 0.98], eps=1e-4, weight_decay=0.1)), ("AdamW", dict(lr=0.01, weight_decay=0.0)), ("RMSprop", dict(lr=0.01)),
    ("RMSprop", dict(lr=0.01, alpha=0.9, eps=1e-4)), ("RMSprop", dict(lr=0.01, momentum=0.9)),
    ("RMSprop", dict(lr=0.01, momentum=0.5, weight_decay=0.1)), ("Adagrad", dict(lr=0.1)), ("Adagrad", dict(lr=0.1, lr_decay=0.1, weight_decay=0.01)),
    ("Adagrad", dict(lr=0.1, initial_accumulator_value=0.5, eps=1e-6)),
]

SCHEDULES = [
    ("StepLR", dict(step_size=5, gamma=0.5)), ("MultiStepLR", dict(milestones=[4, 9, 15], gamma=0.1)), ("ExponentialLR", dict(gamma=0.9)),
    ("CosineAnnealingLR", dict(T_max=20)), ("CosineAnnealingLR", dict(T_max=10, eta_min=0.01)),
    ("LinearLR", dict(start_factor=0.1, end_factor=1.0, total_iters=8)), ("ConstantLR", dict(factor=0.25, total_iters=5)),
    ("PolynomialLR", dict(total_iters=15, power=2.0)), ("OneCycleLR", dict(max_lr=0.5, total_steps=20)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=20, pct_start=0.25, anneal_strategy="linear", div_factor=10, final_div_factor=100)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=20, three_phase=True)),
]


def optimizer_cases():
    for name, arguments in OPTIMIZERS:
        parameter = nn.Parameter(torch.tensor(PARAMETERS))
        optimizer = getattr(torch.optim, name)([parameter], **arguments)
        after = []
        for gradient in GRADIENTS:
            parameter.grad = torch.tensor(gradient)
            optimizer.step()
            after.append(digits(parameter))
        yield {"optimizer": name, "arguments": arguments, "parameters": PARAMETERS, "gradients": GRADIENTS, "after": after}
    for name, arguments in SCHEDULES:
        hidden = dict(cycle_momentum=False) if name == "OneCycleLR" else {}
        yield {"schedule": name, "arguments": arguments, **rates(lambda o: getattr(schedulers, name)(o, **arguments, **hidden))}
    warm_up, cosine = ("LinearLR", dict(start_factor=0.125, total_iters=4)), ("CosineAnnealingLR", dict(T_max=16))
    yield {"schedule": "SequentialLR", "arguments": {"schedules": [warm_up, cosine], "milestones": [4]},
           **rates(lambda o: schedulers.SequentialLR(o, [getattr(schedulers, name)(o, **given) for name, given in [warm_up, cosine]], [4]))}
    clips = [("clip_grad_norm_", dict(max_norm=5.0)), ("clip_grad_norm_", dict(max_norm=50.0)), ("clip_grad_value_", dict(clip_value=2.0))]
    yield from clipped(clips, [[3.0, -4.0, 0.5], [1e-8, 0.0, 12.0]])
    for name, arguments in MORE_SCHEDULES:
        yield {"schedule": name, "arguments": arguments, **rates(lambda o: getattr(schedulers, name)(o, **arguments))}
    parts = [("ConstantLR", dict(factor=0.5, total_iters=3)), ("ExponentialLR", dict(gamma=0.8)), ("PolynomialLR", dict(total_iters=6, power=0.9))]
    yield {"schedule": "SequentialLR", "arguments": {"schedules": parts, "milestones": [5, 12]},
           **rates(lambda o: schedulers.SequentialLR(o, [getattr(schedulers, name)(o, **given) for name, given in parts], [5, 12]))}
    for (name, arguments), cycle in CYCLED:
        yield cycled(name, arguments, cycle)
    small = [("clip_grad_norm_", dict(max_norm=0.0625)), ("clip_grad_value_", dict(clip_value=0.015625))]
    yield from clipped(small, [[0.25, -0.03125, 0.001953125], [2.0, 0.0, -6.0]])


CYCLES = [  # of as many steps as there are gradients, with their momentum
    dict(max_lr=0.05, total_steps=5, base_momentum=0.85, max_momentum=0.95),
    dict(max_lr=0.05, total_steps=5, base_momentum=0.5, max_momentum=0.9, pct_start=0.4, three_phase=True, anneal_strategy="linear"),
]
CYCLED = [(optimizer, cycle) for optimizer in [
    ("SGD", dict(lr=0.05, momentum=0.9)), ("SGD", dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)),
    ("SGD", dict(lr=0.05, momentum=0.8, dampening=0.5)), ("RMSprop", dict(lr=0.05, momentum=0.95)), ("Adam", dict(lr=0.05)),
    ("AdamW", dict(lr=0.05, betas=[0.8, 0.95], eps=1e-6)),
] for cycle in CYCLES]


def cycled(name, arguments, cycle):
    """Steps whose rate and momentum, or first beta, OneCycleLR changes."""
    parameter = nn.Parameter(torch.tensor(PARAMETERS))
    optimizer = getattr(torch.optim, name)([parameter], **arguments)
    scheduler = schedulers.OneCycleLR(optimizer, **cycle)
    rates, momenta, after = [], [], []
    for step, gradient in enumerate(GRADIENTS):
        group = optimizer.param_groups[0]
        rates.append(float(group["lr"]))
        momenta.append(float(group["momentum"] if "momentum" in group else group["betas"][0]))
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        after.append(digits(parameter))
        if step < len(GRADIENTS) - 1:
            scheduler.step()
    return {"cycled": name, "arguments": arguments, "cycle": cycle, "rates": rates, "momenta": momenta, "parameters": PARAMETERS,
            "gradients": GRADIENTS, "after": after}


MORE_SCHEDULES = [
    ("CosineAnnealingWarmRestarts", dict(T_0=6)), ("CosineAnnealingWarmRestarts", dict(T_0=3, T_mult=2, eta_min=0.001)),
    ("CosineAnnealingLR", dict(T_max=7, eta_min=0.005)), ("PolynomialLR", dict(total_iters=25)), ("PolynomialLR", dict(total_iters=12, power=0.5)),
    ("LinearLR", dict()),
]


def clipped(clips, gradients):
    for name, arguments in clips:
        parameters = [nn.Parameter(torch.zeros(len(g))) for g in gradients]
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = torch.tensor(gradient)
        getattr(nn.utils, name)(parameters, **arguments)
        yield {"clipping": name, "arguments": arguments, "gradients": gradients, "clipped": [digits(p.grad) for p in parameters]}


def rates(schedule, steps=20, lr=0.1):
    """The learning rate that each step is taken with."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler, result = schedule(optimizer), []
    for step in range(steps):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < steps - 1:
            scheduler.step()
    return {"lr": lr, "rates": [float(rate) for rate in result]}


# Initialisers


class Recorder:
    """Notes from which distribution a tensor is filled last, in place of filling it."""

    def __init__(self):
        self.seen, self.kept = {}, []

    def __enter__(self):
        self.replace(torch.Tensor, "uniform_", lambda low=0.0, high=1.0: dict(kind="uniform", low=low, high=high))
        self.replace(torch.Tensor, "normal_", lambda mean=0.0, std=1.0: dict(kind="normal", mean=mean, std=std))
        self.replace(torch.Tensor, "fill_", lambda value: dict(kind="constant", value=value))
        self.replace(torch.Tensor, "zero_", lambda: dict(kind="constant", value=0.0))
        self.replace(nn.init, "_no_grad_trunc_normal_",
                     lambda mean, std, low, high: dict(kind="truncatedNormal", mean=mean, std=std, low=low, high=high))
        self.replace(nn.init, "orthogonal_", lambda gain=1.0: dict(kind="orthogonal", gain=gain))
        return self

    def __exit__(self, *_):
        for owner, name, function in self.kept:
            setattr(owner, name, function)

    def replace(self, owner, name, distribution):
        def note(tensor, *arguments, **more):
            found = distribution(*arguments, **more)
            self.seen[self.place(tensor)] = {k: v if k == "kind" else float(f"{v:.10g}") for k, v in found.items()}
            return tensor

        self.kept.append((owner, name, getattr(owner, name)))
        setattr(owner, name, note)

    def of(self, tensor):
        return self.seen[self.place(tensor)]

    @staticmethod
    def place(tensor):
        return tensor.data_ptr(), tuple(tensor.shape)


INITIALIZERS = [
    ("uniform_", [4, 5], {}), ("uniform_", [4, 5], dict(a=-0.5, b=0.25)), ("normal_", [4, 5], {}), ("normal_", [4, 5], dict(mean=0.5, std=0.02)),
    ("trunc_normal_", [4, 5], {}), ("trunc_normal_", [4, 5], dict(mean=0.0, std=0.02, a=-0.04, b=0.04)), ("constant_", [3], dict(val=0.25)),
    ("ones_", [3], {}), ("zeros_", [3], {}), ("xavier_uniform_", [20, 30], {}), ("xavier_uniform_", [8, 4, 3, 3], dict(gain=5 / 3)),
    ("xavier_normal_", [20, 30], {}), ("xavier_normal_", [8, 4, 3], dict(gain=math.sqrt(2))), ("kaiming_uniform_", [20, 30], {}),
    ("kaiming_uniform_", [8, 4, 3, 3], dict(a=math.sqrt(5))), ("kaiming_uniform_", [20, 30], dict(mode="fan_out", nonlinearity="relu")),
    ("kaiming_uniform_", [20, 30], dict(nonlinearity="linear")), ("kaiming_uniform_", [20, 30], dict(nonlinearity="tanh")),
    ("kaiming_normal_", [20, 30], {}), ("kaiming_normal_", [8, 4, 3, 3], dict(mode="fan_out", nonlinearity="relu")),
    ("kaiming_normal_", [20, 30], dict(a=0.2)), ("kaiming_normal_", [20, 30], dict(nonlinearity="selu")), ("orthogonal_", [6, 4], {}),
    ("orthogonal_", [4, 3, 2], dict(gain=math.sqrt(2))), ("eye_", [3, 4], {}), ("dirac_", [3, 2, 3], {}), ("dirac_", [4, 2, 3, 3], dict(groups=2)),
]

LAYERS = [
    ("Linear", dict(in_features=20, out_features=30)), ("Linear", dict(in_features=784, out_features=10)),
    ("Bilinear", dict(in1_features=9, in2_features=4, out_features=3)), ("Conv1d", dict(in_channels=4, out_channels=8, kernel_size=5)),
    ("Conv2d", dict(in_channels=3, out_channels=16, kernel_size=3)), ("Conv2d", dict(in_channels=8, out_channels=16, kernel_size=[3, 5], groups=4)),
    ("Conv3d", dict(in_channels=2, out_channels=4, kernel_size=3)), ("ConvTranspose1d", dict(in_channels=4, out_channels=8, kernel_size=5)),
    ("ConvTranspose2d", dict(in_channels=16, out_channels=6, kernel_size=3, groups=2)),
    ("ConvTranspose3d", dict(in_channels=2, out_channels=4, kernel_size=2)), ("BatchNorm1d", dict(num_features=4)),
    ("BatchNorm2d", dict(num_features=4)), ("BatchNorm3d", dict(num_features=4)), ("LayerNorm", dict(normalized_shape=[6])),
    ("GroupNorm", dict(num_groups=2, num_channels=4)), ("InstanceNorm2d", dict(num_features=4, affine=True)),
    ("Embedding", dict(num_embeddings=10, embedding_dim=4)), ("PReLU", dict(num_parameters=3)), ("RNN", dict(input_size=3, hidden_size=16)),
    ("GRU", dict(input_size=3, hidden_size=16, num_layers=2, bidirectional=True)), ("LSTM", dict(input_size=3, hidden_size=25)),
    ("MultiheadAttention", dict(embed_dim=12, num_heads=3)), ("MultiheadAttention", dict(embed_dim=12, num_heads=3, kdim=6, vdim=8)),
    ("TransformerEncoderLayer", dict(d_model=8, nhead=2, dim_feedforward=32)),
]

GAINS = [(name, {}) for name in ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]] + [("leaky_relu", dict(param=0.2))]


def initializer_cases():
    for name, shape, arguments in INITIALIZERS:
        tensor = torch.empty(shape)
        if name in ["eye_", "dirac_"]:
            distribution = {"kind": "values", "values": digits(getattr(nn.init, name)(tensor, **arguments))}
        else:
            with Recorder() as recorder:
                getattr(nn.init, name)(tensor, **arguments)
            distribution = recorder.of(tensor)
        yield {"initializer": name, "arguments": arguments, "shape": shape, "distribution": distribution}
    for name, arguments in LAYERS:
        with Recorder() as recorder:
            layer = getattr(nn, name)(**arguments)
        parameters = [{"name": k, "shape": list(p.shape), "distribution": recorder.of(p)} for k, p in layer.named_parameters()]
        yield {"layer": name, "arguments": arguments, "parameters": parameters}
    for name, arguments in GAINS:
        yield {"gain": name, "arguments": arguments, "value": digits(torch.tensor(nn.init.calculate_gain(name, **arguments)))[0]}


def main():
    os.makedirs(FIXTURES, exist_ok=True)
    for group in [arithmetic, reductions, bent_functions, smooth_functions, structure, windows, normalizations, networks, losses, modules]:
        group()
    write("function-gradients.json", FUNCTIONS)
    write("module-steps.json", MODULES)
    write("optimizer-steps.json", list(optimizer_cases()))
    write("initializers.json", list(initializer_cases()))
    print(len({c["function"] for c in FUNCTIONS}), "functions")


if __name__ == "__main__":
    main()
