"""How far a layer is from what the machine allows: its roofline.

The least time of a layer is the larger of two: its operations by the direct algorithm over the FMA peak, and the bytes
of x, w and y, each once, over the bandwidth of a copy. Both limits are measured in the same run. A share above 1 is
possible: Winograd does fewer operations, and arrays that stay in the caches move faster than the copy.
"""

from __future__ import annotations

import math

from .cases import ConvCase

# A training step does three products on the same arrays: the layer, its input's and its weight's gradient.
PRODUCTS = {"conv": 1, "backward": 3, "train": 1, "step": 1}


def roofline(case: ConvCase, job: str, peak_gflops: float | None, copy_gbs: float | None) -> dict[str, float | str]:
    """Return {"limit_ms", "binds"} of one call, ``binds`` being "FMA" or "memory"; {} without measured limits."""
    if not peak_gflops or not copy_gbs:
        return {}
    bytes_ = 4 * sum(math.prod(shape) for shape in (case.x_shape, case.w_shape, case.y_shape))
    compute, memory = 2e-6 * case.macs / peak_gflops, 1e-6 * bytes_ / copy_gbs
    return {"limit_ms": PRODUCTS[job] * max(compute, memory), "binds": "FMA" if compute >= memory else "memory"}


def available_bytes() -> int | None:
    """Memory that this machine can still give out; None where it does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return None


def needed_bytes(case: ConvCase, job: str, peers: int) -> int:
    """Memory of all peers together: each holds the arrays, its result, and for a while a copy of the latter."""
    x, w, y = (4 * math.prod(shape) for shape in (case.x_shape, case.w_shape, case.y_shape))
    return peers * (2 * (x + w) + 3 * y if job == "backward" else x + 2 * w + 2 * y)
