"""ONNX Runtime: a model of one node, all graph optimisations, input and output bound once."""

from __future__ import annotations

import onnxruntime as ort

from ..cases import ConvCase
from . import Job
from .onnx_model import conv_model


def version() -> str:
    return ort.__version__


class Library:
    def __init__(self, variant: str, threads: int) -> None:
        # Spinning between calls stays on, as it is by default: it shortens ORT's calls and costs the other
        # peers nothing, since the worker answers only when its threads have come to rest.
        self.options = ort.SessionOptions()
        self.options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.options.intra_op_num_threads = threads
        self.options.inter_op_num_threads = 1
        self.options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        self.options.log_severity_level = 3

    def conv(self, case: ConvCase) -> Job:
        x, w, b = case.arrays()
        session = ort.InferenceSession(conv_model(case, w, b), self.options, providers=["CPUExecutionProvider"])
        given = ort.OrtValue.ortvalue_from_numpy(x)
        result = ort.OrtValue.ortvalue_from_shape_and_type(list(case.y_shape), "float32")
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", given)
        binding.bind_ortvalue_output("y", result)

        def run() -> ort.OrtValue:
            session.run_with_iobinding(binding)
            return result

        return Job(run, lambda value: value.numpy())
