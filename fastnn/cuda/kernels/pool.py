"""Pooling on planes [count][d][h][w]: one thread per output, and backward one thread per input that gathers from the
windows which cover it: no atomics, the same bits at every run.

A window is twelve integers (kernel, stride, padding, dilation on three axes), closed over; None means adaptive: output
o of an axis covers floor(o size / out) up to ceil((o + 1) size / out) - 1. Maxima: the first of a window wins, a NaN
wins over everything, the last NaN over others (as csrc/kernels/pool.h).
"""

from typing import Any

from fastnn.cuda._cuda import cuda, helper, real_of, udiv, wide_of

_SIZES = ("i32",) * 7  # number of threads, input d h w, output d h w


@helper
def first(o, size, out, adaptive, stride, padding, dilation):
    """The first position of window o that lies inside."""
    if adaptive:
        return udiv(o * size, out)
    start = o * stride - padding
    if start < 0:
        start += udiv(dilation - 1 - start, dilation) * dilation
    return start


@helper
def end(o, size, out, adaptive, kernel, stride, padding, dilation):
    """One past the last position of window o that lies inside."""
    if adaptive:
        return udiv((o + 1) * size + out - 1, out)
    stop = o * stride - padding + (kernel - 1) * dilation + 1
    return stop if stop < size else size


@helper
def first_over(z, size, out, adaptive, kernel, stride, padding, dilation):
    """The first window that may cover position z."""
    if adaptive:
        return udiv(z * out, size)
    reach = z + padding - (kernel - 1) * dilation
    return udiv(reach + stride - 1, stride) if reach > 0 else 0


@helper
def end_over(z, size, out, adaptive, stride, padding):
    """One past the last window that may cover position z."""
    if adaptive:
        return udiv((z + 1) * out + size - 1, size)
    stop = udiv(z + padding, stride) + 1
    return stop if stop < out else out


@helper
def counted(o, size, kernel, stride, padding):
    """How many positions of window o count in a mean with padding: those behind the padding do not."""
    stop = o * stride - padding + kernel
    return (stop if stop < size + padding else size + padding) - (o * stride - padding)


def max_pool(real: str, window: Any, result: str) -> Any:
    """Maxima of windows. `result`: "y" the values, "both" values and positions as int64, "winner" positions alone as
    int32 (y is not written); positions are z h w + y w + x in the channel, -1 where a window is empty."""
    adaptive = window is None
    kz, ky, kx, sz, sy, sx, pz, py, px, dz, dy, dx = window or (1,) * 12
    narrow, wide = real_of(real), wide_of(real)
    lowest = wide(-float("inf"))
    values, positions = result != "winner", result != "y"

    def max_pool(x, y, where, count, xd, xh, xw, yd, yh, yw):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        rows = udiv(i, yw)
        ox = i - rows * yw
        slices = udiv(rows, yh)
        oy = rows - slices * yh
        plane = udiv(slices, yd)
        oz = slices - plane * yd
        base = plane * xd * xh * xw
        best, at = lowest, -1
        x0, x1 = first(ox, xw, yw, adaptive, sx, px, dx), end(ox, xw, yw, adaptive, kx, sx, px, dx)
        y0, y1 = first(oy, xh, yh, adaptive, sy, py, dy), end(oy, xh, yh, adaptive, ky, sy, py, dy)
        z0, z1 = first(oz, xd, yd, adaptive, sz, pz, dz), end(oz, xd, yd, adaptive, kz, sz, pz, dz)
        for z in range(z0, z1, dz):
            for row in range(y0, y1, dy):
                line = (z * xh + row) * xw
                for col in range(x0, x1, dx):
                    value = wide(x[base + line + col])
                    if value > best or value != value or at < 0:
                        best = value
                        at = line + col
        if values:
            y[i] = narrow(best)
        if positions:
            where[i] = at

    index = "i32*" if result == "winner" else "i64*"
    return max_pool, (f"{real}*", f"{real}*", index, *_SIZES)


def max_pool_grad_input(real: str, window: Any, rectified: bool) -> Any:
    """gx = sum of gy of the windows whose winner (int32) this position is; `rectified`: but where y <= 0."""
    adaptive = window is None
    kz, ky, kx, sz, sy, sx, pz, py, px, dz, dy, dx = window or (1,) * 12
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)

    def max_pool_grad_input(gy, winner, y, gx, count, xd, xh, xw, yd, yh, yw):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        rows = udiv(i, xw)
        col = i - rows * xw
        slices = udiv(rows, xh)
        row = rows - slices * xh
        plane = udiv(slices, xd)
        z = slices - plane * xd
        own = (z * xh + row) * xw + col
        total = zero
        x0, x1 = first_over(col, xw, yw, adaptive, kx, sx, px, dx), end_over(col, xw, yw, adaptive, sx, px)
        y0, y1 = first_over(row, xh, yh, adaptive, ky, sy, py, dy), end_over(row, xh, yh, adaptive, sy, py)
        z0, z1 = first_over(z, xd, yd, adaptive, kz, sz, pz, dz), end_over(z, xd, yd, adaptive, sz, pz)
        for oz in range(z0, z1):
            for oy in range(y0, y1):
                line = ((plane * yd + oz) * yh + oy) * yw
                for ox in range(x0, x1):
                    if winner[line + ox] == own and not (rectified and wide(y[line + ox]) <= zero):
                        total += wide(gy[line + ox])
        gx[i] = narrow(total)

    return max_pool_grad_input, (f"{real}*", "i32*", f"{real}*", f"{real}*", *_SIZES)


def avg_pool(real: str, window: Any, with_padding: bool, divided: bool) -> Any:
    """Means of windows: sums over `divisor` where `divided`, else over the number of positions, the padding's among
    them or not."""
    adaptive = window is None
    kz, ky, kx, sz, sy, sx, pz, py, px, *_ = window or (1,) * 12
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)

    def avg_pool(x, y, divisor, count, xd, xh, xw, yd, yh, yw):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        rows = udiv(i, yw)
        ox = i - rows * yw
        slices = udiv(rows, yh)
        oy = rows - slices * yh
        plane = udiv(slices, yd)
        oz = slices - plane * yd
        base = plane * xd * xh * xw
        total = zero
        x0, x1 = first(ox, xw, yw, adaptive, sx, px, 1), end(ox, xw, yw, adaptive, kx, sx, px, 1)
        y0, y1 = first(oy, xh, yh, adaptive, sy, py, 1), end(oy, xh, yh, adaptive, ky, sy, py, 1)
        z0, z1 = first(oz, xd, yd, adaptive, sz, pz, 1), end(oz, xd, yd, adaptive, kz, sz, pz, 1)
        for z in range(z0, z1):
            for row in range(y0, y1):
                line = base + (z * xh + row) * xw
                for col in range(x0, x1):
                    total += wide(x[line + col])
        if divided:
            share = divisor
        elif with_padding and not adaptive:
            share = wide(counted(oz, xd, kz, sz, pz) * counted(oy, xh, ky, sy, py) * counted(ox, xw, kx, sx, px))
        else:
            share = wide((z1 - z0) * (y1 - y0) * (x1 - x0))
        y[i] = narrow(total / share) if total != zero else narrow(zero)

    return avg_pool, (f"{real}*", f"{real}*", "f64" if real == "f64" else "f32", *_SIZES)


def avg_pool_grad_input(real: str, window: Any, with_padding: bool, divided: bool) -> Any:
    """gx = sum over the windows that cover this position of gy over the divisor of `avg_pool`."""
    adaptive = window is None
    kz, ky, kx, sz, sy, sx, pz, py, px, *_ = window or (1,) * 12
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)

    def avg_pool_grad_input(gy, gx, divisor, count, xd, xh, xw, yd, yh, yw):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        rows = udiv(i, xw)
        col = i - rows * xw
        slices = udiv(rows, xh)
        row = rows - slices * xh
        plane = udiv(slices, xd)
        z = slices - plane * xd
        total = zero
        x0, x1 = first_over(col, xw, yw, adaptive, kx, sx, px, 1), end_over(col, xw, yw, adaptive, sx, px)
        y0, y1 = first_over(row, xh, yh, adaptive, ky, sy, py, 1), end_over(row, xh, yh, adaptive, sy, py)
        z0, z1 = first_over(z, xd, yd, adaptive, kz, sz, pz, 1), end_over(z, xd, yd, adaptive, sz, pz)
        for oz in range(z0, z1):
            for oy in range(y0, y1):
                line = ((plane * yd + oz) * yh + oy) * yw
                for ox in range(x0, x1):
                    if divided:
                        share = divisor
                    elif with_padding and not adaptive:
                        tall = counted(oz, xd, kz, sz, pz) * counted(oy, xh, ky, sy, py)
                        share = wide(tall * counted(ox, xw, kx, sx, px))
                    else:
                        deep = end(oz, xd, yd, adaptive, kz, sz, pz, 1) - first(oz, xd, yd, adaptive, sz, pz, 1)
                        tall = end(oy, xh, yh, adaptive, ky, sy, py, 1) - first(oy, xh, yh, adaptive, sy, py, 1)
                        broad = end(ox, xw, yw, adaptive, kx, sx, px, 1) - first(ox, xw, yw, adaptive, sx, px, 1)
                        share = wide(deep * tall * broad)
                    total += wide(gy[line + ox]) / share
        gx[i] = narrow(total)

    return avg_pool_grad_input, (f"{real}*", f"{real}*", "f64" if real == "f64" else "f32", *_SIZES)


def _square(kernel: int, stride: int, padding: int) -> tuple[int, ...]:
    return 1, kernel, kernel, 1, stride, stride, 0, padding, padding, 1, 1, 1


CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    *((max_pool, ("f32", w, result)) for w in (_square(3, 2, 1), None) for result in ("y", "both", "winner")),
    *((max_pool, (real, _square(3, 2, 1), "both")) for real in ("f64", "f16")),
    *((max_pool, (real, _square(2, 2, 0), "y")) for real in ("f32", "f16")),
    *((max_pool_grad_input, ("f32", w, relu)) for w in (_square(3, 2, 1), None) for relu in (False, True)),
    *((factory, ("f32", w, *how)) for factory in (avg_pool, avg_pool_grad_input)
      for w, how in ((_square(3, 2, 1), (True, False)), (_square(3, 2, 1), (False, True)), (None, (True, False)))),
    *((factory, ("f16", _square(2, 2, 0), True, False)) for factory in (avg_pool, avg_pool_grad_input)),
]  # fmt: skip
