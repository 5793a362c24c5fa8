"""Batch, layer, group, instance and local response normalisation with their gradients: the contract."""

import cases_norm
import contract
import naive_norm as oracle
import numpy as np

from fastnn import ops


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
    op, cases, bulk = "batch_norm", cases_norm.BATCH, cases_norm.BATCH_BULK
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
    op, cases, bulk = "batch_norm_grad_input", cases_norm.BATCH, cases_norm.BATCH_BULK
    probes = ("image", "features")

    def call(self, case, a):
        weight = a.get("weight")
        return ops.batch_norm_grad_input(a["gy"], a["x"], weight=weight, training=True, **case.args)

    def expected(self, case, a):
        if a["x"].size == 0:
            return np.zeros(a["x"].shape)
        return oracle.batch_norm_grads(a["gy"], a["x"], weight=a.get("weight"), training=True, **case.args)[0]


class TestBatchNormInference(Forward):
    op, cases, bulk = "batch_norm", cases_norm.BATCH, cases_norm.BATCH_BULK
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
    op, cases, bulk = "layer_norm", cases_norm.LAYER, cases_norm.LAYER_BULK
    probes = ("rows", "image", "plain")
    affine_shape = staticmethod(tail)

    def grad_bias(self, case, gy):
        return ops.layer_norm_grad_bias(gy, case.args["normalized_shape"])


# The gradient of one element is 0, of which nothing but rounding is left to compare.
LAYER_GRADIENTS = {name: case for name, case in cases_norm.LAYER.items() if name != "one_element"}


class TestLayerNormGradInput(Backward):
    op, cases, bulk = "layer_norm_grad_input", LAYER_GRADIENTS, cases_norm.LAYER_BULK
    probes = ("rows", "image")
    affine_shape = staticmethod(tail)


class TestGroupNorm(Forward):
    op, cases, bulk = "group_norm", cases_norm.GROUP, cases_norm.GROUP_BULK
    probes = ("image", "features", "plain")


class TestGroupNormGradInput(Backward):
    op, cases, bulk = "group_norm_grad_input", cases_norm.GROUP, cases_norm.GROUP_BULK
    probes = ("image", "features")


class TestInstanceNorm(Forward):
    op, cases, bulk = "instance_norm", cases_norm.INSTANCE, cases_norm.INSTANCE_BULK
    probes = ("image", "sequence", "lanes_exact")


class TestInstanceNormGradInput(Backward):
    op, cases, bulk = "instance_norm_grad_input", cases_norm.INSTANCE, cases_norm.INSTANCE_BULK
    probes = ("image", "sequence")


class TestLocalResponseNorm(contract.ImageOut, contract.Differentiable):
    op, cases, bulk, family = "local_response_norm", cases_norm.RESPONSE, cases_norm.RESPONSE_BULK, "norm"
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
    op, cases, bulk, family = "local_response_norm_grad_input", cases_norm.RESPONSE, cases_norm.RESPONSE_BULK, "norm"
    probes, batch, images = ("image", "even"), ("gy", "x"), ("gy", "x")

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal(case.x), "x": 2 * rng.standard_normal(case.x)}

    def call(self, case, a):
        return ops.local_response_norm_grad_input(a["gy"], a["x"], **case.args)

    def expected(self, case, a):
        return oracle.local_response_norm_grad_input(a["gy"], a["x"], **case.args)
