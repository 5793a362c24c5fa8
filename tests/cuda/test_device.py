"""What all ops share on the device: who is asked, and what is said where it cannot be done."""

import contract
import numpy as np
import pytest
from device import put

import fastnn.cuda
from fastnn import ops


def image(*shape, dtype=np.float32):
    return put(np.zeros(shape or (1, 2, 4, 4), dtype))


def test_a_device_is_there():
    assert fastnn.cuda.is_available()


def test_an_op_without_a_twin_says_so():
    with pytest.raises(NotImplementedError, match="^pad: has no GPU kernel yet"):
        ops.pad(image(), [1, 1])


def test_arguments_of_the_wrong_place_dtype_or_shape():
    x, y = image(), image(1, 2, 2, 2)
    with contract.rejects("max_pool2d_grad_input", "gy", "host"):
        ops.max_pool2d_grad_input(np.zeros((1, 2, 2, 2), np.float32), x, y, 2)
    with contract.rejects("max_pool2d_grad_input", "gy", "float64"):
        ops.max_pool2d_grad_input(image(1, 2, 2, 2, dtype=np.float64), x, y, 2)
    with contract.rejects("max_pool2d_grad_input", "gy", (1, 2, 3, 2)):
        ops.max_pool2d_grad_input(image(1, 2, 3, 2), x, y, 2)
    with contract.rejects("max_pool2d", "int32"):
        ops.max_pool2d(image(dtype=np.int32), 2)
    with contract.rejects("max_pool2d", "kernel_size"):
        ops.max_pool2d(x, 0)
    with contract.rejects("max_pool2d", "out", "overlaps"):
        ops.max_pool2d(x, 1, out=x)
    with pytest.raises(NotImplementedError, match="NHWC"):
        ops.max_pool2d(x, 2, layout="NHWC")


def test_strided_arrays_of_numba_are_refused():
    with contract.rejects("max_pool2d", "x", "contiguous"):
        ops.max_pool2d(image(1, 2, 4, 6)[:, :, :, ::2], 2)


def test_warmup_knows_its_families():
    with pytest.raises(ValueError, match="unknown families"):
        fastnn.cuda.warmup("pol")
    assert fastnn.cuda.warmup("pool") > 0
