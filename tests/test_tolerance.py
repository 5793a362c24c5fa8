"""The comparators and the gradient check: they let rounding pass and must not let anything else pass."""

import cases
import gradcheck
import naive
import numpy as np
import pytest
import tolerance

RNG = np.random.default_rng(0)
X, W = RNG.standard_normal((1, 6, 7, 9)), RNG.standard_normal((8, 6, 3, 2))
RIGHT = naive.conv2d(X, W)
TERMS = W[0].size


def accepts(actual, expected=RIGHT, dtype=np.float32):
    tolerance.assert_close(np.asarray(actual).astype(dtype), expected, "conv", TERMS)


def test_rounding_is_accepted():
    accepts(RIGHT)
    backwards = np.zeros(RIGHT.shape, np.float32)
    for c, ky, kx in reversed(list(np.ndindex(*W.shape[1:]))):
        tap = X[:, c, ky : ky + 5, kx : kx + 8].astype(np.float32)
        backwards += W[:, c, ky, kx, None, None].astype(np.float32) * tap[:, None]
    accepts(backwards)


def transposed_kernel():
    return naive.conv2d(X, W[:, :, ::-1, ::-1])


def one_tap_missing():
    weight = W.copy()
    weight[3, 5, 2, 1] = 0
    return naive.conv2d(X, weight)


def bias_twice():
    return RIGHT + np.abs(RIGHT).mean()


def channels_swapped():
    return RIGHT[:, [1, 0, *range(2, 8)]]


def one_pixel_stale():
    y = RIGHT.copy()
    y[0, 7, -1, -1] = 0
    return y


def half_precision_inside():
    return naive.conv2d(X.astype(np.float16), W.astype(np.float16))


def relative_error_of(size):
    return RIGHT * (1 + size)


@pytest.mark.parametrize(
    "wrong",
    [
        transposed_kernel,
        one_tap_missing,
        bias_twice,
        channels_swapped,
        one_pixel_stale,
        half_precision_inside,
    ],
)
def test_wrong_convolutions_are_rejected(wrong):
    with pytest.raises(AssertionError):
        accepts(wrong())


def test_float32_accuracy_is_not_enough_for_float64():
    with pytest.raises(AssertionError):
        accepts(RIGHT.astype(np.float32), dtype=np.float64)


def test_bfloat_and_tf32_accuracy_are_rejected():
    with pytest.raises(AssertionError):
        accepts(relative_error_of(2.0**-11))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_must_be_where_they_belong(value):
    poisoned = RIGHT.copy()
    poisoned[0, 0, 0, 0] = value
    accepts(poisoned, poisoned)
    with pytest.raises(AssertionError):
        accepts(poisoned)
    with pytest.raises(AssertionError):
        accepts(RIGHT, poisoned)
    if np.isinf(value):
        flipped = poisoned.copy()
        flipped[0, 0, 0, 0] = -value
        with pytest.raises(AssertionError):
            accepts(flipped, poisoned)


def test_shape_and_dtype_count():
    with pytest.raises(AssertionError, match="shape"):
        accepts(RIGHT[0])
    with pytest.raises(AssertionError, match="dtype"):
        accepts(RIGHT, dtype=np.float16)


def test_exact_means_exact():
    one = np.ones(3, np.float32)
    tolerance.assert_close(one, np.ones(3), "exact")
    with pytest.raises(AssertionError):
        tolerance.assert_close(np.nextafter(one, 2, dtype=np.float32), np.ones(3), "exact")
    with pytest.raises(AssertionError):
        tolerance.assert_same(one, np.ones(3))  # float64


def test_empty_arrays_agree():
    tolerance.assert_close(np.zeros((0, 3), np.float32), np.zeros((0, 3)), "conv")


def conv_gradients(arrays, gy, y, slip=None):
    gw = naive.conv2d_grad_weight(gy, arrays["x"], W.shape)
    gx = naive.conv2d_grad_input(gy, arrays["weight"], X.shape)
    if slip is not None:
        gw[slip] *= 1.001
    return {"x": gx, "weight": gw}


def test_gradcheck_accepts_and_rejects():
    arrays = {"x": X, "weight": W}
    gradcheck.assert_gradients(lambda a: naive.conv2d(**a), arrays, conv_gradients)
    with pytest.raises(AssertionError, match="gradient of weight"):
        gradcheck.assert_gradients(
            lambda a: naive.conv2d(**a), arrays, lambda *a: conv_gradients(*a, slip=(2, 3, 1, 0))
        )
    with pytest.raises(AssertionError, match="shape"):
        gradcheck.assert_gradients(lambda a: naive.conv2d(**a), arrays, lambda *a: {"x": a[1]})
    with pytest.raises(AssertionError, match="no gradient"):
        gradcheck.assert_gradients(lambda a: naive.conv2d(**a), arrays, lambda *a: {})


@pytest.mark.parametrize("name", cases.CONV)
def test_case_arguments_cannot_be_swapped_unnoticed(name):
    """Height and width of anything differ, unless they are 1 or the case is for a kernel of square windows."""
    case = cases.CONV[name]
    if name in cases.SQUARE:
        return
    pairs = [
        case.x[2:],
        case.weight[2:],
        *(case.args.get(k, (1, 2)) for k in ("stride", "dilation", "padding")),
    ]
    for pair in pairs:
        if not isinstance(pair, str):
            assert naive.pair(pair)[0] != naive.pair(pair)[1] or naive.pair(pair) == (1, 1), pair
