"""Single cells."""

import contract
import naive_rnn
import numpy as np
import pytest
import tolerance
from cases_rnn import Recurrent
from contract import rejects
from recurrent import CELLS, OTHER, cast, groups, inputs_of

from fastnn import ops

X, H = np.ones((2, 3), np.float32), np.ones((2, 4), np.float32)


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("batch", [0, 1, 2, 5, 9])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("hidden", [1, 16, 37])
@pytest.mark.parametrize("cell", CELLS)
def test_cells(cell, hidden, bias, batch, dtype, isa):
    case = Recurrent(1, batch, 21, hidden, bias=bias)
    a = cast(inputs_of(cell, case, np.random.default_rng(15)), np.float32)
    function, held = getattr(ops, f"{cell}_cell"), [a[k][:, 0] for k in "hc" if k in a]
    for extra in ({}, OTHER[cell]):
        weights = groups(case, cast(a, dtype))[0]
        result = function(a["x"][0].astype(dtype), *(s.astype(dtype) for s in held), *weights, **extra)
        result = result if cell == "lstm" else (result,)
        for found, index in zip(result, (0, 1), strict=False):
            assert found.dtype == dtype and found.shape == (batch, hidden)
            right = [
                naive_rnn.one_step(
                    cell, a["x"][0][n], *((*(s[n] for s in held), None)[:2]), groups(case, a)[0], extra
                )[index]
                for n in range(batch)
            ]
            tolerance.assert_close(found, np.reshape(right, found.shape), "rnn", 21 + hidden)
    nothing = function(a["x"][0], *[None] * len(held), *groups(case, a)[0])
    zeros = function(a["x"][0], *(np.zeros_like(s) for s in held), *groups(case, a)[0])
    tolerance.assert_same(np.asarray(nothing), np.asarray(zeros))


def cell_call(cell, x=X, **options):
    """One step on arrays of ones; the result as a tuple."""
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[cell] * 4
    states, weights = [H] * (1 + (cell == "lstm")), [np.full((gates, n), 0.1, np.float32) for n in (x.shape[1], 4)]
    found = getattr(ops, f"{cell}_cell")(x, *states, *weights, **options)
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("strided", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_out_is_filled_and_returned(cell, strided):
    expected = cell_call(cell)
    out = tuple(np.full((2, 8), 7, np.float32)[:, :: 2 if strided else 1][:, :4] for _ in expected)
    found = cell_call(cell, out=out if cell == "lstm" else out[0])
    for given, result, right in zip(out, found, expected, strict=True):
        assert result is given
        tolerance.assert_same(given, right)


@pytest.mark.parametrize("cell", CELLS)
def test_wrong_out_is_refused(cell):
    good = np.full((2, 4), 7, np.float32)

    def pair(array):
        return (good, array) if cell == "lstm" else array

    for wrong, words in (
        (np.zeros((2, 5), np.float32), [(2, 5), (2, 4)]),
        (np.zeros((2, 4)), ["float64", "float32"]),
        (np.broadcast_to(np.float32(0), (2, 4)), ["read-only"]),
        ([[0] * 4] * 2, ["list"]),
        (H, ["overlaps"]),
    ):
        with rejects(f"{cell}_cell", "out", *words):
            cell_call(cell, out=pair(wrong))
    with rejects(f"{cell}_cell", "out", "overlaps"):
        cell_call(cell, x=good, out=pair(good[::-1]))
    assert (good == 7).all()


def test_the_two_results_of_an_lstm_are_a_pair_of_arrays_apart():
    memory = np.zeros((3, 4), np.float32)
    with rejects("lstm_cell", "out", "overlap"):
        cell_call("lstm", out=(memory[:2], memory[1:]))
    for wrong in (memory[:2], (memory[:2],)):
        with rejects("lstm_cell", "out", "pair"):
            cell_call("lstm", out=wrong)
