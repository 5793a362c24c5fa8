"""Gradient clipping: against NumPy and PyTorch, non-finite gradients, bad input."""

import numpy as np
import pytest

from fastnn import nn, ops
from fastnn.autograd import Tensor
from fastnn.train import clip_grad_norm_, clip_grad_value_


def parameters(*gradients):
    made = []
    for g in gradients:
        g = np.asarray(g, np.float32)
        made.append(nn.Parameter(np.zeros_like(g)))
        made[-1].backward(g)
    return [*made, nn.Parameter([1.0])]  # one without a gradient


GRADIENTS = {
    "small": ([[0.1, -0.2]], [0.05]),
    "large": ([[3.0, -4.0]], [12.0]),
    "infinite": ([[np.inf, 1.0]], [2.0]),
    "nan": ([[np.nan, 1.0]], [2.0]),
    "zero": ([[0.0]], [0.0]),
}


@pytest.mark.parametrize("order", [2.0, 1.0, 3.5, float("inf")])
@pytest.mark.parametrize("name", GRADIENTS)
def test_norms_as_pytorch(name, order):
    torch = pytest.importorskip("torch")
    ours, theirs = parameters(*GRADIENTS[name]), []
    for p in ours[:-1]:
        theirs.append(torch.nn.Parameter(torch.zeros(p.shape)))
        theirs[-1].grad = torch.tensor(p.grad.numpy().copy())
    found = clip_grad_norm_(ours, 1.5, order)
    np.testing.assert_allclose(found, torch.nn.utils.clip_grad_norm_(theirs, 1.5, order).item(), rtol=1e-6)
    for a, b in zip(ours, theirs, strict=False):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-6)


def test_the_norm_after_is_the_limit():
    made = parameters([[3.0, -4.0]], [12.0])
    assert clip_grad_norm_(made, 1.0) == 13
    np.testing.assert_allclose(clip_grad_norm_(iter(made), 2.0), 1, rtol=1e-6)


def test_squares_that_float32_cannot_hold():
    assert clip_grad_norm_(parameters([3e30, 4e30]), 1.0) == pytest.approx(5e30)
    assert clip_grad_norm_(parameters([3e-30, 4e-30]), 1.0) == pytest.approx(5e-30)


def test_non_finite_norms_can_be_errors():
    made = parameters([1.0, np.nan])
    with pytest.raises(RuntimeError, match="clip_grad_norm_: the norm of order 2.0 of the gradients is nan"):
        clip_grad_norm_(made, 1.0, error_if_nonfinite=True)
    assert made[0].grad.numpy()[0] == 1


def test_values():
    made = parameters([3.0, -0.5, np.nan, -np.inf])
    clip_grad_value_(made, 1.0)
    np.testing.assert_array_equal(made[0].grad.numpy(), [1, -0.5, np.nan, -1])


def test_blocked_gradients():
    x = Tensor(ops.blocked(np.ones((1, 3, 1, 1), np.float32)), requires_grad=True)
    x.backward(np.full((1, 3, 1, 1), 2, np.float32))
    assert clip_grad_norm_(x, 1.0) == pytest.approx(12**0.5)
    np.testing.assert_allclose(x.grad.numpy(), 3**-0.5, rtol=1e-5)


def test_nothing_and_nonsense():
    assert clip_grad_norm_([], 1.0) == 0
    p = parameters([1.0])
    for limit in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="clip_grad_norm_: max_norm must not be negative"):
            clip_grad_norm_(p, limit)
        with pytest.raises(ValueError, match="clip_grad_value_: clip_value must not be negative"):
            clip_grad_value_(p, limit)
    with pytest.raises(ValueError, match="norm_type must be positive"):
        clip_grad_norm_(p, 1.0, 0)
    with pytest.raises(TypeError, match="clip_grad_norm_: ndarray is no Tensor"):
        clip_grad_norm_([np.ones(1)], 1.0)
