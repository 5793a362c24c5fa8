"""Matrix product C [m][n] = f(op(A) op(B) + bias[n]), and sums of columns. Also what all products in tiles share.

A block computes a tile of `bm` x `bn` in steps of `bk`; a thread `tm` x `tn` of it in registers, from tiles of A and B
in shared memory, both stored with k outermost. Thread indices are masked so that LLVM sees them non-negative.
"""

from typing import Any, NamedTuple

from fastnn.cuda._cuda import cuda, helper, real_of, wide_of
from fastnn.cuda.kernels.activation import functions


class Tile(NamedTuple):
    """Sizes of a block's tile and of a thread's part: powers of two, and the threads a multiple of bn."""

    bm: int
    bn: int
    bk: int
    tm: int
    tn: int

    @property
    def threads(self) -> int:
        return (self.bm // self.tm) * (self.bn // self.tn)


LARGE, SMALL = Tile(128, 128, 8, 8, 8), Tile(64, 64, 16, 4, 4)
TINY = Tile(8, 4, 4, 4, 2)  # for the simulator, which starts one thread of the system for each of ours


def multiplier(tile: Tile) -> Any:
    """A helper that adds the product of the tiles in shared memory to a thread's registers."""
    bm, bn, bk, tm, tn = tile

    @helper
    def multiply(total, rows, columns, left, top, at, bt):
        """total += At^T Bt at rows `top`, columns `left`; a thread's rows and columns are consecutive."""
        for k in range(bk):
            for i in range(tm):
                rows[i] = at[k * bm + top + i]
            for j in range(tn):
                columns[j] = bt[k * bn + left + j]
            for i in range(tm):
                for j in range(tn):
                    total[i * tn + j] += rows[i] * columns[j]

    return multiply


def gemm(real: str, tile: Tile, a_transposed: bool, b_transposed: bool, biased: bool, activation: str) -> Any:
    """Row-major matrices: A [m][k] or, transposed, [k][m]; B [k][n] or [n][k]. Blocks in z split k; each writes
    its part [m][n] behind that of the one before (then without bias and activation)."""
    bm, bn, bk, tm, tn = tile
    threads, across = tile.threads, bn // tn
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)
    multiply, (function, _) = multiplier(tile), functions(activation, real)
    a_size, b_size, own = bk * bm, bk * bn, tm * tn  # Numba takes no expressions as sizes
    a_loads, b_loads = a_size // threads, b_size // threads

    def gemm(a, b, bias, c, p, q, m, n, k, chunk):
        at = cuda.shared.array(a_size, wide, alignment=16)
        bt = cuda.shared.array(b_size, wide, alignment=16)
        total = cuda.local.array(own, wide)
        rows = cuda.local.array(tm, wide)
        columns = cuda.local.array(tn, wide)
        t = cuda.threadIdx.x & (threads - 1)
        left, top = (t & (across - 1)) * tn, (t // across) * tm
        m0, n0 = (cuda.blockIdx.y * bm) & 0x7FFFFFFF, (cuda.blockIdx.x * bn) & 0x7FFFFFFF
        k0 = (cuda.blockIdx.z * chunk) & 0x7FFFFFFF
        k1 = k0 + chunk if k0 + chunk < k else k
        for i in range(tm * tn):
            total[i] = zero
        for step in range(k0, k1, bk):
            for load in range(a_loads):
                e = t + load * threads
                if a_transposed:
                    row, kk = e & (bm - 1), e // bm
                else:
                    row, kk = e // bk, e & (bk - 1)
                inside = m0 + row < m and step + kk < k1
                if a_transposed:
                    at[kk * bm + row] = wide(a[(step + kk) * m + m0 + row]) if inside else zero
                else:
                    at[kk * bm + row] = wide(a[(m0 + row) * k + step + kk]) if inside else zero
            for load in range(b_loads):
                e = t + load * threads
                if b_transposed:
                    column, kk = e // bk, e & (bk - 1)
                else:
                    column, kk = e & (bn - 1), e // bn
                inside = n0 + column < n and step + kk < k1
                if b_transposed:
                    bt[kk * bn + column] = wide(b[(n0 + column) * k + step + kk]) if inside else zero
                else:
                    bt[kk * bn + column] = wide(b[(step + kk) * n + n0 + column]) if inside else zero
            cuda.syncthreads()
            multiply(total, rows, columns, left, top, at, bt)
            cuda.syncthreads()
        part = cuda.blockIdx.z * m * n
        for i in range(tm):
            for j in range(tn):
                row, column = m0 + top + i, n0 + left + j
                if row < m and column < n:
                    value = total[i * tn + j]
                    if biased:
                        value += wide(bias[column])
                    c[part + row * n + column] = narrow(function(value, wide(p), wide(q)))

    number = "f64" if real == "f64" else "f32"
    return gemm, (*(f"{real}*",) * 4, number, number, *("i32",) * 4)


def sum_parts(real: str) -> Any:
    """y[i] = sum over parts of x[part][i], in their order."""
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)

    def sum_parts(x, y, parts, count):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < count:
            total = zero
            for part in range(parts):
                total += wide(x[part * count + i])
            y[i] = narrow(total)

    return sum_parts, (f"{real}*", f"{real}*", "i32", "i32")


def channel_sum(real: str, threads: int) -> Any:
    """y[c] = sum over n and the image of x [n][c][size]: one block for each channel, the same order every time."""
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)

    def channel_sum(x, y, n, channels, size):
        parts = cuda.shared.array(threads, wide, alignment=16)
        t = cuda.threadIdx.x
        total = zero
        for image in range(n):
            base = (image * channels + cuda.blockIdx.x) * size
            for i in range(t, size, threads):
                total += wide(x[base + i])
        parts[t] = total
        cuda.syncthreads()
        if t == 0:
            total = zero
            for i in range(threads):
                total += parts[i]
            y[cuda.blockIdx.x] = narrow(total)

    return channel_sum, (f"{real}*", f"{real}*", "i32", "i32", "i32")


CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    *((gemm, ("f32", LARGE, a, b, False, "none")) for a, b in ((False, True), (False, False), (True, False))),
    (gemm, ("f32", SMALL, False, True, False, "none")),
    (gemm, ("f32", LARGE, False, True, True, "relu")),
    *((gemm, (real, SMALL, False, True, True, "none")) for real in ("f16", "f64")),
    *((sum_parts, (real,)) for real in ("f32", "f64", "f16")),
    *((channel_sum, (real, 128)) for real in ("f32", "f64", "f16")),
]  # fmt: skip
