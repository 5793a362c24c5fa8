/* Windows of channel planes into scratch and out again, for convolutions that keep NCHW order (ops/conv_planes.c):
 *
 *   load_planes    y[c][v][h][i][j] = x[c][row + v*row_dilation % row_step + i*row_step][column + ... + j*column_step]
 *   store_planes   y[c][i][j] = act(x[c][i][j] + residual[c][i][j])
 *
 * Phases v, h hold what taps of one residue modulo the stride read, zero outside the image. Rows are written in ascending
 * order with whole words: up to FNN_VF elements beyond a row are zero until the next row is written.
 * Expanded names: fnn_load_planes__scalar, fnn_load_planes__avx2, ..., fnn_store_planes__scalar, ... */

/* Mostly one word: the loop, which compilers turn into a call of memset, is for the rest. */
FNN_ALWAYS_INLINE void zero_columns(real *y, ptrdiff_t n) {
    if (n > 0) vf_store(y, vf_zero());
    for (ptrdiff_t j = FNN_VF; j < n; j += FNN_VF) vf_store(y + j, vf_zero());
}

/* y[j] = x[j*step] for j < n; nothing beyond x[(n - 1)*step] is read. */
FNN_ALWAYS_INLINE void load_columns(const real *x, ptrdiff_t step, ptrdiff_t n, real *y) {
    const ptrdiff_t full = step == 1 ? n / FNN_VF * FNN_VF : 0;
    for (ptrdiff_t j = 0; j < full; j += FNN_VF) vf_store(y + j, vf_load(x + j));
    if (step == 1 && n > full) vf_store(y + full, vf_load_some(x + full, n - full));
    for (ptrdiff_t j = full; step > 1 && j < n; j++) y[j] = x[j * step];
}

/* even[j] = x[2*j], odd[j] = x[2*j + 1] for 2*j, 2*j + 1 < n. */
FNN_ALWAYS_INLINE void load_pairs(const real *x, ptrdiff_t n, real *even, real *odd) {
    const ptrdiff_t full = n / (2 * FNN_VF) * FNN_VF, rest = n - 2 * full;
    for (ptrdiff_t j = 0; j < full; j += FNN_VF) {
        const vf a = vf_load(x + 2 * j), b = vf_load(x + 2 * j + FNN_VF);
        vf_store(even + j, vf_even(a, b));
        vf_store(odd + j, vf_odd(a, b));
    }
    if (rest) {
        const vf a = vf_load_some(x + 2 * full, rest), b = vf_load_some(x + 2 * full + FNN_VF, rest - FNN_VF);
        vf_store(even + full, vf_even(a, b));
        vf_store(odd + full, vf_odd(a, b));
    }
}

/* What all rows of one phase (or pair of phases) have in common. */
typedef struct {
    ptrdiff_t from, first, n, written; /* source column; columns before it, in the image, and after whole words */
} columns_inside;

FNN_ALWAYS_INLINE columns_inside columns_of_phase(const fnn_planes *p, ptrdiff_t h) {
    const ptrdiff_t step = p->column_step, column = p->column + h * p->column_dilation % step;
    columns_inside in = {.first = column < 0 ? fnn_min(p->columns, fnn_ceil_div(-column, step)) : 0};
    const ptrdiff_t end = column < p->w ? fnn_min(p->columns, fnn_ceil_div(p->w - column, step)) : 0;
    in.from = column + in.first * step;
    in.n = fnn_max(0, end - in.first);
    in.written = in.first + (step == 1 ? fnn_round_up(in.n, FNN_VF) : in.n);
    return in;
}

/* Both column phases of stride 2: first is that of the source's first column. */
FNN_ALWAYS_INLINE columns_inside columns_of_pairs(const fnn_planes *p) {
    const ptrdiff_t before = fnn_max(0, -p->column);
    columns_inside in = {.from = fnn_max(0, p->column), .first = before / 2};
    in.n = fnn_max(0, fnn_min(p->w - in.from, 2 * p->columns - before));
    in.written = in.first + fnn_round_up(fnn_ceil_div(in.n, 2), FNN_VF);
    return in;
}

FNN_ALWAYS_INLINE void load_row_of_pairs(const fnn_planes *p, const columns_inside *in, const real *x, real *y) {
    const ptrdiff_t odd = p->column < 0 ? -p->column % 2 : 0;
    real *first = y + odd * p->y_phase, *second = odd ? y + 1 : y + p->y_phase;
    zero_columns(y, in->first + odd);
    zero_columns(y + p->y_phase, in->first);
    load_pairs(x + in->from, in->n, first + in->first, second + in->first);
    zero_columns(first + in->written, p->columns - in->written);
    zero_columns(second + in->written, p->columns - in->written - odd);
}

/* A pair of phases when h < 0. */
FNN_ALWAYS_INLINE void load_phase(const fnn_planes *p, ptrdiff_t h, const ptrdiff_t step) {
    const columns_inside in = h < 0 ? columns_of_pairs(p) : columns_of_phase(p, h);
    for (ptrdiff_t c = 0; c < p->channels; c++)
        for (ptrdiff_t v = 0; v < p->row_phases; v++) {
            const ptrdiff_t row0 = p->row + v * p->row_dilation % p->row_step;
            const real *plane = (const real *)p->x + c * p->x_plane;
            real *y = (real *)p->y + c * p->y_plane + (v * p->column_phases + fnn_max(h, 0)) * p->y_phase;
            for (ptrdiff_t i = 0, row = row0; i < p->rows; i++, row += p->row_step, y += p->y_row) {
                const real *x = plane + row * p->w;
                if (row < 0 || row >= p->h) {
                    zero_columns(y, p->columns);
                    if (h < 0) zero_columns(y + p->y_phase, p->columns);
                } else if (h < 0) {
                    load_row_of_pairs(p, &in, x, y);
                } else {
                    zero_columns(y, in.first);
                    load_columns(x + in.from, step, in.n, y + in.first);
                    zero_columns(y + in.written, p->columns - in.written);
                }
            }
        }
}

/* Through copies of the arguments, which no store can alias. */
void FNN_NAME(load_planes)(const fnn_planes *arguments) {
    const fnn_planes p = *arguments;
    if (p.column_step == 1)
        load_phase(&p, 0, 1);
    else if (p.column_step == 2 && p.column_phases == 2)
        load_phase(&p, -1, 2);
    else
        for (ptrdiff_t h = 0; h < p.column_phases; h++) load_phase(&p, h, p.column_step);
}

void FNN_NAME(store_planes)(const fnn_planes *arguments) {
    const fnn_planes p = *arguments;
    const int plain = !p.residual && p.activation <= FNN_RELU;
    const vf floor = vf_set1(p.activation == FNN_RELU ? 0 : -(real)INFINITY);
    const ptrdiff_t full = p.columns / FNN_VF * FNN_VF, rest = p.columns - full;
    for (ptrdiff_t c = 0; c < p.channels; c++)
        for (ptrdiff_t i = 0; i < p.rows; i++) {
            const real *x = (const real *)p.x + c * p.x_plane + i * p.x_row;
            const ptrdiff_t at = c * p.y_plane + i * p.y_row;
            real *y = (real *)p.y + at;
            if (plain) {
                for (ptrdiff_t j = 0; j < full; j += FNN_VF) vf_store(y + j, vf_max(floor, vf_load(x + j)));
                if (rest) vf_store_some(y + full, vf_max(floor, vf_load(x + full)), rest);
                continue;
            }
            for (ptrdiff_t j = 0; j < p.columns; j += FNN_VF) {
                const ptrdiff_t left = p.columns - j;
                vf v = vf_load(x + j);
                if (p.residual) v = vf_add(v, vf_load_some((const real *)p.residual + at + j, left));
                v = activate(v, p.activation, (real)p.alpha, (real)p.beta);
                vf_store_some(y + j, v, left);
            }
        }
}
