"""Reshaping, indexing and joining."""

import numpy as np
import pytest
from tape import check_gradients, normal

from fastnn import ops
from fastnn.autograd import Tensor, cat, no_grad, stack

X = normal(3, 4, 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.reshape(4, 6),
        lambda x: x.reshape((2, -1)),
        lambda x: x.view(-1),
        lambda x: x.flatten(),
        lambda x: x.flatten(1),
        lambda x: x.flatten(-2, -1),
        lambda x: x.permute(2, 0, 1),
        lambda x: x.permute((1, -1, 0)),
        lambda x: x.transpose(0, -1),
        lambda x: x.T,
        lambda x: x.unsqueeze(1).unsqueeze(-1),
        lambda x: x[:1].squeeze(),
        lambda x: x[:1].squeeze(0),
        lambda x: x.squeeze(1),
        lambda x: x.clone(),
        lambda x: x.T.reshape(4, 6),
    ],
)
def test_gradients_of_reshaping(function):
    check_gradients(function, x=X)


INDICES = {
    "row": 1,
    "negative": -1,
    "slice": slice(None, None, 2),
    "tuple": (slice(1, None), 2),
    "element": (1, 2, 0),
    "ellipsis": (..., 1),
    "new_axis": (None, 1, ..., None),
    "backwards": (slice(None, None, -1),),
    "list": [2, 0, 2],
    "lists": ([0, 0, 1], [3, 3, 2]),
    "array": (slice(None), np.array([[1, 1], [0, 3]])),
    "mask": X > 0,
    "tensor": Tensor(np.array([0, 0, 2])),
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_gradients_of_indexing(index):
    check_gradients(lambda x: x[index], x=X)
    raw = index.numpy() if isinstance(index, Tensor) else index
    np.testing.assert_array_equal(Tensor(X)[index].numpy(), X[raw])


def test_gradients_of_joining():
    check_gradients(lambda a, b, c: cat([a, b, c], 1), a=normal(2, 3), b=normal(2, 1), c=normal(2, 4))
    check_gradients(lambda a, b: stack([a, b], -1), a=normal(2, 3), b=normal(2, 3, seed=1))


def test_joining_what_does_not_fit():
    with pytest.raises(ValueError, match=r"cat: shapes .*\(2, 3\), \(4, 2\).* dimension 0"):
        cat([normal(2, 3), normal(4, 2)])
    with pytest.raises(TypeError, match="cat: dtypes differ: float64, float32"):
        cat([normal(2), normal(2).astype(np.float32)])
    with pytest.raises(ValueError, match="cat: no tensors"):
        cat([])


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda x: x.reshape(5, 5), r"reshape: 24 elements of shape \(3, 4, 2\) do not fit shape \(5, 5\)"),
        (lambda x: x.permute(0, 1), r"permute: \(0, 1\) is no order of 3"),
        (lambda x: x.transpose(0, 3), "transpose: dimensions 0 and 3"),
        (lambda x: x.flatten(2, 1), "flatten: dimensions 2 to 1"),
        (lambda x: x.squeeze(3), "squeeze: dimension 3"),
        (lambda x: x.unsqueeze(5), "unsqueeze: dimension 5"),
    ],
)
def test_impossible_shapes_are_named(function, message):
    with pytest.raises(ValueError, match=message):
        function(Tensor(X))


def test_views_share_memory_and_versions():
    x = Tensor(X.copy())
    views = [x.reshape(-1), x.T, x[1], x[0, 0, 0], x.detach()]
    with no_grad():
        x.zero_()
    assert not any(view.numpy().any() for view in views)
    assert all(view._version is x._version for view in views)
    copies = [x.T.reshape(-1), x[[0, 1]], x.clone()]
    assert all(copy._version is not x._version for copy in copies)


def test_blocked_images_are_flattened_in_the_order_of_nchw():
    plain = normal(2, 5, 3, 4)
    x = Tensor(ops.blocked(plain), requires_grad=True)
    y = x.flatten(1)
    np.testing.assert_array_equal(y.numpy(), plain.reshape(2, -1))
    y.backward(y.detach())
    assert type(x.grad.data) is ops.Blocked
    np.testing.assert_array_equal(x.grad.numpy(), plain)


@pytest.mark.parametrize("function", [lambda x: x[:, 1:3], lambda x: x.permute(0, 2, 3, 1), lambda x: x.reshape(-1)])
def test_other_reshaping_of_blocked_images_gives_arrays(function):
    plain = normal(2, 5, 3, 4)
    x = Tensor(ops.blocked(plain), requires_grad=True)
    y = function(x)
    np.testing.assert_array_equal(y.numpy(), function(Tensor(plain)).numpy())
    y.backward(np.ones(y.shape))
    assert type(x.grad.data) is ops.Blocked


def test_clones_are_blocked_where_the_original_is():
    x = Tensor(ops.blocked(normal(1, 2, 2, 2)), requires_grad=True)
    y = x.clone()
    assert type(y.data) is ops.Blocked and not np.shares_memory(y.data.data, x.data.data)
