"""PyTorch: eager NCHW, channels_last, and torch.compile with inductor, weights frozen for inference.

The compiled variant is the honest opponent: its weights are packed ahead, as ``pack_conv2d``'s are.
"""

from __future__ import annotations

import torch
from torch import nn

from ..cases import ConvCase, TrainCase
from . import Job


def version() -> str:
    return torch.__version__


class Library:
    def __init__(self, variant: str, threads: int) -> None:
        self.variant = variant
        self.layout = torch.channels_last if variant == "channels_last" else torch.contiguous_format
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision("highest")
        if hasattr(torch.backends.mkldnn, "fp32_precision"):
            torch.backends.mkldnn.fp32_precision = "ieee"

    def conv(self, case: ConvCase) -> Job:
        x, w, b = (torch.from_numpy(a) for a in case.arrays())
        stride, padding = (case.sh, case.sw), (case.ph, case.pw)
        x, w = x.to(memory_format=self.layout), w.to(memory_format=self.layout)
        if self.variant == "compile":
            return Job(self._compiled(case, x, w, b), lambda y: y.numpy())

        def run() -> torch.Tensor:
            return nn.functional.conv2d(x, w, b, stride, padding, 1, case.groups)

        return Job(run, lambda y: y.numpy())

    @staticmethod
    def _compiled(case: ConvCase, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor):
        import torch._dynamo
        import torch._inductor.config as inductor

        inductor.freezing = True
        torch._dynamo.reset()
        layer = nn.Conv2d(
            case.c, case.oc, (case.kh, case.kw), (case.sh, case.sw), (case.ph, case.pw), groups=case.groups
        )
        with torch.no_grad():
            layer.weight.copy_(w)
            layer.bias.copy_(b)
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
