"""Back-propagation through a stack of recurrent layers: what the forward pass keeps, and the walk back over it."""

from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._backend import OnGPU
from fastnn.ops._checks import new_array, shaped
from fastnn.ops._rnn import Call, Stack, layer_slice, shape_of_stack


class RNNReserve:
    """What a forward pass kept for the backward pass: an opaque object, valid while its inputs stay unchanged."""

    __slots__ = ("call", "layers", "stack")

    def __init__(self, call: Call, stack: Stack) -> None:
        self.call, self.stack = call, stack
        self.layers: list[tuple[Any, ...]] = []  # x, h0, c0, y, gates, extra

    @property
    def nbytes(self) -> int:
        """Bytes kept beside the inputs."""
        return sum(a.nbytes for layer in self.layers for a in layer[3:] if a is not None)

    def __repr__(self) -> str:
        call = self.call
        return f"RNNReserve({call.cell}, layers={call.count}, x_shape={call.x.shape}, nbytes={self.nbytes})"


def forward(
    op: str, cell: str, variant: int, x: Any, weights: Any, state: Any, modes: tuple[Any, ...]
) -> tuple[np.ndarray, Any, RNNReserve]:
    bidirectional, batch_first, lengths = modes
    stack = Stack(op, cell, weights, bool(bidirectional))
    call = Call(op, cell, variant, shape_of_stack(stack), x, state, batch_first, lengths)
    reserve = RNNReserve(call, stack)
    hn, cn = call.new_states()
    a = call.x
    for layer in range(call.count):
        params, y = call.params(layer), call.new_result()
        rows = stack.directions * call.steps * call.batch
        gates = extra = None
        if cell != "rnn":
            gates = new_array((rows, params.gates * params.padded), a.dtype)
            extra = new_array((rows, params.padded), a.dtype)
        h0, c0 = (_or_zeros(call, layer_slice(s, layer, stack.directions)) for s in (call.h0, call.c0))
        h, c = (layer_slice(s, layer, stack.directions) for s in (hn, cn))
        _kernels.rnn(params, a, stack.pack(layer), h0, c0, y, h, c, gates, extra)
        reserve.layers.append((a, h0, c0, y, gates, extra))
        a = y
    return a, (hn, cn) if cell == "lstm" else hn, reserve


def _or_zeros(call: Call, state: Any) -> np.ndarray:
    return np.zeros((call.directions, *call.state_shape[1:]), call.x.dtype) if state is None else state


def _beyond(call: Call) -> np.ndarray:
    """Mask of x's first two dimensions: steps beyond a sequence's length."""
    lengths = np.empty(call.batch, np.int64)
    lengths[call.order] = call.lengths
    steps = np.arange(call.steps)
    return steps[None, :] >= lengths[:, None] if call.batch_first else steps[:, None] >= lengths[None, :]


def _states_before(call: Call, y: np.ndarray, h0: np.ndarray) -> list[np.ndarray]:
    """For each direction h before every step, [rows, H] in the order of x."""
    by_step = y.reshape(*y.shape[:2], call.directions, call.hidden)
    if call.batch_first:
        by_step = by_step.swapaxes(0, 1)
    result = []
    for d in range(call.directions):
        before = new_array((*y.shape[:2], call.hidden), y.dtype)
        target = before.swapaxes(0, 1) if call.batch_first else before
        if d == 0:
            target[1:], target[:1] = by_step[:-1, :, d], h0[d]
        else:
            target[:-1], target[-1:] = by_step[1:, :, d], h0[d]
            if call.order is not None:
                some = call.lengths > 0
                target[call.lengths[some] - 1, call.order[some]] = h0[d, call.order[some]]
        result.append(before.reshape(-1, call.hidden))
    return result


def _product(a: np.ndarray, transposed: bool, b: np.ndarray, m: int, n: int, k: int) -> np.ndarray:
    c = new_array((m, n), b.dtype)
    _kernels.gemm(a, transposed, b, False, c, m, n, k, None, 0, 0.0, 0.0)
    return c


def _weight_gradients(
    g_x: np.ndarray, g_h: np.ndarray, x: np.ndarray, before: np.ndarray, group: tuple[Any, ...]
) -> tuple[Any, ...]:
    """(gw_ih, gw_hh, gb_ih, gb_hh) of one direction from the gradients of its sums [rows, G*H and padding]."""
    rows, width = g_x.shape
    outputs = group[0].shape[0]
    ones = np.ones((rows, 1), g_x.dtype)
    gw_ih = _product(g_x, True, x, width, x.shape[1], rows)[:outputs]
    gw_hh = _product(g_h, True, before, width, before.shape[1], rows)[:outputs]
    gb_ih = gb_hh = None
    if group[2] is not None or group[3] is not None:
        gb_ih = _product(g_x, True, ones, width, 1, rows)[:outputs, 0]
        gb_hh = gb_ih.copy() if g_h is g_x else _product(g_h, True, ones, width, 1, rows)[:outputs, 0]
    return gw_ih, gw_hh, gb_ih if group[2] is not None else None, gb_hh if group[3] is not None else None


def _padding(outputs: int, dtype: np.dtype) -> int:
    """Zeros after a row of gradients: rows whole pages apart would fall into one set of the nearest cache."""
    return 16 if outputs * dtype.itemsize % 1024 == 0 else 0


def _new_gradients(call: Call, rows: int, outputs: int, width: int) -> np.ndarray:
    """For gradients of sums; zero where the kernel does not write, beyond a row and beyond the sequences."""
    g = new_array((call.directions, rows, width), call.x.dtype)
    if call.order is None:
        g[..., outputs:] = 0
    else:
        g.fill(0)
    return g


def _layer_grad(reserve: RNNReserve, layer: int, gy: Any, gh: Any, gc: Any, need_x: bool) -> tuple[Any, ...]:
    """(gx or None, gh0, gc0, weight gradients of each direction) of one layer."""
    call, stack = reserve.call, reserve.stack
    x, h0, c0, y, gates, extra = reserve.layers[layer]
    params, groups = call.params(layer), stack.layers[layer]
    rows, outputs = call.steps * call.batch, params.gates * call.hidden
    width = outputs + _padding(outputs, y.dtype)
    g_x = _new_gradients(call, rows, outputs, width)
    g_h = _new_gradients(call, rows, outputs, width) if call.cell == "gru" else g_x
    gh0 = np.zeros_like(h0)
    gc0 = np.zeros_like(c0) if call.cell == "lstm" else None
    matrices = tuple(group[1] for group in groups)
    initial = h0, c0 if call.cell == "lstm" else None
    recurrent = g_h if call.cell == "gru" else None
    _kernels.rnn_backward(params, matrices, *initial, y, gates, extra, gy, gh, gc, g_x, recurrent, gh0, gc0)
    flat = x.reshape(rows, x.shape[2])
    if call.order is not None:  # NaN there would survive a product with 0
        flat = np.where(_beyond(call)[..., None], x.dtype.type(0), x).reshape(flat.shape)
    before = _states_before(call, y, h0)
    gweights = [_weight_gradients(g_x[d], g_h[d], flat, before[d], groups[d]) for d in range(call.directions)]
    gx: Any = None
    if need_x:
        for d, group in enumerate(groups):
            w_ih = np.concatenate([group[0], np.zeros((width - outputs, x.shape[2]), x.dtype)])
            part = _product(g_x[d], False, w_ih, rows, x.shape[2], width)
            gx = part if gx is None else gx + part
        gx = gx.reshape(x.shape)
    return gx, gh0, gc0, gweights


def backward(
    op: str, cell: str, gy: Any, reserve: RNNReserve, gstate: Any, need_x: bool
) -> tuple[Any, Any, list[tuple[Any, ...]]]:
    if getattr(reserve, "on_gpu", False):
        raise OnGPU(f"{op}: reserve lies on a GPU")
    if not isinstance(reserve, RNNReserve) or reserve.call.cell != cell:
        kind = reserve.call.cell if isinstance(reserve, RNNReserve) else type(reserve).__name__
        raise TypeError(f"{op}: reserve must come from {cell}_forward, got one of {kind}")
    call = reserve.call
    g = None if gy is None else shaped(op, "gy", gy, call.y_shape, call.x, "x")
    pair = gstate if cell == "lstm" and gstate is not None else (gstate, None)
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        raise TypeError(f"{op}: gstate must be a pair (gh, gc), got {type(gstate).__name__}")
    gh, gc = (
        None if s is None else shaped(op, f"gstate {n}", s, call.state_shape, call.x, "x")
        for n, s in zip(("h", "c"), pair, strict=True)
    )
    gh0, gc0 = call.new_states()
    gweights: list[tuple[Any, ...]] = []
    for layer in reversed(range(call.count)):
        gh_layer, gc_layer = (layer_slice(s, layer, call.directions) for s in (gh, gc))
        g, *initial, groups = _layer_grad(reserve, layer, g, gh_layer, gc_layer, need_x or layer > 0)
        for target, found in zip((gh0, gc0), initial, strict=True):
            if target is not None:
                layer_slice(target, layer, call.directions)[...] = found
        gweights[:0] = groups
    return g, (gh0, gc0) if cell == "lstm" else gh0, gweights
