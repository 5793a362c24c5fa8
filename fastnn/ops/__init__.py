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
from fastnn.ops.adaptive_avg_pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool1d_grad_input,
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_grad_input,
    adaptive_avg_pool3d,
    adaptive_avg_pool3d_grad_input,
)
from fastnn.ops.adaptive_max_pool import (
    adaptive_max_pool1d,
    adaptive_max_pool1d_grad_input,
    adaptive_max_pool2d,
    adaptive_max_pool2d_grad_input,
    adaptive_max_pool3d,
    adaptive_max_pool3d_grad_input,
)
from fastnn.ops.avg_pool import (
    avg_pool1d,
    avg_pool1d_grad_input,
    avg_pool2d,
    avg_pool2d_grad_input,
    avg_pool3d,
    avg_pool3d_grad_input,
)
from fastnn.ops.boxes import batched_nms, box_iou, nms
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
from fastnn.ops.embedding import embedding, embedding_grad_weight
from fastnn.ops.im2col import col2im, im2col
from fastnn.ops.interpolate import interpolate, interpolate_grad_input
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
from fastnn.ops.lp_pool import (
    lp_pool1d,
    lp_pool1d_grad_input,
    lp_pool2d,
    lp_pool2d_grad_input,
    lp_pool3d,
    lp_pool3d_grad_input,
)
from fastnn.ops.max_unpool import (
    max_unpool1d,
    max_unpool1d_grad_input,
    max_unpool2d,
    max_unpool2d_grad_input,
    max_unpool3d,
    max_unpool3d_grad_input,
)
from fastnn.ops.pad import pad, pad_grad_input
from fastnn.ops.pool import (
    max_pool1d,
    max_pool1d_grad_input,
    max_pool2d,
    max_pool2d_grad_input,
    max_pool3d,
    max_pool3d_grad_input,
)
from fastnn.ops.precision import get_precision, set_precision
from fastnn.ops.roi import roi_align, roi_align_grad_input, roi_pool, roi_pool_grad_input

__all__ = [
    "Blocked",
    "PackedConv",
    "PackedLinear",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool1d_grad_input",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_grad_input",
    "adaptive_avg_pool3d",
    "adaptive_avg_pool3d_grad_input",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_grad_input",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_grad_input",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_grad_input",
    "avg_pool1d",
    "avg_pool1d_grad_input",
    "avg_pool2d",
    "avg_pool2d_grad_input",
    "avg_pool3d",
    "avg_pool3d_grad_input",
    "batched_nms",
    "blocked",
    "box_iou",
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
    "embedding",
    "embedding_grad_weight",
    "explain",
    "flatten",
    "get_precision",
    "im2col",
    "interpolate",
    "interpolate_grad_input",
    "linear",
    "linear_grad_bias",
    "linear_grad_input",
    "linear_grad_weight",
    "log_softmax",
    "log_softmax_grad_input",
    "lp_pool1d",
    "lp_pool1d_grad_input",
    "lp_pool2d",
    "lp_pool2d_grad_input",
    "lp_pool3d",
    "lp_pool3d_grad_input",
    "matmul",
    "max_pool1d",
    "max_pool1d_grad_input",
    "max_pool2d",
    "max_pool2d_grad_input",
    "max_pool3d",
    "max_pool3d_grad_input",
    "max_unpool1d",
    "max_unpool1d_grad_input",
    "max_unpool2d",
    "max_unpool2d_grad_input",
    "max_unpool3d",
    "max_unpool3d_grad_input",
    "nms",
    "pack_conv1d",
    "pack_conv2d",
    "pack_conv3d",
    "pack_conv_transpose1d",
    "pack_conv_transpose2d",
    "pack_conv_transpose3d",
    "pack_linear",
    "pad",
    "pad_grad_input",
    "relu",
    "relu_grad_input",
    "roi_align",
    "roi_align_grad_input",
    "roi_pool",
    "roi_pool_grad_input",
    "set_precision",
    "softmax",
    "softmax_grad_input",
]
