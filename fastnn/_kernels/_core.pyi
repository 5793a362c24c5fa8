from typing import Any, final

import numpy as np

__all__ = [
    "ACTIVATIONS",
    "CELLS",
    "LOSSES",
    "METHODS",
    "PAD_MODES",
    "RESAMPLE_MODES",
    "UPDATES",
    "ConvParams",
    "ConvPlan",
    "Im2colParams",
    "PackedConv",
    "PackedLinear",
    "PackedRNN",
    "PoolParams",
    "RNNParams",
    "RNNState",
    "RoiParams",
    "activate",
    "activate_grad",
    "active_isa",
    "avg_pool",
    "avg_pool_grad_input",
    "bad_index",
    "batch_norm",
    "batch_norm_grad",
    "block",
    "box_iou",
    "channel_sum",
    "col2im",
    "conv",
    "conv_algorithm",
    "conv_grad_input",
    "conv_grad_weight",
    "conv_refusal",
    "copy_bandwidth",
    "dropout",
    "embedding",
    "embedding_grad_weight",
    "empty",
    "fma_peak",
    "gemm",
    "get_num_threads",
    "group_norm",
    "group_norm_grad",
    "has_isa",
    "im2col",
    "interpolate",
    "interpolate_grad_input",
    "kernel_names",
    "live_workers",
    "local_response_norm",
    "local_response_norm_grad",
    "loss",
    "loss_grad",
    "lp_pool",
    "lp_pool_grad_input",
    "max_pool",
    "max_pool_grad_input",
    "max_unpool",
    "nms",
    "pad",
    "pad_grad_input",
    "rnn",
    "rnn_backward",
    "rnn_pack",
    "roi_align",
    "roi_align_grad_input",
    "roi_pool",
    "roi_pool_grad_input",
    "set_num_threads",
    "set_spin_us",
    "set_strict",
    "softmax",
    "softmax_grad",
    "unblock",
    "update_step",
    "use_isa",
]

ACTIVATIONS: dict[str | None, int]
CELLS: dict[str, int]
METHODS: dict[str, int]

def kernel_names() -> list[str]: ...
def has_isa(name: str) -> bool: ...
def use_isa(name: str) -> bool: ...
def active_isa() -> str: ...
def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...
def set_spin_us(us: int) -> None: ...
def live_workers() -> int: ...
def fma_peak(threads: int) -> float: ...
def copy_bandwidth(threads: int) -> float: ...
def empty(shape: tuple[int, ...], dtype: Any, size_bytes: int) -> np.ndarray: ...
def block(x: np.ndarray, y: np.ndarray, n: int, c: int, h: int, w: int) -> None: ...
def unblock(x: np.ndarray, y: np.ndarray, n: int, c: int, h: int, w: int) -> None: ...

@final
class ConvParams:
    x_shape: tuple[int, ...]
    y_shape: tuple[int, ...]
    transposed: bool
    def __init__(
        self,
        x_shape: tuple[int, ...],
        weight_shape: tuple[int, ...],
        y_shape: tuple[int, ...],
        stride: tuple[int, ...],
        padding: tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
        transposed: bool = False,
        padding_mode: int = 0,
    ) -> None: ...

def set_strict(strict: bool) -> None: ...
def conv_algorithm(params: ConvParams, method: int) -> str: ...
def conv_refusal(params: ConvParams, method: int, layout: int = 0) -> str | None: ...
def conv(
    params: ConvParams,
    method: int,
    x: np.ndarray,
    x_layout: int,
    weight: np.ndarray,
    bias: np.ndarray | None,
    residual: np.ndarray | None,
    y: np.ndarray,
    y_layout: int,
    activation: int,
    alpha: float,
    beta: float,
) -> None: ...
def conv_grad_input(
    params: ConvParams,
    method: int,
    gy: np.ndarray,
    gy_layout: int,
    weight: np.ndarray,
    gx: np.ndarray,
    gx_layout: int,
) -> None: ...
def conv_grad_weight(
    params: ConvParams, gy: np.ndarray, gy_layout: int, x: np.ndarray, x_layout: int, gw: np.ndarray
) -> None: ...
def channel_sum(x: np.ndarray, layout: int, n: int, c: int, pixels: int, out: np.ndarray) -> None: ...

@final
class ConvPlan:
    params: ConvParams
    @property
    def method(self) -> int: ...
    @property
    def y_shape(self) -> tuple[int, ...]: ...
    def __init__(
        self, params: ConvParams, dtype: int, method: int, strict: bool, weights: np.ndarray
    ) -> None: ...

@final
class PackedConv:
    packed: np.ndarray
    bias: np.ndarray | None
    dtype: np.dtype
    weight_shape: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    activation_spec: tuple[int, float, float]
    output_padding: tuple[int, ...] | None
    groups: int
    algorithm: str
    transposed: bool
    padding_mode: str
    layout: str
    @property
    def nbytes(self) -> int: ...
    def __init__(
        self,
        rules: Any,
        packed: np.ndarray,
        bias: np.ndarray | None,
        weight_shape: tuple[int, ...],
        stride: tuple[int, ...],
        padding: tuple[tuple[int, int], ...],
        dilation: tuple[int, ...],
        groups: int,
        activation: tuple[int, float, float],
        algorithm: str,
        output_padding: tuple[int, ...] | None = None,
        padding_mode: str = "zeros",
        layout: str = "NCHW",
    ) -> None: ...
    @staticmethod
    def pack(params: ConvParams, weight: np.ndarray) -> np.ndarray: ...
    def plan(self, x_shape: tuple[int, ...]) -> ConvPlan: ...
    def __call__(self, x: Any, residual: Any = None, out: Any = None) -> Any: ...
    def __copy__(self) -> PackedConv: ...
    def __deepcopy__(self, memo: Any) -> PackedConv: ...

@final
class Im2colParams:
    x_shape: tuple[int, int, int, int]
    cols_shape: tuple[int, int, int]
    def __init__(
        self,
        x_shape: tuple[int, ...],
        windows: tuple[int, int],
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        dilation: tuple[int, int],
    ) -> None: ...

def im2col(params: Im2colParams, x: np.ndarray, cols: np.ndarray) -> None: ...
def col2im(params: Im2colParams, cols: np.ndarray, x: np.ndarray) -> None: ...

PAD_MODES: dict[str, int]

def pad(
    x: np.ndarray,
    y: np.ndarray,
    mode: int,
    value: float,
    outer: int,
    size: tuple[int, int, int],
    pads: tuple[tuple[int, int], tuple[int, int], tuple[int, int]],
    unit: int,
) -> None: ...
def pad_grad_input(
    gy: np.ndarray,
    gx: np.ndarray,
    mode: int,
    outer: int,
    size: tuple[int, int, int],
    pads: tuple[tuple[int, int], tuple[int, int], tuple[int, int]],
    unit: int,
) -> None: ...
def gemm(
    a: np.ndarray,
    a_transposed: bool,
    b: np.ndarray,
    b_transposed: bool,
    c: np.ndarray,
    m: int,
    n: int,
    k: int,
    bias: np.ndarray | None,
    activation: int,
    alpha: float,
    beta: float,
) -> None: ...

@final
class PackedLinear:
    packed: np.ndarray
    bias: np.ndarray | None
    dtype: np.dtype
    weight_shape: tuple[int, int]
    activation_spec: tuple[int, float, float]
    @property
    def nbytes(self) -> int: ...
    def __init__(
        self,
        rules: Any,
        packed: np.ndarray,
        bias: np.ndarray | None,
        weight_shape: tuple[int, ...],
        activation: tuple[int, float, float],
    ) -> None: ...
    @staticmethod
    def pack(weight: np.ndarray, n: int, k: int) -> np.ndarray: ...
    def __call__(self, x: Any, out: Any = None) -> np.ndarray: ...
    def __copy__(self) -> PackedLinear: ...
    def __deepcopy__(self, memo: Any) -> PackedLinear: ...

@final
class RNNParams:
    gates: int
    padded: int
    def __init__(
        self,
        cell: int,
        variant: int,
        half_weights: bool,
        steps: int,
        batch: int,
        inputs: int,
        hidden: int,
        directions: int,
        batch_first: bool,
        order: np.ndarray | None = None,
        lengths: np.ndarray | None = None,
    ) -> None: ...

@final
class RNNState:
    layers: int
    batch: int
    hidden: int
    dtype: np.dtype
    @property
    def h(self) -> np.ndarray: ...
    @property
    def c(self) -> np.ndarray | None: ...
    def __init__(
        self,
        layers: int,
        batch: int,
        hidden: int,
        dtype: np.dtype,
        h: np.ndarray | None = None,
        c: np.ndarray | None = None,
        has_cell: bool = False,
    ) -> None: ...
    def copy(self) -> RNNState: ...
    def __copy__(self) -> RNNState: ...
    def __deepcopy__(self, memo: Any) -> RNNState: ...

@final
class PackedRNN:
    packed: tuple[tuple[np.ndarray, ...], ...]
    dtype: np.dtype
    cell: str
    weight_dtype: str
    variant: int
    input_size: int
    hidden_size: int
    layers: int
    bidirectional: bool
    batch_first: bool
    @property
    def nbytes(self) -> int: ...
    def __init__(
        self,
        rules: Any,
        cell: str,
        variant: int,
        dtype: np.dtype,
        weight_dtype: str,
        input_size: int,
        hidden_size: int,
        bidirectional: bool,
        batch_first: bool,
        packed: tuple[tuple[np.ndarray, ...], ...],
    ) -> None: ...
    def __call__(
        self, x: Any, state: Any = None, lengths: Any = None, out: Any = None
    ) -> tuple[np.ndarray, Any]: ...
    def step(self, x: Any, state: Any = None, out: Any = None) -> tuple[np.ndarray, RNNState]: ...
    def cell_step(self, x: Any, h: Any = None, c: Any = None) -> tuple[np.ndarray, np.ndarray | None]: ...
    def __copy__(self) -> PackedRNN: ...
    def __deepcopy__(self, memo: Any) -> PackedRNN: ...

@final
class PoolParams:
    x_shape: tuple[int, ...]
    y_shape: tuple[int, ...]
    has_taps: bool
    def __init__(
        self,
        x_shape: tuple[int, ...],
        y_shape: tuple[int, ...],
        kernel: tuple[int, ...],
        stride: tuple[int, ...],
        padding: tuple[int, ...],
        dilation: tuple[int, ...],
        adaptive: bool,
        count_include_pad: bool,
        divisor: float,
        power: float,
    ) -> None: ...
def max_pool(
    params: PoolParams, layout: int, x: np.ndarray, y: np.ndarray, taps: np.ndarray | None, indices: np.ndarray | None
) -> None: ...
def max_pool_grad_input(
    params: PoolParams,
    layout: int,
    gy: np.ndarray,
    taps: np.ndarray | None,
    x: np.ndarray | None,
    y: np.ndarray | None,
    gx: np.ndarray,
    rectified: bool,
) -> None: ...
def avg_pool(params: PoolParams, layout: int, x: np.ndarray, y: np.ndarray) -> None: ...
def avg_pool_grad_input(params: PoolParams, layout: int, gy: np.ndarray, gx: np.ndarray) -> None: ...
def lp_pool(params: PoolParams, x: np.ndarray, y: np.ndarray) -> None: ...
def lp_pool_grad_input(
    params: PoolParams, gy: np.ndarray, x: np.ndarray, y: np.ndarray, gx: np.ndarray
) -> None: ...
def bad_index(indices: np.ndarray, size: int) -> int | None: ...
def max_unpool(
    indices: np.ndarray, volumes: int, n: int, size: int, x: np.ndarray, y: np.ndarray, gradient: bool
) -> None: ...
def activate(x: np.ndarray, y: np.ndarray, activation: int, alpha: float, beta: float) -> None: ...
def activate_grad(
    gy: np.ndarray, x: np.ndarray, gx: np.ndarray, activation: int, alpha: float, beta: float
) -> None: ...
def softmax(x: np.ndarray, y: np.ndarray, rows: int, n: int, logarithm: bool) -> None: ...
def softmax_grad(
    gy: np.ndarray, y: np.ndarray, gx: np.ndarray, rows: int, n: int, logarithm: bool
) -> None: ...

RESAMPLE_MODES: dict[str, int]

@final
class RoiParams:
    y_shape: tuple[int, ...]
    def __init__(
        self, x_shape: tuple[int, ...], y_shape: tuple[int, ...], scale: float, sampling: int, aligned: bool
    ) -> None: ...

def roi_align(params: RoiParams, layout: int, x: np.ndarray, boxes: np.ndarray, y: np.ndarray) -> None: ...
def roi_align_grad_input(params: RoiParams, layout: int, gy: np.ndarray, boxes: np.ndarray, gx: np.ndarray) -> None: ...
def roi_pool(
    params: RoiParams,
    layout: int,
    x: np.ndarray,
    boxes: np.ndarray,
    y: np.ndarray,
    indices: np.ndarray | None,
) -> None: ...
def roi_pool_grad_input(
    params: RoiParams,
    layout: int,
    gy: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    boxes: np.ndarray,
    gx: np.ndarray,
) -> None: ...
def box_iou(a: np.ndarray, b: np.ndarray, iou: np.ndarray, m: int, n: int) -> None: ...
def nms(boxes: np.ndarray, order: np.ndarray, start: np.ndarray, threshold: float, keep: np.ndarray) -> None: ...
def interpolate(
    x_shape: tuple[int, ...],
    size: tuple[int, ...],
    mode: int,
    align_corners: bool,
    step: tuple[float, ...],
    layout: int,
    x: np.ndarray,
    y: np.ndarray,
) -> None: ...
def interpolate_grad_input(
    x_shape: tuple[int, ...],
    size: tuple[int, ...],
    mode: int,
    align_corners: bool,
    step: tuple[float, ...],
    layout: int,
    gy: np.ndarray,
    gx: np.ndarray,
) -> None: ...
def embedding(index: np.ndarray, weight: np.ndarray, y: np.ndarray, k: int, rows: int, width: int) -> None: ...
def embedding_grad_weight(
    index: np.ndarray, gy: np.ndarray, gw: np.ndarray, k: int, rows: int, width: int, padding: int
) -> None: ...
def batch_norm(
    shape: tuple[int, int, int],
    layout: int,
    training: bool,
    eps: float,
    x: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    mean: np.ndarray,
    var: np.ndarray,
    y: np.ndarray,
) -> None: ...
def batch_norm_grad(
    shape: tuple[int, int, int],
    layout: int,
    training: bool,
    eps: float,
    gy: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | None,
    mean: np.ndarray,
    var: np.ndarray,
    gx: np.ndarray | None,
    gw: np.ndarray | None,
    gb: np.ndarray | None,
) -> None: ...
def group_norm(
    shape: tuple[int, int, int],
    groups: int,
    eps: float,
    x: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    mean: np.ndarray,
    var: np.ndarray,
    y: np.ndarray,
) -> None: ...
def group_norm_grad(
    shape: tuple[int, int, int],
    groups: int,
    eps: float,
    gy: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | None,
    mean: np.ndarray,
    var: np.ndarray,
    gx: np.ndarray | None,
    gw: np.ndarray | None,
    gb: np.ndarray | None,
) -> None: ...
def local_response_norm(
    shape: tuple[int, int, int], size: int, alpha: float, beta: float, k: float, x: np.ndarray, y: np.ndarray
) -> None: ...
def local_response_norm_grad(
    shape: tuple[int, int, int],
    size: int,
    alpha: float,
    beta: float,
    k: float,
    gy: np.ndarray,
    x: np.ndarray,
    gx: np.ndarray,
) -> None: ...
def dropout(x: np.ndarray, y: np.ndarray, p: float, seed: int) -> None: ...

LOSSES: dict[str, int]

def loss(
    kind: int,
    beta: float,
    x: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray | None,
    positive: np.ndarray | None,
    losses: np.ndarray | None,
) -> float: ...
def loss_grad(
    kind: int,
    beta: float,
    scale: float,
    gy: np.ndarray | None,
    x: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray | None,
    positive: np.ndarray | None,
    gx: np.ndarray,
) -> None: ...
def rnn(
    params: RNNParams,
    x: np.ndarray,
    packed: tuple[np.ndarray, ...],
    h0: np.ndarray | None,
    c0: np.ndarray | None,
    y: np.ndarray,
    hn: np.ndarray,
    cn: np.ndarray | None,
    gates: np.ndarray | None = None,
    extra: np.ndarray | None = None,
) -> None: ...
def rnn_backward(
    params: RNNParams,
    w_hh: tuple[np.ndarray, ...],
    h0: np.ndarray,
    c0: np.ndarray | None,
    y: np.ndarray,
    gates: np.ndarray | None,
    extra: np.ndarray | None,
    gy: np.ndarray | None,
    ghn: np.ndarray | None,
    gcn: np.ndarray | None,
    g_x: np.ndarray,
    g_h: np.ndarray | None,
    gh0: np.ndarray,
    gc0: np.ndarray | None,
) -> None: ...
def rnn_pack(
    params: RNNParams,
    w_ih: np.ndarray,
    w_hh: np.ndarray,
    b_ih: np.ndarray | None,
    b_hh: np.ndarray | None,
) -> np.ndarray: ...

UPDATES: dict[str, int]

def update_step(
    rule: int,
    options: dict[str, float],
    p: list[np.ndarray],
    g: list[np.ndarray],
    states: list[list[np.ndarray] | None],
    lr: list[float],
    scale: list[float] | None,
    first: list[bool] | None,
) -> None: ...
