"""Dropout on the device: the elements that the CPU zeroes."""

import numpy as np
import pytest
from device import get, put

from fastnn import ops


@pytest.mark.parametrize("p, seed", [(0.3, 0), (0.5, 2**63 + 12345), (0, 1), (1, 1)])
def test_the_same_elements_are_zeroed(p, seed):
    x = np.random.default_rng(1).standard_normal((3, 47)).astype(np.float32)
    for op in (ops.dropout, ops.dropout_grad_input):
        np.testing.assert_array_equal(get(op(put(x), p, seed=seed)), op(x, p, seed=seed))
    np.testing.assert_array_equal(get(ops.dropout(put(x), p, False, seed)), x)


def test_a_nan_that_is_dropped_is_zero():
    x = np.full(70, np.nan, np.float32)
    found = get(ops.dropout(put(x), 0.5, seed=3))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(ops.dropout(x, 0.5, seed=3)))
