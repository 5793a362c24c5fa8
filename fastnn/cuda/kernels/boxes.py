"""Overlaps of boxes and non-maximum suppression without the host: places by score (counting, not sorting), a matrix of
bits that says who suppresses whom, and one block that goes down it.

Overlaps are rounded as csrc/kernels/box_overlap.h rounds them (`product` is not contracted): the same boxes stay.
"""

from typing import Any

from fastnn.cuda._cuda import SCALARS, cuda, helper, product, real_of, udiv, wide_of

LONG = SCALARS["i64"]
BITS = 32  # of a word of the matrix


@helper
def overlap(a, i, b, j, zero):
    """Intersection over union of boxes at a[i] and b[j], in the precision of `zero`; NaN where a coordinate is, and
    where both areas are 0."""
    ax, ay, aw, ah = zero + a[i], zero + a[i + 1], zero + a[i + 2], zero + a[i + 3]
    bx, by, bw, bh = zero + b[j], zero + b[j + 1], zero + b[j + 2], zero + b[j + 3]
    area, other = product(aw - ax, ah - ay), product(bw - bx, bh - by)
    broad = (aw if aw < bw else bw) - (ax if ax > bx else bx)
    tall = (ah if ah < bh else bh) - (ay if ay > by else by)
    shared = product(broad if broad > zero else zero, tall if tall > zero else zero)
    return shared / (area + other - shared)


def box_iou(real: str) -> Any:
    narrow, zero = real_of(real), wide_of(real)(0)

    def box_iou(a, b, iou, count, n):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        row = udiv(i, n)
        iou[i] = narrow(overlap(a, row * 4, b, (i - row * n) * 4, zero))

    return box_iou, (f"{real}*", f"{real}*", f"{real}*", "i32", "i32")


def numbered(real: str) -> Any:
    """rows of [K, 5], from `row` on: an image's number, and the boxes [count, 4] of that image."""
    narrow = real_of(real)

    def numbered(part, boxes, row, image, count):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        to = (row + i) * 5
        boxes[to] = narrow(image)
        for side in range(4):
            boxes[to + 1 + side] = part[i * 4 + side]

    return numbered, (f"{real}*", f"{real}*", "i32", "i32", "i32")


def by_score(real: str) -> Any:
    """order[place] = box, by falling score: the place of a box is how many come before it. Equal scores in their order,
    NaN before all numbers."""
    wide = wide_of(real)

    def by_score(scores, order, k):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= k:
            return
        own = wide(scores[i])
        place = 0
        for j in range(k):
            other = wide(scores[j])
            before = other > own or (other != other and own == own)
            equal = other == own or (other != other and own != own)
            if before or (equal and j < i):
                place += 1
        order[i if place >= k else place] = i

    return by_score, (f"{real}*", "i32*", "i32")


def suppression(real: str, index: str) -> Any:
    """suppressed[row][word]: a bit for each place behind `row` whose box overlaps the row's more than the threshold
    and is of its class; `index` is the type of the classes, or "" where all are of one."""
    zero = wide_of(real)(0)

    def suppression(boxes, order, classes, suppressed, count, k, words, threshold):
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i >= count:
            return
        row = udiv(i, words)
        first = (i - row * words) * BITS
        box = order[row]
        bits = 0
        for j in range(BITS):
            place = first + j
            if place <= row or place >= k:
                continue
            other = order[place]
            if index and classes[box] != classes[other]:
                continue
            if overlap(boxes, box * 4, boxes, other * 4, zero) > threshold:
                bits |= 1 << j
        suppressed[i] = bits - ((bits >> (BITS - 1)) << BITS)  # as a signed word

    number = "f64" if real == "f64" else "f32"
    return suppression, (f"{real}*", "i32*", f"{index or 'i32'}*", "i32*", "i32", "i32", "i32", number)


def keep(threads: int) -> Any:
    """kept[0 .. count - 1]: the boxes that stay, by place. One block: for each word of places, one thread finds which
    stay, and all mark what those suppress farther on. `removed` [words] starts anyhow."""

    def keep(suppressed, order, removed, kept, count, k, words):
        stay = cuda.shared.array(1, LONG)
        t = cuda.threadIdx.x
        for word in range(t, words, threads):
            removed[word] = 0
        cuda.syncthreads()
        found = 0
        for word in range(words):
            if t == 0:
                gone = int(removed[word]) & 0xFFFFFFFF
                staying = 0
                for j in range(BITS):
                    place = word * BITS + j
                    if place < k and (gone >> j) & 1 == 0:
                        staying |= 1 << j
                        gone |= int(suppressed[place * words + word]) & 0xFFFFFFFF
                        kept[found] = order[place]
                        found += 1
                stay[0] = staying
            cuda.syncthreads()
            staying = stay[0]
            for farther in range(word + 1 + t, words, threads):
                bits = removed[farther]
                for j in range(BITS):
                    if (staying >> j) & 1:
                        bits |= suppressed[(word * BITS + j) * words + farther]
                removed[farther] = bits
            cuda.syncthreads()
        if t == 0:
            count[0] = found

    return keep, ("i32*", "i32*", "i32*", "i64*", "i32*", "i32", "i32")


REALS = ("f32", "f64", "f16")
CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    *((factory, (real,)) for factory in (box_iou, by_score, numbered) for real in REALS),
    *((suppression, (real, index)) for real in REALS for index in ("", "i32", "i64")),
    (keep, (256,)),
]
