"""Cross-entropy of rows of log-probabilities [rows][classes] against class indices, forward beside backward.

A label that is no class gives NaN: an error would have to wait for the GPU.
"""

from typing import Any

from fastnn.cuda._cuda import cuda, exp, real_of, wide_of


def cross_entropy(real: str, index: str, threads: int, mean: bool) -> Any:
    """y = -sum of log_p[row][label], over their number with `mean`; that divisor (else 1) goes with it. One block,
    the same order of summation every time."""
    narrow, wide = real_of(real), wide_of(real)
    zero, one, nan = wide(0), wide(1), wide(float("nan"))

    def cross_entropy(log_p, labels, y, divisor, rows, classes, ignored):
        sums = cuda.shared.array(threads, wide, alignment=16)
        counts = cuda.shared.array(threads, wide, alignment=16)
        t = cuda.threadIdx.x
        total = zero
        count = zero
        for row in range(t, rows, threads):
            label = labels[row]
            if label != ignored:
                count += one
                total -= wide(log_p[row * classes + label]) if label >= 0 and label < classes else nan
        sums[t] = total
        counts[t] = count
        cuda.syncthreads()
        if t == 0:
            total = zero
            count = zero
            for i in range(threads):
                total += sums[i]
                count += counts[i]
            if not mean:
                count = one
            y[0] = narrow(total / count) if count != zero else narrow(nan)
            divisor[0] = count

    return cross_entropy, (f"{real}*", f"{index}*", f"{real}*", f"{wide_name(real)}*", "i32", "i32", "i64")


def cross_entropy_grad(real: str, index: str) -> Any:
    """gx = gy (e^log_p - one-hot) / divisor; zero in rows of the ignored label."""
    narrow, wide = real_of(real), wide_of(real)
    zero, one, nan = wide(0), wide(1), wide(float("nan"))

    def cross_entropy_grad(gy, log_p, labels, divisor, gx, classes, ignored, count):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < count:
            row = i // classes
            label = labels[row]
            if label == ignored:
                gx[i] = narrow(zero)
            elif label < 0 or label >= classes:
                gx[i] = narrow(nan)
            else:
                hit = one if i - row * classes == label else zero
                gx[i] = narrow((exp(wide(log_p[i])) - hit) * (wide(gy[0]) / divisor[0]))

    types = f"{real}*", f"{real}*", f"{index}*", f"{wide_name(real)}*", f"{real}*"
    return cross_entropy_grad, (*types, "i32", "i64", "i32")


def wide_name(real: str) -> str:
    """The name of the type that sums are kept in."""
    return "f64" if real == "f64" else "f32"


CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    (cross_entropy, ("f32", "i64", 256, True)),
    (cross_entropy, ("f16", "i32", 256, False)),
    (cross_entropy_grad, ("f32", "i64")),
    (cross_entropy_grad, ("f16", "i32")),
]
