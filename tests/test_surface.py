"""The public surface: names, argument orders and defaults as documented, docstrings, running examples."""

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import fastnn

TOP = """
__version__ show_versions get_include set_num_threads get_num_threads num_threads cpu blocked
set_precision explain ops autograd nn train viz models load summary
"""

MODES = "padding_mode='zeros', layout='NCHW'"
CONV = "stride=1, padding=0, dilation=1, groups=1"
TRANSPOSE = "stride=1, padding=0, output_padding=0, groups=1, dilation=1"
POOL = "kernel_size, stride=None, padding=0"
AVG = "ceil_mode=False, count_include_pad=True, divisor_override=None"
LOSS = "target, weight=None, ignore_index=-100, reduction='mean', label_smoothing=0.0"
ALIGN = "spatial_scale=1.0, sampling_ratio=-1, aligned=False"
RUNNING, GIVEN = "running_mean, running_var", "running_mean=None, running_var=None"
ONE_ARGUMENT = ["relu6", "hardsigmoid", "hardswish", "sigmoid", "tanh", "silu", "mish", "selu"]
PARAMETRISED = {
    "leaky_relu": "negative_slope=0.01", "elu": "alpha=1.0", "softplus": "beta=1.0, threshold=20.0",
    "gelu": "approximate='none'",
}  # fmt: skip
SEQUENCES = "bidirectional=False, batch_first=False, lengths=None"
OPS = [
    *(
        text.format(rank)
        for rank in (1, 2, 3)
        for text in (
            f"conv{{}}d(x, weight, bias=None, {CONV}, *, padding_mode='zeros', layout='NCHW', activation=None, "
            "residual=None, algorithm='auto', out=None)",
            f"conv{{}}d_grad_input(gy, weight, input_shape, {CONV}, *, {MODES})",
            f"conv{{}}d_grad_weight(gy, x, weight_shape, {CONV}, *, {MODES})",
            "conv{}d_grad_bias(gy, *, layout='NCHW')",
            f"pack_conv{{}}d(weight, bias=None, {CONV}, *, {MODES}, activation=None, algorithm='auto', "
            "input_shape=None)",
            f"conv_transpose{{}}d(x, weight, bias=None, {TRANSPOSE}, *, activation=None, "
            "residual=None, algorithm='auto', out=None)",
            f"conv_transpose{{}}d_grad_input(gy, weight, input_shape, {TRANSPOSE})",
            f"conv_transpose{{}}d_grad_weight(gy, x, weight_shape, {TRANSPOSE})",
            "conv_transpose{}d_grad_bias(gy)",
            f"pack_conv_transpose{{}}d(weight, bias=None, {TRANSPOSE}, *, activation=None, "
            "algorithm='auto', input_shape=None)",
        )
    ),
    "linear(x, weight, bias=None, *, activation=None, out=None)",
    "linear_grad_input(gy, weight)",
    "linear_grad_weight(gy, x)",
    "linear_grad_bias(gy)",
    "pack_linear(weight, bias=None, *, activation=None)",
    "matmul(a, b)",
    *(
        text.format(rank, L="layout='NCHW', " if rank == 2 else "", S=", *, layout='NCHW'" if rank == 2 else "")
        for rank in (1, 2, 3)
        for text in (
            f"max_pool{{}}d(x, {POOL}, dilation=1, ceil_mode=False, return_indices=False, *, {{L}}out=None)",
            f"avg_pool{{}}d(x, {POOL}, {AVG}, *, {{L}}out=None)",
            f"avg_pool{{}}d_grad_input(gy, input_shape, {POOL}, {AVG}{{S}})",
            "lp_pool{}d(x, norm_type, kernel_size, stride=None, ceil_mode=False, *, out=None)",
            "lp_pool{}d_grad_input(gy, x, y, norm_type, kernel_size, stride=None, ceil_mode=False)",
            "adaptive_avg_pool{}d(x, output_size, *, {L}out=None)",
            "adaptive_avg_pool{}d_grad_input(gy, input_shape{S})",
            "adaptive_max_pool{}d(x, output_size, return_indices=False, *, {L}out=None)",
            "adaptive_max_pool{}d_grad_input(gy, x, y{S})",
            f"max_unpool{{}}d(x, indices, {POOL}, output_size=None, *, out=None)",
            "max_unpool{}d_grad_input(gy, indices)",
        )
    ),
    *(
        f"max_pool{rank}d_grad_input(gy, x, y, {POOL}, dilation=1, ceil_mode=False, *, rectified=False{more})"
        for rank, more in ((1, ""), (2, ", layout='NCHW'"), (3, ""))
    ),
    "im2col(x, kernel_size, stride=1, padding=0, dilation=1, *, out=None)",
    "col2im(cols, output_size, kernel_size, stride=1, padding=0, dilation=1, *, out=None)",
    f"conv_matrix(weight, input_shape, {CONV})",
    "pad(x, pad, mode='constant', value=0, *, out=None)",
    "pad_grad_input(gy, input_shape, pad, mode='constant')",
    "relu(x, *, out=None)",
    "relu_grad_input(gy, y)",
    "softmax(x, dim=-1, *, out=None)",
    "softmax_grad_input(gy, y, dim=-1)",
    "log_softmax(x, dim=-1, *, out=None)",
    "log_softmax_grad_input(gy, y, dim=-1)",
    f"cross_entropy(x, {LOSS})",
    f"cross_entropy_grad_input(gy, x, {LOSS})",
    "flatten(x, start_dim=1, end_dim=-1)",
    "roi_pool(x, boxes, output_size, spatial_scale=1.0, return_indices=False, *, out=None)",
    "roi_pool_grad_input(gy, x, y, boxes, spatial_scale=1.0)",
    f"roi_align(x, boxes, output_size, {ALIGN}, *, out=None)",
    f"roi_align_grad_input(gy, boxes, input_shape, {ALIGN})",
    "box_iou(a, b, *, out=None)",
    "nms(boxes, scores, iou_threshold)",
    "batched_nms(boxes, scores, idxs, iou_threshold)",
    "interpolate(x, size=None, scale_factor=None, mode='nearest', align_corners=None, *, out=None)",
    "interpolate_grad_input(gy, input_shape, scale_factor=None, mode='nearest', align_corners=None)",
    "embedding(indices, weight, padding_idx=None, *, out=None)",
    "embedding_grad_weight(gy, indices, num_embeddings, padding_idx=None)",
    f"batch_norm(x, {RUNNING}, weight=None, bias=None, training=False, momentum=0.1, eps=1e-05, *, out=None)",
    f"batch_norm_grad_input(gy, x, {GIVEN}, weight=None, training=False, eps=1e-05)",
    f"batch_norm_grad_weight(gy, x, {GIVEN}, training=False, eps=1e-05)",
    f"fold_batch_norm(weight, bias, {RUNNING}, gamma=None, beta=None, eps=1e-05, *, transposed=False, groups=1)",
    f"instance_norm(x, {GIVEN}, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-05, *, out=None)",
    f"instance_norm_grad_input(gy, x, {GIVEN}, weight=None, use_input_stats=True, eps=1e-05)",
    f"instance_norm_grad_weight(gy, x, {GIVEN}, use_input_stats=True, eps=1e-05)",
    "layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-05, *, out=None)",
    "layer_norm_grad_input(gy, x, normalized_shape, weight=None, eps=1e-05)",
    "layer_norm_grad_weight(gy, x, normalized_shape, eps=1e-05)",
    "layer_norm_grad_bias(gy, normalized_shape)",
    "group_norm(x, num_groups, weight=None, bias=None, eps=1e-05, *, out=None)",
    "group_norm_grad_input(gy, x, num_groups, weight=None, eps=1e-05)",
    "group_norm_grad_weight(gy, x, num_groups, eps=1e-05)",
    *[f"{name}_norm_grad_bias(gy)" for name in ("batch", "instance", "group")],
    "local_response_norm(x, size, alpha=0.0001, beta=0.75, k=1.0, *, out=None)",
    "local_response_norm_grad_input(gy, x, size, alpha=0.0001, beta=0.75, k=1.0)",
    "mse_loss(x, target, reduction='mean')",
    "mse_loss_grad_input(gy, x, target, reduction='mean')",
    "smooth_l1_loss(x, target, reduction='mean', beta=1.0)",
    "smooth_l1_loss_grad_input(gy, x, target, reduction='mean', beta=1.0)",
    "binary_cross_entropy_with_logits(x, target, weight=None, reduction='mean', pos_weight=None)",
    "binary_cross_entropy_with_logits_grad_input(gy, x, target, weight=None, reduction='mean', pos_weight=None)",
    "nll_loss(x, target, weight=None, ignore_index=-100, reduction='mean')",
    "nll_loss_grad_input(gy, x, target, weight=None, ignore_index=-100, reduction='mean')",
    "dropout(x, p=0.5, training=True, seed=0, *, out=None)",
    "dropout_grad_input(gy, p=0.5, training=True, seed=0)",
    *[f"{name}(x, *, out=None)" for name in ONE_ARGUMENT],
    *[f"{name}_grad_input(gy, {'y' if name in ('sigmoid', 'tanh') else 'x'})" for name in ONE_ARGUMENT],
    *(
        form.format(name, parameters)
        for name, parameters in PARAMETRISED.items()
        for form in ("{}(x, {}, *, out=None)", "{}_grad_input(gy, x, {})")
    ),
    f"lstm(x, weights, state=None, *, {SEQUENCES}, cell_output='tanh', out=None)",
    f"gru(x, weights, state=None, *, {SEQUENCES}, out=None)",
    f"rnn(x, weights, state=None, *, nonlinearity='tanh', {SEQUENCES}, out=None)",
    "lstm_cell(x, h, c, w_ih, w_hh, b_ih=None, b_hh=None, *, cell_output='tanh')",
    "gru_cell(x, h, w_ih, w_hh, b_ih=None, b_hh=None)",
    "rnn_cell(x, h, w_ih, w_hh, b_ih=None, b_hh=None, *, nonlinearity='tanh')",
    "pack_lstm(weights, *, bidirectional=False, batch_first=False, cell_output='tanh', weight_dtype=None)",
    "pack_gru(weights, *, bidirectional=False, batch_first=False, weight_dtype=None)",
    "pack_rnn(weights, *, nonlinearity='tanh', bidirectional=False, batch_first=False, weight_dtype=None)",
    f"lstm_forward(x, weights, state=None, *, {SEQUENCES}, cell_output='tanh')",
    f"gru_forward(x, weights, state=None, *, {SEQUENCES})",
    f"rnn_forward(x, weights, state=None, *, nonlinearity='tanh', {SEQUENCES})",
    *(f"{cell}_grad(gy, reserve, gstate=None, *, input_gradient=True)" for cell in ("lstm", "gru", "rnn")),
]
PADS = ["Zero", "Reflection", "Replication", "Circular"]
# What PyTorch's constructors begin with: further arguments may follow, with defaults.
BEGINNINGS = [
    *(
        ("nn", text.format(rank))
        for rank in (1, 2, 3)
        for text in (
            "Conv{}d(in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True, "
            "padding_mode='zeros', device=None, dtype=None)",
            "ConvTranspose{}d(in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1, "
            "bias=True, dilation=1, padding_mode='zeros', device=None, dtype=None)",
        )
    ),
    *(
        ("nn", text.format(rank))
        for rank in (1, 2, 3)
        for text in (
            "MaxPool{}d(kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False",
            "AvgPool{}d(kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True",
            "LPPool{}d(norm_type, kernel_size, stride=None, ceil_mode=False",
            "MaxUnpool{}d(kernel_size, stride=None, padding=0",
            "AdaptiveAvgPool{}d(output_size",
            "AdaptiveMaxPool{}d(output_size, return_indices=False",
        )
    ),
    ("nn", f"AvgPool2d({POOL}, {AVG}"),
    ("nn", f"AvgPool3d({POOL}, {AVG}"),
    ("nn", "Unfold(kernel_size, dilation=1, padding=0, stride=1"),
    ("nn", "Fold(output_size, kernel_size, dilation=1, padding=0, stride=1"),
    *[("nn", f"{mode}Pad{d}d(padding") for mode in PADS for d in (1, 2, 3)],
    *[("nn", f"ConstantPad{d}d(padding, value") for d in (1, 2, 3)],
    ("nn", "Linear(in_features, out_features, bias=True"),
    ("nn", "RoIPool(output_size, spatial_scale"),
    ("nn", "RoIAlign(output_size, spatial_scale, sampling_ratio, aligned=False"),
    ("nn", "Upsample(size=None, scale_factor=None, mode='nearest', align_corners=None"),
    ("nn", "Embedding(num_embeddings, embedding_dim, padding_idx=None"),
    ("nn", "ReLU("),
    *[("nn", f"{name}(inplace=False") for name in ("ReLU6", "SELU", "SiLU", "Hardswish", "Hardsigmoid", "Mish")],
    ("nn", "LeakyReLU(negative_slope=0.01, inplace=False"),
    ("nn", "ELU(alpha=1.0, inplace=False"),
    ("nn", "GELU(approximate='none'"),
    ("nn", "Softplus(beta=1.0, threshold=20.0"),
    *[("nn", f"{name}(dim=None") for name in ("Softmax", "LogSoftmax")],
    *[
        ("nn", f"BatchNorm{d}d(num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True")
        for d in (1, 2, 3)
    ],
    *[
        ("nn", f"InstanceNorm{d}d(num_features, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False")
        for d in (1, 2, 3)
    ],
    ("nn", "LayerNorm(normalized_shape, eps=1e-05, elementwise_affine=True, bias=True"),
    ("nn", "GroupNorm(num_groups, num_channels, eps=1e-05, affine=True"),
    ("nn", "LocalResponseNorm(size, alpha=0.0001, beta=0.75, k=1.0"),
    ("nn", "Dropout(p=0.5, inplace=False"),
    ("nn", "MSELoss(size_average=None, reduce=None, reduction='mean'"),
    ("nn", "SmoothL1Loss(size_average=None, reduce=None, reduction='mean', beta=1.0"),
    ("nn", "BCEWithLogitsLoss(weight=None, size_average=None, reduce=None, reduction='mean', pos_weight=None"),
    ("nn", "NLLLoss(weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean'"),
    ("nn", "Flatten(start_dim=1, end_dim=-1"),
    ("nn", "Sequential(*args"),
    ("nn", "CrossEntropyLoss(weight=None"),
    ("train", "SGD(params, lr=0.001, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False"),
    ("train", "Adagrad(params, lr=0.01, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0, eps=1e-10"),
    ("train", "RMSprop(params, lr=0.01, alpha=0.99, eps=1e-08, weight_decay=0.0, momentum=0.0, centered=False"),
    ("train", "Adam(params, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0, amsgrad=False"),
    ("train", "AdamW(params, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01, amsgrad=False"),
    ("train", "LBFGS(params, lr=1.0, max_iter=20"),
    ("train", "clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False"),
    ("train", "clip_grad_value_(parameters, clip_value"),
    ("autograd", "Tensor(data, requires_grad=False"),
]
METHODS = {
    "autograd.Tensor": "grad backward numpy detach register_hook reshape shape dtype item max min var std split "
    "chunk expand gather masked_fill",
    "nn.Module": "parameters named_parameters state_dict load_state_dict train eval modules children "
    "zero_grad register_forward_hook register_forward_pre_hook register_full_backward_hook",
    "ops.Blocked": "shape dtype ndim size data numpy empty zeros",
}
PUBLIC = [
    f"fastnn{name}"
    for name in ("", ".ops", ".cpu", ".autograd", ".nn", ".nn.init", ".train", ".models", ".datasets", ".viz")
]
PUBLIC += ["fastnn.train.lr_scheduler"]


def signature(function):
    """As one would write it, without annotations."""
    bare = inspect.signature(function)
    parameters = [p.replace(annotation=inspect.Parameter.empty) for p in bare.parameters.values()]
    return function.__name__ + str(bare.replace(parameters=parameters, return_annotation=inspect.Signature.empty))


def exported(name):
    module = importlib.import_module(name)
    return [(f"{name}.{key}", getattr(module, key)) for key in module.__all__]


@pytest.mark.parametrize("name", TOP.split())
def test_top_level_names_exist(name):
    assert name in fastnn.__all__ and hasattr(fastnn, name) and name in dir(fastnn)


@pytest.mark.parametrize("expected", OPS, ids=lambda text: text.split("(")[0])
def test_ops_have_the_documented_signature(expected):
    name = expected.split("(")[0]
    assert name in fastnn.ops.__all__
    assert signature(getattr(fastnn.ops, name)) == expected


def test_ops_export_nothing_else_by_accident():
    documented = {text.split("(")[0] for text in OPS}
    other = {
        "Blocked",
        "PackedConv",
        "PackedLinear",
        "PackedRNN",
        "RNNState",
        "set_precision",
        "get_precision",
        "explain",
        "blocked",
    }
    assert set(fastnn.ops.__all__) <= documented | other


@pytest.mark.parametrize("module, expected", BEGINNINGS, ids=lambda text: text.split("(")[0])
def test_classes_have_the_constructors_of_pytorch(module, expected):
    cls = getattr(importlib.import_module(f"fastnn.{module}"), expected.split("(")[0])
    assert signature(cls).startswith(expected), signature(cls)


@pytest.mark.parametrize("owner, names", METHODS.items())
def test_classes_have_the_documented_members(owner, names):
    module, cls = owner.split(".")
    members = dir(getattr(importlib.import_module(f"fastnn.{module}"), cls))
    assert set(names.split()) <= set(members)


@pytest.mark.parametrize("module", PUBLIC)
def test_everything_exported_is_there_once_and_documented(module):
    names = importlib.import_module(module).__all__
    assert len(set(names)) == len(names)
    for name, thing in exported(module):
        if callable(thing) or inspect.ismodule(thing):
            assert (inspect.getdoc(thing) or "").strip(), f"{name} has no docstring"


FUNCTIONS = [(name, thing) for name, thing in exported("fastnn.ops") if inspect.isfunction(thing)]


@pytest.mark.parametrize("name, function", FUNCTIONS, ids=lambda v: v if isinstance(v, str) else "")
def test_ops_document_parameters_errors_and_an_example(name, function):
    text = inspect.getdoc(function)
    signature = inspect.signature(function)
    sections = ["Parameters", "Raises"] if signature.parameters else []
    sections += [] if signature.return_annotation is None or not sections else ["Returns"]
    assert ">>>" in text, f"{name} has no example"
    for section in sections:
        assert re.search(rf"^{section}\n-+$", text, re.MULTILINE), f"{name} has no section {section}"
    for parameter in signature.parameters:
        assert re.search(rf"\b{parameter}\b", text), f"{name} does not mention {parameter}"


def all_modules():
    found = [info.name for info in pkgutil.walk_packages(fastnn.__path__, "fastnn.")]
    # The modules of fastnn.cuda need Numba, and have no examples since these would need a GPU.
    return ["fastnn", *(name for name in found if not re.search(r"__main__|\.benchmarks\b|\.cuda\.", name))]


@pytest.mark.parametrize("name", all_modules())
def test_examples_in_docstrings_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # an example may write a file
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    with np.printoptions(legacy=False):
        failed, _ = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert failed == 0


def test_versions_and_header():
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", fastnn.__version__)
    assert (Path(fastnn.get_include()) / "fastnn.h").is_file()


def test_show_versions_tells_what_a_bug_report_needs(capsys):
    result = fastnn.show_versions()
    text = capsys.readouterr().out + str(result or "")
    for word in (fastnn.__version__, np.__version__, fastnn.cpu.active()):
        assert word in text


def test_the_package_is_typed():
    root = Path(fastnn.__file__).parent
    assert (root / "py.typed").is_file() and list((root / "_kernels").glob("*.pyi"))


@pytest.mark.parametrize("mode", ["default", "strict"])
def test_precision_modes_are_accepted(mode):
    try:
        fastnn.set_precision(mode)
        one = np.ones((1, 1, 1, 1), np.float32)
        assert fastnn.ops.conv2d(one, one).item() == 1
    finally:
        fastnn.set_precision("default")


@pytest.mark.parametrize("mode", ["fast", None, 3])
def test_unknown_precision_is_refused(mode):
    with pytest.raises((ValueError, TypeError), match=f"set_precision: .*{mode}"):
        fastnn.set_precision(mode)
