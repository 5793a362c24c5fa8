"""The tape: what is recorded, what is computed on the way back, what is freed, and what goes wrong loudly."""

import gc
import sys
import threading
import weakref

import numpy as np
import pytest
from tape import normal

import fastnn.autograd as F
from fastnn import ops
from fastnn.autograd import Tensor, enable_grad, is_grad_enabled, no_grad


def leaf(*values):
    return Tensor(np.array(values, np.float64), requires_grad=True)


# ---- recording -----------------------------------------------------------------------------------------
def test_nothing_is_recorded_for_tensors_that_do_not_require_grad():
    y = Tensor(normal(3)) * 2
    assert not y.requires_grad and y.is_leaf


def test_no_grad_as_context_and_decorator_nests():
    x = leaf(1.0)

    @no_grad()
    def plain():
        return x * 2

    with no_grad():
        assert not is_grad_enabled() and not (x * 2).requires_grad
        with enable_grad():
            assert (x * 2).requires_grad
        assert not is_grad_enabled()
    assert is_grad_enabled() and not plain().requires_grad and (x * 2).requires_grad


def test_one_no_grad_object_can_be_entered_again():
    off = no_grad()
    with off, off:
        pass
    assert is_grad_enabled()


def test_no_grad_ends_with_an_exception():
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert is_grad_enabled()


def test_no_grad_acts_on_its_own_thread_only():
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


# ---- the walk back -------------------------------------------------------------------------------------
def test_a_diamond_adds_both_ways():
    x = leaf(3.0)
    a = x * 2
    (a * a + a).backward()
    assert x.grad.item() == 2 * (2 * 6 + 1)


def test_gradients_accumulate_over_calls():
    x = leaf(1.0, 2.0)
    for _ in range(3):
        (x * x).sum().backward()
    assert x.grad.numpy().tolist() == [6, 12]
    x.zero_grad()
    assert x.grad is None


def test_the_order_of_the_walk_is_that_of_creation():
    x = leaf(2.0)
    early = x * 3
    late = early * early
    (late + early).backward()  # early must wait for late
    assert x.grad.item() == 3 * (2 * 6 + 1)


def test_a_second_backward_needs_retain_graph():
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8
    with pytest.raises(RuntimeError, match="freed by an earlier backward; pass retain_graph=True"):
        y.backward()


def test_two_results_on_one_freed_part():
    x = leaf(2.0)
    shared = x * x
    shared.exp().backward()
    with pytest.raises(RuntimeError, match="freed"):
        (shared * 3).backward()


def test_a_leaf_can_be_the_root():
    x = leaf(1.0, 2.0)
    gradient = np.array([3.0, 4.0])
    x.backward(gradient)
    gradient[0] = 9
    assert x.grad.numpy().tolist() == [3, 4]


def test_gradients_of_two_leaves_never_share_memory():
    a, b = leaf(1.0, 2.0), leaf(1.0, 2.0)
    (a + b).backward(np.ones(2))
    with no_grad():
        a.grad.zero_()
    assert b.grad.numpy().tolist() == [1, 1]
    c = leaf(1.0, 2.0)
    seed = np.ones(2)
    c.reshape(2, 1).backward(seed.reshape(2, 1))
    seed[0] = 5
    assert c.grad.numpy().tolist() == [1, 1]


def test_only_wanted_gradients_are_computed(monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("computed a gradient that nobody asked for")

    monkeypatch.setattr(ops, "conv2d_grad_input", refuse)
    monkeypatch.setattr(ops, "linear_grad_input", refuse)
    w = Tensor(normal(4, 3, 3, 3), requires_grad=True)
    F.conv2d(normal(2, 3, 6, 6), w).sum().backward()
    assert w.grad.shape == w.shape
    w = Tensor(normal(4, 3), requires_grad=True)
    F.linear(normal(2, 3), w).sum().backward()
    monkeypatch.undo()
    monkeypatch.setattr(ops, "conv2d_grad_weight", refuse)
    monkeypatch.setattr(ops, "conv2d_grad_bias", refuse)
    x = Tensor(normal(2, 3, 6, 6), requires_grad=True)
    F.conv2d(x, normal(4, 3, 3, 3), normal(4)).sum().backward()
    assert x.grad.shape == x.shape


def test_a_deep_graph_needs_no_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(20 * sys.getrecursionlimit()):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1
    y = x
    for _ in range(20 * sys.getrecursionlimit()):
        y = y + 1
    del y  # a graph that nobody walks is taken apart without recursion as well


def test_what_the_walk_has_passed_is_freed():
    x = Tensor(normal(4, 4), requires_grad=True)
    h = F.exp(x)
    watch = weakref.ref(h.data)
    y = (h * h).sum()
    del h
    assert watch() is not None
    gc.disable()
    try:
        y.backward()
        assert watch() is None
    finally:
        gc.enable()


def test_activations_that_nobody_needs_are_freed_at_once():
    x = Tensor(normal(4, 4), requires_grad=True)
    h = x + 1
    watch = weakref.ref(h)
    y = h + 1
    del h
    assert watch() is None and y.requires_grad


def test_several_threads_record_and_walk_at_once():
    w = Tensor(normal(6, 3, 3, 3))
    found = [None] * 8

    def work(i):
        x = Tensor(normal(2, 3, 8, 8, seed=i), requires_grad=True)
        F.conv2d(x, w).relu().sum().backward()
        found[i] = x.grad.numpy()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(8):
        expected = found[i]
        work(i)
        np.testing.assert_array_equal(found[i], expected)


# ---- errors --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "gradient, error, message",
    [
        (None, RuntimeError, r"shape \(2,\); pass a gradient"),
        (np.ones(3), ValueError, r"backward: gradient has shape \(3,\), tensor has \(2,\)"),
        (np.ones(2, np.float32), TypeError, "backward: gradient is float32, tensor is float64"),
    ],
)
def test_a_wrong_gradient_is_named(gradient, error, message):
    with pytest.raises(error, match=message):
        (leaf(1.0, 2.0) * 2).backward(gradient)


def test_backward_without_a_record():
    with pytest.raises(RuntimeError, match="does not require grad"):
        Tensor([1.0]).backward()


# ---- hooks ---------------------------------------------------------------------------------------------
def test_hooks_see_and_replace_gradients():
    x = leaf(1.0, 2.0)
    h = x * 3
    seen = []
    h.register_hook(lambda g: seen.append(g.numpy().copy()))
    h.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: seen.append(g.numpy().copy()))
    (h * h).sum().backward()
    assert seen[0].tolist() == [6, 12] and seen[1].tolist() == [180, 360]
    assert x.grad.numpy().tolist() == [180, 360]


def test_a_leafs_hook_sees_the_sum_once():
    x = leaf(1.0)
    calls = []
    x.register_hook(lambda g: calls.append(g.item()))
    (x * 2 + x * 3).backward()
    assert calls == [5]


def test_hooks_can_be_removed():
    x = leaf(1.0)
    handle = x.register_hook(lambda g: g * 100)
    handle.remove()
    handle.remove()
    (x * 2).backward()
    assert x.grad.item() == 2


@pytest.mark.parametrize(
    "hook, error",
    [(lambda g: np.ones(3), ValueError), (lambda g: np.ones(2, np.float32), TypeError)],
)
def test_a_hook_that_returns_something_else_is_an_error(hook, error):
    x = leaf(1.0, 2.0)
    x.register_hook(hook)
    with pytest.raises(error, match="register_hook: gradient"):
        (x * 2).sum().backward()


def test_a_hook_on_a_blocked_image_may_return_a_plain_one():
    x = Tensor(ops.blocked(normal(1, 3, 2, 2)), requires_grad=True)
    h = x * 2
    h.register_hook(lambda g: g.numpy() * 5)
    h.backward(np.ones(h.shape))
    assert type(x.grad.data) is ops.Blocked and (x.grad.numpy() == 10).all()


def test_guided_backpropagation_can_be_written_with_hooks():
    x = Tensor(normal(1, 2, 4, 4), requires_grad=True)
    h = F.conv2d(x, normal(3, 2, 3, 3)).relu()
    h.register_hook(lambda g: F.clip(g, low=0))
    (h * -1).sum().backward()
    assert not x.grad.numpy().any()


def test_retain_grad_keeps_the_gradient_of_a_result():
    x = leaf(1.0, 2.0)
    h = x * 3
    h.retain_grad()
    (h * h).sum().backward()
    assert h.grad.numpy().tolist() == [6, 12]


def test_hooks_need_a_tensor_that_requires_grad():
    with pytest.raises(RuntimeError, match="register_hook"):
        Tensor([1.0]).register_hook(lambda g: None)
