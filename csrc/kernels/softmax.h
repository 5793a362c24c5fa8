/* Softmax of one row:  y = e^(x - max x) / sum,  its logarithm  y = x - max x - ln sum,  and their gradients
 * gx = y (gy - sum gy y)  and  gx = gy - e^y sum gy. Subtracting the maximum keeps e^x in range (Goodfellow, Bengio,
 * Courville, "Deep Learning", section 4.1). Sums of up to 64 words are taken in `real`, further ones in double, so their
 * order depends on nothing but the row.
 * Expanded names: fnn_softmax_row__avx2, fnn_softmax_grad_row__avx2, ... */

#define SOFTMAX_PIECE (64 * FNN_VF)

/* The largest element; where there is a NaN, any other: the exponentials bring it back. */
FNN_ALWAYS_INLINE real row_maximum(const real *x, ptrdiff_t n) {
    real lanes[FNN_VF], most = x[0];
    ptrdiff_t i = 0;
    if (n >= 2 * FNN_VF) {
        vf a = vf_load(x), b = vf_load(x + FNN_VF);
        for (i = 2 * FNN_VF; i + 2 * FNN_VF <= n; i += 2 * FNN_VF)
            a = vf_max(a, vf_load(x + i)), b = vf_max(b, vf_load(x + i + FNN_VF));
        vf_store(lanes, vf_max(a, b));
        for (int lane = 0; lane < FNN_VF; lane++) most = lanes[lane] > most ? lanes[lane] : most;
    }
    for (; i < n; i++) most = x[i] > most ? x[i] : most;
    return most;
}

/* The first n elements of a word, zeros beyond them. */
FNN_ALWAYS_INLINE vf first_lanes(vf x, ptrdiff_t n) {
    real lanes[FNN_VF] = {0};
    if (n >= FNN_VF) return x;
    vf_store_some(lanes, x, n);
    return vf_load(lanes);
}

/* e^(x - most) into y where that is not NULL; the sum. */
FNN_ALWAYS_INLINE double exponentials(const real *x, real most, ptrdiff_t n, real *y) {
    const vf shift = vf_set1(most);
    double sum = 0;
    for (ptrdiff_t p = 0; p < n; p += SOFTMAX_PIECE) {
        const ptrdiff_t end = fnn_min(n, p + SOFTMAX_PIECE);
        vf part = vf_zero();
        ptrdiff_t i = p;
        for (; i + FNN_VF <= end; i += FNN_VF) {
            const vf e = vf_exp(vf_sub(vf_load(x + i), shift));
            if (y) vf_store(y + i, e);
            part = vf_add(part, e);
        }
        if (i < end) {
            const vf e = vf_exp(vf_sub(vf_load_some(x + i, end - i), shift));
            if (y) vf_store_some(y + i, e, end - i);
            part = vf_add(part, first_lanes(e, end - i));
        }
        sum += vf_total(part);
    }
    return sum;
}

void FNN_NAME(softmax_row)(const void *x_, void *y_, ptrdiff_t n, int logarithm) {
    const real *x = x_; /* [n] */
    real *y = y_;       /* [n] */
    const real most = row_maximum(x, n);
    const double sum = exponentials(x, most, n, logarithm ? NULL : y);
    const vf shift = vf_set1(most), scale = vf_set1((real)(logarithm ? log(sum) : 1 / sum));
    const real *from = logarithm ? x : y;
    for (ptrdiff_t i = 0; i < n; i += FNN_VF) {
        const ptrdiff_t left = n - i;
        const vf t = vf_load_some(from + i, left);
        vf_store_some(y + i, logarithm ? vf_sub(vf_sub(t, shift), scale) : vf_mul(t, scale), left);
    }
}

void FNN_NAME(softmax_grad_row)(const void *gy_, const void *y_, void *gx_, ptrdiff_t n, int logarithm) {
    const real *gy = gy_, *y = y_; /* [n] */
    real *gx = gx_;                /* [n] */
    double sum = 0;
    for (ptrdiff_t p = 0; p < n; p += SOFTMAX_PIECE) {
        vf part = vf_zero();
        for (ptrdiff_t i = p; i < fnn_min(n, p + SOFTMAX_PIECE); i += FNN_VF) { /* beyond the end gy is loaded as 0 */
            const vf g = vf_load_some(gy + i, n - i);
            part = logarithm ? vf_add(part, g) : vf_fma(g, vf_load_some(y + i, n - i), part);
        }
        sum += vf_total(part);
    }
    const vf total = vf_set1((real)sum);
    for (ptrdiff_t i = 0; i < n; i += FNN_VF) {
        vf g = vf_load_some(gy + i, n - i), p = vf_load_some(y + i, n - i);
        vf result = logarithm ? vf_sub(g, vf_mul(vf_exp(p), total)) : vf_mul(p, vf_sub(g, total));
        vf_store_some(gx + i, result, n - i);
    }
}
