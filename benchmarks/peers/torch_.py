"""PyTorch: eager NCHW, channels_last, and torch.compile with inductor, weights frozen for inference.

The compiled variant is the honest opponent: its weights are packed ahead, as ``pack_conv2d``'s are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch._dynamo
from torch import nn

from ..cases import ConvCase, TrainCase
from ..ops import OpCase
from ..train_networks import StepCase
from . import Job


def version() -> str:
    return torch.__version__


def _pad(case: ConvCase) -> list[int] | None:
    """Padding as `torch.nn.functional.pad` takes it, where the layer itself cannot: unlike before and after."""
    return [side for pair in reversed(case.padding) for side in pair] if case.sides is None else None


def _function(case: ConvCase):
    """The layer as a function of x, w, b."""
    pad, padding = _pad(case), case.sides or 0
    if case.transposed:
        options = (case.stride, padding, case.output_padding, case.groups, case.dilation)
        call = getattr(nn.functional, f"conv_transpose{case.dims}d")
        return lambda x, w, b: call(x, w, b, *options)
    call = getattr(nn.functional, f"conv{case.dims}d")
    options = (case.stride, padding, case.dilation, case.groups)
    if pad:
        return lambda x, w, b: call(nn.functional.pad(x, pad), w, b, *options)
    return lambda x, w, b: call(x, w, b, *options)


def _layer(case: ConvCase) -> nn.Sequential:
    """The layer as modules, the convolution last."""
    pad, padding = _pad(case), case.sides or 0
    options = {"stride": case.stride, "padding": padding, "dilation": case.dilation, "groups": case.groups}
    if case.transposed:
        options["output_padding"] = case.output_padding
    made = getattr(nn, f"ConvTranspose{case.dims}d" if case.transposed else f"Conv{case.dims}d")
    layer = made(case.c, case.oc, case.kernel, **options)
    return nn.Sequential(*([getattr(nn, f"ConstantPad{case.dims}d")(pad, 0.0)] if pad else []), layer)


def _arrays(results: Any) -> tuple[np.ndarray, ...]:
    results = results if isinstance(results, (tuple, list)) else (results,)
    return tuple(result.detach().numpy() for result in results)


class Library:
    def __init__(self, variant: str, threads: int) -> None:
        self.variant = variant
        self.layout = torch.channels_last if variant == "channels_last" else torch.contiguous_format
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision("highest")
        if hasattr(torch.backends.mkldnn, "fp32_precision"):
            torch.backends.mkldnn.fp32_precision = "ieee"

    def conv(self, case: ConvCase) -> Job:
        x, w, b = (self._laid_out(torch.from_numpy(a)) for a in case.arrays())
        if self.variant == "compile":
            return Job(self._compiled(case, x, w, b), lambda y: y.numpy())
        function = _function(case)
        return Job(lambda: function(x, w, b), lambda y: y.numpy())

    def backward(self, case: ConvCase) -> Job:
        x, w, b = (self._laid_out(torch.from_numpy(a)).requires_grad_() for a in case.arrays())
        gy = self._laid_out(torch.from_numpy(case.gradient()))
        function = _function(case)
        if self.variant == "compile":
            torch._dynamo.reset()
            function = torch.compile(function)

        def run() -> tuple[torch.Tensor, ...]:
            y = function(x, w, b)
            return (y, *torch.autograd.grad(y, (x, w, b), gy))

        return Job(run, lambda parts: tuple(part.detach().numpy() for part in parts))

    def op(self, case: OpCase) -> Job:
        function = self._maybe_compiled(case.op.torch(*self._op_tensors(case)))

        def run() -> object:
            with torch.no_grad():
                return function()

        return Job(run, _arrays)

    def op_backward(self, case: OpCase) -> Job:
        tensors = self._op_tensors(case)
        wanted = [tensors[i].requires_grad_() for i in case.op.differentiable]
        gradient = torch.from_numpy(case.op.gradient(case.batch))
        gradient = self._laid_out(gradient) if gradient.ndim >= 4 else gradient
        function = self._maybe_compiled(case.op.torch(*tensors))

        def run() -> tuple[torch.Tensor, ...]:
            y = function()
            y = y if isinstance(y, torch.Tensor) else y[0]
            return (y, *torch.autograd.grad(y, wanted, gradient))

        return Job(run, _arrays)

    def _op_tensors(self, case: OpCase) -> list[torch.Tensor]:
        tensors = [torch.from_numpy(a) for a in case.op.inputs(case.batch)]
        if self.variant == "channels_last" and all(t.ndim < 4 for t in tensors):
            raise NotImplementedError("no image in it, so channels_last means nothing")
        return [self._laid_out(t) if t.ndim >= 4 else t for t in tensors]

    def _maybe_compiled(self, function: Callable[[], Any]) -> Callable[[], Any]:
        if self.variant != "compile":
            return function
        torch._dynamo.reset()
        return torch.compile(function)

    def _laid_out(self, array: torch.Tensor) -> torch.Tensor:
        if self.variant != "channels_last" or array.ndim == 1:
            return array
        if array.ndim == 3:
            raise NotImplementedError("PyTorch has channels_last for 2-D and 3-D layers only")
        return array.to(memory_format=torch.channels_last if array.ndim == 4 else torch.channels_last_3d)

    @staticmethod
    def _compiled(case: ConvCase, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor):
        import torch._inductor.config as inductor

        inductor.freezing = True
        torch._dynamo.reset()
        layer = _layer(case)
        with torch.no_grad():
            layer[-1].weight.copy_(w)
            layer[-1].bias.copy_(b)
        compiled = torch.compile(layer.eval())

        def run() -> torch.Tensor:
            with torch.no_grad():
                return compiled(x)

        return run

    def train(self, case: TrainCase) -> Job:
        x, labels = (torch.from_numpy(a) for a in case.arrays())
        x = x.to(memory_format=self.layout)
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
        with torch.no_grad():
            for p, value in zip(net.parameters(), case.parameters(), strict=True):
                p.copy_(torch.from_numpy(value))
        net = net.to(memory_format=self.layout)
        sgd = torch.optim.SGD(net.parameters(), case.lr, case.momentum)

        def loss_of(x: torch.Tensor) -> torch.Tensor:
            return nn.functional.cross_entropy(net(x), labels)

        forward = torch.compile(loss_of) if self.variant == "compile" else loss_of

        def run() -> torch.Tensor:
            sgd.zero_grad()
            loss = forward(x)
            loss.backward()
            sgd.step()
            return loss

        return Job(run, lambda loss: loss.item())

    def step(self, case: StepCase) -> Job:
        x, labels = (torch.from_numpy(a) for a in case.arrays())
        if self.variant == "channels_last" and x.ndim != 4:
            raise NotImplementedError("no image in it, so channels_last means nothing")
        net = case.build(nn)
        state = case.state({name: tuple(t.shape) for name, t in net.state_dict().items()})
        net.load_state_dict({name: torch.from_numpy(a) for name, a in state.items()})
        if x.ndim == 4:
            x, net = x.to(memory_format=self.layout), net.to(memory_format=self.layout)
        sgd = torch.optim.SGD(net.parameters(), case.lr, case.momentum)

        def loss_of(x: torch.Tensor) -> torch.Tensor:
            return nn.functional.cross_entropy(net(x), labels)

        if self.variant == "compile":
            torch._dynamo.reset()
        forward = torch.compile(loss_of) if self.variant == "compile" else loss_of

        def run() -> torch.Tensor:
            sgd.zero_grad()
            loss = forward(x)
            loss.backward()
            sgd.step()
            return loss

        def gradients() -> dict[str, np.ndarray]:
            return {name: p.grad.numpy().copy() for name, p in net.named_parameters()}

        return Job(run, lambda loss: loss.item(), gradients=gradients)
