"""Normalisation on GPU arrays; see `fastnn.ops.batch_norm` and `layer_norm` for what the functions mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from fastnn.ops._checks import integer, number
from fastnn.ops._gpu._arguments import as_array, result
from fastnn.ops._norm import positive_eps
from fastnn.ops.layer_norm import normalized_shape_of

if TYPE_CHECKING:
    from fastnn.cuda._arrays import GPUArray


def optional(op: str, name: str, value: Any, like: GPUArray, shape: tuple[int, ...]) -> GPUArray | None:
    return None if value is None else as_array(op, name, value, like, shape)


def image(op: str, name: str, x: Any, least: int = 2) -> GPUArray:
    data = as_array(op, name, x)
    if len(data.shape) < least:
        raise ValueError(f"{op}: {name} must have at least {least} dimensions [N, C, ...], got shape {data.shape}")
    return data


def view(x: GPUArray) -> tuple[int, int, int]:
    return x.shape[0], x.shape[1], prod(x.shape[2:])


def running_statistics(op: str, mean: Any, var: Any, like: GPUArray, written: bool) -> tuple[Any, Any]:
    """Running statistics [C], or None and None."""
    if (mean is None) != (var is None):
        raise ValueError(f"{op}: running_mean and running_var must both be given, or neither")
    found = []
    for name, value in (("running_mean", mean), ("running_var", var)):
        found.append(optional(op, name, value, like, like.shape[1:2]))
        if written and value is not None and not _is_its_own(found[-1], value):
            raise ValueError(f"{op}: {name} is not contiguous: training updates it in place")
    return found[0], found[1]


def _is_its_own(found: Any, value: Any) -> bool:
    return found.array is value or found.pointer == getattr(value, "data_ptr", lambda: None)()


def needs_statistics(op: str, x: GPUArray, training: bool, count: int, running: Any) -> None:
    if training and count == 1 and x.size:
        raise ValueError(f"{op}: shape {x.shape} has one value per channel; training needs more")
    if not training and running is None:
        raise ValueError(f"{op}: running_mean and running_var are needed where the input's statistics are not used")


def _batch_norm(
    x: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5, *, out: Any = None,
) -> Any:  # fmt: skip
    from fastnn.cuda import norm

    op = "batch_norm"
    data, spread, share = image(op, "x", x), positive_eps(op, eps), number(op, "momentum", momentum)
    n, c, pixels = view(data)
    w, b = (optional(op, name, value, data, (c,)) for name, value in (("weight", weight), ("bias", bias)))
    mean, var = running_statistics(op, running_mean, running_var, data, bool(training))
    needs_statistics(op, data, training, n * pixels, mean)
    y = result(op, out, data, data.shape, w, b, mean, var)
    if not data.size:
        return y.array
    found = norm.batch_statistics(data, n, c, pixels) if training else norm.Statistics(mean, var, True)
    norm.batch_norm(data, found, w, b, spread, c, pixels, y)
    if training and mean is not None:
        norm.update(found, mean, var, 1, share, n * pixels)
    return y.array


def _batch_found(op: str, gy: Any, x: Any, running_mean: Any, running_var: Any, training: bool) -> tuple[Any, ...]:
    """(gy, x, statistics or None of an empty x)."""
    from fastnn.cuda import norm

    data = image(op, "x", x)
    g = as_array(op, "gy", gy, data, data.shape)
    n, c, pixels = view(data)
    mean, var = running_statistics(op, running_mean, running_var, data, False)
    needs_statistics(op, data, training, n * pixels, mean)
    if not data.size:
        return g, data, None
    return g, data, norm.batch_statistics(data, n, c, pixels) if training else norm.Statistics(mean, var, True)


def _batch_norm_grad_input(
    gy: Any, x: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, training: bool = False,
    eps: float = 1e-5,
) -> Any:  # fmt: skip
    from fastnn.cuda import norm

    op = "batch_norm_grad_input"
    g, data, found = _batch_found(op, gy, x, running_mean, running_var, training)
    w, spread = optional(op, "weight", weight, data, data.shape[1:2]), positive_eps(op, eps)
    gx = g.new(g.shape)
    if found is not None:
        norm.batch_norm_grad_input(g, data, found, w, view(data), spread, gx)
    return gx.array


def _batch_norm_grad_weight(
    gy: Any, x: Any, running_mean: Any = None, running_var: Any = None, training: bool = False, eps: float = 1e-5
) -> Any:
    from fastnn.cuda import norm

    op = "batch_norm_grad_weight"
    g, data, found = _batch_found(op, gy, x, running_mean, running_var, training)
    gw, spread = g.new(g.shape[1:2]), positive_eps(op, eps)
    if found is None:
        return zeros(gw)
    norm.row_of(norm.channel_gradients(g, data, found, view(data), spread), 1, g, gw)
    return gw.array


def zeros(y: GPUArray) -> Any:
    """y, filled with zeros: the sums of nothing."""
    from fastnn.cuda import gemm

    gemm.sum_parts(y, y, 0)
    return y.array


def channel_sums(op: str, gy: Any) -> Any:
    from fastnn.cuda import gemm

    g = image(op, "gy", gy)
    gb = g.new(g.shape[1:2])
    if not g.size:
        return zeros(gb)
    gemm.channel_sum(g, *view(g), gb)
    return gb.array


def _layer_norm(
    x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, *, out: Any = None
) -> Any:
    from fastnn.cuda import norm

    op = "layer_norm"
    data, spread = as_array(op, "x", x), positive_eps(op, eps)
    shape = normalized_shape_of(op, data.shape, normalized_shape)
    w, b = (optional(op, name, value, data, shape) for name, value in (("weight", weight), ("bias", bias)))
    y = result(op, out, data, data.shape, w, b)
    if data.size:
        norm.normalize_rows(data, w, b, prod(shape), 0, 1, spread, y)
    return y.array


def _layer_norm_grad_input(gy: Any, x: Any, normalized_shape: Any, weight: Any = None, eps: float = 1e-5) -> Any:
    from fastnn.cuda import norm

    op = "layer_norm_grad_input"
    data, spread = as_array(op, "x", x), positive_eps(op, eps)
    shape = normalized_shape_of(op, data.shape, normalized_shape)
    g, w = as_array(op, "gy", gy, data, data.shape), optional(op, "weight", weight, data, shape)
    gx = g.new(g.shape)
    if data.size:
        norm.gradient_rows(g, data, w, prod(shape), 0, 1, spread, gx)
    return gx.array


def _layer_norm_grad_weight(gy: Any, x: Any, normalized_shape: Any, eps: float = 1e-5) -> Any:
    from fastnn.cuda import norm

    op = "layer_norm_grad_weight"
    data, spread = as_array(op, "x", x), positive_eps(op, eps)
    shape = normalized_shape_of(op, data.shape, normalized_shape)
    g = as_array(op, "gy", gy, data, data.shape)
    gw = g.new(shape)
    if not data.size:
        return zeros(gw)
    norm.column_sums(g, data, prod(shape), spread, gw)
    return gw.array


def _layer_norm_grad_bias(gy: Any, normalized_shape: Any) -> Any:
    from fastnn.cuda import norm

    op = "layer_norm_grad_bias"
    g = as_array(op, "gy", gy)
    gb = g.new(normalized_shape_of(op, g.shape, normalized_shape, "gy"))
    if not g.size:
        return zeros(gb)
    norm.column_sums(g, None, gb.size, 0.0, gb)
    return gb.array


def _grouped(op: str, x: Any, num_groups: Any) -> tuple[GPUArray, int]:
    data, groups = image(op, "x", x), integer(op, "num_groups", num_groups, 1)
    if data.shape[1] % groups:
        raise ValueError(f"{op}: x has {data.shape[1]} channels, not a multiple of num_groups={num_groups}")
    return data, groups


def _group_norm(
    x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, *, out: Any = None
) -> Any:
    from fastnn.cuda import norm

    op = "group_norm"
    data, groups = _grouped(op, x, num_groups)
    _, c, pixels = view(data)
    w, b = (optional(op, name, value, data, (c,)) for name, value in (("weight", weight), ("bias", bias)))
    y, spread = result(op, out, data, data.shape, w, b), positive_eps(op, eps)
    if data.size:
        norm.normalize_rows(data, w, b, c // groups * pixels, groups, pixels, spread, y)
    return y.array


def _group_norm_grad_input(gy: Any, x: Any, num_groups: int, weight: Any = None, eps: float = 1e-5) -> Any:
    from fastnn.cuda import norm

    op = "group_norm_grad_input"
    data, groups = _grouped(op, x, num_groups)
    _, c, pixels = view(data)
    g, w = as_array(op, "gy", gy, data, data.shape), optional(op, "weight", weight, data, (c,))
    gx, spread = g.new(g.shape), positive_eps(op, eps)
    if data.size:
        norm.gradient_rows(g, data, w, c // groups * pixels, groups, pixels, spread, gx)
    return gx.array


def _group_norm_grad_weight(gy: Any, x: Any, num_groups: int, eps: float = 1e-5) -> Any:
    from fastnn.cuda import norm

    op = "group_norm_grad_weight"
    data, groups = _grouped(op, x, num_groups)
    n, c, pixels = view(data)
    g = as_array(op, "gy", gy, data, data.shape)
    gw, spread = g.new((c,)), positive_eps(op, eps)
    if not data.size:
        return zeros(gw)
    found = norm.row_statistics(data, c // groups * pixels)
    sums = norm.channel_gradients(g, data, found, (n, c, pixels), spread, groups, c // groups)
    norm.row_of(sums, 1, g, gw)
    return gw.array


TWINS: dict[str, Callable[..., Any]] = {
    "batch_norm": _batch_norm,
    "batch_norm_grad_input": _batch_norm_grad_input,
    "batch_norm_grad_weight": _batch_norm_grad_weight,
    "batch_norm_grad_bias": partial(channel_sums, "batch_norm_grad_bias"),
    "layer_norm": _layer_norm,
    "layer_norm_grad_input": _layer_norm_grad_input,
    "layer_norm_grad_weight": _layer_norm_grad_weight,
    "layer_norm_grad_bias": _layer_norm_grad_bias,
    "group_norm": _group_norm,
    "group_norm_grad_input": _group_norm_grad_input,
    "group_norm_grad_weight": _group_norm_grad_weight,
    "group_norm_grad_bias": partial(channel_sums, "group_norm_grad_bias"),
}
