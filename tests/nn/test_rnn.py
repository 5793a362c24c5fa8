"""Recurrent layers: PyTorch's parameters and results, packed evaluation, single sequences, lengths, training."""

import copy
import pickle

import numpy as np
import pytest
import tolerance
from tape import normal

from fastnn import nn, ops
from fastnn.autograd import Tensor, no_grad

LAYERS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
CELLS = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}
GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def values(result):
    """All arrays of a result, flat."""
    if isinstance(result, tuple):
        return [array for part in result for array in values(part)]
    return [result.numpy()]


@pytest.mark.parametrize("cell", LAYERS)
def test_parameters_are_called_as_in_pytorch(cell):
    layer = LAYERS[cell](3, 5, 2, bidirectional=True)
    rows = GATES[cell] * 5
    expected = {}
    for level, inputs in ((0, 3), (1, 10)):
        for suffix in (f"_l{level}", f"_l{level}_reverse"):
            expected |= {f"weight_ih{suffix}": (rows, inputs), f"weight_hh{suffix}": (rows, 5)}
            expected |= {f"bias_ih{suffix}": (rows,), f"bias_hh{suffix}": (rows,)}
    assert {k: v.shape for k, v in layer.state_dict().items()} == expected
    assert list(layer.state_dict()) == list(expected)
    assert all(np.abs(v).max() <= 5**-0.5 for v in map(np.asarray, layer.state_dict().values()))
    assert list(CELLS[cell](3, 5).state_dict()) == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    assert list(CELLS[cell](3, 5, bias=False).state_dict()) == ["weight_ih", "weight_hh"]
    assert len(list(LAYERS[cell](3, 5, bias=False).parameters())) == 2


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True, "batch_first": True}], ids=str)
@pytest.mark.parametrize("cell", LAYERS)
def test_evaluation_runs_from_packed_weights_and_gives_what_training_gives(cell, options):
    layer = LAYERS[cell](3, 18, dtype=np.float64, **options)
    x = normal(4, 4, 3)
    trained = values(layer(x))
    layer.eval()
    with no_grad():
        for one, other in zip(values(layer(x)), trained, strict=True):
            tolerance.assert_close(one, other, "rnn", 20)
        packed = layer._packed[-1]
        assert type(packed) is ops.PackedRNN
        layer(x)
        assert layer._packed[-1] is packed
        layer.weight_hh_l0.mul_(2)
        changed = values(layer(x))
    assert layer._packed[-1] is not packed and (changed[0] != trained[0]).any()
    layer.train()
    tolerance.assert_close(changed[0], values(layer(x))[0], "rnn", 20)
    assert len(pickle.dumps(layer)) < 2 * sum(p.numpy().nbytes for p in layer.parameters()) + 4000
    other = copy.deepcopy(layer)
    tolerance.assert_same(values(other(x))[0], values(layer(x))[0])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("cell", LAYERS)
def test_a_single_sequence_goes_without_its_batch(cell, batch_first, training):
    layer = LAYERS[cell](3, 5, batch_first=batch_first, dtype=np.float64).train(training)
    x, h = normal(4, 3), normal(1, 5)
    state = (h, normal(1, 5, seed=1)) if cell == "lstm" else h
    batch = x[None] if batch_first else x[:, None]
    batched = tuple(s[:, None] for s in state) if cell == "lstm" else state[:, None]
    with no_grad():
        alone, whole = values(layer(x, state)), values(layer(batch, batched))
    assert alone[0].shape == (4, 5) and alone[1].shape == (1, 5)
    for one, other in zip(alone, whole, strict=True):
        tolerance.assert_same(one.ravel(), other.ravel())


@pytest.mark.parametrize("cell", LAYERS)
def test_lengths_reach_both_ways_of_running(cell):
    layer, x = LAYERS[cell](3, 5, bidirectional=True, dtype=np.float64), normal(4, 3, 3)
    lengths = [2, 4, 0]
    recorded = values(layer(x, lengths=lengths))
    layer.eval()
    with no_grad():
        for one, other in zip(values(layer(x, lengths=np.array(lengths))), recorded, strict=True):
            tolerance.assert_close(one, other, "rnn", 20)
    assert (recorded[0][2:, 0] == 0).all()


@pytest.mark.parametrize("cell", CELLS)
def test_cells_step_through_what_layers_run(cell):
    layer, one = LAYERS[cell](3, 18, dtype=np.float64), CELLS[cell](3, 18, dtype=np.float64)
    one.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x = normal(4, 2, 3)
    y = layer(x)[0].numpy()
    for training in (True, False):
        one.train(training)
        with no_grad():
            state = None
            for t in range(4):
                state = one(x[t], state)
                h = state[0] if cell == "lstm" else state
                tolerance.assert_close(h.numpy(), y[t], "rnn", 20)
            alone = one(x[0, 0])
            tolerance.assert_close(values(alone)[0], y[0, 0], "rnn", 20)
    one.train()
    state = one(x[0])
    values_of = state[0] if cell == "lstm" else state
    values_of.sum().backward()
    assert one.weight_ih.grad is not None


def test_gradients_reach_all_parameters_of_a_stack():
    layer = nn.LSTM(3, 5, 2, bidirectional=True, dtype=np.float64)
    x = Tensor(normal(4, 2, 3), requires_grad=True)
    y, (h, c) = layer(x)
    (y.sum() + h.sum() + c.sum()).backward()
    assert x.grad is not None and all(p.grad is not None for p in layer.parameters())


def test_dropout_between_layers():
    layer = nn.LSTM(3, 5, 2, dropout=0.5, bidirectional=True)
    x = normal(4, 2, 3).astype(np.float32)
    state = tuple(normal(4, 2, 5, seed=i).astype(np.float32) for i in (0, 1))
    y, (h, c) = layer(x, state)
    assert y.shape == (4, 2, 10) and h.shape == c.shape == (4, 2, 5)
    y.sum().backward()
    layer.eval()
    with no_grad():
        plain = layer(x, state)[0].numpy()
    layer.dropout = 0.0
    layer.train()
    tolerance.assert_close(layer(x, state)[0].numpy(), plain, "rnn", 20)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: nn.LSTM(3, 5, proj_size=2), "LSTM: proj_size=2"),
        (lambda: nn.LSTM(0, 5), "LSTM: input_size"),
        (lambda: nn.GRU(3, 5, num_layers=0), "GRU: num_layers"),
        (lambda: nn.GRU(3, 5, dropout=2), "GRU: dropout"),
        (lambda: nn.RNN(3, 5, nonlinearity="elu"), "RNN: nonlinearity"),
        (lambda: nn.RNNCell(3, 5, nonlinearity="elu"), "RNNCell: nonlinearity"),
        (lambda: nn.GRUCell(3, -5), "GRUCell: hidden_size"),
        (lambda: nn.LSTMCell(3, 5)(normal(2, 3), normal(2, 5)), "LSTMCell: hx"),
        (lambda: nn.init.forget_bias_(nn.GRU(3, 5)), "forget_bias_: "),
        (lambda: nn.init.forget_bias_(nn.LSTM(3, 5, bias=False)), "forget_bias_: "),
    ],
)
def test_bad_arguments_are_refused(make, words):
    with pytest.raises((ValueError, TypeError, NotImplementedError), match=words):
        make()


def test_forget_gates_start_open():
    for layer in (nn.LSTM(3, 5, 2, bidirectional=True), nn.LSTMCell(3, 5)):
        before = {k: np.array(v) for k, v in layer.state_dict().items()}
        assert nn.init.forget_bias_(layer) is layer
        for name, array in layer.state_dict().items():
            array = np.asarray(array)
            if name.startswith("bias"):
                assert (array[5:10] == 0.5).all()
                array = np.delete(array, np.s_[5:10])
                before[name] = np.delete(before[name], np.s_[5:10])
            tolerance.assert_same(array, before[name])


def test_descriptions():
    assert repr(nn.LSTM(3, 5)) == "LSTM(3, 5)"
    assert repr(nn.GRU(3, 5, 2, bidirectional=True)) == "GRU(3, 5, num_layers=2, bidirectional=True)"
    assert repr(nn.LSTMCell(3, 5, bias=False)) == "LSTMCell(3, 5, bias=False)"


@pytest.mark.parametrize("lengths", [None, [2, 5, 3]])
@pytest.mark.parametrize("cell", LAYERS)
def test_results_and_gradients_are_those_of_pytorch(cell, lengths):
    torch = pytest.importorskip("torch")
    theirs = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[cell](
        4, 6, 2, bidirectional=True, dtype=torch.float64
    )
    ours = LAYERS[cell](4, 6, 2, bidirectional=True, dtype=np.float64)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = normal(5, 3, 4)
    given = torch.tensor(x)
    if lengths:
        packed = torch.nn.utils.rnn.pack_padded_sequence(given, torch.tensor(lengths), enforce_sorted=False)
        packed, state = theirs(packed)
        y = torch.nn.utils.rnn.pad_packed_sequence(packed)[0]
    else:
        y, state = theirs(given)
    states = state if cell == "lstm" else (state,)
    (y.square().sum() + sum(s.sum() for s in states)).backward()
    mine, final = ours(x, lengths=lengths)
    finals = final if cell == "lstm" else (final,)
    loss = (mine * mine).sum()
    for s in finals:
        loss = loss + s.sum()
    loss.backward()
    tolerance.assert_close(mine.numpy(), y.detach().numpy(), "rnn", 50)
    for a, b in zip(finals, states, strict=True):
        tolerance.assert_close(a.numpy(), b.detach().numpy(), "rnn", 50)
    parameters = dict(ours.named_parameters())
    for name, parameter in theirs.named_parameters():
        tolerance.assert_close(parameters[name].grad.numpy(), parameter.grad.numpy(), "rnn", 50)
