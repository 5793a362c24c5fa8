"""Normalisation. Channels are seen as [n][c][pixels] (batch norm), rows as runs of their own (layer and group norm).
Means first, then squares of what is left, in the arrays' own precision: a large mean costs only its own rounding.

Sums go over the threads of a block as a tree and over parts of a channel in their order: the same bits at every run.
The statistics of an element are at ``image * images + channel / per``: batch norm 0 and 1, group norm the number of
groups and the channels of one.
"""

from math import sqrt
from typing import Any

from fastnn.cuda._cuda import barrier, cuda, helper, real_of, udiv, wide_of


def _scalar(real: str) -> str:
    return "f64" if real == "f64" else "f32"


@helper
def total(parts, t, value, threads):
    """The sum of the values of all threads of the block, a power of two."""
    parts[t] = value
    barrier()
    step = threads >> 1
    while step > 0:
        if t < step:
            parts[t] += parts[t + step]
        barrier()
        step >>= 1
    found = parts[0]
    barrier()
    return found


def statistics(real: str, threads: int) -> Any:
    """mean and sum of squared deviations of `splits` parts of each channel: parts[channel][split][2]."""
    wide = wide_of(real)
    zero = wide(0)

    def statistics(x, parts, n, c, pixels, splits):
        shared = cuda.shared.array(threads, wide)
        t = cuda.threadIdx.x
        channel = udiv(cuda.blockIdx.x, splits)
        split = cuda.blockIdx.x - channel * splits
        share = udiv(n * pixels + splits - 1, splits)
        begin = split * share
        end = begin + share if begin + share < n * pixels else n * pixels
        images = udiv(threads, pixels)
        rest = threads - images * pixels
        own = udiv(begin + t, pixels)
        place = begin + t - own * pixels
        image, pixel, value = own, place, zero
        for _ in range(begin + t, end, threads):
            value += wide(x[(image * c + channel) * pixels + pixel])
            image, pixel = image + images, pixel + rest
            if pixel >= pixels:
                image, pixel = image + 1, pixel - pixels
        mean = total(shared, t, value, threads) / wide(end - begin if end > begin else 1)
        image, pixel, value = own, place, zero
        for _ in range(begin + t, end, threads):
            d = wide(x[(image * c + channel) * pixels + pixel]) - mean
            value += d * d
            image, pixel = image + images, pixel + rest
            if pixel >= pixels:
                image, pixel = image + 1, pixel - pixels
        squares = total(shared, t, value, threads)
        if t == 0:
            parts[cuda.blockIdx.x * 2], parts[cuda.blockIdx.x * 2 + 1] = mean, squares

    return statistics, (f"{real}*", f"{_scalar(real)}*", *("i32",) * 4)


def combine(real: str) -> Any:
    """mean and biased variance of each channel from its parts (Chan, Golub, LeVeque 1983)."""
    wide = wide_of(real)
    zero = wide(0)

    def combine(parts, mean, var, c, count, splits):
        channel = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if channel >= c:
            return
        share = udiv(count + splits - 1, splits)
        seen, center, squares = 0, zero, zero
        for split in range(splits):
            more = share if seen + share < count else count - seen
            if more > 0:
                at = (channel * splits + split) * 2
                d, part = parts[at] - center, wide(more) / wide(seen + more)
                center += d * part
                squares += parts[at + 1] + d * d * part * wide(seen)
                seen += more
        mean[channel] = center
        var[channel] = squares / wide(count)

    kind = f"{_scalar(real)}*"
    return combine, (kind, kind, kind, *("i32",) * 3)


def update(real: str) -> Any:
    """running = (1 - momentum) running + momentum batch; the statistics of a channel are n, c apart."""
    narrow, wide = real_of(real), wide_of(real)
    zero, one = wide(0), wide(1)

    def update(mean, var, running_mean, running_var, n, c, momentum, unbiased):
        channel = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if channel >= c:
            return
        center, spread = zero, zero
        for image in range(n):
            center += mean[image * c + channel]
            spread += var[image * c + channel]
        center, spread = center / wide(n), spread / wide(n) * unbiased
        running_mean[channel] = narrow((one - momentum) * wide(running_mean[channel]) + momentum * center)
        running_var[channel] = narrow((one - momentum) * wide(running_var[channel]) + momentum * spread)

    number = _scalar(real)
    return update, (f"{number}*", f"{number}*", f"{real}*", f"{real}*", "i32", "i32", number, number)


def normalize_channels(real: str, weighted: bool, biased: bool, running: bool) -> Any:
    """y = (x - mean) / sqrt(var + eps) weight + bias; `running`: mean and var are arrays of `real`."""
    narrow, wide = real_of(real), wide_of(real)
    one = wide(1)

    def normalize_channels(x, mean, var, weight, bias, y, count, c, pixels, eps):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        plane = udiv(i, pixels)
        channel = plane - udiv(plane, c) * c
        scale = one / wide(sqrt(wide(var[channel]) + eps))
        if weighted:
            scale *= wide(weight[channel])
        value = (wide(x[i]) - wide(mean[channel])) * scale
        if biased:
            value += wide(bias[channel])
        y[i] = narrow(value)

    array, number = f"{real}*", _scalar(real)
    kind = array if running else f"{number}*"
    return normalize_channels, (array, kind, kind, array, array, array, *("i32",) * 3, number)


def gradient_sums(real: str, threads: int, running: bool) -> Any:
    """sum gy and sum gy (x - mean) / sqrt(var + eps) of `splits` parts of each channel: parts[channel][split][2]."""
    wide = wide_of(real)
    zero, one = wide(0), wide(1)

    def gradient_sums(gy, x, mean, var, parts, n, c, pixels, splits, images_apart, per, eps):
        shared = cuda.shared.array(threads, wide)
        t = cuda.threadIdx.x
        channel = udiv(cuda.blockIdx.x, splits)
        split = cuda.blockIdx.x - channel * splits
        share = udiv(n * pixels + splits - 1, splits)
        begin = split * share
        end = begin + share if begin + share < n * pixels else n * pixels
        images = udiv(threads, pixels)
        rest = threads - images * pixels
        image = udiv(begin + t, pixels)
        pixel = begin + t - image * pixels
        row, first, second = udiv(channel, per), zero, zero
        for _ in range(begin + t, end, threads):
            at, which = (image * c + channel) * pixels + pixel, image * images_apart + row
            g = wide(gy[at])
            first += g
            second += g * (wide(x[at]) - wide(mean[which])) * (one / wide(sqrt(wide(var[which]) + eps)))
            image, pixel = image + images, pixel + rest
            if pixel >= pixels:
                image, pixel = image + 1, pixel - pixels
        first = total(shared, t, first, threads)
        second = total(shared, t, second, threads)
        if t == 0:
            parts[cuda.blockIdx.x * 2], parts[cuda.blockIdx.x * 2 + 1] = first, second

    array, number = f"{real}*", _scalar(real)
    kind = array if running else f"{number}*"
    return gradient_sums, (array, array, kind, kind, f"{number}*", *("i32",) * 6, number)


def combine_sums(real: str) -> Any:
    """The sums of each channel from its parts: sums[2][c]."""
    zero = wide_of(real)(0)

    def combine_sums(parts, sums, c, splits):
        channel = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if channel >= c:
            return
        first, second = zero, zero
        for split in range(splits):
            at = (channel * splits + split) * 2
            first += parts[at]
            second += parts[at + 1]
        sums[channel], sums[c + channel] = first, second

    kind = f"{_scalar(real)}*"
    return combine_sums, (kind, kind, "i32", "i32")


def sums_row(real: str) -> Any:
    """y = a row of sums[2][c], in the arrays' type."""
    narrow = real_of(real)

    def sums_row(sums, y, row, c):
        channel = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if channel < c:
            y[channel] = narrow(sums[row * c + channel])

    return sums_row, (f"{_scalar(real)}*", f"{real}*", "i32", "i32")


def gradient_channels(real: str, weighted: bool, running: bool) -> Any:
    """gx = weight / sqrt(var + eps) (gy - mean gy - h mean(gy h)), or the factor times gy where `running`."""
    narrow, wide = real_of(real), wide_of(real)
    one = wide(1)

    def gradient_channels(gy, x, mean, var, weight, sums, gx, count, c, pixels, each, eps):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        plane = udiv(i, pixels)
        channel = plane - udiv(plane, c) * c
        scale = one / wide(sqrt(wide(var[channel]) + eps))
        g = wide(gy[i])
        if not running:
            h = (wide(x[i]) - mean[channel]) * scale
            g -= (sums[channel] + h * sums[c + channel]) / wide(each)
        if weighted:
            scale *= wide(weight[channel])
        gx[i] = narrow(g * scale)

    array, number = f"{real}*", _scalar(real)
    kind = array if running else f"{number}*"
    return gradient_channels, (array, array, kind, kind, array, f"{number}*", array, *("i32",) * 4, number)


REALS = ("f32", "f64", "f16")
BOTH = (False, True)
CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    *((statistics, (real, 256)) for real in REALS),
    *((factory, (real,)) for factory in (combine, update, combine_sums, sums_row) for real in REALS),
    *((normalize_channels, (real, affine, affine, running)) for real in REALS for affine in BOTH for running in BOTH),
    *((gradient_sums, (real, 256, running)) for real in REALS for running in BOTH),
    *((gradient_channels, (real, True, running)) for real in REALS for running in BOTH),
]
