"""Back-propagation through time for the recurrent layers. Kernel: csrc/ops/rnn_grad.c.

``y, state, reserve = lstm_forward(x, weights, ...)`` is `lstm` that also keeps what the backward pass needs, and
``gx, gstate, gweights = lstm_grad(gy, reserve, gstate)`` gives all gradients; `gru` and `rnn` alike.
"""

from typing import Any

import numpy as np

from fastnn.ops._rnn import variant_of
from fastnn.ops._rnn_grad import RNNReserve, backward, forward

__all__ = ["gru_forward", "gru_grad", "lstm_forward", "lstm_grad", "rnn_forward", "rnn_grad"]


def lstm_forward(
    x: Any,
    weights: Any,
    state: Any = None,
    *,
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: Any = None,
    cell_output: str = "tanh",
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], RNNReserve]:
    """`lstm` that keeps what `lstm_grad` needs.

    Parameters
    ----------
    x, weights, state, bidirectional, batch_first, lengths, cell_output : as in `lstm`

    Returns
    -------
    y, state : as `lstm`
    reserve : RNNReserve
        Holds the inputs themselves, not copies: they must not change before `lstm_grad`.

    Raises
    ------
    ValueError, TypeError
        As `lstm`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> y, state, reserve = ops.lstm_forward(np.ones((4, 1, 3)), [(np.ones((8, 3)), np.ones((8, 2)))])
    >>> gx, gstate, gweights = ops.lstm_grad(np.ones_like(y), reserve)
    >>> gx.shape, gweights[0][0].shape
    ((4, 1, 3), (8, 3))
    """
    op = "lstm_forward"
    variant = variant_of(op, "lstm", cell_output)
    return forward(op, "lstm", variant, x, weights, state, (bidirectional, batch_first, lengths))


def lstm_grad(
    gy: Any, reserve: RNNReserve, gstate: Any = None, *, input_gradient: bool = True
) -> tuple[Any, Any, list[tuple[Any, ...]]]:
    """Gradients of `lstm` with respect to its input, initial state and all weights.

    Parameters
    ----------
    gy : array like y, or None for zeros
    reserve : from `lstm_forward`; may be used again
    gstate : (gh, gc), gradients of the final state, each [layers * directions, N, H] or None; default zeros
    input_gradient : False where gx is not wanted: it is None then

    Returns
    -------
    gx : array like x
    gstate : (gh, gc), gradients of the initial state
    gweights : list of (gw_ih, gw_hh, gb_ih, gb_hh) in the order of the weights; None where a bias was None

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit, or a reserve of another op.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> weights = [(np.zeros((4, 1)), np.zeros((4, 1)))]
    >>> y, state, reserve = ops.lstm_forward(np.ones((1, 1, 1)), weights, (np.ones((1, 1, 1)), np.zeros((1, 1, 1))))
    >>> ops.lstm_grad(np.ones_like(y), reserve)[1][1].ravel()  # c reaches h as o f (1 - tanh(c)^2)
    array([0.25])
    """
    return backward("lstm_grad", "lstm", gy, reserve, gstate, input_gradient)


def gru_forward(
    x: Any,
    weights: Any,
    state: Any = None,
    *,
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: Any = None,
) -> tuple[np.ndarray, np.ndarray, RNNReserve]:
    """`gru` that keeps what `gru_grad` needs; see `lstm_forward`.

    Parameters
    ----------
    x, weights, state, bidirectional, batch_first, lengths : as in `gru`

    Returns
    -------
    y, state : as `gru`
    reserve : RNNReserve

    Raises
    ------
    ValueError, TypeError
        As `gru`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> y, state, reserve = ops.gru_forward(np.ones((4, 1, 3)), [(np.ones((6, 3)), np.ones((6, 2)))])
    >>> ops.gru_grad(np.ones_like(y), reserve)[0].shape
    (4, 1, 3)
    """
    return forward("gru_forward", "gru", 0, x, weights, state, (bidirectional, batch_first, lengths))


def gru_grad(
    gy: Any, reserve: RNNReserve, gstate: Any = None, *, input_gradient: bool = True
) -> tuple[Any, Any, list[tuple[Any, ...]]]:
    """Gradients of `gru` with respect to its input, initial state and all weights; see `lstm_grad`.

    Parameters
    ----------
    gy : array like y, or None for zeros
    reserve : from `gru_forward`
    gstate : array [layers * directions, N, H], gradient of the final state, default zeros
    input_gradient : as in `lstm_grad`

    Returns
    -------
    gx, gstate, gweights : as `lstm_grad`; gstate is one array

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit, or a reserve of another op.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> weights = [(np.zeros((3, 1)), np.zeros((3, 1)))]
    >>> y, state, reserve = ops.gru_forward(np.ones((1, 1, 1)), weights, np.ones((1, 1, 1)))
    >>> ops.gru_grad(np.ones_like(y), reserve)[1].ravel()  # h reaches the next h as z
    array([0.5])
    """
    return backward("gru_grad", "gru", gy, reserve, gstate, input_gradient)


def rnn_forward(
    x: Any,
    weights: Any,
    state: Any = None,
    *,
    nonlinearity: str = "tanh",
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: Any = None,
) -> tuple[np.ndarray, np.ndarray, RNNReserve]:
    """`rnn` that keeps what `rnn_grad` needs; see `lstm_forward`.

    Parameters
    ----------
    x, weights, state, nonlinearity, bidirectional, batch_first, lengths : as in `rnn`

    Returns
    -------
    y, state : as `rnn`
    reserve : RNNReserve

    Raises
    ------
    ValueError, TypeError
        As `rnn`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> y, state, reserve = ops.rnn_forward(np.ones((4, 1, 3)), [(np.ones((2, 3)), np.ones((2, 2)))])
    >>> ops.rnn_grad(np.ones_like(y), reserve)[0].shape
    (4, 1, 3)
    """
    op = "rnn_forward"
    variant = variant_of(op, "rnn", nonlinearity)
    return forward(op, "rnn", variant, x, weights, state, (bidirectional, batch_first, lengths))


def rnn_grad(
    gy: Any, reserve: RNNReserve, gstate: Any = None, *, input_gradient: bool = True
) -> tuple[Any, Any, list[tuple[Any, ...]]]:
    """Gradients of `rnn` with respect to its input, initial state and all weights; see `lstm_grad`.

    Parameters
    ----------
    gy : array like y, or None for zeros
    reserve : from `rnn_forward`
    gstate : array [layers * directions, N, H], gradient of the final state, default zeros
    input_gradient : as in `lstm_grad`

    Returns
    -------
    gx, gstate, gweights : as `lstm_grad`; gstate is one array

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit, or a reserve of another op.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> weights = [(np.ones((1, 1)), np.ones((1, 1)))]
    >>> y, state, reserve = ops.rnn_forward(np.ones((2, 1, 1)), weights, nonlinearity="relu")
    >>> ops.rnn_grad(np.ones_like(y), reserve)[0].ravel()
    array([2., 1.])
    """
    return backward("rnn_grad", "rnn", gy, reserve, gstate, input_gradient)
