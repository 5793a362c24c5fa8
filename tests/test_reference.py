"""The NumPy reference that speed is measured against must itself be right."""

import naive
import numpy as np
import pytest

from fastnn import _reference

CASES = {
    "plain": ((2, 3, 7, 6), (4, 3, 3, 2), {}),
    "padded": ((2, 3, 5, 6), (4, 3, 3, 3), {"padding": (1, 2)}),
    "strided": ((1, 2, 9, 8), (3, 2, 3, 3), {"stride": (2, 3), "padding": 1}),
    "dilated": ((1, 2, 9, 8), (3, 2, 3, 2), {"dilation": (2, 3)}),
    "groups": ((2, 6, 5, 4), (4, 3, 2, 2), {"groups": 2}),
    "pointwise": ((2, 5, 3, 4), (6, 5, 1, 1), {}),
}


def normal(*shape):
    return np.random.default_rng(shape).standard_normal(shape)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_convolution(case):
    x, w, options = normal(*case[0]), normal(*case[1]), case[2]
    b = normal(len(w))
    y = _reference.conv2d(x, w, b, **options)
    np.testing.assert_allclose(y, naive.conv2d(x, w, b, **options), rtol=1e-10, atol=1e-10)
    gy = normal(*y.shape)
    for name, arguments in (("conv2d_grad_input", (gy, w, x.shape)), ("conv2d_grad_weight", (gy, x, w.shape))):
        found, expected = (getattr(module, name)(*arguments, **options) for module in (_reference, naive))
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("window", [(2,), (3, 2, 1), ((2, 3), (1, 2), (1, 0)), (2, 3)], ids=str)
@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_pooling(name, window):
    x = normal(2, 3, 7, 6)
    expected = getattr(naive, name)(x, *window)
    expected = expected[0] if isinstance(expected, tuple) else expected
    np.testing.assert_allclose(getattr(_reference, name)(x, *window), expected, rtol=1e-12)


def test_the_rest():
    x, w, b = normal(5, 4), normal(3, 4), normal(3)
    np.testing.assert_allclose(_reference.linear(x, w, b), naive.linear(x, w, b), rtol=1e-12)
    np.testing.assert_allclose(_reference.softmax(x), naive.softmax(x), rtol=1e-12)
    np.testing.assert_array_equal(_reference.relu(x), naive.relu(x))


def test_dtypes_are_kept_and_inputs_unchanged():
    x, w = normal(1, 2, 5, 5).astype(np.float32), normal(3, 2, 3, 3).astype(np.float32)
    before = x.copy()
    for y in (_reference.conv2d(x, w, padding=1), _reference.max_pool2d(x, 2), _reference.avg_pool2d(x, 2)):
        assert y.dtype == np.float32
    _reference.softmax(x), _reference.relu(x)
    np.testing.assert_array_equal(x, before)
