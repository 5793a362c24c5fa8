"""relu, softmax and log_softmax with their gradients, and flatten."""

import cases
import contract
import naive
import numpy as np
import pytest
import tolerance
from contract import rejects

import fastnn
from fastnn import ops


def away_from_zero(rng, shape):
    """Both signs, and no value so small that a finite difference crosses the kink."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.25, 2, shape)


class TestRelu(contract.ImageOut, contract.Differentiable):
    op, cases, bulk = "relu", cases.RELU, cases.RELU_BULK
    probes = ("lanes_plus_1", "matrix", "image", "five_axes")

    def inputs(self, case, rng):
        return {"x": away_from_zero(rng, case.x)}

    def call(self, case, a, **extra):
        return ops.relu(a["x"], **extra)

    def expected(self, case, a):
        return naive.relu(a["x"])

    def gradients(self, case, a, gy, y):
        return {"x": ops.relu_grad_input(gy, y)}


class TestReluGradInput(contract.Image):
    op, cases, bulk = "relu_grad_input", cases.RELU, cases.RELU_BULK
    probes, batch, images = TestRelu.probes, ("gy", "y"), ("gy", "y")

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal(case.x), "y": naive.relu(rng.standard_normal(case.x))}

    def call(self, case, a):
        return ops.relu_grad_input(a["gy"], a["y"])

    def expected(self, case, a):
        return naive.relu_grad_input(a["gy"], a["y"])


class Normaliser(contract.Contract):
    cases, bulk, family = cases.SOFTMAX, cases.SOFTMAX_BULK, "softmax"
    probes = ("rows", "columns", "channels", "middle_axis")

    def length(self, case):
        return case.x[case.dim]


class Forward(contract.Out, contract.Differentiable, Normaliser):
    def inputs(self, case, rng):
        return {"x": 3 * rng.standard_normal(case.x)}


class TestSoftmax(Forward):
    op = "softmax"

    def call(self, case, a, **extra):
        return ops.softmax(a["x"], case.dim, **extra)

    def expected(self, case, a):
        return naive.softmax(a["x"], case.dim)

    def gradients(self, case, a, gy, y):
        return {"x": ops.softmax_grad_input(gy, y, case.dim)}


class TestLogSoftmax(Forward):
    op = "log_softmax"

    def call(self, case, a, **extra):
        return ops.log_softmax(a["x"], case.dim, **extra)

    def expected(self, case, a):
        return naive.log_softmax(a["x"], case.dim)

    def gradients(self, case, a, gy, y):
        return {"x": ops.log_softmax_grad_input(gy, y, case.dim)}


class Backward(Normaliser):
    batch = ("gy", "y")

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal(case.x), "y": self.forward(rng.standard_normal(case.x), case.dim)}


class TestSoftmaxGradInput(Backward):
    op, forward = "softmax_grad_input", staticmethod(naive.softmax)

    def call(self, case, a):
        return ops.softmax_grad_input(a["gy"], a["y"], case.dim)

    def expected(self, case, a):
        return naive.softmax_grad_input(a["gy"], a["y"], case.dim)


class TestLogSoftmaxGradInput(Backward):
    op, forward = "log_softmax_grad_input", staticmethod(naive.log_softmax)

    def call(self, case, a):
        return ops.log_softmax_grad_input(a["gy"], a["y"], case.dim)

    def expected(self, case, a):
        return naive.log_softmax_grad_input(a["gy"], a["y"], case.dim)


SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e-40, 3.0, -3.0] * 5)


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
def test_relu_keeps_nan_and_infinity(dtype, isa):
    x = SPECIAL.astype(dtype)
    tolerance.assert_close(ops.relu(x), naive.relu(x), "exact")
    image = x.reshape(1, 45, 1, 1)
    tolerance.assert_close(ops.relu(fastnn.blocked(image)), naive.relu(image), "exact")


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
def test_the_gradient_of_relu_passes_where_the_result_is_nan(dtype, isa):
    y, gy = ops.relu(SPECIAL.astype(dtype)), np.arange(1, 46, dtype=dtype)
    expected = np.where(y <= 0, 0, gy)
    tolerance.assert_close(ops.relu_grad_input(gy, y), expected, "exact")
    shape = 1, 45, 1, 1
    image, found = y.reshape(shape), gy.reshape(shape)
    for wrap in (np.asarray, fastnn.blocked):  # a pooling that makes the ReLU's gradient on the way
        pooled = ops.max_pool2d_grad_input(wrap(found), wrap(image), wrap(image), 1, rectified=True)
        tolerance.assert_close(np.asarray(pooled).ravel(), expected, "exact")


@pytest.mark.parametrize("dtype", contract.DTYPES)
def test_softmax_does_not_overflow(dtype):
    big = float(np.finfo(dtype).max) / 2
    x = np.array([[big, -big, 0], [-big, -big, -big], [1e4, 1e4 - 1, 0], [-np.inf, 0, 1]], dtype)
    tolerance.assert_close(ops.softmax(x), naive.softmax(x), "softmax", 3)
    y = ops.log_softmax(x[2:])
    tolerance.assert_close(y, naive.log_softmax(x[2:]), "softmax", 3)


@pytest.mark.parametrize("op", [ops.softmax, ops.log_softmax])
@pytest.mark.parametrize("row", [[1, np.nan], [1, np.inf], [np.inf, np.inf], [-np.inf, -np.inf]])
def test_a_row_without_a_finite_maximum_is_nan_and_stays_alone(op, row):
    y = op(np.array([row, [0, 0]], np.float32))
    assert np.isnan(y[0]).any() and np.isfinite(y[1]).all()
    if op is ops.softmax:
        assert np.isnan(y[0]).all()


def test_softmax_of_nothing_and_of_a_number():
    for op in (ops.softmax, ops.log_softmax):
        assert op(np.zeros((3, 0), np.float32)).shape == (3, 0)
        assert op(np.zeros((0, 3), np.float32)).shape == (0, 3)
        assert op(np.float32(5).reshape(())).shape == ()


@pytest.mark.parametrize("op", [ops.softmax, ops.log_softmax])
@pytest.mark.parametrize("dim", [2, -3, 1.0, None, "rows", 2**70])
def test_an_axis_that_is_not_there_is_refused(op, dim):
    with rejects(op.__name__, "dim"):
        op(np.zeros((3, 4), np.float32), dim)


@pytest.mark.parametrize("op", [ops.relu_grad_input, ops.softmax_grad_input, ops.log_softmax_grad_input])
def test_gradients_refuse_shapes_that_differ(op):
    with rejects(op.__name__, 3, 4, 5):
        op(np.zeros((3, 4), np.float32), np.zeros((3, 5), np.float32))


def test_relu_refuses_to_work_in_place():
    x = -np.ones(20, np.float32)
    with rejects("relu", "out"):
        ops.relu(x, out=x)
    assert (x == -1).all()
    image = fastnn.blocked(x.reshape(1, 20, 1, 1))
    with rejects("relu", "out"):
        ops.relu(image, out=image)
    assert (image.numpy() == -1).all()


@pytest.mark.parametrize(
    "axes, shape",
    [
        ((), (2, 60)),
        ((0,), (120,)),
        ((0, 1), (6, 4, 5)),
        ((2, 3), (2, 3, 20)),
        ((-2, -1), (2, 3, 20)),
        ((1, 1), None),
    ],
)
@pytest.mark.parametrize("blocked", [False, True])
def test_flatten_keeps_the_order_of_nchw(axes, shape, blocked):
    x = np.arange(120, dtype=np.float32).reshape(2, 3, 4, 5)
    y = ops.flatten(fastnn.blocked(x) if blocked else x, *axes)
    assert type(y) is np.ndarray
    tolerance.assert_same(y, x.reshape(shape or x.shape))


@pytest.mark.parametrize("axes", [(4,), (1, 4), (-5,), (2, 1), (1.5,)])
def test_flatten_refuses_axes_that_are_not_there(axes):
    with rejects("flatten", "dim"):
        ops.flatten(np.zeros((2, 3, 4, 5), np.float32), *axes)
