"""fastnn's C core as seen from Python; see the package docstring."""

cimport cython
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer,
)
from libc.stdint cimport int64_t, uint8_t
from libc.stdint cimport int64_t, uint64_t

import numpy as np

include "fastnn.pxi"
include "buffers.pxi"
include "process.pxi"
include "layout.pxi"
include "conv.pxi"
include "conv_packed.pxi"
include "im2col.pxi"
include "linear.pxi"
include "pad.pxi"
include "pool.pxi"
include "rnn.pxi"
include "rnn_packed.pxi"
include "elementwise.pxi"
include "roi.pxi"
include "norm.pxi"
include "update.pxi"

__all__ = [
    "ACTIVATIONS", "CELLS", "LOSSES", "METHODS", "PAD_MODES", "RESAMPLE_MODES", "ConvParams", "ConvPlan",
    "Im2colParams", "PackedConv", "PackedLinear", "PackedRNN", "PoolParams", "RNNParams", "RNNState", "RoiParams",
    "UPDATES",
    "activate", "activate_grad", "active_isa", "avg_pool", "avg_pool_grad_input", "bad_index", "batch_norm",
    "batch_norm_grad", "block", "box_iou", "channel_sum", "col2im", "conv", "conv_algorithm", "conv_grad_input",
    "conv_grad_weight", "conv_refusal", "copy_bandwidth", "dropout", "embedding", "embedding_grad_weight", "empty",
    "fma_peak", "gemm", "get_num_threads", "group_norm", "group_norm_grad", "has_isa", "im2col", "interpolate",
    "interpolate_grad_input", "kernel_names", "live_workers", "local_response_norm", "local_response_norm_grad",
    "loss", "loss_grad", "lp_pool", "lp_pool_grad_input", "max_pool", "max_pool_grad_input", "max_unpool", "nms",
    "pad", "pad_grad_input", "rnn", "rnn_backward", "rnn_pack", "roi_align", "roi_align_grad_input", "roi_pool",
    "roi_pool_grad_input", "set_num_threads", "set_spin_us", "set_strict", "softmax", "softmax_grad", "unblock",
    "update_step", "use_isa",
]

fnn_init()
