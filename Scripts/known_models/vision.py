"""torchvision's networks, with weights from a seed, at small inputs where they allow it.

Detectors aren't here: how many boxes they give depends on the picture, and what is secret can't decide a shape.
"""
import torch

from . import torch_export
from .torch_export import torchvision

CLASSES = 10

# Extents of one input, and what the builder is told beside it. Others take 1x3x64x64.
SHAPES = {
    "inception_v3": (1, 3, 96, 96),
    "r3d_18": (1, 3, 4, 32, 32),
    "mc3_18": (1, 3, 4, 32, 32),
    "r2plus1d_18": (1, 3, 4, 32, 32),
    "s3d": (1, 3, 16, 224, 224),
    "mvit_v1_b": (1, 3, 16, 224, 224),
    "swin3d_t": (1, 3, 4, 64, 64),
    "raft_small": (1, 3, 128, 128),
    "maxvit_t": (1, 3, 224, 224),
    "alexnet": (1, 3, 224, 224),
    "vgg11": (1, 3, 224, 224),
    "vgg11_bn": (1, 3, 224, 224),
}
OPTIONS = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": False},
    "vit_b_16": {"image_size": 64},
    "fcn_resnet50": {"weights_backbone": None},
    "deeplabv3_resnet50": {"weights_backbone": None},
    "deeplabv3_mobilenet_v3_large": {"weights_backbone": None},
    "lraspp_mobilenet_v3_large": {"weights_backbone": None},
}
WITHOUT_CLASSES = {"raft_small"}


class OfTwoPictures(torch.nn.Module):
    """Optical flow after two of its updates; the last estimate alone."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, first, second):
        return self.network(first, second, num_flow_updates=2)[-1]


def pictures(shape, generator):
    """Pictures that differ from one another: patches of colours and of light, some texture. Of noise alone, all look alike to a network."""
    count, colours, extents = shape[0], shape[1], shape[2:]
    coarse = torch.rand(count, colours, *[4 if extent >= 32 else 2 for extent in extents], generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=extents, mode="trilinear" if len(extents) == 3 else "bilinear")
    light = 0.3 + 0.7 * torch.rand(count, *[1] * (len(shape) - 1), generator=generator)
    return (smooth * light + 0.1 * torch.randn(shape, generator=generator)) * 2 - 1


def build(name, seed):
    torch.manual_seed(seed)
    torch.backends.mha.set_fastpath_enabled(False)  # one operator of torch alone, which no exporter knows
    options = dict(OPTIONS.get(name, {}))
    if name not in WITHOUT_CLASSES:
        options["num_classes"] = CLASSES
    network = torchvision.models.get_model(name, weights=None, **options).eval()
    torch_export.give_weights(network, seed)
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    shape = SHAPES.get(name, (1, 3, 64, 64))
    generator = torch.Generator().manual_seed(seed)
    make = lambda count: pictures((count, *shape[1:]), generator)
    if name.startswith("raft"):
        inputs = [make(1), make(1)]
        torch_export.settle(OfTwoPictures(network), *inputs)
        return OfTwoPictures(network).eval(), inputs, ["first", "second"]
    inputs = [make(1)]
    torch_export.settle(network, torch.cat([*inputs, make(7)]))
    return network, inputs, ["pictures"]


def export(tried, path, seed):
    """Writes the file; returns its inputs by name, and its results in double precision."""
    network, inputs, names = build(tried.model, seed)
    results = None if isinstance(network, OfTwoPictures) else torch_export.expected(network, inputs)  # its grids are float32
    free = {name: {0: "batch"} for name in names} if not isinstance(network, OfTwoPictures) else {}
    torch_export.export(network, inputs, names, tried.exporter, path, free)
    return {name: x.numpy() for name, x in zip(names, inputs)}, results
