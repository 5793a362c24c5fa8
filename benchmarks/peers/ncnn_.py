"""ncnn: a model of one layer written as its .param and .bin files; 16-bit and 8-bit arithmetic off.

ncnn has no batch dimension: a batch is a loop over images.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import ncnn
import numpy as np

from ..cases import ConvCase
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
        net = ncnn.Net()
        net.opt.num_threads = self.threads
        net.opt.use_vulkan_compute = False
        for name in (*NARROW, *INT8):
            if hasattr(net.opt, f"use_{name}"):
                setattr(net.opt, f"use_{name}", False)
        net.opt.blob_allocator, net.opt.workspace_allocator = self.blobs, self.workspace
        with tempfile.TemporaryDirectory() as folder:
            param, weights = Path(folder, "conv.param"), Path(folder, "conv.bin")
            param.write_text(_param(case), encoding="ascii")
            # The leading zero says that float32 weights follow; the bias has no such mark.
            weights.write_bytes(b"\0\0\0\0" + w.tobytes() + b.tobytes())
            if net.load_param(str(param)) != 0 or net.load_model(str(weights)) != 0:
                raise RuntimeError("ncnn refused the model")
        images = [ncnn.Mat(image).clone() for image in x]

        def one(image: ncnn.Mat) -> ncnn.Mat:
            extractor = net.create_extractor()
            extractor.input("x", image)
            return extractor.extract("y")[1]

        return Job(lambda: [one(image) for image in images], lambda ys: np.stack([np.array(y) for y in ys]))


def _param(case: ConvCase) -> str:
    kind = "Convolution" if case.groups == 1 else "ConvolutionDepthWise"
    size = case.oc * (case.c // case.groups) * case.kh * case.kw
    values = {
        0: case.oc,
        1: case.kw,
        11: case.kh,
        3: case.sw,
        13: case.sh,
        4: case.pw,
        14: case.ph,
        5: 1,
        6: size,
    }
    if case.groups > 1:
        values[7] = case.groups
    pairs = " ".join(f"{key}={value}" for key, value in values.items())
    return f"7767517\n2 2\nInput x 0 1 x\n{kind} conv 1 1 x y {pairs}\n"
