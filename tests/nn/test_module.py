"""Modules: what belongs to them, their state, their modes and hooks."""

import copy
import pickle

import numpy as np
import pytest

from fastnn import nn, ops
from fastnn.autograd import Tensor, no_grad


class Block(nn.Module):
    """A module with everything: parameters, a buffer, children, plain attributes."""

    def __init__(self):
        self.scale = nn.Parameter(np.full(2, 3.0, np.float32))
        self.child = nn.Linear(2, 2)
        self.register_buffer("seen", np.zeros(1, np.float32))
        self.shift = nn.Parameter(np.zeros(2, np.float32))
        self.nothing = None
        self.number = 5

    def forward(self, x):
        return self.child(x) * self.scale + self.shift


def linear_chain():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


X = np.arange(6, dtype=np.float32).reshape(2, 3)


# ---- what belongs to it --------------------------------------------------------------------------------
def test_names_come_in_pytorchs_order():
    model = nn.Sequential(Block(), Block())
    assert [name for name, _ in model.named_parameters()] == [
        f"{i}.{name}" for i in (0, 1) for name in ("scale", "shift", "child.weight", "child.bias")
    ]
    assert list(Block().state_dict()) == ["scale", "shift", "seen", "child.weight", "child.bias"]
    assert [name for name, _ in model.named_buffers()] == ["0.seen", "1.seen"]
    assert [name for name, _ in model.named_modules()] == ["", "0", "0.child", "1", "1.child"]
    assert len(list(model.buffers())) == 2 and len(list(model.children())) == 2 == len(list(model[0].modules()))


def test_shared_parameters_are_listed_once_and_saved_under_both_names():
    model = linear_chain()
    tied = nn.Linear(3, 4)
    tied.weight = model[0].weight
    both = nn.Sequential(model[0], tied)
    assert len(list(both.parameters())) == 3
    assert list(both.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_a_shared_module_is_visited_once():
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    assert len(list(model.modules())) == 3 and len(list(model.parameters())) == 2


def test_modules_in_a_plain_list_are_not_found_but_in_a_module_list():
    class Holder(nn.Module):
        def __init__(self):
            self.hidden = [nn.Linear(2, 2)]
            self.listed = nn.ModuleList([nn.Linear(2, 2)])

    assert list(Holder().state_dict()) == ["listed.0.weight", "listed.0.bias"]


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Module: forward is not defined"):
        nn.Module()(1)


# ---- calls ---------------------------------------------------------------------------------------------
def test_arrays_are_wrapped():
    model = linear_chain()
    np.testing.assert_array_equal(model(X).numpy(), model(Tensor(X)).numpy())


def test_blocked_images_go_in_as_they_are():
    image = ops.blocked(np.ones((1, 3, 4, 4), np.float32))
    assert nn.ReLU()(image).data.shape == image.shape


def test_dtypes_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match=r"linear: .*float64"):
        linear_chain()(X.astype(np.float64))


def test_hooks_see_inputs_and_replace_outputs():
    model, seen = linear_chain(), []
    handle = model[0].register_forward_hook(lambda m, inputs, y: seen.append((m, inputs[0].shape, y.shape)))
    double = model.register_forward_hook(lambda m, inputs, y: y * 2)
    doubled = model(X).numpy()
    assert seen == [(model[0], (2, 3), (2, 4))]
    handle.remove()
    double.remove()
    np.testing.assert_allclose(doubled, 2 * model(X).numpy(), rtol=1e-6)
    assert len(seen) == 1


def test_hooks_see_a_layers_own_result_though_relu_can_be_fused():
    model, seen = linear_chain(), []
    model[0].register_forward_hook(lambda m, inputs, y: seen.append(y.numpy().min()))
    model(X - 3)
    assert seen[0] < 0


def test_a_relu_used_twice_is_called_twice():
    class Negate(nn.Module):
        def forward(self, x):
            return -x

    relu = nn.ReLU()
    model = nn.Sequential(nn.Linear(3, 4), relu, Negate(), relu)
    assert not model(X).numpy().any()


def test_a_subclass_with_its_own_forward_is_not_fused():
    class Doubled(nn.Linear):
        def forward(self, x):
            return super().forward(x) * 2

    model = nn.Sequential(Doubled(3, 4), nn.ReLU())
    assert (model(X).numpy() >= 0).all()


# ---- modes ---------------------------------------------------------------------------------------------
def test_train_and_eval_reach_all_modules():
    model = nn.Sequential(Block(), Block())
    assert model.eval() is model and not any(m.training for m in model.modules())
    assert all(m.training for m in model.train().modules())


def test_freezing_and_forgetting_gradients():
    model = linear_chain()
    model(X).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    model[0].requires_grad_(False)
    model(X).sum().backward()
    assert model[0].weight.grad is None and model[2].weight.grad is not None


def test_apply_reaches_children_first():
    order = []
    model = linear_chain()
    assert model.apply(lambda m: order.append(type(m).__name__)) is model
    assert order == ["Linear", "ReLU", "Linear", "Sequential"]


# ---- state ---------------------------------------------------------------------------------------------
def test_state_is_a_copy_and_can_be_loaded_back():
    model = linear_chain()
    before = model(X).numpy().copy()
    state = model.state_dict()
    with no_grad():
        for p in model.parameters():
            p += 1
    assert np.abs(model(X).numpy() - before).max() > 0.1
    model.load_state_dict(state)
    np.testing.assert_array_equal(model(X).numpy(), before)


def test_loading_lists_everything_that_is_wrong_and_changes_nothing():
    model = linear_chain()
    state = model.state_dict()
    wrong = {name: value + 1 for name, value in state.items()}
    del wrong["0.bias"], wrong["2.weight"]
    wrong |= {"extra": X, "other": X, "0.weight": X, "2.bias": np.zeros(2, int)}
    with pytest.raises(ValueError, match="load_state_dict: Sequential does not fit") as caught:
        model.load_state_dict(wrong)
    for text in (
        "missing: 0.bias",
        "missing: 2.weight",
        "unexpected: extra",
        "unexpected: other",
        "shape of 0.weight: (2, 3), expected (4, 3)",
        "dtype of 2.bias: int64, expected float32",
    ):
        assert text in str(caught.value)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[name])


def test_loading_part_of_a_state():
    model = linear_chain()
    result = model.load_state_dict({"0.bias": np.ones(4), "extra": X}, strict=False)
    assert result.missing_keys == ["0.weight", "2.weight", "2.bias"] and result.unexpected_keys == ["extra"]
    assert (model[0].bias.numpy() == 1).all() and model[0].bias.dtype == np.float32
    with pytest.raises(ValueError, match=r"shape of 0.bias"):
        model.load_state_dict({"0.bias": np.ones(3)}, strict=False)


def test_states_may_hold_tensors_and_a_state_may_be_loaded_into_its_own_module():
    model = linear_chain()
    model.load_state_dict(dict(model.named_parameters()))
    assert np.isfinite(model(X).numpy()).all()


def test_modules_can_be_copied_and_pickled():
    model = linear_chain().eval()
    with no_grad():
        expected = model(X).numpy()
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(twin(X).numpy(), expected)
            twin[0].weight.zero_()
            np.testing.assert_array_equal(model(X).numpy(), expected)


# ---- parameters ----------------------------------------------------------------------------------------
def test_parameters_own_their_memory():
    values = np.ones(3, np.float32)
    p = nn.Parameter(values)
    values[0] = 9
    assert p.numpy().tolist() == [1, 1, 1] and p.requires_grad and repr(p).startswith("Parameter containing:")


def test_parameters_cannot_be_changed_unnoticed():
    p = nn.Parameter([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        p.data[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        p.numpy()[...] = 0
    version = p._version[0]
    with no_grad():
        p *= 2
    assert p._version[0] > version and p.numpy().tolist() == [2, 4]
    version = p._version[0]
    p.data = np.array([7, 8], np.float32)
    assert p._version[0] > version and p.numpy().tolist() == [7, 8]


def test_assigned_data_is_copied():
    p, values = nn.Parameter([1.0]), np.array([5.0], np.float32)
    p.data = values
    values[0] = 0
    assert p.item() == 5


# ---- text ----------------------------------------------------------------------------------------------
def test_text_is_pytorchs():
    layers = [
        nn.Conv2d(1, 2, 3, padding=1, stride=2, bias=False),
        nn.MaxPool2d(2),
        nn.AvgPool2d(2),
        nn.Linear(3, 4),
        nn.Sequential(nn.ReLU(inplace=True), nn.ReLU()),
        nn.Flatten(),
        nn.CrossEntropyLoss(),
    ]
    assert repr(nn.Sequential(*layers)) == (
        "Sequential(\n"
        "  (0): Conv2d(1, 2, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False)\n"
        "  (1): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)\n"
        "  (2): AvgPool2d(kernel_size=2, stride=2, padding=0)\n"
        "  (3): Linear(in_features=3, out_features=4, bias=True)\n"
        "  (4): Sequential(\n"
        "    (0): ReLU(inplace=True)\n"
        "    (1): ReLU()\n"
        "  )\n"
        "  (5): Flatten(start_dim=1, end_dim=-1)\n"
        "  (6): CrossEntropyLoss()\n"
        ")"
    )
