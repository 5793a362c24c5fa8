"""Activations: y = f(x) and gx = gy f'(x), one thread per element. Also the functions that products fuse.

`p` and `q` are a function's parameters. NaN stays NaN; where x goes to -infinity times what goes to 0, the limit.
"""

from typing import Any

from fastnn.cuda._cuda import cuda, erf, exp, expm1, helper, log1p, real_of, tanh, wide_of

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def functions(kind: str, real: str) -> tuple[Any, Any]:
    """(f, f') of x and two parameters as helpers for kernels; f' of relu, sigmoid and tanh is given the result."""
    wide = wide_of(real)
    zero, one, half, two, three, six = (wide(v) for v in (0, 1, 0.5, 2, 3, 6))
    sixth, third = wide(1 / 6), wide(1 / 3)
    root, density = wide(0.7071067811865476), wide(0.3989422804014327)
    cubic, slope = wide(0.044715), wide(1.5957691216057308)  # of GELU's tanh form; sqrt(8 / pi)
    alpha, scale = wide(_SELU_ALPHA), wide(_SELU_SCALE)
    least = wide(-103.0 if real != "f64" else -745.0)  # e^x is 0 below
    pairs: dict[str, tuple[Any, Any]] = {
        "none": (lambda x, p, q: x, lambda x, p, q: one),
        "relu": (lambda x, p, q: zero if x < zero else x, lambda y, p, q: one if y > zero else zero),
        "clip": (
            lambda x, p, q: p if x < p else q if x > q else x,
            lambda x, p, q: zero if x <= p or x >= q else one,
        ),
        "leaky_relu": (lambda x, p, q: x if x > zero else p * x, lambda x, p, q: one if x > zero else p),
        "sigmoid": (lambda x, p, q: one / (one + exp(-x)), lambda y, p, q: y * (one - y)),
        "tanh": (lambda x, p, q: tanh(x), lambda y, p, q: one - y * y),
        "hardsigmoid": (
            lambda x, p, q: zero if x <= -three else one if x >= three else (x + three) * sixth,
            lambda x, p, q: zero if x <= -three or x >= three else sixth,
        ),
        "hardswish": (
            lambda x, p, q: zero if x <= -three else x if x >= three else x * (x + three) * sixth,
            lambda x, p, q: zero if x <= -three else one if x >= three else x * third + half,
        ),
        "silu": (
            lambda x, p, q: zero if x < least else x / (one + exp(-x)),
            lambda x, p, q: zero if x < least else (one + x - x / (one + exp(-x))) / (one + exp(-x)),
        ),
        "elu": (
            lambda x, p, q: x if x > zero else p * expm1(x),
            lambda x, p, q: one if x > zero else p * exp(x),
        ),
        "selu": (
            lambda x, p, q: scale * x if x > zero else scale * alpha * expm1(x),
            lambda x, p, q: scale if x > zero else scale * alpha * exp(x),
        ),
        "softplus": (
            lambda x, p, q: x if p * x > q else log1p(exp(p * x)) / p,
            lambda x, p, q: one if p * x > q else one / (one + exp(-p * x)),
        ),
        "mish": (
            lambda x, p, q: x if x > two * six + six else zero if x < least else x * tanh(log1p(exp(x))),
            lambda x, p, q: one if x > two * six + six else zero if x < least else (
                tanh(log1p(exp(x))) + x * (one - tanh(log1p(exp(x))) * tanh(log1p(exp(x)))) / (one + exp(-x))
            ),
        ),
        "gelu": (
            lambda x, p, q: zero if x < -two * six - six else x * half * (one + erf(x * root)),
            lambda x, p, q: zero if x < -two * six - six else one if x > two * six + six else (
                half * (one + erf(x * root)) + x * density * exp(-half * x * x)
            ),
        ),
        "gelu_tanh": (
            lambda x, p, q: zero if x < -two * six else x / (one + exp(-slope * (x + cubic * x * x * x))),
            lambda x, p, q: zero if x < -two * six else one if x > two * six else (
                (one + x * slope * (one + three * cubic * x * x) * (
                    one - one / (one + exp(-slope * (x + cubic * x * x * x)))))
                / (one + exp(-slope * (x + cubic * x * x * x)))
            ),
        ),
    }  # fmt: skip
    forward, backward = pairs[kind]
    return helper(forward), helper(backward)


def activate(real: str, kind: str) -> Any:
    """y = f(x)."""
    narrow, wide = real_of(real), wide_of(real)
    function, _ = functions(kind, real)

    def activate(x, y, p, q, count):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < count:
            y[i] = narrow(function(wide(x[i]), wide(p), wide(q)))

    number = "f64" if real == "f64" else "f32"
    return activate, (f"{real}*", f"{real}*", number, number, "i32")


def activate_grad(real: str, kind: str) -> Any:
    """gx = gy f'(x)."""
    narrow, wide = real_of(real), wide_of(real)
    _, slope = functions(kind, real)
    zero = wide(0)

    def activate_grad(gy, x, gx, p, q, count):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < count:
            share = slope(wide(x[i]), wide(p), wide(q))
            gx[i] = narrow(wide(gy[i]) * share) if share != zero else narrow(zero)

    number = "f64" if real == "f64" else "f32"
    return activate_grad, (f"{real}*", f"{real}*", f"{real}*", number, number, "i32")


KINDS = ("relu", "clip", "leaky_relu", "sigmoid", "tanh", "hardsigmoid", "hardswish", "silu", "elu", "selu", "softplus",
         "mish", "gelu", "gelu_tanh")  # fmt: skip
CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    *((factory, ("f32", kind)) for kind in KINDS for factory in (activate, activate_grad)),
    *((factory, (real, "gelu")) for real in ("f16", "f64") for factory in (activate, activate_grad)),
]
