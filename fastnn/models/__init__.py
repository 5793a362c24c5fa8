"""Classic networks as plain `fastnn.nn` code: read one to see how it is built, call its function to have it.

Image classifiers with the constructors, initial weights and state-dict keys (names, shapes and order) of
torchvision's, so that weights saved there load here; `fastnn.load` reads ``.pth`` and ``.safetensors``::

    model = fastnn.models.resnet50()
    model.load_state_dict(fastnn.load("resnet50.pth"))

===========  ===================================================================================
file         networks
===========  ===================================================================================
lenet.py     `lenet`
alexnet.py   `alexnet`
vgg.py       `vgg11` ... `vgg19`, with batch norm `vgg11_bn` ... `vgg19_bn`; `small_vgg` for 32x32
resnet.py    `resnet18`, `resnet34`, `resnet50`, `resnet101`, `resnet152`
squeezenet.py  `squeezenet1_0`, `squeezenet1_1`
mobilenet.py `mobilenet_v2`
densenet.py  `densenet121`
recurrent.py `char_lstm`, a language model over characters; `sequence_classifier`
===========  ===================================================================================
"""

from fastnn.models.alexnet import AlexNet, alexnet
from fastnn.models.densenet import DenseNet, densenet121
from fastnn.models.lenet import LeNet, lenet
from fastnn.models.mobilenet import MobileNetV2, mobilenet_v2
from fastnn.models.recurrent import CharLSTM, SequenceClassifier, char_lstm, sequence_classifier
from fastnn.models.resnet import (
    BasicBlock,
    Bottleneck,
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
)
from fastnn.models.squeezenet import SqueezeNet, squeezenet1_0, squeezenet1_1
from fastnn.models.vgg import (
    VGG,
    SmallVGG,
    small_vgg,
    vgg11,
    vgg11_bn,
    vgg13,
    vgg13_bn,
    vgg16,
    vgg16_bn,
    vgg19,
    vgg19_bn,
)

__all__ = [
    "VGG", "AlexNet", "BasicBlock", "Bottleneck", "CharLSTM", "DenseNet", "LeNet", "MobileNetV2", "ResNet",
    "SequenceClassifier", "SmallVGG", "SqueezeNet", "alexnet", "char_lstm", "densenet121", "lenet", "mobilenet_v2",
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "sequence_classifier", "small_vgg",
    "squeezenet1_0", "squeezenet1_1", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19",
    "vgg19_bn",
]  # fmt: skip
