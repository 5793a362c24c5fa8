/* Pooling of one output row of one 16-channel block; windows are clipped to the image, never padded.
 *
 *   max: y[j] = max over the window, NaN if it holds one;  avg: y[j] = sum over the window / count
 *   gradients add to g: max gives gy[j] to the first maximum (or last NaN) of the window, avg gy[j] / count to all
 *
 * Expanded names: fnn_max_pool_row__avx2, fnn_max_pool_grad_row__avx2, fnn_avg_pool_row__avx2,
 * fnn_avg_pool_grad_row__avx2, ... */

typedef struct {
    ptrdiff_t begin, taps; /* first column inside the image, columns inside it */
} pool_window;

/* Columns of output j: j*sw - pw + s*dw for s < kw, those with 0 <= column < w. Divides only at the image's edge. */
FNN_ALWAYS_INLINE pool_window pool_columns(const fnn_pool_row *p, ptrdiff_t j) {
    const ptrdiff_t first = j * p->sw - p->pw;
    if (first >= 0 && first + (p->kw - 1) * p->dw < p->w) return (pool_window){first, p->kw};
    const ptrdiff_t skip = first < 0 ? (-first + p->dw - 1) / p->dw : 0;
    const ptrdiff_t end = first >= p->w ? 0 : fnn_min(p->kw, (p->w - first + p->dw - 1) / p->dw);
    pool_window window = {first + skip * p->dw, fnn_max(0, end - skip)};
    return window;
}

FNN_ALWAYS_INLINE double pool_divisor(const fnn_pool_row *p, ptrdiff_t j) {
    if (p->divisor != 0) return p->divisor;
    const ptrdiff_t first = j * p->sw - p->pw;
    const ptrdiff_t columns = fnn_min(first + p->kw, p->count_width) - fnn_max(first, p->count_from);
    return p->row_count * (double)columns;
}

FNN_ALWAYS_INLINE void max_pool_window(const fnn_pool_row *p, ptrdiff_t j, const real *x, const ptrdiff_t rows,
                                       const ptrdiff_t taps) {
    const ptrdiff_t row_stride = p->row_step * p->w * FNN_BLOCK;
    vf best[FNN_NV];
    FNN_UNROLL
    for (int v = 0; v < FNN_NV; v++) best[v] = vf_set1(-(real)INFINITY);
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t s = 0; s < taps; s++)
            FNN_UNROLL
            for (int v = 0; v < FNN_NV; v++) {
                vf a = vf_load(x + r * row_stride + s * p->dw * FNN_BLOCK + v * FNN_VF);
                best[v] = vf_select(vm_or(vf_gt(a, best[v]), vf_isnan(a)), a, best[v]);
            }
    FNN_UNROLL
    for (int v = 0; v < FNN_NV; v++) vf_store((real *)p->y + j * FNN_BLOCK + v * FNN_VF, best[v]);
}

void FNN_NAME(max_pool_row)(const fnn_pool_row *p) {
    const real *row = (const real *)p->x + p->row0 * p->w * FNN_BLOCK;
    for (ptrdiff_t j = 0; j < p->ow; j++) {
        const pool_window window = pool_columns(p, j);
        if (p->rows == 2 && window.taps == 2) /* the commonest window, unrolled */
            max_pool_window(p, j, row + window.begin * FNN_BLOCK, 2, 2);
        else
            max_pool_window(p, j, row + window.begin * FNN_BLOCK, p->rows, window.taps);
    }
}

/* A NaN result came from the last NaN of the window, as the indices say; few windows have one. */
FNN_NOINLINE void max_pool_grad_nan(const fnn_pool_row *p, ptrdiff_t origin, ptrdiff_t taps, vf gy) {
    for (ptrdiff_t r = p->rows - 1; r >= 0; r--)
        for (ptrdiff_t s = taps - 1; s >= 0; s--) {
            const ptrdiff_t at = origin + (r * p->row_step * p->w + s * p->dw) * FNN_BLOCK;
            const vm hit = vf_isnan(vf_load((const real *)p->x + at));
            vf_store((real *)p->g + at, vf_add(vf_load((const real *)p->g + at), vf_select(hit, gy, vf_zero())));
            gy = vf_select(hit, vf_zero(), gy);
        }
}

FNN_ALWAYS_INLINE void max_pool_grad_window(const fnn_pool_row *p, ptrdiff_t j, pool_window window,
                                            const ptrdiff_t rows, const ptrdiff_t taps, const int overlap) {
    const ptrdiff_t row_stride = p->row_step * p->w * FNN_BLOCK;
    const ptrdiff_t origin = (p->row0 * p->w + window.begin) * FNN_BLOCK;
    FNN_UNROLL
    for (int v = 0; v < FNN_NV; v++) {
        const vf y = vf_load((const real *)p->y + j * FNN_BLOCK + v * FNN_VF);
        vf gy = vf_load((const real *)p->gy + j * FNN_BLOCK + v * FNN_VF);
        if (p->rectified) gy = vf_select(vf_gt(y, vf_zero()), gy, vf_zero());
        const vm nan = vf_isnan(y);
        vf left = gy; /* zero once given away */
        for (ptrdiff_t r = 0; r < rows; r++)
            for (ptrdiff_t s = 0; s < taps; s++) {
                const ptrdiff_t at = origin + r * row_stride + s * p->dw * FNN_BLOCK + v * FNN_VF;
                const vm hit = vf_eq(vf_load((const real *)p->x + at), y);
                vf given = vf_select(hit, left, vf_zero());
                left = vf_select(hit, vf_zero(), left);
                if (overlap) given = vf_add(vf_load((const real *)p->g + at), given);
                vf_store((real *)p->g + at, given);
            }
        if (vm_any(nan)) max_pool_grad_nan(p, origin + v * FNN_VF, window.taps, vf_select(nan, gy, vf_zero()));
    }
}

void FNN_NAME(max_pool_grad_row)(const fnn_pool_row *p) {
    for (ptrdiff_t j = 0; j < p->ow; j++) {
        const pool_window window = pool_columns(p, j);
        if (p->rows == 2 && window.taps == 2 && !p->overlap)
            max_pool_grad_window(p, j, window, 2, 2, 0);
        else
            max_pool_grad_window(p, j, window, p->rows, window.taps, p->overlap);
    }
}

void FNN_NAME(avg_pool_row)(const fnn_pool_row *p) {
    const ptrdiff_t row_stride = p->w * FNN_BLOCK;
    for (ptrdiff_t j = 0; j < p->ow; j++) {
        const pool_window window = pool_columns(p, j);
        const real *x = (const real *)p->x + (p->row0 * p->w + window.begin) * FNN_BLOCK;
        const vf divisor = vf_set1((real)pool_divisor(p, j));
        vf sum[FNN_NV];
        FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++) sum[v] = vf_zero();
        for (ptrdiff_t r = 0; r < p->rows; r++)
            for (ptrdiff_t s = 0; s < window.taps; s++)
                FNN_UNROLL
                for (int v = 0; v < FNN_NV; v++)
                    sum[v] = vf_add(sum[v], vf_load(x + r * row_stride + s * FNN_BLOCK + v * FNN_VF));
        FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++)
            vf_store((real *)p->y + j * FNN_BLOCK + v * FNN_VF, vf_div(sum[v], divisor));
    }
}

void FNN_NAME(avg_pool_grad_row)(const fnn_pool_row *p) {
    const ptrdiff_t row_stride = p->w * FNN_BLOCK;
    for (ptrdiff_t j = 0; j < p->ow; j++) {
        const pool_window window = pool_columns(p, j);
        real *g = (real *)p->g + (p->row0 * p->w + window.begin) * FNN_BLOCK;
        const vf divisor = vf_set1((real)pool_divisor(p, j));
        FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++) {
            const vf share = vf_div(vf_load((const real *)p->gy + j * FNN_BLOCK + v * FNN_VF), divisor);
            for (ptrdiff_t r = 0; r < p->rows; r++)
                for (ptrdiff_t s = 0; s < window.taps; s++) {
                    real *at = g + r * row_stride + s * FNN_BLOCK + v * FNN_VF;
                    vf_store(at, vf_add(vf_load(at), share));
                }
        }
    }
}
