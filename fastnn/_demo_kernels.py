"""The table at the end of `fastnn demo`: each kernel of the network against the NumPy reference."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import _reference, ops

Row = dict[str, Any]
_TOLERANCE = 1e-3  # of the largest value; float32 sums of up to a few thousand products differ by less
_BUDGET = 0.15  # seconds of measuring per kernel and side


def measure(channels: int, height: int, width: int, classes: int, batch: int) -> list[Row]:
    """Check each kernel against the reference, then time both; milliseconds, medians."""
    rows = []
    for name, shape, ours, theirs in _cases(channels, height, width, classes, batch):
        found, expected = np.asarray(ours()), theirs()
        error = float(np.abs(found - expected).max() / max(float(np.abs(expected).max()), 1e-30))
        if not error < _TOLERANCE:
            raise RuntimeError(f"{name}: differs from the reference by {error:.1e}")
        fast, slow = _median_ms(ours), _median_ms(theirs)
        rows.append(
            {"kernel": name, "shape": shape, "fastnn_ms": fast, "numpy_ms": slow, "speedup": slow / fast}
        )
    return rows


def _median_ms(call: Callable[[], Any]) -> float:
    """Median time of a call, of as many as fit into the budget, at least three."""
    times: list[float] = []
    deadline = time.perf_counter() + _BUDGET
    while len(times) < 3 or (time.perf_counter() < deadline and len(times) < 1000):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e3


def _cases(
    channels: int, height: int, width: int, classes: int, batch: int
) -> list[tuple[str, str, Any, Any]]:
    """(name, shape, call of fastnn, call of the reference) for every kernel of a training step."""
    random = np.random.default_rng(0)

    def normal(*shape: int) -> Any:
        return random.standard_normal(shape, dtype=np.float32)

    h2, w2, h4, w4 = height // 2, width // 2, height // 4, width // 4
    features = 32 * h4 * w4
    first = _convolution(
        "conv1", normal(batch, channels, height, width), normal(16, channels, 3, 3), normal(16), False
    )
    second = _convolution("conv2", normal(batch, 16, h2, w2), normal(32, 16, 3, 3), normal(32), True)
    x1, x2 = normal(batch, 16, height, width), normal(batch, 32, h2, w2)
    flat, hidden, scores = normal(batch, features), normal(batch, 64), normal(batch, classes)
    a1, a2, b1, b2 = normal(64, features), normal(classes, 64), normal(64), normal(classes)
    blocked1, blocked2 = ops.blocked(x1), ops.blocked(x2)
    return [
        *first,
        ("relu1", _text(x1), lambda: ops.relu(blocked1), lambda: _reference.relu(x1)),
        ("pool1 2x2", _text(x1), lambda: ops.max_pool2d(blocked1, 2), lambda: _reference.max_pool2d(x1, 2)),
        *second,
        ("pool2 2x2", _text(x2), lambda: ops.max_pool2d(blocked2, 2), lambda: _reference.max_pool2d(x2, 2)),
        (
            "linear1",
            f"{_text(flat)} -> 64",
            lambda: ops.linear(flat, a1, b1),
            lambda: _reference.linear(flat, a1, b1),
        ),
        (
            "linear2",
            f"{_text(hidden)} -> {classes}",
            lambda: ops.linear(hidden, a2, b2),
            lambda: _reference.linear(hidden, a2, b2),
        ),
        ("softmax", _text(scores), lambda: ops.softmax(scores), lambda: _reference.softmax(scores)),
    ]


def _convolution(name: str, x: Any, w: Any, b: Any, inner: bool) -> list[tuple[str, str, Any, Any]]:
    """Forward and gradients of a 3x3 convolution as the network runs them: an inner one on Blocked images."""
    image: Any = ops.blocked(x) if inner else x
    packed = ops.pack_conv2d(w, b, padding=1)
    y = _reference.conv2d(x, w, b, padding=1)
    gy = ops.blocked(y)
    out = ops.Blocked.empty(y.shape, y.dtype)
    shape = f"{_text(x)} -> {w.shape[0]}"
    cases = [
        (
            f"{name} 3x3",
            shape,
            lambda: packed(image, out=out),
            lambda: _reference.conv2d(x, w, b, padding=1),
        ),
        (
            f"{name} grad weight",
            shape,
            lambda: ops.conv2d_grad_weight(gy, image, w.shape, padding=1),
            lambda: _reference.conv2d_grad_weight(y, x, w.shape, padding=1),
        ),
    ]
    if inner:  # the first layer's input needs no gradient
        cases.append(
            (
                f"{name} grad input",
                shape,
                lambda: ops.conv2d_grad_input(gy, w, x.shape, padding=1),
                lambda: _reference.conv2d_grad_input(y, w, x.shape, padding=1),
            )
        )
    return cases


def _text(x: Any) -> str:
    return "x".join(str(n) for n in x.shape)


def kernel_table(rows: list[Row]) -> str:
    """The rows as aligned text."""
    lines = [("kernel", "shape", "fastnn", "NumPy", "speed-up")]
    for row in rows:
        figures = f"{row['fastnn_ms']:.3f}", f"{row['numpy_ms']:.3f}", f"{row['speedup']:.1f}x"
        lines.append((row["kernel"], row["shape"], *figures))
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    return "\n".join(
        "  ".join(
            text.ljust(n) if i < 2 else text.rjust(n)
            for i, (text, n) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
