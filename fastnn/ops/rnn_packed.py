"""Recurrent layers with weights packed ahead. Kernels: csrc/ops/rnn.c, csrc/ops/rnn_step.c."""

import sys
from typing import Any

import numpy as np

from fastnn._kernels import PackedRNN, RNNState
from fastnn.ops._checks import F32, as_array, check_out, new_array, shaped
from fastnn.ops._rnn import VARIANT_NAMES, VARIANTS, Call, Stack, check_state, variant_of

__all__ = ["PackedRNN", "RNNState", "pack_gru", "pack_lstm", "pack_rnn"]

_WEIGHT_DTYPES = (None, "bfloat16")
_MOST_STEPPED = 64  # layers of one packed object; PackedRNN.pointers


def _pack(
    op: str, cell: str, variant: int, weights: Any, bidirectional: bool, batch_first: bool, weight_dtype: Any
) -> PackedRNN:
    if weight_dtype not in _WEIGHT_DTYPES:
        raise ValueError(f"{op}: weight_dtype must be None or 'bfloat16', got {weight_dtype!r}")
    stack = Stack(op, cell, weights, bool(bidirectional))
    if weight_dtype is not None and stack.dtype is not F32:
        raise TypeError(f"{op}: weight_dtype='bfloat16' stores float32 weights, these are {stack.dtype}")
    if len(stack.layers) > _MOST_STEPPED:
        raise ValueError(f"{op}: at most {_MOST_STEPPED} layers can be packed together, got {len(stack.layers)}")
    packed = tuple(stack.pack(layer, weight_dtype is not None) for layer in range(len(stack.layers)))
    stored = weight_dtype or str(stack.dtype)
    sizes = stack.inputs, stack.hidden, bool(bidirectional), bool(batch_first)
    return PackedRNN(sys.modules[__name__], cell, variant, stack.dtype, stored, *sizes, packed)


def pack_lstm(
    weights: Any,
    *,
    bidirectional: bool = False,
    batch_first: bool = False,
    cell_output: str = "tanh",
    weight_dtype: Any = None,
) -> PackedRNN:
    """Bring the weights of an LSTM into the kernel's order once, for many calls.

    Parameters
    ----------
    weights, bidirectional, batch_first, cell_output : as in `lstm`
    weight_dtype : None, or "bfloat16": matrices are rounded to 8 significant bits and take half the memory; sums stay
        float32. Faster where the weights do not fit the caches (H >= 512 at batch 1), otherwise not.

    Returns
    -------
    PackedRNN
        ``y, state = packed(x, state=None, lengths=None, out=None)`` for whole sequences, as `lstm`;
        ``y_t, state = packed.step(x_t, state=None, out=None)`` for one step ``x_t [N, I]``, where `state` is what the
        step before returned, and is changed in place. Both give the same bits.

    Raises
    ------
    ValueError, TypeError
        As `lstm`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> packed = ops.pack_lstm([(np.random.rand(8, 3), np.random.rand(8, 2))])
    >>> x = np.random.rand(4, 1, 3)
    >>> state = None
    >>> for x_t in x:
    ...     y_t, state = packed.step(x_t, state)
    >>> bool((packed(x)[0][-1] == y_t).all())
    True
    """
    variant = variant_of("pack_lstm", "lstm", cell_output)
    return _pack("pack_lstm", "lstm", variant, weights, bidirectional, batch_first, weight_dtype)


def pack_gru(
    weights: Any, *, bidirectional: bool = False, batch_first: bool = False, weight_dtype: Any = None
) -> PackedRNN:
    """Bring the weights of a GRU into the kernel's order once, for many calls.

    Parameters
    ----------
    weights, bidirectional, batch_first : as in `gru`
    weight_dtype : as in `pack_lstm`

    Returns
    -------
    PackedRNN, see `pack_lstm`

    Raises
    ------
    ValueError, TypeError
        As `gru`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.pack_gru([(np.zeros((6, 3)), np.zeros((6, 2)))])(np.ones((4, 1, 3)))[1].shape
    (1, 1, 2)
    """
    return _pack("pack_gru", "gru", 0, weights, bidirectional, batch_first, weight_dtype)


def pack_rnn(
    weights: Any,
    *,
    nonlinearity: str = "tanh",
    bidirectional: bool = False,
    batch_first: bool = False,
    weight_dtype: Any = None,
) -> PackedRNN:
    """Bring the weights of an Elman layer into the kernel's order once, for many calls.

    Parameters
    ----------
    weights, nonlinearity, bidirectional, batch_first : as in `rnn`
    weight_dtype : as in `pack_lstm`

    Returns
    -------
    PackedRNN, see `pack_lstm`

    Raises
    ------
    ValueError, TypeError
        As `rnn`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.pack_rnn([(np.zeros((2, 3)), np.zeros((2, 2)))])(np.ones((4, 1, 3)))[1].shape
    (1, 1, 2)
    """
    variant = variant_of("pack_rnn", "rnn", nonlinearity)
    return _pack("pack_rnn", "rnn", variant, weights, bidirectional, batch_first, weight_dtype)


# ---- called by PackedRNN ----


def run_packed(packed: PackedRNN, x: Any, state: Any, lengths: Any, out: Any) -> tuple[np.ndarray, Any]:
    """A call over whole sequences."""
    directions = 2 if packed.bidirectional else 1
    like = packed.input_size, packed.hidden_size, directions, packed.layers, packed.dtype
    op = f"packed {packed.cell}"
    call = Call(op, packed.cell, packed.variant, like, x, state, packed.batch_first, lengths)
    return call.run(packed.packed.__getitem__, packed.weight_dtype == "bfloat16", out)


def step_arguments(packed: PackedRNN, x: Any, state: Any) -> tuple[np.ndarray, RNNState]:
    """(x [N, I], an RNNState) of a step whose arguments are not ready for the kernel."""
    op = f"packed {packed.cell}.step"
    if packed.bidirectional:
        raise ValueError(f"{op}: the backward direction starts at the end of a sequence; call with all steps")
    a = as_array(op, "x", x)
    if a.ndim != 2 or a.shape[1] != packed.input_size:
        raise ValueError(f"{op}: x must have shape [N, {packed.input_size}], got {a.shape}")
    if a.dtype is not packed.dtype:
        raise TypeError(f"{op}: x is {a.dtype} but the weights were packed as {packed.dtype}")
    shape = packed.layers, a.shape[0], packed.hidden_size
    lstm = packed.cell == "lstm"
    if isinstance(state, RNNState):
        found = state.layers, state.batch, state.hidden
        if found != shape or state.dtype is not packed.dtype or (state.c is not None) != lstm:
            raise ValueError(
                f"{op}: state is of {found} {state.dtype}, {'with' if state.c is not None else 'without'} cell state; "
                f"expected {shape} {packed.dtype} [layers, N, H]"
            )
        return a, state
    h, c = check_state(op, packed.cell, state, shape, a)
    return a, RNNState(*shape, packed.dtype, h, c, lstm)


def cell_arguments(packed: PackedRNN, x: Any, h: Any, c: Any) -> tuple[Any, Any, Any]:
    """(x, h, c) of a single step that leaves its state alone."""
    op = f"packed {packed.cell}.cell_step"
    if packed.layers != 1 or packed.bidirectional:
        directions = 2 if packed.bidirectional else 1
        raise ValueError(f"{op}: needs one layer of one direction, has {packed.layers} of {directions}")
    a = as_array(op, "x", x)
    if a.ndim != 2 or a.shape[1] != packed.input_size:
        raise ValueError(f"{op}: x must have shape [N, {packed.input_size}], got {a.shape}")
    if a.dtype is not packed.dtype:
        raise TypeError(f"{op}: x is {a.dtype} but the weights were packed as {packed.dtype}")
    shape = a.shape[0], packed.hidden_size
    if c is not None and packed.cell != "lstm":
        raise ValueError(f"{op}: a {packed.cell} has no cell state c")
    h = None if h is None else shaped(op, "h", h, shape, a, "x")
    return a, h, None if c is None else shaped(op, "c", c, shape, a, "x")


def step_out(packed: PackedRNN, out: Any, x: np.ndarray) -> np.ndarray:
    """The array that a step writes."""
    return check_out(f"packed {packed.cell}.step", out, (x.shape[0], packed.hidden_size), packed.dtype, x)


def restore(
    cell: str, variant: int, dtype: Any, weight_dtype: str, inputs: int, hidden: int, *rest: Any
) -> PackedRNN:
    """A PackedRNN from its pickled fields."""
    bidirectional, batch_first, arrays = rest
    aligned = []
    for layer in arrays:
        copies = [new_array(array.shape, np.dtype(np.uint8)) for array in layer]
        for copy, array in zip(copies, layer, strict=True):
            copy[...] = array
        aligned.append(tuple(copies))
    sizes = inputs, hidden, bidirectional, batch_first
    return PackedRNN(sys.modules[__name__], cell, variant, dtype, weight_dtype, *sizes, tuple(aligned))


def describe(packed: PackedRNN) -> str:
    """The repr of a packed recurrent stack."""
    name = VARIANT_NAMES[packed.cell]
    value = next(key for key, number in VARIANTS[packed.cell].items() if number == packed.variant)
    mode = f"{name}={value!r}, " if name else ""
    return (
        f"PackedRNN({packed.cell}, inputs={packed.input_size}, hidden={packed.hidden_size}, layers={packed.layers}, "
        f"bidirectional={packed.bidirectional}, batch_first={packed.batch_first}, {mode}dtype={packed.dtype}, "
        f"weight_dtype={packed.weight_dtype}, nbytes={packed.nbytes})"
    )
