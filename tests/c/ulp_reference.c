/* The activations in double, for ulp.c. In a file of its own: with -ffast-math the compiler makes the loops vector code
 * (glibc's vector functions are good to 4 units of the last place of a double, 2^-27 of one of a float). */
#include <math.h>
#include <stddef.h>

#include "ulp.h"

#define EACH(expression) \
    for (ptrdiff_t i = 0; i < n; i++) { \
        const double x = v[i]; \
        y[i] = (expression); \
    } \
    break

static inline double logistic(double x) {
    const double e = exp(-fabs(x));
    return (x > 0 ? 1 : e) / (1 + e);
}

static inline double mish_factor(double x) {
    const double e = exp(x < 40 ? x : 40);
    return e * (e + 2) / (e * (e + 2) + 2);
}

void reference(int activation, ptrdiff_t n, const double *v, double *y) {
    switch (activation) {
    case FNN_EXP:
        EACH(exp(x));
    case FNN_SIGMOID:
        EACH(logistic(x));
    case FNN_TANH:
        EACH(tanh(x));
    case FNN_SILU:
        EACH(x * logistic(x));
    case FNN_ELU:
        EACH(x > 0 ? x : expm1(x < 0 ? x : 0));
    case FNN_SELU:
        EACH(1.0507009873554804934193349852946 *
             (x > 0 ? x : 1.6732632423543772848170429916717 * expm1(x < 0 ? x : 0)));
    case FNN_GELU:
        EACH(x * (0.5 * erfc(x * -0.70710678118654752440)));
    case FNN_GELU_TANH:
        EACH(x * logistic(1.5957691216057307117597842397375 * (x + 0.044715 * x * x * x)));
    case FNN_MISH:
        EACH(x * mish_factor(x));
    case FNN_SOFTPLUS:
        EACH(x > 20 ? x : log1p(exp(x < 20 ? x : 20)));
    case FNN_HARDSWISH:
        EACH(x * fmin(fmax(x + 3, 0), 6) / 6);
    default: /* FNN_HARDSIGMOID */
        EACH(fmin(fmax(x + 3, 0), 6) / 6);
    }
}
