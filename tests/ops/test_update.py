"""The kernels under the optimisers: values on every instruction set and size, memory, threads, bad input."""

import contract
import naive_update
import numpy as np
import pytest
import tolerance
from contract import rejects

import fastnn
from fastnn.ops.update import adagrad_step, adam_step, rmsprop_step, sgd_step

COMMON = {"weight_decay": 0.1, "l1": 0.01, "maximize": True}


def run_sgd(ps, gs, states):
    first = [not v.any() for v in states[0]]
    sgd_step(ps, gs, states[0], first, lr=0.1, momentum=0.9, dampening=0.2, **COMMON)


def steps_of(states):
    return [2 if state.any() else 1 for state in states]


def run_adagrad(ps, gs, states):
    adagrad_step(ps, gs, states[0], steps_of(states[0]), lr=0.1, lr_decay=0.5, eps=1e-3, **COMMON)


def run_rmsprop(ps, gs, states):
    rmsprop_step(ps, gs, *states, lr=0.1, alpha=0.9, eps=1e-3, momentum=0.5, **COMMON)


def run_adam(ps, gs, states):
    adam_step(ps, gs, *states, steps_of(states[0]), lr=0.1, eps=1e-3, **COMMON)


RULES = {  # the step, its number of states, the oracle and its options
    "sgd": (run_sgd, 1, naive_update.sgd, {"momentum": 0.9, "dampening": 0.2}),
    "adagrad": (run_adagrad, 1, naive_update.adagrad, {"lr_decay": 0.5, "eps": 1e-3}),
    "rmsprop": (run_rmsprop, 3, naive_update.rmsprop, {"alpha": 0.9, "eps": 1e-3, "momentum": 0.5, "centered": True}),
    "adam": (run_adam, 3, naive_update.adam, {"eps": 1e-3, "amsgrad": True}),
}
SIZES = (0, 1, 3, 15, 16, 17, 257, 1000)


def arrays(size, dtype, count=3):
    rng = np.random.default_rng(size)
    return [rng.standard_normal(size).astype(dtype) for _ in range(count)]


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("rule", RULES)
def test_two_steps_on_parameters_of_many_sizes(rule, dtype, isa):
    step, count, oracle, options = RULES[rule]
    groups = [arrays(size, dtype) for size in SIZES]
    ps = [group[0].copy() for group in groups]
    states = [[np.zeros_like(p) for p in ps] for _ in range(count)]
    for i in (1, 2):
        step(ps, [group[i] for group in groups], states)
    for p, group in zip(ps, groups, strict=True):
        expected = naive_update.trained(oracle, group[0], np.stack(group[1:]), 0.1, **options, **COMMON)
        tolerance.assert_close(p, expected, "update", length=2)


@pytest.mark.parametrize("rule", RULES)
def test_any_number_of_threads_gives_the_same_bits(rule):
    step, count, *_ = RULES[rule]
    found = []
    for threads in (1, 3):
        ps, gs = zip(*[arrays(size, np.float32, 2) for size in (300_000, 7, 1000)], strict=True)
        states = [[np.zeros_like(p) for p in ps] for _ in range(count)]
        with fastnn.num_threads(threads):
            step(ps, gs, states)
        found.append([*ps, *(array for state in states for array in state)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_strided_parameters_change_where_they_are():
    p, g, _ = arrays(20, np.float32)
    expected = p.copy()
    expected[::2] -= np.float32(0.5) * g[::-2]
    sgd_step([p[::2]], [g[::-2]], None, lr=0.5)
    np.testing.assert_allclose(p, expected, rtol=1e-6)


def test_read_only_gradients_will_do():
    p, g = np.ones(3), np.ones(3)
    g.flags.writeable = False
    sgd_step([p], [g], None, lr=0.5)
    assert (p == 0.5).all()


def test_an_infinite_parameter_without_decay_is_no_nan():
    p = np.array([np.inf], np.float32)
    sgd_step([p], [np.ones(1, np.float32)], None, lr=0.1)
    assert p[0] == np.inf


def test_nan_gradients_show():
    for step, count, *_ in RULES.values():
        p = np.ones(3, np.float32)
        step([p], [np.array([1, np.nan, 1], np.float32)], [[np.zeros_like(p)] for _ in range(count)])
        assert np.isnan(p).tolist() == [False, True, False]


def test_nothing_to_do():
    sgd_step([], [], None, lr=0.1)


def test_what_does_not_fit_is_refused():
    p = np.ones(3, np.float32)
    locked = p.copy()
    locked.flags.writeable = False
    with rejects("sgd_step", "g", "(2,)", "(3,)"):
        sgd_step([p], [np.ones(2, np.float32)], None, lr=0.1)
    with rejects("sgd_step", "float64"):
        sgd_step([p], [np.ones(3)], None, lr=0.1)
    with rejects("sgd_step", "float16"):
        sgd_step([p.astype(np.float16)], [p], None, lr=0.1)
    with rejects("sgd_step", "p is read-only"):
        sgd_step([locked], [p], None, lr=0.1)
    with rejects("sgd_step", "1 parameters", "0 gradients"):
        sgd_step([p], [], None, lr=0.1)
    with rejects("sgd_step", "velocity", "(2,)", "(3,)"):
        sgd_step([p], [p.copy()], [np.ones(2, np.float32)], lr=0.1)
    with rejects("adam_step", "exp_avg_sq", "float32"):
        adam_step([p], [p.copy()], [p.copy()], [np.ones(3)], None, [1], lr=0.1)
    assert (p == 1).all()
