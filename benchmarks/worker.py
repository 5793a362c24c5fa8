"""The loop inside a peer's process: one JSON request per line in, one JSON reply per line out.

Started as ``python -m <package>.worker MODULE VARIANT THREADS``. Between requests the process blocks on its
pipe. It answers a timing request only after its own threads have come to rest, so that a library which goes
on spinning for a while takes nothing from the peer that is measured next.
"""

from __future__ import annotations

import gc
import importlib
import json
import math
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from . import gradients, ops, reference, train_networks
from .cases import ConvCase, TrainCase, from_dict
from .train_networks import StepCase

SAMPLE_SECONDS = 0.02
WARM_SECONDS = 0.005
REST_SECONDS = 2.0
# Some kernels count the time of a running thread at their ticks only, of 4 ms: windows of 3 ms let one that still spun
# for 30 ms after ONNX Runtime's turn take half a core from the peer that followed.
REST_WINDOW = 0.015


class Worker:
    """Holds the library and the job at hand; every public method is a request."""

    def __init__(self, module: str, variant: str, threads: int) -> None:
        self.module = importlib.import_module(module)
        self.library = self.module.Library(variant, threads)
        self.job: Any = None
        self.calls = 0

    def hello(self) -> dict:
        """Name the library's version, and the instruction set where the library tells."""
        isa = getattr(self.library, "isa", lambda: None)
        blas = getattr(self.library, "blas", lambda: None)
        return {"version": self.module.version(), "isa": isa(), "blas": blas()}

    def setup(self, kind: str, case: dict, limit: float, algorithm: str = "auto", exact: str | None = None) -> dict:
        """Prepare a case and check what comes out; nothing is timed, so several processes may do it at once.

        ``algorithm`` is for a library that has a choice; ``exact`` names a file for what is compared with, written
        by the first process and read by the others.
        """
        self.job, self.calls = None, 0
        gc.unfreeze()
        gc.collect()
        described = from_dict(kind, case)
        if hasattr(self.library, "algorithm"):
            self.library.algorithm = algorithm
        self.job = getattr(self.library, kind)(described)
        if isinstance(described, TrainCase):
            losses = [float(self.job.fetch(self.job.run())) for _ in range(reference.STEPS)]
            error, limit = reference.loss_error(described, losses), reference.LOSS_TOLERANCE
        elif isinstance(described, StepCase):
            error, limit = self._step_error(described, exact), train_networks.LIMIT
        else:
            limit = described.op.tolerance if isinstance(described, ops.OpCase) else limit
            self.job.run()  # checked is the second call: a first one may leave its input overwritten
            error = self._error(kind, described, self.job.fetch(self.job.run()), exact)
        gc.collect()
        gc.freeze()  # torch alone leaves 300 ms of work for every later collection
        return {
            "error": error if math.isfinite(error) else None,
            "limit": limit,
            "ok": error <= limit,
            "note": self.job.note,
            **self._rest(),
        }

    @staticmethod
    def _error(kind: str, case: ConvCase | ops.OpCase, result: Any, path: str | None) -> float:
        exact = _shared(path, lambda: _expected(kind, case))
        check = {"conv": reference.conv_error, "backward": gradients.error}.get(kind, ops.error)
        return check(case, result, exact)

    def _step_error(self, case: StepCase, path: str | None) -> float:
        exact = _shared(path, lambda: self.library.exact_step(case))
        losses = [float(self.job.fetch(self.job.run()))]
        found = self.job.gradients()
        losses += [float(self.job.fetch(self.job.run())) for _ in range(train_networks.STEPS - 1)]
        return train_networks.exact_error(case, losses, found, exact)

    def memory(self, kind: str, case: dict) -> dict:
        """Prepare a case and tell by how many bytes its first steps raise this process's peak; nothing is checked."""
        self.job = getattr(self.library, kind)(from_dict(kind, case))
        gc.collect()
        before = _forget_peak()
        for _ in range(train_networks.STEPS):
            self.job.run()
        return {"bytes": None if before is None else max(0, _status("VmHWM") - before)}

    def time(self) -> dict:
        """Warm up, then time one sample; seconds per call. The first request finds how many calls make a sample."""
        run = self.job.run
        self.calls = self.calls or self._calibrate()
        end = time.perf_counter() + WARM_SECONDS
        run()
        while time.perf_counter() < end:
            run()
        return {"seconds": self._sample(self.calls), "calls": self.calls, **self._rest()}

    def machine(self, what: str) -> dict:
        """Measure a limit of the machine (fma_peak, copy_bandwidth), where the library can."""
        measure = getattr(self.library, what, None)
        return {"value": measure() if measure else None, **self._rest()}

    def sleep(self, seconds: float) -> dict:
        """Run once, sleep, and tell what share of one CPU the process used meanwhile."""
        self.job.run()
        time.sleep(0.5)
        start, cpu = time.perf_counter(), time.process_time()
        time.sleep(seconds)
        return {"cpu": (time.process_time() - cpu) / (time.perf_counter() - start)}

    def _sample(self, calls: int) -> float:
        run = self.job.run
        gc.collect()
        gc.disable()
        start = time.perf_counter()
        for _ in range(calls):
            run()
        taken = time.perf_counter() - start
        gc.enable()
        return taken / calls

    def _calibrate(self) -> int:
        calls = 1
        while True:
            taken = self._sample(calls) * calls
            if taken >= SAMPLE_SECONDS / 2:
                return max(1, math.ceil(calls * SAMPLE_SECONDS / taken))
            calls *= 2

    @staticmethod
    def _rest() -> dict:
        """Wait until the process uses less than a tenth of a CPU; tell if it never does."""
        end = time.perf_counter() + REST_SECONDS
        while time.perf_counter() < end:
            start, cpu = time.perf_counter(), time.process_time()
            time.sleep(REST_WINDOW)
            if time.process_time() - cpu < 0.1 * (time.perf_counter() - start):
                return {"rested": True}
        return {"rested": False}


def _shared(path: str | None, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays in the file; where there is none yet, those that `make` gives, which then go there."""
    if path and os.path.exists(path):
        with np.load(path) as file:
            return dict(file)
    arrays = make()
    if path:
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), suffix=".npz", delete=False) as file:
            np.savez(file, **arrays)
        os.replace(file.name, path)  # in one step: two processes may arrive here together
    return arrays


def _forget_peak() -> int | None:
    """Set this process's peak of resident memory to what it holds now, and return that; None where nobody tells."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
        return _status("VmRSS")
    except OSError:
        return None


def _status(key: str) -> int:
    """Bytes of a line in this process's status."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))


def _expected(kind: str, case: ConvCase | ops.OpCase) -> dict[str, np.ndarray]:
    if isinstance(case, ops.OpCase):
        return ops.expected(case, kind)
    return gradients.expected(case) if kind == "backward" else reference.expected(case, *case.arrays())


def main(argv: list[str]) -> None:
    """Serve requests until standard input ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not get between the replies

    def answer(**reply: Any) -> None:
        replies.write(json.dumps(reply) + "\n")
        replies.flush()

    try:
        worker = Worker(argv[0], argv[1], int(argv[2]))
        answer(**worker.hello())
    except BaseException as error:
        traceback.print_exc()
        answer(failed=f"{type(error).__name__}: {error}")
        return
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer(**getattr(worker, request.pop("do"))(**request))
        except NotImplementedError as error:
            answer(cannot=str(error))
        except Exception as error:
            traceback.print_exc()
            answer(failed=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
    # Some libraries crash while their threads and allocators are torn down; everything is said and flushed.
    sys.stderr.flush()
    os._exit(0)
