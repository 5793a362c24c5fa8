"""pad and its gradient: the contract, PyTorch, and bad input."""

import cases
import contract
import naive
import numpy as np
import pytest
import tolerance
from contract import rejects
from hypothesis import assume, given
from hypothesis import strategies as st

import fastnn
from fastnn import ops

PROBES = ("two_dims_constant", "two_dims_reflect", "rows_only_reflect", "cropped", "value", "circular_whole")
MODES = ["constant", "reflect", "replicate", "circular"]


class Pad(contract.Image):
    cases, bulk, probes = cases.PAD, cases.PAD_BULK, PROBES


class TestPad(contract.ImageOut, contract.Differentiable, Pad):
    op = "pad"

    def inputs(self, case, rng):
        return {"x": rng.standard_normal(case.x)}

    def call(self, case, a, **extra):
        return ops.pad(a["x"], case.pad, case.mode, case.value, **extra)

    def expected(self, case, a):
        return naive.pad(a["x"], case.pad, case.mode, case.value)

    def gradients(self, case, a, gy, y):
        return {"x": ops.pad_grad_input(gy, case.x, case.pad, case.mode)}


class TestPadGradInput(Pad):
    op, batch, images, family = "pad_grad_input", ("gy",), ("gy",), "sum"

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal(case.y)}

    def call(self, case, a):
        return ops.pad_grad_input(a["gy"], self.shape(case, a), case.pad, case.mode)

    def expected(self, case, a):
        return naive.pad_grad_input(a["gy"], self.shape(case, a), case.pad, case.mode)

    def length(self, case):
        return max(3, *case.y) if case.mode == "replicate" else 3 ** (len(case.pad) // 2)

    @staticmethod
    def shape(case, a):
        return (len(a["gy"]), *case.x[1:]) if a["gy"].shape[0] == 0 else case.x


@st.composite
def paddings(draw):
    mode = draw(st.sampled_from(MODES))
    dims = draw(st.integers(1, 3))
    shape = [draw(st.integers(1, 3)) for _ in range(2)] + [draw(st.integers(1, 7)) for _ in range(dims)]
    pad = []
    for size in shape[:1:-1]:
        most = {"reflect": size - 1, "circular": size}.get(mode, 9)
        least = 0 if mode == "circular" else -size  # PyTorch's circular is not periodic where it crops
        before = draw(st.integers(least, most))
        pad += [before, draw(st.integers(least if before >= 0 else max(least, -size - before), most))]
        assume(size + sum(pad[-2:]) > 0)
        if mode == "constant":  # PyTorch crops before it pads
            assume(-min(pad[-2], 0) - min(pad[-1], 0) <= size)
    return mode, tuple(shape), tuple(pad)


@given(paddings())
def test_random_paddings_agree_with_the_oracle(case):
    mode, shape, pad = case
    x = np.random.default_rng(2).standard_normal(shape)
    y = ops.pad(x, pad, mode)
    tolerance.assert_same(y, naive.pad(x, pad, mode))
    gx = naive.pad_grad_input(y, shape, pad, mode)
    tolerance.assert_close(ops.pad_grad_input(y, shape, pad, mode), gx, "sum", 99)


@given(paddings())
def test_random_paddings_agree_with_pytorch(case):
    torch = pytest.importorskip("torch")
    mode, shape, pad = case
    x = np.random.default_rng(2).standard_normal(shape).astype(np.float32)
    leaf = torch.from_numpy(x).requires_grad_()
    y = torch.nn.functional.pad(leaf, pad, mode)
    tolerance.assert_same(ops.pad(x, pad, mode), y.detach().numpy())
    gy = np.random.default_rng(3).standard_normal(y.shape).astype(np.float32)
    y.backward(torch.from_numpy(gy))
    gx = ops.pad_grad_input(gy, shape, pad, mode)
    tolerance.assert_close(gx, leaf.grad.numpy().astype(np.float64), "sum", 99)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, -0.0, 1e300, np.float32(2), 3])
@pytest.mark.parametrize("dtype", contract.DTYPES)
def test_any_number_is_a_constant(value, dtype):
    y = ops.pad(np.ones((1, 2), dtype), (1, 2), value=value)
    with np.errstate(over="ignore"):
        constant = dtype(value)
    np.testing.assert_array_equal(y, [[constant, 1, 1, constant, constant]])


@pytest.mark.parametrize("mode", MODES)
def test_nan_and_infinity_are_copied(mode):
    x = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    x[0, 0, 0, 0], x[0, 1, 2, 3] = np.nan, np.inf
    tolerance.assert_same(ops.pad(x, (2, 1, 1, 2), mode), naive.pad(x, (2, 1, 1, 2), mode).astype(np.float32))


def test_channels_of_a_blocked_image_can_be_padded():
    x = np.random.default_rng(4).standard_normal((2, 5, 3, 4))
    y = ops.pad(fastnn.blocked(x), (1, 0, 0, 2, 13, 1), value=1.5)
    assert type(y) is ops.Blocked
    tolerance.assert_same(y.numpy(), naive.pad(x, (1, 0, 0, 2, 13, 1), value=1.5))
    gx = ops.pad_grad_input(y, x.shape, (1, 0, 0, 2, 13, 1))
    assert type(gx) is ops.Blocked
    tolerance.assert_same(gx.numpy(), x)


@pytest.mark.parametrize("mode", MODES)
def test_results_without_elements(mode):
    x = np.ones((2, 0, 3))
    assert ops.pad(x, (1, 2), mode).shape == (2, 0, 6)
    assert ops.pad(np.ones((2, 3)), (-3, 0) if mode != "circular" else (0, 0, 0, 0), mode).size in (0, 6)
    assert ops.pad_grad_input(np.ones((2, 0, 6)), x.shape, (1, 2), mode).shape == x.shape
    if mode == "constant":
        np.testing.assert_array_equal(ops.pad(x, (0, 0, 1, 2)), np.zeros((2, 3, 3)))


def test_a_list_or_array_of_sizes_will_do():
    x = np.ones((2, 3))
    for pad in ([1, 2], np.array([1, 2]), (np.int64(1), np.int32(2))):
        assert ops.pad(x, pad).shape == (2, 6)


# ---- bad input -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "bad, words",
    [
        ({"pad": (1,)}, ["pad", "(1,)"]),
        ({"pad": (1, 2, 3)}, ["pad", "(1, 2, 3)"]),
        ({"pad": (1, 1) * 5}, ["pad", 4]),
        ({"pad": 1}, ["pad"]),
        ({"pad": "same"}, ["pad", "same"]),
        ({"pad": None}, ["pad"]),
        ({"pad": (1.5, 1)}, ["pad", 1.5]),
        ({"pad": (True, 1)}, ["pad", "True"]),
        ({"pad": (2**61, 1)}, ["large"]),
        ({"pad": (-5, -3)}, ["-5", 7]),
        ({"mode": "symmetric"}, ["mode", "symmetric"]),
        ({"mode": None}, ["mode", "None"]),
        ({"mode": ["reflect"]}, ["mode"]),
        ({"mode": "reflect", "pad": (7, 0)}, ["reflect", 7]),
        ({"mode": "reflect", "pad": (0, 0, 0, 5)}, ["reflect", 5]),
        ({"mode": "circular", "pad": (8, 0)}, ["circular", 7]),
        ({"mode": "circular", "pad": (-1, 0)}, ["circular", "-1"]),
        ({"mode": "reflect", "value": 1}, ["value", 1]),
        ({"value": "one"}, ["value", "one"]),
        ({"value": None}, ["value"]),
        ({"value": 1j}, ["value"]),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(bad, words):
    with rejects("pad", *words):
        ops.pad(**({"x": np.ones((2, 3, 5, 7)), "pad": (1, 2)} | bad))


@pytest.mark.parametrize("mode", ["replicate", "reflect", "circular"])
def test_a_dimension_without_elements_has_none_to_copy(mode):
    with rejects("pad", 0):
        ops.pad(np.ones((2, 0)), (1, 0), mode)


@pytest.mark.parametrize(
    "shape, words",
    [((2, 4), ["(2, 6)", "(2, 7)"]), ((2, -1), ["input_shape"]), (None, ["input_shape"]), ((2.0, 3), [])],
)
def test_gradients_refuse_shapes_that_do_not_fit(shape, words):
    with rejects("pad_grad_input", *words):
        ops.pad_grad_input(np.ones((2, 6)), shape, (1, 2))
