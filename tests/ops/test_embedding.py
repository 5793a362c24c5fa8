"""embedding and its gradient: the contract, then padding and bad input."""

import contract
import naive_roi
import numpy as np
import pytest
import tolerance
from contract import rejects

from fastnn import ops

CASES = {
    "word_minus_1": ((4, 3), 7, 15, None),
    "word": ((5,), 3, 16, 1),
    "word_plus_1": ((2, 3, 4), 9, 17, -1),
    "one_index": ((), 4, 3, None),
    "one_row": ((6,), 1, 5, None),
    "no_indices": ((0, 3), 4, 2, None),
    "no_width": ((3,), 4, 0, None),
}
BULK = [((3000,), 50, 40, 3)]


class Embedding(contract.Contract):
    cases, bulk, batch = CASES, BULK, ()
    probes = ("word_minus_1", "word", "word_plus_1")

    def indices(self, case, rng):
        return rng.integers(0, case[1], case[0])


class TestEmbedding(contract.Out, contract.Differentiable, Embedding):
    op, ranks = "embedding", (("weight", 2),)

    def inputs(self, case, rng):
        return {"weight": rng.standard_normal(case[1:3]), "indices": self.indices(case, rng)}

    def call(self, case, a, **extra):
        return ops.embedding(a["indices"], a["weight"], **extra)

    def expected(self, case, a):
        return naive_roi.embedding(a["indices"], a["weight"])

    def gradients(self, case, a, gy, y):
        return {"weight": ops.embedding_grad_weight(gy, a["indices"], case[1])}


class TestEmbeddingGradWeight(Embedding):
    op, family = "embedding_grad_weight", "sum"

    def inputs(self, case, rng):
        indices = self.indices(case, rng)
        return {"gy": rng.standard_normal((*case[0], case[2])), "indices": indices}

    def call(self, case, a):
        return ops.embedding_grad_weight(a["gy"], a["indices"], case[1], case[3])

    def expected(self, case, a):
        return naive_roi.embedding_grad_weight(a["gy"], a["indices"], case[1], case[3])

    def length(self, case):
        return max(int(np.prod(case[0])), 1)


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64, np.uint16])
def test_integers_of_any_width(kind):
    weight = np.arange(12.0).reshape(4, 3)
    index = np.array([[3, 0], [1, 1]], kind)
    tolerance.assert_same(ops.embedding(index[:, ::-1], weight), weight[index[:, ::-1]])
    tolerance.assert_same(ops.embedding(index.tolist(), weight), weight[index])


@pytest.mark.parametrize("index, words", [(-1, [-1]), (4, [4]), (2**40, [2**40])])
def test_an_index_out_of_range_is_named_with_its_place(index, words):
    indices = np.array([[0, 1, 2], [3, index, 0]])
    with rejects("embedding", "(1, 1)", "0..3", *words):
        ops.embedding(indices, np.ones((4, 2)))
    with rejects("embedding_grad_weight", "(1, 1)", "0..3", *words):
        ops.embedding_grad_weight(np.ones((2, 3, 2)), indices, 4)


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"indices": np.ones(2)}, ["indices", "float64"]),
        ({"indices": np.ones(2, bool)}, ["indices", "bool"]),
        ({"weight": np.ones(4)}, ["weight", "(4,)"]),
        ({"padding_idx": 4}, ["padding_idx", 4]),
        ({"padding_idx": 1.5}, ["padding_idx", 1.5]),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(bad, words):
    with rejects("embedding", *words):
        ops.embedding(**({"indices": np.zeros(2, int), "weight": np.ones((4, 2))} | bad))


def test_a_gradient_of_another_shape_is_refused():
    with rejects("embedding_grad_weight", "gy", "(3, 2)", "(2,)"):
        ops.embedding_grad_weight(np.ones((3, 2)), np.zeros(2, int), 4)
