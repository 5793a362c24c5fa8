"""Schedules: against PyTorch over many steps, resuming, bad input."""

import numpy as np
import pytest

from fastnn import nn, train
from fastnn.train import lr_scheduler

CASES = {
    "StepLR": {"step_size": 4, "gamma": 0.5},
    "MultiStepLR": {"milestones": [3, 9], "gamma": 0.5},
    "ExponentialLR": {"gamma": 0.9},
    "LinearLR": {"start_factor": 0.2, "end_factor": 0.8, "total_iters": 6},
    "CosineAnnealingLR": {"T_max": 7, "eta_min": 0.01},
    "LambdaLR": {"lr_lambda": [lambda e: 1 / (1 + e), lambda e: 0.9**e]},
    "OneCycleLR": {"max_lr": [1.0, 2.0], "total_steps": 20},
    "OneCycleLR linear": {"max_lr": 1.0, "epochs": 4, "steps_per_epoch": 5, "anneal_strategy": "linear"},
    "OneCycleLR three phases": {"max_lr": 1.0, "total_steps": 20, "three_phase": True, "pct_start": 0.4},
}
LOSSES = [3, 2, 2, 2, 2, float("nan"), 2, 1, 1, 1, 1, 1, 1.2, 1, 1, 1, 0.5, 0.4999999, 0.5, 0.5, 0.5]
PLATEAUS = [
    {"patience": 1, "factor": 0.5},
    {"patience": 2, "cooldown": 2, "min_lr": [0.02, 0.05]},
    {"mode": "max", "threshold_mode": "abs", "threshold": 0.1, "patience": 1},
    {"mode": "max", "patience": 0},
    {"threshold_mode": "abs", "patience": 0, "eps": 0.01},
]


def ours(adam=False):
    groups = [{"params": nn.Parameter([1.0])}, {"params": nn.Parameter([1.0]), "lr": 0.3}]
    return train.Adam(groups, lr=0.1) if adam else train.SGD(groups, lr=0.1, momentum=0.9)


def theirs(torch, adam=False):
    groups = [{"params": torch.nn.Parameter(torch.ones(1))} for _ in range(2)]
    groups[1]["lr"] = 0.3
    return torch.optim.Adam(groups, lr=0.1) if adam else torch.optim.SGD(groups, lr=0.1, momentum=0.9)


def options_of(optimizer):
    return [(g["lr"], g.get("momentum", g.get("betas"))) for g in optimizer.param_groups]


def assert_alike(a, b):
    for (rate, momentum), (other, other_momentum) in zip(options_of(a), options_of(b), strict=True):
        np.testing.assert_allclose(rate, other, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(momentum, other_momentum, rtol=1e-9)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("adam", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_as_pytorch(case, adam):
    torch = pytest.importorskip("torch")
    a, b, name = ours(adam), theirs(torch, adam), case.split()[0]
    one = getattr(lr_scheduler, name)(a, **CASES[case])
    other = getattr(torch.optim.lr_scheduler, name)(b, **CASES[case])
    for _ in range(19):
        assert_alike(a, b)
        np.testing.assert_allclose(one.get_last_lr(), other.get_last_lr(), rtol=1e-9, atol=1e-12)
        one.step()
        other.step()
    assert_alike(a, b)


@pytest.mark.parametrize("options", PLATEAUS)
def test_plateaus_as_pytorch(options):
    torch = pytest.importorskip("torch")
    a, b = ours(), theirs(torch)
    one = lr_scheduler.ReduceLROnPlateau(a, **options)
    other = torch.optim.lr_scheduler.ReduceLROnPlateau(b, **options)
    for loss in LOSSES:
        one.step(loss)
        other.step(loss)
        assert_alike(a, b)
        assert one.get_last_lr() == [g["lr"] for g in a.param_groups]


def chain(module, optimizer):
    parts = [module.LinearLR(optimizer, 0.1, total_iters=4), module.CosineAnnealingLR(optimizer, 6),
             module.ExponentialLR(optimizer, 0.5)]  # fmt: skip
    return module.SequentialLR(optimizer, parts, milestones=[4, 9])


@pytest.mark.filterwarnings("ignore")
def test_warm_up_before_others_as_pytorch():
    torch = pytest.importorskip("torch")
    a, b = ours(), theirs(torch)
    one, other = chain(lr_scheduler, a), chain(torch.optim.lr_scheduler, b)
    for _ in range(14):
        assert_alike(a, b)
        one.step()
        other.step()


MAKERS = {case: lambda o, case=case: getattr(lr_scheduler, case.split()[0])(o, **CASES[case]) for case in CASES}
MAKERS["SequentialLR"] = lambda o: chain(lr_scheduler, o)
MAKERS["plateau"] = lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1)


@pytest.mark.parametrize("name", MAKERS)
def test_resumed_schedules_go_on_as_they_were(name):
    import json

    arguments = (lambda i: (LOSSES[i],)) if name == "plateau" else lambda i: ()
    a, b = ours(), ours()
    one = MAKERS[name](a)
    for i in range(8):
        one.step(*arguments(i))
    other = MAKERS[name](b)
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    b.load_state_dict(a.state_dict())
    assert other.get_last_lr() == one.get_last_lr() == [g["lr"] for g in b.param_groups]
    for i in range(8, 16):
        one.step(*arguments(i))
        other.step(*arguments(i))
        assert options_of(a) == options_of(b)
    assert other.state_dict() == one.state_dict()


def test_wrong_states_are_listed():
    schedule = lr_scheduler.StepLR(ours(), 3)
    state = schedule.state_dict() | {"foo": 1, "base_lrs": [1.0]}
    del state["gamma"]
    with pytest.raises(ValueError) as error:
        schedule.load_state_dict(state)
    for part in ("StepLR", "missing: gamma", "unexpected: foo", "base_lrs: 1 groups, expected 2"):
        assert part in str(error.value)


WRONG = {
    "optimizer": (lambda o: lr_scheduler.ExponentialLR([o], 0.5), TypeError, "ExponentialLR: list is no Optimizer"),
    "size": (lambda o: lr_scheduler.StepLR(o, 0), ValueError, "StepLR: step_size must be at least 1, is 0"),
    "float": (lambda o: lr_scheduler.StepLR(o, 1.5), TypeError, "StepLR: step_size must be an int"),
    "nan": (lambda o: lr_scheduler.ExponentialLR(o, float("nan")), ValueError, "gamma must be at least 0"),
    "factor": (lambda o: lr_scheduler.LinearLR(o, 0), ValueError, "LinearLR: start_factor must be positive"),
    "lambdas": (lambda o: lr_scheduler.LambdaLR(o, [abs]), ValueError, "LambdaLR: 1 functions for 2 groups"),
    "length": (lambda o: lr_scheduler.OneCycleLR(o, 1.0), ValueError, "OneCycleLR: give total_steps"),
    "anneal": (lambda o: lr_scheduler.OneCycleLR(o, 1.0, 5, anneal_strategy="x"), ValueError, "anneal_strategy"),
    "mode": (lambda o: lr_scheduler.ReduceLROnPlateau(o, "low"), ValueError, 'mode must be "min" or "max"'),
    "plateau": (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.0), ValueError, "factor must be at least 0"),
    "milestones": (lambda o: lr_scheduler.SequentialLR(o, [], [1]), ValueError, "SequentialLR: 0 schedulers"),
    "resume": (lambda o: lr_scheduler.ExponentialLR(o, 0.5, last_epoch=3), ValueError, "no initial_lr"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_makes_no_sense_is_refused(name):
    make, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        make(ours())


def test_beyond_the_cycle():
    schedule = lr_scheduler.OneCycleLR(ours(), 1.0, total_steps=2)
    schedule.step()
    schedule.step()
    with pytest.raises(ValueError, match="OneCycleLR: step 3 of 2"):
        schedule.step()
