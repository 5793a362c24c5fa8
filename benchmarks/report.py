"""From measurements to a dictionary (for ``--json``) and from that to text."""

from __future__ import annotations

import datetime
import math
import os
import platform
import statistics
from argparse import Namespace
from typing import Any

from .cases import TrainCase
from .peers import FIVE, PEERS, THREE
from .reference import TOLERANCE
from .timing import Field, Row

SCHEMA = 1
FAMILY = {peer.name: peer.family for peer in PEERS}


def about(group: str, runners: Field, options: Namespace, **more: Any) -> dict[str, Any]:
    """Describe the run: machine, date, versions, threads, instruction set, and who is absent and why."""
    return {
        "schema": SCHEMA,
        "group": group,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": cpu_name(),
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "threads": options.threads,
        "isa": runners.isa,
        "rounds": options.rounds,
        "versions": runners.versions,
        "absent": runners.absent,
        "other_load": statistics.median(runners.other_load) if runners.other_load else None,
        **more,
    }


def cpu_name() -> str:
    """Return the processor's model name as the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.lower().startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def table(about: dict[str, Any], names: list[str], rows: list[Row]) -> dict[str, Any]:
    """Return the result of a group that times cases: one entry per row, and the geometric means over them."""
    peaks = [peak for row in rows for peak in row.peaks]
    about["peak_gflops"] = statistics.median(peaks) if peaks else None
    entries = [_entry(name, row) for name, row in zip(names, rows, strict=True)]
    return {"about": about, "rows": entries, "geomean": _geomeans(entries)}


def _entry(name: str, row: Row) -> dict[str, Any]:
    case = row.case
    peers = {
        peer: {
            "ms": m.seconds and m.seconds * 1e3,
            "samples_ms": [s * 1e3 for s in m.samples],
            "spread": m.spread,
            "calls": m.calls,
            "error": m.error,
            "coarse": (m.error or 0) > TOLERANCE,
            "problem": m.problem,
            "spins": m.spins,
        }
        for peer, m in row.peers.items()
    }
    entry = {"name": name, "shape": case.shape, "macs": case.macs, "peak_gflops": row.peak, "peers": peers}
    entry["kind"] = "train" if isinstance(case, TrainCase) else case.kind
    entry["count"] = 1 if isinstance(case, TrainCase) else case.count
    ms = peers.get("fastnn", {}).get("ms")
    entry["gflops"] = 2e-6 * case.macs / ms if ms else None
    entry["peak_share"] = entry["gflops"] / row.peak if ms and row.peak else None
    entry["best_of_three"] = ratio(entry, THREE)
    entry["best_of_five"] = ratio(entry, FIVE) if _any_of(entry, FIVE[len(THREE) :]) else None
    return entry


def ratio(entry: dict[str, Any], opponents: tuple[str, ...], own: str = "fastnn") -> float | None:
    """Return the best opponent's time over ``own``'s; opponents are peers (``torch:compile``) or libraries.

    None where either was not measured.
    """
    mine = entry["peers"].get(own, {}).get("ms")
    times = [p["ms"] for name, p in entry["peers"].items() if name in opponents or FAMILY.get(name) in opponents]
    times = [ms for ms in times if ms]
    return min(times) / mine if mine and times else None


def _any_of(entry: dict[str, Any], names: tuple[str, ...]) -> bool:
    return any(name in entry["peers"] and entry["peers"][name]["ms"] for name in names)


def geomean(values: list[float]) -> float | None:
    """Return the geometric mean, None of nothing."""
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def _geomeans(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Opponent -> fastnn's variant -> geometric mean and worst of opponent's time / variant's time."""
    names = list(dict.fromkeys(name for entry in entries for name in entry["peers"]))
    variants = [name for name in names if FAMILY.get(name) == "fastnn"]
    others = {name: (name,) for name in names if name not in variants}
    if any(entry["best_of_five"] for entry in entries):
        others = {"best of five": FIVE, **others}
    if sum(FAMILY.get(name) in THREE for name in names) > 1:
        others = {"best of three": THREE, **others}
    means: dict[str, Any] = {}
    for label, opponents in others.items():
        for own in variants:
            found = [(entry, ratio(_only(entry, label, opponents), opponents, own)) for entry in entries]
            found = [(entry, value) for entry, value in found if value]
            if not found:
                continue
            worst = min(found, key=lambda pair: pair[1])
            means.setdefault(label, {})[own] = {
                "geomean": geomean([value for _, value in found]),
                "layers": len(found),
                "worst": worst[1],
                "worst_layer": worst[0]["name"],
            }
    return means


def _only(entry: dict[str, Any], label: str, opponents: tuple[str, ...]) -> dict[str, Any]:
    """Hide the variants of a library from its plain name: ``torch`` is eager alone in its own line."""
    if (label,) != opponents:
        return entry
    kept = {name: p for name, p in entry["peers"].items() if name == label or FAMILY.get(name) == "fastnn"}
    return {**entry, "peers": kept}
