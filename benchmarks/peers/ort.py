"""ONNX Runtime: a small model, all graph optimisations, input and output bound once."""

from __future__ import annotations

import onnxruntime as ort

from ..cases import ConvCase
from ..ops import OpCase
from . import Job
from .onnx_model import conv_model, op_model


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

    def op(self, case: OpCase) -> Job:
        model, inputs = op_model(case)
        session = ort.InferenceSession(model, self.options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        for name, array in inputs.items():
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array))
        for i, shape in enumerate(case.op.result_shapes(case.batch)):
            if i in case.op.whole_numbers or None in shape:
                binding.bind_output(f"y{i}")
            else:
                y = ort.OrtValue.ortvalue_from_shape_and_type(list(shape), "float32")
                binding.bind_ortvalue_output(f"y{i}", y)

        def run() -> ort.IOBinding:
            session.run_with_iobinding(binding)
            return binding

        return Job(run, lambda binding: tuple(value.numpy() for value in binding.get_outputs()))
