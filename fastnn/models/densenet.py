"""DenseNet: every layer of a block reads the results of all layers before it.

Huang, Liu, van der Maaten and Weinberger, "Densely Connected Convolutional Networks", 2016.
"""

from __future__ import annotations

from collections.abc import Sequence

import fastnn.autograd as F
from fastnn import nn
from fastnn.autograd.tensor import Tensor


class DenseLayer(nn.Module):
    """Norm, ReLU and 1x1 convolution, then norm, ReLU and 3x3 convolution to `growth_rate` channels."""

    def __init__(self, in_channels: int, growth_rate: int, bn_size: int, drop_rate: float) -> None:
        hidden = bn_size * growth_rate
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(in_channels, hidden, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(hidden)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(hidden, growth_rate, 3, padding=1, bias=False)
        self.dropout = nn.Dropout(drop_rate) if drop_rate else None

    def forward(self, x: Tensor) -> Tensor:
        """Result is [n, growth_rate, h, w]."""
        y = self.conv1(self.relu1(self.norm1(x)))
        y = self.conv2(self.relu2(self.norm2(y)))
        return y if self.dropout is None else self.dropout(y)


class DenseBlock(nn.Module):
    """Layers of which each is given everything so far, joined along the channels."""

    def __init__(
        self, depth: int, in_channels: int, growth_rate: int, bn_size: int, drop_rate: float
    ) -> None:
        for i in range(depth):
            layer = DenseLayer(in_channels + i * growth_rate, growth_rate, bn_size, drop_rate)
            setattr(self, f"denselayer{i + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        """Result has depth * growth_rate channels more than x."""
        for layer in self.children():
            x = F.cat([x, layer(x)], 1)
        return x


def _transition(in_channels: int, out_channels: int) -> nn.Sequential:
    """Fewer channels, half the size."""
    return nn.Sequential(
        {
            "norm": nn.BatchNorm2d(in_channels),
            "relu": nn.ReLU(),
            "conv": nn.Conv2d(in_channels, out_channels, 1, bias=False),
            "pool": nn.AvgPool2d(2, 2),
        }
    )


class DenseNet(nn.Module):
    """A 7x7 convolution and pooling, dense blocks with transitions between, the mean over positions, a linear layer.

    Parameters
    ----------
    growth_rate : channels that each layer adds.
    block_config : layers in each block.
    num_init_features : channels of the first convolution.
    bn_size : the 1x1 convolutions have bn_size * growth_rate channels.
    drop_rate : probability of dropout behind each layer.
    num_classes : logits per image.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import models
    >>> tiny = models.DenseNet(8, (2, 2), 16, num_classes=5).eval()
    >>> tiny(np.zeros((1, 3, 32, 32), dtype=np.float32)).shape
    (1, 5)
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0.0,
        num_classes: int = 1000,
    ) -> None:
        channels = num_init_features
        features: dict[str, nn.Module] = {
            "conv0": nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False),
            "norm0": nn.BatchNorm2d(channels),
            "relu0": nn.ReLU(),
            "pool0": nn.MaxPool2d(3, stride=2, padding=1),
        }
        for i, depth in enumerate(block_config, 1):
            features[f"denseblock{i}"] = DenseBlock(depth, channels, growth_rate, bn_size, drop_rate)
            channels += depth * growth_rate
            if i < len(block_config):
                features[f"transition{i}"] = _transition(channels, channels // 2)
                channels //= 2
        features["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(features)
        self.relu = nn.ReLU()
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.classifier = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, num_classes] of images [n, 3, h, w]."""
        return self.classifier(self.avgpool(self.relu(self.features(x))).flatten(1))


def densenet121(num_classes: int = 1000, drop_rate: float = 0.0) -> DenseNet:
    """`DenseNet` of 58 layers in blocks of 6, 12, 24 and 16: 7,978,856 parameters."""
    return DenseNet(drop_rate=drop_rate, num_classes=num_classes)
