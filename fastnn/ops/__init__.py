"""Functions on arrays, with the names and defaults of `torch.nn.functional`.

Each function checks its arguments, computes the output shape (``_shapes.py``), calls one kernel of
`fastnn._kernels` and returns an array of the input's kind: NumPy for anything with the buffer protocol or DLPack,
`Blocked` for a `Blocked` image. Inputs are never modified. Gradients are called ``<op>_grad_<what>``.
"""

from fastnn.ops._blocked import Blocked, blocked
from fastnn.ops.activation import (
    flatten,
    log_softmax,
    log_softmax_grad_input,
    relu,
    relu_grad_input,
    softmax,
    softmax_grad_input,
)
from fastnn.ops.conv import conv1d, conv2d, conv3d
from fastnn.ops.conv_explain import explain
from fastnn.ops.conv_grad import (
    conv1d_grad_bias,
    conv1d_grad_input,
    conv1d_grad_weight,
    conv2d_grad_bias,
    conv2d_grad_input,
    conv2d_grad_weight,
    conv3d_grad_bias,
    conv3d_grad_input,
    conv3d_grad_weight,
)
from fastnn.ops.conv_matrix import conv_matrix
from fastnn.ops.conv_packed import PackedConv, pack_conv1d, pack_conv2d, pack_conv3d
from fastnn.ops.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from fastnn.ops.conv_transpose_grad import (
    conv_transpose1d_grad_bias,
    conv_transpose1d_grad_input,
    conv_transpose1d_grad_weight,
    conv_transpose2d_grad_bias,
    conv_transpose2d_grad_input,
    conv_transpose2d_grad_weight,
    conv_transpose3d_grad_bias,
    conv_transpose3d_grad_input,
    conv_transpose3d_grad_weight,
)
from fastnn.ops.conv_transpose_packed import pack_conv_transpose1d, pack_conv_transpose2d, pack_conv_transpose3d
from fastnn.ops.im2col import col2im, im2col
from fastnn.ops.linear import (
    PackedLinear,
    linear,
    linear_grad_bias,
    linear_grad_input,
    linear_grad_weight,
    matmul,
    pack_linear,
)
from fastnn.ops.loss import cross_entropy, cross_entropy_grad_input
from fastnn.ops.pad import pad, pad_grad_input
from fastnn.ops.pool import avg_pool2d, avg_pool2d_grad_input, max_pool2d, max_pool2d_grad_input
from fastnn.ops.precision import get_precision, set_precision
from fastnn.ops.rnn import gru, lstm, rnn
from fastnn.ops.rnn_cell import gru_cell, lstm_cell, rnn_cell
from fastnn.ops.rnn_grad import gru_forward, gru_grad, lstm_forward, lstm_grad, rnn_forward, rnn_grad
from fastnn.ops.rnn_packed import PackedRNN, RNNState, pack_gru, pack_lstm, pack_rnn

__all__ = [
    "Blocked",
    "PackedConv",
    "PackedLinear",
    "PackedRNN",
    "RNNState",
    "avg_pool2d",
    "avg_pool2d_grad_input",
    "blocked",
    "col2im",
    "conv1d",
    "conv1d_grad_bias",
    "conv1d_grad_input",
    "conv1d_grad_weight",
    "conv2d",
    "conv2d_grad_bias",
    "conv2d_grad_input",
    "conv2d_grad_weight",
    "conv3d",
    "conv3d_grad_bias",
    "conv3d_grad_input",
    "conv3d_grad_weight",
    "conv_matrix",
    "conv_transpose1d",
    "conv_transpose1d_grad_bias",
    "conv_transpose1d_grad_input",
    "conv_transpose1d_grad_weight",
    "conv_transpose2d",
    "conv_transpose2d_grad_bias",
    "conv_transpose2d_grad_input",
    "conv_transpose2d_grad_weight",
    "conv_transpose3d",
    "conv_transpose3d_grad_bias",
    "conv_transpose3d_grad_input",
    "conv_transpose3d_grad_weight",
    "cross_entropy",
    "cross_entropy_grad_input",
    "explain",
    "flatten",
    "get_precision",
    "gru",
    "gru_cell",
    "gru_forward",
    "gru_grad",
    "im2col",
    "linear",
    "linear_grad_bias",
    "linear_grad_input",
    "linear_grad_weight",
    "log_softmax",
    "log_softmax_grad_input",
    "lstm",
    "lstm_cell",
    "lstm_forward",
    "lstm_grad",
    "matmul",
    "max_pool2d",
    "max_pool2d_grad_input",
    "pack_conv1d",
    "pack_conv2d",
    "pack_conv3d",
    "pack_conv_transpose1d",
    "pack_conv_transpose2d",
    "pack_conv_transpose3d",
    "pack_gru",
    "pack_linear",
    "pack_lstm",
    "pack_rnn",
    "pad",
    "pad_grad_input",
    "relu",
    "relu_grad_input",
    "rnn",
    "rnn_cell",
    "rnn_forward",
    "rnn_grad",
    "set_precision",
    "softmax",
    "softmax_grad_input",
]
