"""Memory: nothing grows over many calls, errors leak nothing, out= is enough, views stay alive."""

import gc
import sys
import tracemalloc

import child
import numpy as np
import pytest
import tolerance
from contract import rejects

import fastnn
from fastnn import ops

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
SETUP = """if True:
    import numpy as np, fastnn, pickle, resource
    from fastnn import ops
    def resident():
        with open('/proc/self/statm') as f:
            return int(f.read().split()[1]) * resource.getpagesize()
    x = np.ones((2, 20, 33, 35), np.float32)
    w = np.ones((40, 20, 3, 3), np.float32)
    bx = fastnn.blocked(x)
    y = ops.conv2d(x, w); by = ops.conv2d(bx, w)
    packed = ops.pack_conv2d(w, algorithm="winograd4")
    """
# One leaked result of a call would be 100 KB or more; 200 of them are 20 MB. The first 200 fill the bounded caches.
GROW = (
    SETUP
    + """
    def round_trip():
        {body}
    for _ in range(200):
        round_trip()
    before = resident()
    for _ in range(200):
        round_trip()
    print(resident() - before)
    """
)
ALLOWED_GROWTH = 2 * 2**20  # bytes; the cache of freed blocks may still settle


@linux
@pytest.mark.parametrize(
    "body",
    [
        "ops.conv2d(x, w)",
        "ops.conv2d(bx, w)",
        "ops.pack_conv2d(w)(x)",
        "packed(x)",
        "packed(x, out=y)",
        "ops.pack_conv2d(w, algorithm='winograd4')(bx)",
        "ops.conv2d(x, w, algorithm='winograd2')",
        "packed(np.ones((1, 20, 3, 3 + np.random.randint(200)), np.float32))",
        "pickle.loads(pickle.dumps(packed))(x)",
        "ops.conv2d_grad_input(y, w, x.shape)",
        "ops.conv2d_grad_weight(by, bx, w.shape)",
        "ops.max_pool2d(x, 2, return_indices=True)",
        "ops.avg_pool2d(bx, 2)",
        "fastnn.blocked(x).numpy()",
        "np.from_dlpack(fastnn.blocked(x))",
        "ops.linear(x, np.ones((64, 35), np.float32))",
        "ops.relu(x); ops.softmax(x)",
    ],
)
def test_memory_does_not_grow_over_many_calls(body):
    assert int(child.output_of(GROW.format(body=body))) < ALLOWED_GROWTH


def test_freed_memory_goes_to_requests_of_its_size():
    code = """if True:
        import numpy as np
        from fastnn import ops
        inputs = [np.ones(n << 17, np.float32) for n in (2, 3)]
        results = [ops.relu(x) for x in inputs]
        before = [y.ctypes.data for y in results]
        results[0] = None
        results[1] = None  # freed last, and large enough for either
        results = [ops.relu(x) for x in inputs]
        print(before == [y.ctypes.data for y in results])
        """
    assert child.output_of(code).strip() == "True"


@linux
@pytest.mark.parametrize(
    "call",
    [
        "ops.conv2d(x, w, stride=0)",
        "ops.conv2d(x, w.astype(np.float64))",
        "ops.conv2d(bx, w, out=np.zeros((2, 3), np.float32))",
        "ops.conv2d(x, w, out=x)",
        "ops.max_pool2d(bx, 99)",
        "ops.pack_conv2d(w)(x[:, :3])",
        "packed(x[:, :3])",
        "ops.conv2d(x, w, stride=2, algorithm='winograd4')",
        "ops.linear(x, w)",
        "ops.cross_entropy(x[0, 0], np.full(33, 99))",
        "fastnn.blocked(x.astype(np.int64))",
    ],
)
def test_errors_leak_nothing(call):
    body = f"""
        for _ in range(20):
            try: {call}
            except (ValueError, TypeError): pass
            else: raise SystemExit("no error")"""
    assert int(child.output_of(GROW.format(body=body))) < ALLOWED_GROWTH


@linux
@pytest.mark.parametrize(
    "call",
    [
        "ops.conv2d(x, w, padding=1, out=out)",
        "ops.conv2d(x, w, padding=1, algorithm='direct', out=out)",
        "ops.pack_conv2d(w, padding=1, input_shape=x.shape)(x, out=out)",
        "ops.max_pool2d(x, 3, 1, 1, out=out)",
        "ops.avg_pool2d(x, 3, 1, 1, out=out)",
        "ops.relu(x, out=out)",
        "ops.softmax(x, out=out)",
    ],
)
def test_out_needs_no_second_result(call):
    code = f"""if True:
        import numpy as np, resource
        from fastnn import ops
        unit = 2**10 if {sys.platform == "linux"} else 1
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        x = np.ones((8, 64, 128, 128), np.float32)
        w = np.ones((64, 64, 3, 3), np.float32) if 'conv' in {call!r} else None
        out = np.ones_like(x)
        before = peak()
        {call}
        print(peak() - before, out.nbytes)"""
    grown, size = map(int, child.output_of(code).split())
    assert grown < size / 4, f"{grown} bytes on top of a result of {size}"


@linux
@pytest.mark.parametrize("algorithm", ["direct", "winograd2", "winograd4"])
def test_a_second_packed_call_with_out_allocates_nothing(algorithm):
    """The largest size that the process ever had stays what it was: scratch is taken from freed blocks."""
    code = f"""if True:
        import numpy as np, resource
        from fastnn import ops
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 2**10
        x, w = np.ones((2, 64, 64, 64), np.float32), np.ones((64, 64, 3, 3), np.float32)
        out, packed = np.ones_like(x), ops.pack_conv2d(w, padding=1, algorithm={algorithm!r})
        for _ in range(2): packed(x, out=out)
        before = peak()
        for _ in range(20): packed(x, out=out)
        print(peak() - before)"""
    page = 4096
    assert int(child.output_of(code)) < 16 * page


def test_python_objects_do_not_pile_up():
    x, weight = np.ones((1, 3, 8, 8), np.float32), np.ones((4, 3, 3, 3), np.float32)
    packed = ops.pack_conv2d(weight)

    def calls():
        for _ in range(50):
            packed(fastnn.blocked(x)).numpy()
            ops.max_pool2d(ops.conv2d(x, weight), 2)
            with rejects("conv2d", "stride"):
                ops.conv2d(x, weight, stride=0)

    calls()
    gc.collect()
    tracemalloc.start()
    try:
        calls()
        gc.collect()
        first = tracemalloc.get_traced_memory()[0]
        calls()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - first
    finally:
        tracemalloc.stop()
    per_call = 1  # byte: 100 leaked objects would be thousands
    assert grown < 50 * per_call * 16, f"{grown} bytes after 50 rounds"


def test_a_result_stays_valid_while_later_calls_reuse_memory():
    """Freed blocks are kept for later results: never one that somebody still looks at."""
    x = np.random.default_rng(0).standard_normal((2, 20, 9, 11)).astype(np.float32)
    whole = ops.relu(x)
    expected = whole[1, 3:5].copy()
    view = whole[1, 3:5]
    del whole
    for _ in range(30):
        ops.relu(-x)
    tolerance.assert_same(view, expected)


@pytest.mark.parametrize("look", [lambda b: b.data, lambda b: b.data[..., :3], np.from_dlpack, np.asarray])
def test_what_was_taken_from_a_blocked_outlives_it(look):
    x = np.random.default_rng(0).standard_normal((2, 20, 9, 11)).astype(np.float32)
    blocked = fastnn.blocked(x)
    view = look(blocked)
    expected = np.array(view)
    del blocked
    gc.collect()
    for _ in range(30):
        fastnn.blocked(-x)
    tolerance.assert_same(np.asarray(view), expected)


def test_results_are_the_callers_own():
    """Writable, dense, and no two results share memory, nor a result and an input."""
    x = np.ones((1, 3, 6, 6), np.float32)
    for call in (
        lambda: ops.relu(x),
        lambda: ops.conv2d(x, np.ones((3, 3, 1, 1), np.float32)),
        lambda: ops.max_pool2d(x, 1),
        lambda: ops.avg_pool2d(x, 1),
        lambda: ops.softmax(x),
        lambda: fastnn.blocked(x).numpy(),
    ):
        one, two = call(), call()
        assert one.flags.writeable and one.flags.c_contiguous and one.flags.aligned
        assert not np.shares_memory(one, two) and not np.shares_memory(one, x)


def test_a_request_beyond_the_memory_is_a_memory_error_and_leaves_all_well():
    """A shape that could exist, but not here: 2^44 elements."""
    huge = (2**12, 2**12, 2**10, 2**10)
    with pytest.raises(MemoryError):
        ops.Blocked.empty(huge, np.float32)
    with pytest.raises(MemoryError):
        ops.conv2d(np.ones((1, 1, 1, 1), np.float32), np.ones((1, 1, 1, 1), np.float32), padding=2**20)
    assert ops.relu(np.float32([-1, 2])).tolist() == [0, 2]
