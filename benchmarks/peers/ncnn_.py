"""ncnn: a model of one layer written as its .param and .bin files; 16-bit and 8-bit arithmetic off.

ncnn has no batch dimension: a batch is a loop over images.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import ncnn
import numpy as np

from ..cases import ConvCase
from ..ops import OpCase
from . import Job

NARROW = ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage")
INT8 = ("int8_inference", "int8_packed", "int8_storage", "int8_arithmetic")


def version() -> str:
    return ncnn.__version__


class Library:
    def __init__(self, variant: str, threads: int) -> None:
        self.threads = threads
        # ncnn's own benchmark pools its blobs likewise, so that no call pays for page faults.
        self.blobs, self.workspace = ncnn.UnlockedPoolAllocator(), ncnn.PoolAllocator()

    def conv(self, case: ConvCase) -> Job:
        x, w, b = case.arrays()
        # The leading zero says that float32 weights follow; the bias has no such mark.
        return self._over_images(_param(case), b"\0\0\0\0" + _weights(case, w).tobytes() + b.tobytes(), x)

    def op(self, case: OpCase) -> Job:
        kind, *values = case.op.ncnn().split()
        (x,) = case.op.inputs(case.batch)
        return self._over_images(_file(f"{kind} op 1 1 x y {' '.join(values)}"), b"", x)

    def _over_images(self, param: str, weights: bytes, x: np.ndarray) -> Job:
        """A net of one layer, from the texts of its two files, run on every image of the batch."""
        net = ncnn.Net()
        net.opt.num_threads = self.threads
        net.opt.use_vulkan_compute = False
        for name in (*NARROW, *INT8):
            if hasattr(net.opt, f"use_{name}"):
                setattr(net.opt, f"use_{name}", False)
        net.opt.blob_allocator, net.opt.workspace_allocator = self.blobs, self.workspace
        with tempfile.TemporaryDirectory() as folder:
            structure, constants = Path(folder, "net.param"), Path(folder, "net.bin")
            structure.write_text(param, encoding="ascii")
            constants.write_bytes(weights)
            if net.load_param(str(structure)) != 0 or net.load_model(str(constants)) != 0:
                raise RuntimeError("ncnn refused the model")
        images = [ncnn.Mat(image).clone() for image in x]

        def one(image: ncnn.Mat) -> ncnn.Mat:
            extractor = net.create_extractor()
            extractor.input("x", image)
            return extractor.extract("y")[1]

        return Job(lambda: [one(image) for image in images], lambda ys: np.stack([np.array(y) for y in ys]))


def _weights(case: ConvCase, w: np.ndarray) -> np.ndarray:
    """Weights in ncnn's order: output channels first within each group, of a transposed layer too."""
    if not case.transposed:
        return w
    return np.ascontiguousarray(w.reshape(case.groups, -1, *w.shape[1:]).swapaxes(1, 2))


def _param(case: ConvCase) -> str:
    kind = "Deconvolution" if case.transposed else "Convolution"
    kind += ("DepthWise" if case.groups > 1 else "") + {1: "1D", 2: "", 3: "3D"}[case.dims]
    values = {0: case.oc, 5: 1, 6: math.prod(case.w_shape)}
    # Axes from the last to the first: x, y, z, with the numbers of their parameters.
    axes = zip(case.kernel, case.dilation, case.stride, case.padding, case.output_padding, strict=True)
    for axis, (kernel, dilation, stride, (before, after), beyond) in enumerate(reversed(list(axes))):
        values |= {1 + 10 * axis: kernel, 2 + 10 * axis: dilation, 3 + 10 * axis: stride, 4 + 10 * axis: before}
        values[(15, 16, 17)[axis]] = after
        if case.transposed:
            values[18 + axis] = beyond
    if case.groups > 1:
        values[7] = case.groups
    pairs = " ".join(f"{key}={value}" for key, value in values.items())
    return _file(f"{kind} conv 1 1 x y {pairs}")


def _file(layer: str) -> str:
    """The text of a .param file: an input x, then one layer."""
    return f"7767517\n2 2\nInput x 0 1 x\n{layer}\n"
