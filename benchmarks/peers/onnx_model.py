"""A convolution as an ONNX model of one node, for the peers which read that format."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

from ..cases import ConvCase


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
    graph = helper.make_graph([node], "conv", [x_info], [y_info], weights)
    # The oldest versions that describe the node, so that no reader finds the file too new.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    checker.check_model(model)
    return model.SerializeToString()
