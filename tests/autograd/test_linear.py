"""Linear layers and matrix products on the tape."""

import numpy as np
import pytest
from tape import check_gradients, normal

import fastnn.autograd as F
from fastnn import ops
from fastnn.autograd import Tensor


@pytest.mark.parametrize("lead", [(5,), (2, 3), ()], ids=["rows", "stack", "vector"])
@pytest.mark.parametrize("activation", [None, "relu"])
def test_gradients_of_linear(lead, activation):
    arrays = {"x": normal(*lead, 4), "w": normal(3, 4), "b": normal(3)}
    check_gradients(lambda x, w, b: F.linear(x, w, b, activation=activation), **arrays)
    check_gradients(F.linear, x=arrays["x"], w=arrays["w"])


PRODUCTS = {
    "matrices": ((3, 4), (4, 5)),
    "vectors": ((4,), (4,)),
    "row": ((4,), (4, 5)),
    "column": ((3, 4), (4,)),
    "stack": ((2, 3, 4), (2, 4, 5)),
    "broadcast": ((2, 1, 3, 4), (6, 4, 5)),
    "shared": ((2, 3, 4), (4, 5)),
    "vector_stack": ((4,), (2, 4, 5)),
}


@pytest.mark.parametrize("shapes", PRODUCTS.values(), ids=PRODUCTS)
def test_gradients_of_matmul(shapes):
    a, b = normal(*shapes[0]), normal(*shapes[1])
    check_gradients(F.matmul, a=a, b=b)
    np.testing.assert_allclose((Tensor(a) @ b).numpy(), a @ b, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose((a @ Tensor(b)).numpy(), a @ b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("b", [normal(5), normal(3, 4), 2.0], ids=["vector", "matrix", "number"])
def test_matrices_that_do_not_fit_are_named(b):
    with pytest.raises(ValueError, match="matmul: "):
        Tensor(normal(3, 4)) @ b


def test_a_blocked_image_goes_into_a_linear_layer_by_its_width():
    x = Tensor(ops.blocked(normal(1, 2, 3, 4)), requires_grad=True)
    y = F.linear(x, normal(5, 4))
    assert y.shape == (1, 2, 3, 5)
    y.sum().backward()
    assert type(x.grad.data) is ops.Blocked
