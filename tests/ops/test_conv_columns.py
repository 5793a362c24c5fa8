"""Blocked images of a few pixels under large weights, against the direct algorithm on plain arrays."""

import numpy as np
import pytest
import tolerance

import fastnn
from fastnn import ops

# n, c, oc, size, kernel, stride, padding, dilation: weights of 1 MiB and more, results of at most 4 pixels
CASES = {
    "resnet_last": (16, 192, 160, 2, 3, 1, 1, 1),
    "stride_2": (5, 160, 192, 4, 3, 2, 1, 1),
    "dilated": (4, 192, 160, 5, 3, 2, 1, 2),
    "stride_gt_kernel": (17, 160, 192, 5, 3, 4, 0, 1),
    "few_rows": (3, 192, 160, 2, 3, 1, 1, 1),
    "two_parts": (150, 192, 160, 2, 3, 1, 1, 1),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_small_planes_under_large_weights(case, dtype):
    n, c, oc, size, kernel, *geometry = case
    rng = np.random.default_rng(5)
    x = rng.standard_normal((n, c, size, size)).astype(dtype)
    w = rng.standard_normal((oc, c, kernel, kernel)).astype(dtype)
    b = rng.standard_normal(oc).astype(dtype)
    expected = ops.conv2d(x, w, b, *geometry, activation="relu")
    gy = rng.standard_normal(expected.shape).astype(dtype)

    def both():
        y = ops.conv2d(fastnn.blocked(x), w, b, *geometry, activation="relu")
        return y.numpy(), ops.conv2d_grad_input(fastnn.blocked(gy), w, x.shape, *geometry).numpy()

    y, gx = both()
    tolerance.assert_close(y, expected, "conv", c * kernel**2)
    tolerance.assert_close(gx, ops.conv2d_grad_input(gy, w, x.shape, *geometry), "conv", oc * kernel**2)
    with fastnn.num_threads(1):
        alone = both()
    assert np.array_equal(alone[0], y) and np.array_equal(alone[1], gx)
