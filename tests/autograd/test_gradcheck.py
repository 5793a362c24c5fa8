"""`gradcheck` accepts right gradients and finds wrong ones, with their place and numbers."""

import numpy as np
import pytest
from tape import normal

import fastnn.autograd as F
from fastnn import nn, ops
from fastnn.autograd import GradcheckError, Tensor, gradcheck
from fastnn.autograd.tensor import record


def wrong_square(x):
    """x * x whose gradient is off in the element [1, 0]."""

    def backward(gy):
        factor = np.full(x.shape, 2.0)
        factor[1, 0] = 2.5
        return (gy * factor * x.data,)

    return record(x.data * x.data, (x,), backward)


@pytest.fixture
def x():
    return Tensor(np.array([[1.0, 2.0], [3.0, 4.0]]), requires_grad=True)


@pytest.mark.parametrize("fast", [False, True])
def test_right_gradients_pass(x, fast):
    def several(a, b):
        return a * b.unsqueeze(0), (a + 1).sum(0), a.argmax()

    before = x.numpy().copy()
    assert gradcheck(several, (x, Tensor(normal(2), requires_grad=True)), fast_mode=fast)
    assert gradcheck(lambda a, mask: a * mask, (x, Tensor([True, False])), fast_mode=fast)
    np.testing.assert_array_equal(x.numpy(), before)
    assert x.grad is None
    image = Tensor(ops.blocked(normal(1, 2, 4, 4)), requires_grad=True)
    assert gradcheck(lambda x: F.conv2d(x, normal(3, 2, 3, 3)), image, fast_mode=fast)


def test_wrong_gradients_are_found_and_placed(x):
    place = r"output 0 at \[1, 0\] with respect to input 0 at \[1, 0\]: backward gives 7.5, .* give 6.*1 of 16"
    with pytest.raises(GradcheckError, match=place):
        gradcheck(wrong_square, x)
    with pytest.raises(GradcheckError, match="input 0 along a random direction"):
        gradcheck(wrong_square, x, fast_mode=True)
    assert not gradcheck(wrong_square, x, raise_exception=False)
    with pytest.raises(GradcheckError, match="output 1 at"):
        gradcheck(lambda a: (a * 1, wrong_square(a)), x)
    with pytest.raises(GradcheckError, match="nan"):
        gradcheck(lambda a: record(a.data * 1, (a,), lambda gy: (gy * np.nan,)), x)


def test_a_gradient_that_is_not_recorded_is_found(x):
    with pytest.raises(GradcheckError, match="input 0"):
        gradcheck(lambda a: a + a.detach(), x)


def test_parameters_reached_through_their_model_are_moved():
    model = nn.Sequential(nn.Linear(3, 2, dtype=np.float64), nn.Tanh()).eval()
    assert gradcheck(lambda *parameters: model(normal(4, 3)), tuple(model.parameters()))


@pytest.mark.parametrize(
    "inputs, error, message",
    [
        (lambda: Tensor([1.0], requires_grad=True), TypeError, "input 0 is float32; .* float64"),
        (lambda: Tensor(np.ones(1)), ValueError, "no input requires grad"),
    ],
)
def test_inputs_that_cannot_be_checked(inputs, error, message):
    with pytest.raises(error, match=f"gradcheck: {message}"):
        gradcheck(lambda x: x * 2, inputs())


def test_outputs_that_cannot_be_checked(x):
    with pytest.raises(ValueError, match="no output requires grad"):
        gradcheck(lambda a: a.detach() * 2, x)
