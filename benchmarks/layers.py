"""The group ``conv``: which layers a command line means, and their measurement."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from . import networks, report, targets, timing
from .cases import ConvCase
from .limits import available_bytes, needed_bytes
from .peers import FAMILIES, chosen
from .processes import Field, started

Say = Callable[[str], None]
TABLE_PEERS = ("fastnn", "fastnn:blocked")
# What the first layers cost beside their estimate, as loading a compiler, so that the time left is not a wild guess.
START_SECONDS = 15.0


@dataclass(frozen=True)
class Layer:
    """A layer to measure; ``own`` names the variants of fastnn that take part, all if it is empty."""

    net: str
    case: ConvCase
    job: str = "conv"
    own: tuple[str, ...] = ()

    def weight(self, rounds: int, peers: int) -> float:
        """Roughly the seconds it takes: checking and compiling, then samples of 35 ms, or of two calls if longer."""
        flops = 2 * self.case.macs * (3 if self.job == "backward" else 1)
        return 0.3 * peers + rounds * peers * max(0.035, 2 * flops / 2e11)


def wanted(options: Namespace) -> list[Layer]:
    """Return the layers that the command line asks for.

    Raises
    ------
    ValueError
        If a network or a row is not known, or nothing is left.
    """
    layers = _of_table(options) if options.table else _of_networks(options)
    if not layers:
        where = f"row {options.table}" if options.table else options.net
        raise ValueError(f"benchmarks: no layer of {where} fits {options.layers!r}")
    return layers


def _of_networks(options: Namespace) -> list[Layer]:
    job = "backward" if options.passes == "backward" else "conv"
    batches = options.batch or ([8] if job == "backward" else [1])
    return [
        Layer(net, case, job)
        for batch in batches
        for net in options.net.split(",")
        for case in networks.select(networks.load(net, batch), options.layers)
    ]


def _of_table(options: Namespace) -> list[Layer]:
    """The layers of the table's rows, each shape once, with the variants of fastnn that its rows are about."""
    found: dict[tuple[str, ConvCase], Layer] = {}
    for target in targets.named(options.table):
        for batch in options.batch or target.batches:
            for net in target.nets:
                for case in networks.select(networks.load(net, batch), options.layers):
                    if target.covers(net, case, target.job):
                        layer = found.setdefault((target.job, case.geometry), Layer(net, case, target.job))
                        own = tuple(dict.fromkeys([*layer.own, "fastnn", target.own]))
                        found[target.job, case.geometry] = replace(layer, own=own)
    return list(found.values())


def conv(options: Namespace, say: Say) -> dict[str, Any]:
    """Time convolution layers at every batch size, pass and number of threads that was asked for."""
    layers = wanted(options)
    options.against = options.against or ",".join(f for f in FAMILIES if f != "numpy" or not options.table)
    sections = [(threads, job) for threads in options.threads for job in dict.fromkeys(layer.job for layer in layers)]
    progress = _Progress(say, options)
    progress.expect([layer for threads, job in sections for layer in layers if layer.job == job])
    fields, entries = [], []
    for threads, job in sections:
        own = TABLE_PEERS if options.table else ()
        members = [layer for layer in layers if layer.job == job]
        with started(chosen(options.against, job, own), threads, options.isa, say) as runners:
            entries += _section(runners, members, options, progress)
            fields.append(runners)
    about = report.about("conv", fields, options, net=_nets(layers), batch=sorted({e["batch"] for e in entries}))
    result = report.table(about, entries)
    result["targets"] = targets.reached(entries, targets.named(options.table) if options.table else None)
    result["limit"] = options.limit
    return result


def _section(
    runners: Field, layers: list[Layer], options: Namespace, progress: _Progress
) -> list[dict[str, Any]]:
    """Measure the layers of one pass with one number of threads."""
    passes: list[list[timing.Row]] = []
    for _ in range(options.repeat):
        rows = []
        for layer in layers:
            rows.append(_measured(runners, layer, options))
            progress.done(layer, rows[-1], runners.threads)
        passes.append(rows)
    copy = runners.machine("copy_bandwidth")
    several = len({layer.net for layer in layers}) > 1
    entries = []
    for layer, same in zip(layers, zip(*passes, strict=True), strict=True):
        drift = _drift(same)
        name = f"{layer.net}/{layer.case.name}" if several else layer.case.name
        merged = _merge(same)
        made = report.entry(name, merged, runners.threads, copy, layer.job, net=layer.net, drift=drift)
        entries.append(made)
    return entries


def _measured(runners: Field, layer: Layer, options: Namespace) -> timing.Row:
    """One layer, unless its arrays do not fit into memory, once per peer."""
    own = [n for n in runners.workers if not n.startswith("fastnn") or not layer.own or n in layer.own]
    needed, free = needed_bytes(layer.case, layer.job, len(own)), available_bytes()
    if free is not None and needed > free:
        problem = f"left out: {len(own)} processes need {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        return timing.Row(layer.case, {name: timing.Measured(problem=problem) for name in own})
    return timing.measure(runners, layer.case, options.rounds, layer.job, own, options.algorithm)


def _nets(layers: list[Layer]) -> str:
    return ", ".join(dict.fromkeys(layer.net for layer in layers))


class _Progress:
    """Says what was measured, how much is done, and about how long the rest takes."""

    def __init__(self, say: Say, options: Namespace) -> None:
        self.say, self.options = say, options
        self.all = self.left = 0.0
        self.count = self.number = 0
        self.start = time.monotonic()

    def expect(self, layers: list[Layer]) -> None:
        self.all = self.left = sum(map(self._weight, layers)) * self.options.repeat
        self.count = len(layers) * self.options.repeat

    def done(self, layer: Layer, row: timing.Row, threads: int) -> None:
        self.left -= self._weight(layer)
        self.number += 1
        taken = time.monotonic() - self.start
        rest = self.left * (taken + START_SECONDS) / (self.all - self.left + START_SECONDS)
        rest = f"{rest / 60:.0f} min" if rest > 90 else f"{max(rest, 0):.0f} s"
        where = f"{layer.net}/{layer.case.name} batch {layer.case.batch}, {threads} threads"
        self.say(f"[{self.number}/{self.count}, about {rest} left] {where}: {outcome(row)}")

    def _weight(self, layer: Layer) -> float:
        return layer.weight(self.options.rounds, len(chosen(self.options.against, layer.job, layer.own)))


def outcome(row: timing.Row) -> str:
    """The times of a row in one line."""
    times = (f"{peer} {m.seconds * 1e3:.3g}" if m.seconds else f"{peer} {m.problem}" for peer, m in row.peers.items())
    return f"{', '.join(times)} ms"


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
