"""``python -m benchmarks``: the command line."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from . import groups, plot
from .cases import networks
from .peers import FAMILIES
from .render import render
from .timing import ROUNDS


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--threads", type=_positive, default=min(2, os.cpu_count() or 1), help="threads of every peer")
    common.add_argument("--isa", help="instruction set that fastnn is held to (scalar, avx2, avx512, neon)")
    common.add_argument("--rounds", type=_positive, default=ROUNDS, help=f"samples per peer and case ({ROUNDS})")
    common.add_argument("--json", metavar="FILE", help="write the result as JSON; - for standard output")
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=groups.__doc__)
    sub = top.add_subparsers(dest="group", required=True)

    def group(name: str, text: str, against: str | None) -> argparse.ArgumentParser:
        made = sub.add_parser(name, help=text, description=text, parents=[common])
        if against is not None:
            made.add_argument("--against", default=against, help=f"comma-separated: {', '.join(FAMILIES)} ({against})")
        return made

    conv = group("conv", "convolution layers of real networks, next to other libraries", ",".join(FAMILIES))
    conv.add_argument("--net", default="vgg16", help=f"comma-separated: {', '.join(networks())} (vgg16)")
    conv.add_argument("--batch", type=_positive, default=1)
    conv.add_argument("--layers", help="shell patterns on layer names or kinds, as 'conv3_*,1x1s*'")
    conv.add_argument("--plot", metavar="FILE", help="bar chart, .png or .svg")
    conv.add_argument(
        "--repeat", type=_positive, nargs="?", const=2, default=1, help="passes over all layers (bare: 2)"
    )
    train = group("train", "a training step of the demo's network on 28x28 images", "numpy,torch")
    train.add_argument("--batch", type=_positive, default=64)
    group("overhead", "the smallest convolution: what a call costs", "torch")
    group("import", "import fastnn against import numpy", None)
    group("idle", "CPU used by a process that has run one convolution and sleeps", "")
    return top


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Run one group; return 0, 1 if fastnn took part and was wrong or failed, 2 for a wrong command line."""
    options = parser().parse_args(argv)
    try:
        if getattr(options, "plot", None):
            plot.check(options.plot)
        run = {"import": groups.import_}.get(options.group) or getattr(groups, options.group)
        result = run(options, lambda line: print(line, file=sys.stderr, flush=True))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if options.json != "-":
        print(render(result))
    _write(options, result)
    return int(_fastnn_failed(result))


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
    return any(
        name.startswith("fastnn") and peer.get("problem") for row in rows for name, peer in row.get("peers", {}).items()
    )


if __name__ == "__main__":
    sys.exit(main())
