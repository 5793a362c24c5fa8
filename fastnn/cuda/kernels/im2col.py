"""Images [planes][h][w] as matrices [planes][kh kw][oh ow] of their windows, and back; one thread per result. Back is a
sum over taps in the order of (r, s), no atomics. `geometry`: (kernel, stride, dilation) on two axes, closed over."""

from typing import Any

from fastnn.cuda._cuda import cuda, real_of, udiv, wide_of
from fastnn.cuda.kernels.conv import gathered, strided

_SIZES = ("i32",) * 7  # number of threads, h w, oh ow, padding


def im2col(real: str, geometry: Any) -> Any:
    """cols[plane][r kw + s][i ow + j] = x[plane][i stride - padding + r dilation][...], 0 outside."""
    kh, kw, sh, sw, dh, dw = geometry
    narrow, wide, source = real_of(real), wide_of(real), strided
    zero = wide(0)

    def im2col(x, cols, count, h, w, oh, ow, ph, pw):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        line = udiv(i, ow)
        tap = udiv(line, oh)
        plane = udiv(tap, kh * kw)
        tap = tap - plane * (kh * kw)
        r = udiv(tap, kw)
        row = source(line - udiv(line, oh) * oh, r, h, sh, ph, dh)
        col = source(i - line * ow, tap - r * kw, w, sw, pw, dw)
        cols[i] = narrow(wide(x[(plane * h + row) * w + col]) if row >= 0 and col >= 0 else zero)

    return im2col, (f"{real}*", f"{real}*", *_SIZES)


def col2im(real: str, geometry: Any) -> Any:
    """The sum over taps of what `im2col` would have read here."""
    kh, kw, sh, sw, dh, dw = geometry
    narrow, wide, source = real_of(real), wide_of(real), gathered
    zero = wide(0)

    def col2im(cols, x, count, h, w, oh, ow, ph, pw):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        line = udiv(i, w)
        plane = udiv(line, h)
        total = zero
        for r in range(kh):
            oy = source(line - plane * h, r, oh, sh, ph, dh)
            for s in range(kw):
                ox = source(i - line * w, s, ow, sw, pw, dw)
                if oy >= 0 and ox >= 0:
                    total += wide(cols[((plane * kh * kw + r * kw + s) * oh + oy) * ow + ox])
        x[i] = narrow(total)

    return col2im, (f"{real}*", f"{real}*", *_SIZES)


CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    (factory, (real, (3, 3, 2, 2, 1, 1))) for factory in (im2col, col2im) for real in ("f32", "f64", "f16")
]
