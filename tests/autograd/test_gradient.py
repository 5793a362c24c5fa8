"""`grad`: gradients as results."""

import gc
import weakref

import numpy as np
import pytest
from tape import normal

import fastnn.autograd as F
from fastnn import nn, ops
from fastnn.autograd import Tensor, grad


def leaf(*values):
    return Tensor(np.array(values, np.float64), requires_grad=True)


def test_gradients_of_leaves_and_results_leave_grad_alone():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = x * w
    y = (h * h).sum()
    gx, gh = grad(y, [x, h], retain_graph=True)
    assert gh.numpy().tolist() == [6, 16] and gx.numpy().tolist() == [18, 64]
    assert x.grad is None and w.grad is None and not gx.requires_grad
    y.backward()
    assert w.grad.numpy().tolist() == [6, 32]


def test_several_outputs_with_weights():
    x = leaf(1.0, 2.0)
    a, b = x * 2, x * x
    (g,) = grad([a, b.sum()], x, [np.array([1.0, 10.0]), None])
    assert g.numpy().tolist() == [4, 24]
    (g,) = grad([x, x], x, [np.ones(2), np.ones(2)])
    assert g.numpy().tolist() == [2, 2]


def test_the_walk_ends_at_the_oldest_input():
    x = leaf(2.0)
    h = x * x
    (g,) = grad(h.exp(), h)
    assert g.item() == pytest.approx(np.exp(4))
    h.backward()  # what lies before h was not walked, so it is not freed
    assert x.grad.item() == 4


def test_a_result_behind_a_fused_relu_has_the_gradient_of_the_relus_output():
    x = Tensor(normal(1, 2, 6, 6).astype(np.float32), requires_grad=True)
    h = F.conv2d(x, normal(3, 2, 3, 3).astype(np.float32)).relu()
    (g,) = grad(F.max_pool2d(h, 2).sum(), h)
    assert np.count_nonzero(g.numpy()) == 3 * 2 * 2 and type(g.data) is ops.Blocked


def test_the_graph_is_freed_and_results_are_the_callers_own():
    x = leaf(1.0, 2.0)
    h = x.exp()
    watch = weakref.ref(h.data)
    y, seed = h * h, np.ones(2)
    del h
    gc.disable()
    try:
        grad(y, x, seed)
        assert watch() is None
    finally:
        gc.enable()
    with pytest.raises(RuntimeError, match="freed"):
        grad(y, x, seed)
    (g,) = grad(x, x, seed)
    seed[0] = 5
    assert g.numpy().tolist() == [1, 1]


def test_mistakes_are_named():
    x, other = leaf(1.0, 2.0), leaf(1.0)
    y = (x * x).sum()
    with pytest.raises(RuntimeError, match="do not depend on input 1; allow_unused"):
        grad(y, [x, other], retain_graph=True)
    assert grad(y, [x, other], retain_graph=True, allow_unused=True)[1] is None
    with pytest.raises(RuntimeError, match="input 0 does not require grad"):
        grad(y, Tensor([1.0]))
    with pytest.raises(RuntimeError, match="output 0 does not require grad"):
        grad(Tensor([1.0]), x)
    with pytest.raises(RuntimeError, match=r"grad: the tensor has shape \(2,\); pass a gradient"):
        grad(x * 2, x)
    with pytest.raises(ValueError, match="1 grad_outputs for 2 outputs"):
        grad([y, y], x, [None])
    with pytest.raises(NotImplementedError, match="create_graph"):
        grad(y, x, create_graph=True)


# ---- the switch ----------------------------------------------------------------------------------------
def test_recording_is_switched_at_once_in_a_block_and_in_a_function():
    x = leaf(1.0)
    F.set_grad_enabled(False)
    assert not (x * 2).requires_grad
    F.set_grad_enabled(True)
    with F.set_grad_enabled(False):
        assert not F.is_grad_enabled()
        with F.set_grad_enabled(True):
            assert F.is_grad_enabled()
        assert not F.is_grad_enabled()
    assert F.is_grad_enabled()
    double = F.set_grad_enabled(False)(lambda: (x * 2).requires_grad)
    assert F.is_grad_enabled() and not double() and not double() and F.is_grad_enabled()


def test_inference_mode_is_no_grad_that_can_be_left_out():
    x = leaf(1.0)
    with F.inference_mode():
        assert not (x * 2).requires_grad
    with F.inference_mode(False):
        assert (x * 2).requires_grad
    assert not F.inference_mode()(lambda: (x * 2).requires_grad)()
    with F.no_grad(), F.inference_mode(False):
        assert not F.is_grad_enabled()


def test_a_training_step_leaves_no_activation_behind():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3))
    seen = []
    for layer in model:
        layer.register_forward_hook(lambda m, inputs, y: seen.append(weakref.ref(y)))
    loss = F.cross_entropy(model(normal(2, 1, 8, 8).astype(np.float32)), np.array([0, 2]))
    gc.disable()
    try:
        loss.backward()
        assert len(seen) == 5 and all(ref() is None for ref in seen)
    finally:
        gc.enable()
