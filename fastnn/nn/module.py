"""`Module`: what every layer and every network is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastnn import ops
from fastnn.autograd._data import move, to_host
from fastnn.autograd._tape import HookHandle, mode, no_grad
from fastnn.autograd.device import destination, to
from fastnn.autograd.tensor import Tensor
from fastnn.nn._watched import run_watched
from fastnn.nn.parameter import Buffer, Parameter

M = TypeVar("M", bound="Module")
ForwardPreHook = Callable[["Module", tuple[Any, ...]], Any]
ForwardHook = Callable[["Module", tuple[Any, ...], Any], Any]
BackwardHook = Callable[["Module", tuple[Any, ...], tuple[Any, ...]], Any]


class IncompatibleKeys(NamedTuple):
    """What `Module.load_state_dict` with ``strict=False`` passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def _as_input(x: Any) -> Any:
    """Arrays become tensors; anything else (None, numbers, tuples) is passed on as it is."""
    if isinstance(x, (np.ndarray, ops.Blocked)) or (hasattr(x, "__dlpack__") and not isinstance(x, Tensor)):
        return Tensor(x)
    return x


class Module:
    """Base of layers and networks: attributes that are parameters, buffers or modules belong to it.

    A subclass sets them in ``__init__`` and computes in ``forward``; calling the module runs `forward` and
    the hooks. Plain arrays given to a call are wrapped into tensors.

    Examples
    --------
    >>> from fastnn import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         self.factor = nn.Parameter([2.0])
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> import numpy as np
    >>> Scale()(np.ones(1, dtype=np.float32)).item()
    2.0
    """

    training: bool = True
    _forward_pre_hooks: dict[int, ForwardPreHook] | None = None
    _forward_hooks: dict[int, ForwardHook] | None = None
    _backward_hooks: dict[int, BackwardHook] | None = None
    fuses_relu = False  # whether ``forward(x, activation="relu")`` does a following ReLU's work

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """The computation; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__}: forward is not defined")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        inputs = tuple([x if isinstance(x, Tensor) else _as_input(x) for x in inputs])
        if self._forward_pre_hooks:
            for pre_hook in list(self._forward_pre_hooks.values()):
                given = pre_hook(self, inputs)
                if given is not None:
                    inputs = given if isinstance(given, tuple) else (given,)
        if self._backward_hooks and mode.enabled:
            y = run_watched(self, inputs, options)
        else:
            y = self.forward(*inputs, **options)
        if self._forward_hooks:
            for hook in list(self._forward_hooks.values()):
                replaced = hook(self, inputs, y)
                y = y if replaced is None else replaced
        return y

    def register_forward_pre_hook(self, hook: ForwardPreHook) -> HookHandle:
        """Call ``hook(module, inputs)`` before every forward; what it returns, a tuple or one value, replaces the
        inputs."""
        if self._forward_pre_hooks is None:
            self._forward_pre_hooks = {}
        return HookHandle(self._forward_pre_hooks, hook)

    def register_forward_hook(self, hook: ForwardHook) -> HookHandle:
        """Call ``hook(module, inputs, output)`` after every forward; what it returns replaces the output."""
        if self._forward_hooks is None:
            self._forward_hooks = {}
        return HookHandle(self._forward_hooks, hook)

    def register_full_backward_hook(self, hook: BackwardHook) -> HookHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of a call's inputs are known.

        Both are tuples: one entry per positional input, and one per output (one output, or a tuple of them). An
        entry is None where there is no tensor or no gradient. What the hook returns, a tuple or one tensor, replaces
        `grad_input`. Where no input requires grad the hook runs as soon as `grad_output` is known.

        Examples
        --------
        Guided back-propagation: a ReLU lets only positive gradients pass.

        >>> import numpy as np
        >>> from fastnn import nn
        >>> from fastnn.autograd import Tensor, clip
        >>> relu = nn.ReLU()
        >>> handle = relu.register_full_backward_hook(lambda m, grad_input, grad_output: clip(grad_input[0], 0))
        >>> x = Tensor([1.0, 2.0, -3.0], requires_grad=True)
        >>> relu(x).backward(np.array([-1.0, 1.0, 1.0], dtype=np.float32))
        >>> x.grad.numpy()
        array([0., 1., 0.], dtype=float32)
        >>> handle.remove()
        """
        if self._backward_hooks is None:
            self._backward_hooks = {}
        return HookHandle(self._backward_hooks, hook)

    @property
    def has_hooks(self) -> bool:
        """Whether any hook watches calls of this module; what would pass it over must call it then."""
        return bool(self._forward_hooks or self._forward_pre_hooks or self._backward_hooks)

    # What belongs to it. Own attributes come before those of children, in the order they were first set.

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Modules that are attributes of this one."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value

    def children(self) -> Iterator[Module]:
        """`named_children` without the names."""
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it, each once, with dotted names."""
        return _once(self._walk(prefix))

    def modules(self) -> Iterator[Module]:
        """`named_modules` without the names."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters, each once, with the names they have in `state_dict`."""
        return _once(self._members(Parameter))

    def parameters(self) -> Iterator[Parameter]:
        """`named_parameters` without the names; what an optimiser is given."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """All buffers, each once, with the names they have in `state_dict`."""
        return _once(self._members(Buffer))

    def buffers(self) -> Iterator[Buffer]:
        """`named_buffers` without the names."""
        return (buffer for _, buffer in self.named_buffers())

    def register_buffer(self, name: str, values: Any) -> None:
        """Set an attribute to a new `Buffer`."""
        setattr(self, name, Buffer(values))

    def _walk(self, prefix: str) -> Iterator[tuple[str, Module]]:
        yield prefix, self
        for name, child in self.named_children():
            yield from child._walk(f"{prefix}.{name}" if prefix else name)

    def _members(self, kind: type) -> Iterator[tuple[str, Any]]:
        for prefix, module in self._walk(""):
            for name, value in vars(module).items():
                if isinstance(value, kind):
                    yield f"{prefix}.{name}" if prefix else name, value

    # State

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Copies of all parameters and buffers under dotted names; training on does not change them."""
        return {name: np.array(to_host(tensor.data)) for name, tensor in self._state().items()}

    def _state(self) -> dict[str, Parameter | Buffer]:
        """The tensors behind `state_dict`: of each module parameters, then buffers; all names of shared ones."""
        state: dict[str, Parameter | Buffer] = {}
        for prefix, module in self._walk(""):
            for kind in (Parameter, Buffer):
                for name, value in vars(module).items():
                    if isinstance(value, kind):
                        state[f"{prefix}.{name}" if prefix else name] = value
        return state

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Take over the values of `state`, converted to this module's float dtypes.

        Parameters
        ----------
        state : name -> array or tensor, as `state_dict` and `fastnn.train.load_checkpoint` give it.
        strict : whether missing and unexpected names are errors; wrong shapes always are.

        Raises
        ------
        ValueError
            Listing every missing, unexpected and misshaped entry. Nothing has been changed then.
        """
        own = self._state()
        missing = [name for name in own if name not in state]
        unexpected = [name for name in state if name not in own]
        faults = [f"missing: {name}" for name in missing] + [f"unexpected: {name}" for name in unexpected]
        wrong, arrays = [], {}
        for name in own.keys() & state.keys():
            value = state[name]
            arrays[name] = value.numpy() if isinstance(value, Tensor) else np.asarray(value)
            if arrays[name].shape != own[name].shape:
                wrong.append(f"shape of {name}: {arrays[name].shape}, expected {own[name].shape}")
            elif arrays[name].dtype.kind != own[name].dtype.kind:
                wrong.append(f"dtype of {name}: {arrays[name].dtype}, expected {own[name].dtype}")
        faults = faults + sorted(wrong) if strict else sorted(wrong)
        if faults:
            raise ValueError(
                f"load_state_dict: {type(self).__name__} does not fit:\n  " + "\n  ".join(faults)
            )
        for name, array in arrays.items():
            if own[name].device != "cpu":
                own[name].data = move(np.asarray(array, own[name].dtype), own[name].device)
                continue
            own[name]._memory()[...] = array
            own[name]._changed()
        return IncompatibleKeys(missing, unexpected)

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in vars(self).items()
            if name != "_packed" and not name.endswith("_hooks")
        }

    # Modes

    def train(self: M, mode: bool = True) -> M:
        """Set `training` here and below; returns the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """``train(False)``."""
        return self.train(False)

    def to(self: M, *args: Any, device: Any = None, dtype: Any = None) -> M:
        """Move all parameters and buffers to a device, or floats among them to a dtype, as `Tensor.to`; returns the
        module. Gradients go along; an optimiser made before keeps its state where that was.

        Raises
        ------
        RuntimeError
            For "cuda" without a GPU or without Numba; the message says what is missing.
        """
        place, wanted = destination(args, device, dtype)
        for tensor in [*self.parameters(), *self.buffers()]:
            with no_grad():
                moved = to(tensor, dtype=wanted if tensor.dtype.kind == "f" else None, device=place)
            if moved is not tensor:
                tensor.data = moved
                if tensor.grad is not None:
                    tensor.grad = to(tensor.grad, dtype=wanted, device=place)
        return self

    def cpu(self: M) -> M:
        """``to("cpu")``."""
        return self.to("cpu")

    def cuda(self: M) -> M:
        """``to("cuda")``: on the current GPU."""
        return self.to("cuda")

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Freeze or unfreeze all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def apply(self: M, function: Callable[[Module], None]) -> M:
        """Call ``function(module)`` on every module below, then on this one; returns the module."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    # Text

    def extra_repr(self) -> str:
        """What `repr` shows between the brackets."""
        return ""

    def __repr__(self) -> str:
        lines = [
            f"  ({name}): " + repr(child).replace("\n", "\n  ") + "\n"
            for name, child in self.named_children()
        ]
        return f"{type(self).__name__}({self.extra_repr()}{chr(10) if lines else ''}{''.join(lines)})"


T = TypeVar("T")


def _once(named: Iterator[tuple[str, T]]) -> Iterator[tuple[str, T]]:
    """Without what came before under another name."""
    seen: set[int] = set()
    for name, value in named:
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value
