"""What every op must do, written once.  A new op says how it is called and gets the tests:

class TestRelu(contract.Image, contract.Out, contract.Differentiable):
    op, cases, bulk, images = "relu", cases.RELU, cases.RELU_BULK, ("x",)

    def inputs(self, case, rng): return {"x": rng.standard_normal(case.x)}
    def call(self, case, a, **extra): return ops.relu(a["x"], **extra)
    def expected(self, case, a): return naive.relu(a["x"])
    def gradients(self, case, a, gy, y): return {"x": ops.relu_grad_input(gy, y)}
"""

import contextlib
import copy
import functools
import hashlib
import os
import pickle
import zlib

import buffers
import child
import gradcheck
import numpy as np
import pytest
import tolerance

import fastnn
from fastnn.ops import Blocked

DTYPES = [np.float32, np.float64]
WRONG_DTYPES = [np.float16, np.complex64, np.int32, np.bool_, object]


def isas():
    """The instruction sets to test: all that the machine has, or the one that FASTNN_ISA forces."""
    return [fastnn.cpu.active()] if os.environ.get("FASTNN_ISA") else list(fastnn.cpu.available())


def is_real(array):
    return np.asarray(array).dtype.kind == "f"


def named(message, op):
    """Does the message start with the op, or one of several?"""
    return message.startswith(tuple(f"{name}: " for name in ((op,) if isinstance(op, str) else op)))


@contextlib.contextmanager
def rejects(op, *words):
    """The block raises ValueError or TypeError whose message starts with the op and holds the given words."""
    with pytest.raises((ValueError, TypeError)) as info:
        yield
    message = str(info.value)
    assert named(message, op), f"message does not start with {op!r}: {message}"
    for word in words:
        assert str(word) in message, f"message does not mention {word!r}: {message}"


def remembered(oracle):
    """The oracle, which does not work out the same result again: large cases meet every dtype and instruction set."""
    results = {}

    @functools.wraps(oracle)
    def found(*args, **kwargs):
        key = hashlib.blake2b(pickle.dumps((args, kwargs))).digest()
        if key not in results:
            results[key] = oracle(*args, **kwargs)
        return copy.deepcopy(results[key])

    return found


@functools.cache
def made(contract, name):
    """(inputs, expected result) of a case, once per session: values that float32 holds serve both dtypes."""
    op = contract()
    arrays = op.inputs(op.cases[name], np.random.default_rng(zlib.crc32(name.encode())))
    arrays = {k: np.asarray(a, np.float32).astype(np.float64) if is_real(a) else a for k, a in arrays.items()}
    return arrays, np.asarray(op.expected(op.cases[name], arrays))


class Contract:
    """Values, dtypes, memory and errors.  The first block is what an op supplies."""

    op = ""  # the name that its errors start with, or several
    family = "exact"  # the row of the tolerance table
    cases: dict
    bulk: list  # cases big enough for several threads
    probes: tuple = ()  # the few cases for tests of memory and layout; () is the first four
    ranks: tuple = ()  # (input, the rank it must have), where only one will do
    batch = ("x",)  # inputs whose first axis is the batch
    copied: tuple = ()  # inputs that are copied before the call, so that out= may overlap them

    def inputs(self, case, rng):
        """Name -> array."""
        raise NotImplementedError

    def call(self, case, a, **extra):
        """The op on the arrays `a`; `extra` is out= or nothing."""
        raise NotImplementedError

    def expected(self, case, a):
        """The same by the oracle, in float64."""
        raise NotImplementedError

    def length(self, case):
        """How many terms the longest sum has."""
        return 1

    @classmethod
    def few(cls):
        return list(cls.probes or list(cls.cases)[:4])

    @classmethod
    def choices(cls):
        """Test argument(s) -> the values it takes."""
        real = {probe: [k for k, a in made(cls, probe)[0].items() if is_real(a)] for probe in cls.few()}
        return {
            "name": list(cls.cases),
            "probe": cls.few(),
            "probe, array": [(probe, array) for probe, arrays in real.items() for array in arrays],
            "isa": isas(),
            "dtype": DTYPES,
            "bad_dtype": WRONG_DTYPES,
            "variant": list(buffers.VARIANTS),
            "side": ["start", "end"],
        }

    @classmethod
    def pytest_generate_tests(cls, metafunc):
        choices = cls.choices()
        if "array" in metafunc.fixturenames:
            del choices["probe"]
        for arguments, values in choices.items():
            if set(arguments.split(", ")) <= set(metafunc.fixturenames):
                ids = None if "," in arguments else [getattr(v, "__name__", str(v)) for v in values]
                metafunc.parametrize(arguments, values, ids=ids, indirect=arguments == "isa")

    def arrays(self, name, dtype):
        return {k: a.astype(dtype) if is_real(a) else a.copy() for k, a in made(type(self), name)[0].items()}

    def oracle(self, name):
        return made(type(self), name)[1]

    def run(self, name, arrays, **extra):
        return self.call(self.cases[name], arrays, **extra)

    def check(self, name, result):
        tolerance.assert_close(result, self.oracle(name), self.family, self.length(self.cases[name]))

    def check_threads(self, dtype, prepare=dict):
        for case in self.bulk:
            arrays = self.inputs(case, np.random.default_rng(7))
            arrays = prepare({k: np.asarray(a, dtype) if is_real(a) else a for k, a in arrays.items()})
            with fastnn.num_threads(1):
                alone = np.asarray(self.call(case, arrays)).tobytes()
            for count in (2, 5):
                with fastnn.num_threads(count):
                    together = np.asarray(self.call(case, arrays)).tobytes()
                assert alone == together, f"{count} threads give other bits for {case}"

    def test_values(self, name, isa, dtype):
        result = self.run(name, self.arrays(name, dtype))
        assert isinstance(result, np.ndarray | np.generic) and result.dtype == dtype
        self.check(name, result)

    def test_inputs_are_left_alone(self, probe, dtype):
        arrays = self.arrays(probe, dtype)
        before = {k: a.tobytes() for k, a in arrays.items()}
        self.run(probe, arrays)
        assert before == {k: a.tobytes() for k, a in arrays.items()}

    def test_any_layout_of_inputs(self, probe, array, variant):
        arrays = self.arrays(probe, np.float32)
        arrays[array] = buffers.VARIANTS[variant](arrays[array])
        try:
            result = self.run(probe, arrays)
        except (ValueError, TypeError) as error:
            assert variant in buffers.CLEAR_ERROR and named(str(error), self.op), error
        else:
            assert type(result) is np.ndarray or isinstance(result, np.generic)
            self.check(probe, result)

    def test_empty_batch(self, probe, dtype):
        arrays = self.arrays(probe, dtype)
        arrays |= {k: arrays[k][:0] for k in self.batch}
        result = np.asarray(self.run(probe, arrays))
        assert result.dtype == dtype
        tolerance.assert_close(result, self.expected(self.cases[probe], arrays), self.family)

    def test_thread_counts_give_the_same_bits(self, isa, dtype):
        self.check_threads(dtype)

    def test_wrong_rank_is_refused(self, dtype):
        for ranked, rank in self.ranks:
            probe = next(p for p in self.few() if ranked in made(type(self), p)[0])
            arrays = self.arrays(probe, dtype)
            right = arrays[ranked]
            assert right.ndim == rank
            for wrong in (right[None], right.ravel() if right.ndim > 1 else np.array(right[0])):
                with rejects(self.op, ranked, wrong.shape):
                    self.run(probe, arrays | {ranked: wrong})

    def test_wrong_dtype_is_refused(self, probe, array, bad_dtype):
        arrays = self.arrays(probe, np.float32)
        with rejects(self.op, array, np.dtype(bad_dtype).name):
            self.run(probe, arrays | {array: arrays[array].astype(bad_dtype)})

    def test_mixed_dtypes_are_refused(self, probe, array):
        arrays = self.arrays(probe, np.float32)
        if sum(map(is_real, arrays.values())) > 1:
            with rejects(self.op, "float32", "float64"):
                self.run(probe, arrays | {array: arrays[array].astype(np.float64)})

    def test_nothing_outside_the_arrays_is_touched(self, side, isa, dtype):
        def guarded(name):
            arrays = self.arrays(name, dtype)
            return {k: buffers.next_to_guard(a, side) for k, a in arrays.items()}

        child.forked(lambda name: self.check(name, self.run(name, guarded(name))), self.cases)


class Out(Contract):
    """out= is filled and returned; one that does not fit is refused before anything is written."""

    def test_out_is_filled_and_returned(self, name, isa, dtype):
        host, out = buffers.between_canaries(self.oracle(name).shape, dtype, shift=1)
        assert self.run(name, self.arrays(name, dtype), out=out) is out
        self.check(name, out)
        buffers.assert_canaries(host, out)

    def test_nothing_outside_out_is_touched(self, side, isa, dtype):
        def work(name):
            out = buffers.next_to_guard(np.zeros(self.oracle(name).shape, dtype), side)
            self.check(name, self.run(name, self.arrays(name, dtype), out=out))

        child.forked(work, self.cases)

    def test_strided_out_is_filled_or_refused(self, probe, dtype):
        out = buffers.strided(np.zeros(self.oracle(probe).shape, dtype))
        before = out.base.copy()
        try:
            self.run(probe, self.arrays(probe, dtype), out=out)
        except (ValueError, TypeError) as error:
            assert named(str(error), self.op) and "out" in str(error)
            tolerance.assert_same(out.base, before)
        else:
            self.check(probe, out)
            tolerance.assert_same(out.base, buffers.strided(out).base)  # nothing in the gaps

    @pytest.mark.parametrize("wrong", ["shape", "rank", "dtype", "read_only", "list", "big_endian"])
    def test_wrong_out_is_refused(self, probe, wrong):
        shape, dtype = self.oracle(probe).shape, np.float32
        out = {
            "shape": np.zeros((*shape[:-1], shape[-1] + 1) if shape else (2,), dtype),
            "rank": np.zeros((1, *shape), dtype),
            "dtype": np.zeros(shape, np.float64),
            "read_only": buffers.read_only(np.zeros(shape, dtype)),
            "list": np.zeros(shape, dtype).tolist(),
            "big_endian": np.zeros(shape, np.dtype(dtype).newbyteorder(">")),
        }[wrong]
        with rejects(self.op, "out"):
            self.run(probe, self.arrays(probe, dtype), out=out)
        np.testing.assert_array_equal(np.asarray(out), 0)

    def test_out_that_overlaps_an_input_is_refused(self, probe, array, dtype):
        arrays = self.arrays(probe, dtype)
        arrays[array], out = buffers.overlapping(arrays[array], self.oracle(probe).shape, dtype)
        before = arrays[array].tobytes(), out.tobytes()
        if array in self.copied:
            return self.check(probe, self.run(probe, arrays, out=out))
        with rejects(self.op, "out"):
            self.run(probe, arrays, out=out)
        assert before == (arrays[array].tobytes(), out.tobytes())


class Image(Contract):
    """Inputs named in `images` may be Blocked; then so is the result, if it is an image."""

    images: tuple = ("x",)
    blocked_result = True

    @classmethod
    def choices(cls):
        def is_image(name):
            return all(made(cls, name)[0][k].ndim == 4 for k in cls.images if k in made(cls, name)[0])

        return super().choices() | {
            "image_name": [name for name in cls.cases if is_image(name)],
            "image_probe": [name for name in cls.few() if is_image(name)] or list(filter(is_image, cls.cases))[:2],
            "image": list(cls.images),
        }

    def blocked_arrays(self, arrays):
        return arrays | {k: fastnn.blocked(arrays[k]) for k in self.images if k in arrays}

    def test_blocked_gives_blocked(self, image_name, isa, dtype):
        arrays = self.blocked_arrays(self.arrays(image_name, dtype))
        before = {k: arrays[k].data.tobytes() for k in self.images if k in arrays}
        result = self.run(image_name, arrays)
        if self.blocked_result:
            buffers.assert_blocked(result, self.oracle(image_name).shape, dtype)
        self.check(image_name, result)
        assert before == {k: arrays[k].data.tobytes() for k in before}

    def test_one_blocked_image_among_plain_ones(self, image_probe, image, dtype):
        arrays = self.arrays(image_probe, dtype)
        arrays[image] = fastnn.blocked(arrays[image])
        self.check(image_probe, self.run(image_probe, arrays))

    def test_empty_blocked_batch(self, image_probe, dtype):
        arrays = self.arrays(image_probe, dtype)
        arrays |= {k: arrays[k][:0] for k in self.batch}
        result = np.asarray(self.run(image_probe, self.blocked_arrays(arrays)))
        tolerance.assert_close(result, self.expected(self.cases[image_probe], arrays), self.family)

    def test_thread_counts_give_the_same_bits_blocked(self, isa, dtype):
        self.check_threads(dtype, self.blocked_arrays)


class ImageOut(Image, Out):
    """A Blocked may be given as out= too."""

    def test_blocked_out(self, image_probe, isa, dtype):
        arrays, shape = self.blocked_arrays(self.arrays(image_probe, dtype)), self.oracle(image_probe).shape
        out = Blocked.empty(shape, dtype)
        out.data[...] = np.nan
        assert self.run(image_probe, arrays, out=out) is out
        buffers.assert_blocked(out, shape, dtype)
        self.check(image_probe, out)

    def test_wrong_blocked_out_is_refused(self, image_probe, dtype):
        arrays, shape = self.blocked_arrays(self.arrays(image_probe, dtype)), self.oracle(image_probe).shape
        other = np.float32 if dtype is np.float64 else np.float64
        for out in (Blocked.zeros((*shape[:3], shape[3] + 1), dtype), Blocked.zeros(shape, other)):
            with rejects(self.op, "out"):
                self.run(image_probe, arrays, out=out)
            np.testing.assert_array_equal(out.data, 0)


class Differentiable(Contract):
    """The op's gradients are those of its values."""

    def gradients(self, case, a, gy, y):
        """Input -> gradient, by the op's own gradient functions."""
        raise NotImplementedError

    def test_gradients(self, name):
        gradcheck.assert_gradients(
            functools.partial(self.call, self.cases[name]),
            self.arrays(name, np.float64),
            functools.partial(self.gradients, self.cases[name]),
            seed=zlib.crc32(name.encode()),
        )
