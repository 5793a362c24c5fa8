"""LeNet on MNIST: 99.2 % of the test images after three passes, in seconds.

    python -m fastnn.examples.mnist --data mnist.npz
    python -m fastnn.examples.mnist --data folder      # with the four idx files, .gz or not
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from fastnn import datasets, models, train
from fastnn.examples import _common


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    """Train and evaluate; returns loss and accuracy on the test images."""
    parser = _common.parser(
        "LeNet on handwritten digits.",
        "an .npz file with x_train, y_train, x_test, y_test, or a folder with MNIST's idx files",
        epochs=3, batch_size=64, lr=0.05,
    )  # fmt: skip
    parser.add_argument("--images", type=int, help="use only so many of each set")
    options = _common.parsed(parser, arguments)
    if os.path.isdir(options.data):
        x, y, x_test, y_test = (part[: options.images] for part in datasets.load_mnist(options.data))
        x, x_test = x[:, None], x_test[:, None]
    else:
        x, y, x_test, y_test = _common.image_set(options.data, options.images)

    scale = train.Normalize(*train.channel_stats(x))
    shift = train.RandomCrop(x.shape[2:], padding=1)
    batches = train.DataLoader(
        x, y, batch_size=options.batch_size, shuffle=True, seed=options.seed, transform=train.Compose(shift, scale)
    )
    model = models.lenet(num_classes=int(y.max()) + 1, in_channels=x.shape[1], image_size=x.shape[2])
    test = scale(x_test), y_test
    _common.fit(options, model, batches, test)
    return train.evaluate(model, *test)


if __name__ == "__main__":
    main()
