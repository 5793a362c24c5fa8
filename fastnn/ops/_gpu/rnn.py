"""Recurrent layers on GPU arrays; see `fastnn.ops.rnn`, `rnn_cell` and `rnn_grad` for what the functions mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fastnn.ops._gpu._arguments import as_array, result
from fastnn.ops._rnn import NAMES, Stack, Weights, variant_of
from fastnn.ops._shapes import rnn_output_shape, rnn_state_shape

if TYPE_CHECKING:
    from fastnn.cuda._arrays import GPUArray
    from fastnn.cuda.rnn import Layer


class GPUStack(Stack):
    """The checked weights, on a GPU."""

    __slots__ = ()

    @staticmethod
    def _groups(op: str, weights: Any) -> list[Weights]:
        if not isinstance(weights, (list, tuple)):
            raise TypeError(f"{op}: weights must be a list of (w_ih, w_hh, b_ih, b_hh), got {type(weights).__name__}")
        groups: list[Any] = []
        for i, group in enumerate(weights):
            if not isinstance(group, (list, tuple)) or len(group) not in (2, 4):
                raise ValueError(f"{op}: weights[{i}] must be (w_ih, w_hh, b_ih, b_hh) or (w_ih, w_hh)")
            if group[0] is None or group[1] is None:
                raise TypeError(f"{op}: weights[{i}] lacks w_ih or w_hh")
            names = NAMES if len(weights) == 1 else [f"weights[{i}] {name}" for name in NAMES]
            arrays = [None if a is None else as_array(op, n, a) for n, a in zip(names, group, strict=False)]
            groups.append((*arrays, None, None)[:4])
        return groups


class GPUReserve:
    """What a forward pass kept for the backward pass: an opaque object, valid while its inputs stay unchanged."""

    __slots__ = ("call", "layers")
    on_gpu = True

    def __init__(self, call: Call, layers: list[list[Layer]]) -> None:
        self.call, self.layers = call, layers


class Call:
    """One run over whole sequences: checked arguments, then `forward`."""

    def __init__(self, op: str, cell: str, variant: int, x: Any, weights: Any, state: Any, bidirectional: bool,
                 batch_first: bool, lengths: Any) -> None:  # fmt: skip
        if lengths is not None:
            raise NotImplementedError(f"{op}: lengths has no GPU kernel yet; only sequences of one length")
        self.op, self.cell, self.variant, self.batch_first = op, cell, variant, bool(batch_first)
        self.stack = stack = GPUStack(op, cell, weights, bool(bidirectional))
        self.x = as_array(op, "x", x, stack.layers[0][0][0])
        if len(self.x.shape) != 3 or self.x.shape[2] != stack.inputs:
            order = "[batch, steps, inputs]" if batch_first else "[steps, batch, inputs]"
            raise ValueError(f"{op}: x has shape {self.x.shape}, expected {order} with {stack.inputs} inputs")
        self.steps, self.batch = self.x.shape[:2][::-1] if batch_first else self.x.shape[:2]
        if not self.steps * self.batch:
            raise NotImplementedError(f"{op}: x of shape {self.x.shape} has no steps or sequences; not on a GPU yet")
        self.state_shape = rnn_state_shape(len(stack.layers), stack.directions, self.batch, stack.hidden)
        self.h0, self.c0 = self.states("state", state)
        self.y_shape = rnn_output_shape(self.x.shape, stack.directions, stack.hidden)

    def states(self, name: str, state: Any) -> tuple[Any, Any]:
        """(h, c) of a state or its gradient as the caller gives it."""
        if state is None:
            return None, None
        if self.cell != "lstm":
            return as_array(self.op, name, state, self.x, self.state_shape), None
        if not isinstance(state, (list, tuple)) or len(state) != 2:
            raise TypeError(f"{self.op}: {name} must be a pair (h, c), got {type(state).__name__}")
        pair = [None if s is None else as_array(self.op, f"{name} {n}", s, self.x, self.state_shape)
                for n, s in zip("hc", state, strict=True)]  # fmt: skip
        if name == "state" and None in pair:
            raise TypeError(f"{self.op}: state must hold both h and c")
        return pair[0], pair[1]

    def forward(self, keep: bool, out: Any = None) -> tuple[Any, Any, list[list[Layer]]]:
        from fastnn.cuda.rnn import Layer

        stack, x = self.stack, self.x
        layers: list[list[Layer]] = []
        hn = x.new(self.state_shape)
        cn = x.new(self.state_shape) if self.cell == "lstm" else None
        for number, groups in enumerate(stack.layers):
            last = number == len(stack.layers) - 1
            y = result(self.op, out if last else None, self.x, self.y_shape, x, self.h0, self.c0)
            layers.append([])
            for direction, group in enumerate(groups):
                slot = number * stack.directions + direction
                layer = Layer(self.cell, self.variant, x, y, group, self.steps, self.batch, stack.hidden,
                              stack.directions, direction, slot, self.batch_first)  # fmt: skip
                layer.forward(self.h0, self.c0, hn, cn, keep)
                layers[-1].append(layer)
            x = y
        return x.array, (hn.array, cn.array) if cn is not None else hn.array, layers


def _sequence(
    op: str, cell: str, keep: bool, x: Any, weights: Any, state: Any = None, *, bidirectional: bool = False,
    batch_first: bool = False, lengths: Any = None, out: Any = None, **variant: Any,
) -> Any:  # fmt: skip
    default = {"lstm": "tanh", "gru": None, "rnn": "tanh"}[cell]
    number = variant_of(op, cell, variant.popitem()[1] if variant else default)
    call = Call(op, cell, number, x, weights, state, bidirectional, batch_first, lengths)
    y, final, layers = call.forward(keep, out)
    return (y, final, GPUReserve(call, layers)) if keep else (y, final)


def _cell(
    op: str, cell: str, count: int, x: Any, *arguments: Any, cell_output: Any = "tanh", nonlinearity: Any = "tanh",
    **named: Any,
) -> Any:  # fmt: skip
    names = ("h", "c")[:count] + NAMES
    given = dict(zip(names, arguments, strict=False)) | named
    variant = variant_of(op, cell, {"lstm": cell_output, "gru": None, "rnn": nonlinearity}[cell])
    data = as_array(op, "x", x)
    if len(data.shape) != 2:
        raise ValueError(f"{op}: x must have shape [N, I], got {data.shape}")
    weights = [tuple(given.get(name) for name in NAMES)]
    call = Call(op, cell, variant, _with_steps(data, data.shape[0]), weights, None, False, False, None)
    shape = data.shape[0], call.stack.hidden
    states = [None if given[n] is None else as_array(op, n, given[n], data, shape) for n in names[:count]]
    if cell == "lstm" and (states[0] is None) != (states[1] is None):
        raise NotImplementedError(f"{op}: h and c must both be given, or neither, on a GPU")
    call.h0, call.c0 = (*states, None)[:2]
    _, final, _ = call.forward(False)
    return tuple(_without_steps(s) for s in final) if cell == "lstm" else _without_steps(final)


def _with_steps(x: GPUArray, n: int) -> Any:
    return x.array.reshape((1, n, x.shape[1]))


def _without_steps(x: Any) -> Any:
    return x.reshape(tuple(x.shape[1:]))


def _grad(op: str, cell: str, gy: Any, reserve: Any, gstate: Any = None, *, input_gradient: bool = True) -> Any:
    from fastnn.cuda import rnn

    if not isinstance(reserve, GPUReserve) or reserve.call.cell != cell:
        raise TypeError(f"{op}: reserve must come from {cell}_forward on a GPU, got {type(reserve).__name__}")
    call = reserve.call
    g = None if gy is None else as_array(op, "gy", gy, call.x, call.y_shape)
    gh, gc = call.states("gstate", gstate)
    gh0 = call.x.new(call.state_shape)
    gc0 = call.x.new(call.state_shape) if cell == "lstm" else None
    gweights: list[tuple[Any, ...]] = []
    for number, layers in reversed(list(enumerate(reserve.layers))):
        sums = [layer.sums_gradient(g, call.h0, call.c0, gh, gc, gh0, gc0) for layer in layers]
        found = [layer.weight_gradients(*s, call.h0) for layer, s in zip(layers, sums, strict=True)]
        gweights[:0] = [tuple(None if a is None else a.array for a in group) for group in found]
        g = rnn.input_gradient(layers, [s[0] for s in sums]) if number or input_gradient else None
    initial = gh0.array if gc0 is None else (gh0.array, gc0.array)
    return (None if g is None else g.array), initial, gweights


TWINS: dict[str, Callable[..., Any]] = {
    **{cell: partial(_sequence, cell, cell, False) for cell in ("lstm", "gru", "rnn")},
    "lstm_cell": partial(_cell, "lstm_cell", "lstm", 2),
    "gru_cell": partial(_cell, "gru_cell", "gru", 1),
    "rnn_cell": partial(_cell, "rnn_cell", "rnn", 1),
    "lstm_forward": partial(_sequence, "lstm_forward", "lstm", True),
    "lstm_grad": partial(_grad, "lstm_grad", "lstm"),
    "gru_forward": partial(_sequence, "gru_forward", "gru", True),
    "gru_grad": partial(_grad, "gru_grad", "gru"),
}
