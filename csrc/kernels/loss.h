/* Losses of x against a target t, element by element, and their gradients:
 *
 *   FNN_SQUARED     (x - t)^2
 *   FNN_SMOOTH_L1   (x - t)^2 / (2 beta) where |x - t| < beta, else |x - t| - beta / 2    (Girshick, arXiv:1504.08083)
 *   FNN_LOGISTIC    w ((1 - t) x + (1 + (p - 1) t) (ln(1 + e^-|x|) + max(-x, 0))), the cross-entropy of sigmoid(x)
 *
 * w and p (logistic alone) may be NULL: 1. loss_row adds the losses up, in double beyond 64 words, and writes them to y
 * unless that is NULL; loss_grad_row: gx = scale (gy or 1) dloss/dx.
 * Expanded names: fnn_loss_row__avx2, fnn_loss_grad_row__avx2, ... */

FNN_ALWAYS_INLINE vf loss_value(vf x, vf t, vf w, vf p, int kind, real beta) {
    const vf zero = vf_zero(), one = vf_set1(1), d = vf_sub(x, t), away = vf_max(vf_sub(zero, d), d);
    if (kind == FNN_SQUARED) return vf_mul(d, d);
    if (kind == FNN_SMOOTH_L1) {
        const vf near = vf_mul(vf_mul(d, d), vf_set1(beta > 0 ? (real)0.5 / beta : 0));
        return vf_select(vf_gt(vf_set1(beta), away), near, vf_sub(away, vf_set1((real)0.5 * beta)));
    }
    const vf minus = vf_sub(zero, x), softplus_minus = vf_add(vf_log1p(vf_exp(vf_min(minus, x))), vf_max(zero, minus));
    const vf factor = vf_fma(vf_sub(p, one), t, one);
    return vf_mul(w, vf_fma(vf_sub(one, t), x, vf_mul(factor, softplus_minus)));
}

FNN_ALWAYS_INLINE vf loss_slope(vf x, vf t, vf w, vf p, int kind, real beta) {
    const vf zero = vf_zero(), one = vf_set1(1), d = vf_sub(x, t), away = vf_max(vf_sub(zero, d), d);
    if (kind == FNN_SQUARED) return vf_add(d, d);
    if (kind == FNN_SMOOTH_L1) {
        const vf sign = vf_select(vf_gt(d, zero), one, vf_select(vf_gt(zero, d), vf_set1(-1), d)); /* NaN stays */
        return vf_select(vf_gt(vf_set1(beta), away), vf_mul(d, vf_set1(beta > 0 ? 1 / beta : 0)), sign);
    }
    const vf factor = vf_fma(vf_sub(p, one), t, one);
    return vf_mul(w, vf_sub(vf_sub(one, t), vf_mul(factor, vf_sigmoid(vf_sub(zero, x)))));
}

FNN_ALWAYS_INLINE vf loss_factor(const real *factors, ptrdiff_t i, ptrdiff_t left) {
    return factors ? vf_load_some(factors + i, left) : vf_set1(1);
}

FNN_ALWAYS_INLINE void loss_values(const fnn_loss_piece *l, int kind) {
    const real *x = l->x, *t = l->t, *w = l->w, *p = l->p;
    real *y = l->y;
    *l->sum = 0;
    for (ptrdiff_t start = 0; start < l->n; start += 64 * FNN_VF) {
        vf sum = vf_zero();
        for (ptrdiff_t i = start; i < fnn_min(l->n, start + 64 * FNN_VF); i += FNN_VF) {
            const ptrdiff_t left = l->n - i;
            vf v = loss_value(vf_load_some(x + i, left), vf_load_some(t + i, left), loss_factor(w, i, left),
                              loss_factor(p, i, left), kind, (real)l->beta);
            if (y) vf_store_some(y + i, v, left);
            if (left < FNN_VF) { /* lanes beyond the end have a loss too: of x = t = 0 */
                real lanes[FNN_VF] = {0};
                vf_store_some(lanes, v, left);
                v = vf_load(lanes);
            }
            sum = vf_add(sum, v);
        }
        *l->sum += vf_total(sum);
    }
}

FNN_ALWAYS_INLINE void loss_slopes(const fnn_loss_piece *l, int kind) {
    const real *x = l->x, *t = l->t, *w = l->w, *p = l->p, *gy = l->gy;
    real *gx = l->y;
    const vf scale = vf_set1((real)l->scale);
    for (ptrdiff_t i = 0; i < l->n; i += FNN_VF) {
        const ptrdiff_t left = l->n - i;
        vf v = loss_slope(vf_load_some(x + i, left), vf_load_some(t + i, left), loss_factor(w, i, left),
                          loss_factor(p, i, left), kind, (real)l->beta);
        v = vf_mul(v, scale);
        vf_store_some(gx + i, gy ? vf_mul(v, vf_load_some(gy + i, left)) : v, left);
    }
}

void FNN_NAME(loss_row)(const fnn_loss_piece *l) {
    if (l->kind == FNN_SQUARED) loss_values(l, FNN_SQUARED);
    if (l->kind == FNN_SMOOTH_L1) loss_values(l, FNN_SMOOTH_L1);
    if (l->kind == FNN_LOGISTIC) loss_values(l, FNN_LOGISTIC);
}

void FNN_NAME(loss_grad_row)(const fnn_loss_piece *l) {
    if (l->kind == FNN_SQUARED) loss_slopes(l, FNN_SQUARED);
    if (l->kind == FNN_SMOOTH_L1) loss_slopes(l, FNN_SMOOTH_L1);
    if (l->kind == FNN_LOGISTIC) loss_slopes(l, FNN_LOGISTIC);
}
