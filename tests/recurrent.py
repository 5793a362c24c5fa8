"""Recurrent layers as the tests call them: arguments by case, the oracle, gradients by name, the contract."""

import cases_rnn
import contract
import naive_rnn
import numpy as np

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


def cast(a, dtype):
    return {k: np.asarray(v, dtype) for k, v in a.items()}


def run(cell, case, a, **extra):
    return getattr(ops, cell)(
        a["x"], groups(case, a), states(cell, a), **(options(case) | variant(cell, case) | extra)
    )


def parts(cell, result):
    """y, h and (LSTM) c."""
    return (result[0], *result[1]) if cell == "lstm" else result


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
