"""Gradients against finite differences: float64, a random direction per input, a random cotangent.

For y = f(x) and a direction v, <u, (f(x + h v) - f(x - h v)) / 2h> must equal <gradient(u), v>.  One
direction sees every element of the gradient at once, so each input costs two evaluations whatever its size.
"""

import numpy as np
import tolerance


def assert_gradients(f, arrays, gradients, seed=0):
    """Check the gradients of `f(arrays)` with respect to each array named in `gradients(arrays, gy, y)`.

    `arrays` is a dictionary of float64 arrays; `gradients` returns a dictionary of some of its names.
    """
    rng = np.random.default_rng(seed)
    y = np.asarray(f(arrays))
    gy = rng.standard_normal(y.shape)
    found = {name: np.asarray(g) for name, g in gradients(arrays, gy, y).items()}
    assert found, "no gradient to check"
    for name, gradient in found.items():
        x = arrays[name]
        assert gradient.shape == x.shape, f"gradient of {name} has shape {gradient.shape}, {name} has {x.shape}"
        direction = rng.standard_normal(x.shape)
        ahead = np.asarray(f({**arrays, name: x + tolerance.STEP * direction}))
        behind = np.asarray(f({**arrays, name: x - tolerance.STEP * direction}))
        numeric = float(np.vdot(gy, ahead - behind)) / (2 * tolerance.STEP)
        analytic = float(np.vdot(gradient, direction))
        size = 1 + tolerance.rms(gradient) * np.sqrt(gradient.size) + tolerance.rms(y) * np.sqrt(y.size)
        assert abs(numeric - analytic) <= tolerance.gradcheck_allowed() * size, (
            f"gradient of {name}: {analytic!r} along a random direction, finite differences give {numeric!r}"
        )
