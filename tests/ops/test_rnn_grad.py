"""Gradients of recurrent layers through time."""

import cases_rnn
import contract
import gradcheck
import numpy as np
import pytest
import tolerance
from contract import rejects
from recurrent import CELLS, cast, forward, grad, inputs_of, parts, run

import fastnn
from fastnn import ops


@pytest.mark.parametrize("name", cases_rnn.CASES)
@pytest.mark.parametrize("cell", CELLS)
def test_gradients(cell, name):
    """Of y, h and c together, with respect to everything."""
    case = cases_rnn.CASES[name]
    a = inputs_of(cell, case, np.random.default_rng(12))

    def flat(arrays):
        y, state, reserve = forward(cell, case, arrays)
        whole = parts(cell, (y, state))
        for one, other in zip(whole, parts(cell, run(cell, case, arrays)), strict=True):
            tolerance.assert_same(one, other)
        assert reserve.nbytes > 0 and cell in repr(reserve)
        return np.concatenate([part.ravel() for part in whole])

    def gradients(arrays, g, _):
        shapes = [part.shape for part in parts(cell, run(cell, case, arrays))]
        ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
        gs = [piece.reshape(shape) for piece, shape in zip(np.split(g, ends), shapes, strict=True)]
        return grad(cell, case, arrays, *gs)

    gradcheck.assert_gradients(flat, a, gradients)


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("case", cases_rnn.BULK)
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_have_the_same_bits_with_any_threads(cell, case, dtype, isa):
    rng = np.random.default_rng(13)
    a = cast(inputs_of(cell, case, rng), dtype)
    gs = [rng.standard_normal(part.shape).astype(dtype) for part in parts(cell, run(cell, case, a))]
    with fastnn.num_threads(1):
        alone = grad(cell, case, a, *gs)
    for count in (2, 5):
        with fastnn.num_threads(count):
            together = grad(cell, case, a, *gs)
        for name, g in alone.items():
            tolerance.assert_same(together[name], g)


@pytest.mark.parametrize("cell", CELLS)
def test_a_reserve_serves_twice_and_only_its_op(cell):
    case = cases_rnn.CASES["both_directions"]
    a = inputs_of(cell, case, np.random.default_rng(14))
    y, _, reserve = forward(cell, case, a)
    backward = getattr(ops, f"{cell}_grad")
    first, second = backward(np.ones_like(y), reserve), backward(np.ones_like(y), reserve)
    tolerance.assert_same(first[0], second[0])
    tolerance.assert_same(first[2][1][1], second[2][1][1])
    assert (backward(None, reserve)[0] == 0).all()
    other = "gru" if cell == "lstm" else "lstm"
    with rejects(f"{other}_grad", "reserve", cell):
        getattr(ops, f"{other}_grad")(np.ones_like(y), reserve)
    with rejects(f"{cell}_grad", "gy", y.shape):
        backward(np.ones_like(y)[1:], reserve)
    with rejects(f"{cell}_grad", "reserve"):
        backward(y, None)
