/* Maximum over the bins of a box, and its gradient, in one 16-channel block.
 *
 *   scratch[r][j] = max of x[r][c] over the columns c of bin j;  y[i][j] = max of scratch[r][j] over the rows r of bin i
 *   bins without pixels give 0; a NaN in a bin is its result
 *   gradient: gx[first maximum of the bin, or its last NaN] += gy[i][j]
 *
 * Expanded names: fnn_box_pool__avx2, fnn_box_pool_grad__avx2, fnn_find_nan__avx2, ... */

/* vf_max loses a NaN once a number follows it, and is three times as fast as keeping it. */
FNN_ALWAYS_INLINE vf box_pool_larger(vf best, vf a, const int careful) {
    return careful ? vf_select(vm_or(vf_gt(a, best), vf_isnan(a)), a, best) : vf_max(best, a);
}

/* One row of scratch: y[j] = max over t < n of x[line[j*n + t]]. */
FNN_ALWAYS_INLINE void box_pool_columns(const real *x, const int32_t *line, ptrdiff_t n, ptrdiff_t bins, real *y,
                                        const int careful) {
    for (ptrdiff_t j = 0; j < bins; j++, line += n, y += FNN_BLOCK) FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++) {
            vf best = vf_load(x + line[0] * FNN_BLOCK + v * FNN_VF);
            for (ptrdiff_t t = 1; t < n; t++)
                best = box_pool_larger(best, vf_load(x + line[t] * FNN_BLOCK + v * FNN_VF), careful);
            vf_store(y + v * FNN_VF, best);
        }
}

/* One row of results: y[j] = max over t < n of x[line[t]*row + j]. */
FNN_ALWAYS_INLINE void box_pool_rows(const real *x, const int32_t *line, ptrdiff_t n, ptrdiff_t row, real *y,
                                     const int careful) {
    for (ptrdiff_t j = 0; j < row; j += FNN_VF) {
        vf best = vf_load(x + line[0] * row + j);
        for (ptrdiff_t t = 1; t < n; t++) best = box_pool_larger(best, vf_load(x + line[t] * row + j), careful);
        vf_store(y + j, best);
    }
}

FNN_ALWAYS_INLINE void box_pool_all_columns(const fnn_box_pool *p, const ptrdiff_t n, const int careful) {
    const real *x = p->x;
    for (ptrdiff_t r = 0; r < p->rows; r++)
        box_pool_columns(x + r * p->x_row * FNN_BLOCK, p->column_line, n, p->ow,
                         (real *)p->scratch + r * p->ow * FNN_BLOCK, careful);
}

FNN_ALWAYS_INLINE void box_pool_all_rows(const fnn_box_pool *p, const ptrdiff_t n, const int careful) {
    const ptrdiff_t row = p->ow * FNN_BLOCK;
    for (ptrdiff_t i = 0; i < p->oh; i++)
        box_pool_rows(p->scratch, p->row_line + i * n, n, row, (real *)p->y + i * row, careful);
}

/* Bins without pixels were given the box's first one. */
FNN_NOINLINE void box_pool_empty(const fnn_box_pool *p) {
    for (ptrdiff_t i = 0; i < p->oh; i++)
        for (ptrdiff_t j = 0; j < p->ow; j++) {
            if (p->row_begin[i] < p->row_end[i] && p->column_begin[j] < p->column_end[j]) continue;
            real *y = (real *)p->y + (i * p->ow + j) * FNN_BLOCK;
            for (int v = 0; v < FNN_NV; v++) vf_store(y + v * FNN_VF, vf_zero());
        }
}

/* The commonest counts of pixels are constants; all bins take the same, so that nothing depends on the bin. */
#define BOX_POOL_COUNTS(pass, n) \
    if (p->careful) \
        pass(p, n, 1); \
    else if (n == 1) \
        pass(p, 1, 0); \
    else if (n == 2) \
        pass(p, 2, 0); \
    else if (n == 3) \
        pass(p, 3, 0); \
    else if (n == 4) \
        pass(p, 4, 0); \
    else if (n == 5) \
        pass(p, 5, 0); \
    else \
        pass(p, n, 0);

void FNN_NAME(box_pool)(const fnn_box_pool *p) {
    BOX_POOL_COUNTS(box_pool_all_columns, p->column_taps)
    BOX_POOL_COUNTS(box_pool_all_rows, p->row_taps)
    if (p->empty) box_pool_empty(p);
}
#undef BOX_POOL_COUNTS

/* The word's last NaN of the bin; few bins have one. */
FNN_NOINLINE void box_pool_grad_nan(const fnn_box_pool *p, ptrdiff_t i, ptrdiff_t j, int v, vf gy) {
    for (ptrdiff_t r = p->row_end[i] - 1; r >= p->row_begin[i]; r--)
        for (ptrdiff_t c = p->column_end[j] - 1; c >= p->column_begin[j]; c--) {
            const ptrdiff_t at = (r * p->x_row + c) * FNN_BLOCK + v * FNN_VF;
            const vm hit = vf_isnan(vf_load((const real *)p->x + at));
            real *gx = (real *)p->gx + at;
            vf_store(gx, vf_add(vf_load(gx), vf_select(hit, gy, vf_zero())));
            gy = vf_select(hit, vf_zero(), gy);
        }
}

void FNN_NAME(box_pool_grad)(const fnn_box_pool *p) {
    for (ptrdiff_t i = 0; i < p->oh; i++)
        for (ptrdiff_t j = 0; j < p->ow; j++)
            for (int v = 0; v < FNN_NV; v++) {
                const ptrdiff_t bin = (i * p->ow + j) * FNN_BLOCK + v * FNN_VF;
                const vf y = vf_load((const real *)p->y + bin), gy = vf_load((const real *)p->gy + bin);
                const vm nan = vf_isnan(y);
                vf left = gy; /* zero once given away */
                for (ptrdiff_t r = p->row_begin[i]; r < p->row_end[i]; r++)
                    for (ptrdiff_t c = p->column_begin[j]; c < p->column_end[j]; c++) {
                        const ptrdiff_t at = (r * p->x_row + c) * FNN_BLOCK + v * FNN_VF;
                        const vm hit = vf_eq(vf_load((const real *)p->x + at), y);
                        if (!vm_any(hit)) continue;
                        real *gx = (real *)p->gx + at;
                        vf_store(gx, vf_add(vf_load(gx), vf_select(hit, left, vf_zero())));
                        left = vf_select(hit, vf_zero(), left);
                    }
                if (vm_any(nan)) box_pool_grad_nan(p, i, j, v, vf_select(nan, gy, vf_zero()));
            }
}

/* *found = 1 where one of n elements, a multiple of FNN_BLOCK, is NaN. */
void FNN_NAME(find_nan)(const void *x_, ptrdiff_t n, int *found) {
    const real *x = x_;
    *found = 0;
    for (ptrdiff_t i = 0; i < n && !*found; i += FNN_BLOCK) {
        vm any = vf_isnan(vf_load(x + i));
        FNN_UNROLL
        for (int v = 1; v < FNN_NV; v++) any = vm_or(any, vf_isnan(vf_load(x + i + v * FNN_VF)));
        *found = vm_any(any);
    }
}
