"""RoI pooling: forward one thread per result, backward a gather as in `roi` (see there), from the bins whose winner a
pixel is. Bins are rounded as csrc/ops/roi_boxes.c rounds them."""

from typing import Any

from fastnn.cuda._cuda import SCALARS, cuda, helper, product, real_of, udiv, wide_of

WORD = SCALARS["i32"]
MOST_PIXELS = 1 << 30  # where coordinates in pixels saturate


def _scalar(real: str) -> str:
    return "f64" if real == "f64" else "f32"


def _pool_words(wide: Any) -> tuple[Any, ...]:
    """The functions of one axis: (axis, edges)."""
    zero, half, most, infinite = wide(0), wide(0.5), wide(MOST_PIXELS), wide(float("inf"))

    @helper
    def rounded(value):
        """The nearest pixel, halves away from zero."""
        size = value if value > zero else -value
        if size >= most:
            return MOST_PIXELS if value > zero else -MOST_PIXELS
        whole = int(size)
        if size - wide(whole) >= half:
            whole += 1
        return whole if value > zero else -whole

    @helper
    def axis(low, high, scale, bins):
        """(first pixel, length of a bin) from the ends of a box; 0, and so no pixels, where one is not finite."""
        low, high = product(low, scale), product(high, scale)
        if not (low > -infinite and low < infinite and high > -infinite and high < infinite):
            return 0, zero
        first, last = rounded(low), rounded(high)
        length = last - first + 1
        return first, wide(length if length > 1 else 1) / wide(bins)

    @helper
    def edges(i, first, size, pixels):
        """(begin, end) of bin i, cut to the image."""
        begin = first + int(product(wide(i), size))
        top = product(wide(i + 1), size)
        end = first + int(top)
        if wide(int(top)) < top:
            end += 1
        begin, end = (begin if begin > 0 else 0), (end if end > 0 else 0)
        return (begin if begin < pixels else pixels), (end if end < pixels else pixels)

    return axis, edges


def roi_pool(real: str, result: str) -> Any:
    """Maxima of bins; `result` as in `pool.max_pool`: "y", "both" or "winner". A bin without pixels gives 0 and -1."""
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)
    axis, edges = _pool_words(wide)
    values, positions = result != "winner", result != "y"

    def roi_pool(x, boxes, y, where, count, channels, h, w, oh, ow, scale):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        rows = udiv(i, ow)
        pw = i - rows * ow
        planes = udiv(rows, oh)
        ph = rows - planes * oh
        box = udiv(planes, channels)
        at = box * 5
        first_y, size_y = axis(wide(boxes[at + 2]), wide(boxes[at + 4]), scale, oh)
        first_x, size_x = axis(wide(boxes[at + 1]), wide(boxes[at + 3]), scale, ow)
        y0, y1 = edges(ph, first_y, size_y, h)
        x0, x1 = edges(pw, first_x, size_x, w)
        base = (int(wide(boxes[at])) * channels + planes - box * channels) * h * w
        best, found = zero, -1
        for row in range(y0, y1):
            for col in range(x0, x1):
                value = wide(x[base + row * w + col])
                if found < 0 or value > best or value != value:
                    best = value
                    found = row * w + col
        if values:
            y[i] = narrow(best)
        if positions:
            where[i] = found

    index = "i32*" if result == "winner" else "i64*"
    return roi_pool, (f"{real}*", f"{real}*", f"{real}*", index, *("i32",) * 6, _scalar(real))


def roi_pool_grad_input(real: str, wide_tile: int, high_tile: int, each: int) -> Any:
    """gx of a tile of pixels and `each` channels: sums of gy of the bins whose winner (int32) the pixel is."""
    narrow, wide = real_of(real), wide_of(real)
    zero, two = wide(0), wide(2)
    axis, _ = _pool_words(wide)
    threads, mask, shift = wide_tile * high_tile, wide_tile - 1, wide_tile.bit_length() - 1
    pairs = threads * 2  # Numba takes no expressions as sizes

    @helper
    def reaches(low, size, bins, first, count):
        return size > zero and low < first + count and wide(first - low) <= size * wide(bins) + two

    @helper
    def bins_of(low, size, bins, pixel):
        """(begin, end) of the bins that may hold a pixel."""
        most = wide(bins)
        begin, end = wide(pixel - low) / size - two, wide(pixel - low + 1) / size + two
        begin = zero if not begin > zero else (begin if begin < most else most)
        end = begin if not end > begin else (end if end < most else most)
        return int(begin), int(end)

    def roi_pool_grad_input(gy, winner, boxes, gx, k, channels, groups, h, w, oh, ow, scale):
        hit = cuda.shared.array(threads, WORD)
        firsts = cuda.shared.array(pairs, WORD)
        sizes = cuda.shared.array(pairs, wide)
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
        own = row * w + col
        for c in range(each):
            sums[c] = zero
        for begin in range(0, k, threads):
            hit[t] = 0
            at = (begin + t) * 5
            if begin + t < k and int(wide(boxes[at])) == image:
                first, size = axis(wide(boxes[at + 2]), wide(boxes[at + 4]), scale, oh)
                near = reaches(first, size, oh, top, high_tile)
                firsts[t * 2], sizes[t * 2] = first, size
                first, size = axis(wide(boxes[at + 1]), wide(boxes[at + 3]), scale, ow)
                firsts[t * 2 + 1], sizes[t * 2 + 1] = first, size
                if near and reaches(first, size, ow, left, wide_tile):
                    hit[t] = 1
            cuda.syncthreads()
            for i in range(threads if k - begin > threads else k - begin):
                if hit[i] == 0 or row >= h or col >= w:
                    continue
                y0, y1 = bins_of(firsts[i * 2], sizes[i * 2], oh, row)
                x0, x1 = bins_of(firsts[i * 2 + 1], sizes[i * 2 + 1], ow, col)
                for ph in range(y0, y1):
                    for pw in range(x0, x1):
                        first = (((begin + i) * channels + channel) * oh + ph) * ow + pw
                        for c in range(each):
                            if channel + c < channels and winner[first + c * oh * ow] == own:
                                sums[c] += wide(gy[first + c * oh * ow])
            cuda.syncthreads()
        if row < h and col < w:
            first = (image * channels + channel) * h * w + own
            for c in range(each):
                if channel + c < channels:
                    gx[first + c * h * w] = narrow(sums[c])

    return roi_pool_grad_input, (f"{real}*", "i32*", f"{real}*", f"{real}*", *("i32",) * 7, _scalar(real))


CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    *((roi_pool, (real, result)) for real in ("f32", "f64", "f16") for result in ("y", "both", "winner")),
    *((roi_pool_grad_input, (real, 32, 8, 8)) for real in ("f32", "f64", "f16")),
]
