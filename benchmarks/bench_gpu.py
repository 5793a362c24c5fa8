"""``python -m benchmarks gpu``: every GPU kernel next to PyTorch (cuDNN, TF32 off and on) and next to its floor.

The floor is the larger of bytes over the measured copy bandwidth and operations over the peak of float32. Each result
is checked in float64 first. Times are medians of device events over inputs that rotate through more than the L2 cache.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

ROTATED_BYTES = 200e6  # four times the L2 cache of an H100
PEAK = 67e12  # float32 operations a second without tensor cores: datasheet of H100 and H200 SXM
MAX_ERROR = 1e-5  # relative norm against float64


class Case(NamedTuple):
    """`shapes` of the float32 inputs; two functions of them; operations (0 where memory alone counts)."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    fastnn: Callable[..., Any]
    torch: Callable[..., Any]
    operations: float = 0.0


def cases() -> list[Case]:
    """The layers of the design's table, forward and backward."""
    import torch
    import torch.nn.functional as F

    from fastnn import ops

    grad = torch.ops.aten.convolution_backward

    def conv(name: str, n: int, c: int, size: int, oc: int, k: int, stride: int = 1, groups: int = 1) -> list[Case]:
        pad, out = k // 2, (size + 2 * (k // 2) - k) // stride + 1
        x, w, y = (n, c, size, size), (oc, c // groups, k, k), (n, oc, out, out)
        work = 2.0 * math.prod(y) * math.prod(w[1:])
        args = (stride, pad, 1, groups)
        back = ([stride] * 2, [pad] * 2, [1, 1], False, [0, 0], groups)
        return [
            Case(name, (x, w), lambda a, b: ops.conv2d(a, b, None, *args),
                 lambda a, b: F.conv2d(a, b, None, *args), work),
            Case(f"{name} grad_input", (y, w), lambda g, b: ops.conv2d_grad_input(g, b, x, *args),
                 lambda g, b: grad(g, g.new_empty(x), b, None, *back, [True, False, False])[0], work),
            Case(f"{name} grad_weight", (y, x), lambda g, a: ops.conv2d_grad_weight(g, a, w, *args),
                 lambda g, a: grad(g, a, a.new_empty(w), None, *back, [False, True, False])[1], work),
        ]  # fmt: skip

    image, row = (32, 64, 112, 112), (8192, 1024)
    pooled = (32, 64, 56, 56)
    return [
        Case("max_pool 3x3 s2", (image,), lambda x: ops.max_pool2d(x, 3, 2, 1), lambda x: F.max_pool2d(x, 3, 2, 1)),
        Case("avg_pool 2x2", (image,), lambda x: ops.avg_pool2d(x, 2), lambda x: F.avg_pool2d(x, 2)),
        Case("avg_pool 2x2 grad", (pooled,), lambda g: ops.avg_pool2d_grad_input(g, image, 2),
             lambda g: torch.ops.aten.avg_pool2d_backward(g, g.new_empty(image), 2, [2, 2], 0, False, True, None)),
        Case("global avg_pool", ((32, 2048, 7, 7),), lambda x: ops.adaptive_avg_pool2d(x, 1),
             lambda x: F.adaptive_avg_pool2d(x, 1)),
        Case("relu", (image,), ops.relu, torch.relu),
        Case("gelu", (image,), ops.gelu, F.gelu),
        Case("gelu grad", (image, image), ops.gelu_grad_input, torch.ops.aten.gelu_backward),
        Case("softmax", (row,), ops.softmax, lambda x: torch.softmax(x, -1)),
        Case("log_softmax grad", (row, row), ops.log_softmax_grad_input,
             lambda g, y: torch.ops.aten._log_softmax_backward_data(g, y, -1, y.dtype)),
        *conv("conv 7x7 s2 3-64 @224", 32, 3, 224, 64, 7, 2),
        *conv("conv 3x3 64-64 @56", 32, 64, 56, 64, 3),
        *conv("conv 3x3 256-256 @56", 32, 256, 56, 256, 3),
        *conv("conv 1x1 256-64 @56", 32, 256, 56, 64, 1),
        *conv("depthwise 3x3 144 @56", 32, 144, 56, 144, 3, 1, 144),
        Case("conv_transpose 4x4 s2 256-128", ((32, 256, 32, 32), (256, 128, 4, 4)),
             lambda x, w: ops.conv_transpose2d(x, w, None, 2, 1),
             lambda x, w: F.conv_transpose2d(x, w, None, 2, 1), 34.4e9),
        Case("linear 4096^3", ((4096, 4096), (4096, 4096)), ops.linear, F.linear, 2.0 * 4096**3),
    ]  # fmt: skip


def device_us(function: Callable[..., Any], inputs: list[Any], rounds: int) -> float:
    """Microseconds of one call on the device: the median of `rounds` runs over all inputs."""
    import torch

    for each in inputs[:2]:
        function(*each)
    times = []
    for _ in range(rounds):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for each in inputs:
            function(*each)
        stop.record()
        stop.synchronize()
        times.append(start.elapsed_time(stop) * 1e3 / len(inputs))
    return statistics.median(times)


def host_us(function: Callable[..., Any], argument: Any, calls: int = 200) -> float:
    """Microseconds until one warm call has returned on the host."""
    import torch

    function(argument)
    torch.cuda.synchronize()
    times = []
    for _ in range(calls):
        before = time.perf_counter()
        function(argument)
        times.append(time.perf_counter() - before)
    torch.cuda.synchronize()
    return statistics.median(times) * 1e6


def copy_bandwidth() -> float:
    """Bytes read and written a second by a copy of 512 MiB."""
    import torch

    x = torch.empty(1 << 27, device="cuda")
    y = torch.empty_like(x)
    return 2 * x.nbytes / (device_us(y.copy_, [(x,)] * 5, 5) * 1e-6)


def _tf32(on: bool) -> None:
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = on


def measure(case: Case, bandwidth: float, rounds: int) -> str:
    """The case's line in the table."""
    import torch

    made = [torch.randn(shape, device="cuda") for shape in case.shapes]
    try:
        found = case.fastnn(*made)
    except NotImplementedError as error:
        return f"{case.name:34} {error}"
    exact = case.torch(*(x.double() for x in made))
    error = float((found.double() - exact).norm() / exact.norm())
    if not error <= MAX_ERROR:
        return f"{case.name:34} WRONG: relative error {error:.1e}, allowed {MAX_ERROR:.0e}"
    size = sum(x.nbytes for x in made) + found.nbytes
    count = max(2, min(64, math.ceil(ROTATED_BYTES / size)))
    inputs = [made] + [[torch.randn_like(x) for x in made] for _ in range(count - 1)]
    del exact, found
    own = device_us(case.fastnn, inputs, rounds)
    floor = max(size / bandwidth, case.operations / PEAK) * 1e6
    line = f"{case.name:34} {own:9.1f} {floor:9.1f} {floor / own:6.2f}"
    for on in (False, True) if case.operations else (False,):
        _tf32(on)
        peer = device_us(case.torch, inputs, rounds)
        line += f" {peer:9.1f} {peer / own:6.2f}"
    _tf32(False)
    return line


def run(rounds: int) -> int:
    """Build, check and time everything; 0, or 1 where a result was wrong, or 2 where there is nothing to run on."""
    from fastnn import cuda

    reason = cuda.missing()
    if reason is None:
        try:
            import torch
        except ImportError:
            reason = "PyTorch with CUDA is needed to compare with"
        else:
            reason = None if torch.cuda.is_available() else "PyTorch finds no GPU"
    if reason:
        print(f"gpu: nothing was timed: {reason}")
        return 2
    from fastnn import ops

    started = time.perf_counter()
    ready = cuda.warmup()
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}; {time.strftime('%Y-%m-%d')}")
    print(f"{ready} kernels of float32 compiled or read from disk in {time.perf_counter() - started:.1f} s")
    _tf32(False)
    bandwidth = copy_bandwidth()
    print(f"copy {bandwidth / 1e12:.2f} TB/s; float32 peak {PEAK / 1e12:.0f} TFLOP/s (datasheet)")
    small = torch.randn(64, device="cuda")
    print(f"host time of a warm call: ops.relu {host_us(ops.relu, small):.1f} us, torch.relu "
          f"{host_us(torch.relu, small):.1f} us")  # fmt: skip
    print(f"{'us':34} {'fastnn':>9} {'floor':>9} {'of it':>6} {'torch':>9} {'ratio':>6} {'TF32':>9} {'ratio':>6}")
    wrong = False
    for case in cases():
        line = measure(case, bandwidth, rounds)
        wrong |= "WRONG" in line
        print(line, flush=True)
    print(f"{time.perf_counter() - started:.0f} s in all")
    return int(wrong)
