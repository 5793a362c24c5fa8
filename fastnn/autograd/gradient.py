"""Gradients as results instead of in `Tensor.grad`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from fastnn.autograd import _tape
from fastnn.autograd._data import copy
from fastnn.autograd._tape import HookHandle, Node
from fastnn.autograd.tensor import Tensor, initial_gradient, wrap

Tensors = Tensor | Sequence[Tensor]


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: ArrayLike | Tensor | Sequence[Any] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """Gradients of the sum of `outputs`, each times its entry of `grad_outputs`, with respect to `inputs`.

    Nothing is added to any `grad`. Where all inputs are results of operations the walk ends at the oldest of them.

    Parameters
    ----------
    outputs, inputs : a tensor or a sequence of them; inputs may be leaves or results.
    grad_outputs : one gradient per output, None for an output of one element (then it is 1).
    retain_graph : keep what the operations saved, so that the graph can be walked again.
    create_graph : gradients of gradients; not supported.
    allow_unused : return None for an input that the outputs do not depend on, instead of raising.

    Returns
    -------
    A tuple with one tensor per input, of its shape, dtype and kind.

    Raises
    ------
    RuntimeError
        Where an output or input does not require grad, an input is unused, or the graph was freed.
    NotImplementedError
        For `create_graph`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, grad
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> h = x * x
    >>> [g.numpy().tolist() for g in grad(h.sum(), [x, h])]
    [[2.0, 4.0], [1.0, 1.0]]
    """
    if create_graph:
        raise NotImplementedError("grad: create_graph=True, gradients of gradients, is not supported")
    roots, wanted = listed(outputs), listed(inputs)
    given = [grad_outputs] if isinstance(outputs, Tensor) else list(grad_outputs or [None] * len(roots))  # type: ignore[arg-type]
    if len(given) != len(roots):
        raise ValueError(f"grad: {len(given)} grad_outputs for {len(roots)} outputs")
    for kind, tensors in (("output", roots), ("input", wanted)):
        for i, tensor in enumerate(tensors):
            if not tensor.requires_grad:
                raise RuntimeError(f"grad: {kind} {i} does not require grad")
    starts = [(t._node or t, initial_gradient("grad", t, g)) for t, g in zip(roots, given, strict=True)]
    found = _walk(starts, wanted, bool(retain_graph))
    for i, gradient in enumerate(found):
        if gradient is None and not allow_unused:
            raise RuntimeError(
                f"grad: the outputs do not depend on input {i}; allow_unused=True gives None for it"
            )
    return tuple(found)


def listed(tensors: Tensors) -> list[Tensor]:
    """One tensor or several, as a list."""
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _walk(starts: list[tuple[Any, Any]], wanted: list[Tensor], retain_graph: bool) -> list[Tensor | None]:
    """The gradient of each wanted tensor: what a hook sees at a result, what arrives at a leaf."""
    seen: dict[int, Any] = {}
    handles = []
    for tensor in wanted:
        if tensor._node is not None:
            handles.append(_keep(tensor._node, seen))
    orders = [0 if tensor._node is None else tensor._node.order for tensor in wanted]
    try:
        leaves = _tape.walk_back(starts, retain_graph, until=min(orders, default=0))
    finally:
        for handle in handles:
            handle.remove()
    chosen = {id(tensor) for tensor in wanted}
    for leaf, gradient, _ in leaves:
        if id(leaf) in chosen:
            hooked = _tape.run_hooks(leaf._hooks, gradient) if leaf._hooks else gradient
            seen[id(leaf)] = hooked
    keys = [id(tensor) if tensor._node is None else id(tensor._node) for tensor in wanted]
    return [wrap(copy(seen[key])) if key in seen else None for key in keys]


def _keep(node: Node, seen: dict[int, Any]) -> HookHandle:
    """Hook a node so that its gradient lands in `seen`."""

    def keep(gradient: Any) -> Any:
        seen[id(node)] = gradient
        return gradient

    if node.hooks is None:
        node.hooks = {}
    return HookHandle(node.hooks, keep)
