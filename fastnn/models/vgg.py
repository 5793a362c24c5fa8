"""VGG: 3x3 convolutions in stages, each of half the size of the one before.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastnn import nn
from fastnn.autograd.tensor import Tensor

# Convolutions in the five stages of 64, 128, 256, 512 and 512 channels.
_STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_CHANNELS = (64, 128, 256, 512, 512)


def stages(
    in_channels: int, channels: Iterable[int], depths: Iterable[int], batch_norm: bool
) -> nn.Sequential:
    """For each stage its convolutions of 3x3, each with ReLU and perhaps batch norm, then 2x2 pooling."""
    layers: list[nn.Module] = []
    for width, depth in zip(channels, depths, strict=True):
        for _ in range(depth):
            layers.append(nn.Conv2d(in_channels, width, 3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU())
            in_channels = width
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers)


def _initialise(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
            nn.init.zeros_(module.bias)


class VGG(nn.Module):
    """Five stages of convolutions and three linear layers.

    Parameters
    ----------
    features : the stages, with 512 channels at their end; see `stages`.
    num_classes : logits per image.
    init_weights : False leaves the layers' own initial values.
    dropout : probability behind the first two linear layers.
    """

    def __init__(
        self, features: nn.Module, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5
    ) -> None:
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )
        if init_weights:
            _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, num_classes] of images [n, 3, h, w], h and w at least 32."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _vgg(depth: int, batch_norm: bool, num_classes: int, dropout: float) -> VGG:
    features = stages(3, _CHANNELS, _STAGES[depth], batch_norm)
    return VGG(features, num_classes, dropout=dropout)


def vgg11(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """`VGG` with 8 convolutions: 132,863,336 parameters."""
    return _vgg(11, False, num_classes, dropout)


def vgg13(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """`VGG` with 10 convolutions: 133,047,848 parameters."""
    return _vgg(13, False, num_classes, dropout)


def vgg16(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """`VGG` with 13 convolutions: 138,357,544 parameters."""
    return _vgg(16, False, num_classes, dropout)


def vgg19(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """`VGG` with 16 convolutions: 143,667,240 parameters."""
    return _vgg(19, False, num_classes, dropout)


def vgg11_bn(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """`vgg11` with batch norm behind each convolution."""
    return _vgg(11, True, num_classes, dropout)


def vgg13_bn(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """`vgg13` with batch norm behind each convolution."""
    return _vgg(13, True, num_classes, dropout)


def vgg16_bn(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """`vgg16` with batch norm behind each convolution."""
    return _vgg(16, True, num_classes, dropout)


def vgg19_bn(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """`vgg19` with batch norm behind each convolution."""
    return _vgg(19, True, num_classes, dropout)


class SmallVGG(nn.Module):
    """VGG for images of 32x32: stages of two convolutions with batch norm, then two linear layers.

    Parameters
    ----------
    num_classes : logits per image.
    in_channels : of the images.
    channels : of the stages; each halves the image.
    image_size : height and width of the images; the linear layers depend on it.
    hidden : units of the first linear layer.
    dropout : probability in front of the last linear layer.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import models
    >>> models.small_vgg().eval()(np.zeros((2, 3, 32, 32), dtype=np.float32)).shape
    (2, 10)
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 3,
        channels: Sequence[int] = (32, 64, 128),
        image_size: int = 32,
        hidden: int = 256,
        dropout: float = 0.5,
    ) -> None:
        side = image_size >> len(channels)
        if side < 1:
            raise ValueError(f"SmallVGG: image_size {image_size} is too small for {len(channels)} stages")
        self.features = stages(in_channels, channels, [2] * len(channels), True)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels[-1] * side * side, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, num_classes),
        )
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, num_classes] of images [n, in_channels, image_size, image_size]."""
        return self.classifier(self.features(x))


def small_vgg(num_classes: int = 10, dropout: float = 0.5) -> SmallVGG:
    """`SmallVGG` with 32, 64 and 128 channels: 815,018 parameters for 10 classes."""
    return SmallVGG(num_classes, dropout=dropout)
