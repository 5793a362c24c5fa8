"""OpenVINO: the same small model compiled for latency, held to float32, input bound once."""

from __future__ import annotations

import openvino as ov

from ..cases import ConvCase
from ..ops import OpCase
from . import Job
from .onnx_model import conv_model, op_model


def version() -> str:
    return ov.__version__.split("-")[0]


class Library:
    def __init__(self, variant: str, threads: int) -> None:
        self.core = ov.Core()
        self.config = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "f32",
        }

    def conv(self, case: ConvCase) -> Job:
        x, w, b = case.arrays()
        model = self.core.read_model(conv_model(case, w, b))
        request = self.core.compile_model(model, "CPU", self.config).create_infer_request()
        request.set_input_tensor(ov.Tensor(x))  # a copy which OpenVINO owns, aligned as it likes

        def run() -> ov.Tensor:
            request.infer(share_outputs=True)
            return request.get_output_tensor()

        return Job(run, lambda y: y.data)

    def op(self, case: OpCase) -> Job:
        model, inputs = op_model(case)
        request = self.core.compile_model(self.core.read_model(model), "CPU", self.config).create_infer_request()
        for name, array in inputs.items():
            request.set_tensor(name, ov.Tensor(array))

        def run() -> ov.InferRequest:
            request.infer(share_outputs=True)
            return request

        return Job(run, lambda request: tuple(tensor.data for tensor in request.output_tensors))
