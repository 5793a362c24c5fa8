"""One step of recurrent layers: the recurrent product in tiles, then the gates, in one kernel; and a step backward
of LSTM and GRU. h before a step is read from the result of the step before, so nothing is copied from step to step.

A block owns `bn` sequences and `bu` hidden units with all their gates; a thread one of each. Rows are those of x:
step t of sequence b is row ``t n + b``, or ``b steps + t`` where batch_first. FLAGS tell what a call has.
"""

from typing import Any, NamedTuple

from fastnn.cuda._cuda import cuda, exp, real_of, tanh, udiv, wide_of

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
BIASED, STATE, KEEP, BATCH_FIRST, GRADIENT = 1, 2, 4, 8, 16


class Tile(NamedTuple):
    """Sequences and units of a block, and steps of the product's inner dimension at a time; powers of two."""

    bn: int
    bu: int
    bk: int


WIDE, NARROW = Tile(32, 4, 32), Tile(8, 16, 32)
TINY = Tile(2, 2, 2)  # for the simulator


def step(real: str, cell: str, variant: int, tile: Tile) -> Any:
    """gx [rows][gates h] holds the inputs' part of the sums, and keeps the gates where KEEP; extra is c of every row
    (LSTM), or the recurrent part of n (GRU), and without KEEP c of the n sequences alone."""
    gates, (bn, bu, bk) = GATES[cell], tile
    narrow, wide = real_of(real), wide_of(real)
    zero, one = wide(0), wide(1)
    threads, lane, shift = bn * bu, bn - 1, bn.bit_length() - 1
    deep, high = bk.bit_length() - 1, bu.bit_length() - 1
    h_row, w_row = bn + 1, bu * 4 + 4  # a little more than needed: rows start in different banks
    h_size, w_size = bk * h_row, bk * w_row
    long, gated, plain, rectified = cell == "lstm", cell == "gru", cell == "lstm" and variant == 1, variant == 1

    def step(gx, w, bias, h0, c0, y, extra, hn, cn, n, hidden, steps, at, directions, direction, slot, flags):
        h_tile = cuda.shared.array(h_size, wide, alignment=16)
        w_tile = cuda.shared.array(w_size, wide, alignment=16)
        total = cuda.local.array(4, wide)
        t = cuda.threadIdx.x & (threads - 1)
        tile_n = udiv(n + bn - 1, bn)
        block_u = udiv(cuda.blockIdx.x, tile_n)
        first = (cuda.blockIdx.x - block_u * tile_n) * bn
        unit0 = block_u * bu
        sequence, unit = first + (t & lane), unit0 + (t >> shift)
        now, before = at, at - 1
        if direction == 1:
            now, before = steps - 1 - at, steps - at
        apart = steps if flags & BATCH_FIRST else 1
        row0, row0_before = now, before
        if not flags & BATCH_FIRST:
            row0, row0_before = now * n, before * n
        width = directions * hidden
        for gate in range(4):
            total[gate] = zero
        if at > 0 or flags & STATE:
            for begin in range(0, hidden, bk):
                for i in range(t, bn * bk, threads):
                    b, k = first + (i >> deep), begin + (i & (bk - 1))
                    value = zero
                    if b < n and k < hidden:
                        if at > 0:
                            value = wide(y[(row0_before + b * apart) * width + direction * hidden + k])
                        else:
                            value = wide(h0[(slot * n + b) * hidden + k])
                    h_tile[(i & (bk - 1)) * h_row + (i >> deep)] = value
                for i in range(t, bu * gates * bk, threads):
                    line, k = i >> deep, begin + (i & (bk - 1))
                    gate, u = line >> high, line & (bu - 1)
                    value = zero
                    if unit0 + u < hidden and k < hidden:
                        value = wide(w[(gate * hidden + unit0 + u) * hidden + k])
                    w_tile[(i & (bk - 1)) * w_row + u * 4 + gate] = value
                cuda.syncthreads()
                for k in range(bk):
                    value = h_tile[k * h_row + (t & lane)]
                    for gate in range(gates):
                        total[gate] += value * w_tile[k * w_row + (t >> shift) * 4 + gate]
                cuda.syncthreads()
        if sequence >= n or unit >= hidden:
            return
        row = row0 + sequence * apart
        base = row * gates * hidden + unit
        if flags & BIASED:
            for gate in range(gates):
                total[gate] += wide(bias[gate * hidden + unit])
        inner = (slot * n + sequence) * hidden + unit
        if long:
            i_gate = one / (one + exp(-(total[0] + wide(gx[base]))))
            f_gate = one / (one + exp(-(total[1] + wide(gx[base + hidden]))))
            g_gate = tanh(total[2] + wide(gx[base + 2 * hidden]))
            o_gate = one / (one + exp(-(total[3] + wide(gx[base + 3 * hidden]))))
            c = zero
            here = sequence * hidden + unit
            if at > 0:
                if flags & KEEP:
                    c = wide(extra[(row0_before + sequence * apart) * hidden + unit])
                else:
                    c = wide(extra[here])
            elif flags & STATE:
                c = wide(c0[inner])
            c = f_gate * c + i_gate * g_gate
            h = o_gate * (c if plain else tanh(c))
            if flags & KEEP:
                gx[base], gx[base + hidden] = narrow(i_gate), narrow(f_gate)
                gx[base + 2 * hidden], gx[base + 3 * hidden] = narrow(g_gate), narrow(o_gate)
                here = row * hidden + unit
            extra[here] = narrow(c)
            if at == steps - 1:
                cn[inner] = narrow(c)
        elif gated:
            r = one / (one + exp(-(total[0] + wide(gx[base]))))
            z = one / (one + exp(-(total[1] + wide(gx[base + hidden]))))
            value = tanh(wide(gx[base + 2 * hidden]) + r * total[2])
            last = zero
            if at > 0:
                last = wide(y[(row0_before + sequence * apart) * width + direction * hidden + unit])
            elif flags & STATE:
                last = wide(h0[inner])
            h = value + z * (last - value)
            if flags & KEEP:
                gx[base], gx[base + hidden], gx[base + 2 * hidden] = narrow(r), narrow(z), narrow(value)
                extra[row * hidden + unit] = narrow(total[2])
        else:
            value = total[0] + wide(gx[base])
            if rectified:
                h = zero if value < zero else value
            else:
                h = tanh(value)
        y[row * width + direction * hidden + unit] = narrow(h)
        if at == steps - 1:
            hn[inner] = narrow(h)

    return step, (*(f"{real}*",) * 9, *("i32",) * 8)


def states_before(real: str) -> Any:
    """before[row] = h before the step of that row; one thread for each."""
    narrow = real_of(real)

    def states_before(y, h0, before, count, n, hidden, steps, directions, direction, slot, flags):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        row = udiv(i, hidden)
        unit = i - row * hidden
        if flags & BATCH_FIRST:
            sequence = udiv(row, steps)
            at, apart = row - sequence * steps, 1
        else:
            at = udiv(row, n)
            sequence, apart = row - at * n, n
        back = -1 if direction == 0 else 1
        if 0 <= at + back < steps:
            before[i] = y[(row + back * apart) * directions * hidden + direction * hidden + unit]
        elif flags & STATE:
            before[i] = h0[(slot * n + sequence) * hidden + unit]
        else:
            before[i] = narrow(0)

    return states_before, (f"{real}*", f"{real}*", f"{real}*", *("i32",) * 8)


def lstm_grad_step(real: str, variant: int) -> Any:
    """Gradients of a step's sums, into g [rows][4 h] and step_g [n][4 h], and of c before it, into gc [n][h], from
    those of h (gh [n][h], what came back, and gy) and of c. GRADIENT: gh and gc hold something."""
    narrow, wide = real_of(real), wide_of(real)
    zero, one = wide(0), wide(1)
    plain = variant == 1

    def lstm_grad_step(
        gates, c, c0, gy, gh, gc, g, step_g, count, n, hidden, steps, at, directions, direction, slot, flags
    ):  # fmt: skip
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        sequence = udiv(i, hidden)
        unit = i - sequence * hidden
        now, before = at, at - 1
        if direction == 1:
            now, before = steps - 1 - at, steps - at
        row, row_before = now * n + sequence, before * n + sequence
        if flags & BATCH_FIRST:
            row, row_before = sequence * steps + now, sequence * steps + before
        grad_h, grad_c = zero, zero
        if flags & GRADIENT:
            grad_h, grad_c = wide(gh[i]), wide(gc[i])
        if flags & KEEP:
            grad_h += wide(gy[row * directions * hidden + direction * hidden + unit])
        base = row * 4 * hidden + unit
        i_gate, f_gate = wide(gates[base]), wide(gates[base + hidden])
        g_gate, o_gate = wide(gates[base + 2 * hidden]), wide(gates[base + 3 * hidden])
        own = wide(c[row * hidden + unit])
        shown = own if plain else tanh(own)
        grad_c += grad_h * o_gate * (one if plain else one - shown * shown)
        last = zero
        if at > 0:
            last = wide(c[row_before * hidden + unit])
        elif flags & STATE:
            last = wide(c0[(slot * n + sequence) * hidden + unit])
        to = sequence * 4 * hidden + unit
        value = narrow(grad_c * g_gate * i_gate * (one - i_gate))
        g[base], step_g[to] = value, value
        value = narrow(grad_c * last * f_gate * (one - f_gate))
        g[base + hidden], step_g[to + hidden] = value, value
        value = narrow(grad_c * i_gate * (one - g_gate * g_gate))
        g[base + 2 * hidden], step_g[to + 2 * hidden] = value, value
        value = narrow(grad_h * shown * o_gate * (one - o_gate))
        g[base + 3 * hidden], step_g[to + 3 * hidden] = value, value
        gc[i] = narrow(grad_c * f_gate)

    return lstm_grad_step, (*(f"{real}*",) * 8, *("i32",) * 9)


def gru_grad_step(real: str) -> Any:
    """Gradients of a step's sums, into g_x and g_h [rows][3 h] (they differ where r multiplies) and of those of h again
    into step_g [n][3 h], from those of h: gh and through [n][h], what came back by the product and past it, and gy."""
    narrow, wide = real_of(real), wide_of(real)
    zero, one = wide(0), wide(1)

    def gru_grad_step(
        gates, recurrent, y, h0, gy, gh, through, g_x, g_h, step_g, count, n, hidden, steps, at, directions, direction,
        slot, flags,
    ):  # fmt: skip
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        sequence = udiv(i, hidden)
        unit = i - sequence * hidden
        now, before = at, at - 1
        if direction == 1:
            now, before = steps - 1 - at, steps - at
        row, row_before = now * n + sequence, before * n + sequence
        if flags & BATCH_FIRST:
            row, row_before = sequence * steps + now, sequence * steps + before
        grad, last = zero, zero
        if flags & GRADIENT:
            grad = wide(gh[i]) + wide(through[i])
        if flags & KEEP:
            grad += wide(gy[row * directions * hidden + direction * hidden + unit])
        if at > 0:
            last = wide(y[row_before * directions * hidden + direction * hidden + unit])
        elif flags & STATE:
            last = wide(h0[(slot * n + sequence) * hidden + unit])
        base, to = row * 3 * hidden + unit, sequence * 3 * hidden + unit
        r, z, value = wide(gates[base]), wide(gates[base + hidden]), wide(gates[base + 2 * hidden])
        new = grad * (one - z) * (one - value * value)
        reset = narrow(new * wide(recurrent[row * hidden + unit]) * r * (one - r))
        update = narrow(grad * (last - value) * z * (one - z))
        g_x[base], g_h[base], step_g[to] = reset, reset, reset
        g_x[base + hidden], g_h[base + hidden], step_g[to + hidden] = update, update, update
        g_x[base + 2 * hidden] = narrow(new)
        g_h[base + 2 * hidden], step_g[to + 2 * hidden] = narrow(new * r), narrow(new * r)
        through[i] = narrow(grad * z)

    return gru_grad_step, (*(f"{real}*",) * 10, *("i32",) * 9)


REALS = ("f32", "f64", "f16")
CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    *(
        (step, (real, cell, 0, tile))
        for real in REALS
        for cell in GATES
        for tile in (WIDE, NARROW)
        if real == "f32" or tile is NARROW
    ),
    *((step, ("f32", cell, 1, WIDE)) for cell in ("lstm", "rnn")),
    *((states_before, (real,)) for real in REALS),
    *((gru_grad_step, (real,)) for real in REALS),
    *((lstm_grad_step, (real, variant)) for real in REALS for variant in (0, 1)),
]
