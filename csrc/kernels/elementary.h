/* Elementary functions that activations and norms need besides activation.h's.
 *
 *   expm1: x = n ln 2 + r as in vf_exp, then 2^n (e^r - 1) + (2^n - 1): nothing cancels for n = 0
 *   log1p, log: 2 atanh(s), s = x / (2 + x) or (m - 1) / (m + 1) for a mantissa m in [2/3, 4/3)
 *   normal_cdf: for negative x  e^(-x^2 / 2) R(|x|),  R(a) = erfcx(a / sqrt 2) / 2 a polynomial in (a - 3) / (a + 3),
 *     so that the far tail keeps its relative accuracy; for positive x one minus that
 * The polynomials are minimax fits of their own: relative error 1.1e-8 (R, 0 <= a <= 15) and 4.5e-9 (atanh, s <= 1/3). */

#ifndef FNN_HAVE_LIBM_WORDS
/* atanh(s) / s - 1 for q = s^2 */
FNN_ALWAYS_INLINE vf atanh_series(vf q) {
    vf p = vf_set1(1.4006050038e-1f);
    p = vf_fma(p, q, vf_set1(1.4000892057e-1f));
    p = vf_fma(p, q, vf_set1(2.0010764204e-1f));
    p = vf_fma(p, q, vf_set1(3.3333208134e-1f));
    return vf_mul(p, q);
}

/* e^x - 1 for x <= 88 */
FNN_ALWAYS_INLINE vf vf_expm1(vf x) {
    vf t = vf_max(vf_set1(-30), x); /* below -17.4 the result rounds to -1 */
    vf n, p = exp_parts(t, &n);
    vf scale = vf_pow2(n);
    return vf_fma(scale, p, vf_sub(scale, vf_set1(1)));
}

/* ln(1 + x) for 0 <= x <= 1 */
FNN_ALWAYS_INLINE vf vf_log1p(vf x) {
    vf s = vf_div(x, vf_add(x, vf_set1(2)));
    return vf_mul(vf_set1(2), vf_fma(s, atanh_series(vf_mul(s, s)), s));
}

/* ln x for positive normal x */
FNN_ALWAYS_INLINE vf vf_log(vf x) {
    vf n = vf_exponent(vf_mul(x, vf_set1(1.5f))); /* so that x 2^-n lies in [2/3, 4/3) */
    vf m = vf_scale(x, vf_sub(vf_zero(), n)), one = vf_set1(1);
    vf s = vf_div(vf_sub(m, one), vf_add(m, one));
    vf ln_m = vf_mul(vf_set1(2), vf_fma(s, atanh_series(vf_mul(s, s)), s));
    return vf_fma(n, vf_set1(0.693359375f), vf_fma(n, vf_set1(-2.12194440e-4f), ln_m));
}

FNN_ALWAYS_INLINE vf vf_normal_cdf(vf x) {
    vf minus = vf_min(vf_sub(vf_zero(), x), x); /* -|x| */
    minus = vf_max(vf_set1(-15), minus);        /* below -14.2 the result rounds to zero */
    vf a = vf_sub(vf_zero(), minus), three = vf_set1(3);
    vf u = vf_div(vf_sub(a, three), vf_add(a, three));
    vf p = vf_set1(5.2676236834e-5f);
    p = vf_fma(p, u, vf_set1(1.1450436273e-4f));
    p = vf_fma(p, u, vf_set1(-3.3854575210e-4f));
    p = vf_fma(p, u, vf_set1(-9.8282218769e-4f));
    p = vf_fma(p, u, vf_set1(2.9042136170e-3f));
    p = vf_fma(p, u, vf_set1(6.1318112095e-3f));
    p = vf_fma(p, u, vf_set1(-4.6213234459e-2f));
    p = vf_fma(p, u, vf_set1(1.2322505228e-1f));
    p = vf_fma(p, u, vf_set1(-2.0640262192e-1f));
    p = vf_fma(p, u, vf_set1(1.2151394739e-1f));
    /* e^(-a^2 / 2) with the rounding error of a^2 made good: it would cost up to 50 ulp in the tail. */
    vf square = vf_mul(a, a), lost = vf_fma(minus, a, square), half = vf_set1(0.5f);
    vf e = vf_exp(vf_mul(square, vf_sub(vf_zero(), half)));
    e = vf_fma(e, vf_mul(lost, half), e);
    vf tail = vf_mul(e, p);
    return vf_select(vf_gt(x, vf_zero()), vf_sub(vf_set1(1), tail), tail);
}
#endif

/* The sum of a word's elements, by halves. */
FNN_ALWAYS_INLINE double vf_total(vf x) {
    real lanes[FNN_VF];
    vf_store(lanes, x);
    for (int half = FNN_VF / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    return lanes[0];
}

/* x^power for positive normal x */
FNN_ALWAYS_INLINE vf vf_pow(vf x, vf power) { return vf_exp(vf_mul(power, vf_log(x))); }
