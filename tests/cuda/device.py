"""Arrays on the GPU, or on the simulator's, and the comparison with the same call on the CPU."""

import numpy as np
import tolerance

from fastnn import ops


def put(array):
    """`array` on the device, contiguous."""
    from fastnn.cuda import _arrays

    return _arrays.to_device(np.ascontiguousarray(array))


def get(array):
    """An array of the device in NumPy's memory."""
    from fastnn.cuda import _arrays

    return _arrays.to_host(array)


def moved(value):
    """NumPy arrays among arguments on the device, the rest as it is."""
    return put(value) if isinstance(value, np.ndarray) else value


def agrees(name, *args, family="exact", length=1, dtype=np.float32, **kwargs):
    """`fastnn.ops.<name>` gives on the device, in `dtype`, what it gives on the CPU in float64, and as the same kind of
    array. Floats among the arguments are rounded to `dtype` first. Returns the results on the device."""
    op = getattr(ops, name)
    rounded = [a.astype(dtype) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in args]
    wide = [a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in rounded]
    named = {k: a.astype(dtype) if isinstance(a, np.ndarray) else a for k, a in kwargs.items()}
    wide_named = {k: a.astype(np.float64) if isinstance(a, np.ndarray) else a for k, a in named.items()}
    inputs = [moved(a) for a in rounded]
    found = op(*inputs, **{k: moved(a) for k, a in named.items()})
    expected = op(*wide, **wide_named)
    for got, right in zip(*(r if isinstance(r, tuple) else (r,) for r in (found, expected)), strict=True):
        kind = next(type(a) for a, b in zip(inputs, rounded, strict=True) if isinstance(b, np.ndarray))
        assert type(got) is kind, type(got)
        values = get(got)
        if values.dtype.kind != "f":
            tolerance.assert_same(values, right)
        else:
            assert values.dtype == dtype
            tolerance.assert_close(values, right, family, length)
    for before, after in zip(rounded, inputs, strict=True):
        if isinstance(before, np.ndarray):
            np.testing.assert_array_equal(get(after), before)
    return found
