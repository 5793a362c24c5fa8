"""Convolutions as products of matrices that are never stored (implicit GEMM): tiles of weights and of gathered pixels
in shared memory, as in gemm.py. One kernel convolves, or, `transposed`, gathers for the input's gradient; one computes
the weight's gradient; one sums directly where a group has few channels (depthwise).

Letters of a call: the image in [n][groups cg][id][ih][iw], the image out [n][groups mg][od][oh][ow]; k runs over cg
channels and the kernel's taps. `geometry`: (kernel, stride, dilation) on three axes, closed over, so that decoding k
divides by constants. Weights are [groups mg][cg][taps], transposed [groups cg][mg][taps].
"""

from typing import Any

from fastnn.cuda._cuda import cuda, helper, real_of, udiv, wide_of
from fastnn.cuda.kernels.activation import functions
from fastnn.cuda.kernels.gemm import LARGE, SMALL, Tile, multiplier

_SIZES = ("i32",) * 13  # n mg cg groups, image in, image out, padding


@helper
def strided(o, r, size, stride, padding, dilation):
    """The position that tap r of output position o reads on an axis, -1 outside."""
    found = o * stride - padding + r * dilation
    return found if 0 <= found < size else -1


@helper
def gathered(o, r, size, stride, padding, dilation):
    """The same where the convolution from the output to this image is `strided`: -1 where no window starts there."""
    reach = o + padding - r * dilation
    if reach < 0:
        return -1
    found = udiv(reach, stride)
    return found if found * stride == reach and found < size else -1


def conv(real: str, tile: Tile, geometry: Any, transposed: bool, biased: bool, activation: str) -> Any:
    """y = f(conv(x, w) + bias); blocks: x pixels of the whole batch, y output channels of a group, z groups."""
    bm, bn, bk, tm, tn = tile
    threads, across = tile.threads, bn // tn
    kd, kh, kw, sd, sh, sw, dd, dh, dw = geometry
    taps, area = kd * kh * kw, kh * kw
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)
    multiply, (function, _), source = multiplier(tile), functions(activation, real), gathered if transposed else strided
    a_size, b_size, own = bk * bm, bk * bn, tm * tn  # Numba takes no expressions as sizes
    a_loads, b_loads = a_size // threads, b_size // threads

    def conv(w, x, bias, y, p, q, n, mg, cg, groups, xd, xh, xw, yd, yh, yw, pd, ph, pw):
        at = cuda.shared.array(a_size, wide, alignment=16)
        bt = cuda.shared.array(b_size, wide, alignment=16)
        total = cuda.local.array(own, wide)
        rows = cuda.local.array(tm, wide)
        columns = cuda.local.array(tn, wide)
        t = cuda.threadIdx.x & (threads - 1)
        left, top = (t & (across - 1)) * tn, (t // across) * tm
        m0, p0 = (cuda.blockIdx.y * bm) & 0x7FFFFFFF, (cuda.blockIdx.x * bn) & 0x7FFFFFFF
        g = cuda.blockIdx.z
        k, pixels = cg * taps, yd * yh * yw
        for i in range(tm * tn):
            total[i] = zero
        # This thread gathers for one pixel.
        pixel = p0 + (t & (bn - 1))
        here = pixel < n * pixels
        image = udiv(pixel, pixels)
        rest = pixel - image * pixels
        line = udiv(rest, yw)
        ox = rest - line * yw
        oz = udiv(line, yh)
        oy = line - oz * yh
        base = (image * groups + g) * cg * xd * xh * xw
        for step in range(0, k, bk):
            for load in range(a_loads):
                e = t + load * threads
                row, kk = e // bk, e & (bk - 1)
                value = zero
                if m0 + row < mg and step + kk < k:
                    if transposed:
                        c = udiv(step + kk, taps)
                        tap = step + kk - c * taps
                        value = wide(w[((g * cg + c) * mg + m0 + row) * taps + tap])
                    else:
                        value = wide(w[(g * mg + m0 + row) * k + step + kk])
                at[kk * bm + row] = value
            for load in range(b_loads):
                kk = (t + load * threads) // bn
                value = zero
                if here and step + kk < k:
                    c = udiv(step + kk, taps)
                    tap = step + kk - c * taps
                    z = source(oz, udiv(tap, area), xd, sd, pd, dd)
                    r = source(oy, udiv(tap, kw) - udiv(tap, area) * kh, xh, sh, ph, dh)
                    s = source(ox, tap - udiv(tap, kw) * kw, xw, sw, pw, dw)
                    if z >= 0 and r >= 0 and s >= 0:
                        value = wide(x[base + ((c * xd + z) * xh + r) * xw + s])
                bt[kk * bn + (t & (bn - 1))] = value
            cuda.syncthreads()
            multiply(total, rows, columns, left, top, at, bt)
            cuda.syncthreads()
        for j in range(tn):
            column = p0 + left + j
            if column < n * pixels:
                image = udiv(column, pixels)
                rest = column - image * pixels
                for i in range(tm):
                    row = m0 + top + i
                    if row < mg:
                        value = total[i * tn + j]
                        if biased:
                            value += wide(bias[g * mg + row])
                        to = ((image * groups + g) * mg + row) * pixels + rest
                        y[to] = narrow(function(value, wide(p), wide(q)))

    number = "f64" if real == "f64" else "f32"
    return conv, (*(f"{real}*",) * 4, number, number, *_SIZES)


def conv_direct(real: str, geometry: Any, transposed: bool, biased: bool, activation: str) -> Any:
    """The same by one thread per output: for groups of so few channels that a tile would be mostly empty."""
    kd, kh, kw, sd, sh, sw, dd, dh, dw = geometry
    taps = kd * kh * kw
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)
    (function, _), source = functions(activation, real), gathered if transposed else strided

    def conv_direct(w, x, bias, y, p, q, n, mg, cg, groups, xd, xh, xw, yd, yh, yw, pd, ph, pw):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= n * groups * mg * yd * yh * yw:
            return
        line = udiv(i, yw)
        ox = i - line * yw
        slices = udiv(line, yh)
        oy = line - slices * yh
        plane = udiv(slices, yd)
        oz = slices - plane * yd
        image = udiv(plane, groups * mg)
        channel = plane - image * groups * mg
        g = udiv(channel, mg)
        total = wide(bias[channel]) if biased else zero
        for c in range(cg):
            base = ((image * groups + g) * cg + c) * xd * xh * xw
            first = ((g * cg + c) * mg + channel - g * mg) * taps if transposed else (channel * cg + c) * taps
            for a in range(kd):
                z = source(oz, a, xd, sd, pd, dd)
                for b in range(kh):
                    r = source(oy, b, xh, sh, ph, dh)
                    for d in range(kw):
                        s = source(ox, d, xw, sw, pw, dw)
                        if z >= 0 and r >= 0 and s >= 0:
                            total += wide(w[first + (a * kh + b) * kw + d]) * wide(x[base + (z * xh + r) * xw + s])
        y[i] = narrow(function(total, wide(p), wide(q)))

    number = "f64" if real == "f64" else "f32"
    return conv_direct, (*(f"{real}*",) * 4, number, number, *_SIZES)


def conv_grad_weight(real: str, tile: Tile, geometry: Any) -> Any:
    """gw [part][groups mg][cg][taps] = sum over pixels of gy x: k runs over the pixels of the batch in chunks, one for
    each part; blocks: x (channel, tap), y output channels of a group, z groups times parts."""
    bm, bn, bk, tm, tn = tile
    threads, across = tile.threads, bn // tn
    kd, kh, kw, sd, sh, sw, dd, dh, dw = geometry
    taps, area = kd * kh * kw, kh * kw
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)
    multiply, source = multiplier(tile), strided
    a_size, b_size, own = bk * bm, bk * bn, tm * tn  # Numba takes no expressions as sizes
    a_loads, b_loads = a_size // threads, b_size // threads

    def conv_grad_weight(gy, x, gw, parts, chunk, n, mg, cg, groups, xd, xh, xw, yd, yh, yw, pd, ph, pw):
        at = cuda.shared.array(a_size, wide, alignment=16)
        bt = cuda.shared.array(b_size, wide, alignment=16)
        total = cuda.local.array(own, wide)
        rows = cuda.local.array(tm, wide)
        columns = cuda.local.array(tn, wide)
        t = cuda.threadIdx.x & (threads - 1)
        left, top = (t & (across - 1)) * tn, (t // across) * tm
        m0, n0 = (cuda.blockIdx.y * bm) & 0x7FFFFFFF, (cuda.blockIdx.x * bn) & 0x7FFFFFFF
        g = udiv(cuda.blockIdx.z, parts)
        part = cuda.blockIdx.z - g * parts
        width, pixels = cg * taps, yd * yh * yw
        k0 = part * chunk
        k1 = k0 + chunk if k0 + chunk < n * pixels else n * pixels
        for i in range(tm * tn):
            total[i] = zero
        # This thread gathers for one channel and tap.
        column = n0 + (t & (bn - 1))
        here = column < width
        c = udiv(column, taps)
        tap = column - c * taps
        a = udiv(tap, area)
        b = udiv(tap, kw) - a * kh
        d = tap - udiv(tap, kw) * kw
        for step in range(k0, k1, bk):
            for load in range(a_loads):
                e = t + load * threads
                row, kk = e // bk, e & (bk - 1)
                value = zero
                if m0 + row < mg and step + kk < k1:
                    image = udiv(step + kk, pixels)
                    value = wide(gy[((image * groups + g) * mg + m0 + row) * pixels + step + kk - image * pixels])
                at[kk * bm + row] = value
            for load in range(b_loads):
                kk = (t + load * threads) // bn
                value = zero
                if here and step + kk < k1:
                    image = udiv(step + kk, pixels)
                    rest = step + kk - image * pixels
                    line = udiv(rest, yw)
                    oz = udiv(line, yh)
                    z = source(oz, a, xd, sd, pd, dd)
                    r = source(line - oz * yh, b, xh, sh, ph, dh)
                    s = source(rest - line * yw, d, xw, sw, pw, dw)
                    if z >= 0 and r >= 0 and s >= 0:
                        value = wide(x[((((image * groups + g) * cg + c) * xd + z) * xh + r) * xw + s])
                bt[kk * bn + (t & (bn - 1))] = value
            cuda.syncthreads()
            multiply(total, rows, columns, left, top, at, bt)
            cuda.syncthreads()
        for i in range(tm):
            for j in range(tn):
                row, column = m0 + top + i, n0 + left + j
                if row < mg and column < width:
                    gw[((part * groups + g) * mg + row) * width + column] = narrow(total[i * tn + j])

    return conv_grad_weight, (*(f"{real}*",) * 3, "i32", "i32", *_SIZES)


def _image(kernel: int, stride: int = 1) -> tuple[int, ...]:
    return 1, kernel, kernel, 1, stride, stride, 1, 1, 1


CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    *((conv, ("f32", tile, _image(*how), transposed, False, "none")) for tile, how, transposed in (
        (LARGE, (3,), False), (LARGE, (3,), True), (LARGE, (1,), False), (LARGE, (7, 2), False),
        (SMALL, (3, 2), False), (SMALL, (3, 2), True))),
    *((conv, ("f32", LARGE, _image(3), False, True, activation)) for activation in ("none", "relu")),
    *((conv, (real, SMALL, _image(3), False, True, "none")) for real in ("f16", "f64")),
    *((conv_direct, ("f32", _image(3, stride), transposed, True, "none")) for stride, transposed in (
        (1, False), (2, True))),
    *((conv_grad_weight, ("f32", tile, _image(*how))) for tile, how in ((LARGE, (3,)), (SMALL, (7, 2)))),
]  # fmt: skip
