"""Optimisers: values by the formulas and against PyTorch, groups, state dicts, bad input."""

import copy
import functools

import numpy as np
import optimizers
import pytest
import tolerance

from fastnn import nn, ops, train
from fastnn.autograd import Tensor
from fastnn.train import SGD

every = pytest.mark.parametrize("name, options", optimizers.CASES, ids=optimizers.IDS)
each = pytest.mark.parametrize("name", optimizers.OWN)


@functools.cache
def case(dtype, steps):
    rng = np.random.default_rng(0)
    return rng.standard_normal((3, 7)).astype(dtype), rng.standard_normal((steps, 3, 7)).astype(dtype)


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_formulas_over_100_steps(name, options, dtype):
    p, gradients = case(dtype, 100)
    found, _ = optimizers.run(name, p, gradients, 0.03, **options)
    assert found.dtype == dtype
    expected = optimizers.naive_update.trained(optimizers.RULES[name], p, gradients, 0.03, **options)
    if "l1" in options:  # the sign of a weight that has just passed 0 may differ by rounding
        expected = np.where(np.abs(expected) < 0.01, found, expected)
    tolerance.assert_close(found, expected, "update", length=100)


@every
def test_as_pytorch_over_100_steps(name, options):
    torch = pytest.importorskip("torch")
    if "l1" in options:
        pytest.skip("PyTorch has no l1")
    p, gradients = case(np.float32, 100)
    theirs = torch.nn.Parameter(torch.tensor(p))
    optimizer = getattr(torch.optim, name)([theirs], lr=0.03, **options)
    for g in gradients:
        theirs.grad = torch.tensor(g)
        optimizer.step()
    found, ours = optimizers.run(name, p, gradients, 0.03, **options)
    tolerance.assert_close(found, theirs.detach().numpy(), "update", length=100)
    states = optimizer.state_dict()["state"]
    assert {k for k, v in states.get(0, {}).items() if v is not None} == set(ours.state_dict()["state"].get(0, {}))
    for key, value in ours.state_dict()["state"].get(0, {}).items():
        np.testing.assert_allclose(value, np.asarray(states[0][key]), rtol=1e-4, atol=1e-6)


@every
def test_pytorch_state_is_taken_over(name, options):
    torch = pytest.importorskip("torch")
    if "l1" in options:
        pytest.skip("PyTorch has no l1")
    p, gradients = case(np.float32, 20)
    theirs = torch.nn.Parameter(torch.tensor(p))
    optimizer = getattr(torch.optim, name)([theirs], lr=0.03, **options)
    parameter = nn.Parameter(p)
    ours = getattr(train, name)([parameter])
    for i, g in enumerate(gradients):
        if i == 10:
            state = copy.deepcopy(optimizer.state_dict())
            for entry in state["state"].values():
                entry |= {k: v.numpy() if isinstance(v, torch.Tensor) else v for k, v in entry.items()}
            ours.load_state_dict(state)
            parameter.data = theirs.detach().numpy().copy()
        theirs.grad = torch.tensor(g)
        optimizer.step()
        if i >= 10:
            optimizers.go_on(ours, parameter, [g])
    tolerance.assert_close(parameter.numpy(), theirs.detach().numpy(), "update", length=20)


@each
def test_defaults_and_arguments_are_pytorchs(name):
    import inspect

    torch = pytest.importorskip("torch")
    ours = inspect.signature(getattr(train, name)).parameters
    theirs = inspect.signature(getattr(torch.optim, name)).parameters
    for key, argument in ours.items():
        if key != "l1":
            assert argument.default == theirs[key].default, key
    positional = [k for k, v in theirs.items() if k in ours and v.kind is v.POSITIONAL_OR_KEYWORD]
    mine = [k for k, v in ours.items() if v.kind is v.POSITIONAL_OR_KEYWORD]
    assert mine == positional[: len(mine)]


@every
def test_a_state_dict_goes_on_to_the_same_bits(name, options):
    p, gradients = case(np.float32, 20)
    whole, _ = optimizers.run(name, p, gradients, 0.03, **options)
    half, optimizer = optimizers.run(name, p, gradients[:10], 0.03, **options)
    parameter = nn.Parameter(half.copy())
    fresh = getattr(train, name)([parameter])
    fresh.load_state_dict(optimizer.state_dict())
    optimizers.go_on(fresh, parameter, gradients[10:])
    np.testing.assert_array_equal(parameter.numpy(), whole)
    assert fresh.state_dict()["param_groups"] == optimizer.state_dict()["param_groups"]


def test_state_dicts_hold_copies_and_number_parameters_through_groups():
    a, b = nn.Parameter([1.0]), nn.Parameter([2.0, 3.0])
    optimizer = train.Adam([{"params": [a]}, {"params": [b], "lr": 0.5}])
    (b * b).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    assert list(state["state"]) == [1] and state["state"][1]["step"] == 1
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    before = state["state"][1]["exp_avg"].copy()
    optimizer.step()
    np.testing.assert_array_equal(state["state"][1]["exp_avg"], before)


def test_everything_wrong_with_a_state_dict_is_listed_and_nothing_changed():
    p, gradients = case(np.float32, 1)
    _, optimizer = optimizers.run("Adam", p, gradients, 0.1)
    state = optimizer.state_dict()
    del state["state"][0]["exp_avg"], state["param_groups"][0]["eps"]
    state["state"][0] |= {"exp_avg_sq": np.ones(3), "step": -1, "foo": 1}
    state["state"][7] = {}
    state["param_groups"].append(state["param_groups"][0])
    before = optimizer.state_dict()
    with pytest.raises(ValueError) as error:
        optimizer.load_state_dict(state)
    for part in ("2 groups, expected 1", "missing option eps", "missing: exp_avg", "unexpected: foo", "parameter 7",
                 r"shape of exp_avg_sq: (3,), expected (3, 7)", "step must be"):  # fmt: skip
        assert part in str(error.value), part
    assert optimizer.state_dict()["param_groups"] == before["param_groups"]
    np.testing.assert_array_equal(optimizer.state_dict()["state"][0]["exp_avg"], before["state"][0]["exp_avg"])
    with pytest.raises(ValueError, match="missing: state, param_groups"):
        optimizer.load_state_dict({})
    bad = optimizer.state_dict()
    bad["param_groups"][0]["lr"] = -1
    bad["param_groups"][0]["params"] = [0, 1]
    with pytest.raises(ValueError, match="2 parameters, expected 1"):
        optimizer.load_state_dict(bad)


def test_groups_have_options_of_their_own():
    a, b, c = nn.Parameter([1.0]), nn.Parameter([1.0]), nn.Parameter(np.ones(1))
    optimizer = SGD([{"params": a}, {"params": [b], "lr": 0.5}], lr=0.1)
    optimizer.add_param_group({"params": [c, nn.Parameter([0.0])], "lr": 0.25})
    (a + b).backward()
    c.backward(np.ones(1))
    optimizer.step()
    np.testing.assert_allclose([a.item(), b.item(), c.item()], [0.9, 0.5, 0.75], rtol=1e-6)
    optimizer.param_groups[0]["lr"] = 1.0
    optimizer.step()
    np.testing.assert_allclose([a.item(), b.item()], [-0.1, 0.0], atol=1e-6)


@each
def test_parameters_of_both_dtypes_and_without_gradients(name):
    a, b, c = nn.Parameter([1.0]), nn.Parameter([2.0]), nn.Parameter(np.array([1.0]))
    optimizer = getattr(train, name)([a, b, c], lr=0.01, weight_decay=1.0)
    (a * 2).backward()
    c.backward(np.array([2.0]))
    optimizer.step()
    assert b.item() == 2 and a.item() != 1 and b not in optimizer.state
    np.testing.assert_allclose(a.item(), c.item(), rtol=1e-6)
    optimizer.zero_grad(set_to_none=False)
    assert a.grad.item() == 0 and b.grad is None
    optimizer.zero_grad()
    assert a.grad is None and b.grad is None


def test_the_closure_is_called_once_with_recording_on():
    from fastnn.autograd import no_grad

    p = nn.Parameter([1.0])
    optimizer = SGD([p], lr=0.1)

    def closure():
        loss = (p * p).sum()
        loss.backward()
        return loss

    with no_grad():
        assert optimizer.step(closure).item() == 1
    np.testing.assert_allclose(p.item(), 0.8, rtol=1e-6)


def test_a_step_moves_versions_so_that_stale_graphs_are_caught():
    p = nn.Parameter([2.0])
    y = p * p
    optimizer = SGD([p], lr=0.1)
    (p * 1).backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="mul saved was changed in place"):
        y.backward()


@each
def test_blocked_images_can_be_optimised(name):
    plain = Tensor(np.ones((1, 3, 2, 2), np.float32), requires_grad=True)
    x = Tensor(ops.blocked(plain.numpy().copy()), requires_grad=True)
    options = {} if name == "SGD" else {"eps": 0.0}
    both = [getattr(train, name)([t], lr=0.1, **options) for t in (plain, x)]
    for _ in range(2):
        for t, optimizer in zip((plain, x), both, strict=True):
            optimizer.zero_grad()
            (t * t).sum().backward()
            optimizer.step()
    np.testing.assert_allclose(x.numpy(), plain.numpy(), rtol=1e-6)
    assert not x.data.data[..., 3:].any()
    states = [optimizer.state_dict()["state"].get(0, {}) for optimizer in both]
    for key, value in states[0].items():
        np.testing.assert_allclose(states[1][key], value, rtol=1e-6)
    both[1].load_state_dict(both[0].state_dict())


def test_gradients_are_not_changed_by_a_step():
    p = nn.Parameter(np.ones(3, np.float32))
    optimizer = SGD([p], lr=0.1, momentum=0.9, weight_decay=0.1, nesterov=True)
    p.backward(np.full(3, 2.0, np.float32))
    for _ in range(3):
        optimizer.step()
    assert (p.grad.numpy() == 2).all()


WRONG = {
    "rate": (lambda p: SGD([p], -0.1), ValueError, "SGD: lr must not be negative, is -0.1"),
    "nan": (lambda p: SGD([p], float("nan")), ValueError, "SGD: lr must not be negative, is nan"),
    "infinite": (lambda p: SGD([p], float("inf")), ValueError, "SGD: lr must be finite"),
    "text": (lambda p: SGD([p], "1"), TypeError, "SGD: lr must be a number, is '1'"),
    "momentum": (lambda p: SGD([p], 0.1, -1), ValueError, "SGD: momentum must not be negative"),
    "decay": (lambda p: SGD([p], 0.1, weight_decay=-1), ValueError, "SGD: weight_decay must not be negative"),
    "l1": (lambda p: train.Adam([p], l1=-1), ValueError, "Adam: l1 must not be negative"),
    "nesterov": (lambda p: SGD([p], 0.1, nesterov=True), ValueError, "SGD: nesterov needs momentum"),
    "nesterov and dampening": (lambda p: SGD([p], 0.1, 0.9, 0.1, 0, True), ValueError, "SGD: .*no dampening"),
    "beta": (lambda p: train.AdamW([p], betas=(0.9, 1.0)), ValueError, r"AdamW: betas\[1\] must be less than 1"),
    "betas": (lambda p: train.Adam([p], betas=0.9), TypeError, "Adam: betas must be two numbers"),
    "eps": (lambda p: train.RMSprop([p], eps=-1), ValueError, "RMSprop: eps must not be negative"),
    "lr decay": (lambda p: train.Adagrad([p], lr_decay=-1), ValueError, "Adagrad: lr_decay must not be negative"),
    "nothing": (lambda p: SGD([], 0.1), ValueError, "SGD: no parameters"),
    "twice": (lambda p: SGD([p, p], 0.1), ValueError, "SGD: a parameter is listed twice"),
    "two groups": (lambda p: SGD([{"params": p}, {"params": p}]), ValueError, "SGD: a parameter is listed twice"),
    "array": (lambda p: SGD([np.ones(3)], 0.1), TypeError, "SGD: ndarray is no Tensor"),
    "result": (lambda p: SGD([p * 2], 0.1), ValueError, "SGD: only leaves"),
    "group": (lambda p: SGD([{"params": [p], "lr": -1}], 0.1), ValueError, "SGD: lr must not be negative"),
    "no group": (lambda p: SGD([{"lr": 1}], 0.1), TypeError, 'SGD: a group must be a dict with "params"'),
    "option": (lambda p: SGD([{"params": [p], "beta": 1}], 0.1), ValueError, "SGD: unknown options beta"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_makes_no_sense_is_refused(name):
    make, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        make(nn.Parameter([1.0]))
