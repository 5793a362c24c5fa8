/* The elementwise parts of power-average pooling, y = (sum of x^p)^(1/p), around the means of pool_planes.h:
 *
 *   powers: y = x^p;  roots: y = (scale y)^(1/p) of a mean y over count positions, scale = the kernel's positions
 *   gradient: g = scale gy y^(1 - p), 0 where y is 0, spread as a mean's gradient; then gx = g x^(p - 1)
 *
 * p = 1 and p = 2 need no pow. Expanded names: fnn_lp_powers__avx2, fnn_lp_roots__avx2, fnn_lp_grad_roots__avx2,
 * fnn_lp_grad_powers__avx2, ... */

FNN_ALWAYS_INLINE real lp_power(real x, double power) { return (real)pow((double)x, power); }

void FNN_NAME(lp_powers)(const void *x, void *y, ptrdiff_t n, double power) {
    const real *from = x;
    real *to = y;
    if (power == 2)
        for (ptrdiff_t i = 0; i < n; i++) to[i] = from[i] * from[i];
    else if (power == 1)
        for (ptrdiff_t i = 0; i < n; i++) to[i] = from[i];
    else
        for (ptrdiff_t i = 0; i < n; i++) to[i] = lp_power(from[i], power);
}

void FNN_NAME(lp_roots)(void *y, ptrdiff_t n, double power, double scale) {
    real *to = y;
    if (power == 2)
        for (ptrdiff_t i = 0; i < n; i++) to[i] = (real)sqrt((double)to[i] * scale);
    else if (power == 1)
        for (ptrdiff_t i = 0; i < n; i++) to[i] *= (real)scale;
    else
        for (ptrdiff_t i = 0; i < n; i++) to[i] = (real)pow((double)to[i] * scale, 1 / power);
}

void FNN_NAME(lp_grad_roots)(const void *gy, const void *y, void *g, ptrdiff_t n, double power, double scale) {
    const real *from = gy, *result = y;
    real *to = g;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double slope = power == 1 ? 1 : power == 2 ? 1 / (double)result[i] : pow((double)result[i], 1 - power);
        to[i] = result[i] == 0 ? 0 : (real)(scale * slope * (double)from[i]);
    }
}

void FNN_NAME(lp_grad_powers)(const void *x, void *gx, ptrdiff_t n, double power) {
    const real *from = x;
    real *to = gx;
    if (power == 2)
        for (ptrdiff_t i = 0; i < n; i++) to[i] *= from[i];
    else if (power != 1)
        for (ptrdiff_t i = 0; i < n; i++) to[i] *= lp_power(from[i], power - 1);
}
