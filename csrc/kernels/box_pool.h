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

/* y[i*y_step] = max over t < n of x[t*line_step + i*item_step]. */
FNN_ALWAYS_INLINE void box_pool_lines(const real *x, ptrdiff_t n, ptrdiff_t line_step, ptrdiff_t items,
                                      ptrdiff_t item_step, real *y, ptrdiff_t y_step, const int careful) {
    for (ptrdiff_t i = 0; i < items; i++, x += item_step, y += y_step)
        FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++) {
            vf best = vf_load(x + v * FNN_VF);
            FNN_UNROLL
            for (ptrdiff_t t = 1; t < n; t++)
                best = box_pool_larger(best, vf_load(x + t * line_step + v * FNN_VF), careful);
            vf_store(y + v * FNN_VF, best);
        }
}

/* Constant counts for the commonest bins: the count is the same for all items. */
FNN_ALWAYS_INLINE void box_pool_bin(const real *x, ptrdiff_t n, ptrdiff_t line_step, ptrdiff_t items,
                                    ptrdiff_t item_step, real *y, ptrdiff_t y_step, const int careful) {
    if (n <= 0)
        for (ptrdiff_t i = 0; i < items; i++)
            for (int v = 0; v < FNN_NV; v++) vf_store(y + i * y_step + v * FNN_VF, vf_zero());
    else if (n == 1)
        box_pool_lines(x, 1, line_step, items, item_step, y, y_step, careful);
    else if (n == 2)
        box_pool_lines(x, 2, line_step, items, item_step, y, y_step, careful);
    else if (n == 3)
        box_pool_lines(x, 3, line_step, items, item_step, y, y_step, careful);
    else if (n == 4)
        box_pool_lines(x, 4, line_step, items, item_step, y, y_step, careful);
    else if (n == 5)
        box_pool_lines(x, 5, line_step, items, item_step, y, y_step, careful);
    else
        box_pool_lines(x, n, line_step, items, item_step, y, y_step, careful);
}

FNN_ALWAYS_INLINE void box_pool_all(const fnn_box_pool *p, const int careful) {
    const ptrdiff_t x_row = p->x_row * FNN_BLOCK, row = p->ow * FNN_BLOCK;
    const real *x = p->x;
    real *scratch = p->scratch, *y = p->y;
    for (ptrdiff_t j = 0; j < p->ow; j++)
        box_pool_bin(x + p->column_begin[j] * FNN_BLOCK, p->column_end[j] - p->column_begin[j], FNN_BLOCK, p->rows,
                     x_row, scratch + j * FNN_BLOCK, row, careful);
    for (ptrdiff_t i = 0; i < p->oh; i++)
        box_pool_bin(scratch + p->row_begin[i] * row, p->row_end[i] - p->row_begin[i], row, p->ow, FNN_BLOCK,
                     y + i * row, FNN_BLOCK, careful);
}

void FNN_NAME(box_pool)(const fnn_box_pool *p) {
    if (p->careful)
        box_pool_all(p, 1);
    else
        box_pool_all(p, 0);
}

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
