"""The thread pool: its size, Python threads beside it, forks in the middle, silence when idle."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import child
import numpy as np
import pytest
from contract import rejects

import fastnn
from fastnn import ops

BUSY = """if True:
    import numpy as np, fastnn, os, time
    x = np.ones((4, 32, 40, 40), np.float32)
    w = np.ones((64, 32, 3, 3), np.float32)
    """
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

X = np.random.default_rng(0).standard_normal((4, 32, 24, 26)).astype(np.float32)
WEIGHT = np.random.default_rng(1).standard_normal((48, 32, 3, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def same_count_afterwards():
    before = fastnn.get_num_threads()
    yield
    fastnn.set_num_threads(before)


@pytest.fixture(scope="module")
def right():
    with fastnn.num_threads(1):
        return ops.conv2d(X, WEIGHT).tobytes()


def compute_and_compare(right):
    assert ops.conv2d(X, WEIGHT).tobytes() == right


def test_the_count_can_be_set_and_read():
    for count in (1, 2, 3, 7):
        fastnn.set_num_threads(count)
        assert fastnn.get_num_threads() == count


def test_the_context_manager_restores_the_count_even_after_an_error():
    fastnn.set_num_threads(3)
    with fastnn.num_threads(2):
        assert fastnn.get_num_threads() == 2
        with fastnn.num_threads(1):
            assert fastnn.get_num_threads() == 1
        assert fastnn.get_num_threads() == 2
    with pytest.raises(KeyError), fastnn.num_threads(1):
        raise KeyError
    assert fastnn.get_num_threads() == 3


@pytest.mark.parametrize(
    "count, word",
    [(0, 0), (-1, -1), (2**40, 2**40), (1.5, "float"), ("2", "str"), (None, "None"), (float("nan"), "float")],
)
def test_counts_that_are_none_are_refused(count, word):
    before = fastnn.get_num_threads()
    with rejects("set_num_threads", word):
        fastnn.set_num_threads(count)
    with pytest.raises((ValueError, TypeError)), fastnn.num_threads(count):
        pytest.fail("entered")
    assert fastnn.get_num_threads() == before


def test_the_environment_sets_the_count():
    code = "import fastnn; print(fastnn.get_num_threads())"
    assert child.output_of(code, FASTNN_NUM_THREADS=3) == "3"
    for wrong in ("0", "-2", "many", "1.5", ""):
        status, out, err = child.python(code, FASTNN_NUM_THREADS=wrong)
        assert "FASTNN_NUM_THREADS" in err if wrong else (status == 0 and int(out) > 0)


@pytest.mark.parametrize("spin", [0, 2000])
def test_any_spinning_time_gives_right_results(spin):
    code = BUSY + "print(all(abs(fastnn.ops.conv2d(x, w)[1, 2, 3, 4] - 288) < 1e-3 for _ in range(50)))"
    assert child.output_of(code, FASTNN_NUM_THREADS=3, FASTNN_SPIN_US=spin) == "True"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs sched_setaffinity")
def test_affinity_limits_the_default():
    one = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{one}}}); import fastnn; print(fastnn.get_num_threads())"
    assert child.output_of(code, FASTNN_NUM_THREADS=None) == "1"


def test_the_default_is_no_larger_than_the_machine():
    count = int(child.output_of("import fastnn; print(fastnn.get_num_threads())", FASTNN_NUM_THREADS=None))
    assert 1 <= count <= (os.cpu_count() or 1)


def test_eight_python_threads_at_once(right):
    """They share one pool: whoever finds it busy works alone, and everybody gets the right bits."""
    fastnn.set_num_threads(3)
    start = threading.Barrier(8)

    def work(_):
        start.wait()
        return [ops.conv2d(X, WEIGHT).tobytes() == right for _ in range(6)]

    with ThreadPoolExecutor(8) as pool:
        assert all(all(results) for results in pool.map(work, range(8)))


def test_python_threads_that_change_the_count_while_others_compute(right):
    stop = threading.Event()

    def change():
        while not stop.is_set():
            for count in (1, 4, 2, 6):
                fastnn.set_num_threads(count)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        assert all(ops.conv2d(X, WEIGHT).tobytes() == right for _ in range(30))
    finally:
        stop.set()
        changer.join()


def test_one_packed_weight_in_many_threads():
    packed = ops.pack_conv2d(WEIGHT)
    expected = packed(X).tobytes()
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: packed(X).tobytes() == expected, range(40)))


@forking
def test_parent_and_child_both_go_on_after_a_fork(right):
    fastnn.set_num_threads(3)
    compute_and_compare(right)

    def work(_):
        assert fastnn.get_num_threads() == 3
        compute_and_compare(right)
        child.forked(lambda _: compute_and_compare(right))
        compute_and_compare(right)

    child.forked(work)
    compute_and_compare(right)
    child.forked(work)


@forking
def test_a_fork_while_another_thread_computes(right):
    fastnn.set_num_threads(2)
    stop, results = threading.Event(), []

    def compute():
        while not stop.is_set():
            results.append(ops.conv2d(X, WEIGHT).tobytes() == right)

    worker = threading.Thread(target=compute)
    worker.start()
    try:
        for _ in range(5):
            child.forked(lambda _: compute_and_compare(right))
    finally:
        stop.set()
        worker.join()
    assert results and all(results)


@forking
def test_multiprocessing_by_fork():
    code = (
        BUSY
        + """
    import multiprocessing
    def total(i): return float(fastnn.ops.conv2d(x, w).sum())
    y = total(0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(all(value == y for value in pool.map(total, range(4))), total(0) == y)
    """
    )
    assert child.output_of(code, FASTNN_NUM_THREADS=2) == "True True"


@linux
def test_threads_start_with_the_first_large_call_and_small_calls_stay_alone():
    code = (
        BUSY
        + """
    tasks = lambda: len(os.listdir('/proc/self/task'))
    before = tasks()
    fastnn.ops.relu(np.ones(4, np.float32))
    fastnn.ops.conv2d(x[:1, :1, :4, :4].copy(), w[:1, :1].copy())
    small = tasks()
    fastnn.ops.conv2d(x, w)
    print(small - before, tasks() - before)
    """
    )
    assert child.output_of(code, FASTNN_NUM_THREADS=3) == "0 2"


def test_a_process_that_has_nothing_to_do_uses_no_cpu():
    code = (
        BUSY
        + """
    fastnn.ops.conv2d(x, w)
    time.sleep(0.1)
    before = sum(os.times()[:2]); time.sleep(1); print(sum(os.times()[:2]) - before)
    """
    )
    ticks_of_the_clock = 2 / 100  # os.times counts hundredths of a second
    assert float(child.output_of(code, FASTNN_NUM_THREADS=2)) < ticks_of_the_clock


def test_a_process_ends_cleanly_with_its_pool_alive():
    code = (
        BUSY
        + """
    import threading
    threading.Thread(target=lambda: [fastnn.ops.conv2d(x, w) for _ in range(20)], daemon=True).start()
    time.sleep(0.05)
    """
    )
    start = time.monotonic()
    assert child.python(code, FASTNN_NUM_THREADS=3)[0] == 0
    assert time.monotonic() - start < child.TIMEOUT


def test_other_python_threads_run_during_a_call():
    """The interpreter lock is released: a counter advances while a long convolution runs."""
    x, weight = np.ones((8, 64, 48, 48), np.float32), np.ones((96, 64, 3, 3), np.float32)
    counts, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counts[0] += 1

    counter = threading.Thread(target=count)
    before_switch = sys.getswitchinterval()
    counter.start()
    try:
        sys.setswitchinterval(1e-4)
        with fastnn.num_threads(1):
            before = counts[0]
            ops.conv2d(x, weight)
            assert counts[0] > before
    finally:
        sys.setswitchinterval(before_switch)
        stop.set()
        counter.join()


def test_threadpoolctl_sees_and_limits_the_pool():
    threadpoolctl = pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")
    fastnn.set_num_threads(3)
    mine = [info for info in threadpoolctl.threadpool_info() if info["internal_api"] == "fastnn"]
    assert [info["num_threads"] for info in mine] == [3]
    with threadpoolctl.threadpool_limits(limits=1):
        assert fastnn.get_num_threads() == 1
    assert fastnn.get_num_threads() == 3
