/* Separable resampling of a 16-channel block: RoI align and interpolation are this with different tables.
 *
 *   scratch[r][j] = sum over t of columns.weight[t] * x[row[r]][columns.line[t]]
 *   y[i][j]       = sum over t of rows.weight[t] * scratch[rows.line[t]][j]
 *   and, as the gradient, the same products scattered from y to scratch to x.
 *
 * Both sums take a few lines with weights that stay in registers over all items of the other axis; the number of taps,
 * which changes from result to result, is looked at once for all of them.
 * Expanded names: fnn_resample__avx2, fnn_resample_grad__avx2, ... */

/* The items of one result: y[i*y_step] = (y[i*y_step] +) sum over t < n of weight[t] * x[line[t]*line_step + at(i)] with
 * at(i) = item[i]*item_step, or i*item_step without `item`. */
typedef struct {
    const real *x;
    const int32_t *line;
    ptrdiff_t line_step;
    const real *weight;
    const int32_t *item;
    ptrdiff_t item_step, items;
    real *y;
    ptrdiff_t y_step;
} resample_lines;

FNN_ALWAYS_INLINE void resample_taps(const resample_lines *p, const int n, const int add) {
    vf weight[8];
    const real *line[8];
    FNN_UNROLL
    for (int t = 0; t < n; t++) {
        weight[t] = vf_set1(p->weight[t]);
        line[t] = p->x + p->line[t] * p->line_step;
    }
    real *y = p->y;
    for (ptrdiff_t i = 0; i < p->items; i++, y += p->y_step) {
        const ptrdiff_t at = (p->item ? p->item[i] : i) * p->item_step;
        FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++) {
            vf sum = vf_mul(weight[0], vf_load(line[0] + at + v * FNN_VF));
            FNN_UNROLL
            for (int t = 1; t < n; t++) sum = vf_fma(weight[t], vf_load(line[t] + at + v * FNN_VF), sum);
            if (add) sum = vf_add(vf_load(y + v * FNN_VF), sum);
            vf_store(y + v * FNN_VF, sum);
        }
    }
}

FNN_ALWAYS_INLINE void resample_result(resample_lines p, ptrdiff_t n) {
    switch (n) {
    case 0:
        for (ptrdiff_t i = 0; i < p.items; i++)
            for (int v = 0; v < FNN_NV; v++) vf_store(p.y + i * p.y_step + v * FNN_VF, vf_zero());
        return;
    case 1:
        resample_taps(&p, 1, 0);
        return;
    case 2:
        resample_taps(&p, 2, 0);
        return;
    case 3:
        resample_taps(&p, 3, 0);
        return;
    case 4:
        resample_taps(&p, 4, 0);
        return;
    case 5:
        resample_taps(&p, 5, 0);
        return;
    default:
        resample_taps(&p, 6, 0);
    }
    for (ptrdiff_t t = 6; t < n;) {
        const int taken = n - t >= 6 ? 6 : n - t >= 2 ? 2 : 1;
        resample_lines rest = p;
        rest.line += t;
        rest.weight += t;
        if (taken == 6)
            resample_taps(&rest, 6, 1);
        else if (taken == 2)
            resample_taps(&rest, 2, 1);
        else
            resample_taps(&rest, 1, 1);
        t += taken;
    }
}

void FNN_NAME(resample)(const fnn_resample *p) {
    const ptrdiff_t columns = p->columns.n;
    for (ptrdiff_t j = 0; j < columns; j++) {
        const int32_t t = p->columns.first[j];
        const resample_lines lines = {p->x,   p->columns.line + t,  FNN_BLOCK, (const real *)p->columns.weight + t,
                                      p->row, p->x_row * FNN_BLOCK, p->n_rows, (real *)p->scratch + j * FNN_BLOCK,
                                      columns * FNN_BLOCK};
        resample_result(lines, p->columns.first[j + 1] - t);
    }
    for (ptrdiff_t i = 0; i < p->rows.n; i++) {
        const int32_t t = p->rows.first[i];
        const resample_lines lines = {p->scratch, p->rows.line + t,
                                      columns * FNN_BLOCK, (const real *)p->rows.weight + t,
                                      NULL, FNN_BLOCK,
                                      columns, (real *)p->y + i * columns * FNN_BLOCK,
                                      FNN_BLOCK};
        resample_result(lines, p->rows.first[i + 1] - t);
    }
}

/* to[i*to_step] += weight * from[i*from_step], at rows of a list where there is one. */
FNN_ALWAYS_INLINE void resample_scatter(real *to, const int32_t *item, ptrdiff_t to_step, const real *from,
                                        ptrdiff_t from_step, ptrdiff_t items, real weight_) {
    const vf weight = vf_set1(weight_);
    for (ptrdiff_t i = 0; i < items; i++) {
        real *at = to + (item ? item[i] : i) * to_step;
        FNN_UNROLL
        for (int v = 0; v < FNN_NV; v++)
            vf_store(at + v * FNN_VF,
                     vf_fma(weight, vf_load(from + i * from_step + v * FNN_VF), vf_load(at + v * FNN_VF)));
    }
}

void FNN_NAME(resample_grad)(const fnn_resample *p) {
    const ptrdiff_t columns = p->columns.n, row = columns * FNN_BLOCK;
    real *scratch = p->scratch;
    for (ptrdiff_t i = 0; i < p->n_rows * row; i += FNN_VF) vf_store(scratch + i, vf_zero());
    for (ptrdiff_t i = 0; i < p->rows.n; i++)
        for (int32_t t = p->rows.first[i]; t < p->rows.first[i + 1]; t++)
            resample_scatter(scratch + p->rows.line[t] * row, NULL, FNN_BLOCK, (const real *)p->y + i * row, FNN_BLOCK,
                             columns, ((const real *)p->rows.weight)[t]);
    for (ptrdiff_t j = 0; j < columns; j++)
        for (int32_t t = p->columns.first[j]; t < p->columns.first[j + 1]; t++)
            resample_scatter((real *)p->x + p->columns.line[t] * FNN_BLOCK, p->row, p->x_row * FNN_BLOCK,
                             scratch + j * FNN_BLOCK, row, p->n_rows, ((const real *)p->columns.weight)[t]);
}
