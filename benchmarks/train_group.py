"""The group ``train``: steps of whole networks, their time and their peak memory, and the text of both."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from . import report, timing
from .cases import TrainCase
from .columns import align, number, share
from .layers import Say, outcome
from .peers import chosen
from .processes import Field, PeerError, Worker, started
from .tables import milliseconds, problems
from .train_networks import NETWORKS, StepCase

# What fastnn is held to: the time of PyTorch's best layout over its own.
GOALS = {"lenet": 1.6, "vgg": 1.6, "resnet18": 1.3, "char_lstm": 1.2}


def train(options: Namespace, say: Say) -> dict[str, Any]:
    """Time one training step of each network, and measure in fresh processes how much memory the first ones take."""
    cases = [_case(name, options.batch) for name in options.net.split(",") if name]
    entries = []
    peers = {peer.name: peer for job in ("step", "train") for peer in chosen(options.against, job)}
    with started(list(peers.values()), options.threads, options.isa, say) as runners:
        for case in cases:
            job = "step" if isinstance(case, StepCase) else "train"
            able = [name for name in runners.workers if job in runners.workers[name].peer.jobs]
            row = timing.measure(runners, case, options.rounds, job, able)
            say(f"{case.name}: {outcome(row)}")
            made = report.entry(case.name, row, options.threads, runners.machine("copy_bandwidth"), job)
            for name, result in made["peers"].items():
                result["peak_bytes"] = None if result["problem"] else _peak(runners, name, job, case)
            entries.append(made | {"goal": GOALS.get(case.name)})
        about = report.about("train", [runners], options, batch=list(dict.fromkeys(case.batch for case in cases)))
    return report.table(about, entries)


def _case(name: str, batch: int | None) -> StepCase | TrainCase:
    if name == "demo":
        return TrainCase(batch=batch or 64)
    if name not in NETWORKS:
        raise ValueError(f"benchmarks: no network {name}; known: {', '.join(NETWORKS)}, demo")
    return StepCase(name, batch or NETWORKS[name].batch)


def _peak(runners: Field, name: str, job: str, case: StepCase | TrainCase) -> int | None:
    """Bytes by which the first steps raise the peak of a process that has done nothing before."""
    try:
        worker = Worker(runners.workers[name].peer, runners.threads, runners.isa_asked)
    except PeerError:
        return None
    try:
        return worker.ask("memory", kind=job, case=asdict(case))["bytes"]
    except PeerError:
        return None
    finally:
        worker.close()


def train_table(result: dict[str, Any]) -> list[str]:
    """Return the lines below the header."""
    rows = result["rows"]
    peers = list(dict.fromkeys(name for row in rows for name in row["peers"]))
    lines = [["step", "shape", *peers, "x torch", "goal", "GFLOP/s", "of peak"]]
    memory = [["peak memory, MiB", *peers]]
    for row in rows:
        times = [milliseconds(row["peers"].get(name, {})) for name in peers]
        goal = [number(row["best_of_three"]), number(row["goal"], 1)]
        lines.append([row["name"], row["shape"], *times, *goal, number(row["gflops"], 1), share(row["peak_share"])])
        memory.append([row["name"], *(_mebibytes(row["peers"].get(name, {})) for name in peers)])
    about = [
        f"ms per step, median of {result['about']['rounds']} rounds: gradients to zero, forward, loss, backward, SGD",
        "x torch: time of PyTorch's best over fastnn's; GFLOP/s by the direct algorithm's operations",
    ]
    told = "above the level before the first step, in a process of its own"
    return [*about, *align(lines, left=2), "", told, *align(memory), *problems(rows)]


def _mebibytes(peer: dict[str, Any]) -> str:
    held = peer.get("peak_bytes")
    return number(held / 2**20 if held is not None else None, 1)
