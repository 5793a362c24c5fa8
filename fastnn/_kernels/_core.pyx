"""fastnn's C core as seen from Python; see the package docstring."""

cimport cython
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer,
)
from libc.stdint cimport int64_t

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

__all__ = [
    "ACTIVATIONS", "CELLS", "METHODS", "PAD_MODES", "ConvParams", "ConvPlan", "Im2colParams", "PackedConv",
    "PackedLinear", "PackedRNN", "PoolParams", "RNNParams", "RNNState", "activate", "active_isa", "avg_pool2d",
    "avg_pool2d_grad_input", "block", "channel_sum", "col2im", "conv", "conv_algorithm", "conv_grad_input",
    "conv_grad_weight", "conv_refusal", "copy_bandwidth", "empty", "fma_peak", "gemm", "get_num_threads", "has_isa",
    "im2col", "kernel_names", "live_workers", "max_pool2d", "max_pool2d_grad_input", "pad", "pad_grad_input",
    "relu_grad", "rnn", "rnn_backward", "rnn_pack", "set_num_threads", "set_spin_us", "set_strict", "sgd_step",
    "softmax", "softmax_grad", "unblock", "use_isa",
]

fnn_init()
