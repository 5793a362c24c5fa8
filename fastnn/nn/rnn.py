"""Recurrent layers over whole sequences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import fastnn.autograd as F
from fastnn import ops
from fastnn.autograd._tape import mode
from fastnn.autograd.layout import to_plain
from fastnn.autograd.tensor import Tensor, as_tensor, wrap
from fastnn.nn import init
from fastnn.nn._arguments import count, float_dtype
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
_SEQUENCES: dict[str, Callable[..., Any]] = {"lstm": F.lstm, "gru": F.gru, "rnn": F.rnn}
_PACKS: dict[str, Callable[..., Any]] = {"lstm": ops.pack_lstm, "gru": ops.pack_gru, "rnn": ops.pack_rnn}
KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def packed_weights(layer: Any, groups: list[tuple[Any, ...]], cell: str, options: dict[str, Any]) -> Any:
    """The layer's weights in the kernel's order, made again when one of them has changed.

    None where one is no `Parameter`: changes of other tensors may go unnoticed.
    """
    entry = layer._packed
    flat = [p for group in groups for p in group if p is not None]
    if entry is not None and entry[0] == options and _unchanged(flat, entry[1]):
        return entry[2]
    if not all(isinstance(p, Parameter) for p in flat):
        return None
    held = [(p, p._version[0]) for p in flat]
    arrays = [tuple(None if p is None else p.data for p in group) for group in groups]
    made = _PACKS[cell](arrays, **options)
    layer._packed = dict(options), held, made  # one tuple: threads see all of it or nothing
    return made


def _unchanged(parameters: list[Any], held: list[tuple[Any, int]]) -> bool:
    if len(parameters) != len(held):
        return False
    for parameter, (known, version) in zip(parameters, held, strict=True):
        if parameter is not known or parameter._version[0] != version:
            return False
    return True


class Recurrent(Module):
    """What LSTM, GRU and RNN share; parameters are called as PyTorch's, ``weight_ih_l0``, ``bias_hh_l1_reverse``."""

    _packed: Any = None
    cell = ""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        name = type(self).__name__
        self.input_size = count(name, "input_size", input_size)
        self.hidden_size = count(name, "hidden_size", hidden_size)
        self.num_layers = count(name, "num_layers", num_layers)
        if not 0 <= dropout <= 1:
            raise ValueError(f"{name}: dropout must be between 0 and 1, is {dropout!r}")
        self.bias, self.batch_first, self.bidirectional = bool(bias), bool(batch_first), bool(bidirectional)
        self.dropout = float(dropout)
        wanted = float_dtype(name, device, dtype)
        rows = GATES[self.cell] * self.hidden_size
        for layer in range(self.num_layers):
            inputs = self.input_size if layer == 0 else self.directions * self.hidden_size
            shapes = (rows, inputs), (rows, self.hidden_size), (rows,), (rows,)
            for suffix in self._suffixes(layer):
                for kind, shape in zip(KINDS[: 4 if bias else 2], shapes, strict=False):
                    setattr(self, kind + suffix, Parameter(np.empty(shape, dtype=wanted)))
        self.reset_parameters()

    @property
    def directions(self) -> int:
        """1, or 2 where it is bidirectional."""
        return 2 if self.bidirectional else 1

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: self.directions]

    def reset_parameters(self) -> None:
        """Draw all weights and biases anew, uniform in +-1/sqrt(hidden_size), as PyTorch does."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def weights(self, layer: int) -> list[tuple[Any, ...]]:
        """(w_ih, w_hh, b_ih, b_hh) of each direction of a layer; biases None where there are none."""
        return [
            tuple(getattr(self, kind + suffix, None) for kind in KINDS) for suffix in self._suffixes(layer)
        ]

    def _variant(self) -> dict[str, Any]:
        return {}

    def forward(self, x: Tensor, hx: Any = None, lengths: Any = None) -> tuple[Tensor, Any]:
        """y and the final state for x [steps, batch, inputs], or [batch, steps, inputs] with `batch_first`.

        A single sequence may come without its batch dimension, and then goes without it. `lengths` [batch] are
        the sequences' lengths where they differ, in any order: what PyTorch packs them for.
        """
        alone = x.ndim == 2
        if alone:
            x = x.unsqueeze(0 if self.batch_first else 1)
            hx = None if hx is None else _each(hx, lambda s: as_tensor(s).unsqueeze(1))
        y, state = self._run(x, hx, lengths)
        if alone:
            y, state = y.squeeze(0 if self.batch_first else 1), _each(state, lambda s: s.squeeze(1))
        return y, state

    def _run(self, x: Tensor, hx: Any, lengths: Any) -> tuple[Tensor, Any]:
        options = {"bidirectional": self.bidirectional, "batch_first": self.batch_first} | self._variant()
        groups = [group for layer in range(self.num_layers) for group in self.weights(layer)]
        if not self.training and not mode.enabled:
            made = packed_weights(self, groups, self.cell, options)
            if made is not None:
                data = _each(hx, lambda s: s.data if isinstance(s, Tensor) else s)
                y, state = made(to_plain(x).data, data, lengths)
                return wrap(y), _each(state, wrap)
        options["lengths"] = lengths
        if self.training and self.dropout and self.num_layers > 1:
            return self._run_by_layer(x, hx, options)
        return _SEQUENCES[self.cell](x, groups, hx, **options)

    def _run_by_layer(self, x: Tensor, hx: Any, options: dict[str, Any]) -> tuple[Tensor, Any]:
        """With dropout between the layers."""
        states = []
        for layer in range(self.num_layers):
            at = slice(layer * self.directions, (layer + 1) * self.directions)
            own = None
            if hx is not None:
                own = tuple(as_tensor(s)[at] for s in hx) if self.cell == "lstm" else as_tensor(hx)[at]
            if layer:
                x = F.dropout(x, self.dropout, training=True)
            x, state = _SEQUENCES[self.cell](x, self.weights(layer), own, **options)
            states.append(state)
        if self.cell == "lstm":
            return x, tuple(F.cat(list(parts), 0) for parts in zip(*states, strict=True))
        return x, F.cat(states, 0)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        return text + "".join(
            f", {name}={getattr(self, name)}" for name, usual in defaults.items() if getattr(self, name) != usual
        )


def _each(state: Any, function: Callable[[Any], Any]) -> Any:
    """A state, one or a pair, with the function applied to each part."""
    if isinstance(state, (tuple, list)):
        return tuple(function(part) for part in state)
    return None if state is None else function(state)


class LSTM(Recurrent):
    """Long short-term memory; constructor, parameters and results as `torch.nn.LSTM`.

    Attributes
    ----------
    weight_ih_l0 : [4 * hidden_size, inputs], gates i, f, g, o; weight_hh_l0 : [4 * hidden_size, hidden_size].
    bias_ih_l0, bias_hh_l0 : [4 * hidden_size]; one set for each layer, and with the suffix _reverse.

    Raises
    ------
    ValueError, TypeError
        For sizes that are not positive ints.
    NotImplementedError
        For `proj_size`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> y, (h, c) = nn.LSTM(3, 5)(np.zeros((7, 2, 3), dtype=np.float32))
    >>> y.shape, c.shape
    ((7, 2, 5), (1, 2, 5))
    """

    cell = "lstm"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        if proj_size:
            raise NotImplementedError(f"LSTM: proj_size={proj_size}; only 0 is supported")
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype
        )


class GRU(Recurrent):
    """Gated recurrent unit; constructor, parameters and results as `torch.nn.GRU`.

    Attributes
    ----------
    weight_ih_l0 : [3 * hidden_size, inputs], gates r, z, n; weight_hh_l0 : [3 * hidden_size, hidden_size].
    bias_ih_l0, bias_hh_l0 : [3 * hidden_size]; one set for each layer, and with the suffix _reverse.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> y, h = nn.GRU(3, 5, bidirectional=True)(np.zeros((7, 2, 3), dtype=np.float32))
    >>> y.shape, h.shape
    ((7, 2, 10), (2, 2, 5))
    """

    cell = "gru"


class RNN(Recurrent):
    """Elman's layer; constructor, parameters and results as `torch.nn.RNN`.

    Attributes
    ----------
    weight_ih_l0 : [hidden_size, inputs]; weight_hh_l0 : [hidden_size, hidden_size].
    bias_ih_l0, bias_hh_l0 : [hidden_size]; one set for each layer, and with the suffix _reverse.
    nonlinearity : "tanh" or "relu".

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.RNN(3, 5, nonlinearity="relu")(np.zeros((7, 2, 3), dtype=np.float32))[0].shape
    (7, 2, 5)
    """

    cell = "rnn"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: nonlinearity must be 'tanh' or 'relu', is {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype
        )

    def _variant(self) -> dict[str, Any]:
        return {"nonlinearity": self.nonlinearity}
