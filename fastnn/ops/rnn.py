"""Recurrent layers over whole sequences. Kernels: csrc/ops/rnn.c."""

from typing import Any

import numpy as np

from fastnn.ops._rnn import stack_call, variant_of

__all__ = ["gru", "lstm", "rnn"]


def lstm(
    x: Any,
    weights: Any,
    state: Any = None,
    *,
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: Any = None,
    cell_output: str = "tanh",
    out: Any = None,
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Long short-term memory, as `torch.nn.LSTM`; gates in PyTorch's order i, f, g, o.

    ``i, f, o = sigmoid(s); g = tanh(s); c = f c + i g; h = o tanh(c)`` with ``s = w_ih x + b_ih + w_hh h + b_hh``
    (Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000 for the forget gate).

    Parameters
    ----------
    x : array [T, N, I], float32 or float64; [N, T, I] with `batch_first`
    weights : list of (w_ih [4*H, I], w_hh [4*H, H], b_ih [4*H], b_hh [4*H])
        One per layer, or per layer and direction (forward, backward); I is the width of the layer below from the
        second layer on. A bias may be None, or both left out.
    state : (h, c), arrays [layers * directions, N, H], default zeros
    bidirectional : a second direction reads each sequence from its end
    lengths : integers [N], default T for all; in any order, 0 allowed
    cell_output : "tanh", or "identity" for ``h = o c``
    out : array like the result, optional

    Returns
    -------
    y : array [T, N, directions * H] (or [N, T, ...]), zero beyond each sequence's length
    state : (h, c), the state after each sequence's last step, like `state`

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes, lengths or a number of weights that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> weights = [(np.ones((8, 3)), np.ones((8, 2)))]
    >>> y, (h, c) = ops.lstm(np.zeros((5, 1, 3)), weights)
    >>> y.shape, h.shape, float(c.sum())
    ((5, 1, 2), (1, 1, 2), 0.0)
    """
    variant = variant_of("lstm", "lstm", cell_output)
    return stack_call("lstm", "lstm", variant, x, weights, state, (bidirectional, batch_first, lengths), out)


def gru(
    x: Any,
    weights: Any,
    state: Any = None,
    *,
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: Any = None,
    out: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gated recurrent unit, as `torch.nn.GRU`; gates in PyTorch's order r, z, n.

    ``r, z = sigmoid(w_ih x + b_ih + w_hh h + b_hh); n = tanh(w_ih x + b_ih + r (w_hh h + b_hh)); h = (1-z) n + z h``
    (Cho et al. 2014, in the form where r multiplies after the recurrent product).

    Parameters
    ----------
    x : array [T, N, I], float32 or float64; [N, T, I] with `batch_first`
    weights : as in `lstm`, with 3*H rows
    state : array [layers * directions, N, H], default zeros
    bidirectional, batch_first, lengths, out : as in `lstm`

    Returns
    -------
    y : array [T, N, directions * H] (or [N, T, ...]), zero beyond each sequence's length
    state : array like `state`

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes, lengths or a number of weights that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> y, h = ops.gru(np.zeros((5, 1, 3)), [(np.ones((6, 3)), np.ones((6, 2)))], np.full((1, 1, 2), 0.5))
    >>> y.shape, h.shape
    ((5, 1, 2), (1, 1, 2))
    """
    return stack_call("gru", "gru", 0, x, weights, state, (bidirectional, batch_first, lengths), out)


def rnn(
    x: Any,
    weights: Any,
    state: Any = None,
    *,
    nonlinearity: str = "tanh",
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: Any = None,
    out: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Elman's recurrent layer, as `torch.nn.RNN`: ``h = tanh(w_ih x + b_ih + w_hh h + b_hh)``, or ReLU instead.

    Parameters
    ----------
    x : array [T, N, I], float32 or float64; [N, T, I] with `batch_first`
    weights : as in `lstm`, with H rows
    state : array [layers * directions, N, H], default zeros
    nonlinearity : "tanh" or "relu"
    bidirectional, batch_first, lengths, out : as in `lstm`

    Returns
    -------
    y : array [T, N, directions * H] (or [N, T, ...]), zero beyond each sequence's length
    state : array like `state`

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes, lengths or a number of weights that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> y, h = ops.rnn(np.ones((2, 1, 1)), [(np.ones((1, 1)), np.ones((1, 1)))], nonlinearity="relu")
    >>> y.ravel()
    array([1., 2.])
    """
    variant = variant_of("rnn", "rnn", nonlinearity)
    return stack_call("rnn", "rnn", variant, x, weights, state, (bidirectional, batch_first, lengths), out)
