"""What each group of the command line measures; every function returns a dictionary ready for JSON."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from argparse import Namespace
from dataclasses import asdict
from typing import Any

from . import cases, report, timing
from .layers import Say, conv
from .peers import Peer, chosen
from .processes import Field, PeerError, environment, started
from .train_group import train

__all__ = ["conv", "idle", "import_", "overhead", "train"]
IMPORTS = 15
IDLE_SECONDS = 3.0
IDLE_CASE = cases.ConvCase("idle", c=64, oc=64, size=(56, 56), kernel=(3, 3), padding=1)


def overhead(options: Namespace, say: Say) -> dict[str, Any]:
    """Time the smallest convolution, whose cost is that of the call."""
    with started(chosen(options.against), options.threads, options.isa, say) as runners:
        row = timing.measure(runners, cases.TINY, options.rounds)
        about = report.about("overhead", [runners], options)
    return report.table(about, [report.entry(cases.TINY.name, row, options.threads)])


def import_(options: Namespace, say: Say) -> dict[str, Any]:
    """Time ``import fastnn`` against ``import numpy`` in fresh processes, by turns."""
    with tempfile.TemporaryDirectory() as cache:
        numpy, fastnn = _import_times(environment(options.threads, options.isa), cache, say)
    beyond = statistics.median(b - a for a, b in zip(numpy, fastnn, strict=True))
    base = statistics.median(numpy)
    about = report.about("import", [Field(options.threads)], options)
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
    with started(_first_of_each(chosen(options.against)), options.threads, options.isa, say) as runners:
        for name, worker in runners.workers.items():
            try:
                worker.ask("setup", kind="conv", case=asdict(IDLE_CASE), limit=worker.peer.limit)
                cpu = worker.ask("sleep", seconds=IDLE_SECONDS)["cpu"]
                found[name] = {"cpu": cpu, "problem": None}
            except PeerError as error:
                found[name] = {"cpu": None, "problem": f"failed: {error}"}
            say(f"{name}: slept {IDLE_SECONDS:.0f} s")
        about = report.about("idle", [runners], options)
    return {"about": about, "peers": found}


def _first_of_each(peers: list[Peer]) -> list[Peer]:
    return list({peer.family: peer for peer in reversed(peers)}.values())[::-1]
