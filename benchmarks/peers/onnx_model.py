"""Layers as small ONNX models, for the peers which read that format."""

from __future__ import annotations

import numpy as np
from onnx import GraphProto, TensorProto, checker, helper, numpy_helper

from ..cases import ConvCase
from ..ops import OpCase


def conv_model(case: ConvCase, w: np.ndarray, b: np.ndarray) -> bytes:
    """Return the serialised model: input "x", output "y", channels second, weights as constants."""
    more = {"output_padding": list(case.output_padding)} if case.transposed else {}
    node = helper.make_node(
        "ConvTranspose" if case.transposed else "Conv",
        ["x", "w", "b"],
        ["y"],
        kernel_shape=list(case.kernel),
        strides=list(case.stride),
        dilations=list(case.dilation),
        pads=[before for before, _ in case.padding] + [after for _, after in case.padding],
        group=case.groups,
        **more,
    )
    x_info = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(case.x_shape))
    y_info = helper.make_tensor_value_info("y", TensorProto.FLOAT, list(case.y_shape))
    weights = [numpy_helper.from_array(w, "w"), numpy_helper.from_array(b, "b")]
    # The oldest version that describes the node, so that no reader finds the file too new.
    return _serialised(helper.make_graph([node], "conv", [x_info], [y_info], weights), 11)


def op_model(case: OpCase) -> tuple[bytes, dict[str, np.ndarray]]:
    """Return the serialised model of an operator and what goes in, by name; weights are constants of the model."""
    nodes, opset = case.op.onnx()
    arrays = {f"x{i}": a for i, a in enumerate(case.op.inputs(case.batch))}
    weights = {f"x{i}": arrays.pop(f"x{i}") for i in case.op.constant}
    element = helper.np_dtype_to_tensor_dtype
    given = [helper.make_tensor_value_info(name, element(a.dtype), a.shape) for name, a in arrays.items()]
    kinds = dict.fromkeys(case.op.whole_numbers, TensorProto.INT64)
    results = [
        helper.make_tensor_value_info(f"y{i}", kinds.get(i, TensorProto.FLOAT), shape)
        for i, shape in enumerate(case.op.result_shapes(case.batch))
    ]
    constants = [numpy_helper.from_array(a, name) for name, a in weights.items()]
    return _serialised(helper.make_graph(nodes, case.group, given, results, constants), opset), arrays


def _serialised(graph: GraphProto, opset: int) -> bytes:
    ir_version = 6 if opset <= 11 else 8
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
    checker.check_model(model)
    return model.SerializeToString()
