/* Plain C dialect for any processor: words of 4 floats that compilers may map to the baseline's registers. */
#include <math.h>
#define FNN_ISA_BASELINE
#define FNN_ISA scalar
#define real float
#define FNN_VF 4
#define FNN_ROUND nearbyintf
#define FNN_SQRT sqrtf

#define FNN_TILE_ROWS 3
#define FNN_WIDE_ROWS 3
#define FNN_TILE_PANELS(rows) 1
#define FNN_TILE_TRIPLE_ROWS 0
#define FNN_TILE_LIST(T) T(1, 1) T(2, 1) T(3, 1)

#include "portable.h"

FNN_ALWAYS_INLINE vf vf_pow2(vf n) {
    vf y;
    for (int i = 0; i < FNN_VF; i++) {
        union {
            int32_t i;
            float f;
        } bits = {((int32_t)(n.v[i] == n.v[i] ? n.v[i] : 0) + 127) * (1 << 23)};
        y.v[i] = bits.f;
    }
    return y;
}

FNN_ALWAYS_INLINE vf vf_exponent(vf x) {
    vf y;
    for (int i = 0; i < FNN_VF; i++) {
        union {
            float f;
            uint32_t i;
        } bits = {x.v[i]};
        y.v[i] = (float)((int32_t)(bits.i >> 23) - 127);
    }
    return y;
}
