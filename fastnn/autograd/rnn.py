"""Recurrent layers on the tape: one node for a whole stack over all steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.layout import to_plain
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap

_FORWARD: dict[str, Callable[..., Any]] = {
    "lstm": ops.lstm_forward,
    "gru": ops.gru_forward,
    "rnn": ops.rnn_forward,
}
_BACKWARD: dict[str, Callable[..., Any]] = {"lstm": ops.lstm_grad, "gru": ops.gru_grad, "rnn": ops.rnn_grad}
_PLAIN: dict[str, Callable[..., Any]] = {"lstm": ops.lstm, "gru": ops.gru, "rnn": ops.rnn}


def _several(arrays: tuple[Any, ...], inputs: tuple[Any, ...], backward: Callable[..., Gradients]) -> list[Tensor]:
    """The results of one operation that has several. `backward` takes a gradient, or None, for each.

    The operation is a node whose gradient says which results have one; each result is a node above it that leaves its
    gradient for the operation to take, which the walk reaches after all of them.
    """
    left: list[Any] = [None] * len(arrays)

    def operation(given: Any) -> Gradients:
        gradients = [g if has else None for g, has in zip(left, given, strict=True)]
        left[:] = [None] * len(arrays)
        return backward(*gradients)

    # The name that errors about changed tensors show.
    operation.__qualname__ = backward.__qualname__
    joint = record(np.zeros(len(arrays), np.float32), inputs, operation, tuple(t for t in inputs if t is not None))

    def result(i: int, array: Any) -> Tensor:
        mark = np.eye(len(arrays), dtype=np.float32)[i]

        def leave(g: Any) -> Gradients:
            left[i] = g
            return (mark,)

        return record(array, (joint,), leave)

    tensors = [result(i, array) for i, array in enumerate(arrays)]
    if joint._node is not None:
        joint._node.saved.append(tensors[0]._version)  # type: ignore[attr-defined]
    return tensors


def _run(cell: str, x: Any, weights: Any, state: Any, options: dict[str, Any]) -> tuple[Tensor, Any]:
    x = to_plain(as_tensor(x))
    groups = [tuple(None if w is None else as_tensor(w) for w in group) for group in weights]
    pair = (state if cell == "lstm" else (state,)) if state is not None else ()
    states = tuple(as_tensor(s) for s in pair)
    flat = tuple(w for group in groups for w in group)
    arrays = [tuple(None if w is None else w.data for w in group) for group in groups]
    initial = tuple(s.data for s in states)
    given = None if state is None else initial if cell == "lstm" else initial[0]
    if not recording(x, *states, *flat):
        y, final = _PLAIN[cell](x.data, arrays, given, **options)
        return wrap(y), tuple(map(wrap, final)) if cell == "lstm" else wrap(final)
    y, final, reserve = _FORWARD[cell](x.data, arrays, given, **options)
    need_x = x.requires_grad

    def backward(gy: Any, *gstate: Any) -> Gradients:
        g_final = gstate if cell == "lstm" else gstate[0]
        gx, g_initial, gweights = _BACKWARD[cell](gy, reserve, g_final, input_gradient=need_x)
        g_states = (g_initial if cell == "lstm" else (g_initial,)) if states else ()
        return (gx, *g_states, *(g for group, found in zip(groups, gweights, strict=True) for g in found[: len(group)]))

    backward.__qualname__ = cell
    tensors = _several((y, *(final if cell == "lstm" else (final,))), (x, *states, *flat), backward)
    return tensors[0], tuple(tensors[1:]) if cell == "lstm" else tensors[1]


def lstm(
    x: Any,
    weights: Any,
    state: Any = None,
    *,
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: Any = None,
    cell_output: str = "tanh",
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """y, (h, c) of whole sequences; the recorded form of `fastnn.ops.lstm`.

    Parameters
    ----------
    x : [steps, batch, inputs]; weights : list of (w_ih, w_hh, b_ih, b_hh); state : (h, c) or None.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import Tensor, lstm
    >>> w_ih = Tensor(np.ones((8, 3)), requires_grad=True)
    >>> y, (h, c) = lstm(np.ones((4, 1, 3)), [(w_ih, np.ones((8, 2)))])
    >>> h.sum().backward()
    >>> w_ih.grad.shape
    (8, 3)
    """
    modes = {"bidirectional": bidirectional, "batch_first": batch_first, "lengths": lengths}
    return _run("lstm", x, weights, state, modes | {"cell_output": cell_output})


def gru(
    x: Any,
    weights: Any,
    state: Any = None,
    *,
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: Any = None,
) -> tuple[Tensor, Tensor]:
    """y, h of whole sequences; the recorded form of `fastnn.ops.gru`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import gru
    >>> gru(np.ones((4, 1, 3)), [(np.ones((6, 3)), np.ones((6, 2)))])[1].shape
    (1, 1, 2)
    """
    return _run(
        "gru", x, weights, state, {"bidirectional": bidirectional, "batch_first": batch_first, "lengths": lengths}
    )


def rnn(
    x: Any,
    weights: Any,
    state: Any = None,
    *,
    nonlinearity: str = "tanh",
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: Any = None,
) -> tuple[Tensor, Tensor]:
    """y, h of whole sequences; the recorded form of `fastnn.ops.rnn`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import rnn
    >>> rnn(np.ones((4, 1, 3)), [(np.ones((2, 3)), np.ones((2, 2)))])[1].shape
    (1, 1, 2)
    """
    modes = {"bidirectional": bidirectional, "batch_first": batch_first, "lengths": lengths}
    return _run("rnn", x, weights, state, modes | {"nonlinearity": nonlinearity})


def _one_step(cell: str, x: Any, states: tuple[Any, ...], weights: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A cell: a sequence of one step."""
    x = as_tensor(x)
    if x.ndim != 2:
        raise ValueError(f"{cell}_cell: x must have 2 dimensions [batch, inputs], got shape {x.shape}")
    for name, s in zip("hc", states, strict=False):
        if s is not None and np.ndim(s.data if isinstance(s, Tensor) else s) != 2:
            raise ValueError(f"{cell}_cell: {name} must have 2 dimensions [batch, hidden], got shape {np.shape(s)}")
    held = [None if s is None else as_tensor(s).unsqueeze(0) for s in states]
    if all(s is None for s in held):
        state = None
    elif any(s is None for s in held):
        raise ValueError(f"{cell}_cell: h and c must both be given, or neither")
    else:
        state = tuple(held) if cell == "lstm" else held[0]
    _, final = _run(cell, x.unsqueeze(0), [weights], state, options)
    return tuple(s.squeeze(0) for s in final) if cell == "lstm" else final.squeeze(0)


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
) -> tuple[Tensor, Tensor]:
    """h, c after one step; the recorded form of `fastnn.ops.lstm_cell`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import lstm_cell
    >>> lstm_cell(np.ones((1, 3)), None, None, np.ones((8, 3)), np.ones((8, 2)))[0].shape
    (1, 2)
    """
    return _one_step("lstm", x, (h, c), (w_ih, w_hh, b_ih, b_hh), {"cell_output": cell_output})


def gru_cell(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    """h after one step; the recorded form of `fastnn.ops.gru_cell`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import gru_cell
    >>> gru_cell(np.ones((1, 3)), None, np.ones((6, 3)), np.ones((6, 2))).shape
    (1, 2)
    """
    return _one_step("gru", x, (h,), (w_ih, w_hh, b_ih, b_hh), {})


def rnn_cell(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None, *, nonlinearity: str = "tanh"
) -> Tensor:
    """h after one step; the recorded form of `fastnn.ops.rnn_cell`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import rnn_cell
    >>> rnn_cell(np.ones((1, 3)), None, np.ones((2, 3)), np.ones((2, 2))).shape
    (1, 2)
    """
    return _one_step("rnn", x, (h,), (w_ih, w_hh, b_ih, b_hh), {"nonlinearity": nonlinearity})
