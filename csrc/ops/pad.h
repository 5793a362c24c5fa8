/* Where an index outside an array leads, for every mode of padding; shared by padding and convolution. */
#ifndef FNN_OPS_PAD_H
#define FNN_OPS_PAD_H

#include "../fastnn.h"
#include "../internal.h"

/* The element of [0, size) that index i stands for, or -1 where constant padding's value does. */
static inline ptrdiff_t fnn_pad_index(int mode, ptrdiff_t i, ptrdiff_t size) {
    if (i >= 0 && i < size) return i;
    switch (mode) {
    case FNN_PAD_REFLECT:
        return i < 0 ? -i : 2 * (size - 1) - i;
    case FNN_PAD_REPLICATE:
        return i < 0 ? 0 : size - 1;
    case FNN_PAD_CIRCULAR:
        return i < 0 ? i + size : i - size;
    default:
        return -1;
    }
}

/* The same, and some element for any other index: what lies beyond the padding is read with it, but not used. */
static inline ptrdiff_t fnn_pad_source(int mode, ptrdiff_t i, ptrdiff_t size) {
    return fnn_max(0, fnn_min(size - 1, fnn_pad_index(mode, i, size)));
}

#endif
