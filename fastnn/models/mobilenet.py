"""MobileNetV2: depthwise convolutions between a wide and a narrow 1x1 convolution.

Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018.
"""

from __future__ import annotations

from fastnn import nn
from fastnn.autograd.tensor import Tensor

# Factor by which a block widens, channels of its result, blocks of this kind, stride of the first.
_SETTING = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip


def _divisible(channels: float, divisor: int) -> int:
    """The nearest multiple of `divisor` that loses at most a tenth."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def _conv_norm_relu6(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    padding = (kernel - 1) // 2
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU6(),
    )


class InvertedResidual(nn.Module):
    """1x1 convolution to more channels, 3x3 depthwise, 1x1 to fewer; x is added where the shapes are equal."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expand_ratio: int) -> None:
        hidden = in_channels * expand_ratio
        layers: list[nn.Module] = []
        if expand_ratio != 1:
            layers.append(_conv_norm_relu6(in_channels, hidden, 1))
        layers += [
            _conv_norm_relu6(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        ]
        self.conv = nn.Sequential(*layers)
        self.use_res_connect = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Result is [n, out_channels, h / stride, w / stride]."""
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(nn.Module):
    """A 3x3 convolution, 17 blocks, a 1x1 convolution, the mean over positions, a linear layer.

    Parameters
    ----------
    num_classes : logits per image.
    width_mult : factor on the channels of all layers; the last convolution has at least 1280.
    round_nearest : channels are multiples of this.
    dropout : probability in front of the linear layer.
    """

    def __init__(
        self, num_classes: int = 1000, width_mult: float = 1.0, round_nearest: int = 8, dropout: float = 0.2
    ) -> None:
        channels = _divisible(32 * width_mult, round_nearest)
        last = _divisible(1280 * max(1.0, width_mult), round_nearest)
        features: list[nn.Module] = [_conv_norm_relu6(3, channels, 3, stride=2)]
        for ratio, width, depth, stride in _SETTING:
            out = _divisible(width * width_mult, round_nearest)
            for i in range(depth):
                features.append(InvertedResidual(channels, out, stride if i == 0 else 1, ratio))
                channels = out
        features.append(_conv_norm_relu6(channels, last, 1))
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, num_classes] of images [n, 3, h, w]."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def mobilenet_v2(num_classes: int = 1000, width_mult: float = 1.0, dropout: float = 0.2) -> MobileNetV2:
    """`MobileNetV2`: 3,504,872 parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import models
    >>> models.mobilenet_v2(5).eval()(np.zeros((1, 3, 32, 32), dtype=np.float32)).shape
    (1, 5)
    """
    return MobileNetV2(num_classes, width_mult, dropout=dropout)
