"""Deviations, products, running sums, and the newer reshapings and conversions."""

import numpy as np
import pytest
from tape import check_gradients, normal

import fastnn.autograd as F
from fastnn.autograd import Tensor

X = normal(3, 4, 2)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [None, 1, (0, 2)])
def test_deviations(dim, keepdim):
    for name, correction in (("var", 1), ("std", 0)):
        check_gradients(lambda x, name=name, c=correction: getattr(x, name)(dim, c, keepdim), x=X)
        expected = getattr(np, name)(X, axis=dim, ddof=correction, keepdims=keepdim)
        np.testing.assert_allclose(getattr(Tensor(X), name)(dim, correction, keepdim).numpy(), expected)
    check_gradients(lambda x: x.logsumexp(dim, keepdim), x=X)
    expected = np.log(np.exp(X).sum(axis=dim, keepdims=keepdim))
    np.testing.assert_allclose(Tensor(X).logsumexp(dim, keepdim).numpy(), expected)


def test_one_element_has_no_deviation():
    assert np.isnan(Tensor([1.0]).var().item()) and Tensor([1.0]).var(correction=0).item() == 0


def test_logsumexp_does_not_overflow():
    assert Tensor([1e4, 1e4]).logsumexp().item() == pytest.approx(1e4 + np.log(2))
    with np.errstate(divide="ignore"):
        assert Tensor([-np.inf, -np.inf]).logsumexp(0).item() == -np.inf


@pytest.mark.parametrize(
    "function, expected",
    [
        (lambda x: x.prod(), lambda x: x.prod()),
        (lambda x: x.prod(1, keepdim=True), lambda x: x.prod(1, keepdims=True)),
        (lambda x: x.cumsum(-2), lambda x: x.cumsum(1)),
        (lambda x: x.sin() * x.cos(), lambda x: np.sin(x) * np.cos(x)),
        (lambda x: F.expm1(x) * F.log1p(x * x), lambda x: np.expm1(x) * np.log1p(x * x)),
        (lambda x: x[:, :1].expand(2, -1, 5, 2), lambda x: np.broadcast_to(x[:, :1], (2, 3, 5, 2))),
        (lambda x: x.split([1, 3], 1)[1], lambda x: x[:, 1:]),
        (lambda x: x.chunk(3, -2)[1], lambda x: x[:, 2:]),
        (lambda x: x.flip(0, 2), lambda x: x[::-1, :, ::-1]),
        (lambda x: x.square().pow(2), lambda x: x**4),
        (lambda x: x.softmax(1) * x.log_softmax(1), None),
    ],
)
def test_gradients_and_values(function, expected):
    check_gradients(function, x=X)
    if expected is not None:
        np.testing.assert_allclose(function(Tensor(X)).numpy(), expected(X), rtol=1e-12)


def test_the_gradient_of_a_product_with_zeros():
    x = Tensor(np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 3.0]]), requires_grad=True)
    x.prod(1).sum().backward()
    assert x.grad.numpy().tolist() == [[6, 0, 0], [0, 0, 0]]


def test_conversions_are_recorded():
    x = Tensor([1.5, 2.0], requires_grad=True)
    y = x.double()
    (y * y).sum().backward()
    assert y.dtype == np.float64 and x.grad.dtype == np.float32 and x.grad.numpy().tolist() == [3, 4]
    assert x.float() is x and x.to("float32") is x
    assert x.long().numpy().tolist() == [1, 2] and not x.long().requires_grad


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x: x.expand(3, 5, 2), r"expand: shape \(3, 4, 2\) does not expand to \(3, 5, 2\)"),
        (lambda x: x.expand(4, 2), "expand"),
        (lambda x: x.expand(-1, 3, 4, 2), "expand"),
        (lambda x: x.split([1, 2], 1), r"split: sizes \[1, 2\] do not add up to 4"),
        (lambda x: x.split(0), "split: split_size must be at least 1"),
        (lambda x: x.chunk(0), "chunk: chunks must be"),
        (lambda x: x.cumsum(3), "cumsum: dimension 3"),
        (lambda x: x.flip(5), "flip: dimension 5"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(Tensor(X))
