"""ResNet: blocks whose result is added to what went in.

He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015. As in torchvision a bottleneck that
halves the image does so in its 3x3 convolution.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastnn import nn
from fastnn.autograd.tensor import Tensor


def _conv3x3(in_channels: int, out_channels: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, groups=groups, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm beside a shortcut.

    Parameters
    ----------
    inplanes : channels of the input.
    planes : channels of both convolutions, and of the result.
    stride : of the first convolution.
    downsample : what brings the shortcut to the shape of the result, None where it has it.
    groups, base_width : only 1 and 64; for `Bottleneck`.
    """

    expansion = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
    ) -> None:
        if groups != 1 or base_width != 64:
            raise ValueError(
                f"BasicBlock: needs groups=1 and base_width=64, got {groups} and {base_width}"
            )
        self.conv1 = _conv3x3(inplanes, planes, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU()
        self.conv2 = _conv3x3(planes, planes)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """Result is [n, planes, h / stride, w / stride]."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """Convolutions of 1x1, 3x3 and 1x1 with batch norm beside a shortcut; the last has four times the channels.

    Parameters
    ----------
    inplanes, planes, stride, downsample : as for `BasicBlock`; the result has 4 * planes channels.
    groups, base_width : the 3x3 convolution has groups * (planes * base_width // 64) channels.
    """

    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
    ) -> None:
        width = planes * base_width // 64 * groups
        self.conv1 = nn.Conv2d(inplanes, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv3x3(width, width, stride, groups)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, planes * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.relu = nn.ReLU()
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """Result is [n, 4 * planes, h / stride, w / stride]."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """A 7x7 convolution and pooling, four stages of blocks, the mean over positions, a linear layer.

    Parameters
    ----------
    block : `BasicBlock` or `Bottleneck`.
    layers : blocks in each of the four stages.
    num_classes : logits per image.
    zero_init_residual : whether each block starts as its shortcut alone (the last norm's weight is 0).
    groups, width_per_group : of the 3x3 convolutions of bottlenecks.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import models
    >>> tiny = models.ResNet(models.BasicBlock, (1, 1, 1, 1), num_classes=7).eval()
    >>> tiny(np.zeros((2, 3, 32, 32), dtype=np.float32)).shape
    (2, 7)
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
    ) -> None:
        self.inplanes, self.groups, self.base_width = 64, groups, width_per_group
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self._stage(block, 64, layers[0], 1)
        self.layer2 = self._stage(block, 128, layers[1], 2)
        self.layer3 = self._stage(block, 256, layers[2], 2)
        self.layer4 = self._stage(block, 512, layers[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif zero_init_residual and isinstance(module, (BasicBlock, Bottleneck)):
                nn.init.zeros_((module.bn2 if isinstance(module, BasicBlock) else module.bn3).weight)

    def _stage(
        self, block: type[BasicBlock] | type[Bottleneck], planes: int, depth: int, stride: int
    ) -> nn.Sequential:
        """Blocks of which the first has the stride, and a convolution in its shortcut where the shape changes."""
        channels = planes * block.expansion
        blocks = []
        for i in range(depth):
            step = stride if i == 0 else 1
            shortcut = None
            if step != 1 or self.inplanes != channels:
                shortcut = nn.Sequential(
                    nn.Conv2d(self.inplanes, channels, 1, step, bias=False), nn.BatchNorm2d(channels)
                )
            blocks.append(block(self.inplanes, planes, step, shortcut, self.groups, self.base_width))
            self.inplanes = channels
        return nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, num_classes] of images [n, 3, h, w]."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def resnet18(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """`ResNet` of 8 basic blocks: 11,689,512 parameters."""
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes, zero_init_residual)


def resnet34(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """`ResNet` of 16 basic blocks: 21,797,672 parameters."""
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes, zero_init_residual)


def resnet50(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """`ResNet` of 16 bottlenecks: 25,557,032 parameters."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, zero_init_residual)


def resnet101(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """`ResNet` of 33 bottlenecks: 44,549,160 parameters."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes, zero_init_residual)


def resnet152(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """`ResNet` of 50 bottlenecks: 60,192,808 parameters."""
    return ResNet(Bottleneck, (3, 8, 36, 3), num_classes, zero_init_residual)
