"""Recurrent cells: one step of one layer. Kernels: csrc/ops/rnn.c."""

from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._checks import as_array, check_out, finish_out, shaped
from fastnn.ops._rnn import Stack, variant_of

__all__ = ["gru_cell", "lstm_cell", "rnn_cell"]


def _results(
    op: str, cell: str, out: Any, shape: tuple[int, int], dtype: np.dtype, *inputs: Any
) -> tuple[tuple[Any, ...], list[np.ndarray]]:
    """(`out` as a tuple, the arrays that the kernel writes): h, and of an LSTM c."""
    count = 2 if cell == "lstm" else 1
    if out is None:
        return (None,) * count, [np.empty(shape, dtype) for _ in range(count)]
    if cell == "lstm" and not (isinstance(out, (list, tuple)) and len(out) == 2):
        raise TypeError(f"{op}: out must be a pair of arrays (h, c), got {type(out).__name__}")
    given = tuple(out) if cell == "lstm" else (out,)
    written = [check_out(op, array, shape, dtype, *inputs) for array in given]
    if count == 2 and np.may_share_memory(*given):
        raise ValueError(f"{op}: the two arrays of out overlap; give separate ones")
    return given, written


def _step(op: str, cell: str, variant: int, x: Any, states: tuple[Any, ...], weights: tuple[Any, ...], out: Any) -> Any:
    """The states after one step of x [N, I]."""
    stack = Stack(op, cell, [weights], False)
    a = as_array(op, "x", x)
    if a.ndim != 2 or a.shape[1] != stack.inputs:
        raise ValueError(f"{op}: x must have shape [N, {stack.inputs}] for this w_ih, got {a.shape}")
    if a.dtype is not stack.dtype:
        raise TypeError(f"{op}: x is {a.dtype} but w_ih is {stack.dtype}; convert one of them")
    shape = a.shape[0], stack.hidden
    held = [None if s is None else shaped(op, name, s, shape, a, "x") for name, s in zip("hc", states, strict=False)]
    given, written = _results(op, cell, out, shape, a.dtype, a, *held, *stack.layers[0][0])
    hn, cn = written[0], written[1] if cell == "lstm" else None
    sizes = 1, shape[0], stack.inputs, stack.hidden
    params = _kernels.RNNParams(_kernels.CELLS[cell], variant, False, *sizes, 1, False)
    y = np.empty(shape, a.dtype)
    _kernels.rnn(params, a, stack.pack(0), held[0], held[1] if cn is not None else None, y, hn, cn)
    results = tuple(map(finish_out, given, written))
    return results if cell == "lstm" else results[0]


def lstm_cell(
    x: Any,
    h: Any,
    c: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    *,
    cell_output: str = "tanh",
    out: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """One step of an LSTM, as `torch.nn.LSTMCell`; the formula is that of `lstm`.

    Parameters
    ----------
    x : array [N, I], float32 or float64
    h, c : array [N, H], the state before; None for zeros
    w_ih : array [4*H, I], gates in the order i, f, g, o
    w_hh : array [4*H, H]
    b_ih, b_hh : array [4*H], optional
    cell_output : "tanh", or "identity" for ``h = o c``
    out : pair of arrays [N, H], optional
        Receive h and c and are returned.

    Returns
    -------
    h, c : array [N, H], the state after

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> h, c = ops.lstm_cell(np.zeros((1, 3)), np.zeros((1, 2)), np.ones((1, 2)), np.ones((8, 3)), np.ones((8, 2)))
    >>> c
    array([[0.5, 0.5]])
    """
    variant = variant_of("lstm_cell", "lstm", cell_output)
    return _step("lstm_cell", "lstm", variant, x, (h, c), (w_ih, w_hh, b_ih, b_hh), out)


def gru_cell(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None, *, out: Any = None
) -> np.ndarray:
    """One step of a GRU, as `torch.nn.GRUCell`; the formula is that of `gru`.

    Parameters
    ----------
    x : array [N, I], float32 or float64
    h : array [N, H], the state before; None for zeros
    w_ih : array [3*H, I], gates in the order r, z, n
    w_hh : array [3*H, H]
    b_ih, b_hh : array [3*H], optional
    out : array [N, H], optional

    Returns
    -------
    h : array [N, H], the state after

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.gru_cell(np.zeros((1, 3)), np.zeros((1, 2)), np.ones((6, 3)), np.ones((6, 2)))
    array([[0., 0.]])
    """
    return _step("gru_cell", "gru", 0, x, (h,), (w_ih, w_hh, b_ih, b_hh), out)


def rnn_cell(
    x: Any,
    h: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    *,
    nonlinearity: str = "tanh",
    out: Any = None,
) -> np.ndarray:
    """One step of Elman's recurrent layer, as `torch.nn.RNNCell`; the formula is that of `rnn`.

    Parameters
    ----------
    x : array [N, I], float32 or float64
    h : array [N, H], the state before; None for zeros
    w_ih : array [H, I]
    w_hh : array [H, H]
    b_ih, b_hh : array [H], optional
    nonlinearity : "tanh" or "relu"
    out : array [N, H], optional

    Returns
    -------
    h : array [N, H], the state after

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.rnn_cell(np.ones((1, 2)), np.ones((1, 1)), np.ones((1, 2)), np.ones((1, 1)), nonlinearity="relu")
    array([[3.]])
    """
    variant = variant_of("rnn_cell", "rnn", nonlinearity)
    return _step("rnn_cell", "rnn", variant, x, (h,), (w_ih, w_hh, b_ih, b_hh), out)
