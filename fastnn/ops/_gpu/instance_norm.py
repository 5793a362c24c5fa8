"""Instance norm on GPU arrays; see `fastnn.ops.instance_norm` for what the functions mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fastnn.ops._checks import number
from fastnn.ops._gpu._arguments import as_array, result
from fastnn.ops._gpu.norm import channel_sums, image, needs_statistics, optional, running_statistics, view, zeros
from fastnn.ops._norm import positive_eps


def _instance_norm(
    x: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5, *, out: Any = None,
) -> Any:  # fmt: skip
    from fastnn.cuda import norm

    op = "instance_norm"
    data, spread, share = image(op, "x", x, 3), positive_eps(op, eps), number(op, "momentum", momentum)
    n, c, pixels = view(data)
    w, b = (optional(op, name, value, data, (c,)) for name, value in (("weight", weight), ("bias", bias)))
    mean, var = running_statistics(op, running_mean, running_var, data, bool(use_input_stats))
    needs_statistics(op, data, use_input_stats, pixels, mean)
    y = result(op, out, data, data.shape, w, b, mean, var)
    if not data.size:
        return y.array
    if not use_input_stats:
        norm.batch_norm(data, norm.Statistics(mean, var, True), w, b, spread, c, pixels, y)
        return y.array
    found = norm.normalize_rows(data, w, b, pixels, c, pixels, spread, y)
    if mean is not None:
        norm.update(found, mean, var, n, share, pixels)
    return y.array


def _grad_input(
    gy: Any, x: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None,
    use_input_stats: bool = True, eps: float = 1e-5,
) -> Any:  # fmt: skip
    from fastnn.cuda import norm

    op = "instance_norm_grad_input"
    data, spread = image(op, "x", x, 3), positive_eps(op, eps)
    n, c, pixels = view(data)
    g, w = as_array(op, "gy", gy, data, data.shape), optional(op, "weight", weight, data, (c,))
    mean, var = running_statistics(op, running_mean, running_var, data, False)
    needs_statistics(op, data, use_input_stats, pixels, mean)
    gx = g.new(g.shape)
    if data.size and use_input_stats:
        norm.gradient_rows(g, data, w, pixels, c, pixels, spread, gx)
    elif data.size:
        norm.batch_norm_grad_input(g, data, norm.Statistics(mean, var, True), w, (n, c, pixels), spread, gx)
    return gx.array


def _grad_weight(
    gy: Any, x: Any, running_mean: Any = None, running_var: Any = None, use_input_stats: bool = True, eps: float = 1e-5
) -> Any:
    from fastnn.cuda import norm

    op = "instance_norm_grad_weight"
    data, spread = image(op, "x", x, 3), positive_eps(op, eps)
    n, c, pixels = view(data)
    g = as_array(op, "gy", gy, data, data.shape)
    mean, var = running_statistics(op, running_mean, running_var, data, False)
    needs_statistics(op, data, use_input_stats, pixels, mean)
    gw = g.new((c,))
    if not data.size:
        return zeros(gw)
    found = norm.row_statistics(data, pixels) if use_input_stats else norm.Statistics(mean, var, True)
    sums = norm.channel_gradients(g, data, found, (n, c, pixels), spread, c if use_input_stats else 0)
    norm.row_of(sums, 1, g, gw)
    return gw.array


TWINS: dict[str, Callable[..., Any]] = {
    "instance_norm": _instance_norm,
    "instance_norm_grad_input": _grad_input,
    "instance_norm_grad_weight": _grad_weight,
    "instance_norm_grad_bias": partial(channel_sums, "instance_norm_grad_bias"),
}
