"""LeNet for small images of one channel, with ReLU and max pooling.

LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998.
"""

from __future__ import annotations

from fastnn import nn
from fastnn.autograd.tensor import Tensor


class LeNet(nn.Module):
    """Two 5x5 convolutions, each followed by ReLU and 2x2 pooling, then two linear layers.

    Parameters
    ----------
    num_classes : logits per image.
    in_channels : of the images.
    image_size : height and width of the images; the linear layers depend on it.
    channels : filters of both convolutions.
    hidden : units of the first linear layer.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import models
    >>> models.lenet()(np.zeros((2, 1, 28, 28), dtype=np.float32)).shape
    (2, 10)
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        image_size: int = 28,
        channels: tuple[int, int] = (20, 50),
        hidden: int = 500,
    ) -> None:
        if image_size < 16:
            raise ValueError(f"LeNet: image_size must be at least 16, is {image_size}")
        first, second = channels
        side = ((image_size - 4) // 2 - 4) // 2
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, first, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(second * side * side, hidden), nn.ReLU(), nn.Linear(hidden, num_classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, num_classes] of images [n, in_channels, image_size, image_size]."""
        return self.classifier(self.features(x))


def lenet(num_classes: int = 10, in_channels: int = 1, image_size: int = 28) -> LeNet:
    """`LeNet` with 20 and 50 filters and 500 hidden units: 431,080 parameters for 28x28 images."""
    return LeNet(num_classes, in_channels, image_size)
