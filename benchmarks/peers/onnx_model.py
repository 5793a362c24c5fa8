"""A convolution as an ONNX model of one node, for the peers which read that format."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

from ..cases import ConvCase


def conv_model(case: ConvCase, w: np.ndarray, b: np.ndarray) -> bytes:
    """Return the serialised model: input "x", output "y", both NCHW, weights as constants."""
    node = helper.make_node(
        "Conv",
        ["x", "w", "b"],
        ["y"],
        kernel_shape=[case.kh, case.kw],
        strides=[case.sh, case.sw],
        pads=[case.ph, case.pw, case.ph, case.pw],
        group=case.groups,
    )
    x_info = helper.make_tensor_value_info("x", TensorProto.FLOAT, [case.batch, case.c, case.h, case.w])
    y_info = helper.make_tensor_value_info("y", TensorProto.FLOAT, [case.batch, case.oc, case.oh, case.ow])
    weights = [numpy_helper.from_array(w, "w"), numpy_helper.from_array(b, "b")]
    graph = helper.make_graph([node], "conv", [x_info], [y_info], weights)
    # The oldest versions that describe the node, so that no reader finds the file too new.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    checker.check_model(model)
    return model.SerializeToString()
