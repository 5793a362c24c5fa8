"""The steps of optimisers: values on every instruction set, memory, bad input."""

import contract
import numpy as np
import pytest
import tolerance
from contract import rejects

import fastnn
from fastnn.ops.update import sgd_step

OPTIONS = {
    "plain": {},
    "decay": {"weight_decay": 0.1},
    "momentum": {"momentum": 0.9, "dampening": 0.2},
    "nesterov": {"momentum": 0.8, "weight_decay": 0.01, "nesterov": True},
}
SIZES = [0, 1, 15, 17, 4097, 300_000]  # the last for several threads


def arrays(size, dtype, count=3):
    rng = np.random.default_rng(size)
    return [rng.standard_normal(size).astype(dtype) for _ in range(count)]


def by_hand(p, g, v, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    """The definition, in float64."""
    d = g + weight_decay * p
    if momentum:
        v = d if v is None else momentum * v + (1 - dampening) * d
        d = d + momentum * v if nesterov else v
    return p - lr * d, v


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("size", SIZES)
def test_two_steps(size, options, dtype, isa):
    p, first, second = arrays(size, dtype)
    expected, velocity = by_hand(p.astype(np.float64), first, None, 0.1, **options)
    expected, velocity = by_hand(expected, second, velocity, 0.1, **options)
    v = sgd_step(p, first, None, 0.1, **options)
    v = sgd_step(p, second, v, 0.1, **options)
    assert (v is None) == ("momentum" not in options)
    tolerance.assert_close(p, expected, "linear", length=8)
    if v is not None:
        tolerance.assert_close(v, velocity, "linear", length=8)


def test_any_number_of_threads_gives_the_same_bits():
    found = []
    for threads in (1, 4):
        p, g, v = arrays(300_000, np.float32)
        with fastnn.num_threads(threads):
            sgd_step(p, g, v, 0.1, 0.9, weight_decay=0.1)
        found.append((p, v))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_strided_parameters_change_where_they_are():
    p, g, _ = arrays(20, np.float32)
    expected = p.copy()
    expected[::2] -= np.float32(0.5) * g[:10]
    sgd_step(p[::2], g[:10], None, 0.5)
    np.testing.assert_allclose(p, expected, rtol=1e-6)


def test_an_infinite_parameter_without_decay_is_no_nan():
    p = np.array([np.inf], np.float32)
    sgd_step(p, np.ones(1, np.float32), None, 0.1)
    assert p[0] == np.inf


def test_what_does_not_fit_is_refused():
    p = np.ones(3, np.float32)
    with rejects("sgd_step", "g", "(2,)", "(3,)"):
        sgd_step(p, np.ones(2, np.float32), None, 0.1)
    with rejects("sgd_step", "float64"):
        sgd_step(p, np.ones(3), None, 0.1)
    with rejects("sgd_step", "float16"):
        sgd_step(p.astype(np.float16), p, None, 0.1)
    assert (p == 1).all()
