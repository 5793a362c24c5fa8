"""The command line: ``fastnn demo``, ``fastnn info``, ``fastnn summary``, ``fastnn bench``."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fastnn
from fastnn import _info


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    top = argparse.ArgumentParser(
        prog="fastnn", description="Convolution, pooling and training kernels for CPUs."
    )
    top.add_argument("--version", action="version", version=f"fastnn {fastnn.__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="demo | info | summary | bench")

    demo = commands.add_parser("demo", help="train a small network on images and time its kernels")
    demo.add_argument(
        "--data",
        metavar="FILE.npz",
        help="arrays x_train, y_train, x_test, y_test; the embedded digits if not given",
    )
    demo.add_argument("--epochs", type=_positive, help="passes over the training set (8; with --data 3)")
    demo.add_argument("--save", metavar="FILE", help="where the weights go (fastnn-demo.safetensors)")
    demo.add_argument(
        "--seed", type=int, default=0, help="of the first weights and the order of the images (0)"
    )
    demo.add_argument("--json", action="store_true", help="print one JSON object, nothing else")

    classify = commands.add_parser("classify")  # what the demo starts in a new process
    classify.add_argument("--weights", required=True)
    classify.add_argument("--data")
    classify.add_argument("--json", action="store_true")

    info = commands.add_parser("info", help="versions, instruction set and threads, for bug reports")
    info.add_argument("--json", action="store_true", help="print one JSON object")

    summary = commands.add_parser("summary", help="layers, shapes, parameters and work of a network of fastnn.models")
    summary.add_argument("model", help="its function, such as resnet50")
    summary.add_argument(
        "--input", default="1,3,224,224", metavar="N,C,H,W", help="sizes of the input (1,3,224,224)"
    )
    summary.add_argument("--json", action="store_true", help="print one JSON object")

    commands.add_parser(
        "bench", add_help=False, help="time the kernels against other libraries; see fastnn bench --help"
    )
    return top


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0, 2 and one line on stderr for wrong input, 1 for other failures, 130 after Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments[:1] == ["bench"]:
            return _bench(arguments[1:])
        return _run(parser().parse_args(arguments))
    except BrokenPipeError:  # the reader has gone; nothing more may be written, also not at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else error, 2)
    except (ValueError, TypeError) as error:
        return _fail(error, 2)
    except (RuntimeError, ArithmeticError, MemoryError) as error:
        return _fail(str(error) or type(error).__name__, 1)


def _fail(reason: Any, status: int) -> int:
    print(f"fastnn: {' '.join(str(reason).split())}", file=sys.stderr)
    return status


def _run(options: argparse.Namespace) -> int:
    if options.command == "info":
        return _show_info(options.json)
    if options.command == "summary":
        return _summary(options.model, options.input, options.json)
    from fastnn import _demo

    if options.command == "classify":
        return _demo.classify(options.weights, options.data, options.json)
    return _demo.run(options.data, options.epochs, options.save, options.seed, options.json)


def _show_info(as_json: bool) -> int:
    if not as_json:
        fastnn.show_versions()
        return 0
    facts = _info._versions() | {"include": fastnn.get_include()}
    print(json.dumps(facts | {"isa": fastnn.cpu.active(), "isas": fastnn.cpu.available()}))
    return 0


def _summary(model: str, sizes: str, as_json: bool) -> int:
    """The networks that need nothing but their defaults: those that take images."""
    from fastnn import models

    made = {name: getattr(models, name) for name in models.__all__ if name.islower()}
    known = [name for name, make in made.items() if all(_has_default(p) for p in _parameters(make))]
    if model not in known:
        raise ValueError(f"summary: unknown model {model!r}; known are {', '.join(known)}")
    try:
        shape = tuple(int(n) for n in sizes.split(","))
    except ValueError:
        raise ValueError(f"summary: --input must be sizes such as 1,3,224,224, is {sizes!r}") from None
    found = fastnn.summary(made[model](), shape)
    print(found.to_json() if as_json else found)
    return 0


def _parameters(function: Any) -> Any:
    return inspect.signature(function).parameters.values()


def _has_default(parameter: inspect.Parameter) -> bool:
    return parameter.default is not inspect.Parameter.empty


def _bench(arguments: list[str]) -> int:
    """Hand over to the benchmarks: part of an installed wheel, beside the package in a source tree."""
    if importlib.util.find_spec("fastnn.benchmarks") is not None:
        name = "fastnn.benchmarks.__main__"
    elif (Path(fastnn.__file__).parents[1] / "benchmarks" / "__main__.py").is_file():
        sys.path.insert(0, str(Path(fastnn.__file__).parents[1]))
        name = "benchmarks.__main__"
    else:
        return _fail("the benchmarks are not installed here; run them from a wheel or a source tree", 1)
    return int(importlib.import_module(name).main(arguments) or 0)
