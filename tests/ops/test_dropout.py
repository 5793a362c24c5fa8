"""Dropout: which elements are dropped, by what counter-based generator, and the gradient."""

import numpy as np
import pytest
import tolerance
from contract import DTYPES, isas, rejects

import fastnn
from fastnn import ops

X = np.ones((3, 37, 41), np.float32)


def philox(counter, key):
    """Philox4x32-10 of Salmon et al., word by word."""
    c, k = [counter & 0xFFFFFFFF, counter >> 32, 0, 0], [key & 0xFFFFFFFF, key >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & 0xFFFFFFFF, a >> 32 ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def kept(n, p, seed):
    words = [philox(e // 64 * 16 + e % 16, seed)[e // 16 % 4] for e in range(n)]
    return np.array(words) >= int(p * 2**32)


def test_the_generator_is_the_published_one():
    """The known answers of Random123's kat_vectors for a counter and key of zeros and of ones."""
    assert philox(0, 0) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


@pytest.mark.parametrize("isa", isas(), indirect=True)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [0, 1, 15, 64, 65, 4096, 4097, 9001])
def test_values(n, dtype, isa):
    x = np.linspace(1, 2, n).astype(dtype)
    for p, seed in ((0.3, 5), (0.75, 2**63 + 11)):
        expected = np.where(kept(n, p, seed), x.astype(np.float64) / (1 - p), 0)
        tolerance.assert_close(ops.dropout(x, p, seed=seed), expected, "sum")
        tolerance.assert_close(ops.dropout_grad_input(x, p, seed=seed), expected, "sum")


def test_the_same_seed_gives_the_same_mask_whatever_the_threads():
    x = np.ones((40, 100, 101), np.float32)
    results = []
    for count in (1, 2, 5):
        with fastnn.num_threads(count):
            results.append(ops.dropout(x, 0.5, seed=7).tobytes())
    assert len(set(results)) == 1
    assert results[0] != ops.dropout(x, 0.5, seed=8).tobytes()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_share_of_zeros_is_p_and_the_mean_stays(p):
    y = ops.dropout(np.ones(200_000), p, seed=1)
    deviation = 6 * (p * (1 - p) / y.size) ** 0.5  # six standard deviations
    assert abs((y == 0).mean() - p) < deviation and abs(y.mean() - 1) < deviation / (1 - p)


def test_neighbouring_seeds_and_places_are_unrelated():
    a, b = (ops.dropout(np.ones(100_000), 0.5, seed=seed) > 0 for seed in (1, 2))
    bound = 6 * 0.5 / 100_000**0.5
    assert abs((a == b).mean() - 0.5) < bound and abs((a[1:] == a[:-1]).mean() - 0.5) < bound


def test_nothing_all_and_evaluation():
    tolerance.assert_same(ops.dropout(X, 0.0), X)
    tolerance.assert_same(ops.dropout(X, 1.0), np.zeros_like(X))
    tolerance.assert_same(ops.dropout(X, 0.5, training=False), X)
    assert ops.dropout(X, 0.5, training=False) is not X


def test_what_is_dropped_is_zero_even_where_it_was_nan():
    x = np.full(1000, np.nan, np.float32)
    y = ops.dropout(x, 0.5, seed=3)
    assert ((y == 0) == ~kept(1000, 0.5, 3)).all() and np.isnan(y[y != 0]).all()


def test_strided_read_only_blocked_and_out():
    x = np.arange(1.0, 2 * 18 * 3 * 4 + 1).reshape(2, 18, 3, 4).astype(np.float32)
    expected = ops.dropout(x, 0.4, seed=9)
    wide = np.repeat(x, 2, axis=3)[..., ::2]
    wide.flags.writeable = False
    tolerance.assert_same(ops.dropout(wide, 0.4, seed=9), expected)
    out = np.empty_like(x)
    assert ops.dropout(x, 0.4, seed=9, out=out) is out
    tolerance.assert_same(out, expected)
    image = ops.dropout(fastnn.blocked(x), 0.4, seed=9)
    assert type(image) is ops.Blocked and not image.data[:, 1, :, :, 2:].any()
    found = image.numpy()
    tolerance.assert_close(found[found != 0], (x / 0.6)[found != 0].astype(np.float64), "sum")
    with rejects("dropout", "out"):
        ops.dropout(x, 0.4, out=x)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"p": 1.5}, ["p", 1.5]),
        ({"p": -0.1}, ["p", -0.1]),
        ({"p": float("nan")}, ["p", "nan"]),
        ({"p": None}, ["p", None]),
        ({"seed": -1}, ["seed", -1]),
        ({"seed": 2**64}, ["seed", 2**64]),
        ({"seed": 1.5}, ["seed", 1.5]),
    ],
)
def test_bad_arguments_are_named(options, words):
    with rejects("dropout", *words):
        ops.dropout(X, **options)
    with rejects("dropout_grad_input", *words):
        ops.dropout_grad_input(X, **options)


def test_wrong_dtypes_are_refused():
    with rejects("dropout", "int64"):
        ops.dropout(np.arange(3))
