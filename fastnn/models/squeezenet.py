"""SqueezeNet: few parameters, through 1x1 convolutions in front of wider ones.

Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and
<0.5MB model size", 2016.
"""

from __future__ import annotations

import fastnn.autograd as F
from fastnn import nn
from fastnn.autograd.tensor import Tensor

# None is a pooling layer; a triple the squeezed, 1x1 and 3x3 channels of a Fire module.
_POOL = None
_16, _32 = (16, 64, 64), (32, 128, 128)
_48, _64 = (48, 192, 192), (64, 256, 256)
_VERSIONS: dict[str, tuple[int, int, list[tuple[int, int, int] | None]]] = {
    "1_0": (7, 96, [_POOL, _16, _16, _32, _POOL, _32, _48, _48, _64, _POOL, _64]),
    "1_1": (3, 64, [_POOL, _16, _16, _POOL, _32, _32, _POOL, _48, _48, _64, _64]),
}


class Fire(nn.Module):
    """A 1x1 convolution, then one of 1x1 and one of 3x3 side by side, all with ReLU."""

    def __init__(self, in_channels: int, squeezed: int, expand1x1: int, expand3x3: int) -> None:
        self.squeeze = nn.Conv2d(in_channels, squeezed, 1)
        self.squeeze_activation = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeezed, expand1x1, 1)
        self.expand1x1_activation = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeezed, expand3x3, 3, padding=1)
        self.expand3x3_activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Result has expand1x1 + expand3x3 channels."""
        x = self.squeeze_activation(self.squeeze(x))
        narrow = self.expand1x1_activation(self.expand1x1(x))
        return F.cat([narrow, self.expand3x3_activation(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """A convolution, eight `Fire` modules with pooling between, a 1x1 convolution whose mean over positions counts.

    Parameters
    ----------
    version : "1_0" or "1_1".
    num_classes : logits per image.
    dropout : probability in front of the last convolution.
    """

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        if version not in _VERSIONS:
            raise ValueError(f"SqueezeNet: version must be {' or '.join(_VERSIONS)}, is {version!r}")
        kernel, channels, plan = _VERSIONS[version]
        layers: list[nn.Module] = [nn.Conv2d(3, channels, kernel, stride=2), nn.ReLU()]
        for step in plan:
            if step is None:
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            else:
                layers.append(Fire(channels, *step))
                channels = step[1] + step[2]
        self.features = nn.Sequential(*layers)
        final = nn.Conv2d(channels, num_classes, 1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), final, nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                if module is final:
                    nn.init.normal_(module.weight, 0, 0.01)
                else:
                    nn.init.kaiming_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, num_classes] of images [n, 3, h, w]."""
        return self.classifier(self.features(x)).flatten(1)


def squeezenet1_0(num_classes: int = 1000, dropout: float = 0.5) -> SqueezeNet:
    """`SqueezeNet` of the paper: 1,248,424 parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import models
    >>> models.squeezenet1_0(5).eval()(np.zeros((1, 3, 48, 48), dtype=np.float32)).shape
    (1, 5)
    """
    return SqueezeNet("1_0", num_classes, dropout)


def squeezenet1_1(num_classes: int = 1000, dropout: float = 0.5) -> SqueezeNet:
    """`SqueezeNet` that pools earlier, at 2.4 times less work: 1,235,496 parameters."""
    return SqueezeNet("1_1", num_classes, dropout)
