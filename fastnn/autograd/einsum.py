"""Sums of products by Einstein's convention."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.autograd._tape import Gradients
from fastnn.autograd.layout import to_plain
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def _parsed(equation: str, shapes: list[tuple[int, ...]]) -> tuple[list[str], str]:
    """The letters of each operand and of the result; those that occur once make the result where it is left out."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if "." in equation:
        raise ValueError(f"einsum: ... in {equation!r} is not supported; name every dimension")
    if len(terms) != len(shapes):
        raise ValueError(f"einsum: {equation!r} names {len(terms)} operands, {len(shapes)} are given")
    if not arrow:
        right = "".join(c for c in sorted(set(left) - {","}) if left.count(c) == 1)
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        if len(term) != len(shape) or len(set(term)) != len(term):
            raise ValueError(f"einsum: {term!r} must name each dimension of shape {shape} once")
        for letter, n in zip(term, shape, strict=True):
            if sizes.setdefault(letter, n) != n:
                raise ValueError(f"einsum: {letter!r} is {sizes[letter]} and {n} in {equation!r}")
    if not set(right) <= set(sizes) or len(set(right)) != len(right):
        raise ValueError(f"einsum: result {right!r} of {equation!r} must take its letters from the operands, once each")
    return terms, right


def einsum(equation: str, *operands: Any) -> Tensor:
    """Products of the operands summed over the letters that the result lacks. Every dimension is named, and an operand
    names each of its own once: no ``...`` and no diagonals.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, einsum
    >>> einsum("ij,j->i", Tensor([[1.0, 2.0], [3.0, 4.0]]), Tensor([1.0, 1.0])).numpy()
    array([3., 7.], dtype=float32)
    """
    tensors = tuple(to_plain(as_tensor(t)) for t in operands)
    terms, right = _parsed(equation, [t.shape for t in tensors])
    if len({t.dtype for t in tensors}) > 1:
        raise TypeError(f"einsum: operands are {', '.join(str(t.dtype) for t in tensors)}; convert them")
    arrays = [t.data for t in tensors]
    y = np.asarray(np.einsum(f"{','.join(terms)}->{right}", *arrays, optimize=True))
    if not recording(*tensors):
        return wrap(y)
    wanted = [t.requires_grad for t in tensors]

    def backward(gy: Any) -> Gradients:
        return tuple(_for_operand(i, gy, terms, right, arrays) if w else None for i, w in enumerate(wanted))

    return record(y, tensors, backward, tensors)


def _for_operand(i: int, gy: Any, terms: list[str], right: str, arrays: list[Any]) -> Any:
    """The gradient of one operand: gy times all others; letters that only it has are spread over their dimension."""
    others = [j for j in range(len(terms)) if j != i]
    known = set(right).union(*(terms[j] for j in others))
    present = "".join(c for c in terms[i] if c in known)
    parts = ",".join([right, *(terms[j] for j in others)])
    g = np.einsum(f"{parts}->{present}", gy, *(arrays[j] for j in others), optimize=True)
    shape = tuple(n if c in known else 1 for c, n in zip(terms[i], arrays[i].shape, strict=True))
    return np.array(np.broadcast_to(np.reshape(g, shape), arrays[i].shape))
