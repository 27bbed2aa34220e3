"""What networks of torch have in common: weights that tell, both exporters, and what they give in double precision."""
import contextlib
import io
import warnings

import numpy as np
import torch

try:
    import torchvision
except RuntimeError:
    # Its compiled part is made for one build of torch. Detectors alone need it, but `transformers` isn't imported without it either.
    LIBRARY = torch.library.Library("torchvision", "DEF")
    LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401


def give_weights(network, seed):
    """Makes weights that tell: whatever starts as all zeros or all ones, biases, scales, tokens, differs from it afterwards."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.numel() > 1 and bool((parameter == parameter.flatten()[0]).all()):
                first = float(parameter.flatten()[0])
                noise = torch.randn(parameter.shape, generator=generator)
                # Factors of branches start next to zero in some networks, which would leave the branches out.
                parameter.copy_(noise * 0.1 + (first if abs(first) > 0.01 or first == 0 else 0.5))


def settle(network, *batch):
    """Sets the statistics of batch normalisations to those of one batch, so that numbers keep their size through the network."""
    norms = [m for m in network.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    if norms:
        network.eval()
        for norm in norms:
            norm.train()
            norm.momentum = 1.0
        with torch.no_grad():
            network(*batch)
    network.eval()


def as_arrays(result):
    """A network's results, whichever way it gives them, in order."""
    if isinstance(result, torch.Tensor):
        return [result.detach().numpy()]
    parts = result.values() if hasattr(result, "values") else result
    return [array for part in parts for array in as_arrays(part)]


def expected(network, inputs):
    """Results in double precision."""
    double = [x.double() if x.is_floating_point() else x for x in inputs]
    network = network.double()
    try:
        with torch.no_grad():
            return [x.astype(np.float64) if x.dtype.kind == "f" else x for x in as_arrays(network(*double))]
    finally:
        network.float()


def export(network, inputs, names, exporter, path, free=()):
    """Writes the file: `script` with extents that stay open, those of the axes `free`, {input: {axis: name}}; `dynamo` for the inputs' shapes."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        if exporter == "script":
            torch.onnx.export(network, tuple(inputs), path, input_names=names, dynamic_axes=dict(free), dynamo=False)
        else:
            torch.onnx.export(network, tuple(inputs), path, input_names=names, dynamo=True, verbose=False)
