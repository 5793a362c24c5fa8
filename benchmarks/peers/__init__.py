"""The libraries which are compared, one module each.

A module defines ``version() -> str`` and a class ``Library(variant, threads)`` with the methods for the jobs
it can do. Each takes a case, prepares it as the library's users would for repeated calls, returns a `Job`:

* ``conv(case)``: a convolution with bias, channels second, float32; 1-D to 3-D, dilated, grouped, transposed;
* ``backward(case)``: its result and its gradients with respect to input, weight and bias;
* ``train(case)``: steps of SGD on the demo's network; the result of one step is its loss;
* ``step(case)``: the same on a network of ``train_networks``; ``gradients`` of the job are those of the last step;
* ``op(case)``, ``op_backward(case)``: any other operator, as its family in ``ops`` says it is called.

A case that the library has no form of is refused with NotImplementedError, and named in the result.
The module may import its library at the top, since only the peer's own process imports it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..reference import TOLERANCE


@dataclass(frozen=True)
class Job:
    """``run()`` is the timed call; ``fetch(run())`` is its result as a NumPy array (a loss: as a float).

    ``note`` says in a few words how the library does it, where it tells.
    """

    run: Callable[[], Any]
    fetch: Callable[[Any], Any]
    note: str = ""
    gradients: Callable[[], dict[str, Any]] | None = None


@dataclass(frozen=True)
class Peer:
    """One way of one library: its name in the tables, where it lives, which importable modules it needs.

    A convolution whose error is above ``limit`` is not timed; see `reference`.
    """

    name: str
    module: str
    variant: str = ""
    requires: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ("conv",)
    limit: float = TOLERANCE

    @property
    def family(self) -> str:
        """The library's name on the command line and in the geomeans: ``torch`` for ``torch:compile``."""
        return self.name.split(":")[0]

    def missing(self) -> list[str]:
        """Names of required modules that are not installed."""
        return [name for name in self.requires if importlib.util.find_spec(name) is None]


_HERE = __name__
OPS = ("op", "op_backward")
TORCH_JOBS = ("conv", "backward", "train", "step", *OPS)

PEERS = (
    Peer("fastnn", f"{_HERE}.fastnn_", "packed", ("fastnn",), ("conv", "backward", "train", "step", *OPS)),
    Peer("fastnn:alloc", f"{_HERE}.fastnn_", "alloc", ("fastnn",), ("conv", "op")),
    Peer("fastnn:blocked", f"{_HERE}.fastnn_", "blocked", ("fastnn",), ("conv", "backward", "op")),
    Peer("fastnn:ops", f"{_HERE}.fastnn_", "ops", ("fastnn",)),
    Peer("numpy", f"{_HERE}.numpy_", "", ("numpy",), ("conv", "train", *OPS)),
    Peer("torch", f"{_HERE}.torch_", "eager", ("torch",), TORCH_JOBS),
    Peer("torch:channels_last", f"{_HERE}.torch_", "channels_last", ("torch",), TORCH_JOBS),
    Peer("torch:compile", f"{_HERE}.torch_", "compile", ("torch",), TORCH_JOBS),
    Peer("ort", f"{_HERE}.ort", "", ("onnxruntime", "onnx"), ("conv", "op")),
    Peer("openvino", f"{_HERE}.openvino_", "", ("openvino", "onnx"), ("conv", "op")),
    Peer("ncnn", f"{_HERE}.ncnn_", "", ("ncnn",), ("conv", "op")),
    # In float32 and at its high precision MNN takes Winograd tiles so large that the worst error reaches 7e-3 (3.6.1,
    # AVX2, 512 channels). It is timed all the same, being the hardest opponent there, and marked in the table.
    Peer("mnn", f"{_HERE}.mnn_", "", ("MNN", "onnx"), ("conv", "op"), limit=2e-2),
)

# fastnn is held against the best of three; against the best of five where Winograd is at stake.
THREE = ("torch", "ort", "openvino")
FIVE = (*THREE, "ncnn", "mnn")
FAMILIES = tuple(dict.fromkeys(peer.family for peer in PEERS if peer.family != "fastnn"))


def chosen(against: str, job: str = "conv", own: tuple[str, ...] = ()) -> list[Peer]:
    """Return fastnn's peers and those of the comma-separated libraries in ``against``.

    A full name (``torch:compile``) picks one variant only; ``own`` keeps the named variants of fastnn, all if empty.

    Raises
    ------
    ValueError
        If a name is not known.
    """
    names = [name for name in against.split(",") if name]
    known = {peer.family for peer in PEERS} | {peer.name for peer in PEERS}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"benchmarks: no peer {', '.join(unknown)}; known: {', '.join(FAMILIES)}")
    fastnn_named = any(name.startswith("fastnn") for name in names)
    wanted = set(names) if fastnn_named else {"fastnn", *names}
    found = [peer for peer in PEERS if job in peer.jobs and (peer.family in wanted or peer.name in wanted)]
    return [peer for peer in found if not own or peer.family != "fastnn" or peer.name in own]
