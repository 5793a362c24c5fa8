"""Initial values for the biases of whole layers."""

from __future__ import annotations

from typing import Any

from fastnn.autograd import no_grad


@no_grad()
def forget_bias_(layer: Any, value: float = 1.0) -> Any:
    """Set what an LSTM or LSTMCell adds to its forget gates, so that it remembers from the start; returns the layer.

    Half goes to each of both biases, whose sum counts.

    References
    ----------
    Jozefowicz, Zaremba and Sutskever, "An Empirical Exploration of Recurrent Network Architectures", 2015.

    Examples
    --------
    >>> from fastnn import nn
    >>> lstm = nn.init.forget_bias_(nn.LSTM(2, 3), 2.0)
    >>> lstm.bias_ih_l0.numpy()[3:6]
    array([1., 1., 1.], dtype=float32)
    """
    if getattr(layer, "cell", None) != "lstm" or not layer.bias:
        raise ValueError(f"forget_bias_: needs an LSTM or LSTMCell with biases, got {layer}")
    hidden = layer.hidden_size
    for name, bias in layer.named_parameters():
        if name.startswith("bias_"):
            bias[hidden : 2 * hidden] = value / 2
    return layer


@no_grad()
def relu_bias_(layer: Any, value: float = 0.1) -> Any:
    """Set the bias of a layer in front of a ReLU to a small positive value, so that its units start out active;
    returns the layer.

    Examples
    --------
    >>> from fastnn import nn
    >>> nn.init.relu_bias_(nn.Conv2d(3, 2, 5)).bias.numpy()
    array([0.1, 0.1], dtype=float32)
    """
    if not value > 0:
        raise ValueError(f"relu_bias_: value must be positive, is {value}")
    if not hasattr(getattr(layer, "bias", None), "fill_"):
        raise ValueError(f"relu_bias_: needs a layer with a bias, got {layer}")
    layer.bias.fill_(value)
    return layer
