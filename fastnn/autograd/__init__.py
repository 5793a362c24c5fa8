"""Automatic differentiation: `Tensor`, the tape, and the differentiable form of each op.

A `Tensor` holds an array (or a Blocked image) and, where gradients are wanted, a node of the tape::

    Tensor.data --op--> Tensor.data          array -> array, one call into fastnn.ops
    Tensor._node <----- Tensor._node         closure: gradient of the result -> gradients of the inputs

Each function here computes with `fastnn.ops`, then hands the result and a `backward` closure to `record`. A
gradient has the kind of the tensor it belongs to: Blocked for a Blocked image, an array otherwise.
``backward()`` walks the nodes in falling order of creation and frees each as it passes, see `_tape.py`.
Modules have the stems of `fastnn.ops`; what is pure NumPy lies in arithmetic, elementwise, shape, reduction,
statistics, selection, einsum and inplace. `grad` returns gradients, `gradcheck` checks them.
"""

# `X as X` marks what only the operators of `Tensor` call.
from fastnn.autograd._tape import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
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
from fastnn.autograd.adaptive_pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
)
from fastnn.autograd.arithmetic import add, div, mul, neg, pow, sub
from fastnn.autograd.arithmetic import compare as compare
from fastnn.autograd.avg_pool import avg_pool1d, avg_pool2d, avg_pool3d
from fastnn.autograd.conv import conv1d, conv2d, conv3d
from fastnn.autograd.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from fastnn.autograd.device import to as to
from fastnn.autograd.dropout import dropout
from fastnn.autograd.einsum import einsum
from fastnn.autograd.elementwise import abs, clip, cos, exp, expm1, log, log1p, sin, sqrt
from fastnn.autograd.elementwise import astype as astype
from fastnn.autograd.embedding import embedding
from fastnn.autograd.gradcheck import GradcheckError, gradcheck
from fastnn.autograd.gradient import grad
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
from fastnn.autograd.lp_pool import lp_pool1d, lp_pool2d, lp_pool3d
from fastnn.autograd.max_unpool import max_unpool1d, max_unpool2d, max_unpool3d
from fastnn.autograd.norm import batch_norm, group_norm, instance_norm, layer_norm, local_response_norm
from fastnn.autograd.pad import pad
from fastnn.autograd.pool import max_pool1d, max_pool2d, max_pool3d
from fastnn.autograd.reduction import amax, amin, argmax, mean, sum
from fastnn.autograd.rnn import gru, gru_cell, lstm, lstm_cell, rnn, rnn_cell
from fastnn.autograd.roi import roi_align, roi_pool
from fastnn.autograd.selection import (
    argmin,
    argsort,
    gather,
    masked_fill,
    max,
    maximum,
    min,
    minimum,
    topk,
    where,
)
from fastnn.autograd.shape import (
    cat,
    chunk,
    clone,
    expand,
    flatten,
    flip,
    permute,
    reshape,
    split,
    squeeze,
    stack,
    transpose,
    unsqueeze,
)
from fastnn.autograd.shape import get_item as get_item
from fastnn.autograd.statistics import cumsum, logsumexp, prod, std, var
from fastnn.autograd.tensor import Tensor

__all__ = [
    "GradcheckError", "Tensor", "abs", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "add", "amax", "amin", "argmax", "argmin",
    "argsort", "avg_pool1d", "avg_pool2d", "avg_pool3d", "batch_norm", "binary_cross_entropy_with_logits", "cat",
    "chunk", "clip", "clone", "col2im", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d", "cos", "cross_entropy", "cumsum", "div", "dropout", "einsum", "elu", "embedding",
    "enable_grad", "exp", "expand", "expm1", "flatten", "flip", "gather", "gelu", "grad", "gradcheck", "group_norm",
    "gru", "gru_cell", "hardsigmoid", "hardswish", "im2col", "inference_mode", "instance_norm", "interpolate",
    "is_grad_enabled", "layer_norm", "leaky_relu", "linear", "local_response_norm", "log", "log1p", "log_softmax",
    "logsumexp", "lp_pool1d", "lp_pool2d", "lp_pool3d", "lstm", "lstm_cell", "masked_fill", "matmul", "max",
    "max_pool1d", "max_pool2d", "max_pool3d", "max_unpool1d", "max_unpool2d", "max_unpool3d", "maximum", "mean",
    "min", "minimum", "mish", "mse_loss", "mul", "neg", "nll_loss", "no_grad", "pad", "permute", "pow", "prod",
    "relu", "relu6", "reshape", "rnn", "rnn_cell", "roi_align", "roi_pool", "selu", "set_grad_enabled", "sigmoid",
    "silu", "sin", "smooth_l1_loss", "softmax", "softplus", "split", "sqrt", "squeeze", "stack", "std", "sub", "sum",
    "tanh", "topk", "transpose", "unsqueeze", "var", "where",
]  # fmt: skip
