"""RoI align. Forward one thread per result; backward one thread per pixel and group of channels, which
gathers from the boxes in their order: no atomics, the same bits at every run.

Backward a block owns a tile of pixels of one image. It tests as many boxes at a time as it has threads against the
tile, and each thread then goes over those that reach it: the weights of a pixel are worked out once for the channels of
a group.

Positions are rounded step by step as csrc/ops/roi_boxes.c rounds them (`product` is not contracted), so that bins and
numbers of samples come out the same. Whatever a box holds, only pixels inside the image are touched.
"""

from typing import Any

from fastnn.cuda._cuda import SCALARS, cuda, helper, product, real_of, udiv, wide_of

WORD = SCALARS["i32"]


def _scalar(real: str) -> str:
    return "f64" if real == "f64" else "f32"


def _align_words(wide: Any) -> tuple[Any, ...]:
    """The functions of one axis that forward and backward share: (axis, inside, tap)."""
    zero, half, one, two = wide(0), wide(0.5), wide(1), wide(2)
    infinite, exact = wide(float("inf")), wide(2**52 if wide(1) + wide(2**-40) > 1 else 2**23)
    most = wide(2**62)

    @helper
    def axis(low, high, scale, offset, bins, sampling):
        """(start, length of a bin, samples of a bin) from the ends of a box; no samples where one is not finite."""
        first, last = product(low, scale), product(high, scale)
        if not (first > -infinite and first < infinite and last > -infinite and last < infinite):
            return zero, zero, zero
        start = first - offset
        length = last - offset - start
        if offset == zero and not length >= one:
            length = one
        size = length / wide(bins)
        if not (size > -infinite and size < infinite):
            return zero, zero, zero
        if sampling > 0:
            return start, size, wide(sampling)
        samples = size
        if size <= zero:
            samples = zero
        elif size < exact:
            samples = wide(int(size))
            if samples < size:
                samples += one
        return start, size, samples

    @helper
    def inside(base, size, samples, first, last, slack):
        """(begin, end) of the samples whose positions may lie from first to last."""
        step = size / samples
        low, high = (first - base) / step - half, (last - base) / step - half
        if low > high:
            low, high = high, low
        low, high = low - slack, high + slack + one
        samples = samples if samples < most else most
        low = zero if not low > zero else (low if low < samples else samples)
        high = low if not high > low else (high if high < samples else samples)
        return int(low), int(high)

    @helper
    def tap(position, size):
        """(pixel, share of the next one); pixel -1 for a position that counts as 0."""
        if not (position >= -one and position <= wide(size)):
            return -1, zero
        position = position if position > zero else zero
        low = int(position)
        if low >= size - 1:
            return size - 1, zero
        return low, position - wide(low)

    return axis, inside, tap, two


def roi_align(real: str) -> Any:
    """Means of bilinear samples; `offset` is 1/2 where aligned, `sampling` 0 where the boxes' sizes tell."""
    narrow, wide = real_of(real), wide_of(real)
    zero, half, one = wide(0), wide(0.5), wide(1)
    axis, inside, tap, two = _align_words(wide)

    @helper
    def chosen(base, size, samples, pixels):
        """(begin, end) of the samples to go over: all, or of a box far larger than the image those inside."""
        many = 4 * pixels + 16
        if samples <= wide(many) or size == zero:
            return 0, int(samples)
        begin, end = inside(base, size, samples, -one, wide(pixels), two)
        return begin, (end if end - begin < many else begin + many)

    def roi_align(x, boxes, y, count, channels, h, w, oh, ow, sampling, scale, offset):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        rows = udiv(i, ow)
        pw = i - rows * ow
        planes = udiv(rows, oh)
        ph = rows - planes * oh
        box = udiv(planes, channels)
        at = box * 5
        start_y, size_y, many_y = axis(wide(boxes[at + 2]), wide(boxes[at + 4]), scale, offset, oh, sampling)
        start_x, size_x, many_x = axis(wide(boxes[at + 1]), wide(boxes[at + 3]), scale, offset, ow, sampling)
        total = zero
        if many_y >= one and many_x >= one:
            base = (int(wide(boxes[at])) * channels + planes - box * channels) * h * w
            base_y, base_x = start_y + product(wide(ph), size_y), start_x + product(wide(pw), size_x)
            y0, y1 = chosen(base_y, size_y, many_y, h)
            x0, x1 = chosen(base_x, size_x, many_x, w)
            for a in range(y0, y1):
                row, below = tap(base_y + product(wide(a) + half, size_y) / many_y, h)
                if row < 0:
                    continue
                line = base + row * w
                for b in range(x0, x1):
                    col, beside = tap(base_x + product(wide(b) + half, size_x) / many_x, w)
                    if col < 0:
                        continue
                    value = wide(x[line + col])
                    if beside > zero:  # what has no share is not read: it may be infinite
                        value = (one - beside) * value + beside * wide(x[line + col + 1])
                    if below > zero:
                        under = wide(x[line + w + col])
                        if beside > zero:
                            under = (one - beside) * under + beside * wide(x[line + w + col + 1])
                        value = (one - below) * value + below * under
                    total += value
            total = total / many_y / many_x
        y[i] = narrow(total)

    number = _scalar(real)
    return roi_align, (f"{real}*", f"{real}*", f"{real}*", *("i32",) * 7, number, number)


def roi_align_grad_input(real: str, wide_tile: int, high_tile: int, each: int) -> Any:
    """gx of a tile of pixels (powers of two) and `each` channels: sums over boxes and bins of gy times the weights of
    the pixel's row and column."""
    narrow, wide = real_of(real), wide_of(real)
    zero, half, one = wide(0), wide(0.5), wide(1)
    most_slack, rounding = wide(64), wide(2.0**-21)
    axis, inside, tap, two = _align_words(wide)
    threads, mask, shift = wide_tile * high_tile, wide_tile - 1, wide_tile.bit_length() - 1
    numbers = threads * 6  # Numba takes no expressions as sizes

    @helper
    def reaches(start, size, samples, bins, first, count):
        """Whether samples of an axis of the box may lie beside pixels first .. first + count - 1."""
        low, high = start, start + size * wide(bins)
        if low > high:
            low, high = high, low
        return samples >= one and high >= wide(first - 2) and low <= wide(first + count + 1)

    @helper
    def bins_of(start, size, bins, pixel):
        """(begin, end) of the bins whose samples may lie beside a pixel."""
        if size == zero:
            return 0, bins
        low, high = (wide(pixel - 1) - start) / size, (wide(pixel + 1) - start) / size
        if low > high:
            low, high = high, low
        low, high, most = low - one, high + two, wide(bins)
        low = zero if not low > zero else (low if low < most else most)
        high = low if not high > low else (high if high < most else most)
        return int(low), int(high)

    @helper
    def weight(bin, start, size, samples, pixel, pixels):
        """What a pixel of one axis counts in a bin."""
        base = start + product(wide(bin), size)
        if size / samples == zero:
            samples = one  # all in one place
            begin, end = 0, 1
        else:
            far = (wide(pixel) - base) / (size / samples) * rounding
            far = far if far > zero else -far
            slack = two + (far if far < most_slack else most_slack)
            begin, end = inside(base, size, samples, wide(pixel - 1), wide(pixel + 1), slack)
        total = zero
        for a in range(begin, end):
            low, part = tap(base + product(wide(a) + half, size) / samples, pixels)
            if low == pixel:
                total += one - part
            elif low + 1 == pixel and low >= 0:
                total += part
        return total / samples

    def roi_align_grad_input(gy, boxes, gx, k, channels, groups, h, w, oh, ow, sampling, scale, offset):
        hit = cuda.shared.array(threads, WORD)
        axes = cuda.shared.array(numbers, wide)
        sums = cuda.local.array(each, wide)
        t = cuda.threadIdx.x & (threads - 1)
        across, down = udiv(w + wide_tile - 1, wide_tile), udiv(h + high_tile - 1, high_tile)
        rest = udiv(cuda.blockIdx.x, across)
        left = (cuda.blockIdx.x - rest * across) * wide_tile
        planes = udiv(rest, down)
        top = (rest - planes * down) * high_tile
        image = udiv(planes, groups)
        channel = (planes - image * groups) * each
        row, col = top + (t >> shift), left + (t & mask)
        for c in range(each):
            sums[c] = zero
        for begin in range(0, k, threads):
            hit[t] = 0
            at = (begin + t) * 5
            if begin + t < k and int(wide(boxes[at])) == image:
                start, size, many = axis(wide(boxes[at + 2]), wide(boxes[at + 4]), scale, offset, oh, sampling)
                near = reaches(start, size, many, oh, top, high_tile)
                axes[t * 6], axes[t * 6 + 1], axes[t * 6 + 2] = start, size, many
                start, size, many = axis(wide(boxes[at + 1]), wide(boxes[at + 3]), scale, offset, ow, sampling)
                axes[t * 6 + 3], axes[t * 6 + 4], axes[t * 6 + 5] = start, size, many
                if near and reaches(start, size, many, ow, left, wide_tile):
                    hit[t] = 1
            cuda.syncthreads()
            for i in range(threads if k - begin > threads else k - begin):
                if hit[i] == 0 or row >= h or col >= w:
                    continue
                start_y, size_y, many_y = axes[i * 6], axes[i * 6 + 1], axes[i * 6 + 2]
                start_x, size_x, many_x = axes[i * 6 + 3], axes[i * 6 + 4], axes[i * 6 + 5]
                y0, y1 = bins_of(start_y, size_y, oh, row)
                x0, x1 = bins_of(start_x, size_x, ow, col)
                for ph in range(y0, y1):
                    share = weight(ph, start_y, size_y, many_y, row, h)
                    if share == zero:
                        continue
                    for pw in range(x0, x1):
                        both = share * weight(pw, start_x, size_x, many_x, col, w)
                        if both == zero:
                            continue
                        first = (((begin + i) * channels + channel) * oh + ph) * ow + pw
                        for c in range(each):
                            if channel + c < channels:
                                sums[c] += both * wide(gy[first + c * oh * ow])
            cuda.syncthreads()
        if row < h and col < w:
            first = ((image * channels + channel) * h + row) * w + col
            for c in range(each):
                if channel + c < channels:
                    gx[first + c * h * w] = narrow(sums[c])

    number = _scalar(real)
    return roi_align_grad_input, (f"{real}*", f"{real}*", f"{real}*", *("i32",) * 8, number, number)


CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    *((roi_align, (real,)) for real in ("f32", "f64", "f16")),
    *((roi_align_grad_input, (real, 32, 8, 8)) for real in ("f32", "f64", "f16")),
]
