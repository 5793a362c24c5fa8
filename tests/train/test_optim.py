"""SGD: by hand, against PyTorch where installed, and what it refuses."""

import numpy as np
import pytest

from fastnn import nn
from fastnn.autograd import Tensor
from fastnn.train import SGD

OPTIONS = {
    "plain": {},
    "decay": {"weight_decay": 0.1},
    "momentum": {"momentum": 0.9},
    "dampening": {"momentum": 0.9, "dampening": 0.3},
    "nesterov": {"momentum": 0.8, "nesterov": True},
    "everything": {"momentum": 0.7, "weight_decay": 0.01, "nesterov": True},
    "dampened decay": {"momentum": 0.7, "dampening": 0.5, "weight_decay": 0.01},
}


def by_hand(p, gradients, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    """The formulas of the documentation, in float64."""
    p, v = p.astype(np.float64), None
    for g in gradients:
        d = g + weight_decay * p
        if momentum:
            v = d if v is None else momentum * v + (1 - dampening) * d
            d = d + momentum * v if nesterov else v
        p = p - lr * d
    return p


def by_us(p, gradients, lr, **options):
    parameter = nn.Parameter(p)
    optimizer = SGD([parameter], lr, **options)
    for g in gradients:
        optimizer.zero_grad()
        parameter.backward(g)
        optimizer.step()
    return parameter.numpy()


def case(dtype, steps=20):
    rng = np.random.default_rng(0)
    return rng.standard_normal((3, 4)).astype(dtype), rng.standard_normal((steps, 3, 4)).astype(dtype)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 1e-5)])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_by_hand(options, dtype, tolerance):
    p, gradients = case(dtype)
    found = by_us(p, gradients, 0.1, **options)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, by_hand(p, gradients, 0.1, **options), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_as_pytorch_over_100_steps(options):
    torch = pytest.importorskip("torch")
    p, gradients = case(np.float32, 100)
    theirs = torch.nn.Parameter(torch.tensor(p))
    optimizer = torch.optim.SGD([theirs], lr=0.03, **options)
    for g in gradients:
        theirs.grad = torch.tensor(g)
        optimizer.step()
    found = by_us(p, gradients, 0.03, **options)
    np.testing.assert_allclose(found, theirs.detach().numpy(), rtol=2e-6, atol=2e-6)


def test_groups_have_options_of_their_own():
    a, b = nn.Parameter([1.0]), nn.Parameter([1.0])
    optimizer = SGD([{"params": a}, {"params": [b], "lr": 0.5}], lr=0.1)
    (a + b).backward()
    optimizer.step()
    np.testing.assert_allclose([a.item(), b.item()], [0.9, 0.5], rtol=1e-6)
    optimizer.param_groups[0]["lr"] = 1.0
    optimizer.step()
    np.testing.assert_allclose([a.item(), b.item()], [-0.1, 0.0], atol=1e-6)


def test_parameters_without_gradients_stay():
    a, b = nn.Parameter([1.0]), nn.Parameter([2.0])
    optimizer = SGD([a, b], lr=0.1, momentum=0.9, weight_decay=1.0)
    (a * 2).backward()
    optimizer.step()
    assert b.item() == 2 and a.item() != 1
    optimizer.zero_grad()
    assert a.grad is None and b.grad is None


def test_a_step_moves_versions_so_that_stale_graphs_are_caught():
    p = nn.Parameter([2.0])
    y = p * p
    optimizer = SGD([p], lr=0.1)
    (p * 1).backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="mul saved was changed in place"):
        y.backward()


def test_plain_tensors_and_blocked_images_can_be_optimised():
    from fastnn import ops

    x = Tensor(ops.blocked(np.ones((1, 3, 2, 2), np.float32)), requires_grad=True)
    optimizer = SGD([x], lr=0.5, momentum=0.5)
    (x * x).sum().backward()
    optimizer.step()
    assert not x.numpy().any() and not x.data.data[..., 3:].any()


def test_gradients_are_not_changed_by_a_step():
    p = nn.Parameter(np.ones(3, np.float32))
    optimizer = SGD([p], lr=0.1, momentum=0.9, weight_decay=0.1, nesterov=True)
    p.backward(np.full(3, 2.0, np.float32))
    for _ in range(3):
        optimizer.step()
    assert (p.grad.numpy() == 2).all()


WRONG = {
    "rate": (lambda p: SGD([p], -0.1), ValueError, "lr must not be negative, is -0.1"),
    "nan": (lambda p: SGD([p], float("nan")), ValueError, "lr must not be negative, is nan"),
    "momentum": (lambda p: SGD([p], 0.1, -1), ValueError, "momentum must not be negative"),
    "decay": (lambda p: SGD([p], 0.1, weight_decay=-1), ValueError, "weight_decay must not be negative"),
    "nesterov": (lambda p: SGD([p], 0.1, nesterov=True), ValueError, "nesterov needs momentum"),
    "nesterov and dampening": (lambda p: SGD([p], 0.1, 0.9, 0.1, 0, True), ValueError, "no dampening"),
    "nothing": (lambda p: SGD([], 0.1), ValueError, "no parameters"),
    "twice": (lambda p: SGD([p, p], 0.1), ValueError, "listed twice"),
    "array": (lambda p: SGD([np.ones(3)], 0.1), TypeError, "ndarray is no Tensor"),
    "result": (lambda p: SGD([p * 2], 0.1), ValueError, "only leaves"),
    "group": (lambda p: SGD([{"params": [p], "lr": -1}], 0.1), ValueError, "lr must not be negative"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_makes_no_sense_is_refused(name):
    make, error, message = WRONG[name]
    with pytest.raises(error, match=f"SGD: .*{message}"):
        make(nn.Parameter([1.0]))
