"""What recurrent layers, steps and cells refuse."""

import numpy as np
import pytest
import tolerance
from contract import rejects
from recurrent import CELLS

from fastnn import ops

X = np.ones((5, 2, 3), np.float32)


def weights_of(gates, inputs=3, hidden=4, dtype=np.float32):
    rows = gates * hidden
    return np.ones((rows, inputs), dtype), np.ones((rows, hidden), dtype), np.ones(rows, dtype), np.ones(rows, dtype)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "make, words",
    [
        (lambda g: {"weights": [weights_of(g + 1)]}, ["w_ih", "gates"]),
        (lambda g: {"weights": [weights_of(g), weights_of(g)]}, ["weights[1] w_ih"]),
        (lambda g: {"weights": [weights_of(g)], "bidirectional": True}, ["weights has 1", 2]),
        (lambda g: {"weights": []}, ["weights has 0"]),
        (lambda g: {"weights": weights_of(g)}, ["weights[0]"]),
        (lambda g: {"weights": np.ones((4, 4))}, ["weights", "ndarray"]),
        (lambda g: {"weights": [weights_of(g)[:3]]}, ["weights[0]", 3]),
        (lambda g: {"weights": [(*weights_of(g)[:2], weights_of(g)[2][1:], None)]}, ["b_ih", "4 units"]),
        (lambda g: {"weights": [weights_of(g, dtype=np.float64)]}, ["x", "float32", "float64"]),
        (lambda g: {"x": X[0]}, ["x", X[0].shape]),
        (lambda g: {"x": X[..., :2]}, ["x", X[..., :2].shape, 2, 3]),
        (lambda g: {"lengths": [1]}, ["lengths", (1,), (2,)]),
        (lambda g: {"lengths": [1, 6]}, ["lengths", 6, 5]),
        (lambda g: {"lengths": [-1, 2]}, ["lengths", -1]),
        (lambda g: {"lengths": [1.5, 2.0]}, ["lengths", "float64"]),
        (lambda g: {"out": np.zeros((5, 2, 5), np.float32)}, ["out", (5, 2, 5), (5, 2, 4)]),
    ],
)
def test_bad_arguments_are_refused(cell, make, words):
    good = {"x": X, "weights": [weights_of(CELLS[cell])]}
    with rejects(cell, *words):
        getattr(ops, cell)(**(good | make(CELLS[cell])))


@pytest.mark.parametrize("cell", CELLS)
def test_states_that_do_not_fit_are_refused_with_both_shapes(cell):
    wrong, right = np.zeros((1, 3, 4), np.float32), (1, 2, 4)
    state = (np.zeros(right, np.float32), wrong) if cell == "lstm" else wrong
    weights = [weights_of(CELLS[cell])]
    packed = getattr(ops, f"pack_{cell}")(weights)
    with rejects(cell, "state", wrong.shape, right):
        getattr(ops, cell)(X, weights, state)
    with rejects(f"packed {cell}", "state", wrong.shape, right):
        packed(X, state)
    with rejects(f"packed {cell}.step", "state", wrong.shape, right):
        packed.step(X[0], state)
    _, carried = packed.step(X[0])
    h, c = packed.cell_step(X[0])
    assert h.shape == (2, 4) and (c is None) == (cell != "lstm")
    with rejects(f"packed {cell}.step", "state", 2, 1):
        packed.step(X[0, :1], carried)
    with rejects(f"packed {cell}.step", "x", X.shape):
        packed.step(X)
    with rejects(f"packed {cell}.step", "float64", "float32"):
        packed.step(X[0].astype(np.float64))
    with rejects(f"packed {cell}.step", "out", (2, 5)):
        packed.step(X[0], carried, out=np.zeros((2, 5), np.float32))
    with rejects(f"packed {cell}.step", "out", "read-only"):
        packed.step(X[0], carried, out=np.broadcast_to(np.float32(0), (2, 4)))
    square = getattr(ops, f"pack_{cell}")([weights_of(CELLS[cell], 4)])
    both = np.ones((2, 4), np.float32)
    with rejects(f"packed {cell}.step", "out", "overlaps"):
        square.step(both, out=both)
    with rejects(f"packed {cell}.cell_step", "h", (3, 4), (2, 4)):
        packed.cell_step(X[0], np.zeros((3, 4), np.float32))
    with rejects(f"packed {cell}.cell_step", "one layer", 2):
        getattr(ops, f"pack_{cell}")([weights_of(CELLS[cell]), weights_of(CELLS[cell], 4)]).cell_step(X[0])
    tolerance.assert_same(packed.cell_step(X[0])[0], packed.step(X[0])[0])


def test_lstm_wants_both_states_and_steps_only_forwards():
    with rejects("lstm", "state", "pair"):
        ops.lstm(X, [weights_of(4)], np.zeros((1, 2, 4), np.float32))
    packed = ops.pack_lstm([weights_of(4)] * 2, bidirectional=True)
    with rejects("packed lstm.step", "direction"):
        packed.step(X[0])
    carried = ops.pack_gru([weights_of(3)]).step(X[0])[1]
    with rejects("packed lstm.step", "cell state"):
        ops.pack_lstm([weights_of(4)]).step(X[0], carried)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: ops.lstm(X, [weights_of(4)], cell_output="relu"), ["cell_output", "relu"]),
        (lambda: ops.rnn(X, [weights_of(1)], nonlinearity="sigmoid"), ["nonlinearity", "sigmoid"]),
        (lambda: ops.pack_lstm([weights_of(4)], weight_dtype="float16"), ["weight_dtype", "float16"]),
        (lambda: ops.pack_gru([weights_of(3, dtype=np.float64)], weight_dtype="bfloat16"), ["bfloat16", "float64"]),
        (lambda: ops.pack_rnn([weights_of(1, 4)] * 65), ["64", "65"]),
        (lambda: ops.lstm_cell(X[0], np.ones((3, 4), np.float32), None, *weights_of(4)), ["h", (3, 4), (2, 4)]),
        (lambda: ops.gru_cell(X[0, :, :2], None, *weights_of(3)), ["x", 3, (2, 2)]),
        (lambda: ops.gru_cell(X[0].astype(np.float64), None, *weights_of(3)), ["x", "float64", "float32"]),
        (lambda: ops.rnn_cell(X[0], None, *weights_of(2)), ["w_ih"]),
        (lambda: ops.rnn_cell(X[0], None, *weights_of(1), nonlinearity="elu"), ["nonlinearity", "elu"]),
    ],
)
def test_modes_and_cells_refuse_what_they_cannot_do(call, words):
    with pytest.raises((ValueError, TypeError)) as info:
        call()
    for word in words:
        assert str(word) in str(info.value), info.value
