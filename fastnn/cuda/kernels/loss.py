"""Cross-entropy of scores [n][classes][inner] against class labels: a block for each row of scores.

q, the target's distribution, is ``weight[c] ((1 - smoothing) [c = label] + smoothing / classes)``, or nothing where the
label is ignored. The sum of all rows is taken by one block in a fixed order.
"""

from typing import Any

from fastnn.cuda._cuda import barrier, cuda, exp, helper, log, real_of, udiv, wide_of
from fastnn.cuda.kernels.norm import _scalar, total


@helper
def softmax(shared, t, x, base, inner, classes, threads, zero, lowest):
    """(maximum, sum of the exponentials less it) of a row, in the precision of `zero`; NaN where it holds one."""
    top = lowest
    for i in range(t, classes, threads):
        value = zero + x[base + i * inner]
        if value > top or value != value:
            top = value
    shared[t] = top
    barrier()
    for i in range(threads):
        if shared[i] > top or shared[i] != shared[i]:
            top = shared[i]
    barrier()
    value = zero
    for i in range(t, classes, threads):
        value += exp(zero + x[base + i * inner] - top)
    return top, total(shared, t, value, threads)


def cross_entropy(real: str, index: str, threads: int, weighted: bool) -> Any:
    """losses[row] = sum q (ln sum e^x - x), and the weight of the row's label behind them: losses[2][rows]."""
    wide = wide_of(real)
    zero, one, lowest = wide(0), wide(1), wide(-float("inf"))

    def cross_entropy(x, labels, weight, losses, rows, classes, inner, ignored, smoothing):
        shared = cuda.shared.array(threads, wide)
        t, row = cuda.threadIdx.x, cuda.blockIdx.x
        image = udiv(row, inner)
        base = image * classes * inner + row - image * inner
        top, exponentials = softmax(shared, t, x, base, inner, classes, threads, zero, lowest)
        level, label = top + log(exponentials), int(labels[row])
        value = zero
        if label != ignored:
            for i in range(t, classes, threads):
                q = smoothing / wide(classes)
                if i == label:
                    q += one - smoothing
                if weighted:
                    q *= wide(weight[i])
                if q > zero:
                    value += q * (level - wide(x[base + i * inner]))
        value = total(shared, t, value, threads)
        if t == 0:
            own = one if label != ignored else zero
            if weighted and label != ignored:
                own = wide(weight[label])
            losses[row], losses[rows + row] = value, own

    array, number = f"{real}*", _scalar(real)
    return cross_entropy, (array, f"{index}*", array, f"{number}*", "i32", "i32", "i32", "i64", number)


def cross_entropy_grad(real: str, index: str, threads: int, weighted: bool) -> Any:
    """gx = factor (softmax(x) sum q - q); factor is gy of the row (`each`) or of all, over the divisor where `mean`."""
    narrow, wide = real_of(real), wide_of(real)
    zero, one, lowest = wide(0), wide(1), wide(-float("inf"))

    def cross_entropy_grad(
        x, labels, weight, gy, sums, gx, classes, inner, ignored, smoothing, scale, given, each, mean
    ):  # fmt: skip
        shared = cuda.shared.array(threads, wide)
        t, row = cuda.threadIdx.x, cuda.blockIdx.x
        image = udiv(row, inner)
        base = image * classes * inner + row - image * inner
        top, exponentials = softmax(shared, t, x, base, inner, classes, threads, zero, lowest)
        label, value = int(labels[row]), zero
        if label != ignored:
            for i in range(t, classes, threads):
                q = smoothing / wide(classes)
                if i == label:
                    q += one - smoothing
                if weighted:
                    q *= wide(weight[i])
                value += q
        value = total(shared, t, value, threads)
        factor = scale
        if given != 0:
            factor = wide(gy[row if each != 0 else 0])
        if mean != 0:
            factor = factor / sums[1]
        for i in range(t, classes, threads):
            q = zero
            if label != ignored:
                q = smoothing / wide(classes)
                if i == label:
                    q += one - smoothing
                if weighted:
                    q *= wide(weight[i])
            at = base + i * inner
            found = exp(wide(x[at]) - top) / exponentials * value - q
            gx[at] = narrow(factor * found) if label != ignored else narrow(zero)

    array, number = f"{real}*", _scalar(real)
    types = array, f"{index}*", array, array, f"{number}*", array, "i32", "i32", "i64", number, number
    return cross_entropy_grad, (*types, "i32", "i32", "i32")


def total_loss(real: str, threads: int) -> Any:
    """sums[2] of losses[2][rows] by one block, and y = sums[0], over sums[1] where `mean`."""
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)

    def total_loss(losses, sums, y, rows, mean):
        shared = cuda.shared.array(threads, wide)
        t = cuda.threadIdx.x
        first, second = zero, zero
        for row in range(t, rows, threads):
            first += losses[row]
            second += losses[rows + row]
        first = total(shared, t, first, threads)
        second = total(shared, t, second, threads)
        if t == 0:
            sums[0], sums[1] = first, second
            if mean != 0:
                first = first / second
            y[0] = narrow(first)

    number = f"{_scalar(real)}*"
    return total_loss, (number, number, f"{real}*", "i32", "i32")


def narrowed(real: str) -> Any:
    """y = the losses in the arrays' type."""
    narrow = real_of(real)

    def narrowed(losses, y, rows):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < rows:
            y[i] = narrow(losses[i])

    return narrowed, (f"{_scalar(real)}*", f"{real}*", "i32")


REALS = ("f32", "f64", "f16")
CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    *((factory, (real, index, 128, weighted)) for factory in (cross_entropy, cross_entropy_grad) for real in REALS
      for index, weighted in (("i64", False), ("i64", True), ("i32", False))),
    *((total_loss, (real, 128)) for real in REALS),
    *((narrowed, (real,)) for real in REALS),
]  # fmt: skip
