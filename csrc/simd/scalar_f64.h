/* float64 dialect: the same bodies in double, exp and tanh from the C library. Correctness first: gradient checks. */
#include <math.h>
#define FNN_ISA_BASELINE
#define FNN_ISA scalar_f64
#define real double
#define FNN_VF 4
#define FNN_ROUND nearbyint
#define FNN_HAVE_LIBM_WORDS

#define FNN_TILE_ROWS 3
#define FNN_WIDE_ROWS 3
#define FNN_TILE_PANELS(rows) 1
#define FNN_TILE_TRIPLE_ROWS 0
#define FNN_TILE_LIST(T) T(1, 1) T(2, 1) T(3, 1)

#include "portable.h"

FNN_ALWAYS_INLINE vf vf_exp(vf x) {
    for (int i = 0; i < FNN_VF; i++) x.v[i] = exp(x.v[i]);
    return x;
}
FNN_ALWAYS_INLINE vf vf_tanh(vf x) {
    for (int i = 0; i < FNN_VF; i++) x.v[i] = tanh(x.v[i]);
    return x;
}
