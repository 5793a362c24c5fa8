"""Side-by-side timing: rounds over the peers, medians over the rounds.

Only one process computes at a time; the others block on their pipes. In each round every peer warms up, then
makes one sample of at least 20 ms; the order moves on by one from round to round, and a slow spell of the
machine hits all of them. Every process gets the same number of threads. The FMA peak is sampled alongside.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from .cases import ConvCase, TrainCase
from .ops import OpCase
from .processes import Field, NoSuchForm, PeerError, Worker

ROUNDS = 7


@dataclass
class Measured:
    """What one peer did on one case; ``problem`` says why there is no time."""

    samples: list[float] = field(default_factory=list)
    calls: int = 0
    error: float | None = None
    problem: str | None = None
    spins: bool = False
    note: str = ""

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

    case: ConvCase | TrainCase | OpCase
    peers: dict[str, Measured]
    peaks: list[float] = field(default_factory=list)

    def seconds(self, name: str) -> float | None:
        return self.peers[name].seconds if name in self.peers else None

    @property
    def peak(self) -> float | None:
        """Median of the FMA peak in the rounds of this row, in GFLOP/s."""
        return statistics.median(self.peaks) if self.peaks else None


def measure(
    runners: Field,
    case: ConvCase | TrainCase | OpCase,
    rounds: int = ROUNDS,
    job: str = "conv",
    only: Collection[str] | None = None,
    algorithm: str = "auto",
) -> Row:
    """Check every peer on ``case``, leave out those that fail or are wrong, and time the others.

    ``job`` is "conv", "backward", "train", "op" or "op_backward"; ``only`` names the peers that take part (all of
    them); fastnn is held to ``algorithm``.
    """
    names = [name for name in runners.workers if only is None or name in only]
    row = Row(case, {name: Measured() for name in names})
    exact = os.path.join(runners.folder, "exact.npz")
    with contextlib.suppress(FileNotFoundError):
        os.remove(exact)
    request = {"kind": job, "case": asdict(case), "algorithm": algorithm, "exact": exact}

    def set_up(name: str) -> None:
        _set_up(runners, name, row.peers[name], request)

    # The first computes what the others are compared with. Compiling and converting takes one thread each.
    for name in names[:1]:
        set_up(name)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(set_up, names[1:]))
    for turn in range(rounds):
        alive = [name for name, result in row.peers.items() if result.problem is None]
        for name in alive[turn % max(1, len(alive)) :] + alive[: turn % max(1, len(alive))]:
            _sample(runners.workers[name], row.peers[name])
        if (peak := runners.machine("fma_peak")) is not None:
            row.peaks.append(peak)
    runners.other_load.extend(load_of_others())
    return row


def _set_up(runners: Field, name: str, result: Measured, request: dict[str, Any]) -> None:
    try:
        worker = runners.alive(name)
        reply = worker.ask("setup", limit=worker.peer.limit, **request)
    except NoSuchForm as error:
        result.problem = f"cannot: {error}"
        return
    except PeerError as error:
        result.problem = f"failed: {error}"
        return
    result.error, result.spins, result.note = reply["error"], not reply["rested"], reply["note"]
    if not reply["ok"]:
        error = "unusable" if reply["error"] is None else f"{reply['error']:.1e}"
        result.problem = f"wrong: error {error}, limit {reply['limit']:.0e}"


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
