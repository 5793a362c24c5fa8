"""The networks of the training steps, each written once for fastnn and PyTorch, whose layers have the same names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

# Relative error of losses and gradients against float64: where rounding decides a ReLU or a maximum the other way, a
# gradient changes by its whole share. PyTorch 2.13 comes to 5e-3 on ResNet-18, fastnn to 6e-3.
LIMIT = 2e-2
STEPS = 3  # steps whose losses are checked: those after the first depend on the optimiser
CHARACTERS, HIDDEN = 65, 256

Conv = tuple[int, int, int, int]  # channels in and out, kernel, size of the result


@dataclass(frozen=True)
class StepCase:
    """A step of SGD with momentum on a network: gradients to zero, forward, cross-entropy, backward, update."""

    name: str
    batch: int
    lr: float = 0.001
    momentum: float = 0.9

    kind = "train"
    count = 1

    @property
    def shape(self) -> str:
        return f"N={self.batch} {NETWORKS[self.name].shape}"

    @property
    def macs(self) -> int:
        """Multiply-adds of a step: forward, and twice that backward."""
        return 3 * self.batch * NETWORKS[self.name].macs

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the input and one label for each row of scores."""
        rng, network = np.random.default_rng(31), NETWORKS[self.name]
        if not network.image:
            x = rng.integers(0, CHARACTERS, (network.steps, self.batch))
            return x, rng.integers(0, CHARACTERS, x.size)
        x = rng.standard_normal((self.batch, *network.image), dtype=np.float32)
        return x, rng.integers(0, network.classes, self.batch)

    def build(self, nn: ModuleType) -> Any:
        """Return the network in `fastnn.nn` or `torch.nn`."""
        return NETWORKS[self.name].build(nn)

    def state(self, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
        """Return the same weights for every library, by the names in a state dict."""
        rng = np.random.default_rng(32)
        return {name: _initial(rng, name, shapes[name]) for name in sorted(shapes)}


def _initial(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if len(shape) > 1:
        return (rng.standard_normal(shape) * math.sqrt(2 / math.prod(shape[1:]))).astype(np.float32)
    middle = 1.0 if name.endswith(("running_var", "weight")) else 0.0
    width = 0.0 if "running" in name else 0.1
    return (middle + width * rng.standard_normal(shape)).astype(np.float32)


@dataclass(frozen=True)
class Network:
    """What one of them takes and costs; ``steps`` is a sequence's length where it takes no image."""

    build: Any
    shape: str
    batch: int
    macs: int
    image: tuple[int, ...] = ()
    classes: int = 10
    steps: int = 0


def lenet(nn: ModuleType) -> Any:
    """LeNet-5 with ReLU and max pooling, 28x28 padded to 32x32."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def vgg(nn: ModuleType) -> Any:
    """Three pairs of 3x3 convolutions with batch norm, 64 to 256 channels, and a linear layer."""
    layers, c = [], 3
    for oc in (64, 128, 256):
        for _ in range(2):
            layers += [nn.Conv2d(c, oc, 3, padding=1, bias=False), nn.BatchNorm2d(oc), nn.ReLU()]
            c = oc
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(c * 16, 10))


def resnet18(nn: ModuleType) -> Any:
    """The ResNet of 18 layers for 1000 classes."""

    class Block(nn.Module):
        def __init__(self, c: int, oc: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(c, oc, 3, stride=stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(oc)
            self.relu = nn.ReLU()
            self.conv2 = nn.Conv2d(oc, oc, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(oc)
            self.downsample = None
            if stride > 1:
                self.downsample = nn.Sequential(nn.Conv2d(c, oc, 1, stride=stride, bias=False), nn.BatchNorm2d(oc))

        def forward(self, x: Any) -> Any:
            y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            return self.relu(y + (x if self.downsample is None else self.downsample(x)))

    layers, c = [nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(64), nn.ReLU()], 64
    layers.append(nn.MaxPool2d(3, stride=2, padding=1))
    for oc in (64, 128, 256, 512):
        layers += [Block(c, oc, oc // c), Block(oc, oc, 1)]
        c = oc
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def char_lstm(nn: ModuleType) -> Any:
    """Two LSTM layers of 256 over characters; scores for the next at every step."""

    class CharLSTM(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(CHARACTERS, HIDDEN)
            self.lstm = nn.LSTM(HIDDEN, HIDDEN, 2)
            self.linear = nn.Linear(HIDDEN, CHARACTERS)

        def forward(self, x: Any) -> Any:
            return self.linear(self.lstm(self.embedding(x))[0].reshape(-1, HIDDEN))

    return CharLSTM()


def _macs(*layers: Conv) -> int:
    return sum(c * oc * kernel**2 * size**2 for c, oc, kernel, size in layers)


def _block_macs(oc: int, size: int) -> int:
    """Two blocks of ResNet-18; the first halves the image and doubles the channels but at 64."""
    if oc == 64:
        return _macs(*[(oc, oc, 3, size)] * 4)
    return _macs((oc // 2, oc, 3, size), (oc // 2, oc, 1, size), *[(oc, oc, 3, size)] * 3)


_LENET = _macs((1, 6, 5, 28), (6, 16, 5, 10), (400, 120, 1, 1), (120, 84, 1, 1), (84, 10, 1, 1))
_VGG = _macs((3, 64, 3, 32), (64, 64, 3, 32), (64, 128, 3, 16), (128, 128, 3, 16), (128, 256, 3, 8), (256, 256, 3, 8))
_RESNET = _macs((3, 64, 7, 32), (512, 1000, 1, 1)) + sum(
    _block_macs(oc, size) for oc, size in ((64, 16), (128, 8), (256, 4), (512, 2))
)
_LSTM = 64 * (2 * 8 * HIDDEN**2 + HIDDEN * CHARACTERS)

NETWORKS = {
    "lenet": Network(lenet, "1x28x28 LeNet-5", 64, _LENET, (1, 28, 28)),
    "vgg": Network(vgg, "3x32x32 VGG 64-128-256 BN", 32, _VGG + 40960, (3, 32, 32)),
    "resnet18": Network(resnet18, "3x64x64 ResNet-18", 16, _RESNET, (3, 64, 64), classes=1000),
    "char_lstm": Network(char_lstm, "T=64 LSTM 2x256", 32, _LSTM, steps=64),
}


def exact_error(case: StepCase, losses: list[float], gradients: dict[str, np.ndarray], exact: dict[str, Any]) -> float:
    """Return the largest relative error of the losses and of any parameter's gradient in the first step.

    A gradient that is zero but for rounding, as a bias's before a batch norm, is held to a thousandth of the largest.
    """
    errors = [abs(found / right - 1) for found, right in zip(losses, exact["losses"], strict=True)]
    norms = {name: np.linalg.norm(exact[name]) for name in gradients}
    least = 1e-3 * max(norms.values())
    for name, gradient in gradients.items():
        errors.append(np.linalg.norm(gradient - exact[name]) / max(norms[name], least))
    return float(np.max(errors))
