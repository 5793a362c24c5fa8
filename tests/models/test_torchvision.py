"""The image classifiers are torchvision's: names, shapes and order of their state, parameters, logits."""

import json

import numpy as np
import pytest
import torchvision_reference as reference
from tolerance import relative_error

from fastnn import models, nn
from fastnn.autograd import no_grad

KNOWN = json.loads(reference.FILE.read_text())


@pytest.fixture
def undrawn(monkeypatch):
    """Initial values are not drawn, which takes most of the time that making a large network takes."""
    for name in ("uniform_", "normal_"):
        monkeypatch.setattr(nn.init, name, lambda tensor, *args: tensor)


# Half a second each, for memory that has to be touched.
LARGE = {"vgg11", "vgg13", "vgg19", "vgg11_bn", "vgg13_bn", "vgg19_bn", "resnet152"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n in LARGE else ()) for n in KNOWN])
def test_state_is_that_of_torchvision(name, undrawn):
    model = getattr(models, name)()
    shapes = [(key, value.shape) for key, value in model._state().items()]
    assert len(shapes) == KNOWN[name]["entries"]
    assert sum(p.size for p in model.parameters()) == KNOWN[name]["parameters"]
    assert reference.digest(shapes) == KNOWN[name]["digest"]


@pytest.mark.parametrize("name", reference.WITH_LOGITS)
def test_logits_are_those_of_torchvision_for_the_same_weights(name, undrawn):
    model = getattr(models, name)().eval()
    model.load_state_dict(reference.weights([(key, value.shape) for key, value in model._state().items()]))
    with no_grad():
        logits = model(reference.images()).numpy()
    assert relative_error(logits[0, :5], KNOWN[name]["logits"]) < 1e-4


def deviation(tensor):
    return float(np.std(tensor.numpy()))


def test_initial_values_are_drawn_as_in_torchvision():
    nn.init.manual_seed(0)
    resnet, squeeze = models.resnet18(zero_init_residual=True), models.squeezenet1_1()
    assert deviation(resnet.layer4[1].conv2.weight) == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)
    assert not resnet.layer1[0].bn2.weight.numpy().any()
    assert deviation(squeeze.classifier[1].weight) == pytest.approx(0.01, rel=0.01)
    assert deviation(models.mobilenet_v2().classifier[1].weight) == pytest.approx(0.01, rel=0.01)
    assert deviation(models.densenet121().features.conv0.weight) == pytest.approx((2 / 147) ** 0.5, rel=0.05)
    small = models.small_vgg()
    assert deviation(small.features[0].weight) == pytest.approx((2 / (32 * 9)) ** 0.5, rel=0.1)
    assert not small.classifier[1].bias.numpy().any()


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: models.LeNet(image_size=8), "image_size must be at least 16"),
        (lambda: models.SmallVGG(image_size=4), "image_size 4 is too small"),
        (lambda: models.SqueezeNet("2"), "version must be 1_0 or 1_1, is '2'"),
        (lambda: models.BasicBlock(4, 4, groups=2), "needs groups=1"),
    ],
)
def test_sizes_that_make_no_network(make, words):
    with pytest.raises(ValueError, match=words):
        make()
