"""Pooling on the tape."""

import numpy as np
import pytest
from tape import check_gradients, normal, spread

import fastnn.autograd as F
from fastnn import ops
from fastnn.autograd import Tensor

WINDOWS = {
    "halves": {"kernel_size": 2},
    "overlapping": {"kernel_size": 3, "stride": (2, 1), "padding": 1},
    "ceil": {"kernel_size": (3, 2), "stride": 2, "ceil_mode": True},
}


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_gradients(window):
    x = spread(2, 3, 7, 6)
    check_gradients(lambda x: F.max_pool2d(x, **window), x=x)
    check_gradients(lambda x: F.avg_pool2d(x, **window), x=x)
    check_gradients(lambda x: F.avg_pool2d(x, count_include_pad=False, **window), x=x)
    check_gradients(lambda x: F.avg_pool2d(x, divisor_override=5, **window), x=x)


def test_a_dilated_window():
    check_gradients(lambda x: F.max_pool2d(x, 2, 1, 0, 2), x=spread(1, 2, 6, 5))


RANKS = {1: (7,), 2: (7, 6), 3: (5, 6, 4)}


@pytest.mark.parametrize("rank", RANKS)
def test_gradients_of_every_rank(rank):
    x = spread(2, 3, *RANKS[rank])
    check_gradients(lambda x: getattr(F, f"max_pool{rank}d")(x, 3, 2, 1), x=x)
    check_gradients(lambda x: getattr(F, f"avg_pool{rank}d")(x, 3, 2, 1), x=x)
    check_gradients(lambda x: getattr(F, f"adaptive_max_pool{rank}d")(x, 3), x=x)
    check_gradients(lambda x: getattr(F, f"adaptive_avg_pool{rank}d")(x, 3), x=x)
    check_gradients(lambda x: getattr(F, f"lp_pool{rank}d")(x, 2, 3, 2), x=x)
    check_gradients(lambda x: getattr(F, f"max_pool{rank}d")(x, 2, return_indices=True)[0], x=x)
    y, indices = getattr(F, f"max_pool{rank}d")(x, 2, return_indices=True)
    unpool = getattr(F, f"max_unpool{rank}d")
    check_gradients(lambda v: unpool(v, indices, 2, output_size=x.shape), v=spread(*y.shape, seed=1))


@pytest.mark.parametrize("kind", [np.asarray, ops.blocked])
def test_windows_too_large_for_a_byte(kind):
    values = spread(1, 2, 20, 18)
    x = Tensor(kind(values), requires_grad=True)
    y = F.max_pool2d(x, (17, 16), 2, 1)
    gy = normal(*y.shape)
    y.backward(gy)
    expected = ops.max_pool2d_grad_input(gy, values, y.numpy(), (17, 16), 2, 1)
    np.testing.assert_array_equal(x.grad.numpy(), expected)


@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
def test_kinds_are_kept(pool):
    plain = spread(2, 3, 6, 6)
    found = []
    for data in (plain, ops.blocked(plain)):
        x = Tensor(data, requires_grad=True)
        y = pool(x, 2)
        y.backward(np.ones(y.shape))
        assert type(y.data) is type(x.grad.data) is type(x.data)
        found.append((y.numpy(), x.grad.numpy()))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)  # sums go by columns, or by rows


def behind_relu(h):
    return F.max_pool2d(h, 2)


def behind_relu_twice(h):
    return F.max_pool2d(h, 2) + F.max_pool2d(h, 3, 2, 1)


def behind_relu_and_beside(h):
    return F.max_pool2d(h, 2) + h[:, :, :3, :3]


@pytest.mark.parametrize("part", [behind_relu, behind_relu_twice, behind_relu_and_beside])
@pytest.mark.parametrize("kind", [np.asarray, ops.blocked])
def test_the_pooling_behind_a_relu_does_its_gradient_too(part, kind, monkeypatch):
    """The same gradient as in two steps; a pass over the image only where others need it."""
    values, passes = spread(2, 5, 6, 6) - 0.3, []
    relu_grad = ops.relu_grad_input
    monkeypatch.setattr(ops, "relu_grad_input", lambda gy, y: passes.append(gy.shape) or relu_grad(gy, y))
    found = []
    for hooked in (False, True):
        x = Tensor(kind(values), requires_grad=True)
        h = x.relu()
        seen = []
        if hooked:
            h.register_hook(lambda g, seen=seen: seen.append(g.numpy()))
        y = part(h)
        y.backward(normal(*y.shape, seed=1).astype(y.dtype))
        found.append(x.grad.numpy())
        if hooked and part is behind_relu:
            assert np.count_nonzero(seen[0]) == y.size  # a hook sees the gradient of the ReLU's result
    np.testing.assert_array_equal(*found)
    assert len(passes) == (2 if part is behind_relu_and_beside else 1)


def test_indices_come_with_the_maxima():
    x = Tensor(normal(2, 3, 6, 6), requires_grad=True)
    y, indices = F.max_pool2d(x, 2, return_indices=True)
    assert indices.dtype == np.int64 and not indices.requires_grad
    flat = x.numpy().reshape(2, 3, -1)
    picked = np.take_along_axis(flat, indices.numpy().reshape(2, 3, -1), 2)
    np.testing.assert_array_equal(picked.reshape(y.shape), y.numpy())
    y.sum().backward()
    assert x.grad.numpy().sum() == y.size
    with F.no_grad():
        assert not F.max_pool2d(x, 2, return_indices=True)[0].requires_grad
