"""Norms beyond the contract: running statistics, accuracy, folding, PyTorch's results, bad arguments."""

import cases_norm
import contract
import naive_norm as oracle
import numpy as np
import pytest
import tolerance
from contract import rejects
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnn
from fastnn import ops


# ---- running statistics ---------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("name", cases_norm.BATCH)
def test_training_moves_the_running_statistics(name, dtype):
    x = (np.random.default_rng(3).standard_normal(cases_norm.BATCH[name].x) * 2 + 5).astype(dtype)
    mean, var = np.full(x.shape[1], 0.5, dtype), np.full(x.shape[1], 2, dtype)
    expected = oracle.running_statistics(x, mean, var, 0.3)
    for data in (x, fastnn.blocked(x)) if x.ndim == 4 else (x,):
        found = mean.copy(), var.copy()
        ops.batch_norm(data, *found, training=True, momentum=0.3)
        for ours, theirs in zip(found, expected, strict=True):
            tolerance.assert_close(ours, theirs, "norm", x.size)


def test_running_statistics_of_instances_are_means_over_the_images():
    x = np.random.default_rng(3).standard_normal((3, 5, 4, 7)) + 2
    expected = np.mean([oracle.running_statistics(image[None], np.zeros(5), np.ones(5), 0.1) for image in x], axis=0)
    for data in (x, fastnn.blocked(x)):
        found = np.zeros(5), np.ones(5)
        ops.instance_norm(data, *found)
        tolerance.assert_close(np.array(found), expected, "norm", x.size)


def test_evaluation_and_gradients_leave_the_running_statistics_alone():
    x, running = np.random.default_rng(3).standard_normal((3, 5, 4)), (np.zeros(5), np.ones(5))
    ops.batch_norm(x, *running)
    ops.batch_norm_grad_input(x, x, *running, training=True)
    ops.batch_norm_grad_weight(x, x, *running, training=True)
    ops.instance_norm_grad_input(x, x, *running)
    assert (running[0] == 0).all() and (running[1] == 1).all()


def test_instances_can_take_the_running_statistics():
    x = np.random.default_rng(3).standard_normal((3, 5, 4))
    running = np.linspace(-1, 1, 5), np.linspace(1, 2, 5)
    expected = oracle.batch_norm(x, *running)
    tolerance.assert_close(ops.instance_norm(x, *running, use_input_stats=False), expected, "norm", x.size)


# ---- accuracy -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("shape", [(4, 3, 20, 20), (4, 18, 5, 5), (400, 18)])
def test_a_large_mean_costs_no_accuracy(shape, isa):
    """The result is as exact as that of the same numbers without the mean: what float32 holds of them is exact."""
    x = (np.random.default_rng(8).standard_normal(shape) + 4096).astype(np.float32)
    gy = np.random.default_rng(9).standard_normal(shape).astype(np.float32)
    gx, gw, _ = oracle.batch_norm_grads(gy, x, training=True)
    for data in (x, fastnn.blocked(x)) if x.ndim == 4 else (x,):
        y = np.asarray(ops.batch_norm(data, None, None, training=True))
        tolerance.assert_close(y, oracle.batch_norm(x, training=True), "norm")
        tolerance.assert_close(np.asarray(ops.batch_norm_grad_input(gy, data, training=True)), gx, "norm", 8)
        tolerance.assert_close(ops.batch_norm_grad_weight(gy, data, training=True), gw, "norm", 8)
    tolerance.assert_close(ops.group_norm(x, 3), oracle.group_norm(x, 3), "norm", x.size)
    tail = x.shape[1:]
    tolerance.assert_close(ops.layer_norm(x, tail), oracle.layer_norm(x, tail), "norm", x.size)


def test_one_far_value_spoils_nothing():
    x = np.random.default_rng(8).standard_normal((2, 3, 40, 40)).astype(np.float32)
    x[0, :, 0, 0] = 1e4
    tolerance.assert_close(
        ops.batch_norm(x, None, None, training=True), oracle.batch_norm(x, training=True), "norm", x.size
    )


def test_nan_stays_in_its_channel():
    x = np.random.default_rng(8).standard_normal((2, 20, 5, 5)).astype(np.float32)
    x[1, 7, 2, 2] = np.nan
    for data in (x, fastnn.blocked(x)):
        y = np.asarray(ops.batch_norm(data, None, None, training=True))
        assert np.isnan(y[:, 7]).all() and np.isfinite(np.delete(y, 7, axis=1)).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 35), st.lists(st.integers(1, 17), max_size=3), st.integers(0, 2**32 - 1))
def test_batch_and_group_norm_of_any_shape(n, c, spatial, seed):
    rng = np.random.default_rng(seed)
    x, weight = rng.standard_normal((n, c, *spatial)).astype(np.float32), rng.uniform(0.5, 2, c).astype(np.float32)
    if x.size > c:
        y = ops.batch_norm(x, None, None, weight, training=True)
        tolerance.assert_close(y, oracle.batch_norm(x, weight=weight, training=True), "norm", x.size)
    groups = int(rng.choice([g for g in range(1, c + 1) if c % g == 0]))
    if x.size > n * groups:
        y = ops.group_norm(x, groups, weight)
        tolerance.assert_close(y, oracle.group_norm(x, groups, weight), "norm", x.size)


# ---- folding --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
def test_a_folded_norm_computes_the_same(groups, bias):
    rng = np.random.default_rng(4)
    x, weight = rng.standard_normal((2, 4, 6, 5)), rng.standard_normal((6, 4 // groups, 3, 3))
    b = rng.standard_normal(6) if bias else None
    norm = rng.standard_normal(6), rng.uniform(0.5, 2, 6), rng.uniform(0.5, 2, 6), rng.standard_normal(6)
    expected = ops.batch_norm(ops.conv2d(x, weight, b, groups=groups), *norm)
    w, b2 = ops.fold_batch_norm(weight, b, *norm)
    tolerance.assert_close(ops.conv2d(x, w, b2, groups=groups), expected, "conv", 36)
    weight = rng.standard_normal((4, 6 // groups, 3, 3))
    expected = ops.batch_norm(ops.conv_transpose2d(x, weight, b, groups=groups), *norm)
    w, b2 = ops.fold_batch_norm(weight, b, *norm, transposed=True, groups=groups)
    tolerance.assert_close(ops.conv_transpose2d(x, w, b2, groups=groups), expected, "conv", 36)


# ---- PyTorch --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["batch_norm", "instance_norm", "layer_norm", "group_norm", "local_response_norm"])
def test_against_torch(name):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    x, w, b = rng.standard_normal((3, 6, 5, 4)), rng.uniform(0.5, 2, 6), rng.standard_normal(6)
    args = {
        "batch_norm": (np.zeros(6), np.ones(6), w, b, True, 0.2, 1e-3),
        "instance_norm": (np.zeros(6), np.ones(6), w, b, True, 0.2, 1e-3),
        "layer_norm": ((5, 4), rng.uniform(1, 2, (5, 4)), rng.standard_normal((5, 4)), 1e-3),
        "group_norm": (3, w, b, 1e-3),
        "local_response_norm": (4, 0.3, 0.6, 1.4),
    }[name]
    theirs = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in args]
    expected = getattr(torch.nn.functional, name)(torch.tensor(x), *theirs).numpy()
    tolerance.assert_close(getattr(ops, name)(x, *args), expected, "norm", x.size)
    if name in ("batch_norm", "instance_norm"):
        for ours, moved in zip(args[:2], theirs[:2], strict=True):
            tolerance.assert_close(ours, moved.numpy(), "norm", x.size)


# ---- refusals -------------------------------------------------------------------------------------------
X = np.zeros((2, 6, 3, 3), np.float32)
S = np.ones(6, np.float32)


@pytest.mark.parametrize(
    "op, args, options, words",
    [
        ("batch_norm", (X, S, S[:5]), {}, ["running_var", "(5,)", "(6,)"]),
        ("batch_norm", (X, S, None), {}, ["running_mean", "running_var"]),
        ("batch_norm", (X, None, None), {}, ["running_mean"]),
        ("batch_norm", (X, S.astype(np.float64), S), {}, ["float64", "float32"]),
        ("batch_norm", (X, S, S, S[:3]), {}, ["weight", "(3,)"]),
        ("batch_norm", (X, S, S), {"eps": -1}, ["eps", -1]),
        ("batch_norm", (X, S, S), {"momentum": None}, ["momentum", None]),
        ("batch_norm", (X, S.tolist(), S.tolist()), {"training": True}, ["running_mean"]),
        ("batch_norm", (X[:1, :, :1, :1], S, S), {"training": True}, ["(1, 6, 1, 1)"]),
        ("batch_norm", (S, S, S), {}, ["x", "(6,)"]),
        ("instance_norm", (X[:, :, 0, 0],), {}, ["x", "(2, 6)"]),
        ("instance_norm", (X[:, :, :1, :1],), {}, ["(2, 6, 1, 1)"]),
        ("layer_norm", (X, (3, 4)), {}, ["normalized_shape", "(3, 4)"]),
        ("layer_norm", (X, ()), {}, ["normalized_shape"]),
        ("layer_norm", (X, 3.5), {}, ["normalized_shape", 3.5]),
        ("layer_norm", (X, 3, np.ones(4, np.float32)), {}, ["weight", "(4,)", "(3,)"]),
        ("group_norm", (X, 4), {}, ["num_groups", 4, 6]),
        ("group_norm", (X, 0), {}, ["num_groups", 0]),
        ("local_response_norm", (X, 0), {}, ["size", 0]),
        ("local_response_norm", (X, 3), {"k": 0}, ["k", 0]),
        ("local_response_norm", (X, 3), {"alpha": -1}, ["alpha", -1]),
        ("local_response_norm", (X[:, :, 0, 0], 3), {}, ["x", "(2, 6)"]),
        ("fold_batch_norm", (X, S, S[:2], S[:2]), {}, ["bias", "(6,)", "(2,)"]),
        ("fold_batch_norm", (X, None, S[:2], S[:2], S), {}, ["gamma", "(6,)", "(2,)"]),
    ],
)
def test_bad_arguments_are_named(op, args, options, words):
    before = S.copy()
    with rejects(op, *words):
        getattr(ops, op)(*args, **options)
    assert (before == S).all()


@pytest.mark.parametrize("op", ["batch_norm", "instance_norm", "layer_norm", "group_norm", "local_response_norm"])
def test_gradients_refuse_another_shape(op):
    extra = {"batch_norm": {"training": True}, "layer_norm": {"normalized_shape": 3}, "group_norm": {"num_groups": 2},
             "local_response_norm": {"size": 3}}.get(op, {})  # fmt: skip
    with rejects(f"{op}_grad_input", "gy", "(2, 6, 3, 4)", X.shape):
        getattr(ops, f"{op}_grad_input")(np.zeros((2, 6, 3, 4), np.float32), X, **extra)
