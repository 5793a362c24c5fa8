"""Normalisation on the device against the CPU's in float64."""

import contract
import numpy as np
import pytest
import tolerance
from device import agrees, get, put

from fastnn import ops

rng = np.random.default_rng(1)
SHAPES = [(2, 3, 2, 3), (7, 2), (2, 1, 13)]


def params(c):
    return rng.standard_normal(c), rng.standard_normal(c)


def statistics(c):
    return rng.standard_normal(c), rng.uniform(0.5, 2, c)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [False, True])
def test_batch_norm_and_its_gradients(shape, training):
    x, gy = rng.standard_normal(shape) + 3, rng.standard_normal(shape)
    running = (None, None) if training else statistics(shape[1])
    how = {"training": training, "family": "norm", "length": 256}
    agrees("batch_norm", x, *running, *params(shape[1]), **how)
    agrees("batch_norm_grad_input", gy, x, *running, params(shape[1])[0], **how)
    agrees("batch_norm_grad_weight", gy, x, *running, **how)
    agrees("batch_norm_grad_bias", gy, family="sum", length=64)


def test_running_statistics_move():
    x, (mean, var) = rng.standard_normal((3, 2, 5)).astype(np.float32), statistics(2)
    on_device = put(mean.astype(np.float32)), put(var.astype(np.float32))
    ops.batch_norm(put(x), *on_device, training=True, momentum=0.3)
    ops.batch_norm(x.astype(np.float64), mean, var, training=True, momentum=0.3)
    for got, expected in zip(on_device, (mean, var), strict=True):
        tolerance.assert_close(get(got), expected, "norm", 64)


def test_a_large_mean_costs_only_its_own_rounding():
    """Differences of squares would be off by 1e-2."""
    x = (rng.integers(-8, 8, (2, 2, 20)) + 1024).astype(np.float32)
    for name, *args in (("batch_norm", None, None, None, None, True), ("layer_norm", 20)):
        op = getattr(ops, name)
        np.testing.assert_allclose(get(op(put(x), *args)), op(x.astype(np.float64), *args), atol=1e-4)


@pytest.mark.parametrize("shape, last", [((3, 10), 10), ((2, 3, 2), (3, 2))])
def test_layer_norm_and_its_gradients(shape, last):
    sizes = last if isinstance(last, tuple) else (last,)
    x, gy, how = rng.standard_normal(shape), rng.standard_normal(shape), {"family": "norm", "length": 256}
    agrees("layer_norm", x, last, rng.standard_normal(sizes), rng.standard_normal(sizes), **how)
    agrees("layer_norm", x, last, **how)
    agrees("layer_norm_grad_input", gy, x, last, rng.standard_normal(sizes), **how)
    agrees("layer_norm_grad_weight", gy, x, last, **how)
    agrees("layer_norm_grad_bias", gy, last, **how)


@pytest.mark.parametrize("groups", [1, 2])
def test_group_norm_and_its_gradients(groups):
    x, gy, how = rng.standard_normal((2, 4, 6)), rng.standard_normal((2, 4, 6)), {"family": "norm", "length": 256}
    weight, bias = params(4)
    agrees("group_norm", x, groups, weight, bias, **how)
    agrees("group_norm_grad_input", gy, x, groups, weight, **how)
    agrees("group_norm_grad_weight", gy, x, groups, **how)
    agrees("group_norm_grad_bias", gy, **how)


def test_nothing_and_bad_input():
    empty = put(np.zeros((0, 3, 4), np.float32))
    assert tuple(ops.batch_norm(empty, None, None, training=True).shape) == (0, 3, 4)
    assert get(ops.batch_norm_grad_bias(empty)).tolist() == [0, 0, 0]
    x = put(np.zeros((2, 3), np.float32))
    with contract.rejects("batch_norm", "running_mean", "needed"):
        ops.batch_norm(x, None, None)
    with contract.rejects("batch_norm", "weight", "(2,)", "(3,)"):
        ops.batch_norm(x, None, None, put(np.zeros(2, np.float32)), training=True)
    with contract.rejects("group_norm", "num_groups", 2):
        ops.group_norm(x, 2)
    with contract.rejects("layer_norm", "normalized_shape", 4):
        ops.layer_norm(x, 4)


@pytest.mark.parametrize("own", [True, False])
def test_instance_norm_and_its_gradients(own):
    x, gy = rng.standard_normal((2, 2, 5)), rng.standard_normal((2, 2, 5))
    running = (None, None) if own else statistics(2)
    how = {"use_input_stats": own, "family": "norm", "length": 256}
    agrees("instance_norm", x, *running, *params(2), **how)
    agrees("instance_norm_grad_input", gy, x, *running, params(2)[0], **how)
    agrees("instance_norm_grad_weight", gy, x, *running, **how)
