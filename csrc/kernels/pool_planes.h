/* Pooling of plain planes [d][h][w] by maximum or mean: each output row first reduces the rows of its windows column
 * by column into a row of scratch, which holds the padding too, and then that row window by window.
 *
 *   max: y = max over the window, NaN if it holds one, -inf if it holds nothing;  mean: y = sum / count
 *   gradient of the mean: gx += gy / count for every position of the window
 *
 * Several rows of scratch are filled before they are read. Where windows tile whole rows (2x2 with stride 2 on even
 * widths) they lie side by side and are reduced in one run, so that images narrower than a word fill their words too.
 * Expanded names: fnn_pool_planes__avx2, fnn_pool_whole__avx2, fnn_avg_pool_grad_planes__avx2, ... */

FNN_ALWAYS_INLINE vf pool_neutral(const int average) { return average ? vf_zero() : vf_set1(-(real)INFINITY); }
FNN_ALWAYS_INLINE vf pool_join(const int average, vf a, vf b) { return average ? vf_add(a, b) : vf_max_nan(a, b); }
FNN_ALWAYS_INLINE real pool_join_one(const int average, real a, real b) {
    if (average) return a + b;
    return b > a || b != b ? b : a;
}

/* Elements p[0], p[stride], p[2 stride], ... of tap s; neighbouring taps of stride 2 share their loads. */
FNN_ALWAYS_INLINE vf pool_tap(const real *p, ptrdiff_t s, const ptrdiff_t stride) {
    if (stride == 1) return vf_load(p + s);
    if (stride == 2 && s % 2 == 0) return vf_even(vf_load(p + s), vf_load(p + s + FNN_VF));
    if (stride == 2) return vf_odd(vf_load(p + s - 1), vf_load(p + s - 1 + FNN_VF));
    real apart[FNN_VF];
    for (int i = 0; i < FNN_VF; i++) apart[i] = p[s + i * stride];
    return vf_load(apart);
}

typedef struct {
    const real *first; /* the first row inside the windows */
    ptrdiff_t deep, tall, plane_step, row_step;
    double count;
} pool_rows;

/* The rows of the windows of output row `row`, counted over the first two axes. */
FNN_ALWAYS_INLINE pool_rows pool_rows_of(const fnn_pool *p, const real *x, ptrdiff_t row) {
    const ptrdiff_t depth = p->out[0] == 1 ? 0 : row / p->out[1]; /* divisions cost as much as a short row */
    const fnn_window d = p->windows[0][depth], h = p->windows[1][row - depth * p->out[1]];
    return (pool_rows){.first = x + (d.begin * p->size[1] + h.begin) * p->size[2],
                       .deep = d.taps,
                       .tall = h.taps,
                       .plane_step = p->dilation[0] * p->size[1] * p->size[2],
                       .row_step = p->dilation[1] * p->size[2],
                       .count = p->divisor != 0 ? p->divisor : d.count * h.count};
}

FNN_ALWAYS_INLINE vf pool_column(pool_rows r, ptrdiff_t column, vn part, const int whole, const int average,
                                 const ptrdiff_t deep, const ptrdiff_t tall) {
    vf sum = pool_neutral(average);
    for (ptrdiff_t d = 0; d < deep; d++)
        for (ptrdiff_t h = 0; h < tall; h++) {
            const real *at = r.first + d * r.plane_step + h * r.row_step + column;
            const vf a = whole ? vf_load(at) : vf_load_part(at, part);
            sum = d + h == 0 ? a : pool_join(average, sum, a);
        }
    return sum;
}

FNN_ALWAYS_INLINE void pool_columns(pool_rows r, ptrdiff_t w, real *to, const int average, const ptrdiff_t deep,
                                    const ptrdiff_t tall) {
    ptrdiff_t column = 0;
    const vn all = vn_first(FNN_VF), rest = vn_first(w % FNN_VF);
    for (; column + FNN_VF <= w; column += FNN_VF)
        vf_store(to + column, pool_column(r, column, all, 1, average, deep, tall));
    if (column < w) vf_store_part(to + column, pool_column(r, column, rest, 0, average, deep, tall), rest);
}

/* Reduces the window rows of one output row into to[w]; the usual heights are unrolled. */
FNN_ALWAYS_INLINE void pool_reduce_rows(pool_rows r, ptrdiff_t w, real *to, const int average) {
    if (r.deep == 1 && r.tall == 2)
        pool_columns(r, w, to, average, 1, 2);
    else if (r.deep == 1 && r.tall == 3)
        pool_columns(r, w, to, average, 1, 3);
    else
        pool_columns(r, w, to, average, r.deep, r.tall);
}

/* n windows of a row that begin `stride` apart, divided by count * counts[i] where these are means. */
FNN_ALWAYS_INLINE void pool_run(const real *row, ptrdiff_t n, real *y, const int average, const ptrdiff_t taps,
                                const ptrdiff_t stride, const ptrdiff_t dilation, const real *counts, double count) {
    for (ptrdiff_t j = 0; j < n; j += FNN_VF) {
        vf sum = pool_tap(row + j * stride, 0, stride);
        for (ptrdiff_t s = 1; s < taps; s++)
            sum = pool_join(average, sum, pool_tap(row + j * stride, s * dilation, stride));
        if (average) sum = vf_div(sum, vf_mul(vf_set1((real)count), vf_load(counts + j)));
        if (j + FNN_VF <= n)
            vf_store(y + j, sum);
        else
            vf_store_some(y + j, sum, n - j);
    }
}

FNN_ALWAYS_INLINE void pool_reduce_windows(const fnn_pool *p, const real *row, ptrdiff_t n, real *y, const int average,
                                           const real *counts, double count) {
    const ptrdiff_t taps = p->kernel[2], dilation = p->dilation[2];
    if (p->stride == 2 && dilation == 1 && taps == 2)
        pool_run(row, n, y, average, 2, 2, 1, counts, count);
    else if (p->stride == 2 && dilation == 1 && taps == 3)
        pool_run(row, n, y, average, 3, 2, 1, counts, count);
    else if (p->stride == 2)
        pool_run(row, n, y, average, taps, 2, dilation, counts, count);
    else if (p->stride == 1)
        pool_run(row, n, y, average, taps, 1, dilation, counts, count);
    else if (p->stride)
        pool_run(row, n, y, average, taps, p->stride, dilation, counts, count);
    else
        for (ptrdiff_t j = 0; j < n; j++) {
            const fnn_window window = p->windows[2][j];
            real sum = row[window.begin];
            for (ptrdiff_t s = 1; s < window.taps; s++) sum = pool_join_one(average, sum, row[window.begin + s]);
            y[j] = average ? sum / (real)(count * (double)counts[j]) : sum;
        }
}

/* Scratch: rows [row_length], filled with what changes nothing, then the counts of the last axis [row_length]. */
FNN_ALWAYS_INLINE void pool_prepare(const fnn_pool *p, real *row, real *counts, const int average) {
    for (ptrdiff_t i = 0; i < p->row_length; i++) row[i] = average ? 0 : -(real)INFINITY;
    if (!average) return;
    for (ptrdiff_t i = 0; i < p->row_length; i++) counts[i] = 1;
    for (ptrdiff_t i = 0; i < (p->flat ? p->together : 1) && p->divisor == 0; i++)
        for (ptrdiff_t j = 0; j < p->out[2]; j++) counts[i * p->out[2] + j] = (real)p->windows[2][j].count;
}

FNN_ALWAYS_INLINE void pool_volume(const fnn_pool *p, const real *x, real *y, ptrdiff_t begin, ptrdiff_t end, real *row,
                                   const real *counts, const int average) {
    const ptrdiff_t w = p->size[2];
    for (ptrdiff_t i = begin; i < end; i += p->together) {
        const ptrdiff_t rows = fnn_min(p->together, end - i);
        double count[8] = {1};
        for (ptrdiff_t r = 0; r < rows; r++) {
            const pool_rows found = pool_rows_of(p, x, i + r);
            real *to = row + p->before + r * p->pitch;
            if (found.deep * found.tall == 0)
                for (ptrdiff_t j = 0; j < w; j++) to[j] = average ? 0 : -(real)INFINITY;
            else
                pool_reduce_rows(found, w, to, average);
            count[r % 8] = found.count;
        }
        if (p->flat)
            pool_reduce_windows(p, row, rows * p->out[2], y + i * p->out[2], average, counts, count[0]);
        else
            for (ptrdiff_t r = 0; r < rows; r++)
                pool_reduce_windows(p, row + r * p->pitch, p->out[2], y + (i + r) * p->out[2], average, counts,
                                    count[r]);
    }
}

FNN_ALWAYS_INLINE void pool_volumes(const fnn_pool *p, const real *x, real *y, ptrdiff_t volumes, ptrdiff_t begin,
                                    ptrdiff_t end, real *row, const int average) {
    real *counts = row + p->row_length;
    pool_prepare(p, row, counts, average);
    for (; volumes > 0; volumes--) {
        pool_volume(p, x, y, begin, end, row, counts, average);
        x += p->size[0] * p->size[1] * p->size[2], y += p->out[0] * p->out[1] * p->out[2];
    }
}

/* Output rows [begin, end), counted over the first two axes, of volumes side by side. */
void FNN_NAME(pool_planes)(const fnn_pool *p, const void *x, void *y, ptrdiff_t volumes, ptrdiff_t begin, ptrdiff_t end,
                           void *scratch) {
    if (p->average)
        pool_volumes(p, x, y, volumes, begin, end, scratch, 1);
    else
        pool_volumes(p, x, y, volumes, begin, end, scratch, 0);
}

/* The n elements of a window that is a whole volume. */
FNN_ALWAYS_INLINE real pool_all(const real *x, ptrdiff_t n, const int average) {
    vf sum[4];
    FNN_UNROLL
    for (int k = 0; k < 4; k++) sum[k] = pool_neutral(average);
    ptrdiff_t i = 0;
    for (; i + 4 * FNN_VF <= n; i += 4 * FNN_VF)
        FNN_UNROLL
        for (int k = 0; k < 4; k++) sum[k] = pool_join(average, sum[k], vf_load(x + i + k * FNN_VF));
    for (; i + FNN_VF <= n; i += FNN_VF) sum[0] = pool_join(average, sum[0], vf_load(x + i));
    if (average && i < n) sum[1] = vf_add(sum[1], vf_load_some(x + i, n - i));
    if (!average && i < n && n >= FNN_VF) sum[1] = vf_max_nan(sum[1], vf_load(x + n - FNN_VF)); /* some of them twice */
    sum[0] = pool_join(average, pool_join(average, sum[0], sum[1]), pool_join(average, sum[2], sum[3]));
    for (int width = FNN_VF; width > 1; width /= 2)
        sum[0] = pool_join(average, vf_even(sum[0], sum[0]), vf_odd(sum[0], sum[0]));
    real lane[FNN_VF];
    vf_store(lane, sum[0]);
    if (!average && n < FNN_VF)
        for (i = 0; i < n; i++) lane[0] = pool_join_one(0, lane[0], x[i]);
    return lane[0];
}

/* One window that is the whole volume, of volumes side by side. */
void FNN_NAME(pool_whole)(const fnn_pool *p, const void *x, void *y, ptrdiff_t volumes) {
    const ptrdiff_t n = p->size[0] * p->size[1] * p->size[2];
    double count = p->divisor;
    if (count == 0) count = p->windows[0]->count * p->windows[1]->count * p->windows[2]->count;
    for (ptrdiff_t i = 0; i < volumes; i++) {
        const real *volume = (const real *)x + i * n;
        ((real *)y)[i] = p->average ? pool_all(volume, n, 1) / (real)count : pool_all(volume, n, 0);
    }
}

/* Each row of gy is spread over its columns in scratch, then added to every row of its windows. */
void FNN_NAME(avg_pool_grad_planes)(const fnn_pool *p, const void *gy, void *gx, void *scratch) {
    real *row = scratch;
    const ptrdiff_t w = p->size[2], rows = p->out[0] * p->out[1];
    for (ptrdiff_t i = 0; i < p->size[0] * p->size[1] * w; i++) ((real *)gx)[i] = 0;
    for (ptrdiff_t i = 0; i < rows; i++) {
        const pool_rows r = pool_rows_of(p, gx, i);
        const real *g = (const real *)gy + i * p->out[2];
        for (ptrdiff_t j = 0; j < w; j++) row[j] = 0;
        for (ptrdiff_t j = 0; j < p->out[2]; j++) {
            const fnn_window window = p->windows[2][j];
            const real share = g[j] / (real)(r.count * (p->divisor != 0 ? 1 : window.count));
            for (ptrdiff_t s = 0; s < window.taps; s++) row[window.begin + s] += share;
        }
        for (ptrdiff_t k = 0; k < r.deep * r.tall; k++) {
            real *to = (real *)r.first + k / r.tall * r.plane_step + k % r.tall * r.row_step;
            ptrdiff_t j = 0;
            for (; j + FNN_VF <= w; j += FNN_VF) vf_store(to + j, vf_add(vf_load(to + j), vf_load(row + j)));
            for (; j < w; j++) to[j] += row[j];
        }
    }
}
