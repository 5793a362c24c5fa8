"""What each group of the command line measures; every function returns a dictionary ready for JSON."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from . import cases, report, timing
from .peers import Peer, chosen

Say = Callable[[str], None]
IMPORTS = 15
IDLE_SECONDS = 3.0
IDLE_CASE = cases.ConvCase("idle", c=64, oc=64, h=56, w=56, kh=3, kw=3, sh=1, sw=1, ph=1, pw=1)


def conv(options: Namespace, say: Say) -> dict[str, Any]:
    """Time the convolution layers of one or more networks."""
    layers = []
    for net in options.net.split(","):
        found = cases.select(cases.load(net, options.batch), options.layers)
        several = "," in options.net
        layers += [(f"{net}/{case.name}" if several else case.name, case) for case in found]
    if not layers:
        raise ValueError(f"benchmarks: no layer of {options.net} fits {options.layers!r}")
    with timing.started(chosen(options.against), options.threads, options.isa, say) as runners:
        passes = []
        for turn in range(options.repeat):
            rows = []
            for number, (name, case) in enumerate(layers, 1):
                rows.append(timing.measure(runners, case, options.rounds))
                say(_progress(f"pass {turn + 1}, {number}/{len(layers)} {name}", rows[-1]))
            passes.append(rows)
        about = report.about("conv", runners, options, net=options.net, batch=options.batch)
        about["copy_gbs"] = runners.machine("copy_bandwidth")
    rows = [_merge(same) for same in zip(*passes, strict=True)]
    result = report.table(about, [name for name, _ in layers], rows)
    result["drift"] = max((_drift(same) for same in zip(*passes, strict=True)), default=0.0)
    return result


def train(options: Namespace, say: Say) -> dict[str, Any]:
    """Time one training step of the demo's network, batch 64 on 28x28."""
    case = cases.TrainCase(batch=options.batch)
    with timing.started(chosen(options.against, "train"), options.threads, options.isa, say) as runners:
        row = timing.measure(runners, case, options.rounds)
        say(_progress(case.name, row))
        about = report.about("train", runners, options, batch=case.batch)
    return report.table(about, [case.name], [row])


def overhead(options: Namespace, say: Say) -> dict[str, Any]:
    """Time the smallest convolution, whose cost is that of the call."""
    with timing.started(chosen(options.against), options.threads, options.isa, say) as runners:
        row = timing.measure(runners, cases.TINY, options.rounds)
        about = report.about("overhead", runners, options)
    return report.table(about, [cases.TINY.name], [row])


def import_(options: Namespace, say: Say) -> dict[str, Any]:
    """Time ``import fastnn`` against ``import numpy`` in fresh processes, by turns."""
    with tempfile.TemporaryDirectory() as cache:
        numpy, fastnn = _import_times(timing.environment(options.threads, options.isa), cache, say)
    beyond = statistics.median(b - a for a, b in zip(numpy, fastnn, strict=True))
    base = statistics.median(numpy)
    about = report.about("import", timing.Field(options.threads), options)
    return {"about": about, "numpy_ms": base * 1e3, "beyond_ms": beyond * 1e3, "share": beyond / base}


def _import_times(env: dict[str, str], cache: str, say: Say) -> tuple[list[float], list[float]]:
    # As after an installation: bytecode is there for both, even where the source tree must not be written to.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    env["PYTHONPYCACHEPREFIX"] = cache

    def once(module: str) -> float:
        code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
        if done.returncode:
            raise ValueError(f"benchmarks: import {module} failed: {done.stderr.strip().splitlines()[-1]}")
        return float(done.stdout)

    once("numpy"), once("fastnn")  # the first compiles the bytecode and reads the disk
    numpy, fastnn = [], []
    for turn in range(IMPORTS):
        numpy.append(once("numpy"))
        fastnn.append(once("fastnn"))
        say(f"import {turn + 1}/{IMPORTS}")
    return numpy, fastnn


def idle(options: Namespace, say: Say) -> dict[str, Any]:
    """Measure what share of a CPU a process uses that has run one convolution and now sleeps."""
    found: dict[str, dict[str, Any]] = {}
    with timing.started(_first_of_each(chosen(options.against)), options.threads, options.isa, say) as runners:
        for name, worker in runners.workers.items():
            try:
                worker.ask("setup", kind="conv", case=asdict(IDLE_CASE), limit=worker.peer.limit)
                cpu = worker.ask("sleep", seconds=IDLE_SECONDS)["cpu"]
                found[name] = {"cpu": cpu, "problem": None}
            except timing.PeerError as error:
                found[name] = {"cpu": None, "problem": f"failed: {error}"}
            say(f"{name}: slept {IDLE_SECONDS:.0f} s")
        about = report.about("idle", runners, options)
    return {"about": about, "peers": found}


def _first_of_each(peers: list[Peer]) -> list[Peer]:
    return list({peer.family: peer for peer in reversed(peers)}.values())[::-1]


def _progress(name: str, row: timing.Row) -> str:
    times = (f"{peer} {m.seconds * 1e3:.3g}" if m.seconds else f"{peer} {m.problem}" for peer, m in row.peers.items())
    return f"{name}: {', '.join(times)} ms"


def _merge(same: tuple[timing.Row, ...]) -> timing.Row:
    """Join the samples that several passes took of one case."""
    joined = same[0]
    for row in same[1:]:
        joined.peaks.extend(row.peaks)
        for name, result in row.peers.items():
            into = joined.peers[name]
            into.samples.extend(result.samples)
            into.problem = into.problem or result.problem
            into.spins |= result.spins
    return joined


def _drift(same: tuple[timing.Row, ...]) -> float:
    """Largest over smallest median of fastnn among the passes, less one."""
    times = [row.seconds("fastnn") for row in same]
    return max(times) / min(times) - 1 if all(times) else 0.0
