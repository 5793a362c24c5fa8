"""A trained ResNet of CIFAR-10, made from the blocks of `fastnn.models`, beside the logits that PyTorch found."""

import numpy as np
import pytest
from real_data import real_data
from tolerance import relative_error

import fastnn.autograd as F
from fastnn import nn
from fastnn.autograd import no_grad
from fastnn.models import BasicBlock


class Shortcut(nn.Module):
    """Every second pixel, and channels of zeros on both sides: option A of the paper."""

    def __init__(self, more):
        self.more = more

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more // 2, self.more // 2))


class ResNet20(nn.Module):
    def __init__(self):
        self.conv1, self.bn1, self.relu = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        self.layer1 = nn.Sequential(*[BasicBlock(16, 16) for _ in range(3)])
        self.layer2 = nn.Sequential(BasicBlock(16, 32, 2, Shortcut(16)), BasicBlock(32, 32), BasicBlock(32, 32))
        self.layer3 = nn.Sequential(BasicBlock(32, 64, 2, Shortcut(32)), BasicBlock(64, 64), BasicBlock(64, 64))
        self.avgpool, self.linear = nn.AdaptiveAvgPool2d(1), nn.Linear(64, 10)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        return self.linear(self.avgpool(self.layer3(self.layer2(self.layer1(x)))).flatten(1))


def test_a_trained_resnet_gives_the_logits_that_pytorch_gives():
    """They are known of 500 images of the whole test set, of which the data holds a random fifth, unnumbered."""
    model, known = ResNet20().eval(), np.load(real_data("weights/resnet20_expected.npz"))
    keys = model.load_state_dict(np.load(real_data("weights/resnet20_cifar10_weights.npz")), strict=False)
    assert not keys.unexpected_keys and all(key.endswith("num_batches_tracked") for key in keys.missing_keys)
    data = np.load(real_data("cifar10_12k.npz"))
    images = data["x_test"].astype(np.float32) / 255
    images = (images - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    with no_grad():
        logits = model(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).numpy()
    nearest = np.array([np.abs(logits - row).sum(1).argmin() for row in known["logits"]])
    errors = [relative_error(logits[i], row) for i, row in zip(nearest, known["logits"], strict=True)]
    assert np.sum(np.array(errors) < 1e-4) >= 90  # ten logits do not agree so by chance
    assert (logits.argmax(1) == data["y_test"]).mean() == pytest.approx(float(known["top1"]), abs=0.02)
