"""What the recurrent ops share: checked weights, states and lengths, and the loop over layers."""

from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._checks import as_array, as_numpy, check_out, check_size, finish_out, new_array, shaped
from fastnn.ops._shapes import rnn_output_shape, rnn_state_shape

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
VARIANTS: dict[str, dict[str | None, int]] = {
    "lstm": {"tanh": 0, "identity": 1},
    "gru": {None: 0},
    "rnn": {"tanh": 0, "relu": 1},
}
VARIANT_NAMES = {"lstm": "cell_output", "gru": "", "rnn": "nonlinearity"}
NAMES = ("w_ih", "w_hh", "b_ih", "b_hh")
Weights = tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]


def variant_of(op: str, cell: str, value: Any) -> int:
    """The kernels' number of a cell's variant."""
    known = VARIANTS[cell]
    if not (value is None or isinstance(value, str)) or value not in known:
        raise ValueError(f"{op}: {VARIANT_NAMES[cell]} must be one of {', '.join(map(repr, known))}, got {value!r}")
    return known[value]


def _check_matrix(op: str, name: str, array: np.ndarray, shape: tuple[int, int], why: str) -> None:
    if array.shape != shape:
        raise ValueError(f"{op}: {name} has shape {array.shape}, expected {shape} ({why})")


class Stack:
    """The checked weights of a stack of recurrent layers: `layers[layer][direction]` is (w_ih, w_hh, b_ih, b_hh)."""

    __slots__ = ("cell", "directions", "dtype", "hidden", "inputs", "layers")

    def __init__(self, op: str, cell: str, weights: Any, bidirectional: bool) -> None:
        self.cell, self.directions = cell, 2 if bidirectional else 1
        groups = self._groups(op, weights)
        if not groups or len(groups) % self.directions:
            raise ValueError(
                f"{op}: weights has {len(groups)} entries, expected {self.directions} for each layer "
                f"(bidirectional={bool(bidirectional)}): (w_ih, w_hh, b_ih, b_hh) per layer and direction"
            )
        first = groups[0]
        if first[1].ndim != 2:
            raise ValueError(f"{op}: w_hh must have 2 dimensions [{GATES[cell]}*H, H], got shape {first[1].shape}")
        self.hidden, self.dtype = first[1].shape[1], first[0].dtype
        if self.hidden < 1 or first[0].ndim != 2:
            raise ValueError(
                f"{op}: w_ih must have 2 dimensions [{GATES[cell]}*H, inputs] with H >= 1, got shapes "
                f"{first[0].shape} and {first[1].shape}"
            )
        self.inputs = first[0].shape[1]
        for i, group in enumerate(groups):
            self._check_group(op, i, len(groups), group)
        self.layers = [groups[i : i + self.directions] for i in range(0, len(groups), self.directions)]

    @staticmethod
    def _groups(op: str, weights: Any) -> list[Weights]:
        if isinstance(weights, np.ndarray) or not isinstance(weights, (list, tuple)):
            raise TypeError(f"{op}: weights must be a list of (w_ih, w_hh, b_ih, b_hh), got {type(weights).__name__}")
        groups: list[Weights] = []
        for i, group in enumerate(weights):
            if not isinstance(group, (list, tuple)) or len(group) not in (2, 4):
                raise ValueError(
                    f"{op}: weights[{i}] must be (w_ih, w_hh, b_ih, b_hh) or (w_ih, w_hh), got "
                    f"{len(group) if isinstance(group, (list, tuple)) else type(group).__name__}"
                )
            names = NAMES if len(weights) == 1 else [f"weights[{i}] {name}" for name in NAMES]
            arrays = [None if a is None else as_array(op, n, a) for n, a in zip(names, group, strict=False)]
            w_ih, w_hh, b_ih, b_hh = (*arrays, None, None)[:4]
            if w_ih is None or w_hh is None:
                raise TypeError(f"{op}: weights[{i}] lacks w_ih or w_hh")
            groups.append((w_ih, w_hh, b_ih, b_hh))
        return groups

    def _check_group(self, op: str, i: int, count: int, group: Weights) -> None:
        outputs, inputs = GATES[self.cell] * self.hidden, self.inputs if i < self.directions else self.width
        prefix = "" if count == 1 else f"weights[{i}] "
        why = f"{GATES[self.cell]} gates of {self.hidden} units, {inputs} inputs"
        _check_matrix(op, f"{prefix}w_ih", group[0], (outputs, inputs), why)
        _check_matrix(op, f"{prefix}w_hh", group[1], (outputs, self.hidden), why)
        for name, array in zip(NAMES, group, strict=True):
            if array is None:
                continue
            if array.ndim == 1 and array.shape != (outputs,):
                raise ValueError(f"{op}: {prefix}{name} has shape {array.shape}, expected {(outputs,)} ({why})")
            if name[0] == "b" and array.ndim != 1:
                raise ValueError(f"{op}: {prefix}{name} has shape {array.shape}, expected {(outputs,)} ({why})")
            if array.dtype is not self.dtype:
                raise TypeError(f"{op}: {prefix}{name} is {array.dtype} but w_ih is {self.dtype}; convert one of them")

    @property
    def width(self) -> int:
        """Features of a layer's result: both directions side by side."""
        return self.directions * self.hidden

    def pack(self, layer: int, half: bool = False) -> tuple[np.ndarray, ...]:
        """The packed weights of one layer, an array of bytes each direction."""
        inputs = self.inputs if layer == 0 else self.width
        params = _kernels.RNNParams(_kernels.CELLS[self.cell], 0, half, 1, 0, inputs, self.hidden, 1, False)
        return tuple(_kernels.rnn_pack(params, *group) for group in self.layers[layer])


def check_sequences(op: str, x: Any, inputs: int, batch_first: bool) -> tuple[np.ndarray, int, int]:
    """(x, steps, batch) of an input array of sequences."""
    array = as_array(op, "x", x)
    if array.ndim != 3:
        order = "[batch, steps, inputs]" if batch_first else "[steps, batch, inputs]"
        raise ValueError(f"{op}: x must have 3 dimensions {order}, got shape {array.shape}")
    if array.shape[2] != inputs:
        raise ValueError(f"{op}: x of shape {array.shape} has {array.shape[2]} features, w_ih takes {inputs}")
    steps, batch = array.shape[:2][::-1] if batch_first else array.shape[:2]
    return array, steps, batch


def check_lengths(op: str, lengths: Any, steps: int, batch: int) -> tuple[Any, Any]:
    """(order by falling length, lengths in that order), int64; (None, None) where all sequences are full."""
    if lengths is None:
        return None, None
    array = as_numpy(op, "lengths", lengths)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"{op}: lengths must be integers, got dtype {array.dtype}")
    if array.shape != (batch,):
        raise ValueError(f"{op}: lengths has shape {array.shape}, expected {(batch,)}")
    array = array.astype(np.int64)
    if array.size and not (array.min() >= 0 and array.max() <= steps):
        raise ValueError(f"{op}: lengths must be from 0 to {steps} steps, got {array.min()} to {array.max()}")
    if (array == steps).all():
        return None, None
    order = np.argsort(-array, kind="stable")
    return order, array[order]


def check_state(op: str, cell: str, state: Any, shape: tuple[int, ...], like: np.ndarray) -> tuple[Any, Any]:
    """(h, c) of an initial state as the caller gives it; None for zeros."""
    if state is None:
        return None, None
    if isinstance(state, _kernels.RNNState):
        state = (state.h, state.c) if cell == "lstm" else state.h
    if cell != "lstm":
        return shaped(op, "state", state, shape, like, "x"), None
    if not isinstance(state, (list, tuple)) or len(state) != 2:
        raise TypeError(f"{op}: state must be a pair (h, c), got {type(state).__name__}")
    h, c = state
    return shaped(op, "state h", h, shape, like, "x"), shaped(op, "state c", c, shape, like, "x")


def layer_slice(state: Any, layer: int, directions: int) -> Any:
    """The states of one layer's directions."""
    return None if state is None else state[layer * directions : (layer + 1) * directions]


class Call:
    """One run over whole sequences: checked arguments, then `run`."""

    def __init__(
        self, op: str, cell: str, variant: int, like: Any, x: Any, state: Any, batch_first: bool, lengths: Any
    ) -> None:
        """`like` tells inputs, hidden, directions, dtype and the number of layers: a Stack or a PackedRNN's shape."""
        self.op, self.cell, self.variant, self.batch_first = op, cell, variant, bool(batch_first)
        self.inputs, self.hidden, self.directions, self.count, dtype = like
        self.x, self.steps, self.batch = check_sequences(op, x, self.inputs, self.batch_first)
        if self.x.dtype is not dtype:
            raise TypeError(f"{op}: x is {self.x.dtype} but w_ih is {dtype}; convert one of them")
        self.order, self.lengths = check_lengths(op, lengths, self.steps, self.batch)
        self.state_shape = rnn_state_shape(self.count, self.directions, self.batch, self.hidden)
        self.h0, self.c0 = check_state(op, cell, state, self.state_shape, self.x)
        self.y_shape = rnn_output_shape(self.x.shape, self.directions, self.hidden)
        check_size(op, "output", self.y_shape)

    def params(self, layer: int, half: bool = False) -> Any:
        """The geometry of one layer."""
        inputs = self.inputs if layer == 0 else self.directions * self.hidden
        sizes = self.steps, self.batch, inputs, self.hidden, self.directions, self.batch_first
        return _kernels.RNNParams(_kernels.CELLS[self.cell], self.variant, half, *sizes, self.order, self.lengths)

    def new_result(self) -> np.ndarray:
        """An array for one layer's result; zero beyond the sequences, which kernels do not write."""
        y = new_array(self.y_shape, self.x.dtype)
        if self.order is not None:
            y.fill(0)
        return y

    def new_states(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Arrays for the final states of all layers."""
        h = new_array(self.state_shape, self.x.dtype)
        return h, new_array(self.state_shape, self.x.dtype) if self.cell == "lstm" else None

    def run(self, packed: Any, half: bool, out: Any, *inputs: Any) -> tuple[np.ndarray, Any]:
        """(y, state) by packed weights, `packed(layer)` -> one array a direction."""
        last = None
        if out is not None:
            last = check_out(self.op, out, self.y_shape, self.x.dtype, self.x, self.h0, self.c0, *inputs)
            if self.order is not None:
                last.fill(0)
        hn, cn = self.new_states()
        x = self.x
        for layer in range(self.count):
            y = last if last is not None and layer == self.count - 1 else self.new_result()
            h0, c0, h, c = (layer_slice(a, layer, self.directions) for a in (self.h0, self.c0, hn, cn))
            _kernels.rnn(self.params(layer, half), x, packed(layer), h0, c0, y, h, c)
            x = y
        return finish_out(out, x), (hn, cn) if self.cell == "lstm" else hn


def stack_call(
    op: str,
    cell: str,
    variant: int,
    x: Any,
    weights: Any,
    state: Any,
    modes: tuple[bool, bool, Any],
    out: Any,
) -> tuple[np.ndarray, Any]:
    """An op on plain weights: packed for this call; `modes` is (bidirectional, batch_first, lengths)."""
    bidirectional, batch_first, lengths = modes
    stack = Stack(op, cell, weights, bool(bidirectional))
    call = Call(op, cell, variant, shape_of_stack(stack), x, state, batch_first, lengths)
    arrays = [a for layer in stack.layers for group in layer for a in group]
    return call.run(stack.pack, False, out, *arrays)


def shape_of_stack(stack: Stack) -> tuple[int, int, int, int, np.dtype]:
    """(inputs, hidden, directions, layers, dtype)."""
    return stack.inputs, stack.hidden, stack.directions, len(stack.layers), stack.dtype


