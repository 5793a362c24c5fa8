"""Outputs and float32 gradients of every network beside PyTorch's with the same weights."""

import numpy as np
import pytest
from tape import normal
from tolerance import relative_error

from fastnn import models, nn
from fastnn.autograd import cross_entropy, no_grad

torch = pytest.importorskip("torch")
twins = pytest.importorskip("twins")

ALLOWED = 1e-4  # relative error of each gradient, in the Euclidean norm over the whole model

# How far from its kink, over the rms of its inputs, an activation may lie that PyTorch puts on the other side: what
# rounding comes to after 150 layers in training, where every batch norm enlarges it.
AT_THE_KINK = 2e-2

# As built by the constructors, but with few layers; no dropout, whose random numbers differ.
SMALL = {
    "lenet": (lambda: models.lenet(), (4, 1, 28, 28)),
    "small_vgg": (lambda: models.small_vgg(dropout=0.0), (8, 3, 32, 32)),
    "resnet, basic blocks": (lambda: models.ResNet(models.BasicBlock, (1, 1, 1, 1), 10), (8, 3, 64, 64)),
    "resnet, bottlenecks": (lambda: models.ResNet(models.Bottleneck, (1, 1, 1, 1), 10), (8, 3, 48, 48)),
    "squeezenet1_1": (lambda: models.squeezenet1_1(10, dropout=0.0), (4, 3, 64, 64)),
    "mobilenet_v2": (lambda: models.mobilenet_v2(10, width_mult=0.25, dropout=0.0), (8, 3, 64, 64)),
    "densenet": (lambda: models.DenseNet(16, (2, 2, 2), 32, num_classes=10), (8, 3, 64, 64)),
}
LARGE = {
    "alexnet": (lambda: models.alexnet(dropout=0.0), (4, 3, 96, 96)),
    **{
        f"vgg{depth}{norm}": (lambda f=f"vgg{depth}{norm}": getattr(models, f)(dropout=0.0), (4, 3, 64, 64))
        for depth in (11, 13, 16, 19)
        for norm in ("", "_bn")
    },
    **{
        name: (lambda name=name: getattr(models, name)(), (8, 3, 96, 96))
        for name in ("resnet18", "resnet34", "resnet50", "densenet121")
    },
    **{name: (lambda name=name: calm(name), (8, 3, 96, 96)) for name in ("resnet101", "resnet152")},
    "squeezenet1_0": (lambda: models.squeezenet1_0(dropout=0.0), (4, 3, 64, 64)),
    "mobilenet_v2, whole": (lambda: models.mobilenet_v2(dropout=0.0), (8, 3, 96, 96)),
}


def calm(name):
    """A ResNet whose residual branches start small, as they are once it is trained.

    At 1 the norms of 33 or 50 random blocks enlarge rounding until two float32 implementations differ by 1e-3.
    """
    model = getattr(models, name)()
    for module in model.modules():
        if isinstance(module, models.Bottleneck):
            nn.init.constant_(module.bn3.weight, 0.2)
    return model


def gradients(model, x, labels):
    cross_entropy(model(x), labels).backward()
    return {name: p.grad.numpy() for name, p in model.named_parameters()}


def compare(model, shape):
    """Relative errors of the logits in evaluation and of all gradients together in training.

    The gradients are compared on the same side of every ReLU's kink, see `twins.Sided`.
    """
    x, twin = normal(*shape).astype(np.float32), twins.twin_of(model.eval())
    with no_grad(), torch.no_grad():
        logits = relative_error(model(x).numpy(), twin(torch.from_numpy(x)).numpy())
    labels = np.arange(shape[0]) % 10
    activations = twins.on_the_same_sides(model, twin)
    found = gradients(model.train(), x, labels)
    torch.nn.functional.cross_entropy(twin.train()(torch.from_numpy(x)), torch.from_numpy(labels)).backward()
    expected = {name: p.grad.numpy() for name, p in twin.named_parameters()}
    assert list(found) == list(expected)
    joined = [np.concatenate([g[name].ravel() for name in expected]) for g in (found, expected)]
    return logits, relative_error(*joined), max(a.farthest for a in activations)


@pytest.mark.parametrize("name", [*SMALL, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)])
def test_outputs_and_gradients_are_pytorchs(name, record_property):
    make, shape = (SMALL | LARGE)[name]
    nn.init.manual_seed(0)
    logits, gradient, kink = compare(make(), shape)
    record_property("relative error of logits, gradients", (logits, gradient))
    print(f"{name:24} {logits:.1e} {gradient:.1e} {kink:.1e}")
    assert logits < 1e-5 and gradient < ALLOWED and kink < AT_THE_KINK


@pytest.mark.parametrize("name", ["lenet", "squeezenet1_1"])
def test_gradients_of_fused_activations_are_pytorchs(name):
    """Without hooks, so that convolutions do the ReLUs' work; no input of these lies at its kink."""
    make, shape = SMALL[name]
    nn.init.manual_seed(0)
    model = make()
    x, twin, labels = normal(*shape).astype(np.float32), twins.twin_of(model), np.arange(shape[0]) % 10
    found = gradients(model, x, labels)
    torch.nn.functional.cross_entropy(twin(torch.from_numpy(x)), torch.from_numpy(labels)).backward()
    for key, p in twin.named_parameters():
        assert relative_error(found[key], p.grad.numpy()) < ALLOWED


def sequences(*shape):
    return np.random.default_rng(3).integers(0, 11, shape)


def test_gradients_of_the_language_model_are_pytorchs():
    nn.init.manual_seed(0)
    model, codes, labels = models.CharLSTM(11, 24), sequences(12, 5), sequences(60)
    twin = twins.twin_of(model)
    logits, _ = model(codes)
    expected, _ = twin(torch.from_numpy(codes))
    assert relative_error(logits.detach().numpy(), expected.detach().numpy()) < 1e-5
    cross_entropy(logits.reshape((60, 11)), labels).backward()
    torch.nn.functional.cross_entropy(expected.reshape(60, 11), torch.from_numpy(labels)).backward()
    found = dict(model.named_parameters())
    for key, p in twin.named_parameters():
        assert relative_error(found[key].grad.numpy(), p.grad.numpy()) < ALLOWED


def test_gradients_of_the_sequence_classifier_are_pytorchs():
    nn.init.manual_seed(0)
    model, codes, lengths = models.SequenceClassifier(11, 4, 16, bidirectional=True), sequences(9, 5), [9, 4, 1, 7, 9]
    twin, labels = twins.twin_of(model), np.arange(5) % 4
    rows = torch.nn.utils.rnn.pack_padded_sequence(
        twin.embedding(torch.from_numpy(codes)), torch.tensor(lengths), enforce_sorted=False
    )
    _, (h, _) = twin.lstm(rows)
    expected, logits = twin.head(torch.cat([h[0], h[1]], 1)), model(codes, np.array(lengths))
    assert relative_error(logits.detach().numpy(), expected.detach().numpy()) < 1e-5
    cross_entropy(logits, labels).backward()
    torch.nn.functional.cross_entropy(expected, torch.from_numpy(labels)).backward()
    found = dict(model.named_parameters())
    for key, p in twin.named_parameters():
        assert relative_error(found[key].grad.numpy(), p.grad.numpy()) < ALLOWED
