/* float64 dialect: the same bodies in double, elementary functions from the C library. Correctness first: gradient checks. */
#include <math.h>
#define FNN_ISA_BASELINE
#define FNN_ISA scalar_f64
#define real double
#define FNN_VF 4
#define FNN_ROUND nearbyint
#define FNN_SQRT sqrt
#define FNN_HAVE_LIBM_WORDS

#define FNN_TILE_ROWS 3
#define FNN_WIDE_ROWS 3
#define FNN_TILE_PANELS(rows) 1
#define FNN_TILE_TRIPLE_ROWS 0
#define FNN_TILE_LIST(T) T(1, 1) T(2, 1) T(3, 1)

#include "portable.h"

#define LIBM_WORD(name, expression) \
    FNN_ALWAYS_INLINE vf name(vf x) { \
        for (int i = 0; i < FNN_VF; i++) x.v[i] = expression; \
        return x; \
    }
LIBM_WORD(vf_exp, exp(x.v[i]))
LIBM_WORD(vf_tanh, tanh(x.v[i]))
LIBM_WORD(vf_expm1, expm1(x.v[i]))
LIBM_WORD(vf_log1p, log1p(x.v[i]))
LIBM_WORD(vf_log, log(x.v[i]))
LIBM_WORD(vf_normal_cdf, 0.5 * erfc(-x.v[i] * 0.70710678118654752440))
