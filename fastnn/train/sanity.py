"""What to check before a long training: `sanity_check`."""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd import no_grad
from fastnn.nn import init
from fastnn.nn.dropout import Dropout
from fastnn.nn.loss import CrossEntropyLoss
from fastnn.nn.module import Module
from fastnn.train.evaluate import Loss, check_labels, check_set
from fastnn.train.optim import SGD

Set = tuple[NDArray[Any], NDArray[Any]]
STRENGTHS = (0.0, 1e-3, 1e-1)  # of the regularisation
RATES = (0.05, 0.01, 0.002)  # step sizes to overfit with, one after another
GRADIENT_ERROR = 1e-4  # relative; float64 differences of smooth functions come to about 1e-8, kinks of ReLU to more


@dataclass(frozen=True)
class Finding:
    """One check: what was found, what was expected, and what to do where they do not agree."""

    name: str
    ok: bool
    found: str
    expected: str
    advice: str


class SanityReport(list[Finding]):
    """Findings of `sanity_check`; printed as a table."""

    @property
    def ok(self) -> bool:
        """Whether nothing is suspicious."""
        return all(finding.ok for finding in self)

    def __str__(self) -> str:
        rows = [("check", "", "found", "expected")]
        rows += [(f.name, "ok" if f.ok else "suspicious", f.found, f.expected) for f in self]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([line.rstrip() for line in lines] + [f"{f.name}: {f.advice}" for f in self if not f.ok])

    __repr__ = __str__


def sanity_check(
    model: Module, x: Any, y: Any, *, loss: Loss | None = None, subset: int = 20, steps: int = 300, seed: int = 0
) -> SanityReport:
    """Check that a model can learn at all, before time is spent on it; the model stays as it is.

    1. The loss at the start is about log(classes): scores that know nothing (cross-entropy only).
    2. The loss with ``strength / 2 * sum(w^2)`` added grows with the strength.
    3. A small subset is overfitted: all answers right, or another loss down to 1 % of its start.
    4. The gradient of every parameter agrees with differences along a random direction, in float64.

    Parameters
    ----------
    model : a network at its start.
    x, y : inputs [n, ...] and targets [n, ...].
    loss : as for `fit`.
    subset : how many examples to overfit.
    steps : how many steps of SGD with momentum that may take, for each of three step sizes.
    seed : picks the examples and directions.

    Returns
    -------
    SanityReport, a list of findings that prints as a table; ``report.ok`` is True where nothing is suspicious.

    Raises
    ------
    ValueError, TypeError
        For sets and labels that `fit` refuses.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn, train
    >>> nn.init.manual_seed(0)
    >>> x = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    >>> report = train.sanity_check(nn.Linear(4, 3), x, x[:, :3].argmax(axis=1))
    >>> [(finding.name, finding.ok) for finding in report]
    [('loss at the start', True), ('regularisation', True), ('overfits 20 examples', True), ('gradients', True)]
    """
    x, y = check_set("sanity_check", x, y)
    criterion = CrossEntropyLoss() if loss is None else loss
    labelled = isinstance(criterion, CrossEntropyLoss) and y.dtype.kind in "iu"
    if isinstance(criterion, CrossEntropyLoss):
        check_labels(model, x, y, criterion.ignore_index)
    rng, state = np.random.default_rng(seed), init.get_state()
    order = rng.permutation(len(x))
    sample, few = ((x[rows], y[rows]) for rows in (order[:256], order[:subset]))
    start = _without_dropout(model)
    try:
        report = SanityReport([_start(start, criterion, sample)] if labelled else [])
        report.append(_regularisation(start, criterion, sample))
        report.append(_overfits(start, criterion, few, steps, labelled))
        report.append(_gradients(model, criterion, few, rng))
    finally:
        init.set_state(state)
    return report


def _without_dropout(model: Module) -> Module:
    """A copy in training mode (batch statistics included) that drops nothing."""
    model = copy.deepcopy(model).train()
    for module in model.modules():
        if isinstance(module, Dropout):
            module.eval()
    return model


@no_grad()
def _start(model: Module, criterion: Loss, sample: Set) -> Finding:
    scores = model(sample[0])
    found, expected = criterion(scores, sample[1]).item(), math.log(scores.shape[1])
    # He's and PyTorch's initialisations come to 1.0..1.2 times; 1.5 times is already sure of wrong answers.
    ok = 0.7 * expected <= found <= 1.5 * expected
    advice = (
        "the scores are too large for a model that knows nothing: scale the inputs to deviation 1, or start "
        "with smaller weights"
    )
    if found < expected:
        advice = "the model already knows the answers: was it trained before, or do the inputs hold the labels?"
    return Finding("loss at the start", ok, f"{found:.4g}", f"{expected:.4g} = log({scores.shape[1]})", advice)


@no_grad()
def _regularisation(model: Module, criterion: Loss, sample: Set) -> Finding:
    data_loss = criterion(model(sample[0]), sample[1]).item()
    weights = [p.numpy().astype(np.float64) for p in model.parameters() if p.requires_grad]
    size = sum(float((w * w).sum()) for w in weights)
    losses = [data_loss + strength / 2 * size for strength in STRENGTHS]
    rising = all(a < b for a, b in itertools.pairwise(losses))
    advice = "the weights are all 0, or too small to matter, or not finite: look at the initialisation"
    return Finding("regularisation", rising, " < ".join(f"{v:.4g}" for v in losses), "rising", advice)


def _overfits(start: Module, criterion: Loss, few: Set, steps: int, labelled: bool) -> Finding:
    name = f"overfits {len(few[0])} examples"
    best = 0.0 if labelled else math.inf
    for rate in RATES:
        model = _without_dropout(start)
        score, done = _learn(model, criterion, few, rate, steps, labelled)
        best = max(best, score) if labelled else min(best, score)
        if best == 1.0 if labelled else best <= 0.01:
            expected = f"100 % (step size {rate:g}, {done} steps)" if labelled else "1 % of the first loss"
            return Finding(name, True, f"{best:.0%}", expected, "")
    advice = (
        "it cannot learn these few by heart: look for a gradient that does not arrive, labels in another order "
        "than the inputs, inputs that are all alike, or a network that is too small"
    )
    return Finding(name, False, f"{best:.0%}", "100 %" if labelled else "1 % of the first loss", advice)


def _learn(model: Module, criterion: Loss, few: Set, rate: float, steps: int, labelled: bool) -> tuple[float, int]:
    """Accuracy on the few, or the share of the first loss that is left; and the steps it took."""
    optimizer = SGD([p for p in model.parameters() if p.requires_grad], lr=rate, momentum=0.9)
    first, score = math.nan, 0.0 if labelled else math.inf
    ignored = getattr(criterion, "ignore_index", None)
    for step in range(steps + 1):
        with np.errstate(all="ignore"):
            output = model(few[0])
            loss = criterion(output, few[1])
        value = loss.item()
        if not math.isfinite(value):
            break
        if labelled:
            counted = few[1] != ignored
            score = float((output.numpy().argmax(axis=1) == few[1])[counted].mean()) if counted.any() else 0.0
        else:
            first = value if step == 0 else first
            score = value / first if first else 0.0
        if score == 1.0 if labelled else score <= 0.01:
            return score, step
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return score, steps


def _gradients(model: Module, criterion: Loss, few: Set, rng: np.random.Generator) -> Finding:
    """The worst parameter; dropout draws the same each time."""
    name, expected = "gradients", f"error below {GRADIENT_ERROR:g}"
    model = copy.deepcopy(model).train()
    for tensor in model._state().values():
        if tensor.dtype == np.float32:
            tensor.data = tensor.numpy().astype(np.float64)
    x, y = (v.astype(np.float64) if v.dtype == np.float32 else v for v in few)
    state = init.get_state()

    def value() -> Any:
        init.set_state(state)
        return criterion(model(x), y)

    try:
        value().backward()
    except TypeError as fault:  # a network that makes float32 arrays on its way
        return Finding(name, False, "not checked", expected, f"the model does not take float64: {fault}")
    worst, where = 0.0, ""
    for key, p in model.named_parameters():
        if p.requires_grad:
            error = math.inf if p.grad is None else _error(value, p, p.grad.numpy(), rng)
            worst, where = (error, key) if not error <= worst else (worst, where)
    advice = f"{where}: no gradient, the output does not depend on it" if worst == math.inf else (
        f"{where}: the backward pass does not fit the forward pass, or the loss has kinks or jumps here"
    )  # fmt: skip
    return Finding(name, worst < GRADIENT_ERROR, f"error {worst:.1e}", expected, advice)


@no_grad()
def _error(value: Any, p: Any, gradient: NDArray[Any], rng: np.random.Generator) -> float:
    """Relative error of the gradient along a random direction: of two widths the better one, for kinks' sake."""
    here = np.array(p.numpy())
    direction = rng.standard_normal(p.shape)
    direction /= max(float(np.linalg.norm(direction.ravel())), 1e-30)
    slope, errors = float(np.vdot(gradient, direction)), []
    for width in (1e-5, 1e-7):
        ends = []
        for end in (width, -width):
            p.data = here + end * direction
            ends.append(value().item())
        numeric = (ends[0] - ends[1]) / (2 * width)
        # 1e-4: a slope that is lost in the rounding of the loss (bias before a batch norm) has no relative error
        errors.append(abs(numeric - slope) / max(abs(numeric), abs(slope), 1e-4 * max(1.0, abs(ends[0]))))
    p.data = here
    return min(errors)
