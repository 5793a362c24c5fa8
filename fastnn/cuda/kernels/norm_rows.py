"""Normalisation of rows, each by one block: layer and group norm. A row is the c / groups channels of a group
with their pixels; weights belong to elements (layer norm) or to channels. See `norm` for sums and precision."""

from math import sqrt
from typing import Any

from fastnn.cuda._cuda import cuda, real_of, udiv, wide_of
from fastnn.cuda.kernels.norm import BOTH, REALS, _scalar, total


def normalize_rows(real: str, threads: int, weighted: bool, biased: bool, per_element: bool) -> Any:
    """y = (x - mean) / sqrt(var + eps) weight + bias, and the statistics of each row."""
    narrow, wide = real_of(real), wide_of(real)
    zero, one = wide(0), wide(1)

    def normalize_rows(x, weight, bias, y, means, variances, length, groups, pixels, eps):
        shared = cuda.shared.array(threads, wide)
        t, row = cuda.threadIdx.x, cuda.blockIdx.x
        base = row * length
        value = zero
        for i in range(t, length, threads):
            value += wide(x[base + i])
        mean = total(shared, t, value, threads) / wide(length)
        value = zero
        for i in range(t, length, threads):
            d = wide(x[base + i]) - mean
            value += d * d
        variance = total(shared, t, value, threads) / wide(length)
        scale = one / wide(sqrt(variance + eps))
        if t == 0:
            means[row], variances[row] = mean, variance
        channel = (row - udiv(row, groups) * groups) * udiv(length, pixels)
        for i in range(t, length, threads):
            at = i if per_element else channel + udiv(i, pixels)
            value = (wide(x[base + i]) - mean) * scale
            if weighted:
                value *= wide(weight[at])
            if biased:
                value += wide(bias[at])
            y[base + i] = narrow(value)

    array, number = f"{real}*", _scalar(real)
    return normalize_rows, (*(array,) * 4, f"{number}*", f"{number}*", *("i32",) * 3, number)


def gradient_rows(real: str, threads: int, weighted: bool, per_element: bool) -> Any:
    """gx = (g - mean g - h mean(g h)) / sqrt(var + eps), g = gy weight and h the normalised x."""
    narrow, wide = real_of(real), wide_of(real)
    zero, one = wide(0), wide(1)

    def gradient_rows(gy, x, weight, means, variances, gx, length, groups, pixels, eps):
        shared = cuda.shared.array(threads, wide)
        t, row = cuda.threadIdx.x, cuda.blockIdx.x
        base = row * length
        mean, scale = means[row], one / wide(sqrt(variances[row] + eps))
        channel = (row - udiv(row, groups) * groups) * udiv(length, pixels)
        first, second = zero, zero
        for i in range(t, length, threads):
            g = wide(gy[base + i])
            if weighted:
                g *= wide(weight[i if per_element else channel + udiv(i, pixels)])
            first += g
            second += g * (wide(x[base + i]) - mean)
        first = total(shared, t, first, threads) / wide(length)
        second = total(shared, t, second, threads) / wide(length) * scale
        for i in range(t, length, threads):
            g = wide(gy[base + i])
            if weighted:
                g *= wide(weight[i if per_element else channel + udiv(i, pixels)])
            gx[base + i] = narrow((g - first - (wide(x[base + i]) - mean) * scale * second) * scale)

    array, number = f"{real}*", _scalar(real)
    return gradient_rows, (array, array, array, f"{number}*", f"{number}*", array, *("i32",) * 3, number)


def row_statistics(real: str, threads: int) -> Any:
    """mean and biased variance of each row."""
    wide = wide_of(real)
    zero = wide(0)

    def row_statistics(x, means, variances, length):
        shared = cuda.shared.array(threads, wide)
        t, row = cuda.threadIdx.x, cuda.blockIdx.x
        value = zero
        for i in range(t, length, threads):
            value += wide(x[row * length + i])
        mean = total(shared, t, value, threads) / wide(length)
        value = zero
        for i in range(t, length, threads):
            d = wide(x[row * length + i]) - mean
            value += d * d
        variance = total(shared, t, value, threads) / wide(length)
        if t == 0:
            means[row], variances[row] = mean, variance

    number = _scalar(real)
    return row_statistics, (f"{real}*", f"{number}*", f"{number}*", "i32")


def column_sums(real: str, normalized: bool) -> Any:
    """Sums over `splits` parts of the rows [rows][length], of gy or of gy times the normalised x: parts[split][length].
    One thread for each."""
    wide = wide_of(real)
    zero, one = wide(0), wide(1)

    def column_sums(gy, x, means, variances, parts, count, rows, length, splits, eps):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        split = udiv(i, length)
        column = i - split * length
        share = udiv(rows + splits - 1, splits)
        begin = split * share
        total = zero
        for row in range(begin, begin + share if begin + share < rows else rows):
            g = wide(gy[row * length + column])
            if normalized:
                g *= (wide(x[row * length + column]) - means[row]) * (one / wide(sqrt(variances[row] + eps)))
            total += g
        parts[i] = total

    array, number = f"{real}*", _scalar(real)
    return column_sums, (array, array, *(f"{number}*",) * 3, *("i32",) * 4, number)


def combine_columns(real: str) -> Any:
    """y[column] = the sum of its parts."""
    narrow, zero = real_of(real), wide_of(real)(0)

    def combine_columns(parts, y, length, splits):
        column = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if column >= length:
            return
        total = zero
        for split in range(splits):
            total += parts[split * length + column]
        y[column] = narrow(total)

    return combine_columns, (f"{_scalar(real)}*", f"{real}*", "i32", "i32")


CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    *((normalize_rows, (real, 256, affine, affine, layer)) for real in REALS for affine in BOTH for layer in BOTH),
    *((gradient_rows, (real, 256, True, layer)) for real in REALS for layer in BOTH),
    *((row_statistics, (real, 256)) for real in REALS),
    *((column_sums, (real, normalized)) for real in REALS for normalized in BOTH),
    *((combine_columns, (real,)) for real in REALS),
]
