"""LSTM, GRU and Elman layers: the contract, states, lengths."""

import cases_rnn
import contract
import numpy as np
import pytest
import tolerance
from cases_rnn import Recurrent
from recurrent import CELLS, Sequences, cast, grad, groups, inputs_of, options, oracle, parts, run

from fastnn import ops


class TestLSTM(Sequences):
    op = cell = "lstm"


class TestGRU(Sequences):
    op = cell = "gru"


class TestRNN(Sequences):
    op = cell = "rnn"


@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("name", cases_rnn.CASES)
@pytest.mark.parametrize("cell", CELLS)
def test_final_states(cell, name, dtype):
    case = cases_rnn.CASES[name]
    a = cast(inputs_of(cell, case, np.random.default_rng(2)), np.float32)
    result, expected = parts(cell, run(cell, case, cast(a, dtype))), oracle(cell, case, a)
    for found, right in zip(result, expected, strict=False):
        assert found.dtype == dtype
        tolerance.assert_close(found, right, "rnn", case.steps * case.layers * (case.inputs + case.hidden))
    if case.lengths:
        y = result[0].swapaxes(0, 1) if case.batch_first else result[0]
        for n, length in enumerate(case.lengths):
            assert (y[length:, n] == 0).all()


@pytest.mark.parametrize("name", ["lanes_plus_1", "stacked_both_directions"])
@pytest.mark.parametrize("cell", CELLS)
def test_no_state_is_zeros(cell, name):
    case = cases_rnn.CASES[name]
    a = inputs_of(cell, case, np.random.default_rng(3))
    zeros = a | {k: np.zeros_like(a[k]) for k in ("h", "c") if k in a}
    without = {k: v for k, v in a.items() if k not in ("h", "c")}
    result = getattr(ops, cell)(a["x"], groups(case, without), **options(case))
    for one, other in zip(parts(cell, result), parts(cell, run(cell, case, zeros)), strict=True):
        tolerance.assert_same(one, other)


@pytest.mark.parametrize("cell", CELLS)
def test_padding_may_hold_anything(cell):
    case = cases_rnn.CASES["lengths_both_directions"]
    a = inputs_of(cell, case, np.random.default_rng(4))
    clean = parts(cell, run(cell, case, a))
    for n, length in enumerate(case.lengths):
        a["x"][length:, n] = np.nan
    for one, other in zip(parts(cell, run(cell, case, a)), clean, strict=True):
        tolerance.assert_same(one, other)
    gradients = grad(cell, case, a, *(np.ones_like(part) for part in clean))
    assert all(np.isfinite(g).all() for g in gradients.values())


@pytest.mark.parametrize("cell", CELLS)
def test_full_lengths_change_nothing(cell):
    case = cases_rnn.CASES["both_directions"]
    a = inputs_of(cell, case, np.random.default_rng(5))
    full = run(cell, case, a, lengths=np.full(case.batch, case.steps))
    for one, other in zip(parts(cell, full), parts(cell, run(cell, case, a)), strict=True):
        tolerance.assert_same(one, other)


@pytest.mark.parametrize("cell", CELLS)
def test_no_steps_leave_the_state_alone(cell):
    case = Recurrent(0, 3, 4, 17, layers=2)
    a = inputs_of(cell, case, np.random.default_rng(6))
    y, *final = parts(cell, run(cell, case, a))
    assert y.shape == (0, 3, 17)
    for found, name in zip(final, "hc", strict=False):
        tolerance.assert_same(found, a[name].swapaxes(0, 1))
