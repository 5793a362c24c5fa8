"""The peers' processes: one each, started together, asked by one JSON line at a time.

A process that has died, as a library may on a layer it cannot do, is started again for the next one.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .peers import Peer

TIMEOUT = 600.0
ROOT = Path(__file__).parents[__package__.count(".") + 1]
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "FASTNN_NUM_THREADS",
)
# They hold OpenBLAS to kernels of another processor; without them NumPy's own (0.3.31) picks those of this one.
HOLDING_BACK = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class PeerError(RuntimeError):
    """A peer could not do what it was asked; the message says why."""


class NoSuchForm(PeerError):
    """The library has no form of the case; the message says what is lacking."""


def environment(threads: int, isa: str | None = None) -> dict[str, str]:
    """Return a worker's environment: ``threads`` for every thread pool; fastnn held to ``isa`` if given."""
    env = {name: value for name, value in os.environ.items() if name not in HOLDING_BACK}
    env.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
    if isa:
        env["FASTNN_ISA"] = isa
    return env


class Worker:
    """A peer in a process of its own.  `ask` sends a request and waits for the reply."""

    def __init__(self, peer: Peer, threads: int, isa: str | None = None) -> None:
        self.peer = peer
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 (close)
        command = [sys.executable, "-m", f"{__package__}.worker", peer.module, peer.variant, str(threads)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            env=environment(threads, isa),
        )
        self._replies: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.about = self._reply()
        except PeerError:
            self.close()
            raise

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """Have the worker do something.

        Raises
        ------
        PeerError
            If it fails, dies, or takes longer than ten minutes.
        """
        try:
            self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise PeerError(self._died()) from None
        return self._reply()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End the process; a library that hangs at its exit is killed."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def _read(self) -> None:
        with contextlib.suppress(ValueError):
            for line in self._process.stdout:
                self._replies.put(line)
        self._replies.put("")

    def _reply(self) -> dict[str, Any]:
        try:
            line = self._replies.get(timeout=TIMEOUT)
        except queue.Empty:
            self._process.kill()
            raise PeerError(f"no answer within {TIMEOUT:.0f} s") from None
        if not line:
            raise PeerError(self._died())
        reply = json.loads(line)
        if "cannot" in reply:
            raise NoSuchForm(reply["cannot"])
        if "failed" in reply:
            raise PeerError(reply["failed"])
        return reply

    def _died(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        self._log.seek(0)
        last = self._log.read().strip().splitlines()[-1:]
        return f"process ended with status {self._process.returncode}" + "".join(f": {line}" for line in last)


@dataclass
class Field:
    """The peers of one run: the workers, and for every peer without one the reason why.

    ``folder`` holds what results are compared with, so that one worker computes it for all.
    """

    threads: int
    isa_asked: str | None = None
    folder: str = ""
    workers: dict[str, Worker] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    other_load: list[float] = field(default_factory=list)

    @property
    def versions(self) -> dict[str, str]:
        return {name: worker.about["version"] for name, worker in self.workers.items()}

    @property
    def isa(self) -> str | None:
        return next((w.about["isa"] for w in self.workers.values() if w.about.get("isa")), None)

    @property
    def blas(self) -> str | None:
        return next((w.about["blas"] for w in self.workers.values() if w.about.get("blas")), None)

    def alive(self, name: str) -> Worker:
        """Return the peer's worker, a new one if it has died."""
        worker = self.workers[name]
        if not worker.alive:
            worker.close()
            self.workers[name] = worker = Worker(worker.peer, self.threads, self.isa_asked)
        return worker

    def machine(self, what: str) -> float | None:
        """Measure a limit of the machine in fastnn's process; None without it."""
        for worker in self.workers.values():
            if worker.peer.family == "fastnn":
                with contextlib.suppress(PeerError):
                    return worker.ask("machine", what=what)["value"]
        return None


@contextlib.contextmanager
def started(
    peers: list[Peer], threads: int, isa: str | None = None, say: Callable[[str], None] = lambda line: None
) -> Iterator[Field]:
    """Start a worker for every peer that is installed and works; end them all on the way out."""
    folder = tempfile.TemporaryDirectory()
    runners = Field(threads, isa, folder.name)
    try:
        absent = {peer.name: f"missing (no module {', '.join(peer.missing())})" for peer in peers if peer.missing()}
        present = [peer for peer in peers if peer.name not in absent]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            made = dict(zip((peer.name for peer in present), pool.map(_start(threads, isa), present), strict=True))
        for peer in peers:
            worker = made.get(peer.name, absent.get(peer.name))
            if isinstance(worker, Worker):
                runners.workers[peer.name] = worker
            else:
                runners.absent[peer.name] = worker
            say(f"{peer.name}: {runners.absent.get(peer.name) or worker.about['version']}")
        yield runners
    finally:
        for worker in runners.workers.values():
            worker.close()
        folder.cleanup()


def _start(threads: int, isa: str | None) -> Callable[[Peer], Worker | str]:
    def start(peer: Peer) -> Worker | str:
        try:
            return Worker(peer, threads, isa)
        except PeerError as error:
            return f"failed to start: {error}"

    return start
