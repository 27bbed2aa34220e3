"""Writes what torchvision, torchaudio and PyTorch make of ready networks, to Tests/CrypTenTests/Fixtures.

    pip install torch==2.0.1 torchvision==0.15.2 torchaudio==2.0.2 "numpy<2" && python3 Scripts/make_model_shapes.py

    model-shapes.json  names and shapes of the state of networks
    model-values.json  scores that small ones give in evaluation, in double precision

The values of a small network's tensors follow from their names, and those of its input from the name "input": element i of a tensor starts as
u = sin(1 + 0.7 * (sum of the name's bytes) + 1.3 * i). See `fill` for what becomes of it.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F
import torchaudio
import torchvision
from torchvision.models.mobilenetv2 import MobileNetV2
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.models.vision_transformer import VisionTransformer

MODELS = {
    "alexnet": lambda: torchvision.models.alexnet(),
    "vgg16": lambda: torchvision.models.vgg16(),
    "vgg16_bn": lambda: torchvision.models.vgg16_bn(),
    "resnet18": lambda: torchvision.models.resnet18(),
    "resnet34": lambda: torchvision.models.resnet34(),
    "resnet50": lambda: torchvision.models.resnet50(),
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(),
    "vit_b_16": lambda: torchvision.models.vit_b_16(),
    "wav2letter_waveform": lambda: torchaudio.models.Wav2Letter(num_classes=40, input_type="waveform"),
    "wav2letter_mfcc": lambda: torchaudio.models.Wav2Letter(num_classes=40, input_type="mfcc", num_features=13),
}


def state(model):
    return {
        "count": sum(p.numel() for p in model.parameters()),
        "state": [[name, list(tensor.shape)] for name, tensor in model.state_dict().items()],
        "buffers": [name for name, _ in model.named_buffers()],
    }


def fill(name, shape):
    """A tensor's values by its name."""
    count = math.prod(shape)
    start = 1 + 0.7 * sum(name.encode())
    u = torch.tensor([math.sin(start + 1.3 * i) for i in range(count)], dtype=torch.float64).reshape(shape)
    if name.endswith("num_batches_tracked"):
        return torch.zeros((), dtype=torch.int64)
    if name.endswith("running_var"):
        return 1 + 0.5 * u
    if len(shape) >= 2:
        return u * math.sqrt(3 / math.prod(shape[1:]))
    return 1 + 0.25 * u if name.endswith("weight") else 0.1 * u


def scores(model, shape):
    model = model.double().eval()
    model.load_state_dict({name: fill(name, tuple(t.shape)) for name, t in model.state_dict().items()})
    x = fill("input", shape) * math.sqrt(math.prod(shape[1:]) / 3)
    with torch.no_grad():
        return {"input": list(shape), "shape": list(model(x).shape), "values": model(x).flatten().tolist()}


def bert(words, width, layers, heads, inner, ids):
    """BERT as Devlin and others describe it, with transformers' names."""
    def linear(name, x, to):
        return F.linear(x, fill(name + ".weight", (to, x.shape[-1])), fill(name + ".bias", (to,)))

    def norm(name, x):
        return F.layer_norm(x, (width,), fill(name + ".weight", (width,)), fill(name + ".bias", (width,)), 1e-12)

    def table(name, count):
        return fill(f"embeddings.{name}_embeddings.weight", (count, width))

    n, t = ids.shape
    x = norm("embeddings.LayerNorm", table("word", words)[ids] + table("position", 16)[:t] + table("token_type", 2)[0])
    for i in range(layers):
        p = f"encoder.layer.{i}."
        q, k, v = (linear(p + f"attention.self.{s}", x, width).reshape(n, t, heads, -1).transpose(1, 2)
                   for s in ("query", "key", "value"))
        a = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(width // heads), -1) @ v
        a = linear(p + "attention.output.dense", a.transpose(1, 2).reshape(n, t, width), width)
        x = norm(p + "attention.output.LayerNorm", x + a)
        h = linear(p + "output.dense", F.gelu(linear(p + "intermediate.dense", x, inner)), width)
        x = norm(p + "output.LayerNorm", x + h)
    return torch.tanh(linear("pooler.dense", x[:, 0], width))


def text_cnn(words, width, filters, classes, ids):
    """Kim's network."""
    x = fill("embedding.weight", (words, width))[ids].transpose(1, 2)
    parts = [F.relu(F.conv1d(x, fill(f"convs.{i}.weight", (filters, width, size)), fill(f"convs.{i}.bias", (filters,))))
             .amax(2) for i, size in enumerate((2, 3))]
    return F.linear(torch.cat(parts, 1), fill("fc.weight", (classes, 2 * filters)), fill("fc.bias", (classes,)))


def word_scores(function, *arguments):
    ids = torch.tensor([[(3 * i + 7 * n) % arguments[0] for i in range(6)] for n in range(2)])
    y = function(*arguments, ids)
    return {"input": list(ids.shape), "shape": list(y.shape), "values": y.flatten().tolist()}


VALUES = {
    "resnet_basic": lambda: scores(ResNet(BasicBlock, [1, 1, 1, 1], num_classes=5), (1, 3, 32, 32)),
    "resnet_bottleneck": lambda: scores(ResNet(Bottleneck, [1, 1, 1, 1], num_classes=5), (1, 3, 32, 32)),
    "mobilenet_v2": lambda: scores(MobileNetV2(num_classes=5), (1, 3, 32, 32)),
    "vit": lambda: scores(VisionTransformer(32, 8, 2, 2, 8, 16, num_classes=5), (2, 3, 32, 32)),
    "bert": lambda: word_scores(bert, 11, 8, 2, 2, 16),
    "text_cnn": lambda: word_scores(text_cnn, 11, 8, 4, 3),
}


def write(name, key, entries):
    path = pathlib.Path(__file__).parent.parent / "Tests/CrypTenTests/Fixtures" / name
    versions = {"torchvision": torchvision.__version__.split("+")[0], "torchaudio": torchaudio.__version__.split("+")[0]}
    lines = [f"{json.dumps(entry)}: {json.dumps(value(), separators=(',', ':'))}" for entry, value in entries.items()]
    path.write_text('{"versions": ' + json.dumps(versions) + f',\n"{key}": {{\n' + ",\n".join(lines) + "\n}}\n")


def main():
    write("model-shapes.json", "models", {name: lambda make=make: state(make()) for name, make in MODELS.items()})
    write("model-values.json", "networks", VALUES)


if __name__ == "__main__":
    main()
