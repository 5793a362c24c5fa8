"""Recurrent layers and cells on the tape: gradients, several results of one operation, what was saved."""

import numpy as np
import pytest
import tolerance
from tape import check_gradients, normal

import fastnn.autograd as F
from fastnn.autograd import Tensor, no_grad

CELLS = {"lstm": 4, "gru": 3, "rnn": 1}


def arrays(cell, entries, inputs=3, hidden=5, second=None):
    """Weights by name for one entry a layer and direction."""
    found = {}
    for i in range(entries):
        rows, width = CELLS[cell] * hidden, inputs if i == 0 or second is None else second
        for name, shape in (("w_ih", (rows, width)), ("w_hh", (rows, hidden)), ("b_ih", (rows,)), ("b_hh", (rows,))):
            found[f"{name}{i}"] = normal(*shape, seed=i) / 2
    return found


def grouped(weights):
    weights = list(weights)
    return [tuple(weights[i : i + 4]) for i in range(0, len(weights), 4)]


def joined(cell, y, state):
    """All results as one tensor, each element weighted differently."""
    pieces = [y, *(state if cell == "lstm" else (state,))]
    return F.cat([F.flatten(piece, 0) * (i + 1) for i, piece in enumerate(pieces)], 0)


@pytest.mark.parametrize("options", [{}, {"lengths": [2, 4]}, {"batch_first": True}], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_sequences(cell, options):
    states = {"h": normal(1, 2, 5)} | ({"c": normal(1, 2, 5, seed=1)} if cell == "lstm" else {})
    shape = (2, 4, 3) if options.get("batch_first") else (4, 2, 3)

    def run(x, *rest):
        held, weights = rest[: len(states)], rest[len(states) :]
        state = held if cell == "lstm" else held[0]
        return joined(cell, *getattr(F, cell)(x, grouped(weights), state, **options))

    check_gradients(run, x=normal(*shape), **states, **arrays(cell, 1))


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_stacks_of_both_directions_without_a_state(cell):
    weights = arrays(cell, 2) | {f"{k}_": v for k, v in arrays(cell, 2, inputs=10).items()}

    def run(x, *weights):
        return joined(cell, *getattr(F, cell)(x, grouped(weights), bidirectional=True))

    check_gradients(run, x=normal(3, 2, 3), **weights)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_cells(cell):
    function = getattr(F, f"{cell}_cell")
    states = {"h": normal(2, 5)} | ({"c": normal(2, 5, seed=1)} if cell == "lstm" else {})

    def run(*tensors):
        new = function(*tensors)
        return F.cat([new[0], 2 * new[1]], 0) if cell == "lstm" else new

    check_gradients(run, x=normal(2, 3), **states, **arrays(cell, 1))
    with pytest.raises(ValueError, match=f"{cell}_cell: x"):
        function(normal(3), *states.values(), *arrays(cell, 1).values())
    with pytest.raises(ValueError, match=f"{cell}_cell: h"):
        function(normal(2, 3), *(s[0] for s in states.values()), *arrays(cell, 1).values())


@pytest.mark.parametrize("used", [0, 1, 2])
def test_each_result_alone_reaches_the_weights(used):
    weights = [Tensor(a, requires_grad=True) for a in arrays("lstm", 1).values()]
    x = normal(4, 2, 3)

    def grads(choose):
        for w in weights:
            w.grad = None
        y, (h, c) = F.lstm(x, [tuple(weights)])
        choose(y, h, c).sum().backward()
        return [w.grad.numpy() for w in weights]

    alone = grads(lambda *results: results[used])
    zero = grads(lambda *results: results[used] + sum(r.sum() for i, r in enumerate(results) if i != used) * 0)
    for one, other in zip(alone, zero, strict=True):
        tolerance.assert_close(one, other, "rnn", 10)
    assert any(np.abs(g).max() > 0 for g in alone)


def test_a_result_left_out_of_the_second_walk_counts_for_nothing():
    w = [Tensor(a, requires_grad=True) for a in arrays("gru", 1).values()]
    y, h = F.gru(normal(4, 2, 3), [tuple(w)])
    (y.sum() + h.sum()).backward(retain_graph=True)
    w[0].grad = None
    h.sum().backward(retain_graph=True)
    only, w[0].grad = w[0].grad.numpy(), None
    y, h = F.gru(normal(4, 2, 3), [tuple(w)])
    h.sum().backward()
    tolerance.assert_same(only, w[0].grad.numpy())


def test_what_backward_reads_must_not_change():
    x = Tensor(normal(4, 2, 3))
    w = [Tensor(a, requires_grad=True) for a in arrays("rnn", 1).values()]
    y, h = F.rnn(x, [tuple(w)])
    with no_grad():
        x.mul_(2)
    with pytest.raises(RuntimeError, match="saved was changed"):
        h.sum().backward()
    y, h = F.rnn(x, [tuple(w)])
    with no_grad():
        y.mul_(2)
    with pytest.raises(RuntimeError, match="saved was changed"):
        h.sum().backward()


def test_nothing_is_recorded_where_nothing_asks():
    y, (h, c) = F.lstm(normal(4, 2, 3), grouped(arrays("lstm", 1).values()))
    assert not (y.requires_grad or h.requires_grad or c.requires_grad)
    assert F.gru_cell(normal(2, 3), None, *arrays("gru", 1).values()).requires_grad is False
