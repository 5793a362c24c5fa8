"""layout="NHWC" of transposed convolutions of images: the contract, everything fused, and the gradients."""

import math

import cases_nd
import contract
import naive
import numpy as np
import pytest
import tolerance
from contract import rejects

from fastnn import ops

NAMES = ("lanes_plus_1", "dcgan_last", "output_padding", "groups_narrow", "depthwise")


def last(a):
    """NCHW to NHWC."""
    return np.ascontiguousarray(np.moveaxis(a, 1, -1))


class TestConvTranspose2dNhwc(contract.Out, contract.Differentiable):
    op, ranks, family = "conv_transpose2d", (("x", 4), ("weight", 4)), "conv"
    cases, bulk = {name: cases_nd.TRANSPOSED2D[name] for name in NAMES}, cases_nd.TRANSPOSED2D_BULK[:1]

    def inputs(self, case, rng):
        bias = {"bias": rng.standard_normal(case.oc)} if case.bias else {}
        return {"x": last(rng.standard_normal(case.x)), "weight": rng.standard_normal(case.weight), **bias}

    def length(self, case):
        return case.weight[0] * math.prod(case.weight[2:]) + 1

    def call(self, case, a, **extra):
        return ops.conv_transpose2d(a["x"], a["weight"], a.get("bias"), **case.args, layout="NHWC", **extra)

    def expected(self, case, a):
        return last(naive.conv_transpose(np.moveaxis(a["x"], -1, 1), a["weight"], a.get("bias"), **case.args))

    def gradients(self, case, a, gy, y):
        bias = {"bias": ops.conv_transpose2d_grad_bias(gy, layout="NHWC")} if case.bias else {}
        return bias | {
            "x": ops.conv_transpose2d_grad_input(gy, a["weight"], a["x"].shape, **case.args, layout="NHWC"),
            "weight": ops.conv_transpose2d_grad_weight(gy, a["x"], case.weight, **case.args, layout="NHWC"),
        }


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("name", NAMES)
def test_with_everything_fused(name, isa):
    case, rng = cases_nd.TRANSPOSED2D[name], np.random.default_rng(3)
    x, weight = (rng.standard_normal(shape).astype(np.float32) for shape in (case.x, case.weight))
    residual = rng.standard_normal(ops.conv_transpose2d(x, weight, **case.args).shape).astype(np.float32)
    options = {**case.args, "activation": "relu"}
    found = ops.conv_transpose2d(last(x), weight, **options, residual=last(residual), layout="NHWC")
    expected = last(ops.conv_transpose2d(x, weight, **options, residual=residual))
    tolerance.assert_close(found, expected, "conv", case.weight[0] * math.prod(case.weight[2:]) + 1)


def test_what_does_not_fit_is_refused():
    x, weight = np.ones((1, 5, 6, 3), np.float32), np.ones((3, 4, 2, 2), np.float32)
    assert ops.conv_transpose2d(x, weight, layout="NHWC").shape == (1, 6, 7, 4)
    for layout in ("NWHC", 2):
        with rejects("conv_transpose2d", "layout", layout):
            ops.conv_transpose2d(x, weight, layout=layout)
    with rejects("conv_transpose2d", "x", "C]", x[0].shape):
        ops.conv_transpose2d(x[0], weight, layout="NHWC")
    with rejects("conv_transpose2d", "Blocked", "NHWC"):
        ops.conv_transpose2d(ops.blocked(x), weight, layout="NHWC")
    with rejects("conv_transpose2d", "out", (1, 6, 7, 4), (1, 4, 6, 7)):
        ops.conv_transpose2d(x, weight, layout="NHWC", out=np.ones((1, 4, 6, 7), np.float32))
    with rejects("conv_transpose2d_grad_input", "gy", (1, 6, 7, 4)):
        ops.conv_transpose2d_grad_input(np.ones((1, 4, 6, 7), np.float32), weight, x.shape, layout="NHWC")
