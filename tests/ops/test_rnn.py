"""LSTM, GRU and Elman layers, packed and not, and their cells: the contract, states, lengths, steps, bad input."""

import copy
import pickle
import threading

import cases_rnn
import contract
import gradcheck
import naive_rnn
import numpy as np
import pytest
import tolerance
from cases_rnn import Recurrent
from contract import rejects

import fastnn
from fastnn import ops

CELLS = {"lstm": 4, "gru": 3, "rnn": 1}
OTHER = {"lstm": {"cell_output": "identity"}, "gru": {}, "rnn": {"nonlinearity": "relu"}}


def variant(cell, case):
    return OTHER[cell] if case.variant else {}


def groups(case, a):
    """The weights of `a` as ops take them."""
    names = ("w_ih", "w_hh", "b_ih", "b_hh")
    ends = [""] if "w_ih" in a else [str(i) for i in range(case.layers * case.directions)]
    return [tuple(a.get(name + end) for name in names) for end in ends]


def states(cell, a):
    """The state of `a`, whose arrays have the batch first, as ops take it."""
    h, c = (a[k].swapaxes(0, 1) if k in a else None for k in ("h", "c"))
    return (h, c) if cell == "lstm" else h


def options(case):
    lengths = None if case.lengths is None else list(case.lengths)
    return {"bidirectional": case.bidirectional, "batch_first": case.batch_first, "lengths": lengths}


def inputs_of(cell, case, rng):
    a = {"x": rng.standard_normal(case.x)} | case.weights(CELLS[cell], rng)
    for name in ("h", "c") if cell == "lstm" else ("h",):
        a[name] = rng.standard_normal((case.batch, case.layers * case.directions, case.hidden))
    return a


def oracle(cell, case, a):
    """(y, h, c)"""
    x = a["x"].swapaxes(0, 1) if case.batch_first else a["x"]
    h, c = (a[k].swapaxes(0, 1) if k in a else None for k in ("h", "c"))
    lengths = None if case.lengths is None else case.lengths[: x.shape[1]]
    y, h, c = naive_rnn.recurrent(
        cell, x, groups(case, a), h, c, case.bidirectional, lengths, **variant(cell, case)
    )
    return (y.swapaxes(0, 1) if case.batch_first else y), h, c


class Sequences(contract.Out):
    family, cases, bulk, probes = "rnn", cases_rnn.CASES, cases_rnn.BULK, cases_rnn.PROBES
    ranks = (("x", 3), ("w_ih", 2), ("w_hh", 2), ("b_hh", 1))
    cell = ""

    def inputs(self, case, rng):
        return inputs_of(self.cell, case, rng)

    def call(self, case, a, **extra):
        function, given = getattr(ops, self.cell), options(case) | variant(self.cell, case)
        if given["lengths"]:
            given["lengths"] = given["lengths"][: a["h"].shape[0]]
        return function(a["x"], groups(case, a), states(self.cell, a), **given, **extra)[0]

    def expected(self, case, a):
        return oracle(self.cell, case, a)[0]

    def length(self, case):
        return case.steps * case.layers * (case.inputs + case.hidden)

    def test_empty_batch(self, probe, dtype):
        case, arrays = self.cases[probe], self.arrays(probe, dtype)
        arrays["x"] = arrays["x"][:0] if case.batch_first else arrays["x"][:, :0]
        arrays |= {k: arrays[k][:0] for k in ("h", "c") if k in arrays}
        y = self.run(probe, arrays)
        shape = (0, case.steps) if case.batch_first else (case.steps, 0)
        assert y.shape == (*shape, case.directions * case.hidden) and y.dtype == dtype


class TestLSTM(Sequences):
    op = cell = "lstm"


class TestGRU(Sequences):
    op = cell = "gru"


class TestRNN(Sequences):
    op = cell = "rnn"


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


def cast(a, dtype):
    return {k: np.asarray(v, dtype) for k, v in a.items()}


def run(cell, case, a, **extra):
    return getattr(ops, cell)(
        a["x"], groups(case, a), states(cell, a), **(options(case) | variant(cell, case) | extra)
    )


def parts(cell, result):
    """y, h and (LSTM) c."""
    return (result[0], *result[1]) if cell == "lstm" else result


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


@pytest.mark.parametrize("case", [Recurrent(5, 1, 20, 33), Recurrent(3, 7, 40, 64, 2, True)])
@pytest.mark.parametrize("cell", CELLS)
def test_bfloat16_weights_are_those_of_rounded_ones(cell, case):
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
    for name in fastnn.cpu.available():
        with using(name):
            tolerance.assert_same(packed(a["x"])[0], exact(a["x"])[0])
    assert packed.nbytes < 0.6 * exact.nbytes and "bfloat16" in repr(packed)


class using:
    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.before = fastnn.cpu.active()
        fastnn.cpu.use(self.name)

    def __exit__(self, *exc):
        fastnn.cpu.use(self.before)


# ---- gradients ----


def forward(cell, case, a):
    return getattr(ops, f"{cell}_forward")(
        a["x"], groups(case, a), states(cell, a), **(options(case) | variant(cell, case))
    )


def grad(cell, case, a, gy, gh, gc=None):
    reserve = forward(cell, case, a)[2]
    gx, gstate, gweights = getattr(ops, f"{cell}_grad")(gy, reserve, (gh, gc) if cell == "lstm" else gh)
    found = {"x": gx}
    for name, g in zip("hc", gstate if cell == "lstm" else (gstate,), strict=False):
        found[name] = g.swapaxes(0, 1)
    for i, group in enumerate(gweights):
        end = "" if len(gweights) == 1 else str(i)
        for name, g in zip(("w_ih", "w_hh", "b_ih", "b_hh"), group, strict=True):
            assert (g is None) == (name + end not in a)
            if g is not None:
                found[name + end] = g
    return found


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


def pytest_generate_tests(metafunc):
    if metafunc.cls is None and "isa" in metafunc.fixturenames:
        metafunc.parametrize("isa", contract.isas(), indirect=True)


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


# ---- cells ----


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


# ---- bad input ----

X = np.ones((5, 2, 3), np.float32)


def weights_of(gates, inputs=3, hidden=4, dtype=np.float32):
    rows = gates * hidden
    return np.ones((rows, inputs), dtype), np.ones((rows, hidden), dtype), np.ones(rows, dtype), np.ones(rows, dtype)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "make, words",
    [
        (lambda g: {"weights": [weights_of(g + 1)]}, ["w_ih", "gates"]),
        (lambda g: {"weights": [weights_of(g), weights_of(g)]}, ["weights[1] w_ih", (4,)]),
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
    words = [w for w in words if w != (4,)]
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
