"""A small VGG with batch norm on CIFAR-10, with random crops and flips.

    python -m fastnn.examples.cifar10 --data cifar10.npz
"""

from __future__ import annotations

from collections.abc import Sequence

from fastnn import models, train
from fastnn.examples import _common


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    """Train and evaluate; returns loss and accuracy on the test images."""
    parser = _common.parser(
        "A small VGG with batch norm on photographs of 32x32.",
        "an .npz file with x_train [n, 32, 32, 3] of uint8, y_train, x_test, y_test",
        epochs=20, batch_size=64, lr=0.05,
    )  # fmt: skip
    parser.add_argument("--images", type=int, help="use only so many of each set")
    options = _common.parsed(parser, arguments)
    x, y, x_test, y_test = _common.image_set(options.data, options.images)

    scale = train.Normalize(*train.channel_stats(x))
    augment = train.Compose(train.RandomHorizontalFlip(), train.RandomCrop(x.shape[2:], padding=4), scale)
    batches = train.DataLoader(
        x, y, batch_size=options.batch_size, shuffle=True, seed=options.seed, transform=augment
    )
    model = models.SmallVGG(num_classes=int(y.max()) + 1, in_channels=x.shape[1], image_size=x.shape[2])
    test = scale(x_test), y_test
    _common.fit(options, model, batches, test)
    return train.evaluate(model, *test)


if __name__ == "__main__":
    main()
