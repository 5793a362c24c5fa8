/* Windows of channel planes into scratch and out again, for convolutions that keep NCHW order (ops/conv_planes.c):
 *
 *   load_planes    y[c][i][j] = x[c][row + i*row_step][column + j*column_step], zero outside the image
 *   store_planes   y[c][i][j] = act(x[c][i][j] + residual[c][i][j])
 *
 * A step takes one phase of a strided convolution, so that every tap reads neighbouring elements. Rows of y are written
 * in ascending order with whole words: up to FNN_VF - 1 elements beyond a row are zero until the next row is written.
 * Expanded names: fnn_load_planes__scalar, fnn_load_planes__avx2, ..., fnn_store_planes__scalar, ... */

FNN_ALWAYS_INLINE void zero_columns(real *y, ptrdiff_t n) {
    for (ptrdiff_t j = 0; j < n; j += FNN_VF) vf_store(y + j, vf_zero());
}

/* y[j] = x[j*step] for j < n; nothing beyond x[(n - 1)*step] is read. */
FNN_ALWAYS_INLINE void load_columns(const real *x, ptrdiff_t step, ptrdiff_t n, real *y) {
    if (step == 1) {
        for (ptrdiff_t j = 0; j < n; j += FNN_VF) vf_store(y + j, vf_load_some(x + j, n - j));
        return;
    }
    if (step == 2) {
        for (ptrdiff_t j = 0; j < n; j += FNN_VF) {
            const ptrdiff_t left = 2 * (n - j) - 1; /* elements from x[2*j] to the last that counts */
            const vf a = vf_load_some(x + 2 * j, left);
            const vf b = left > FNN_VF ? vf_load_some(x + 2 * j + FNN_VF, left - FNN_VF) : vf_zero();
            vf_store(y + j, vf_even(a, b));
        }
        return;
    }
    for (ptrdiff_t j = 0; j < n; j++) y[j] = x[j * step];
}

void FNN_NAME(load_planes)(const fnn_planes *p) {
    const ptrdiff_t step = p->column_step, before = fnn_max(0, -p->column), after = p->w - p->column;
    const ptrdiff_t first = fnn_min(p->columns, fnn_ceil_div(before, step));
    const ptrdiff_t end = after <= 0 ? 0 : fnn_min(p->columns, fnn_ceil_div(after, step)), n = fnn_max(0, end - first);
    for (ptrdiff_t c = 0; c < p->channels; c++)
        for (ptrdiff_t i = 0; i < p->rows; i++) {
            const ptrdiff_t row = p->row + i * p->row_step;
            const real *x = (const real *)p->x + c * p->x_plane + row * p->w + p->column;
            real *y = (real *)p->y + c * p->y_plane + i * p->y_row;
            if (row < 0 || row >= p->h || !n) {
                zero_columns(y, p->columns);
                continue;
            }
            zero_columns(y, first);
            load_columns(x + first * step, step, n, y + first);
            if (step <= 2)
                zero_columns(y + first + fnn_round_up(n, FNN_VF), p->columns - first - fnn_round_up(n, FNN_VF));
            else
                zero_columns(y + first + n, p->columns - first - n);
        }
}

void FNN_NAME(store_planes)(const fnn_planes *p) {
    for (ptrdiff_t c = 0; c < p->channels; c++)
        for (ptrdiff_t i = 0; i < p->rows; i++) {
            const real *x = (const real *)p->x + c * p->x_plane + i * p->x_row;
            const ptrdiff_t at = c * p->y_plane + i * p->y_row;
            for (ptrdiff_t j = 0; j < p->columns; j += FNN_VF) {
                const ptrdiff_t left = p->columns - j;
                vf v = vf_load(x + j);
                if (p->residual) v = vf_add(v, vf_load_some((const real *)p->residual + at + j, left));
                v = activate(v, p->activation, (real)p->alpha, (real)p->beta);
                vf_store_some((real *)p->y + at + j, v, left);
            }
        }
}
