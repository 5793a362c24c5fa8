"""Accuracy of conv2d's algorithms as promised; where NaN and infinity go; what becomes of denormals."""

import functools
import math

import cases
import contract
import naive
import numpy as np
import pytest
import tolerance

import fastnn
from fastnn import ops

ALGORITHMS = ("direct", "winograd2", "winograd4")
KINDS = {"plain": np.asarray, "blocked": fastnn.blocked}
STRIP = 16  # channels of the result that the oracle computes


def float32(rng, shape, std=1.0):
    return (rng.standard_normal(shape) * std).astype(np.float32)


# ---- rounding ------------------------------------------------------------------------------------------
@functools.cache
def sums_of(channels, rectified, side):
    """Input, He weights, and the result's channels: enough pixels for the largest error to be a rare one."""
    rng = np.random.default_rng(channels)
    x = float32(rng, (1, channels, side, side))
    weight = float32(rng, (STRIP, channels, 3, 3), math.sqrt(2 / (9 * channels)))
    x = np.maximum(x, 0) if rectified else x
    return x, weight, naive.conv2d(x, weight, padding=1)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("rectified", [False, True], ids=["normal", "rectified"])
@pytest.mark.parametrize("channels", [64, 128, 256, 512])
def test_errors_are_as_documented(channels, rectified, algorithm):
    x, weight, expected = sums_of(channels, rectified, 28)
    tolerance.assert_promised(ops.conv2d(x, weight, padding=1, algorithm=algorithm), expected, algorithm)


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_errors_are_as_documented_on_every_instruction_set(algorithm, isa):
    x, weight, expected = sums_of(128, True, 28)
    tolerance.assert_promised(ops.conv2d(x, weight, padding=1, algorithm=algorithm), expected, algorithm)


def serving(gy, weight, gx):
    """The algorithm that an input gradient with padding 1 came from: its bits are those of the turned convolution."""
    turned = np.swapaxes(weight, 0, 1)[:, :, ::-1, ::-1]
    for algorithm in ("winograd2", "winograd4"):
        if (ops.conv2d(gy, turned, padding=1, algorithm=algorithm) == gx).all():
            return algorithm
    return "direct"


@pytest.mark.parametrize("side, algorithm", [(8, "direct"), (16, "winograd2"), (28, "winograd4")])
@pytest.mark.parametrize("rectified", [False, True], ids=["normal", "rectified"])
@pytest.mark.parametrize("channels", [64, 128, 256, 512])
def test_errors_of_the_input_gradient_are_as_documented(channels, rectified, side, algorithm):
    gy, turned, expected = sums_of(channels, rectified, side)
    weight = np.ascontiguousarray(np.swapaxes(turned, 0, 1)[:, :, ::-1, ::-1])
    gx = ops.conv2d_grad_input(gy, weight, (1, STRIP, side, side), padding=1)
    assert serving(gy, weight, gx) == algorithm
    tolerance.assert_promised(gx, expected, algorithm)


# ---- NaN and infinity ----------------------------------------------------------------------------------
def tiles_with(position, size, before, m):
    """Which outputs along an axis lie in a tile whose m + 2 inputs hold the position."""
    first = np.arange(size) // m * m - before
    return (first <= position) & (position < first + m + 2)


def spread(position, y_shape, padding, algorithm):
    """Where a convolution's result may be no number: the tiles around a position of the input."""
    m = {"direct": 1, "winograd2": 2, "winograd4": 4}[algorithm]
    (top, _), (left, _) = naive.sides(padding)
    return np.outer(
        tiles_with(position[0], y_shape[2], top, m), tiles_with(position[1], y_shape[3], left, m)
    )


def check_poisoned(result, expected, where, family, length):
    """No finite number where there should be none, right numbers beyond `where` [h, w]."""
    lost = ~np.isfinite(expected) & np.isfinite(result)
    assert not lost.any(), f"{int(lost.sum())} results are finite in the receptive field of {expected[lost]}"
    outside = np.broadcast_to(~where, expected.shape)
    assert np.isfinite(expected[outside]).all() and outside.any()
    tolerance.assert_close(result[outside], expected[outside], family, length)


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_nan_and_infinity_never_become_numbers(algorithm, poison, kind, isa):
    """With ReLU too: an infinity of the wrong sign would become 0."""
    rng, family = np.random.default_rng(4), "conv" if algorithm == "direct" else algorithm
    weight, padding = float32(rng, (19, 17, 3, 3)), ((1, 0), (2, 1))
    for position in [(0, 0), (3, 4), (4, 7), (5, 13), (9, 6)]:
        x = float32(rng, (2, 17, 10, 14))
        x[1, rng.integers(17), *position] = poison
        expected = naive.conv2d(x, weight, padding=padding)
        where = spread(position, expected.shape, padding, algorithm)
        for activation in (None, "relu"):
            options = {"padding": padding, "algorithm": algorithm, "activation": activation}
            result = ops.conv2d(kind(x), weight, **options)
            if kind is fastnn.blocked:
                contract.buffers.assert_blocked(result, expected.shape, np.float32)
            y = np.asarray(result)
            tolerance.assert_close(y[0], naive.activation(expected[0], activation), family, 9 * 17 + 1)
            check_poisoned(y[1], naive.activation(expected[1], activation), where, family, 9 * 17 + 1)


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("poison", [np.nan, np.inf])
@pytest.mark.parametrize("name, algorithm", [("tiles_of_2", "winograd2"), ("tiles_of_4", "winograd4")])
def test_nan_and_infinity_never_become_numbers_in_the_input_gradient(name, algorithm, poison, kind, isa):
    case, rng = cases.CONV_3X3_GRAD[name], np.random.default_rng(4)
    padding = tuple((2 - before, 2 - after) for before, after in naive.sides(case.args["padding"]))
    gy, weight = float32(rng, case.y), float32(rng, case.weight)
    position = case.y[2] // 3, case.y[3] - 1
    gy[0, 5, *position] = poison
    expected = naive.conv2d_grad_input(gy, weight, case.x, **case.args)
    gx = np.asarray(ops.conv2d_grad_input(kind(gy), weight, case.x, **case.args))
    where = spread(position, case.x, padding, algorithm)
    check_poisoned(gx[0], expected[0], where, algorithm, 9 * case.weight[0])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_nan_in_the_weights_reaches_its_output_channel_and_no_other(algorithm):
    rng = np.random.default_rng(4)
    x, weight = float32(rng, (1, 17, 9, 10)), float32(rng, (20, 17, 3, 3))
    weight[18, 3, 1, 2] = np.nan
    y = ops.conv2d(x, weight, algorithm=algorithm)
    assert np.isnan(y[:, 18]).all() and np.isfinite(np.delete(y, 18, axis=1)).all()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_infinity_stays_one_through_two_blocked_layers(algorithm):
    """All channels of the pixels around are -inf, 0 after ReLU. The lanes without a channel are 0 too, not 0 * inf."""
    x, weight = np.ones((1, 16, 9, 9), np.float32), np.full((3, 16, 3, 3), -1, np.float32)
    x[0, 2, 4, 4] = np.inf
    first = ops.conv2d(fastnn.blocked(x), weight, padding=1, activation="relu", algorithm="direct")
    second = ops.conv2d(first, np.ones((3, 3, 3, 3), np.float32), padding=1)
    assert not np.asarray(second).any()
    first = ops.conv2d(fastnn.blocked(x), weight, padding=1, algorithm=algorithm)
    contract.buffers.assert_blocked(first, (1, 3, 9, 9), np.float32)


# ---- denormals -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_denormals_count_as_zero(algorithm, dtype, isa):
    """In x and weight alike, whatever they are multiplied with. NumPy's own handling is as before afterwards."""
    tiny = np.finfo(dtype).tiny
    denormal, large = np.full((1, 16, 6, 7), tiny / 8, dtype), np.full((20, 16, 3, 3), 1 / tiny / 64, dtype)
    assert not ops.conv2d(denormal, large, padding=1, algorithm=algorithm).any()
    weight, image = np.full(large.shape, tiny / 8, dtype), np.full(denormal.shape, 1 / tiny / 64, dtype)
    assert not ops.conv2d(image, weight, padding=1, algorithm=algorithm).any()
    assert not ops.pack_conv2d(weight, padding=1, algorithm=algorithm)(image).any()
    assert (denormal * dtype(0.5) > 0).all()


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sums_near_the_denormals_lose_no_more_than_their_flushed_terms(algorithm, isa):
    rng = np.random.default_rng(6)
    tiny = float(np.finfo(np.float32).tiny)
    x, weight = float32(rng, (1, 16, 9, 10), 2**10 * tiny), float32(rng, (20, 16, 3, 3), 2**-8)
    expected = naive.conv2d(x, weight, padding=1)
    y = ops.conv2d(x, weight, padding=1, algorithm=algorithm)
    assert np.abs(y - expected).max() <= tolerance.flush_allowed(np.float32, algorithm, weight[0].size)
    assert (np.abs(expected) > tiny).any() and y.any()
