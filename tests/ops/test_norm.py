"""Batch, layer, group, instance and local response normalisation with their gradients."""

from dataclasses import dataclass, field

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


@dataclass(frozen=True)
class Norm:
    """x [n, c, ...]; args of the op; with weight and bias or without."""

    x: tuple
    args: dict = field(default_factory=dict)
    affine: bool = True


BATCH = {
    "image": Norm((3, 19, 4, 5)),
    "features": Norm((7, 18)),
    "large_plane": Norm((2, 3, 13, 17)),
    "volume": Norm((2, 4, 3, 5, 7)),
    "sequence": Norm((3, 5, 11), affine=False),
    "lanes_exact": Norm((2, 16, 3, 3)),
    "lanes_minus_1": Norm((2, 15, 2, 3), {"eps": 0.01}),
    "one_pixel": Norm((5, 3, 1, 1)),
    "plane_of_128": Norm((2, 2, 8, 16)),
    "plane_of_127": Norm((2, 2, 1, 127)),
    "several_pieces": Norm((1, 2, 80, 53)),
    "many_rows": Norm((531, 3)),
    "one_image": Norm((1, 20, 3, 4)),
}
BATCH_BULK = [Norm((5, 37, 33, 31)), Norm((6, 50, 9, 10)), Norm((900, 70))]
LAYER = {
    "rows": Norm((5, 37), {"normalized_shape": 37}),
    "image": Norm((2, 18, 4, 5), {"normalized_shape": (18, 4, 5)}),
    "last_two": Norm((3, 2, 5, 7), {"normalized_shape": (5, 7)}),
    "lanes_plus_1": Norm((4, 17), {"normalized_shape": (17,), "eps": 0.01}),
    "one_element": Norm((4, 1), {"normalized_shape": 1}),
    "plain": Norm((4, 33), {"normalized_shape": 33}, affine=False),
    "long_rows": Norm((2, 9001), {"normalized_shape": 9001}),
    "many_rows": Norm((1201, 5), {"normalized_shape": 5}),
    "sequence": Norm((2, 7, 48), {"normalized_shape": 48}),
}
LAYER_BULK = [Norm((900, 321), {"normalized_shape": 321})]
GROUP = {
    "image": Norm((2, 18, 4, 5), {"num_groups": 3}),
    "features": Norm((5, 12), {"num_groups": 4}),
    "one_group": Norm((3, 5, 7), {"num_groups": 1}),
    "channel_each": Norm((2, 17, 3, 2), {"num_groups": 17}),
    "large": Norm((2, 6, 45, 43), {"num_groups": 2}),
    "plain": Norm((2, 8, 3, 3), {"num_groups": 2, "eps": 0.01}, affine=False),
    "many_rows": Norm((700, 24), {"num_groups": 3}),
}
GROUP_BULK = [Norm((9, 30, 31, 22), {"num_groups": 5}), Norm((900, 64), {"num_groups": 4})]
INSTANCE = {
    "image": Norm((3, 19, 4, 5)),
    "sequence": Norm((2, 5, 11), affine=False),
    "volume": Norm((2, 3, 2, 5, 7), {"eps": 0.01}),
    "large_plane": Norm((2, 17, 13, 11)),
    "lanes_exact": Norm((2, 16, 3, 2), affine=False),
}
INSTANCE_BULK = [Norm((5, 37, 33, 31)), Norm((9, 130, 9, 10))]
RESPONSE = {
    "image": Norm((2, 19, 4, 5), {"size": 5}),
    "even": Norm((2, 7, 3, 4), {"size": 4, "alpha": 0.7, "beta": 0.6, "k": 1.5}),
    "alexnet": Norm((1, 33, 5, 7), {"size": 5, "alpha": 0.5, "beta": 0.75, "k": 2.0}),
    "wider_than_channels": Norm((1, 3, 2, 31), {"size": 9, "alpha": 2.0}),
    "one_channel": Norm((2, 1, 67), {"size": 3, "alpha": 1.0}),
    "square_root": Norm((2, 5, 3, 3), {"size": 1, "alpha": 0.3, "beta": 0.5}),
}
RESPONSE_BULK = [Norm((4, 37, 20, 31), {"size": 5, "alpha": 0.5})]


def tail(case):
    """normalized_shape as a tuple."""
    return tuple(np.atleast_1d(case.args["normalized_shape"]))


class Affine(contract.Image):
    """What the norms with weight and bias share; `op` is also the name of the functions."""

    family, images = "norm", ("x",)
    affine_shape = staticmethod(lambda case: (case.x[1],))

    def inputs(self, case, rng):
        found = {"x": 2 * rng.standard_normal(case.x) + 3}
        if case.affine:
            shape = self.affine_shape(case)
            found |= {"weight": rng.uniform(0.5, 2, shape), "bias": rng.standard_normal(shape)}
        return found

    def length(self, case):
        return int(np.prod(case.x))

    def blocked_arrays(self, arrays):
        return super().blocked_arrays(arrays) if arrays["x"].ndim == 4 else arrays


class Forward(contract.ImageOut, contract.Differentiable, Affine):
    grads = None

    def call(self, case, a, **extra):
        return getattr(ops, self.op)(a["x"], **case.args, **self.affine(a), **extra)

    def expected(self, case, a):
        return getattr(oracle, self.op)(a["x"], **case.args, **self.affine(a))

    @staticmethod
    def affine(a):
        return {name: a[name] for name in ("weight", "bias") if name in a}

    def gradients(self, case, a, gy, y):
        weight = {"weight": a["weight"]} if case.affine else {}
        found = {"x": getattr(ops, f"{self.op}_grad_input")(gy, a["x"], **case.args, **weight)}
        if case.affine:
            found["weight"] = getattr(ops, f"{self.op}_grad_weight")(gy, a["x"], **case.args)
            found["bias"] = self.grad_bias(case, gy)
        return found

    def grad_bias(self, case, gy):
        return getattr(ops, f"{self.op}_grad_bias")(gy)


class Backward(Affine):
    """Gradient of x against the oracle; batch: gy and x."""

    batch, images = ("gy", "x"), ("gy", "x")

    def inputs(self, case, rng):
        found = super().inputs(case, rng)
        found.pop("bias", None)
        return {"gy": rng.standard_normal(case.x)} | found

    def call(self, case, a):
        weight = {"weight": a["weight"]} if "weight" in a else {}
        return getattr(ops, self.op)(a["gy"], a["x"], **case.args, **weight)

    def expected(self, case, a):
        function = getattr(oracle, self.op.replace("_grad_input", "_grads"))
        return function(a["gy"], a["x"], **case.args, **({"weight": a["weight"]} if "weight" in a else {}))[0]


class TestBatchNormTraining(Forward):
    op, cases, bulk = "batch_norm", BATCH, BATCH_BULK
    probes = ("image", "features", "large_plane", "volume")

    def call(self, case, a, **extra):
        return ops.batch_norm(a["x"], None, None, training=True, **case.args, **self.affine(a), **extra)

    def expected(self, case, a):
        if a["x"].size == 0:
            return np.zeros(a["x"].shape)
        return oracle.batch_norm(a["x"], training=True, **case.args, **self.affine(a))

    def gradients(self, case, a, gy, y):
        weight = {"weight": a["weight"]} if case.affine else {}
        found = {"x": ops.batch_norm_grad_input(gy, a["x"], training=True, **case.args, **weight)}
        if case.affine:
            found["weight"] = ops.batch_norm_grad_weight(gy, a["x"], training=True, **case.args)
            found["bias"] = ops.batch_norm_grad_bias(gy)
        return found


class TestBatchNormGradInput(Backward):
    op, cases, bulk = "batch_norm_grad_input", BATCH, BATCH_BULK
    probes = ("image", "features")

    def call(self, case, a):
        weight = a.get("weight")
        return ops.batch_norm_grad_input(a["gy"], a["x"], weight=weight, training=True, **case.args)

    def expected(self, case, a):
        if a["x"].size == 0:
            return np.zeros(a["x"].shape)
        return oracle.batch_norm_grads(a["gy"], a["x"], weight=a.get("weight"), training=True, **case.args)[0]


class TestBatchNormInference(Forward):
    op, cases, bulk = "batch_norm", BATCH, BATCH_BULK
    probes = ("image", "features", "large_plane")

    def inputs(self, case, rng):
        running = {"running_mean": rng.standard_normal(case.x[1]), "running_var": rng.uniform(0.5, 2, case.x[1])}
        return super().inputs(case, rng) | running

    @staticmethod
    def affine(a):
        return {name: a[name] for name in ("running_mean", "running_var", "weight", "bias") if name in a}

    def gradients(self, case, a, gy, y):
        running = a["running_mean"], a["running_var"]
        found = {"x": ops.batch_norm_grad_input(gy, a["x"], *running, a.get("weight"), **case.args)}
        if case.affine:
            found["weight"] = ops.batch_norm_grad_weight(gy, a["x"], *running, **case.args)
            found["bias"] = ops.batch_norm_grad_bias(gy)
        return found


class TestLayerNorm(Forward):
    op, cases, bulk = "layer_norm", LAYER, LAYER_BULK
    probes = ("rows", "image", "plain")
    affine_shape = staticmethod(tail)

    def grad_bias(self, case, gy):
        return ops.layer_norm_grad_bias(gy, case.args["normalized_shape"])


class TestLayerNormGradInput(Backward):
    # The gradient of one element is 0, of which nothing but rounding is left to compare.
    op, cases, bulk = "layer_norm_grad_input", {k: v for k, v in LAYER.items() if k != "one_element"}, LAYER_BULK
    probes = ("rows", "image")
    affine_shape = staticmethod(tail)


class TestGroupNorm(Forward):
    op, cases, bulk = "group_norm", GROUP, GROUP_BULK
    probes = ("image", "features", "plain")


class TestGroupNormGradInput(Backward):
    op, cases, bulk = "group_norm_grad_input", GROUP, GROUP_BULK
    probes = ("image", "features")


class TestInstanceNorm(Forward):
    op, cases, bulk = "instance_norm", INSTANCE, INSTANCE_BULK
    probes = ("image", "sequence", "lanes_exact")


class TestInstanceNormGradInput(Backward):
    op, cases, bulk = "instance_norm_grad_input", INSTANCE, INSTANCE_BULK
    probes = ("image", "sequence")


class TestLocalResponseNorm(contract.ImageOut, contract.Differentiable):
    op, cases, bulk, family = "local_response_norm", RESPONSE, RESPONSE_BULK, "norm"
    probes = ("image", "even", "one_channel")

    def inputs(self, case, rng):
        return {"x": 2 * rng.standard_normal(case.x)}

    def call(self, case, a, **extra):
        return ops.local_response_norm(a["x"], **case.args, **extra)

    def expected(self, case, a):
        return oracle.local_response_norm(a["x"], **case.args)

    def gradients(self, case, a, gy, y):
        return {"x": ops.local_response_norm_grad_input(gy, a["x"], **case.args)}


class TestLocalResponseNormGradInput(contract.Image):
    op, cases, bulk, family = "local_response_norm_grad_input", RESPONSE, RESPONSE_BULK, "norm"
    probes, batch, images = ("image", "even"), ("gy", "x"), ("gy", "x")

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal(case.x), "x": 2 * rng.standard_normal(case.x)}

    def call(self, case, a):
        return ops.local_response_norm_grad_input(a["gy"], a["x"], **case.args)

    def expected(self, case, a):
        return oracle.local_response_norm_grad_input(a["gy"], a["x"], **case.args)


# ---- running statistics ---------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("name", BATCH)
def test_training_moves_the_running_statistics(name, dtype):
    x = (np.random.default_rng(3).standard_normal(BATCH[name].x) * 2 + 5).astype(dtype)
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
