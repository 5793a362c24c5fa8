"""Automatic differentiation: `Tensor`, the tape, and the differentiable form of each op.

A `Tensor` holds an array (or a Blocked image) and, where gradients are wanted, a node of the tape::

    Tensor.data --op--> Tensor.data          array -> array, one call into fastnn.ops
    Tensor._node <----- Tensor._node         closure: gradient of the result -> gradients of the inputs

Each function here computes with `fastnn.ops`, then hands the result and a `backward` closure to `record`. A
gradient has the kind of the tensor it belongs to: Blocked for a Blocked image, an array otherwise.
``backward()`` walks the nodes in falling order of creation and frees each as it passes, see `_tape.py`.
Modules have the stems of `fastnn.ops`; what is pure NumPy lies in arithmetic, elementwise, shape, reduction
and inplace.
"""

# `X as X` marks what only the operators of `Tensor` call.
from fastnn.autograd._tape import enable_grad, is_grad_enabled, no_grad
from fastnn.autograd.activation import log_softmax, relu, softmax
from fastnn.autograd.arithmetic import add, div, mul, neg, pow, sub
from fastnn.autograd.arithmetic import compare as compare
from fastnn.autograd.conv import conv1d, conv2d, conv3d
from fastnn.autograd.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from fastnn.autograd.elementwise import abs, clip, exp, log, sigmoid, sqrt, tanh
from fastnn.autograd.im2col import col2im, im2col
from fastnn.autograd.inplace import copy_ as copy_
from fastnn.autograd.inplace import replace as replace
from fastnn.autograd.inplace import set_item as set_item
from fastnn.autograd.linear import linear, matmul
from fastnn.autograd.loss import cross_entropy
from fastnn.autograd.pad import pad
from fastnn.autograd.pool import avg_pool2d, max_pool2d
from fastnn.autograd.reduction import amax, amin, argmax, mean, sum
from fastnn.autograd.rnn import gru, gru_cell, lstm, lstm_cell, rnn, rnn_cell
from fastnn.autograd.shape import (
    cat,
    clone,
    flatten,
    permute,
    reshape,
    squeeze,
    stack,
    transpose,
    unsqueeze,
)
from fastnn.autograd.shape import get_item as get_item
from fastnn.autograd.tensor import Tensor

__all__ = [
    "Tensor", "abs", "add", "amax", "amin", "argmax", "avg_pool2d", "cat", "clip", "clone", "col2im", "conv1d",
    "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cross_entropy", "div",
    "enable_grad", "exp", "flatten", "gru", "gru_cell", "im2col", "is_grad_enabled", "linear", "log",
    "log_softmax", "lstm", "lstm_cell", "matmul", "max_pool2d", "mean", "mul", "neg", "no_grad", "pad",
    "permute", "pow", "relu", "reshape", "rnn", "rnn_cell", "sigmoid", "softmax", "sqrt", "squeeze", "stack",
    "sub", "sum", "tanh", "transpose", "unsqueeze",
]  # fmt: skip
