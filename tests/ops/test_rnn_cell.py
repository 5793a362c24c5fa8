"""Single cells."""

import contract
import naive_rnn
import numpy as np
import pytest
import tolerance
from cases_rnn import Recurrent
from recurrent import CELLS, OTHER, cast, groups, inputs_of

from fastnn import ops


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("batch", [0, 1, 2, 5, 9])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("hidden", [1, 16, 37])
@pytest.mark.parametrize("cell", CELLS)
def test_cells(cell, hidden, bias, batch, dtype, isa):
    case = Recurrent(1, batch, 21, hidden, bias=bias)
    a = cast(inputs_of(cell, case, np.random.default_rng(15)), np.float32)
    function, held = getattr(ops, f"{cell}_cell"), [a[k][:, 0] for k in "hc" if k in a]
    for extra in ({}, OTHER[cell]):
        weights = groups(case, cast(a, dtype))[0]
        result = function(a["x"][0].astype(dtype), *(s.astype(dtype) for s in held), *weights, **extra)
        result = result if cell == "lstm" else (result,)
        for found, index in zip(result, (0, 1), strict=False):
            assert found.dtype == dtype and found.shape == (batch, hidden)
            right = [
                naive_rnn.one_step(
                    cell, a["x"][0][n], *((*(s[n] for s in held), None)[:2]), groups(case, a)[0], extra
                )[index]
                for n in range(batch)
            ]
            tolerance.assert_close(found, np.reshape(right, found.shape), "rnn", 21 + hidden)
    nothing = function(a["x"][0], *[None] * len(held), *groups(case, a)[0])
    zeros = function(a["x"][0], *(np.zeros_like(s) for s in held), *groups(case, a)[0])
    tolerance.assert_same(np.asarray(nothing), np.asarray(zeros))
