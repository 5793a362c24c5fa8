"""``python -m benchmarks``: the command line."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from . import bench_gpu, groups, op_groups, ops, plot
from .networks import networks
from .peers import FAMILIES
from .render import render
from .targets import TARGETS
from .timing import ROUNDS
from .train_networks import NETWORKS

CPUS = min(2, os.cpu_count() or 1)
ABOUT = """Times fastnn next to other libraries. Every result is checked in float64 first; then each library, in a
process of its own and with the same number of threads, takes its turn in every round. Each group has a --help."""
CONV = f"""Peers: {", ".join(FAMILIES)}; torch:compile and the like pick one variant. A library that is not installed,
or has no form of a layer, is named. Every combination of --batch and --threads is measured."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--isa", help="instruction set that fastnn is held to (scalar, avx2, avx512, neon)")
    common.add_argument("--rounds", type=_positive, default=ROUNDS, help=f"samples per peer and case ({ROUNDS})")
    common.add_argument("--json", metavar="FILE", help="write the result as JSON; - for standard output")
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=ABOUT)
    names = ["conv", *ops.families(), "train", "overhead", "import", "idle", "gpu"]
    sub = top.add_subparsers(dest="group", required=True, metavar=" | ".join(names))

    def group(name: str, text: str, against: str | None, more: str = "") -> argparse.ArgumentParser:
        described = f"{text[0].upper()}{text[1:]}. {more}".strip()
        made = sub.add_parser(name, help=text, description=described, parents=[common])
        several = name == "conv" or name in ops.families()
        threads = {"type": _numbers, "default": [CPUS]} if several else {"type": _positive, "default": CPUS}
        listed = ", or a list as 1,2" if several else ""
        made.add_argument("--threads", **threads, metavar="N", help=f"threads of every peer{listed} ({CPUS})")
        if against is not None:
            told = f"comma-separated ({against or 'nobody'})"
            made.add_argument("--against", default=against, metavar="PEERS", help=told)
        return made

    _conv(group("conv", "convolution layers of real networks, next to other libraries", None, CONV))
    for name in ops.families():
        _family(group(name, ops.described(name), None, CONV))
    train = group("train", "training steps of whole networks, with their peak memory", "torch")
    nets = ",".join(NETWORKS)
    train.add_argument("--net", default=nets, metavar="NETS", help=f"comma-separated ({nets}); demo: the demo's")
    train.add_argument("--batch", type=_positive, metavar="N", help="samples per step (each network's own)")
    group("overhead", "the smallest convolution: what a call costs", "torch")
    group("import", "import fastnn against import numpy", None)
    gpu = sub.add_parser("gpu", help="the GPU kernels against PyTorch", description=bench_gpu.__doc__)
    gpu.add_argument("--rounds", type=_positive, default=5, help="runs over all inputs of a case (5)")
    group("idle", "CPU used by a process that has run one convolution and sleeps", "")
    return top


def _conv(conv: argparse.ArgumentParser) -> None:
    """Add the options of the group ``conv``."""
    rows = ", ".join(target.key for target in TARGETS)
    what = conv.add_argument_group("what is measured")
    what.add_argument(
        "--against", metavar="PEERS", help=f"comma-separated ({','.join(FAMILIES)}; with --table all but numpy)"
    )
    nets = ', '.join(networks())
    what.add_argument("--net", default="vgg16", metavar="NETS", help=f"comma-separated (vgg16); {nets}")
    what.add_argument("--layers", metavar="PATTERNS", help="only layers whose name or kind fits, as 'conv3_*,1x1s*'")
    what.add_argument(
        "--table",
        nargs="?",
        const="all",
        metavar="ROWS",
        help=f"the layers behind the rows of fastnn's speed goals, instead of --net: all, or some of {rows}",
    )
    what.add_argument("--batch", type=_numbers, metavar="N", help="a number or a list as 1,8,32 (1; backward 8)")
    what.add_argument(
        "--pass",
        dest="passes",
        choices=("forward", "backward"),
        default="forward",
        help="backward: the layer with its gradients for input, weight and bias, against PyTorch",
    )
    what.add_argument(
        "--algorithm", default="auto", metavar="NAME", help="the algorithm that fastnn is held to, as direct (auto)"
    )
    what.add_argument(
        "--repeat", type=_positive, nargs="?", const=2, default=1, metavar="N", help="passes over all layers (bare: 2)"
    )
    shown = conv.add_argument_group("what is shown")
    shown.add_argument("--limit", action="store_true", help="each layer's distance from what the machine allows")
    shown.add_argument("--plot", metavar="FILE", help="bar chart, .png or .svg")


def _family(made: argparse.ArgumentParser) -> None:
    """Add the options of a family of operators."""
    made.add_argument("--against", metavar="PEERS", default=",".join(FAMILIES), help="comma-separated (all)")
    made.add_argument("--cases", metavar="PATTERNS", help="only cases whose name fits, as 'max.*,avg.vgg16.1'")
    made.add_argument("--batch", type=_numbers, metavar="N", help="a number or a list as 1,32 (each case's own)")
    made.add_argument(
        "--pass",
        dest="passes",
        choices=tuple(ops.PASSES),
        default="forward",
        help="backward: the operator with its gradients, against PyTorch",
    )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _numbers(text: str) -> list[int]:
    return list(dict.fromkeys(_positive(word) for word in text.split(",")))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one group; return 0, 1 if fastnn took part and was wrong or failed, 2 for a wrong command line."""
    options = parser().parse_args(argv)
    if options.group == "gpu":
        return bench_gpu.run(options.rounds)
    try:
        if getattr(options, "plot", None):
            plot.check(options.plot)
        result = _run(options.group)(options, lambda line: print(line, file=sys.stderr, flush=True))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if options.json != "-":
        print(render(result))
    _write(options, result)
    return int(_fastnn_failed(result))


def _run(group: str) -> Callable[[argparse.Namespace, groups.Say], dict[str, Any]]:
    if group in ops.families():
        return op_groups.measure
    return groups.import_ if group == "import" else getattr(groups, group)


def _write(options: argparse.Namespace, result: dict[str, Any]) -> None:
    text = json.dumps(result, indent=1)
    if options.json == "-":
        print(text)
    elif options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    if getattr(options, "plot", None):
        plot.bar_chart(result, options.plot)


def _fastnn_failed(result: dict[str, Any]) -> bool:
    absent = result["about"]["absent"].items()
    if any(name.startswith("fastnn") and reason.startswith("failed") for name, reason in absent):
        return True
    rows = result.get("rows", [result])
    return any(_failed(name, peer.get("problem")) for row in rows for name, peer in row.get("peers", {}).items())


def _failed(name: str, problem: str | None) -> bool:
    """A variant of fastnn may lack a form of a layer, as blocked arrays do in 1-D; fastnn itself may not."""
    if not problem or not name.startswith("fastnn") or problem.startswith("left out"):
        return False
    return not (":" in name and problem.startswith("cannot"))


if __name__ == "__main__":
    sys.exit(main())
