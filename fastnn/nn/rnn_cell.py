"""Recurrent cells: layers for one step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import fastnn.autograd as F
from fastnn.autograd._tape import mode
from fastnn.autograd.layout import to_plain
from fastnn.autograd.tensor import Tensor, wrap
from fastnn.nn import init
from fastnn.nn._arguments import count, float_dtype
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.nn.rnn import GATES, packed_weights

_CELLS: dict[str, Callable[..., Any]] = {"lstm": F.lstm_cell, "gru": F.gru_cell, "rnn": F.rnn_cell}


class Cell(Module):
    """What the cells share."""

    _packed: Any = None
    cell = ""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        name = type(self).__name__
        self.input_size = count(name, "input_size", input_size)
        self.hidden_size = count(name, "hidden_size", hidden_size)
        wanted, rows = float_dtype(name, device, dtype), GATES[self.cell] * self.hidden_size
        self.weight_ih = Parameter(np.empty((rows, self.input_size), dtype=wanted))
        self.weight_hh = Parameter(np.empty((rows, self.hidden_size), dtype=wanted))
        self.bias_ih = Parameter(np.empty(rows, dtype=wanted)) if bias else None
        self.bias_hh = Parameter(np.empty(rows, dtype=wanted)) if bias else None
        self.bias = bool(bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights and biases anew, uniform in +-1/sqrt(hidden_size), as PyTorch does."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _variant(self) -> dict[str, Any]:
        return {}

    def _step(self, x: Tensor, states: tuple[Any, ...]) -> Any:
        """The states after x [batch, inputs], or [inputs] with states [hidden]."""
        group = self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh
        alone = x.ndim == 1
        if alone:
            x = x.unsqueeze(0)
            states = tuple(None if s is None else F.unsqueeze(s, 0) for s in states)
        if not self.training and not mode.enabled:
            made = packed_weights(self, [group], self.cell, self._variant())
            if made is not None:
                data = (s.data if isinstance(s, Tensor) else s for s in states)
                h, c = made.cell_step(to_plain(x).data, *data)
                new: Any = wrap(h) if c is None else (wrap(h), wrap(c))
                return _without_batch(new) if alone else new
        new = _CELLS[self.cell](x, *states, *group, **self._variant())
        return _without_batch(new) if alone else new

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


def _without_batch(new: Any) -> Any:
    return tuple(s.squeeze(0) for s in new) if isinstance(new, tuple) else new.squeeze(0)


class LSTMCell(Cell):
    """One step of an LSTM: ``h, c = cell(x, (h, c))``, as `torch.nn.LSTMCell`.

    Attributes
    ----------
    weight_ih : [4 * hidden_size, input_size], gates i, f, g, o; weight_hh : [4 * hidden_size, hidden_size].
    bias_ih, bias_hh : [4 * hidden_size] or None.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> h, c = nn.LSTMCell(3, 5)(np.zeros((2, 3), dtype=np.float32))
    >>> h.shape
    (2, 5)
    """

    cell = "lstm"

    def forward(self, x: Tensor, hx: Any = None) -> tuple[Tensor, Tensor]:
        """h, c after x [batch, inputs]; hx is (h, c), zeros where it is None."""
        if hx is not None and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise TypeError(f"LSTMCell: hx must be a pair (h, c), is {type(hx).__name__}")
        return self._step(x, (None, None) if hx is None else tuple(hx))


class GRUCell(Cell):
    """One step of a GRU: ``h = cell(x, h)``, as `torch.nn.GRUCell`.

    Attributes
    ----------
    weight_ih : [3 * hidden_size, input_size], gates r, z, n; weight_hh : [3 * hidden_size, hidden_size].
    bias_ih, bias_hh : [3 * hidden_size] or None.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.GRUCell(3, 5)(np.zeros((2, 3), dtype=np.float32)).shape
    (2, 5)
    """

    cell = "gru"

    def forward(self, x: Tensor, hx: Any = None) -> Tensor:
        """h after x [batch, inputs]; hx is h, zeros where it is None."""
        return self._step(x, (hx,))


class RNNCell(Cell):
    """One step of Elman's layer: ``h = cell(x, h)``, as `torch.nn.RNNCell`.

    Attributes
    ----------
    weight_ih : [hidden_size, input_size]; weight_hh : [hidden_size, hidden_size].
    bias_ih, bias_hh : [hidden_size] or None.
    nonlinearity : "tanh" or "relu".

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.RNNCell(3, 5, nonlinearity="relu")(np.zeros((2, 3), dtype=np.float32)).shape
    (2, 5)
    """

    cell = "rnn"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNNCell: nonlinearity must be 'tanh' or 'relu', is {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def _variant(self) -> dict[str, Any]:
        return {"nonlinearity": self.nonlinearity}

    def forward(self, x: Tensor, hx: Any = None) -> Tensor:
        """h after x [batch, inputs]; hx is h, zeros where it is None."""
        return self._step(x, (hx,))
