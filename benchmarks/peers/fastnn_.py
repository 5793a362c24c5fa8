"""fastnn: packed weights with ``out=`` (packed) and without (alloc), blocked arrays in and out (blocked), and
the plain function on plain arrays (ops)."""

from __future__ import annotations

import numpy as np

import fastnn
from fastnn import _kernels, ops

from ..cases import ConvCase, TrainCase
from ..ops import OpCase
from ..train_networks import STEPS, StepCase
from . import Job


def version() -> str:
    return fastnn.__version__


def _name(case: ConvCase) -> str:
    return f"conv_transpose{case.dims}d" if case.transposed else f"conv{case.dims}d"


def _options(case: ConvCase) -> dict:
    options = {"stride": case.stride, "padding": case.sides or case.padding, "dilation": case.dilation}
    if case.transposed:
        options["output_padding"] = case.output_padding
    return {**options, "groups": case.groups}


def _explained(packed, shape: tuple[int, ...]) -> str:
    """The algorithm that fastnn says it takes, in a few words; "" where it does not say."""
    try:
        text = fastnn.explain(packed, shape)
    except (TypeError, ValueError, NotImplementedError, AttributeError):
        return ""
    lines = [line.split(":", 1)[1] for line in text.splitlines() if line.startswith("algorithm:")]
    return lines[0].split(",")[0].strip() if lines else text.splitlines()[-1].strip()


class Library:
    def __init__(self, variant: str, threads: int) -> None:
        self.variant, self.threads, self.algorithm = variant, threads, "auto"
        fastnn.set_num_threads(threads)

    def isa(self) -> str:
        return fastnn.cpu.active()

    def fma_peak(self) -> float:
        """GFLOP/s of a loop of nothing but fused multiply-adds on the active ISA, on all threads."""
        return float(_kernels.fma_peak(self.threads))

    def copy_bandwidth(self) -> float:
        """GB/s of copying arrays larger than the caches, bytes read and written, on all threads."""
        return float(_kernels.copy_bandwidth(self.threads))

    def conv(self, case: ConvCase) -> Job:
        x, w, b = case.arrays()
        options = _options(case)
        more = {} if self.algorithm == "auto" else {"algorithm": self.algorithm}
        if self.variant == "ops":
            function = getattr(ops, f"{_name(case)}")
            return Job(lambda: function(x, w, b, **options, **more), np.asarray)
        packed = getattr(ops, f"pack_{_name(case)}")(w, b, **options, **more)
        note = _explained(packed, x.shape)
        if self.variant == "alloc":
            return Job(lambda: packed(x), np.asarray, note)
        if self.variant == "blocked":
            if case.dims != 2:
                raise NotImplementedError("blocked arrays are images, [n, c, h, w]")
            image, y = fastnn.blocked(x), ops.Blocked.empty(case.y_shape, np.float32)
            return Job(lambda: packed(image, out=y), lambda y: y.numpy(), note)
        plain = np.empty(case.y_shape, np.float32)
        return Job(lambda: packed(x, out=plain), np.asarray, note)

    def backward(self, case: ConvCase) -> Job:
        """Forward on weights as they are, since training changes them at every step, and the three gradients."""
        x, w, b = case.arrays()
        gy = case.gradient()
        if self.variant == "blocked":
            x, gy = fastnn.blocked(x), fastnn.blocked(gy)
        options, name = _options(case), _name(case)
        forward, grad_bias = getattr(ops, name), getattr(ops, f"{name}_grad_bias")
        grad_input, grad_weight = getattr(ops, f"{name}_grad_input"), getattr(ops, f"{name}_grad_weight")
        more = {} if self.algorithm == "auto" else {"algorithm": self.algorithm}

        def run() -> tuple:
            y = forward(x, w, b, **options, **more)
            gx = grad_input(gy, w, case.x_shape, **options)
            return y, gx, grad_weight(gy, x, w.shape, **options), grad_bias(gy)

        return Job(run, lambda parts: tuple(np.asarray(part) for part in parts))

    def op(self, case: OpCase) -> Job:
        """The result written into a given array; into a new one for the variants alloc and blocked."""
        inputs = case.op.inputs(case.batch)
        if self.variant == "blocked":
            return Job(case.op.fastnn_blocked(*inputs), lambda y: y)
        call = case.op.fastnn(*inputs)
        if self.variant == "alloc" and not case.op.takes_out:
            raise NotImplementedError("it has no out=, so there is no difference")
        if self.variant == "alloc" or not case.op.takes_out:
            return Job(call, lambda y: y)
        y = call()
        return Job(lambda: call(out=y), lambda y: y)

    def op_backward(self, case: OpCase) -> Job:
        return Job(case.op.fastnn_backward(case.op.gradient(case.batch), *case.op.inputs(case.batch)), lambda y: y)

    def train(self, case: TrainCase) -> Job:
        from fastnn import nn
        from fastnn.autograd import Tensor
        from fastnn.train import SGD

        x, labels = case.arrays()
        a, b = case.conv
        net = nn.Sequential(
            *(nn.Conv2d(1, a, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(
                nn.Flatten(),
                nn.Linear(case.features, case.hidden),
                nn.ReLU(),
                nn.Linear(case.hidden, case.classes),
            ),
        )
        names = [name for name, _ in net.named_parameters()]
        net.load_state_dict(dict(zip(names, case.parameters(), strict=True)))
        criterion = nn.CrossEntropyLoss()
        sgd = SGD(net.parameters(), case.lr, case.momentum)

        def run() -> Tensor:
            sgd.zero_grad()
            loss = criterion(net(Tensor(x)), labels)
            loss.backward()
            sgd.step()
            return loss

        return Job(run, lambda loss: loss.item())

    def step(self, case: StepCase, dtype: type = np.float32) -> Job:
        from fastnn import nn
        from fastnn.autograd import Tensor
        from fastnn.train import SGD

        x, labels = case.arrays()
        x = x.astype(dtype) if x.dtype.kind == "f" else x
        net = case.build(nn)
        if dtype is np.float64:
            for p in net.parameters():
                p.data = p.data.astype(dtype)
            for buffer in net.buffers():
                buffer.data = buffer.data.astype(dtype) if buffer.dtype.kind == "f" else buffer.data
        net.load_state_dict(case.state({name: a.shape for name, a in net.state_dict().items()}))
        criterion = nn.CrossEntropyLoss()
        sgd = SGD(net.parameters(), case.lr, case.momentum)

        def run() -> Tensor:
            sgd.zero_grad()
            loss = criterion(net(Tensor(x)), labels)
            loss.backward()
            sgd.step()
            return loss

        def gradients() -> dict[str, np.ndarray]:
            return {name: p.grad.numpy() for name, p in net.named_parameters()}

        return Job(run, lambda loss: loss.item(), gradients=gradients)

    def exact_step(self, case: StepCase) -> dict[str, np.ndarray]:
        """Losses of the first steps and gradients of the first one, in float64."""
        job = self.step(case, np.float64)
        first = job.fetch(job.run())
        found = job.gradients()
        return {**found, "losses": np.array([first] + [job.fetch(job.run()) for _ in range(STEPS - 1)])}
