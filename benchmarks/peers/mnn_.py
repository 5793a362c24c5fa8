"""MNN: the one-node ONNX model through its converter, then a module held to float32."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import MNN
import numpy as np
from MNN import expr, nn

from ..cases import ConvCase
from . import Job
from .onnx_model import conv_model

# The converter's extension module itself. The package around it, MNN.tools, must not be imported: its import
# installs a logging client with pip and reports its use over the network (seen in 3.6.1).
CONVERTER = "import sys, _tools; _tools.mnnconvert(sys.argv)"


def version() -> str:
    return MNN.version()


class Library:
    def __init__(self, variant: str, threads: int) -> None:
        self.config = {"backend": "CPU", "precision": "high", "numThread": threads}

    def conv(self, case: ConvCase) -> Job:
        x, w, b = case.arrays()
        with tempfile.TemporaryDirectory() as folder:
            model = _convert(folder, conv_model(case, w, b))
            # A module, not a session: in a session the layer overwrites its input and cannot be run again.
            runtime = nn.create_runtime_manager((self.config,))
            layer = nn.load_module_from_file(model, ["x"], ["y"], runtime_manager=runtime)
        given = [expr.const(x, x.shape, expr.NCHW)]

        def fetch(y: expr.Var) -> np.ndarray:
            result = np.array(y.read())
            return result.reshape(case.y_shape) if case.dims == 1 else result  # a 1-D result has a last axis of 1

        return Job(lambda: layer.onForward(given)[0], fetch)


def _convert(folder: str, model: bytes) -> str:
    """Write the model, convert it in a process of its own (the converter prints, and exits on errors)."""
    source, target = os.path.join(folder, "conv.onnx"), os.path.join(folder, "conv.mnn")
    with open(source, "wb") as file:
        file.write(model)
    options = ["-f", "ONNX", "--modelFile", source, "--MNNModel", target, "--bizCode", "benchmark"]
    done = subprocess.run([sys.executable, "-c", CONVERTER, *options], capture_output=True, text=True)
    if not os.path.exists(target):
        raise RuntimeError(f"MNN's converter failed: {(done.stderr or done.stdout)[-300:]}")
    return target
