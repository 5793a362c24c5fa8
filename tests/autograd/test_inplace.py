"""Changes in place: overwritten where nothing is recorded, replaced on the tape where it is, caught where it hurts."""

import numpy as np
import pytest
from tape import check_gradients, normal

from fastnn import ops
from fastnn.autograd import Tensor, no_grad


def test_gradients_flow_through_changes():
    def function(a, b):
        h = a * 1
        h += b
        h *= b
        h -= 2 * a
        h /= b * b + 1
        h[0] = b[1] * a[2]
        h[1:, 2] += a[1:, 0]
        return h * h

    check_gradients(function, a=normal(3, 4), b=normal(3, 4, seed=1))


def test_everybody_who_holds_the_tensor_sees_a_recorded_change():
    x = Tensor([1.0, 2.0], requires_grad=True)
    h = x * 3
    kept = [h]
    before = h * 1
    h += 1
    assert kept[0] is h and h.numpy().tolist() == [4, 7] and before.numpy().tolist() == [3, 6]
    (h + before).sum().backward()
    assert x.grad.numpy().tolist() == [6, 6]


def test_unrecorded_changes_overwrite_the_memory():
    array = np.array([1.0, 2.0])
    x = Tensor(array)
    view = x[:1]
    x += 1
    x *= 2
    assert array.tolist() == [4, 6] and view.item() == 4
    x[1] = 0
    x.add_(1).sub_(3).mul_(2).div_(4)
    assert array.tolist() == [1, -1]
    assert x.fill_(7) is x and array.tolist() == [7, 7]


def test_parameters_can_be_updated_without_recording():
    x = Tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    with no_grad():
        x -= 0.5 * x.grad
    assert x.numpy().tolist() == [0, 0] and x.is_leaf and x.requires_grad


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.add_(1),
        lambda x: x.zero_(),
        lambda x: x.copy_(np.zeros(2, np.float32)),
        lambda x: x.__setitem__(0, 5.0),
    ],
    ids=["add", "zero", "copy", "assign"],
)
def test_a_leaf_cannot_be_changed_while_recording(change):
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf that requires grad cannot be changed in place"):
        change(x)
    assert x.numpy().tolist() == [1, 2]


SAVING = {
    "mul": lambda x: x * x,
    "div": lambda x: x / x,
    "pow": lambda x: x**2,
    "log": lambda x: x.log(),
    "matmul": lambda x: x @ x,
    "amax": lambda x: x.amax(),
}


@pytest.mark.parametrize("name", SAVING)
def test_a_saved_input_that_was_changed_is_caught(name):
    x = Tensor(normal(3, 3) ** 2 + 1, requires_grad=True)
    y = SAVING[name](x)
    with no_grad():
        x += 1
    with pytest.raises(RuntimeError, match="saved was changed in place"):
        y.backward(np.ones(y.shape))


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid", "sqrt", "relu"])
def test_a_saved_result_that_was_changed_is_caught(name):
    x = Tensor(normal(3) ** 2, requires_grad=True)
    y = getattr(x, name)()
    z = y + 1
    with no_grad():
        y.zero_()
    with pytest.raises(RuntimeError, match="saved was changed in place"):
        z.sum().backward()


def test_a_change_through_a_view_is_caught():
    x = Tensor(normal(4), requires_grad=True)
    y = x * x
    with no_grad():
        x.reshape(2, 2)[1] += 1
    with pytest.raises(RuntimeError, match="mul saved was changed"):
        y.sum().backward()


def test_what_reads_no_values_may_follow_a_change():
    x = Tensor(normal(4), requires_grad=True)
    y = (x + 1).reshape(2, 2).sum()
    with no_grad():
        x.zero_()
    y.backward()
    assert x.grad.numpy().tolist() == [1] * 4


def test_a_change_before_the_use_does_no_harm():
    x = Tensor(normal(4), requires_grad=True)
    with no_grad():
        x.fill_(3)
    (x * x).sum().backward()
    assert x.grad.numpy().tolist() == [6] * 4


@pytest.mark.parametrize(
    "change, error, message",
    [
        (lambda x: x.add_(normal(3, 2)), ValueError, r"add_: the result has shape \(3, 2\), the tensor has \(2,\)"),
        (lambda x: x.copy_(normal(3)), ValueError, r"copy_: shape \(3,\) does not broadcast to \(2,\)"),
        (lambda x: x.add_(np.ones(2, np.float32)), TypeError, "float64 and float32"),
    ],
)
def test_changes_that_do_not_fit_are_named(change, error, message):
    x = Tensor(normal(2))
    before = x.numpy().copy()
    with pytest.raises(error, match=message):
        change(x)
    np.testing.assert_array_equal(x.numpy(), before)


def test_copies_convert_and_broadcast():
    x = Tensor(np.zeros((2, 3)))
    x.copy_(np.array([1, 2, 3], np.float32))
    assert x.numpy().tolist() == [[1, 2, 3]] * 2 and x.dtype == np.float64
    assert x.fill_(0.1).numpy()[0, 0] == 0.1
    x.copy_([7, 8, 9.5])
    assert x.numpy()[1].tolist() == [7, 8, 9.5]


def test_gradients_of_recorded_copies():
    def function(a, b):
        h = a * 2
        h.copy_(b)
        return h * a

    check_gradients(function, a=normal(3, 4), b=normal(4))


def test_a_recorded_result_that_is_overwritten_by_constants_loses_its_history():
    x = Tensor(normal(3), requires_grad=True)
    h = x * 2
    h.zero_()
    assert not h.requires_grad and h.is_leaf


def test_blocked_images_change_in_place_and_stay_blocked():
    plain = normal(1, 3, 2, 2)
    x = Tensor(ops.blocked(plain))
    x += 1
    x[:, 0] = 5
    expected = plain + 1
    expected[:, 0] = 5
    assert type(x.data) is ops.Blocked and not x.data.data[..., 3:].any()
    np.testing.assert_array_equal(x.numpy(), expected)


def test_assignment_by_a_list_is_not_recorded():
    x = Tensor(normal(3), requires_grad=True) * 1
    with pytest.raises(NotImplementedError, match="set_item: a recorded assignment takes integers and slices"):
        x[[0, 0]] = Tensor(normal(2), requires_grad=True)
