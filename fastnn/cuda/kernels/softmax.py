"""Softmax and its logarithm over rows [rows][n]: one block per row, sums over threads in shared memory, forward beside
backward."""

from typing import Any

from fastnn.cuda._cuda import cuda, exp, log, real_of, wide_of

_ROWS = ("i32",)  # length of a row


def softmax(real: str, threads: int, logarithm: bool) -> Any:
    """y = e^(x - max) / sum, or x - max - ln sum."""
    narrow, wide = real_of(real), wide_of(real)
    zero, lowest = wide(0), wide(-float("inf"))

    def softmax(x, y, n):
        parts = cuda.shared.array(threads, wide, alignment=16)
        t = cuda.threadIdx.x
        base = cuda.blockIdx.x * n
        top = lowest
        for i in range(t, n, threads):
            value = wide(x[base + i])
            if value > top or value != value:
                top = value
        parts[t] = top
        cuda.syncthreads()
        top = parts[0]
        for i in range(1, threads):
            if parts[i] > top or parts[i] != parts[i]:
                top = parts[i]
        cuda.syncthreads()
        total = zero
        for i in range(t, n, threads):
            total += exp(wide(x[base + i]) - top)
        parts[t] = total
        cuda.syncthreads()
        total = zero
        for i in range(threads):
            total += parts[i]
        if logarithm:
            shift = log(total)
            for i in range(t, n, threads):
                y[base + i] = narrow(wide(x[base + i]) - top - shift)
        else:
            for i in range(t, n, threads):
                y[base + i] = narrow(exp(wide(x[base + i]) - top) / total)

    return softmax, (f"{real}*", f"{real}*", *_ROWS)


def softmax_grad(real: str, threads: int, logarithm: bool) -> Any:
    """gx = y (gy - sum gy y), or gy - e^y sum gy."""
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)

    def softmax_grad(gy, y, gx, n):
        parts = cuda.shared.array(threads, wide, alignment=16)
        t = cuda.threadIdx.x
        base = cuda.blockIdx.x * n
        total = zero
        for i in range(t, n, threads):
            if logarithm:
                total += wide(gy[base + i])
            else:
                total += wide(gy[base + i]) * wide(y[base + i])
        parts[t] = total
        cuda.syncthreads()
        total = zero
        for i in range(threads):
            total += parts[i]
        for i in range(t, n, threads):
            value = wide(y[base + i])
            if logarithm:
                gx[base + i] = narrow(wide(gy[base + i]) - exp(value) * total)
            else:
                gx[base + i] = narrow(value * (wide(gy[base + i]) - total))

    return softmax_grad, (f"{real}*", f"{real}*", f"{real}*", *_ROWS)


CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    (factory, (real, 64, logarithm))
    for factory in (softmax, softmax_grad)
    for real in ("f32", "f64", "f16")
    for logarithm in (False, True)
]
