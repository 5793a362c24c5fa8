"""Matrix products and sums: the twins of `fastnn._kernels`' gemm and channel_sum."""

from typing import Any

from fastnn.cuda._arrays import GPUArray
from fastnn.cuda._cuda import NAMES, SIMULATED
from fastnn.cuda._launch import build, run
from fastnn.cuda.kernels import gemm as kernels

PROCESSORS = 2 if SIMULATED else 132  # blocks that a product should at least make: an H100 has so many
_SUMMING = 4 if SIMULATED else 128  # threads that sum a channel


def tile_for(m: int, n: int, real: str) -> kernels.Tile:
    """The larger tile where it makes blocks enough."""
    if SIMULATED:
        return kernels.TINY
    blocks = -(-m // kernels.LARGE.bm) * -(-n // kernels.LARGE.bn)
    return kernels.LARGE if real != "f64" and m > 64 and n > 64 and blocks >= PROCESSORS else kernels.SMALL


def splits_for(blocks: int, k: int, bk: int) -> tuple[int, int]:
    """(parts, k of each): k is split where the tiles alone leave processors idle; each part is 32 steps or more."""
    parts = max(1, min(PROCESSORS * 2 // max(blocks, 1), k // (bk * (2 if SIMULATED else 32)), 64))
    steps = -(-k // bk)
    chunk = -(-steps // parts) * bk
    return -(-k // chunk) if k else 1, chunk or bk


def gemm(
    a: GPUArray, a_transposed: bool, b: GPUArray, b_transposed: bool, c: GPUArray, m: int, n: int, k: int,
    bias: GPUArray | None, activation: str = "none", alpha: float = 0.0, beta: float = 0.0,
) -> None:  # fmt: skip
    if not m * n:
        return
    real = NAMES[a.dtype]
    tile = tile_for(m, n, real)
    grid_n, grid_m = -(-n // tile.bn), -(-m // tile.bm)
    plain = bias is None and activation == "none"
    parts, chunk = splits_for(grid_n * grid_m, k, tile.bk) if plain else (1, -(-max(k, 1) // tile.bk) * tile.bk)
    kernel = build(kernels.gemm, real, tile, a_transposed, b_transposed, bias is not None, activation)
    to = c if parts == 1 else c.new((parts, m, n))
    numbers = alpha, beta, m, n, k, chunk
    added = c if bias is None else bias  # one that is not read where there is none
    arrays = a.pointer, b.pointer, added.pointer, to.pointer
    kernel((grid_n, grid_m, parts), tile.threads, a.place, *arrays, *numbers)
    if parts > 1:
        sum_parts(to, c, parts)


def sum_parts(x: GPUArray, y: GPUArray, parts: int) -> None:
    """y = sum of x [parts][...]."""
    run(build(kernels.sum_parts, NAMES[x.dtype]), y.size, x, x.pointer, y.pointer, parts, y.size)


def channel_sum(x: GPUArray, n: int, c: int, size: int, y: GPUArray) -> None:
    if c:
        kernel: Any = build(kernels.channel_sum, NAMES[x.dtype], _SUMMING)
        kernel(c, _SUMMING, x.place, x.pointer, y.pointer, n, c, size)
