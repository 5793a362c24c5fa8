"""The oracle of the recurrent layers: each formula written out per sequence, step and direction, in float64.

Sequences are [steps, batch, inputs].  Weights are (w_ih, w_hh, b_ih, b_hh) per layer and direction; gates lie one after
another along the rows, LSTM i, f, g, o and GRU r, z, n, as in PyTorch.
"""

import numpy as np
from naive import f64


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_cell(x, h, c, w_ih, w_hh, b_ih=None, b_hh=None, cell_output="tanh"):
    """One step of one sequence: x [inputs], h and c [hidden]."""
    sums = f64(w_ih) @ f64(x) + f64(w_hh) @ f64(h)
    for bias in (b_ih, b_hh):
        sums = sums + (0 if bias is None else f64(bias))
    i, f, g, o = np.split(sums, 4)
    c = sigmoid(f) * f64(c) + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * (np.tanh(c) if cell_output == "tanh" else c), c


def gru_cell(x, h, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of one sequence; r multiplies after the recurrent product, its bias included."""
    from_x = f64(w_ih) @ f64(x) + (0 if b_ih is None else f64(b_ih))
    from_h = f64(w_hh) @ f64(h) + (0 if b_hh is None else f64(b_hh))
    (xr, xz, xn), (hr, hz, hn) = np.split(from_x, 3), np.split(from_h, 3)
    z = sigmoid(xz + hz)
    return (1 - z) * np.tanh(xn + sigmoid(xr + hr) * hn) + z * f64(h)


def rnn_cell(x, h, w_ih, w_hh, b_ih=None, b_hh=None, nonlinearity="tanh"):
    sums = f64(w_ih) @ f64(x) + f64(w_hh) @ f64(h)
    for bias in (b_ih, b_hh):
        sums = sums + (0 if bias is None else f64(bias))
    return np.tanh(sums) if nonlinearity == "tanh" else np.maximum(sums, 0)


def one_step(cell, x, h, c, weights, variant):
    """(h, c) after one step of any cell; c stays what it is where there is none."""
    if cell == "lstm":
        return lstm_cell(x, h, c, *weights, **variant)
    return (gru_cell(x, h, *weights) if cell == "gru" else rnn_cell(x, h, *weights, **variant)), c


def recurrent(cell, x, weights, h=None, c=None, bidirectional=False, lengths=None, **variant):
    """(y [steps, batch, directions * hidden], h, c [layers * directions, batch, hidden]) of a stack."""
    x, directions = f64(x), 2 if bidirectional else 1
    steps, batch = x.shape[:2]
    hidden = np.shape(weights[0][1])[1]
    zeros = np.zeros((len(weights), batch, hidden))
    h, c = (zeros if s is None else f64(s) for s in (h, c))
    hn, cn = np.array(h), np.array(c)
    lengths = [steps] * batch if lengths is None else lengths
    for layer in range(len(weights) // directions):
        y = np.zeros((steps, batch, directions * hidden))
        for d in range(directions):
            at = layer * directions + d
            for n in range(batch):
                times = range(lengths[n]) if d == 0 else reversed(range(lengths[n]))
                for t in times:
                    hn[at, n], cn[at, n] = one_step(cell, x[t, n], hn[at, n], cn[at, n], weights[at], variant)
                    y[t, n, d * hidden : (d + 1) * hidden] = hn[at, n]
        x = y
    return x, hn, cn
