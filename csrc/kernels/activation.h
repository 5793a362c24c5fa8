/* Elementwise functions on words: those that other kernels fuse. elementary.h and activation_rows.h hold the rest.
 *
 *   exp: x = n ln 2 + r, |r| <= ln 2 / 2, e^r by the degree-6 Taylor-Remez polynomial of Cephes expf (Moshier 1992),
 *   scaled by 2^n in two steps so that results near overflow and in the denormal range stay right.
 *   sigmoid(x) = 1 / (1 + e^-x), for negative x e^x / (1 + e^x), which keeps its relative accuracy; tanh(x) = 1 - 2 / (1 + e^2x) beyond 0.625, the odd Cephes polynomial within.
 * NaN in, NaN out, for all of them: every min / max takes the data as its second operand. Where a factor x meets one
 * that goes to 0 it is limited first: the limit at -infinity is 0, not NaN. */

#ifndef FNN_HAVE_PARTIAL_WORDS
typedef struct {
    int begin, end;
} FNN_CAT(fnn_part_, FNN_ISA);
#define vn FNN_CAT(fnn_part_, FNN_ISA)
FNN_ALWAYS_INLINE vn vn_range(ptrdiff_t begin, ptrdiff_t end) {
    return (vn){(int)fnn_max(begin, 0), (int)fnn_min(end, FNN_VF)};
}
FNN_ALWAYS_INLINE vf vf_load_part(const real *p, vn n) {
    real full[FNN_VF] = {0};
    if (n.begin == 0 && n.end == FNN_VF) return vf_load(p);
    for (int i = n.begin; i < n.end; i++) full[i] = p[i];
    return vf_load(full);
}

FNN_ALWAYS_INLINE void vf_store_part(real *p, vf x, vn n) {
    real full[FNN_VF];
    if (n.begin == 0 && n.end == FNN_VF) {
        vf_store(p, x);
        return;
    }
    vf_store(full, x);
    for (int i = n.begin; i < n.end; i++) p[i] = full[i];
}
#endif
FNN_ALWAYS_INLINE vn vn_first(ptrdiff_t n) { return vn_range(0, n); }
FNN_ALWAYS_INLINE vf vf_load_some(const real *p, ptrdiff_t n) { return vf_load_part(p, vn_first(n)); }
FNN_ALWAYS_INLINE void vf_store_some(real *p, vf x, ptrdiff_t n) { vf_store_part(p, x, vn_first(n)); }

#ifndef FNN_HAVE_LIBM_WORDS
#ifndef FNN_HAVE_SCALE
FNN_ALWAYS_INLINE vf vf_scale(vf x, vf n) { /* in two steps: 2^n may be no normal number where x 2^n is */
    vf half = vf_round(vf_mul(n, vf_set1(0.5f)));
    return vf_mul(vf_mul(x, vf_pow2(half)), vf_pow2(vf_sub(n, half)));
}
#endif

/* n and e^r - 1 of t = n ln 2 + r */
FNN_ALWAYS_INLINE vf exp_parts(vf t, vf *n) {
    *n = vf_round(vf_mul(t, vf_set1(1.44269504088896341f)));
    vf r = vf_fma(*n, vf_set1(-0.693359375f), t);
    r = vf_fma(*n, vf_set1(2.12194440e-4f), r);
    vf p = vf_set1(1.9875691500e-4f);
    p = vf_fma(p, r, vf_set1(1.3981999507e-3f));
    p = vf_fma(p, r, vf_set1(8.3334519073e-3f));
    p = vf_fma(p, r, vf_set1(4.1665795894e-2f));
    p = vf_fma(p, r, vf_set1(1.6666665459e-1f));
    p = vf_fma(p, r, vf_set1(5.0000001201e-1f));
    return vf_fma(p, vf_mul(r, r), r);
}

FNN_ALWAYS_INLINE vf vf_exp(vf x) {
    /* 88.7228 = ln(FLT_MAX); below -103.97 = ln(2^-150) the result rounds to zero. */
    vf t = vf_min(vf_set1(89.0f), vf_max(vf_set1(-104.0f), x));
    vf n, p = exp_parts(t, &n);
    return vf_scale(vf_add(p, vf_set1(1)), n);
}

FNN_ALWAYS_INLINE vf vf_tanh(vf x) {
    vf s = vf_mul(x, x), p = vf_set1(-5.70498872745e-3f);
    p = vf_fma(p, s, vf_set1(2.06390887954e-2f));
    p = vf_fma(p, s, vf_set1(-5.37397155531e-2f));
    p = vf_fma(p, s, vf_set1(1.33314422036e-1f));
    p = vf_fma(p, s, vf_set1(-3.33332819422e-1f));
    vf small = vf_fma(vf_mul(p, s), x, x);
    vf one = vf_set1(1), e = vf_exp(vf_add(x, x));
    vf large = vf_sub(one, vf_div(vf_set1(2), vf_add(e, one)));
    return vf_select(vf_gt(s, vf_set1(0.625f * 0.625f)), large, small);
}
#endif

FNN_ALWAYS_INLINE vf vf_sigmoid(vf x) {
    vf one = vf_set1(1), e = vf_exp(vf_min(vf_sub(vf_zero(), x), x)); /* e^-|x| */
    return vf_div(vf_select(vf_gt(x, vf_zero()), one, e), vf_add(one, e));
}

/* gy where the ReLU that gave y let it pass. NaN counts as passed: no y <= 0 stopped it, as in PyTorch. */
FNN_ALWAYS_INLINE vf relu_gradient(vf gy, vf y) {
    return vf_select(vm_or(vf_gt(y, vf_zero()), vf_isnan(y)), gy, vf_zero());
}

FNN_ALWAYS_INLINE vf activate(vf x, int activation, real alpha, real beta) {
    switch (activation) {
    case FNN_RELU:
        return vf_max(vf_zero(), x);
    case FNN_CLIP:
        return vf_min(vf_set1(beta), vf_max(vf_set1(alpha), x));
    case FNN_LEAKY_RELU:
        return vf_select(vf_gt(vf_zero(), x), vf_mul(x, vf_set1(alpha)), x);
    case FNN_SILU:
        return vf_mul(vf_max(vf_set1(-1000), x), vf_sigmoid(x));
    case FNN_HARDSWISH: {
        vf gate = vf_min(vf_set1(6), vf_max(vf_zero(), vf_add(x, vf_set1(3))));
        return vf_mul(vf_max(vf_set1(-3), x), vf_mul(gate, vf_set1((real)1 / 6)));
    }
    case FNN_SIGMOID:
        return vf_sigmoid(x);
    case FNN_TANH:
        return vf_tanh(x);
    default:
        return x;
    }
}
