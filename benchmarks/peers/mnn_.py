"""MNN: the small ONNX model through its converter, then a module held to float32."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import Any

import MNN
import numpy as np
from MNN import expr, nn

from ..cases import ConvCase
from ..ops import OpCase
from . import Job
from .onnx_model import conv_model, op_model

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
        layer = self._loaded(conv_model(case, w, b), ["x"], ["y"])
        given = [expr.const(x, x.shape, expr.NCHW)]

        def fetch(y: expr.Var) -> np.ndarray:
            result = np.array(y.read())
            return result.reshape(case.y_shape) if case.dims == 1 else result  # a 1-D result has a last axis of 1

        return Job(lambda: layer.onForward(given)[0], fetch)

    def op(self, case: OpCase) -> Job:
        model, inputs = op_model(case)
        if any(a.dtype != np.float32 for a in inputs.values()):
            raise NotImplementedError("written for float32 inputs only")
        layer = self._loaded(model, list(inputs), [f"y{i}" for i in range(len(case.op.result_shapes(case.batch)))])
        given = [expr.const(a, a.shape, expr.NCHW) for a in inputs.values()]
        return Job(lambda: layer.onForward(given), lambda ys: tuple(np.array(y.read()) for y in ys))

    def _loaded(self, model: bytes, inputs: list[str], outputs: list[str]) -> Any:
        """A module, not a session: in a session the layer overwrites its input and cannot be run again."""
        with tempfile.TemporaryDirectory() as folder:
            runtime = nn.create_runtime_manager((self.config,))
            return nn.load_module_from_file(_convert(folder, model), inputs, outputs, runtime_manager=runtime)


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
