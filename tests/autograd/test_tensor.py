"""Tensors as things: what they are made from, and how they behave as Python objects."""

import copy
import pickle

import numpy as np
import pytest
from tape import normal

from fastnn import ops
from fastnn.autograd import Tensor


class Dlpack:
    """An array of another library: nothing but DLPack."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


def test_python_floats_become_float32_and_arrays_keep_their_dtype():
    assert Tensor([1.0, 2.0]).dtype == Tensor(1.5).dtype == np.float32
    assert Tensor(np.ones(2)).dtype == Tensor(np.float64(1)).dtype == np.float64
    assert Tensor([1, 2]).dtype.kind == "i" and Tensor([True]).dtype == bool


def test_memory_is_shared_where_it_can_be():
    array = normal(3)
    assert np.shares_memory(Tensor(array).numpy(), array)
    assert np.shares_memory(Tensor(memoryview(array)).numpy(), array)
    assert np.shares_memory(Tensor(Dlpack(array)).numpy(), array)
    assert np.shares_memory(Tensor(Tensor(array)).numpy(), array)


def test_subclasses_read_only_and_big_endian_arrays():
    class Sub(np.ndarray):
        pass

    array = normal(2, 3)
    frozen = array.copy()
    frozen.flags.writeable = False
    for odd in (array.view(Sub), frozen, array.astype(">f8"), np.asfortranarray(array), array[::-1][::-1]):
        t = Tensor(odd, requires_grad=True)
        assert type(t.data) is np.ndarray and t.dtype.isnative
        (t * 2).sum().backward()
        np.testing.assert_array_equal(t.numpy(), array)
        assert (t.grad.numpy() == 2).all()


@pytest.mark.parametrize("data", [np.ones(2, complex), np.array(["a"]), [None], np.ma.masked_array([1.0], [True])])
def test_what_is_no_array_of_numbers_is_refused(data):
    with pytest.raises(TypeError, match="Tensor: "):
        Tensor(data)


def test_only_floats_can_require_grad():
    with pytest.raises(TypeError, match="only floats can require grad, data is int64"):
        Tensor(np.array([1]), requires_grad=True)
    with pytest.raises(TypeError, match="requires_grad_"):
        Tensor(np.array([1])).requires_grad_()


def test_attributes():
    t = Tensor(normal(2, 3), requires_grad=True)
    assert (t.shape, t.ndim, t.size, t.dtype, len(t), t.is_leaf) == ((2, 3), 2, 6, np.float64, 2, True)
    image = Tensor(ops.blocked(normal(2, 5, 3, 4)))
    assert (image.shape, image.ndim, image.size) == ((2, 5, 3, 4), 4, 120)
    assert repr(Tensor([1.0], requires_grad=True)) == "Tensor([1.], dtype=float32, requires_grad=True)"


def test_numbers_and_truth():
    assert Tensor([2.5]).item() == 2.5 and float(Tensor(2.5)) == 2.5 and bool(Tensor([1.0]))
    with pytest.raises(ValueError):
        bool(Tensor([1.0, 2.0]))
    with pytest.raises(TypeError, match="0-d"):
        len(Tensor(1.0))


def test_numpy_converts_tensors():
    t = Tensor(ops.blocked(normal(1, 2, 3, 3)))
    np.testing.assert_array_equal(np.asarray(t), t.numpy())
    assert np.asarray(Tensor([1.0]), dtype=np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(Tensor(normal(3)), copy=True), normal(3))


def test_iteration_and_unpacking():
    a, b = Tensor(normal(2, 3), requires_grad=True)
    assert a.shape == (3,) and b.requires_grad


def test_hashing_is_by_identity():
    a, b = Tensor([1.0]), Tensor([1.0])
    assert len({a, b, a}) == 2 and {a: 1}[a] == 1


def test_detached_tensors_share_memory_but_no_history():
    x = Tensor(normal(3), requires_grad=True)
    y = (x * 2).detach()
    assert not y.requires_grad and y.is_leaf
    assert np.shares_memory(x.detach().numpy(), x.numpy())
    with pytest.raises(RuntimeError, match="requires_grad_"):
        (x * 2).requires_grad_(False)
    assert not x.requires_grad_(False).requires_grad


@pytest.mark.parametrize("data", [normal(2, 3), ops.blocked(normal(1, 3, 2, 2))], ids=["plain", "blocked"])
def test_leaves_can_be_copied_and_pickled(data):
    x = Tensor(data, requires_grad=True)
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert type(twin.data) is type(x.data) and twin.requires_grad
        np.testing.assert_array_equal(twin.numpy(), x.numpy())
        assert not np.shares_memory(twin._memory(), x._memory())
    with pytest.raises(TypeError, match="only leaves can be copied"):
        copy.deepcopy(x * 2)
