"""Side-by-side timing: a process per peer, rounds over the peers, medians over the rounds.

Only one process computes at a time; the others block on their pipes. In each round every peer warms up, then
makes one sample of at least 20 ms; the order moves on by one from round to round, and a slow spell of the
machine hits all of them. Every process gets the same number of threads. The FMA peak is sampled alongside.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .cases import ConvCase, TrainCase
from .peers import Peer

ROUNDS = 7
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


class PeerError(RuntimeError):
    """A peer could not do what it was asked; the message says why."""


def environment(threads: int, isa: str | None = None) -> dict[str, str]:
    """Return a worker's environment: ``threads`` for every thread pool; fastnn held to ``isa`` if given."""
    env = dict(os.environ)
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
    """The peers of one run: the workers, and for every peer without one the reason why."""

    threads: int
    workers: dict[str, Worker] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    other_load: list[float] = field(default_factory=list)

    @property
    def versions(self) -> dict[str, str]:
        return {name: worker.about["version"] for name, worker in self.workers.items()}

    @property
    def isa(self) -> str | None:
        return next((w.about["isa"] for w in self.workers.values() if w.about.get("isa")), None)

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
    runners = Field(threads)
    try:
        for peer in peers:
            if missing := peer.missing():
                runners.absent[peer.name] = f"missing (no module {', '.join(missing)})"
            else:
                try:
                    runners.workers[peer.name] = Worker(peer, threads, isa)
                except PeerError as error:
                    runners.absent[peer.name] = f"failed to start: {error}"
            state = runners.absent.get(peer.name) or runners.workers[peer.name].about["version"]
            say(f"{peer.name}: {state}")
        yield runners
    finally:
        for worker in runners.workers.values():
            worker.close()


@dataclass
class Measured:
    """What one peer did on one case; ``problem`` says why there is no time."""

    samples: list[float] = field(default_factory=list)
    calls: int = 0
    error: float | None = None
    problem: str | None = None
    spins: bool = False

    @property
    def seconds(self) -> float | None:
        return statistics.median(self.samples) if self.samples else None

    @property
    def spread(self) -> float | None:
        """Half the distance between the quartiles, over the median."""
        if len(self.samples) < 4:
            return None
        low, middle, high = statistics.quantiles(self.samples, n=4)
        return (high - low) / 2 / middle


@dataclass
class Row:
    """All peers on one case."""

    case: ConvCase | TrainCase
    peers: dict[str, Measured]
    peaks: list[float] = field(default_factory=list)

    def seconds(self, name: str) -> float | None:
        return self.peers[name].seconds if name in self.peers else None

    @property
    def peak(self) -> float | None:
        """Median of the FMA peak in the rounds of this row, in GFLOP/s."""
        return statistics.median(self.peaks) if self.peaks else None


def measure(runners: Field, case: ConvCase | TrainCase, rounds: int = ROUNDS) -> Row:
    """Check every peer on ``case``, leave out those that fail or are wrong, and time the others."""
    kind = "train" if isinstance(case, TrainCase) else "conv"
    row = Row(case, {name: Measured() for name in runners.workers})
    for name, worker in runners.workers.items():
        result = row.peers[name]
        try:
            reply = worker.ask("setup", kind=kind, case=asdict(case), limit=worker.peer.limit)
        except PeerError as error:
            result.problem = f"failed: {error}"
            continue
        result.error, result.spins = reply["error"], not reply["rested"]
        if not reply["ok"]:
            error = "unusable" if reply["error"] is None else f"{reply['error']:.1e}"
            result.problem = f"wrong: error {error}, limit {reply['limit']:.0e}"
    for turn in range(rounds):
        alive = [name for name, result in row.peers.items() if result.problem is None]
        for name in alive[turn % max(1, len(alive)) :] + alive[: turn % max(1, len(alive))]:
            _sample(runners.workers[name], row.peers[name])
        if (peak := runners.machine("fma_peak")) is not None:
            row.peaks.append(peak)
    runners.other_load.extend(load_of_others())
    return row


def load_of_others(seconds: float = 0.2) -> list[float]:
    """Return [share of all CPUs in use] while nothing of this run computes; [] where nobody tells."""

    def ticks() -> tuple[int, int]:
        with open("/proc/stat", encoding="ascii") as file:
            values = [int(word) for word in file.readline().split()[1:9]]
        return sum(values), values[3] + values[4]

    try:
        total, idle = ticks()
        time.sleep(seconds)
        later, later_idle = ticks()
    except (OSError, ValueError):
        return []
    return [1 - (later_idle - idle) / max(1, later - total)]


def _sample(worker: Worker, result: Measured) -> None:
    try:
        reply = worker.ask("time")
    except PeerError as error:
        result.problem, result.samples = f"failed: {error}", []
        return
    result.samples.append(reply["seconds"])
    result.calls = reply["calls"]
    result.spins |= not reply["rested"]
