"""Recurrent layers on `GPUArray`s: the inputs' product for all steps at once, then a kernel a step."""

from typing import Any

from fastnn.cuda import gemm, norm
from fastnn.cuda._arrays import GPUArray
from fastnn.cuda._cuda import NAMES, SIMULATED
from fastnn.cuda._launch import build, run
from fastnn.cuda.kernels import rnn as kernels


class Layer:
    """One layer and direction of a call: geometry and arrays. `slot`: its place in the states of all layers."""

    def __init__(
        self, cell: str, variant: int, x: GPUArray, y: GPUArray, group: Any, steps: int, batch: int, hidden: int,
        directions: int, direction: int, slot: int, batch_first: bool,
    ) -> None:  # fmt: skip
        self.cell, self.variant, self.x, self.y, self.group = cell, variant, x, y, group
        self.steps, self.batch, self.hidden, self.directions = steps, batch, hidden, directions
        self.direction, self.slot, self.batch_first = direction, slot, batch_first
        self.gates: Any = None
        self.extra: Any = None

    @property
    def rows(self) -> int:
        return self.steps * self.batch

    @property
    def width(self) -> int:
        """Sums of a row: those of all gates."""
        return kernels.GATES[self.cell] * self.hidden

    def flags(self, state: Any, keep: bool, gradient: bool = False) -> int:
        found = kernels.BATCH_FIRST if self.batch_first else 0
        found |= kernels.BIASED if self.group[3] is not None else 0
        found |= kernels.STATE if state is not None else 0
        return found | (kernels.KEEP if keep else 0) | (kernels.GRADIENT if gradient else 0)

    def forward(self, h0: Any, c0: Any, hn: GPUArray, cn: Any, keep: bool) -> None:
        """y and the final states; with `keep` also the gates and c of all steps."""
        w_ih, w_hh, b_ih, b_hh = self.group
        x, tile = self.x, _tile_for(self.batch)
        self.gates = x.new((self.rows, self.width))
        gemm.gemm(x, False, w_ih, True, self.gates, self.rows, self.width, x.shape[-1], b_ih)
        self.extra = x.new((self.rows if keep else self.batch, self.hidden))
        kernel = build(kernels.step, NAMES[x.dtype], self.cell, self.variant, tile)
        blocks = -(-self.batch // tile.bn) * -(-self.hidden // tile.bu)
        # Arrays that are not there are not read: another pointer stands in their place.
        arrays = self.gates, w_hh, b_hh or w_hh, h0 or hn, c0 or hn, self.y, self.extra, hn, cn or hn
        pointers = [a.pointer for a in arrays]
        sizes, flags = (self.batch, self.hidden, self.steps), self.flags(h0, keep)
        for at in range(self.steps):
            place = at, self.directions, self.direction, self.slot, flags
            kernel(blocks, tile.bn * tile.bu, x.place, *pointers, *sizes, *place)

    def sums_gradient(
        self, gy: Any, h0: Any, c0: Any, gh: Any, gc: Any, gh0: GPUArray, gc0: Any
    ) -> tuple[GPUArray, GPUArray]:
        """Gradients of the sums' two parts, of x and of h (one array for the LSTM), and into this layer's slot of gh0
        and gc0 those of its states; gh and gc are those of the final states, or None."""
        x, size, long = self.x, self.batch * self.hidden, self.cell == "lstm"
        g_x, step_g = x.new((self.rows, self.width)), x.new((self.batch, self.width))
        g_h = g_x if long else x.new((self.rows, self.width))
        # What goes back from step to step: h' by the product, and c' (LSTM) or h' past the product (GRU).
        back = x.new((2, self.batch, self.hidden))
        product, other = (part(back, i * size, (self.batch, self.hidden)) for i in range(2))
        known = gh is not None or gc is not None
        for given, to in ((gh, product), (gc, other)):
            if known:  # a copy, or zeros where there is nothing to copy
                source = to if given is None else part(given, self.slot * size, (self.batch, self.hidden))
                gemm.sum_parts(source, to, 0 if given is None else 1)
        if long:
            kernel = build(kernels.lstm_grad_step, NAMES[x.dtype], self.variant)
            arrays: tuple[Any, ...] = (self.gates, self.extra, c0 or g_x, gy or g_x, product, other, g_x, step_g)
        else:
            kernel = build(kernels.gru_grad_step, NAMES[x.dtype])
            arrays = self.gates, self.extra, self.y, h0 or g_x, gy or g_x, product, other, g_x, g_h, step_g
        pointers = [a.pointer for a in arrays]
        sizes = size, self.batch, self.hidden, self.steps
        for at in reversed(range(self.steps)):
            flags = self.flags(h0, gy is not None, known or at < self.steps - 1)
            run(kernel, size, x, *pointers, *sizes, at, self.directions, self.direction, self.slot, flags)
            gemm.gemm(step_g, False, self.group[1], False, product, self.batch, self.hidden, self.width, None)
        own = part(gh0, self.slot * size, (self.batch, self.hidden))
        gemm.sum_parts(back, own, 1 if long else 2)
        if long:
            gemm.sum_parts(other, part(gc0, self.slot * size, (self.batch, self.hidden)), 1)
        return g_x, g_h

    def weight_gradients(self, g_x: GPUArray, g_h: GPUArray, h0: Any) -> tuple[Any, ...]:
        """(gw_ih, gw_hh, gb_ih, gb_hh) from the gradients of the sums."""
        x, before = self.x, self.x.new((self.rows, self.hidden))
        pointers = self.y.pointer, (h0 or self.y).pointer, before.pointer
        sizes = before.size, self.batch, self.hidden, self.steps
        place = self.directions, self.direction, self.slot, self.flags(h0, False)
        run(build(kernels.states_before, NAMES[x.dtype]), before.size, x, *pointers, *sizes, *place)
        gw_ih, gw_hh = x.new((self.width, x.shape[-1])), x.new((self.width, self.hidden))
        gemm.gemm(g_x, True, x, False, gw_ih, self.width, x.shape[-1], self.rows, None)
        gemm.gemm(g_h, True, before, False, gw_hh, self.width, self.hidden, self.rows, None)
        biases = [None if b is None else x.new((self.width,)) for b in self.group[2:]]
        for gb, g in zip(biases, (g_x, g_h), strict=True):
            if gb is not None:
                norm.column_sums(g, None, self.width, 0.0, gb)
        return gw_ih, gw_hh, *biases


def _tile_for(batch: int) -> kernels.Tile:
    if SIMULATED:
        return kernels.TINY
    return kernels.NARROW if batch <= kernels.NARROW.bn else kernels.WIDE


def input_gradient(layers: list[Layer], sums: list[GPUArray]) -> GPUArray:
    """gx of a layer from the gradients of its sums' parts of x: the sum over its directions."""
    x, gx = layers[0].x, layers[0].x.new(layers[0].x.shape)
    parts = gx if len(layers) == 1 else x.new((len(layers), *x.shape))
    for i, (layer, g) in enumerate(zip(layers, sums, strict=True)):
        to = part(parts, i * x.size, x.shape)
        gemm.gemm(g, False, layer.group[0], False, to, layer.rows, x.shape[-1], layer.width, None)
    if parts is not gx:
        gemm.sum_parts(parts, gx, len(layers))
    return gx


def part(x: GPUArray, begin: int, shape: tuple[int, ...]) -> GPUArray:
    """The elements of x from `begin` on, as an array of this shape for kernels; the caller's object stays all of x."""
    found = GPUArray(x.array, x.library, shape, x.dtype, None, x.place)
    if SIMULATED:
        found.pointer = type(x.pointer)(x.pointer._ary[begin : begin + found.size])
    else:
        found.pointer = x.pointer + begin * x.dtype.itemsize
    return found
