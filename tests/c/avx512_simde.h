/* AVX-512 for processors without it: the intrinsics from the SIMDe headers, and the few that SIMDe 0.7 lacks, written
 * from Intel's description of them. For tests alone: slow. */
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <string.h>

#define __mmask16 simde__mmask16
#define _MM_FROUND_TO_NEAREST_INT SIMDE_MM_FROUND_TO_NEAREST_INT
#define _MM_FROUND_NO_EXC SIMDE_MM_FROUND_NO_EXC

#ifndef _mm512_cvtps_epi32
FNN_ALWAYS_INLINE simde__m512i _mm512_cvtps_epi32(simde__m512 a) {
    float from[16];
    int32_t to[16];
    simde_mm512_storeu_ps(from, a);
    for (int i = 0; i < 16; i++) to[i] = (int32_t)lrintf(from[i]);
    return simde_mm512_loadu_si512(to);
}
#endif
#ifndef _mm512_shuffle_f32x4
FNN_ALWAYS_INLINE simde__m512 _mm512_shuffle_f32x4(simde__m512 a, simde__m512 b, int control) {
    float from_a[16], from_b[16], to[16];
    simde_mm512_storeu_ps(from_a, a);
    simde_mm512_storeu_ps(from_b, b);
    for (int lane = 0; lane < 4; lane++)
        memcpy(to + 4 * lane, (lane < 2 ? from_a : from_b) + 4 * (control >> (2 * lane) & 3), 4 * sizeof(float));
    return simde_mm512_loadu_ps(to);
}
#endif
