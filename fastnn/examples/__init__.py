"""Whole trainings on real data, each a short module to read and to change; run one with ``--help`` first.

=============================================  ================================================
``python -m fastnn.examples.mnist``            LeNet on handwritten digits
``python -m fastnn.examples.cifar10``          a small VGG with batch norm on photographs
``python -m fastnn.examples.names``            an LSTM that tells the language of a surname
``python -m fastnn.examples.shakespeare``      a character LSTM that writes
=============================================  ================================================

Each takes its data from ``--data`` and says what it expects there; ``main(arguments)`` returns what it reached.
"""
