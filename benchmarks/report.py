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
from .limits import PRODUCTS, roofline
from .peers import FIVE, PEERS, THREE
from .processes import Field
from .reference import TOLERANCE
from .timing import Row
from .train_networks import StepCase

SCHEMA = 2
FAMILY = {peer.name: peer.family for peer in PEERS}


def about(group: str, fields: list[Field], options: Namespace, **more: Any) -> dict[str, Any]:
    """Describe the run: machine, date, versions, threads, instruction set, and who is absent and why.

    ``fields`` are the peers, started once for every number of threads.
    """
    load = [share for runners in fields for share in runners.other_load]
    return {
        "schema": SCHEMA,
        "group": group,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": cpu_name(),
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "threads": list(dict.fromkeys(runners.threads for runners in fields)),
        "isa": next((runners.isa for runners in fields if runners.isa), None),
        "blas": next((runners.blas for runners in fields if runners.blas), None),
        "algorithm": getattr(options, "algorithm", "auto"),
        "rounds": options.rounds,
        "versions": {name: version for runners in fields for name, version in runners.versions.items()},
        "absent": {name: reason for runners in fields for name, reason in runners.absent.items()},
        "other_load": statistics.median(load) if load else None,
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


def table(about: dict[str, Any], entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the result of a group that times cases: the entries; limits and geometric means for each use of them.

    ``means`` has one item per pass and number of threads.
    """
    about["limits"] = {}
    for (threads,), rows in grouped(entries, "threads").items():
        found = {limit: [row[limit] for row in rows if row[limit]] for limit in ("peak_gflops", "copy_gbs")}
        about["limits"][str(threads)] = {key: statistics.median(v) if v else None for key, v in found.items()}
    means = [
        {"job": job, "threads": threads, "against": geomeans(rows)}
        for (job, threads), rows in grouped(entries, "job", "threads").items()
    ]
    return {"about": about, "rows": entries, "means": means}


def grouped(entries: list[dict[str, Any]], *keys: str) -> dict[tuple, list[dict[str, Any]]]:
    """Return the entries by their values of ``keys``, in order of appearance."""
    found: dict[tuple, list[dict[str, Any]]] = {}
    for made in entries:
        found.setdefault(tuple(made[key] for key in keys), []).append(made)
    return found


def entry(
    name: str, row: Row, threads: int, copy_gbs: float | None = None, job: str = "conv", **more: Any
) -> dict[str, Any]:
    """Return one row as a dictionary; ``more`` joins it."""
    case, peers = row.case, timed(row)
    made = {"name": name, "shape": case.shape, "batch": case.batch, "job": job, "threads": threads, "peers": peers}
    made |= {"macs": PRODUCTS[job] * case.macs, "peak_gflops": row.peak, "copy_gbs": copy_gbs, **more}
    made["kind"] = "train" if isinstance(case, TrainCase) else case.kind
    made["count"] = 1 if isinstance(case, TrainCase) else case.count
    ms = peers.get("fastnn", {}).get("ms")
    made["gflops"] = 2e-6 * made["macs"] / ms if ms else None
    made["peak_share"] = made["gflops"] / row.peak if ms and row.peak else None
    made["best_of_three"] = ratio(made, THREE)
    made["best_of_five"] = ratio(made, FIVE) if has_five(made) else None
    if not isinstance(case, (TrainCase, StepCase)):
        made |= roofline(case, job, row.peak, copy_gbs)
    return made


def timed(row: Row) -> dict[str, dict[str, Any]]:
    """Return what every peer did on a case, by its name."""
    return {
        peer: {
            "ms": m.seconds and m.seconds * 1e3,
            "samples_ms": [s * 1e3 for s in m.samples],
            "spread": m.spread,
            "calls": m.calls,
            "error": m.error,
            "coarse": not isinstance(row.case, StepCase) and (m.error or 0) > TOLERANCE,
            "problem": m.problem,
            "spins": m.spins,
            "note": m.note,
        }
        for peer, m in row.peers.items()
    }


def ratio(entry: dict[str, Any], opponents: tuple[str, ...], own: str = "fastnn") -> float | None:
    """Return the best opponent's time over ``own``'s; opponents are peers (``torch:compile``) or libraries.

    None where either was not measured.
    """
    mine = entry["peers"].get(own, {}).get("ms")
    times = [p["ms"] for name, p in entry["peers"].items() if name in opponents or FAMILY.get(name) in opponents]
    times = [ms for ms in times if ms]
    return min(times) / mine if mine and times else None


def has_five(entry: dict[str, Any]) -> bool:
    """Tell whether a library that only the best of five counts took part, measured here or not."""
    return any(name in entry["peers"] for name in FIVE[len(THREE) :])


def geomean(values: list[float]) -> float | None:
    """Return the geometric mean, None of nothing."""
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def geomeans(entries: list[dict[str, Any]]) -> dict[str, Any]:
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
                "worst_layer": named(worst[0]),
            }
    return means


def named(entry: dict[str, Any]) -> str:
    """Return the layer's name, and its batch size if that is not 1."""
    return entry["name"] + (f" n{entry['batch']}" if entry["batch"] > 1 else "")


def _only(entry: dict[str, Any], label: str, opponents: tuple[str, ...]) -> dict[str, Any]:
    """Hide the variants of a library from its plain name: ``torch`` is eager alone in its own line."""
    if (label,) != opponents:
        return entry
    kept = {name: p for name, p in entry["peers"].items() if name == label or FAMILY.get(name) == "fastnn"}
    return {**entry, "peers": kept}
