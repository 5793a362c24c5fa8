/* Rows of activations and of their gradients: one list of functions, one loop for each direction.
 *
 *   activation_row:       y[i] = f(x[i])
 *   activation_grad_row:  gx[i] = gy[i] f'(x[i]), where for ReLU, sigmoid and tanh the result y stands for x
 *
 * alpha and beta: fastnn.h at fnn_activation. GELU: Hendrycks and Gimpel, arXiv:1606.08415; Mish: Misra,
 * arXiv:1908.08681; SELU: Klambauer et al., arXiv:1706.02515. Largest errors of the values in
 * units of the last place (tests/c/ulp.c over every 61st float32, AMD Zen 5, AVX2 and AVX-512, 2026-11): exp 1.0, sigmoid
 * 2.3, tanh 3.0, elu 0.9, selu 2.2, softplus 2.7, hardswish 2.5, hardsigmoid 1.4; in the far negative tail gelu 12 (71 without
 * fused multiply-add), gelu_tanh 172, silu and mish 52 where e^x is denormal.
 * Expanded names: fnn_activation_row__avx2, fnn_activation_grad_row__avx2, ... */

#define EACH_ACTIVATION(A) \
    A(FNN_NONE) \
    A(FNN_RELU) \
    A(FNN_CLIP) \
    A(FNN_LEAKY_RELU) \
    A(FNN_SILU) \
    A(FNN_HARDSWISH) \
    A(FNN_SIGMOID) \
    A(FNN_TANH) \
    A(FNN_ELU) A(FNN_SELU) A(FNN_GELU) A(FNN_GELU_TANH) A(FNN_HARDSIGMOID) A(FNN_MISH) A(FNN_SOFTPLUS) A(FNN_EXP)

#define SELU_ALPHA 1.6732632423543772848170429916717
#define SELU_SCALE 1.0507009873554804934193349852946
#define GELU_OUTER 1.5957691216057307117597842397375 /* 2 sqrt(2 / pi) */
#define GELU_CUBIC 0.044715
#define NORMAL_PEAK 0.39894228040143267793994605993438 /* 1 / sqrt(2 pi) */

/* x where it is positive, else scale (e^x - 1) */
FNN_ALWAYS_INLINE vf exponential_unit(vf x, real scale) {
    vf below = vf_mul(vf_set1(scale), vf_expm1(vf_min(vf_zero(), x)));
    return vf_select(vf_gt(x, vf_zero()), x, below);
}

/* Twice the argument of the tanh in GELU's approximation. */
FNN_ALWAYS_INLINE vf gelu_argument(vf x) {
    vf inner = vf_fma(vf_mul(vf_mul(x, x), x), vf_set1((real)GELU_CUBIC), x);
    return vf_mul(vf_set1((real)GELU_OUTER), inner);
}

/* e and 1 / (e (e + 2) + 2) for e = e^x; mish(x) = x tanh(ln(1 + e)) = x e (e + 2) / (e (e + 2) + 2). */
FNN_ALWAYS_INLINE vf mish_parts(vf x, vf *inverse) {
    vf e = vf_exp(vf_min(vf_set1(40), x)), two = vf_set1(2); /* from 9 on the quotient rounds to 1 */
    *inverse = vf_div(vf_set1(1), vf_fma(e, vf_add(e, two), two));
    return e;
}

FNN_ALWAYS_INLINE vf softplus(vf x, real beta, real threshold) {
    vf z = vf_mul(x, vf_set1(beta));
    vf log_term = vf_log1p(vf_exp(vf_min(vf_sub(vf_zero(), z), z)));
    vf y = vf_div(vf_add(vf_max(vf_zero(), z), log_term), vf_set1(beta));
    return vf_select(vf_gt(z, vf_set1(threshold)), x, y);
}

FNN_ALWAYS_INLINE vf activation_value(vf x, int activation, real alpha, real beta) {
    switch (activation) {
    case FNN_ELU:
        return exponential_unit(x, alpha);
    case FNN_SELU:
        return vf_mul(vf_set1((real)SELU_SCALE), exponential_unit(x, (real)SELU_ALPHA));
    case FNN_GELU:
        return vf_mul(vf_max(vf_set1(-50), x), vf_normal_cdf(x));
    case FNN_GELU_TANH:
        return vf_mul(vf_max(vf_set1(-50), x), vf_sigmoid(gelu_argument(x)));
    case FNN_HARDSIGMOID: {
        vf gate = vf_min(vf_set1(6), vf_max(vf_zero(), vf_add(x, vf_set1(3))));
        return vf_mul(gate, vf_set1((real)1 / 6));
    }
    case FNN_MISH: {
        vf inverse, e = mish_parts(x, &inverse);
        return vf_mul(vf_max(vf_set1(-1000), x), vf_mul(vf_mul(e, vf_add(e, vf_set1(2))), inverse));
    }
    case FNN_SOFTPLUS:
        return softplus(x, alpha, beta);
    case FNN_EXP:
        return vf_exp(x);
    default:
        return activate(x, activation, alpha, beta);
    }
}

/* gy where low < x < high, else 0 */
FNN_ALWAYS_INLINE vf pass_between(vf gy, vf x, vf low, vf high) {
    return vf_select(vm_and(vf_gt(x, low), vf_gt(high, x)), gy, vf_zero());
}

/* Slope of x sigmoid(z), where dz is z's slope: s + x s (1 - s) dz. 1 - s is computed for itself, as it would cancel. */
FNN_ALWAYS_INLINE vf gated_slope(vf x, vf z, vf dz) {
    vf one = vf_set1(1), e = vf_exp(vf_min(vf_sub(vf_zero(), z), z)), large = vf_div(one, vf_add(one, e));
    vf small = vf_mul(e, large);
    vf s = vf_select(vf_gt(z, vf_zero()), large, small);
    return vf_fma(vf_mul(x, dz), vf_mul(large, small), s);
}

FNN_ALWAYS_INLINE vf smooth_slope(vf x, int activation) {
    const vf one = vf_set1(1), limited = vf_min(vf_set1(1000), vf_max(vf_set1(-1000), x));
    switch (activation) {
    case FNN_SILU:
        return gated_slope(limited, x, one);
    case FNN_GELU: {
        vf z = vf_min(vf_set1(50), vf_max(vf_set1(-50), x));
        vf density = vf_mul(vf_set1((real)NORMAL_PEAK), vf_exp(vf_mul(vf_mul(z, z), vf_set1((real)-0.5))));
        return vf_fma(z, density, vf_normal_cdf(x));
    }
    case FNN_GELU_TANH: {
        vf z = vf_min(vf_set1(50), vf_max(vf_set1(-50), x));
        vf ds = vf_fma(vf_mul(z, z), vf_set1((real)(3 * GELU_CUBIC * GELU_OUTER)), vf_set1((real)GELU_OUTER));
        return gated_slope(z, gelu_argument(z), ds);
    }
    default: { /* FNN_MISH */
        vf inverse, e = mish_parts(x, &inverse), value = vf_mul(vf_mul(e, vf_add(e, vf_set1(2))), inverse);
        vf slope = vf_mul(vf_mul(vf_mul(vf_set1(4), e), vf_mul(vf_add(e, one), inverse)), inverse);
        return vf_fma(limited, slope, value);
    }
    }
}

/* gy f'(x) */
FNN_ALWAYS_INLINE vf activation_gradient(vf gy, vf x, int activation, real alpha, real beta) {
    const vf zero = vf_zero(), one = vf_set1(1);
    const vm positive = vf_gt(x, zero);
    switch (activation) {
    case FNN_NONE:
        return gy;
    case FNN_RELU:
        return relu_gradient(gy, x);
    case FNN_CLIP:
        return pass_between(gy, x, vf_set1(alpha), vf_set1(beta));
    case FNN_LEAKY_RELU:
        return vf_select(positive, gy, vf_mul(gy, vf_set1(alpha)));
    case FNN_HARDSWISH: {
        vf slope = vf_fma(x, vf_set1((real)1 / 3), vf_set1((real)0.5));
        vf inside = pass_between(vf_mul(gy, slope), x, vf_set1(-3), vf_set1(3));
        return vf_select(vf_isnan(x), x, vf_select(vf_gt(vf_set1(3), x), inside, gy));
    }
    case FNN_HARDSIGMOID:
        return pass_between(vf_mul(gy, vf_set1((real)1 / 6)), x, vf_set1(-3), vf_set1(3));
    case FNN_SIGMOID:
        return vf_mul(gy, vf_mul(x, vf_sub(one, x)));
    case FNN_TANH:
        return vf_mul(gy, vf_mul(vf_sub(one, x), vf_add(one, x)));
    case FNN_ELU:
        return vf_select(positive, gy, vf_mul(gy, vf_mul(vf_set1(alpha), vf_exp(x))));
    case FNN_SELU: {
        vf slope = vf_select(positive, one, vf_mul(vf_set1((real)SELU_ALPHA), vf_exp(x)));
        return vf_mul(gy, vf_mul(vf_set1((real)SELU_SCALE), slope));
    }
    case FNN_SOFTPLUS: {
        vf z = vf_mul(x, vf_set1(alpha));
        return vf_select(vf_gt(z, vf_set1(beta)), gy, vf_mul(gy, vf_sigmoid(z)));
    }
    case FNN_EXP:
        return vf_mul(gy, vf_exp(x));
    default:
        return vf_mul(gy, smooth_slope(x, activation));
    }
}

FNN_ALWAYS_INLINE void map_row(const real *x, real *y, ptrdiff_t n, int activation, real alpha, real beta) {
    ptrdiff_t i = 0;
    for (; i + FNN_VF <= n; i += FNN_VF) vf_store(y + i, activation_value(vf_load(x + i), activation, alpha, beta));
    if (i < n) vf_store_some(y + i, activation_value(vf_load_some(x + i, n - i), activation, alpha, beta), n - i);
}

void FNN_NAME(activation_row)(const void *x, void *y, ptrdiff_t n, int activation, double alpha, double beta) {
#define ONE_ACTIVATION(a) \
    case a: \
        map_row(x, y, n, a, (real)alpha, (real)beta); \
        return;
    switch (activation) { EACH_ACTIVATION(ONE_ACTIVATION) }
#undef ONE_ACTIVATION
}

FNN_ALWAYS_INLINE void gradient_row(const real *gy, const real *x, real *gx, ptrdiff_t n, int activation, real alpha,
                                    real beta) {
    ptrdiff_t i = 0;
    for (; i + FNN_VF <= n; i += FNN_VF)
        vf_store(gx + i, activation_gradient(vf_load(gy + i), vf_load(x + i), activation, alpha, beta));
    if (i == n) return;
    vf g = vf_load_some(gy + i, n - i), v = vf_load_some(x + i, n - i);
    vf_store_some(gx + i, activation_gradient(g, v, activation, alpha, beta), n - i);
}

void FNN_NAME(activation_grad_row)(const void *gy, const void *x, void *gx, ptrdiff_t n, int activation, double alpha,
                                   double beta) {
#define ONE_ACTIVATION(a) \
    case a: \
        gradient_row(gy, x, gx, n, a, (real)alpha, (real)beta); \
        return;
    switch (activation) { EACH_ACTIVATION(ONE_ACTIVATION) }
#undef ONE_ACTIVATION
}
