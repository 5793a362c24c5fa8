"""How many threads one call may use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from fastnn import _kernels, _threadpoolctl

__all__ = ["get_num_threads", "num_threads", "set_num_threads"]

_MOST = 256


def set_num_threads(n: int) -> None:
    """Let every call use at most `n` threads, the calling one included.

    Parameters
    ----------
    n : int
        1 to 256. ``FASTNN_NUM_THREADS`` sets it at import; the default is the number of physical cores that this
        process may use, or less where a container's CPU quota says so.

    Raises
    ------
    ValueError, TypeError
        If `n` is no such number.

    >>> set_num_threads(get_num_threads())
    """
    if not isinstance(n, int) or isinstance(n, bool):
        raise TypeError(f"set_num_threads: n must be an int, got {type(n).__name__}")
    if not 1 <= n <= _MOST:
        raise ValueError(f"set_num_threads: n must be in 1..{_MOST}, got {n}")
    _kernels.set_num_threads(n)


def get_num_threads() -> int:
    """Threads that one call may use.

    >>> get_num_threads() >= 1
    True
    """
    return _kernels.get_num_threads()


@contextmanager
def num_threads(n: int) -> Iterator[None]:
    """Use at most `n` threads inside a ``with`` block. The setting is the process's, not the thread's.

    >>> with num_threads(1):
    ...     get_num_threads()
    1
    """
    before = get_num_threads()
    set_num_threads(n)
    try:
        yield
    finally:
        set_num_threads(before)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _cgroup_quota() -> float:
    """CPUs that the container may use (cgroup v2, then v1); infinity when it does not say."""
    words = _read("/sys/fs/cgroup/cpu.max").split()
    if not words:
        quota = _read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").strip()
        period = _read("/sys/fs/cgroup/cpu/cpu.cfs_period_us").strip()
        words = [quota, period]
    try:
        quota_us, period_us = float(words[0]), float(words[1])
    except (IndexError, ValueError):
        return float("inf")
    return quota_us / period_us if quota_us > 0 and period_us > 0 else float("inf")


def _physical_cores(cpus: set[int]) -> int:
    """Cores that the logical processors `cpus` lie on; siblings of one core share its multiply-add units."""
    cores = set()
    for cpu in cpus:
        siblings = _read(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").strip()
        cores.add(siblings or cpu)
    return len(cores)


def _default() -> int:
    if hasattr(os, "sched_getaffinity"):
        cores = _physical_cores(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return int(max(1, min(cores, _cgroup_quota(), _MOST)))


def _apply_environment() -> None:
    for name, apply, least in (
        ("FASTNN_NUM_THREADS", set_num_threads, 1),
        ("FASTNN_SPIN_US", _kernels.set_spin_us, 0),
    ):
        text = os.environ.get(name, "")
        if not text:
            continue
        if not text.isdecimal() or int(text) < least or int(text) > 1_000_000:
            raise ValueError(f"{name}={text}: expected a whole number of at least {least}")
        apply(int(text))


set_num_threads(_default())
_apply_environment()
_threadpoolctl.install()
