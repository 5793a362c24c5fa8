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
from fastnn.autograd.activation import (
    elu,
    gelu,
    hardsigmoid,
    hardswish,
    leaky_relu,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from fastnn.autograd.arithmetic import add, div, mul, neg, pow, sub
from fastnn.autograd.arithmetic import compare as compare
from fastnn.autograd.conv import conv1d, conv2d, conv3d
from fastnn.autograd.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from fastnn.autograd.dropout import dropout
from fastnn.autograd.elementwise import abs, clip, exp, log, sqrt
from fastnn.autograd.embedding import embedding
from fastnn.autograd.im2col import col2im, im2col
from fastnn.autograd.inplace import copy_ as copy_
from fastnn.autograd.inplace import replace as replace
from fastnn.autograd.inplace import set_item as set_item
from fastnn.autograd.interpolate import interpolate
from fastnn.autograd.linear import linear, matmul
from fastnn.autograd.loss import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from fastnn.autograd.norm import batch_norm, group_norm, instance_norm, layer_norm, local_response_norm
from fastnn.autograd.pad import pad
from fastnn.autograd.pool import avg_pool2d, max_pool2d
from fastnn.autograd.reduction import amax, amin, argmax, mean, sum
from fastnn.autograd.roi import roi_align, roi_pool
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
    "Tensor", "abs", "add", "amax", "amin", "argmax", "avg_pool2d", "batch_norm",
    "binary_cross_entropy_with_logits", "cat", "clip", "clone", "col2im", "conv1d", "conv2d",
    "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cross_entropy", "div",
    "dropout", "elu", "embedding", "enable_grad", "exp", "flatten", "gelu", "group_norm",
    "hardsigmoid", "hardswish", "im2col", "instance_norm", "interpolate", "is_grad_enabled",
    "layer_norm", "leaky_relu", "linear", "local_response_norm", "log", "log_softmax", "matmul",
    "max_pool2d", "mean", "mish", "mse_loss", "mul", "neg", "nll_loss", "no_grad", "pad", "permute",
    "pow", "relu", "relu6", "reshape", "roi_align", "roi_pool", "selu", "sigmoid", "silu",
    "smooth_l1_loss", "softmax", "softplus", "sqrt", "squeeze", "stack", "sub", "sum", "tanh",
    "transpose", "unsqueeze",
]  # fmt: skip
