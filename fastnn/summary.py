"""`fastnn.summary`: what a model is made of, and what it costs to run."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fastnn.nn import Module


@dataclass(frozen=True)
class Row:
    """A layer as it was called.

    Attributes
    ----------
    name : dotted, as in the state dict; kind : its class.
    output_shape : of its result, the first where it has several.
    parameters : elements that are its own, counted where it is called first.
    macs : multiply-adds of convolutions, linear and recurrent layers; 0 for the others.
    activation_bytes : memory of the result.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    macs: int
    activation_bytes: int


@dataclass(frozen=True)
class Summary:
    """The `rows` of a model, its totals, and as ``str`` an aligned table.

    Attributes
    ----------
    model : its class. rows : in the order of the calls.
    parameters, trainable : elements of all parameters, and of those that require grad.
    macs, activation_bytes : sums over the rows.
    """

    model: str
    rows: tuple[Row, ...]
    parameters: int
    trainable: int
    macs: int
    activation_bytes: int

    def to_json(self) -> str:
        """The same as one JSON object."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        head = ("layer", "kind", "output", "parameters", "MACs", "activations")
        cells = [head, *(_cells(row) for row in self.rows)]
        totals = f"{self.parameters:,}", f"{self.macs:,}", _size(self.activation_bytes)
        cells.append((self.model, "", "total", *totals))
        widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
        lines = [
            "  ".join(
                text.ljust(width) if i < 3 else text.rjust(width)
                for i, (text, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in cells
        ]
        rule = "-" * (sum(widths) + 2 * (len(head) - 1))
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _cells(row: Row) -> tuple[str, ...]:
    shape = "x".join(map(str, row.output_shape))
    counts = f"{row.parameters:,}", f"{row.macs:,}", _size(row.activation_bytes)
    return (row.name, row.kind, shape, *counts)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:.2f} MiB"


def summary(model: Module, input_shape: Any, *, dtype: Any = None) -> Summary:
    """What a model is made of: layers, output shapes, parameters, multiply-adds, memory of activations.

    The model runs once on zeros, in evaluation and without a tape; its mode, its state and its hooks are as before
    afterwards.

    Parameters
    ----------
    model : any module.
    input_shape : sizes of the input with the batch, or a list of such shapes where the model takes several inputs.
    dtype : of the inputs, or a list with one for each; by default the parameters', and int64 for models that begin with
        an `Embedding`.

    Returns
    -------
    Summary, which prints as a table

    Raises
    ------
    ValueError, TypeError
        For shapes that are no sizes, and whatever the model raises for an input that it cannot take.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> print(fastnn.summary(nn.Sequential(nn.Linear(8, 4), nn.ReLU()), (2, 8)))
    layer       kind    output  parameters  MACs  activations
    ---------------------------------------------------------
    0           Linear  2x4             36    64     0.00 MiB
    1           ReLU    2x4              0     0     0.00 MiB
    ---------------------------------------------------------
    Sequential          total           36    64     0.00 MiB
    """
    from fastnn.autograd import no_grad

    inputs = _inputs(model, input_shape, dtype)
    rows: list[Row] = []
    seen: set[int] = set()
    handles = []
    modes = [(module, module.training) for module in model.modules()]
    try:
        for name, module in model.named_modules():
            if next(module.children(), None) is None:
                hook = _recorder(name or type(module).__name__, rows, seen)
                handles.append(module.register_forward_hook(hook))
        with no_grad():
            model.eval()(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
    parameters = list(model.parameters())
    return Summary(
        type(model).__name__,
        tuple(rows),
        sum(p.size for p in parameters),
        sum(p.size for p in parameters if p.requires_grad),
        sum(row.macs for row in rows),
        sum(row.activation_bytes for row in rows),
    )


def _inputs(model: Module, input_shape: Any, dtype: Any) -> list[np.ndarray]:
    """Zeros of the shapes and dtypes asked for."""
    from fastnn import nn

    if not isinstance(input_shape, Sequence) or isinstance(input_shape, str) or not input_shape:
        raise TypeError(f"summary: input_shape must be a shape or a list of shapes, is {input_shape!r}")
    several = not isinstance(input_shape[0], (int, np.integer))
    shapes = list(input_shape) if several else [input_shape]
    for shape in shapes:
        if not all(isinstance(n, (int, np.integer)) and n > 0 for n in shape):
            raise ValueError(f"summary: input_shape must hold positive sizes, is {input_shape!r}")
    leaves = [m for m in model.modules() if next(m.children(), None) is None]
    if leaves and isinstance(leaves[0], nn.Embedding):
        usual: np.dtype[Any] = np.dtype(np.int64)
    else:
        usual = next((p.dtype for p in model.parameters()), np.dtype(np.float32))
    dtypes = list(dtype) if isinstance(dtype, (list, tuple)) else [dtype] * len(shapes)
    if len(dtypes) != len(shapes):
        raise ValueError(f"summary: {len(shapes)} input shapes, but {len(dtypes)} dtypes")
    return [np.zeros(tuple(s), usual if d is None else d) for s, d in zip(shapes, dtypes, strict=True)]


def _recorder(name: str, rows: list[Row], seen: set[int]) -> Any:
    def record(module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        first = output
        while isinstance(first, (tuple, list)):
            first = first[0]
        own = 0 if id(module) in seen else sum(p.size for p in module.parameters())
        seen.add(id(module))
        n_bytes = math.prod(first.shape) * first.dtype.itemsize
        macs = _macs(module, inputs, tuple(first.shape))
        rows.append(Row(name, type(module).__name__, tuple(first.shape), own, macs, n_bytes))

    return record


def _macs(module: Any, inputs: tuple[Any, ...], shape: tuple[int, ...]) -> int:
    """Multiply-adds of one call: every weight once for each place where it is used."""
    from fastnn.nn._conv import Conv, ConvTranspose
    from fastnn.nn.linear import Linear
    from fastnn.nn.rnn import Recurrent
    from fastnn.nn.rnn_cell import GRUCell, LSTMCell, RNNCell

    if isinstance(module, Conv):
        return math.prod(shape) * math.prod(module.weight.shape[1:])
    if isinstance(module, ConvTranspose):
        return math.prod(inputs[0].shape) * math.prod(module.weight.shape[1:])
    if isinstance(module, Linear):
        return math.prod(shape) * module.in_features
    matrices = sum(p.size for name, p in module.named_parameters() if name.startswith("weight"))
    if isinstance(module, (Recurrent, LSTMCell, GRUCell, RNNCell)):
        return math.prod(shape[:-1]) * matrices
    return 0
