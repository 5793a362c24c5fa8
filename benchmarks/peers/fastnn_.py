"""fastnn: packed weights with ``out=`` (packed) and without (alloc), blocked arrays in and out (blocked), and
the plain function on plain arrays (ops)."""

from __future__ import annotations

import numpy as np

import fastnn
from fastnn import _kernels, ops

from ..cases import ConvCase, TrainCase
from . import Job


def version() -> str:
    return fastnn.__version__


class Library:
    def __init__(self, variant: str, threads: int) -> None:
        self.variant, self.threads = variant, threads
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
        stride, padding = (case.sh, case.sw), (case.ph, case.pw)
        if self.variant == "ops":
            return Job(lambda: ops.conv2d(x, w, b, stride, padding, 1, case.groups), np.asarray)
        packed = ops.pack_conv2d(w, b, stride, padding, 1, case.groups, input_shape=x.shape)
        if self.variant == "alloc":
            return Job(lambda: packed(x), np.asarray)
        shape = (case.batch, case.oc, case.oh, case.ow)
        if self.variant == "blocked":
            image, y = fastnn.blocked(x), ops.Blocked.empty(shape, np.float32)
            return Job(lambda: packed(image, out=y), lambda y: y.numpy())
        plain = np.empty(shape, np.float32)
        return Job(lambda: packed(x, out=plain), np.asarray)

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
