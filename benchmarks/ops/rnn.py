"""LSTM and GRU layers, cells and single steps, next to other libraries."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import BEST_OF_THREE, Arrays, Goal, Op

GATES = {"lstm": 4, "gru": 3}
TORCH_TO_ONNX = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}  # i f g o -> i o f g; r z n -> z r n


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@dataclass(frozen=True)
class Recurrent(Op):
    """A stack of layers with as many inputs as hidden units; inputs are x and, per layer, PyTorch's weights.

    ``kind``: "layer" runs sequences; "cell" is the layer for one step, given its state; "step" is one step with a
    state that the library carries. The state of the last two is the one to which x leads when it is repeated, so that
    every call has the same result.
    """

    cell: str
    kind: str
    steps: int
    hidden: int
    batches: tuple[int, ...] = (1,)  # type: ignore[misc]
    layers: int = 1
    independent = False

    @property
    def passes(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("backward",) if self.layers > 1 else ("forward",)

    @property
    def takes_out(self) -> bool:  # type: ignore[override]
        return self.kind == "layer"

    @property
    def differentiable(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(range(1 + 4 * self.layers))

    @property
    def constant(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(range(1, 1 + 4 * self.layers + 3))

    def _own_shapes(self, batch: int) -> list[tuple[int, ...]]:
        """Shapes of x and of PyTorch's weights."""
        rows = GATES[self.cell] * self.hidden
        layer = (rows, self.hidden), (rows, self.hidden), (rows,), (rows,)
        return [(self.steps, batch, self.hidden), *layer * self.layers]

    def shapes(self, batch: int) -> tuple[tuple[int, ...], ...]:
        own, rows = self._own_shapes(batch), GATES[self.cell] * self.hidden
        if self.layers > 1:
            return tuple(own)
        matrix, states = (1, rows, self.hidden), 1 + (self.cell == "lstm")
        return (*own, matrix, matrix, (1, 2 * rows), *[(1, batch, self.hidden)] * states)

    def moved(self, batch: int) -> int:
        """Weights count once, not again for the form that ONNX wants."""
        shapes = *self._own_shapes(batch), self.result_shapes(batch)[0]
        return 4 * sum(math.prod(shape) for shape in shapes)

    def result_shapes(self, batch: int) -> tuple[tuple[int, ...], ...]:
        return ((self.steps, batch, self.hidden),)

    def inputs(self, batch: int) -> Arrays:
        """x, the weights; then the weights in ONNX's form and, where one is given, the state."""
        rng = np.random.default_rng(30)
        x, *weights = (rng.standard_normal(shape, dtype=np.float32) for shape in self._own_shapes(batch))
        for w in weights:
            w *= 0.5 / np.sqrt(self.hidden)
        if self.layers > 1:
            return x, *weights
        more = [self._in_onnx_order(*weights[:4])]
        state = [np.zeros((batch, self.hidden))] * (1 + (self.cell == "lstm"))
        first, exact = x[0].astype(float), [w.astype(float) for w in weights]
        for _ in range(64 if self.kind != "layer" else 0):  # then a step moves it by less than 3e-7
            state = self._cell(first, state, exact)[0]
        return x, *weights, *more[0], *(s[None].astype(np.float32) for s in state)

    def _in_onnx_order(self, w: np.ndarray, r: np.ndarray, bw: np.ndarray, br: np.ndarray) -> Arrays:
        def ordered(a: np.ndarray) -> np.ndarray:
            parts = np.split(a, GATES[self.cell])
            return np.concatenate([parts[i] for i in TORCH_TO_ONNX[self.cell]])

        return ordered(w)[None], ordered(r)[None], np.concatenate([ordered(bw), ordered(br)])[None]

    def flops(self, batch: int) -> int:
        return 4 * self.layers * self.steps * batch * GATES[self.cell] * self.hidden**2

    def _cell(self, x: np.ndarray, state: Any, weights: Any) -> tuple[list[np.ndarray], tuple[np.ndarray, ...]]:
        """The state after one step, and the gates."""
        w, r, bw, br = weights
        if self.cell == "lstm":
            i, f, g, o = np.split(x @ w.T + bw + state[0] @ r.T + br, 4, axis=1)
            i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
            c = f * state[1] + i * g
            return [o * np.tanh(c), c], (i, f, g, o)
        (xr, xz, xn), (hr, hz, hn) = np.split(x @ w.T + bw, 3, axis=1), np.split(state[0] @ r.T + br, 3, axis=1)
        z = _sigmoid(xz + hz)
        return [(1 - z) * np.tanh(xn + _sigmoid(xr + hr) * hn) + z * state[0]], ()

    def numpy(self, x: np.ndarray, *rest: np.ndarray) -> np.ndarray:
        given = rest[7:] if self.layers == 1 else [np.zeros((1, *x.shape[1:]))] * (1 + (self.cell == "lstm"))
        for layer in range(self.layers):
            state, y = [s[0] for s in given], []
            for x_t in x:
                state, _ = self._cell(x_t, state, rest[4 * layer : 4 * layer + 4])
                y.append(state[0])
            x = np.stack(y)
        return x

    def numpy_backward(self, gradient: np.ndarray, x: np.ndarray, *weights: np.ndarray) -> Arrays:
        if self.cell != "lstm":
            raise NotImplementedError("written for LSTM only")
        layers, kept, y = [weights[i : i + 4] for i in range(0, len(weights), 4)], [], x
        for group in layers:
            state, steps, source = [np.zeros(x.shape[1:])] * 2, [], y
            for x_t in source:
                before = state
                state, gates = self._cell(x_t, state, group)
                steps.append((x_t, *before, state[1], *gates, state[0]))
            kept.append(steps)
            y = np.stack([step[-1] for step in steps])
        found: list[np.ndarray] = []
        for group, steps in zip(reversed(layers), reversed(kept), strict=True):
            gradient, gradients = _lstm_backward(gradient, group, steps)
            found[:0] = gradients
        return y, gradient, *found

    def _packed(self, weights: Arrays) -> Any:
        from fastnn import ops

        return getattr(ops, f"pack_{self.cell}")([weights[:4]])

    def fastnn(self, x: np.ndarray, *rest: np.ndarray) -> Callable[..., Any]:
        if self.kind == "layer":
            packed = self._packed(rest)
            return lambda **out: packed(x, **out)[0]
        state = rest[7:] if self.cell == "lstm" else rest[7]
        if self.kind == "step":
            step, first, out = self._packed(rest).step, x[0], np.empty_like(x[0])
            _, carried = step(first, state)
            y = out[None]

            def run() -> np.ndarray:
                step(first, carried, out)
                return y

            return run
        return self._fastnn_cell(x[0], state, rest)

    def _fastnn_cell(self, x: np.ndarray, state: Any, rest: Arrays) -> Callable[[], Any]:
        from fastnn import nn
        from fastnn.autograd import Tensor, no_grad

        layer = (nn.LSTMCell if self.cell == "lstm" else nn.GRUCell)(self.hidden, self.hidden).eval()
        layer.load_state_dict(dict(zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), rest, strict=False)))
        given = Tensor(x)
        held: Any = tuple(Tensor(s[0]) for s in state) if self.cell == "lstm" else Tensor(state[0])

        def run() -> Any:
            with no_grad():
                new = layer(given, held)
            return (new[0] if isinstance(new, tuple) else new).numpy()[None]

        return run

    def fastnn_backward(self, gradient: np.ndarray, x: np.ndarray, *weights: np.ndarray) -> Callable[[], Arrays]:
        from fastnn import ops

        groups = [weights[i : i + 4] for i in range(0, len(weights), 4)]
        forward, backward = getattr(ops, f"{self.cell}_forward"), getattr(ops, f"{self.cell}_grad")

        def run() -> Arrays:
            y, _, reserve = forward(x, groups)
            gx, _, gweights = backward(gradient, reserve)
            return y, gx, *(g for group in gweights for g in group)

        return run

    def torch(self, x: Any, *rest: Any) -> Callable[[], Any]:
        import torch

        if self.layers > 1:
            zeros = torch.zeros(self.layers, x.shape[1], self.hidden)
            state = (zeros, zeros) if self.cell == "lstm" else zeros
            function = getattr(torch._VF, self.cell)
            return lambda: function(x, state, rest, True, self.layers, 0.0, True, False, False)[0]
        name = {"lstm": "LSTM", "gru": "GRU"}[self.cell] + ("Cell" if self.kind == "cell" else "")
        layer = getattr(torch.nn, name)(self.hidden, self.hidden).eval()
        with torch.no_grad():
            for parameter, value in zip(layer.parameters(), rest, strict=False):
                parameter.copy_(value)
        state = tuple(rest[7:]) if self.cell == "lstm" else rest[7]
        if self.kind == "layer":
            return lambda: layer(x)[0]
        if self.kind == "step":
            return lambda: layer(x, state)[0]
        held, first = (tuple(s[0] for s in state) if self.cell == "lstm" else state[0]), x[0]
        if self.cell == "lstm":
            return lambda: layer(first, held)[0][None]
        return lambda: layer(first, held)[None]

    def onnx(self) -> tuple[list[Any], int]:
        from onnx import helper

        if self.layers > 1 or self.kind == "cell":
            raise NotImplementedError("only layers and single steps are ONNX models here")
        more = {} if self.cell == "lstm" else {"linear_before_reset": 1}
        state = ["", "x8", "x9"][: 2 + (self.cell == "lstm")]
        given = ["x0", "x5", "x6", "x7", *state]
        node = helper.make_node(self.cell.upper(), given, ["full"], hidden_size=self.hidden, **more)
        return [node, helper.make_node("Squeeze", ["full"], ["y0"], axes=[1])], 11


def _lstm_backward(gradient: np.ndarray, group: Any, steps: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    """(gradient of x, those of w_ih, w_hh, b_ih, b_hh) of one layer from what `steps` kept."""
    w, r, *_ = group
    gw, gr, gb = np.zeros_like(w), np.zeros_like(r), np.zeros(w.shape[0], w.dtype)
    gx, gh, gc = np.empty((len(steps), *steps[0][0].shape), w.dtype), 0.0, 0.0
    for t in reversed(range(len(steps))):
        x_t, h_before, c_before, c, i, f, g, o, _ = steps[t]
        gh = gh + gradient[t]
        gc = gc + gh * o * (1 - np.tanh(c) ** 2)
        sums = gc * g * i * (1 - i), gc * c_before * f * (1 - f), gc * i * (1 - g**2), gh * np.tanh(c) * o * (1 - o)
        s = np.concatenate(sums, axis=1)
        gw += s.T @ x_t
        gr += s.T @ h_before
        gb += s.sum(axis=0)
        gx[t], gh, gc = s @ w, s @ r, gc * f
    return gx, [gw, gr, gb, gb]


SIZES = (64, 128, 256, 512, 1024)
CASES: dict[str, Recurrent] = {
    **{f"{c}.one.{h}": Recurrent(c, "layer", 100 if h < 1024 else 50, h) for c in GATES for h in SIZES},
    **{f"{c}.batch.{h}": Recurrent(c, "layer", 50, h, (16, 32, 128)) for c in GATES for h in (256, 512)},
    **{f"{c}.batch.1024": Recurrent(c, "layer", 20, 1024, (16, 32, 128)) for c in GATES},
    **{f"{c}.cell.{h}": Recurrent(c, "cell", 1, h) for c in GATES for h in (64, 128, 256)},
    **{f"{c}.step.{h}": Recurrent(c, "step", 1, h) for c in GATES for h in (64, 128, 256)},
    "lstm.train.256": Recurrent("lstm", "layer", 64, 256, (32,), layers=2),
}

GOALS = (
    Goal("LSTM, one sequence", ("lstm.one.*",), BEST_OF_THREE, 1.8, 1.3),
    Goal("LSTM, batches of 16 to 128", ("lstm.batch.*",), BEST_OF_THREE, 1.05, 0.95),
    Goal("GRU, one sequence", ("gru.one.*",), BEST_OF_THREE, 1.8, 1.2),
    Goal("GRU, batches of 16 to 128", ("gru.batch.*",), BEST_OF_THREE, 1.1, 0.95),
    Goal("LSTM both ways, PyTorch", ("lstm.train.*",), ("torch", "torch:compile"), 1.3, 1.0, "backward"),
    Goal("cells, PyTorch", ("*.cell.*",), ("torch", "torch:compile"), 3.0, 2.0),
    Goal("steps", ("*.step.*",), BEST_OF_THREE, 3.0, 2.0),
)
