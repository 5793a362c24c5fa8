"""The tape: nodes, the recording switch, and the walk back.

Every recorded operation makes one `Node`. A node knows the nodes of its inputs, never the tensors (a leaf,
which has no node, stands for itself), so an activation lives exactly as long as something can still need it.
The walk back takes nodes in falling order of creation: everything that uses a result was made after it, so a
heap is all the sorting needed, nothing recurses, and what the walk has passed is freed at once.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from fastnn import ops
from fastnn.autograd._data import add_gradients, share_memory

if TYPE_CHECKING:
    from fastnn.autograd.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])
Gradients = tuple[Any, ...]
Hooks = dict[int, Callable[[Any], Any]]

# One clock for nodes and for in-place changes: a saved tensor is stale if it changed after its node was made.
tick: Callable[[], int] = itertools.count(1).__next__


class _Mode(threading.local):
    enabled = True


mode = _Mode()


class Node:
    """One recorded operation.

    Attributes
    ----------
    order : when it was made, on the common clock.
    inputs : for each input the node it came from, the leaf tensor itself, or None where no gradient is
        wanted.
    backward : gradient of the result -> one gradient per input, None where none is wanted. Each is either
        fresh memory or shares the memory of the gradient that came in.
    saved : version counters of the tensors whose values `backward` reads.
    hooks : functions from the gradient of the result to the one to use instead, or None.
    rectified : the result where it went through a ReLU, else None. `backward` then takes the gradient of what
        went into that ReLU, and the walk makes the one from the other.
    gated : as `backward`, for one input that is rectified: the gradient of what went into its ReLU, so that
        no pass over the image is needed for it; or None.
    """

    __slots__ = ("backward", "gated", "hooks", "inputs", "order", "rectified", "saved")

    def __init__(
        self,
        inputs: Sequence[Any],
        backward: Callable[[Any], Gradients],
        saved: Sequence[list[int]],
        rectified: Any = None,
        gated: Callable[[Any], Gradients] | None = None,
    ):
        self.order = tick()
        self.inputs = inputs
        self.backward: Callable[[Any], Gradients] | None = backward
        self.saved = saved
        self.hooks: Hooks | None = None
        self.rectified = rectified
        self.gated = gated

    def release(self) -> None:
        """Let go of everything that the operation saved."""
        self.backward, self.inputs, self.saved, self.rectified, self.gated = None, (), (), None, None

    def gates(self) -> bool:
        """Whether the gradient of the one input can be that of what went into its ReLU."""
        if self.gated is None:
            return False
        source = self.inputs[0]
        return type(source) is Node and source.rectified is not None and not source.hooks


class _GradMode:
    """Context manager and decorator that sets recording on this thread."""

    _value = True

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> _GradMode:
        self._before.append(mode.enabled)
        mode.enabled = self._value
        return self

    def __exit__(self, *exc: object) -> None:
        mode.enabled = self._before.pop()

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with type(self)():
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]


class no_grad(_GradMode):
    """Nothing is recorded inside: ``with no_grad():`` or ``@no_grad()``. Acts on the calling thread only.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, no_grad
    >>> x = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    _value = False


class enable_grad(_GradMode):
    """Recording is on inside, also within `no_grad`."""


class inference_mode(no_grad):
    """Nothing is recorded inside, as with `no_grad`; ``inference_mode(False)`` changes nothing.

    Results are ordinary tensors that may take part in recorded operations later, which PyTorch forbids.
    """

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self._inference = mode

    def __enter__(self) -> _GradMode:
        self._value = mode.enabled and not self._inference
        return super().__enter__()

    def __call__(self, function: F) -> F:
        return no_grad()(function) if self._inference else function


class set_grad_enabled(_GradMode):
    """Switch recording on or off on this thread: at once and for good as a call, inside a block as a context manager,
    within a function as a decorator.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, set_grad_enabled
    >>> x, training = Tensor([1.0], requires_grad=True), False
    >>> with set_grad_enabled(training):
    ...     y = x * 2
    >>> y.requires_grad, (x * 2).requires_grad
    (False, True)
    """

    def __init__(self, mode: bool) -> None:
        self._before = [_swap(mode)]
        self._value = mode

    def __enter__(self) -> _GradMode:
        mode.enabled = self._value
        return self

    def __call__(self, function: F) -> F:
        mode.enabled = self._before.pop()
        return (enable_grad if self._value else no_grad)()(function)


def _swap(enabled: bool) -> bool:
    """Set the switch; returns what it was."""
    before, mode.enabled = mode.enabled, enabled
    return before


def is_grad_enabled() -> bool:
    """Whether operations are being recorded on this thread."""
    return mode.enabled


class HookHandle:
    """What `register_hook` returns: `remove()` takes the hook away again."""

    def __init__(self, hooks: dict[int, Callable[..., Any]], hook: Callable[..., Any]):
        self._hooks, self._key = hooks, tick()
        hooks[self._key] = hook

    def remove(self) -> None:
        """Take the hook away; doing so twice is harmless."""
        self._hooks.pop(self._key, None)


def run_hooks(hooks: Hooks, gradient: Any) -> Any:
    """The gradient after all hooks; what one returns goes to the next."""
    for hook in list(hooks.values()):
        gradient = hook(gradient)
    return gradient


def _check(node: Node) -> None:
    """Raise where the graph was freed or a saved tensor was changed after it was recorded."""
    if node.backward is None:
        raise RuntimeError(
            "backward: this graph was freed by an earlier backward; pass retain_graph=True to that one"
        )
    for version in node.saved:
        if version[0] > node.order:
            name = node.backward.__qualname__.partition(".")[0]
            raise RuntimeError(
                f"backward: a tensor that {name} saved was changed in place after {name} read it"
            )


def walk_back(
    roots: Sequence[tuple[Any, Any]], retain_graph: bool, until: int = 0
) -> list[tuple[Tensor, Any, bool]]:
    """Send gradients from `roots`, pairs of a node or leaf and its gradient, to the leaves.

    With `until` the walk ends at the node of that order, whose hooks are the last that run.

    Returns
    -------
    For each leaf reached: the leaf, its gradient, and whether the gradient's memory belongs to nobody else.
    """
    leaves: dict[int, tuple[Any, Any, bool]] = {}
    pending: dict[Node, Any] = {}
    heap: list[tuple[int, Node]] = []
    for root, gradient in roots:
        if type(root) is not Node:
            known = leaves.get(id(root))
            total = gradient if known is None else add_gradients(known[1], gradient)
            leaves[id(root)] = root, total, known is not None
        elif root in pending:
            pending[root] = add_gradients(pending[root], gradient)
        else:
            pending[root] = gradient
            heap.append((-root.order, root))
    heapq.heapify(heap)
    past_relu: set[Node] = set()  # nodes whose pending gradient is that of what went into their ReLU
    while heap:
        node = heapq.heappop(heap)[1]
        gy = pending.pop(node)
        _check(node)
        if node.hooks:
            gy = run_hooks(node.hooks, gy)
        if node.order <= until:
            break
        if node.rectified is not None and node not in past_relu:
            gy = ops.relu_grad_input(gy, node.rectified)
        gates = node.gates()
        backward = node.gated if gates else node.backward
        for target, g in zip(node.inputs, backward(gy), strict=True):  # type: ignore[misc]
            if target is None or g is None:
                continue
            if type(target) is not Node:
                known = leaves.get(id(target))
                if known is None:
                    owned = g is not gy and not share_memory(g, gy)
                    leaves[id(target)] = target, g, owned
                else:
                    leaves[id(target)] = target, add_gradients(known[1], g), True
            elif target in pending:
                pending[target] = add_gradients(pending[target], g)
                if not gates:
                    past_relu.discard(target)
            else:
                pending[target] = g
                if gates:
                    past_relu.add(target)
                heapq.heappush(heap, (-target.order, target))
        if not retain_graph:
            node.release()
    return list(leaves.values())
