"""Choosing among elements, and einsum."""

import numpy as np
import pytest
from tape import check_gradients, normal, spread

import fastnn.autograd as F
from fastnn.autograd import Tensor

X = spread(3, 4, 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.max(1)[0],
        lambda x: x.min(-1, keepdim=True).values,
        lambda x: x.max(),
        lambda x: F.where(x > 0, x, x * 3),
        lambda x: F.where(X[0] > 0, 2.0, x),
        lambda x: x.masked_fill(X[:, :1] > 0, 7.0),
        lambda x: x.gather(1, np.array([[[0, 1], [3, 3]]])),
        lambda x: x.topk(2, 1).values,
        lambda x: F.maximum(x, 0.1) * F.minimum(x, -0.1),
        lambda x: x.clamp(min=-0.5),
    ],
)
def test_gradients(function):
    check_gradients(function, x=X)


def test_gradients_of_two_operands():
    check_gradients(lambda a, b: F.where(X > 0, a, b), a=X, b=normal(4, 1))
    check_gradients(F.maximum, a=X, b=spread(4, 2, seed=1))
    check_gradients(F.minimum, a=X, b=spread(1, 1, 2, seed=2) + 0.01)


def test_values():
    t = Tensor(X)
    for name in ("max", "min"):
        values, indices = getattr(t, name)(1)
        np.testing.assert_array_equal(values.numpy(), getattr(np, name)(X, axis=1))
        np.testing.assert_array_equal(indices.numpy(), getattr(np, f"arg{name}")(X, axis=1))
    values, indices = t.topk(3, 1)
    np.testing.assert_array_equal(values.numpy(), -np.sort(-X, axis=1)[:, :3])
    np.testing.assert_array_equal(np.take_along_axis(X, indices.numpy(), 1), values.numpy())
    np.testing.assert_array_equal(F.where(X > 0, t, 0.0).numpy(), np.where(X > 0, X, 0))
    assert Tensor([1.0, 1.0, 0.0]).argsort(descending=True).numpy().tolist() == [0, 1, 2]
    assert ((t > 0) & ~(t > 0.5) | (t < -2)).numpy().tolist() == ((X > 0) & ~(X > 0.5)).tolist()
    assert (t > -2).all() and not (t > 2).any()


def test_the_first_of_equal_extremes_gets_the_gradient():
    x = Tensor([[1.0, 3.0, 3.0]], requires_grad=True)
    x.max(1).values.sum().backward()
    assert x.grad.numpy().tolist() == [[0, 1, 0]]


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda x: x.max(3), ValueError, "max: dimension 3"),
        (lambda x: x[:, :0].min(1), ValueError, r"min: nothing to choose .*\(3, 0, 2\)"),
        (lambda x: F.where(x, x, x), TypeError, "where: the condition must be truth values, is float64"),
        (lambda x: F.where(X[:2] > 0, x, x), ValueError, r"where: shapes \(2, 4, 2\), \(3, 4, 2\)"),
        (lambda x: x.masked_fill(X[:2] > 0, 1), ValueError, r"masked_fill: mask \(2, 4, 2\)"),
        (lambda x: x.gather(1, np.array([[[4]]])), ValueError, "gather: index from 4 to 4, dimension 1 has 4"),
        (lambda x: x.gather(1, np.array([0])), ValueError, r"gather: index \(1,\) does not fit"),
        (lambda x: x.topk(5, 1), ValueError, "topk: k=5 of a dimension of 4"),
    ],
)
def test_mistakes_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call(Tensor(X))


# ---- einsum --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "equation, shapes",
    [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("bij,bkj->bik", [(2, 3, 4), (2, 5, 4)]),
        ("ij->j", [(2, 3)]),
        ("ij,i", [(2, 3), (2,)]),
        ("i,j,k->kji", [(2,), (3,), (4,)]),
        ("ij,k->", [(2, 3), (4,)]),
    ],
)
def test_einsum(equation, shapes):
    arrays = {f"x{i}": normal(*shape, seed=i) for i, shape in enumerate(shapes)}
    check_gradients(lambda *xs: F.einsum(equation, *xs), **arrays)
    np.testing.assert_allclose(F.einsum(equation, *arrays.values()).numpy(), np.einsum(equation, *arrays.values()))


@pytest.mark.parametrize(
    "equation, message",
    [
        ("ii->i", "must name each dimension"),
        ("ij,jk->ik", "names 2 operands, 1"),
        ("...i->i", "not supported"),
        ("ij->k", "result 'k'"),
    ],
)
def test_einsum_names_mistakes(equation, message):
    with pytest.raises(ValueError, match=f"einsum: .*{message}"):
        F.einsum(equation, normal(3, 3))
