/* Copying and adding rows; what im2col, col2im, padding and its gradient are made of.
 *
 *   copy_rows       y[i][j]  = x[i][j]              gather   y[j]      = x[j*step]
 *   add_rows        y[i][j] += x[i][j]              scatter  y[j*step] = x[j]
 *   gather_columns  y[i][k]  = x[i][index[k]]       fold_columns  y[i][index[k]] += x[i][k]
 *
 * Rows of images are rarely whole words: the last word of a row is taken whole wherever memory allows (fnn_rows).
 * Expanded names: fnn_copy_rows__avx2, fnn_add_rows__avx2, fnn_gather_columns__avx2, fnn_fold_columns__avx2,
 * fnn_gather__avx2, fnn_scatter__avx2, ... */

/* How many of the rows, step elements apart, end inside `size` elements when each takes `reach` of them. */
FNN_ALWAYS_INLINE ptrdiff_t rows_inside(ptrdiff_t size, ptrdiff_t reach, ptrdiff_t step, ptrdiff_t rows) {
    while (rows > 0 && (rows - 1) * step + reach > size) rows--; /* a few: cheaper than a division */
    return rows;
}

FNN_ALWAYS_INLINE void copy_whole_words(const fnn_rows *p, ptrdiff_t rows, const ptrdiff_t words) {
    const real *x = p->x;
    real *y = p->y;
    for (ptrdiff_t i = 0; i < rows; i++, x += p->x_row, y += p->y_row)
        for (ptrdiff_t word = 0; word < words; word++) vf_store(y + word * FNN_VF, vf_load(x + word * FNN_VF));
}

void FNN_NAME(copy_rows)(const fnn_rows *p) {
    const ptrdiff_t words = fnn_ceil_div(p->columns, FNN_VF), reach = words * FNN_VF;
    const ptrdiff_t inside =
        rows_inside(p->writable, reach, p->y_row, rows_inside(p->readable, reach, p->x_row, p->rows));
    switch (words) { /* constant counts let the compiler unroll: short rows are the common case */
    case 1:
        copy_whole_words(p, inside, 1);
        break;
    case 2:
        copy_whole_words(p, inside, 2);
        break;
    case 3:
        copy_whole_words(p, inside, 3);
        break;
    case 4:
        copy_whole_words(p, inside, 4);
        break;
    default:
        copy_whole_words(p, inside, words);
    }
    for (ptrdiff_t i = inside; i < p->rows; i++) {
        const real *x = (const real *)p->x + i * p->x_row;
        real *y = (real *)p->y + i * p->y_row;
        ptrdiff_t j = 0;
        for (; j + FNN_VF <= p->columns; j += FNN_VF) vf_store(y + j, vf_load(x + j));
        for (; j < p->columns; j++) y[j] = x[j];
    }
}

static const real FNN_NAME(lane_numbers)[FNN_BLOCK] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* What a whole last word covers beyond its row of y keeps its value. */
void FNN_NAME(add_rows)(const fnn_rows *p) {
    const real *x = p->x;
    real *y = p->y;
    const ptrdiff_t whole = p->columns / FNN_VF * FNN_VF, rest = p->columns - whole, reach = whole + FNN_VF;
    const vm valid = vf_gt(vf_set1((real)rest), vf_load(FNN_NAME(lane_numbers)));
    const ptrdiff_t inside =
        rows_inside(p->writable, reach, p->y_row, rows_inside(p->readable, reach, p->x_row, p->rows));
    for (ptrdiff_t i = 0; i < p->rows; i++, x += p->x_row, y += p->y_row) {
        ptrdiff_t j = 0;
        for (; j < whole; j += FNN_VF) vf_store(y + j, vf_add(vf_load(y + j), vf_load(x + j)));
        if (rest && i < inside)
            vf_store(y + j, vf_add(vf_load(y + j), vf_select(valid, vf_load(x + j), vf_zero())));
        else
            for (; j < p->columns; j++) y[j] += x[j];
    }
}

/* `unit` elements lie together at each column; p->columns is not used. */
void FNN_NAME(gather_columns)(const fnn_rows *p, const ptrdiff_t *index, ptrdiff_t n, ptrdiff_t unit) {
    for (ptrdiff_t i = 0; i < p->rows; i++) {
        const real *x = (const real *)p->x + i * p->x_row;
        real *y = (real *)p->y + i * p->y_row;
        for (ptrdiff_t k = 0; unit == 1 && k < n; k++) y[k] = x[index[k]];
        for (ptrdiff_t k = 0; unit != 1 && k < n; k++)
            for (ptrdiff_t u = 0; u < unit; u++) y[k * unit + u] = x[index[k] * unit + u];
    }
}

void FNN_NAME(fold_columns)(const fnn_rows *p, const ptrdiff_t *index, ptrdiff_t n, ptrdiff_t unit) {
    for (ptrdiff_t i = 0; i < p->rows; i++) {
        const real *x = (const real *)p->x + i * p->x_row;
        real *y = (real *)p->y + i * p->y_row;
        for (ptrdiff_t k = 0; unit == 1 && k < n; k++) y[index[k]] += x[k];
        for (ptrdiff_t k = 0; unit != 1 && k < n; k++)
            for (ptrdiff_t u = 0; u < unit; u++) y[index[k] * unit + u] += x[k * unit + u];
    }
}

/* Any other step: four at a time, since rows of patches are too short for the compiler's gathers to pay. */
FNN_ALWAYS_INLINE void move_steps(const real *x, const ptrdiff_t x_step, ptrdiff_t n, real *y, const ptrdiff_t y_step) {
    ptrdiff_t j = 0;
    for (; j + 4 <= n; j += 4, x += 4 * x_step, y += 4 * y_step) {
        const real a = x[0], b = x[x_step], c = x[2 * x_step], d = x[3 * x_step];
        y[0] = a, y[y_step] = b, y[2 * y_step] = c, y[3 * y_step] = d;
    }
    for (; j < n; j++, x += x_step, y += y_step) *y = *x;
}

void FNN_NAME(gather)(const void *x_, ptrdiff_t step, ptrdiff_t n, void *y_) {
    const real *x = x_; /* every step-th of [n*step] */
    real *y = y_;       /* [n] */
    if (step == 1)
        for (ptrdiff_t j = 0; j < n; j++) y[j] = x[j];
    else if (step == 2) /* most strides: the compiler makes shuffles of it */
        for (ptrdiff_t j = 0; j < n; j++) y[j] = x[2 * j];
    else
        move_steps(x, step, n, y, 1);
}

void FNN_NAME(scatter)(const void *x_, ptrdiff_t n, void *y_, ptrdiff_t step) {
    const real *x = x_; /* [n] */
    real *y = y_;       /* every step-th of [n*step] */
    if (step == 1)
        for (ptrdiff_t j = 0; j < n; j++) y[j] = x[j];
    else
        move_steps(x, 1, n, y, step);
}
