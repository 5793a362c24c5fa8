"""What torchvision's networks are: run as a script, with torchvision installed, it writes torchvision.json."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("torchvision.json")
NETWORKS = [
    "alexnet", "vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn", "resnet18",
    "resnet34", "resnet50", "resnet101", "resnet152", "squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "densenet121",
]  # fmt: skip
WITH_LOGITS = ["resnet18", "squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "densenet121"]


def digest(shapes):
    """Of names and shapes in their order."""
    text = "\n".join(f"{name} {tuple(shape)}" for name, shape in shapes)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def weights(shapes):
    """Values for a network of these (name, shape) that depend on nothing else."""
    rng, values = np.random.default_rng(5), {}
    for name, shape in shapes:
        noise = rng.standard_normal(shape, dtype=np.float32)
        if name.endswith("num_batches_tracked"):
            values[name] = np.zeros(shape, np.int64)
        elif len(shape) > 1:
            values[name] = noise * np.float32((2 / np.prod(shape[1:])) ** 0.5)
        elif name.endswith(("var", "weight")):
            values[name] = 1 + np.abs(noise) / 10
        else:
            values[name] = noise / 10
    return values


def images():
    return np.random.default_rng(6).standard_normal((1, 3, 64, 64), dtype=np.float32)


def main(models):
    import torch

    found = {}
    for name in NETWORKS:
        with torch.device("meta"):
            model = getattr(models, name)(init_weights=False) if name.startswith("vgg") else getattr(models, name)()
        shapes = [(key, tuple(value.shape)) for key, value in model.state_dict().items()]
        found[name] = {"entries": len(shapes), "digest": digest(shapes)}
        found[name]["parameters"] = sum(p.numel() for p in model.parameters())
        if name in WITH_LOGITS:
            model = getattr(models, name)().eval()
            model.load_state_dict({key: torch.from_numpy(np.asarray(v)) for key, v in weights(shapes).items()})
            with torch.no_grad():
                logits = model(torch.from_numpy(images()))[0, :5]
            found[name]["logits"] = [round(float(v), 6) for v in logits]
    FILE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main(__import__("torchvision").models))
