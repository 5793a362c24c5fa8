"""Normalisation on the tape. Blocked images stay Blocked; the statistics of the forward pass serve the gradients."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap
from fastnn.ops._norm import ChannelNorm, GroupNorm
from fastnn.ops.layer_norm import group_normed, layer_normed

Norm = ChannelNorm | GroupNorm


def _optional(value: Any) -> Tensor | None:
    return None if value is None else as_tensor(value)


def _data(tensor: Tensor | None) -> Any:
    return None if tensor is None else tensor.data


def _record(op: str, y: Any, norm: Norm, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """The result y of a norm whose gradients `norm` knows."""
    if not recording(x, weight, bias):
        return wrap(y)
    need_x, need_w, need_b = (t is not None and t.requires_grad for t in (x, weight, bias))

    def backward(gy: Any) -> Gradients:
        gx, gw, gb = norm.gradients(f"{op}_grad_input", gy, need_x, need_w or need_b)
        return gx, gw if need_w else None, gb if need_b else None

    saved = (x,) if weight is None else (x, weight)
    return record(y, (x, weight, bias), backward, saved)


def _memory(running: Any) -> Any:
    """The array of a running statistic; the tensor is told where training writes into it."""
    if not isinstance(running, Tensor):
        return running
    running._changed()
    return running._memory()


def batch_norm(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """The recorded form of `fastnn.ops.batch_norm`; training updates the running statistics, tensors or arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import Tensor, batch_norm
    >>> x = Tensor(np.array([[1.0], [3.0]]), requires_grad=True)
    >>> batch_norm(x, None, None, training=True, eps=0.0).numpy()
    array([[-1.],
           [ 1.]])
    """
    x, weight, bias = as_tensor(x), _optional(weight), _optional(bias)
    read = _memory if training else (lambda t: t.data if isinstance(t, Tensor) else t)
    running = read(running_mean), read(running_var)
    norm = ChannelNorm("batch_norm", x.data, *running, _data(weight), _data(bias), training, eps)
    return _record("batch_norm", norm.result(None, momentum), norm, x, weight, bias)


def instance_norm(
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """The recorded form of `fastnn.ops.instance_norm`."""
    x, weight, bias = as_tensor(x), _optional(weight), _optional(bias)
    read = _memory if use_input_stats else (lambda t: t.data if isinstance(t, Tensor) else t)
    running = read(running_mean), read(running_var)
    arguments = (*running, _data(weight), _data(bias), use_input_stats, eps)
    norm = ChannelNorm("instance_norm", x.data, *arguments, instances=True)
    return _record("instance_norm", norm.result(None, momentum), norm, x, weight, bias)


def layer_norm(x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """The recorded form of `fastnn.ops.layer_norm`."""
    x, weight, bias = as_tensor(x), _optional(weight), _optional(bias)
    norm = layer_normed("layer_norm", x.data, normalized_shape, _data(weight), _data(bias), eps)
    return _record("layer_norm", norm.result(), norm, x, weight, bias)


def group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """The recorded form of `fastnn.ops.group_norm`."""
    x, weight, bias = as_tensor(x), _optional(weight), _optional(bias)
    norm = group_normed("group_norm", x.data, num_groups, _data(weight), _data(bias), eps)
    return _record("group_norm", norm.result(), norm, x, weight, bias)


def local_response_norm(x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """The recorded form of `fastnn.ops.local_response_norm`."""
    x = as_tensor(x)
    xd, numbers = x.data, (size, alpha, beta, k)
    y = ops.local_response_norm(xd, *numbers)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.local_response_norm_grad_input(gy, xd, *numbers),)

    return record(y, (x,), backward, (x,))
