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
include "linear.pxi"
include "pool.pxi"
include "elementwise.pxi"

__all__ = [
    "ACTIVATIONS", "ConvParams", "PackedConv", "PackedLinear", "PoolParams", "activate", "active_isa",
    "avg_pool2d", "avg_pool2d_grad_input", "block", "channel_sum", "conv", "conv_algorithm",
    "conv_grad_input", "conv_grad_weight", "copy_bandwidth", "empty", "fma_peak", "gemm", "get_num_threads",
    "has_isa", "kernel_names", "live_workers", "max_pool2d", "max_pool2d_grad_input", "relu_grad", "set_num_threads",
    "set_spin_us", "softmax", "softmax_grad", "unblock", "use_isa",
]

fnn_init()
