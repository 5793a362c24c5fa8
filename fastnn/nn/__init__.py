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
from fastnn.nn.fold import Fold, Unfold
from fastnn.nn.linear import Linear
from fastnn.nn.loss import CrossEntropyLoss
from fastnn.nn.module import Module
from fastnn.nn.padding import (
    CircularPad1d,
    CircularPad2d,
    CircularPad3d,
    ConstantPad1d,
    ConstantPad2d,
    ConstantPad3d,
    ReflectionPad1d,
    ReflectionPad2d,
    ReflectionPad3d,
    ReplicationPad1d,
    ReplicationPad2d,
    ReplicationPad3d,
    ZeroPad1d,
    ZeroPad2d,
    ZeroPad3d,
)
from fastnn.nn.parameter import Buffer, Parameter
from fastnn.nn.pool import AvgPool2d, MaxPool2d
from fastnn.nn.rnn import GRU, LSTM, RNN
from fastnn.nn.rnn_cell import GRUCell, LSTMCell, RNNCell
from fastnn.nn.shape import Flatten

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AvgPool2d",
    "Buffer",
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "CrossEntropyLoss",
    "Flatten",
    "Fold",
    "GRUCell",
    "LSTMCell",
    "Linear",
    "MaxPool2d",
    "Module",
    "ModuleList",
    "Parameter",
    "RNNCell",
    "ReLU",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "Sequential",
    "Unfold",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
    "init",
]
