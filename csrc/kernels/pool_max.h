/* Where the maxima of plain planes lie, and their gradient.
 *
 * A position is kept as the number of its tap in the window, (d * kh + h) * kw + w, in one byte; 255 is a window that
 * holds nothing. The first of equal values counts, but the last NaN of a window before all else.
 * The body goes as in pool_planes.h: down the columns, then along the row, numbers of taps beside values. A word with a
 * NaN in it is searched again tap by tap.
 * Expanded names: fnn_max_pool_planes__avx2, fnn_max_pool_search__avx2, fnn_max_pool_grad_planes__avx2,
 * fnn_max_pool_grad_indices__avx2 */

#define FNN_NO_TAP 255

typedef struct {
    vf value, tap;
} pool_best;

/* b if it is larger, or as large and of an earlier tap. */
FNN_ALWAYS_INLINE pool_best pool_better(pool_best a, pool_best b) {
    const vm larger = vm_or(vf_gt(b.value, a.value), vf_isnan(b.value));
    const vm wins = vm_or(larger, vm_and(vf_eq(b.value, a.value), vf_gt(a.tap, b.tap)));
    return (pool_best){vf_select(wins, b.value, a.value), vf_select(wins, b.tap, a.tap)};
}

typedef struct {
    pool_rows rows;
    fnn_window deep, tall;
    ptrdiff_t kh, kw;
} pool_rows_taps;

FNN_ALWAYS_INLINE pool_best pool_best_column(const pool_rows_taps *r, ptrdiff_t column, vn part) {
    pool_best best = {vf_set1(-(real)INFINITY), vf_set1(FNN_NO_TAP)};
    for (ptrdiff_t d = 0; d < r->deep.taps; d++)
        for (ptrdiff_t h = 0; h < r->tall.taps; h++) {
            const real *at = r->rows.first + d * r->rows.plane_step + h * r->rows.row_step + column;
            const ptrdiff_t tap = ((r->deep.skipped + d) * r->kh + r->tall.skipped + h) * r->kw;
            const vf a = vf_load_part(at, part), number = vf_set1((real)tap);
            const vm wins = vm_or(vf_gt(a, best.value), vf_isnan(a));
            best.value = d + h == 0 ? a : vf_select(wins, a, best.value);
            best.tap = d + h == 0 ? number : vf_select(wins, number, best.tap);
        }
    return best;
}

FNN_ALWAYS_INLINE pool_rows_taps pool_rows_taps_of(const fnn_pool *p, const real *x, ptrdiff_t row) {
    const ptrdiff_t depth = p->out[0] == 1 ? 0 : row / p->out[1];
    return (pool_rows_taps){.rows = pool_rows_of(p, x, row),
                            .deep = p->windows[0][depth],
                            .tall = p->windows[1][row - depth * p->out[1]],
                            .kh = p->kernel[1],
                            .kw = p->kernel[2]};
}

/* One window, tap by tap: the flat position of its maximum, -1 where it holds nothing. */
FNN_ALWAYS_INLINE ptrdiff_t pool_search_window(const fnn_pool *p, const real *x, ptrdiff_t row, ptrdiff_t j,
                                               ptrdiff_t *tap) {
    const pool_rows_taps r = pool_rows_taps_of(p, x, row);
    const fnn_window wide = p->windows[2][j];
    ptrdiff_t best = -1;
    *tap = FNN_NO_TAP;
    for (ptrdiff_t d = 0; d < r.deep.taps; d++)
        for (ptrdiff_t h = 0; h < r.tall.taps; h++) {
            const ptrdiff_t start = r.rows.first - x + d * r.rows.plane_step + h * r.rows.row_step + wide.begin;
            for (ptrdiff_t s = 0; s < wide.taps; s++) {
                const ptrdiff_t at = start + s * p->dilation[2];
                if (best >= 0 && !(x[at] > x[best]) && x[at] == x[at]) continue;
                best = at;
                *tap = ((r.deep.skipped + d) * r.kh + r.tall.skipped + h) * r.kw + wide.skipped + s;
            }
        }
    return best;
}

/* Any windows: y, and where wanted the taps, and the flat positions in the volume. */
void FNN_NAME(max_pool_search)(const fnn_pool *p, const void *x, void *y, uint8_t *taps, int64_t *indices,
                               ptrdiff_t begin, ptrdiff_t end) {
    for (ptrdiff_t i = begin * p->out[2]; i < end * p->out[2]; i++) {
        ptrdiff_t tap;
        const ptrdiff_t at = pool_search_window(p, x, i / p->out[2], i % p->out[2], &tap);
        ((real *)y)[i] = at < 0 ? -(real)INFINITY : ((const real *)x)[at];
        if (taps) taps[i] = (uint8_t)tap;
        if (indices) indices[i] = at;
    }
}

FNN_ALWAYS_INLINE void pool_store_taps(uint8_t *to, vf taps, ptrdiff_t n) {
    if (n >= FNN_VF) {
        vf_store_bytes(to, taps);
        return;
    }
    uint8_t bytes[FNN_VF];
    vf_store_bytes(bytes, taps);
    for (ptrdiff_t i = 0; i < n; i++) to[i] = bytes[i];
}

/* n windows of the scratch rows; those of the output rows from `row` on. */
FNN_ALWAYS_INLINE void pool_best_run(const fnn_pool *p, const real *values, const real *numbers, const real *x, real *y,
                                     uint8_t *to, ptrdiff_t row, ptrdiff_t n, const ptrdiff_t taps,
                                     const ptrdiff_t stride, const ptrdiff_t dilation) {
    for (ptrdiff_t j = 0; j < n; j += FNN_VF) {
        const real *value = values + j * stride, *number = numbers + j * stride;
        pool_best best = {pool_tap(value, 0, stride), pool_tap(number, 0, stride)};
        for (ptrdiff_t s = 1; s < taps; s++) {
            const vf at = vf_add(pool_tap(number, s * dilation, stride), vf_set1((real)s));
            best = pool_better(best, (pool_best){pool_tap(value, s * dilation, stride), at});
        }
        const ptrdiff_t left = fnn_min(FNN_VF, n - j);
        vf_store_some(y + row * p->out[2] + j, best.value, left);
        pool_store_taps(to + row * p->out[2] + j, vf_min(best.tap, vf_set1(FNN_NO_TAP)), left);
        if (!vm_any(vf_isnan(best.value))) continue;
        for (ptrdiff_t i = row * p->out[2] + j; i < row * p->out[2] + j + left; i++) {
            ptrdiff_t tap;
            pool_search_window(p, x, i / p->out[2], i % p->out[2], &tap);
            to[i] = (uint8_t)tap;
        }
    }
}

FNN_ALWAYS_INLINE void pool_best_windows(const fnn_pool *p, const real *values, const real *numbers, const real *x,
                                         real *y, uint8_t *to, ptrdiff_t row, ptrdiff_t n) {
    const ptrdiff_t taps = p->kernel[2], dilation = p->dilation[2];
    if (p->stride == 2 && dilation == 1 && taps == 2)
        pool_best_run(p, values, numbers, x, y, to, row, n, 2, 2, 1);
    else if (p->stride == 2 && dilation == 1 && taps == 3)
        pool_best_run(p, values, numbers, x, y, to, row, n, 3, 2, 1);
    else if (p->stride == 1)
        pool_best_run(p, values, numbers, x, y, to, row, n, taps, 1, dilation);
    else
        pool_best_run(p, values, numbers, x, y, to, row, n, taps, p->stride, dilation);
}

/* Windows of one size with fewer than 255 taps: y and taps. Scratch: values [row_length], numbers [row_length]. */
void FNN_NAME(max_pool_planes)(const fnn_pool *p, const void *x, void *y, uint8_t *taps, ptrdiff_t begin, ptrdiff_t end,
                               void *scratch) {
    real *values = scratch, *numbers = values + p->row_length;
    const ptrdiff_t w = p->size[2];
    /* Numbers in the padding are beyond all taps, so that real ones of -inf come before it. */
    for (ptrdiff_t i = 0; i < p->row_length; i++) values[i] = -(real)INFINITY, numbers[i] = 1024;
    for (ptrdiff_t i = begin; i < end; i += p->together) {
        const ptrdiff_t rows = fnn_min(p->together, end - i);
        for (ptrdiff_t k = 0; k < rows; k++) {
            const pool_rows_taps r = pool_rows_taps_of(p, x, i + k);
            real *value = values + p->before + k * p->pitch, *number = numbers + p->before + k * p->pitch;
            for (ptrdiff_t column = 0; column < w; column += FNN_VF) {
                const vn part = vn_first(w - column);
                const pool_best best = pool_best_column(&r, column, part);
                vf_store_part(value + column, best.value, part);
                vf_store_part(number + column, best.tap, part);
            }
        }
        if (p->flat)
            pool_best_windows(p, values, numbers, x, y, taps, i, rows * p->out[2]);
        else
            for (ptrdiff_t k = 0; k < rows; k++)
                pool_best_windows(p, values + k * p->pitch, numbers + k * p->pitch, x, y, taps, i + k, p->out[2]);
    }
}

/* gx: each gy goes whole to the tap of its maximum. y only where rectified. */
void FNN_NAME(max_pool_grad_planes)(const fnn_pool *p, const void *gy, const uint8_t *taps, const void *y, void *gx) {
    const ptrdiff_t w = p->size[2], rows = p->out[0] * p->out[1], kh = p->kernel[1], kw = p->kernel[2];
    ptrdiff_t offset[FNN_NO_TAP];
    const ptrdiff_t all = fnn_min(FNN_NO_TAP, p->kernel[0] * kh * kw);
    for (ptrdiff_t t = 0; t < all; t++)
        offset[t] =
            (t / (kh * kw) * p->dilation[0] * p->size[1] + t / kw % kh * p->dilation[1]) * w + t % kw * p->dilation[2];
    for (ptrdiff_t i = 0; i < p->size[0] * p->size[1] * w; i++) ((real *)gx)[i] = 0;
    for (ptrdiff_t i = 0; i < rows; i++) {
        const fnn_window d = p->windows[0][i / p->out[1]], h = p->windows[1][i % p->out[1]];
        const ptrdiff_t plane = d.begin - d.skipped * p->dilation[0], line = h.begin - h.skipped * p->dilation[1];
        const ptrdiff_t start = (plane * p->size[1] + line) * w;
        for (ptrdiff_t j = 0; j < p->out[2]; j++) {
            const ptrdiff_t at = i * p->out[2] + j;
            if (taps[at] == FNN_NO_TAP || (p->rectified && ((const real *)y)[at] <= 0)) continue;
            const fnn_window wide = p->windows[2][j];
            ((real *)gx)[start + wide.begin - wide.skipped * p->dilation[2] + offset[taps[at]]] +=
                ((const real *)gy)[at];
        }
    }
}

/* The same from flat positions, -1 for none. */
void FNN_NAME(max_pool_grad_indices)(const fnn_pool *p, const void *gy, const int64_t *indices, const void *y,
                                     void *gx) {
    for (ptrdiff_t i = 0; i < p->size[0] * p->size[1] * p->size[2]; i++) ((real *)gx)[i] = 0;
    for (ptrdiff_t i = 0; i < p->out[0] * p->out[1] * p->out[2]; i++)
        if (indices[i] >= 0 && !(p->rectified && ((const real *)y)[i] <= 0))
            ((real *)gx)[indices[i]] += ((const real *)gy)[i];
}
