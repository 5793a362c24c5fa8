"""One thread per element: the step of stochastic gradient descent in one pass, sums and copies."""

from typing import Any

from fastnn.cuda._cuda import cuda, real_of, wide_of


def sgd(real: str, with_velocity: bool, nesterov: bool) -> Any:
    """d = sign g + decay p + l1 sign(p); v = momentum v + share d; p -= lr (v, or d + momentum v, or d)."""
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)

    def sgd(p, g, v, lr, momentum, share, decay, l1, sign, count):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < count:
            value = wide(p[i])
            d = wide(sign) * wide(g[i]) + wide(decay) * value
            if value > zero:
                d += wide(l1)
            elif value < zero:
                d -= wide(l1)
            if with_velocity:
                moved = wide(momentum) * wide(v[i]) + wide(share) * d
                v[i] = narrow(moved)
                d = d + wide(momentum) * moved if nesterov else moved
            p[i] = narrow(value - wide(lr) * d)

    number = "f64" if real == "f64" else "f32"
    return sgd, (*(f"{real}*",) * 3, *(number,) * 6, "i32")


def add(real: str) -> Any:
    """c = a + b."""
    narrow, wide = real_of(real), wide_of(real)

    def add(a, b, c, count):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < count:
            c[i] = narrow(wide(a[i]) + wide(b[i]))

    return add, (*(f"{real}*",) * 3, "i32")


def copy(real: str) -> Any:
    """b = a."""

    def copy(a, b, count):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < count:
            b[i] = a[i]

    return copy, (f"{real}*", f"{real}*", "i32")


CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    *((sgd, ("f32", velocity, nesterov)) for velocity, nesterov in ((False, False), (True, False), (True, True))),
    (sgd, ("f64", True, False)),
    (add, ("f32",)),
    (copy, ("f32",)),
]
