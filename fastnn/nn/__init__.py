"""Layers: objects with parameters. The maths of each is one call into `fastnn.autograd` (or, packed,
`fastnn.ops`).

Constructor signatures, default initialisation and state-dict keys are PyTorch's. A layer takes tensors or
plain arrays. In ``eval()`` under ``no_grad()`` layers with weights run from a packed copy of them, made again
when they change.
"""

from fastnn.nn import init
from fastnn.nn.activation import ReLU
from fastnn.nn.container import ModuleList, Sequential
from fastnn.nn.conv import Conv1d, Conv2d, Conv3d
from fastnn.nn.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from fastnn.nn.linear import Linear
from fastnn.nn.loss import CrossEntropyLoss
from fastnn.nn.module import Module
from fastnn.nn.parameter import Buffer, Parameter
from fastnn.nn.pool import AvgPool2d, MaxPool2d
from fastnn.nn.shape import Flatten

__all__ = [
    "AvgPool2d",
    "Buffer",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "CrossEntropyLoss",
    "Flatten",
    "Linear",
    "MaxPool2d",
    "Module",
    "ModuleList",
    "Parameter",
    "ReLU",
    "Sequential",
    "init",
]
