"""Packed recurrent layers: the contract, steps, copies, threads, bfloat16 weights."""

import copy
import pickle
import threading

import contract
import numpy as np
import pytest
import tolerance
from cases_rnn import Recurrent
from recurrent import (
    CELLS,
    Sequences,
    cast,
    groups,
    inputs_of,
    options,
    parts,
    states,
    variant,
)

import fastnn
from fastnn import ops


class Packed(Sequences):
    copied = ("w_ih", "w_hh", "b_ih", "b_hh")

    def call(self, case, a, **extra):
        given = options(case)
        lengths = given.pop("lengths")
        lengths = lengths and lengths[: a["h"].shape[0]]
        pack = getattr(ops, f"pack_{self.cell}")
        packed = pack(groups(case, a), **given, **variant(self.cell, case))
        return packed(a["x"], states(self.cell, a), lengths, **extra)[0]


class TestPackedLSTM(Packed):
    op, cell = ("pack_lstm", "packed lstm"), "lstm"


class TestPackedGRU(Packed):
    op, cell = ("pack_gru", "packed gru"), "gru"


class TestPackedRNN(Packed):
    op, cell = ("pack_rnn", "packed rnn"), "rnn"


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("case", [Recurrent(9, 1, 33, 70, 2), Recurrent(4, 3, 5, 17), Recurrent(6, 8, 130, 260)])
@pytest.mark.parametrize("cell", CELLS)
def test_steps_give_the_bits_of_the_whole(cell, case, dtype, threads):
    a = cast(inputs_of(cell, case, np.random.default_rng(7)), dtype)
    packed = getattr(ops, f"pack_{cell}")(groups(case, a))
    with fastnn.num_threads(threads):
        y, *final = parts(cell, packed(a["x"], states(cell, a)))
        state, out = states(cell, a), np.empty((case.batch, case.hidden), dtype)
        for t in range(case.steps):
            before = state
            y_t, state = packed.step(a["x"][t], state, out=out if t % 2 else None)
            assert (y_t is out) == bool(t % 2) and (t == 0 or state is before)
            tolerance.assert_same(y_t, y[t])
    tolerance.assert_same(state.h, final[0])
    assert state.c is None if cell != "lstm" else (state.c == final[1]).all()
    tolerance.assert_same(packed(a["x"], state)[0], packed(a["x"], tuple(final) if cell == "lstm" else final[0])[0])


@pytest.mark.parametrize("through", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_of_a_carried_state_go_their_own_ways(through):
    case = Recurrent(4, 2, 3, 18)
    a = inputs_of("lstm", case, np.random.default_rng(8))
    packed = ops.pack_lstm(groups(case, a))
    _, state = packed.step(a["x"][0])
    other = through(state)
    first = packed.step(a["x"][1], state)[0]
    tolerance.assert_same(packed.step(a["x"][1], other)[0], first)
    assert (state.h == other.h).all() and "RNNState" in repr(state)


@pytest.mark.parametrize("through", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
@pytest.mark.parametrize("weight_dtype", [None, "bfloat16"])
@pytest.mark.parametrize("cell", CELLS)
def test_packed_layers_are_copied_and_pickled(cell, weight_dtype, through):
    case = Recurrent(4, 2, 30, 40, layers=2)
    a = cast(inputs_of(cell, case, np.random.default_rng(9)), np.float32)
    packed = getattr(ops, f"pack_{cell}")(groups(case, a), weight_dtype=weight_dtype)
    other = through(packed)
    tolerance.assert_same(packed(a["x"])[0], other(a["x"])[0])
    tolerance.assert_same(packed.step(a["x"][0])[0], other.step(a["x"][0])[0])
    assert other.nbytes == packed.nbytes and repr(other) == repr(packed)
    assert cell in repr(packed) and f"nbytes={packed.nbytes}" in repr(packed)


def test_packed_layer_shared_between_threads():
    case = Recurrent(20, 2, 64, 96)
    a = cast(inputs_of("lstm", case, np.random.default_rng(10)), np.float32)
    packed = ops.pack_lstm(groups(case, a))
    expected, wrong = packed(a["x"])[0], []

    def work():
        for _ in range(20):
            state = None
            for x_t in a["x"]:
                y_t, state = packed.step(x_t, state)
            if not ((packed(a["x"])[0] == expected).all() and (y_t == expected[-1]).all()):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert not wrong


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("case", [Recurrent(5, 1, 20, 33), Recurrent(3, 7, 40, 64, 2, True)])
@pytest.mark.parametrize("cell", CELLS)
def test_bfloat16_weights_are_those_of_rounded_ones(cell, case, isa):
    """Stored in half the memory, and then as exact as float32 weights of the same values."""
    a = cast(inputs_of(cell, case, np.random.default_rng(11)), np.float32)
    packed = getattr(ops, f"pack_{cell}")(groups(case, a), bidirectional=case.bidirectional, weight_dtype="bfloat16")
    rounded = dict(a)
    for name in a:
        if name[0] == "w":
            bits = a[name].view(np.uint32).astype(np.uint64)
            bits = bits + 0x7FFF + (bits >> 16 & 1) & 0xFFFF0000
            rounded[name] = bits.astype(np.uint32).view(np.float32)
    exact = getattr(ops, f"pack_{cell}")(groups(case, rounded), bidirectional=case.bidirectional)
    tolerance.assert_same(packed(a["x"])[0], exact(a["x"])[0])
    assert packed.nbytes < 0.6 * exact.nbytes and "bfloat16" in repr(packed)
