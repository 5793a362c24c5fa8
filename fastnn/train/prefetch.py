"""Work ahead on a thread: the next batches are made while the current one is used."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Generator, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def prefetch(items: Iterable[T], depth: int = 2) -> Generator[T, None, None]:
    """The same items in the same order, made ahead on a thread.

    An exception of the thread is raised here, at the place of the item that it kept from being made. The
    thread ends with the iterator: when it is exhausted, closed (``break`` in a ``for`` loop does so) or
    collected.

    Parameters
    ----------
    items : any iterable; only the thread touches it until the end.
    depth : how many finished items may wait; 0 means no thread.

    Raises
    ------
    ValueError
        For a negative depth.
    RuntimeError
        Where the iterator is used in a process forked after its start: threads do not survive a fork.

    Examples
    --------
    >>> from fastnn import train
    >>> list(train.prefetch(range(4), depth=2))
    [0, 1, 2, 3]
    """
    if depth < 0:
        raise ValueError(f"prefetch: depth must not be negative, is {depth}")
    return (item for item in items) if depth == 0 else _consume(items, depth)


def _consume(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    ahead = _Ahead(items, depth)
    try:
        while True:
            done, item = ahead.take()
            if done:
                return
            yield item
    finally:
        ahead.stop()


class _Ahead(Generic[T]):
    """A thread that fills a queue of bounded length."""

    def __init__(self, items: Iterable[T], depth: int) -> None:
        self._items, self._depth, self._pid = items, depth, os.getpid()
        self._ready: deque[tuple[bool, Any]] = deque()  # (False, item), or (True, exception or None) at the end
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="fastnn-prefetch", daemon=True)
        self._thread.start()

    def take(self) -> tuple[bool, Any]:
        """(False, next item) or (True, None); raises what the thread raised."""
        if os.getpid() != self._pid:
            raise RuntimeError("prefetch: this iterator was started before a fork; make a new one in the child")
        with self._changed:
            while not self._ready:
                self._changed.wait()
            done, item = self._ready.popleft()
            self._changed.notify()
        if done and item is not None:
            raise item
        return done, item

    def stop(self) -> None:
        """Ask the thread to end, and wait for it: it finishes the item that it is making."""
        if os.getpid() != self._pid:  # the lock may be held by a thread that does not exist here
            return
        with self._changed:
            self._stopped = True
            self._ready.clear()
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        last: BaseException | None = None
        try:
            for item in self._items:
                if not self._offer((False, item)):
                    return
        except BaseException as error:
            last = error
        finally:
            if isinstance(self._items, Generator):  # its own `finally` runs on the thread that ran it
                self._items.close()
        self._offer((True, last))

    def _offer(self, entry: tuple[bool, Any]) -> bool:
        with self._changed:
            while len(self._ready) >= self._depth and not self._stopped:
                self._changed.wait()
            if self._stopped:
                return False
            self._ready.append(entry)
            self._changed.notify()
            return True
