"""Dropout with the random numbers of csrc/kernels/dropout.h: the same elements are zeroed for the same seed."""

from typing import Any

from fastnn.cuda._cuda import cuda, real_of, wide_of

WORD = 0xFFFFFFFF
GROUP, LANES = 64, 16  # elements that 16 counters fill, each with its four words 16 apart


def dropout(real: str) -> Any:
    """y = x scale where the element's number reaches the threshold, else 0: one thread for each counter (Philox4x32-10,
    Salmon, Moraes, Dror, Shaw 2011)."""
    narrow, wide = real_of(real), wide_of(real)
    zero = wide(0)

    def dropout(x, y, count, key0, key1, threshold, scale):
        counter = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        first = (counter >> 4) * GROUP + (counter & (LANES - 1))
        if first >= count:
            return
        a, b, c, d = counter & WORD, 0, 0, 0
        for _ in range(10):
            left, right = 0xD2511F53 * a, 0xCD9E8D57 * c
            a, c = ((right >> 32) & WORD) ^ b ^ key0, ((left >> 32) & WORD) ^ d ^ key1
            b, d = right & WORD, left & WORD
            key0, key1 = (key0 + 0x9E3779B9) & WORD, (key1 + 0xBB67AE85) & WORD
        for word in range(4):
            i = first + word * LANES
            bits = a if word == 0 else (b if word == 1 else (c if word == 2 else d))
            if i < count:
                value = zero
                if bits >= threshold:
                    value = wide(x[i]) * scale
                y[i] = narrow(value)

    number = "f64" if real == "f64" else "f32"
    return dropout, (f"{real}*", f"{real}*", "i32", "i64", "i64", "i64", number)


CONFIGURATIONS: list[tuple[Any, tuple[Any, ...]]] = [(dropout, (real,)) for real in ("f32", "f64", "f16")]
