"""What fastnn is meant to reach, kind by kind, and what a run has reached of it.

A figure is a peer's time over fastnn's on one layer. "three" is the best of PyTorch, ONNX Runtime and OpenVINO on
that layer, "five" has ncnn and MNN as well; both are geometric means over the layers, "worst" is the least layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .cases import ConvCase
from .peers import FIVE, THREE
from .report import FAMILY, geomean, has_five, ratio
from .report import named as layer_name


@dataclass(frozen=True)
class Target:
    """A row: the layers of ``nets`` whose kind fits ``kinds``; ``own`` is the variant of fastnn that is held to it.

    ``worst`` is for the best of five where there is a figure for ``five``, else for the best of three.
    """

    key: str
    label: str
    nets: tuple[str, ...]
    kinds: tuple[str, ...]
    three: float
    five: float | None
    worst: float
    own: str = "fastnn"
    batches: tuple[int, ...] = (1,)
    job: str = "conv"

    def covers(self, net: str, case: ConvCase, job: str) -> bool:
        return self.covers_kind(net, case.kind, job)

    def covers_kind(self, net: str, kind: str, job: str) -> bool:
        return job == self.job and net in self.nets and any(fnmatchcase(kind, pattern) for pattern in self.kinds)


_FEW = ("vgg16", "resnet50", "mobilenet_v2", "cyclegan", "dcgan")
_LARGE = ("resnet18", "resnet50", "googlenet", "cyclegan", "spynet")
_UP = ("dcgan", "unet", "cyclegan", "espcn", "fcn")
# Not t4x4s1: DCGAN's first layer sees one pixel, so it is a matrix-vector product.
_UP_KINDS = ("t2x2s2", "t3x3s2", "t4x4s2", "t9x9s3", "t16x16s8", "t32x32s16", "t64x64s32")
_BACK = ("vgg16", "resnet18", "resnet50")

TARGETS = (
    Target("vgg", "VGG16 3x3, C >= 64", ("vgg16",), ("3x3s1",), 2.7, 1.5, 1.2, batches=(1, 8)),
    Target("blocked", "VGG16 3x3, blocked", ("vgg16",), ("3x3s1",), 3.2, 1.7, 1.3, "fastnn:blocked", (1, 8)),
    Target("resnet", "ResNet 3x3 stride 1", ("resnet18", "resnet50"), ("3x3s1",), 2.2, 1.7, 1.2, batches=(1, 8)),
    Target("1x1", "1x1", ("resnet50", "mobilenet_v2"), ("1x1s*",), 1.0, 1.0, 0.9),
    Target("large", "3x3 stride 2, 7x7, 5x5", _LARGE, ("3x3s2", "5x5s*", "7x7s*"), 1.05, 1.05, 0.9),
    Target("depthwise", "depthwise 3x3, 5x5", ("mobilenet_v2", "efficientnet_b0"), ("dw*",), 1.5, 1.5, 1.1),
    Target("grouped", "grouped, 32 groups", ("resnext50",), ("g*",), 2.5, 2.5, 1.5),
    Target("first", "first layers, C = 3", _FEW, ("first*",), 1.15, 1.15, 1.0),
    Target("transposed", "transposed", _UP, _UP_KINDS, 1.5, 1.5, 1.0),
    Target("1d", "1-D", ("wavenet", "conv_tasnet"), ("1d-[0-9]*", "1d-dw*"), 1.3, 1.3, 1.0),
    Target("backward", "forward + backward", _BACK, ("*",), 1.7, None, 1.1, "fastnn", (8, 32), "backward"),
    # As fastnn trains, and PyTorch in channels_last: arrays stay in the layout that suits the kernels.
    Target("back-blocked", "both ways, blocked", _BACK, ("*",), 1.7, None, 1.1, "fastnn:blocked", (8, 32), "backward"),
)


def named(keys: str) -> list[Target]:
    """Return the targets of comma-separated keys; of "all", all.

    Raises
    ------
    ValueError
        If a key is not known.
    """
    known = {target.key: target for target in TARGETS}
    wanted = list(known) if keys == "all" else keys.split(",")
    if unknown := [key for key in wanted if key not in known]:
        raise ValueError(f"benchmarks: no row {', '.join(unknown)} in the table; known: all, {', '.join(known)}")
    return [known[key] for key in wanted]


def reached(rows: list[dict[str, Any]], targets: list[Target] | None = None) -> list[dict[str, Any]]:
    """Return what the rows of a result reach of each target, by number of threads, leaving out what has no layer.

    A shape that several networks have counts once.
    """
    found = []
    for threads in sorted({row["threads"] for row in rows}):
        for target in targets or TARGETS:
            members = {
                (row["kind"], row["shape"], row["batch"]): row
                for row in rows
                if row["threads"] == threads and target.covers_kind(row["net"], row["kind"], row["job"])
            }.values()
            three = {layer_name(row): value for row in members if (value := ratio(row, THREE, target.own))}
            five = {
                layer_name(row): value
                for row in members
                if has_five(row) and (value := ratio(row, FIVE, target.own))
            }
            if not any(_opposed(row, target.own) for row in members):
                continue
            judged = three if target.five is None else five
            worst = min(judged, key=judged.get) if judged else None
            values = (geomean(list(three.values())), geomean(list(five.values())), worst and judged[worst])
            needed = (target.three, target.five, target.worst)
            pairs = [pair for pair in zip(values, needed, strict=True) if pair[1] is not None]
            found.append(
                {
                    "key": target.key,
                    "label": target.label,
                    "own": target.own,
                    "threads": threads,
                    "batches": sorted({row["batch"] for row in members}),
                    "layers": len(members),
                    "measured": len(three),
                    "three": values[0],
                    "five": values[1] if target.five else None,
                    "worst": values[2],
                    "needed_three": target.three,
                    "needed_five": target.five,
                    "needed_worst": target.worst,
                    "worst_layer": worst,
                    "reached": len(three) == len(members) and all(v is not None and v >= n for v, n in pairs),
                }
            )
    return found


def _opposed(row: dict[str, Any], own: str) -> bool:
    """Tell whether the variant of fastnn took part, and one of the three."""
    return own in row["peers"] and any(FAMILY.get(name) in THREE for name in row["peers"])
