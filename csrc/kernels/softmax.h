/* Softmax of one row:  y = e^(x - max x) / sum,  its logarithm  y = x - max x - ln sum,  and their gradients
 * gx = y (gy - sum gy y)  and  gx = gy - e^y sum gy. Subtracting the maximum keeps e^x in range (Goodfellow, Bengio,
 * Courville, "Deep Learning", section 4.1). Sums run in double over FNN_VF interleaved partial sums, so their order
 * depends on nothing but the row.
 * Expanded names: fnn_softmax_row__avx2, fnn_softmax_grad_row__avx2, ... */

FNN_ALWAYS_INLINE double sum_lanes(vf x, ptrdiff_t n) {
    real lanes[FNN_VF];
    double sum = 0;
    vf_store(lanes, x);
    for (ptrdiff_t i = 0; i < fnn_min(n, FNN_VF); i++) sum += lanes[i];
    return sum;
}

void FNN_NAME(softmax_row)(const void *x_, void *y_, ptrdiff_t n, int logarithm) {
    const real *x = x_; /* [n] */
    real *y = y_;       /* [n] */
    real most = x[0];
    for (ptrdiff_t i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    const vf shift = vf_set1(most);
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i += FNN_VF) {
        vf t = vf_sub(vf_load_some(x + i, n - i), shift), e = vf_exp(t);
        sum += sum_lanes(e, n - i);
        vf_store_some(y + i, logarithm ? t : e, n - i);
    }
    const vf scale = vf_set1((real)(logarithm ? -log(sum) : 1 / sum));
    for (ptrdiff_t i = 0; i < n; i += FNN_VF) {
        vf t = vf_load_some(y + i, n - i);
        vf_store_some(y + i, logarithm ? vf_add(t, scale) : vf_mul(t, scale), n - i);
    }
}

void FNN_NAME(softmax_grad_row)(const void *gy_, const void *y_, void *gx_, ptrdiff_t n, int logarithm) {
    const real *gy = gy_, *y = y_; /* [n] */
    real *gx = gx_;                /* [n] */
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i += FNN_VF) {
        vf g = vf_load_some(gy + i, n - i);
        sum += sum_lanes(logarithm ? g : vf_mul(g, vf_load_some(y + i, n - i)), n - i);
    }
    const vf total = vf_set1((real)sum);
    for (ptrdiff_t i = 0; i < n; i += FNN_VF) {
        vf g = vf_load_some(gy + i, n - i), p = vf_load_some(y + i, n - i);
        vf result = logarithm ? vf_sub(g, vf_mul(vf_exp(p), total)) : vf_mul(p, vf_sub(g, total));
        vf_store_some(gx + i, result, n - i);
    }
}
