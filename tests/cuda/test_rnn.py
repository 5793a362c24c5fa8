"""Recurrent layers on the device against the CPU's in float64."""

import contract
import numpy as np
import pytest
import tolerance
from device import get, put

from fastnn import ops

GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def made(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def layers(rng, cell, inputs, hidden, count, directions, biased=True):
    rows, found = GATES[cell] * hidden, []
    for layer in range(count):
        width = inputs if layer == 0 else directions * hidden
        for _ in range(directions):
            group = made(rng, rows, width), made(rng, rows, hidden), made(rng, rows), made(rng, rows)
            found.append(group if biased else group[:2])
    return found


def each(convert, value):
    """`value` with its arrays converted, whatever holds them."""
    if isinstance(value, (list, tuple)):
        return type(value)(each(convert, v) for v in value)
    return value if value is None else convert(value)


def wide(value):
    return each(lambda a: a.astype(np.float64), value)


def assert_agree(found, expected, length):
    if isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for got, right in zip(found, expected, strict=True):
            assert_agree(got, right, length)
    elif expected is None:
        assert found is None
    else:
        tolerance.assert_close(get(found), expected, "rnn", length, scale=1)


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("modes", [{}, {"bidirectional": True, "batch_first": True}], ids=["plain", "both"])
def test_sequences(cell, modes):
    rng = np.random.default_rng(1)
    steps, batch, inputs, hidden, directions = 2 if modes else 3, 3, 2, 3, 2 if modes else 1
    x = made(rng, batch, steps, inputs) if modes else made(rng, steps, batch, inputs)
    weights = layers(rng, cell, inputs, hidden, 2 if modes else 1, directions, bool(modes))
    state = None
    if modes:
        state = made(rng, 2 * directions, batch, hidden)
        state = (state, state[::-1].copy()) if cell == "lstm" else state
    found = getattr(ops, cell)(put(x), each(put, weights), each(put, state), **modes)
    assert_agree(found, getattr(ops, cell)(wide(x), wide(weights), wide(state), **modes), 64)


@pytest.mark.parametrize("cell, variant", [("lstm", {}), ("lstm", {"cell_output": "identity"}), ("gru", {}),
                                           ("rnn", {"nonlinearity": "relu"})])  # fmt: skip
def test_cells(cell, variant):
    rng = np.random.default_rng(2)
    states = [made(rng, 2, 3) for _ in range(2 if cell == "lstm" else 1)]
    args = [made(rng, 2, 4), *states, *layers(rng, cell, 4, 3, 1, 1)[0]]
    op = getattr(ops, f"{cell}_cell")
    assert_agree(op(*each(put, args), **variant), op(*wide(args), **variant), 32)
    args[1 : 1 + len(states)] = [None] * len(states)
    assert_agree(op(*each(put, args), **variant), op(*wide(args), **variant), 32)


@pytest.mark.parametrize("modes", [{}, {"bidirectional": True, "batch_first": True}], ids=["plain", "both"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gradients(cell, modes):
    rng = np.random.default_rng(3)
    count, directions = (1, 2) if modes else (2, 1)
    x = made(rng, 2, 3, 2) if modes else made(rng, 2, 2, 2)
    weights = layers(rng, cell, 2, 2, count, directions, bool(modes))
    state = tuple(made(rng, count * directions, 2, 2) for _ in "hc") if modes else None
    state = state[0] if modes and cell == "gru" else state
    forward, backward = getattr(ops, f"{cell}_forward"), getattr(ops, f"{cell}_grad")
    y, _, reserve = forward(put(x), each(put, weights), each(put, state), **modes)
    y_cpu, _, reserve_cpu = forward(wide(x), wide(weights), wide(state), **modes)
    assert_agree(y, y_cpu, 64)
    gy, gstate = made(rng, *y_cpu.shape), state
    found = backward(put(gy), reserve, each(put, gstate))
    assert_agree(found, backward(wide(gy), reserve_cpu, wide(gstate)), 512)


def test_what_is_not_there_and_bad_input():
    rng = np.random.default_rng(4)
    x, weights = put(made(rng, 2, 1, 3)), each(put, layers(rng, "gru", 3, 2, 1, 1))
    with pytest.raises(NotImplementedError, match="^gru: lengths"):
        ops.gru(x, weights, lengths=[1])
    with pytest.raises(NotImplementedError, match="^rnn_forward: has no GPU kernel yet"):
        ops.rnn_forward(x, each(put, layers(rng, "rnn", 3, 2, 1, 1)))
    with contract.rejects("lstm", "w_ih", "(6, 3)"):
        ops.lstm(x, weights)
    with contract.rejects("gru", "x", "(1, 2, 4)"):
        ops.gru(put(made(rng, 1, 2, 4)), weights)
