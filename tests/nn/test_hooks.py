"""Hooks of modules: what they see and change, and what people build with them."""

import pickle

import numpy as np
import pytest

import fastnn.autograd as F
from fastnn import nn
from fastnn.autograd import Tensor, grad, no_grad


def values(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def network():
    """Convolution, ReLU, pooling, a linear layer, ReLU, a linear layer; float64."""
    nn.init.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1, dtype=np.float64), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(27, 8, dtype=np.float64), nn.ReLU(), nn.Linear(8, 4, dtype=np.float64),
    )  # fmt: skip


def convolved(x, w, b):
    """3x3 convolution with padding 1 by definition."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    y = np.zeros((len(w), *x.shape[1:]))
    for o, i, j in np.ndindex(y.shape):
        y[o, i, j] = (padded[:, i : i + 3, j : j + 3] * w[o]).sum() + b[o]
    return y


def backward_by_hand(model, x, target, gate):
    """The gradient of output `target` with respect to the image x [2, 6, 6], step by step from the definitions;
    ``gate(g, y)`` is what a ReLU with result y makes of the gradient g."""
    state = model.state_dict()
    h = np.maximum(convolved(x, state["0.weight"], state["0.bias"]), 0)
    p = h.reshape(3, 3, 2, 3, 2).max((2, 4))
    z = np.maximum(state["4.weight"] @ p.ravel() + state["4.bias"], 0)
    g = gate(state["6.weight"][target], z)
    gp = (state["4.weight"].T @ g).reshape(p.shape)
    gh = np.zeros_like(h)
    for c, i, j in np.ndindex(p.shape):
        window = h[c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        a, b = np.unravel_index(window.argmax(), (2, 2))
        gh[c, 2 * i + a, 2 * j + b] = gp[c, i, j]
    gh = gate(gh, h)
    gx = np.zeros((2, 8, 8))
    for o, i, j in np.ndindex(gh.shape):
        gx[:, i : i + 3, j : j + 3] += gh[o, i, j] * state["0.weight"][o]
    return gx[:, 1:-1, 1:-1]


def test_saliency_maps():
    model, x = network(), values(1, 2, 6, 6)
    image = Tensor(x, requires_grad=True)
    (g,) = grad(model(image)[0, 2], image)
    expected = backward_by_hand(model, x[0], 2, lambda g, y: g * (y > 0))
    np.testing.assert_allclose(np.abs(g.numpy()[0]).max(0), np.abs(expected).max(0), atol=1e-12)


@pytest.mark.parametrize("inplace", [False, True])
def test_guided_back_propagation(inplace):
    model, x = network(), values(1, 2, 6, 6)
    handles = []
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = inplace
            handles.append(module.register_full_backward_hook(lambda m, gx, gy: (F.clip(gx[0], 0),)))
    guided, plain = (Tensor(x, requires_grad=True) for _ in range(2))
    model(guided)[0, 2].backward()
    for handle in handles:
        handle.remove()
    model(plain)[0, 2].backward()
    by_hand = [backward_by_hand(model, x[0], 2, gate) for gate in
               (lambda g, y: np.maximum(g, 0) * (y > 0), lambda g, y: g * (y > 0))]  # fmt: skip
    np.testing.assert_allclose(guided.grad.numpy()[0], by_hand[0], atol=1e-12)
    np.testing.assert_allclose(plain.grad.numpy()[0], by_hand[1], atol=1e-12)
    assert np.abs(by_hand[0] - by_hand[1]).max() > 1e-3


@pytest.mark.parametrize("kind", ["pre", "forward", "backward"])
def test_hooks_keep_a_relu_from_being_fused(kind):
    layers = {"conv": nn.Conv2d(1, 2, 3), "linear": nn.Linear(3, 4)}
    shapes = {"conv": (1, 1, 5, 5), "linear": (2, 3)}
    for name, layer in layers.items():
        for at in (0, 1):
            model, seen = nn.Sequential(layer, nn.ReLU()), []
            register = {"pre": "register_forward_pre_hook", "forward": "register_forward_hook",
                        "backward": "register_full_backward_hook"}[kind]  # fmt: skip
            handle = getattr(model[at], register)(lambda *given, seen=seen: seen.append(given))
            x = Tensor(values(*shapes[name]).astype(np.float32), requires_grad=True)
            hooked = model(x)
            hooked.sum().backward()
            handle.remove()
            assert len(seen) == 1 and seen[0][0] is model[at]
            np.testing.assert_allclose(hooked.numpy(), model(x).numpy(), rtol=1e-5, atol=1e-6)


def test_backward_hooks_see_gradients_of_all_inputs_and_outputs():
    class Two(nn.Module):
        def forward(self, a, factor, b):
            return a * b, a + b, factor

    module, seen = Two(), []
    handle = module.register_full_backward_hook(lambda m, gx, gy: seen.append((gx, gy)))
    a, b = Tensor([2.0], requires_grad=True), Tensor([3.0], requires_grad=True)
    product, total, factor = module(a, 7, b)
    (product * 10 + total).backward()
    [(gx, gy)] = seen
    assert factor == 7 and [g and g.item() for g in gx] == [31, None, 21]
    assert [g and g.item() for g in gy] == [10, 1, None]
    assert (a.grad.item(), b.grad.item()) == (31, 21)
    module(a, 7, b)[1].backward()  # one output is not used
    assert [g and g.item() for g in seen[1][1]] == [None, 1, None]
    handle.remove()
    module(a, 7, b)[1].backward()
    assert len(seen) == 2


def test_backward_hooks_run_one_after_another():
    layer = nn.Linear(2, 2, dtype=np.float64)
    layer.register_full_backward_hook(lambda m, gx, gy: gx[0] * 2)
    layer.register_full_backward_hook(lambda m, gx, gy: (gx[0] + 1,))
    x = Tensor(values(1, 2), requires_grad=True)
    layer(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * layer.weight.numpy().sum(0, keepdims=True) + 1)


def test_the_hook_of_a_first_layer_runs_though_no_input_requires_grad():
    layer, seen = nn.Linear(2, 2), []
    layer.register_full_backward_hook(lambda m, gx, gy: seen.append((gx, gy[0].shape)))
    layer(np.ones((3, 2), np.float32)).sum().backward()
    assert seen == [((None,), (3, 2))]
    assert layer.weight.grad is not None
    with no_grad():
        assert not layer(np.ones((3, 2), np.float32)).requires_grad


def test_a_module_that_returns_its_input_does_not_touch_it():
    module = nn.Dropout().eval()
    module.register_full_backward_hook(lambda m, gx, gy: gx[0] * 3)
    x = Tensor([1.0, 2.0], requires_grad=True)
    gradient = np.ones(2, np.float32)
    module(x).backward(gradient)
    gradient[0] = 9
    assert x.is_leaf and x.grad.numpy().tolist() == [3, 3]


def test_in_place_modules_change_their_input_under_hooks_too():
    relu, seen = nn.ReLU(inplace=True), []
    relu.register_full_backward_hook(lambda m, gx, gy: seen.append(gx[0].numpy().tolist()))
    x = Tensor([-1.0, 2.0], requires_grad=True)
    h = x * 1
    assert relu(h) is h and h.numpy().tolist() == [0, 2]
    h.sum().backward()
    assert seen == [[0, 1]] and x.grad.numpy().tolist() == [0, 1]
    with pytest.raises(RuntimeError, match="leaf that requires grad cannot be changed in place"):
        relu(x)


def test_pre_hooks_replace_inputs():
    layer = nn.Linear(2, 2)
    handle = layer.register_forward_pre_hook(lambda m, inputs: inputs[0] * 2)
    x = values(3, 2).astype(np.float32)
    doubled = layer(x).numpy()
    handle.remove()
    np.testing.assert_allclose(doubled, layer(x * 2).numpy(), rtol=1e-6)


def test_hooks_are_not_copied_with_a_module():
    layer = nn.Linear(2, 2)
    for register in (layer.register_forward_hook, layer.register_forward_pre_hook, layer.register_full_backward_hook):
        register(lambda *given: None)
    assert layer.has_hooks and not pickle.loads(pickle.dumps(layer)).has_hooks


@pytest.mark.parametrize(
    "returned, error, message",
    [
        (lambda gx: (gx[0], gx[0]), ValueError, "returned 2 gradients for 1 inputs"),
        (lambda gx: np.ones(3, np.float32), ValueError, r"Linear: gradient has shape \(3,\)"),
        (lambda gx: gx[0].double(), TypeError, "gradient is float64"),
    ],
)
def test_wrong_gradients_from_hooks_are_named(returned, error, message):
    layer = nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda m, gx, gy: returned(gx))
    with pytest.raises(error, match=f"backward hook of .*{message}"):
        layer(Tensor(np.ones((1, 2), np.float32), requires_grad=True)).sum().backward()
