"""Outputs and float32 gradients of every network beside PyTorch's with the same weights."""

import numpy as np
import pytest
from tape import normal

from fastnn import models, nn
from fastnn.autograd import cross_entropy, no_grad

torch = pytest.importorskip("torch")
twins = pytest.importorskip("twins")

ALLOWED = 1e-4  # relative error of each gradient, in the Euclidean norm over the whole model

# As built by the constructors, but with few layers; no dropout, whose random numbers differ.
SMALL = {
    "lenet": (lambda: models.lenet(), (4, 1, 28, 28)),
    "small_vgg": (lambda: models.small_vgg(dropout=0.0), (8, 3, 32, 32)),
    "resnet, basic blocks": (lambda: models.ResNet(models.BasicBlock, (1, 1, 1, 1), 10), (8, 3, 64, 64)),
    "squeezenet1_1": (lambda: models.squeezenet1_1(10, dropout=0.0), (4, 3, 64, 64)),
    "densenet": (lambda: models.DenseNet(16, (2, 2, 2), 32, num_classes=10), (8, 3, 64, 64)),
}


def gradients(model, x, labels):
    cross_entropy(model(x), labels).backward()
    return {name: p.grad.numpy() for name, p in model.named_parameters()}


def compare(model, shape):
    """Relative errors of the logits in evaluation and of all gradients together in training."""
    x, twin = normal(*shape).astype(np.float32), twins.twin_of(model.eval())
    with no_grad(), torch.no_grad():
        logits = twins.relative_error(model(x).numpy(), twin(torch.from_numpy(x)).numpy())
    labels = np.arange(shape[0]) % 10
    found = gradients(model.train(), x, labels)
    torch.nn.functional.cross_entropy(twin.train()(torch.from_numpy(x)), torch.from_numpy(labels)).backward()
    expected = {name: p.grad.numpy() for name, p in twin.named_parameters()}
    assert list(found) == list(expected)
    joined = [np.concatenate([g[name].ravel() for name in expected]) for g in (found, expected)]
    return logits, twins.relative_error(*joined)


@pytest.mark.parametrize("name", SMALL)
def test_outputs_and_gradients_are_pytorchs(name, record_property):
    make, shape = SMALL[name]
    nn.init.manual_seed(0)
    logits, gradient = compare(make(), shape)
    record_property("relative error of logits, gradients", (logits, gradient))
    print(f"{name:24} {logits:.1e} {gradient:.1e}")
    assert logits < 1e-5 and gradient < ALLOWED
