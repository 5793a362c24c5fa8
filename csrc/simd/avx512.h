/* AVX-512 (F, DQ, BW, VL) dialect: 16 floats a word. See README.md for the meaning of each word.
 * With FNN_SIMDE the intrinsics come from the SIMDe headers, so that tests run on processors without AVX-512. */
#ifdef FNN_SIMDE
#include "avx512_simde.h" /* tests/c: found through -I */
#define FNN_ISA_BASELINE
#else
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))), \
                             apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prefer-vector-width=512")
#endif
#endif

#define FNN_ISA avx512
#define real float
#define vf __m512
#define vm __mmask16
#define FNN_VF 16

/* 14 x 32: 28 accumulators, 2 panel words, 1 broadcast in 32 registers; 14 divides the 14, 28, 56, 112 and 224
 * pixels of the ImageNet stages. Up to 6 rows take 4 panels (24 accumulators): fewer loads per FMA. */
#define FNN_TILE_ROWS 14
#define FNN_WIDE_ROWS 6
#define FNN_TILE_PANELS(rows) ((rows) <= 6 ? 4 : 2)
/* Three panels, the taps of a 3-wide kernel in the weight gradient, go together: 9 x 48 has 27 accumulators. */
#define FNN_TILE_TRIPLE_ROWS 9
/* clang-format off */
#define FNN_TILE_LIST(T) \
    T(1, 4) T(2, 4) T(3, 4) T(4, 4) T(5, 4) T(6, 4) T(1, 3) T(2, 3) T(3, 3) T(4, 3) T(5, 3) T(6, 3) \
    T(1, 2) T(2, 2) T(3, 2) T(4, 2) T(5, 2) T(6, 2) T(7, 2) \
    T(8, 2) T(9, 2) T(10, 2) T(11, 2) T(12, 2) T(13, 2) T(14, 2) \
    T(7, 3) T(8, 3) T(9, 3) \
    T(1, 1) T(2, 1) T(3, 1) T(4, 1) T(5, 1) T(6, 1) T(7, 1) \
    T(8, 1) T(9, 1) T(10, 1) T(11, 1) T(12, 1) T(13, 1) T(14, 1)
/* clang-format on */

FNN_ALWAYS_INLINE vf vf_zero(void) { return _mm512_setzero_ps(); }
FNN_ALWAYS_INLINE vf vf_set1(real x) { return _mm512_set1_ps(x); }
FNN_ALWAYS_INLINE vf vf_load(const real *p) { return _mm512_loadu_ps(p); }
FNN_ALWAYS_INLINE void vf_store(real *p, vf x) { _mm512_storeu_ps(p, x); }
#define FNN_HAVE_STREAM_WORDS
FNN_ALWAYS_INLINE void vf_stream(real *p, vf x) { _mm512_stream_ps(p, x); }
FNN_ALWAYS_INLINE void vf_stream_end(void) { _mm_sfence(); }
FNN_ALWAYS_INLINE vf vf_load_bfloat16(const uint16_t *p) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
#define FNN_HAVE_PARTIAL_WORDS
#define vn __mmask16
FNN_ALWAYS_INLINE unsigned vn_below(ptrdiff_t n) { return n >= 16 ? 0xffff : n > 0 ? (1u << n) - 1 : 0; }
FNN_ALWAYS_INLINE vn vn_range(ptrdiff_t begin, ptrdiff_t end) { return (vn)(vn_below(end) & ~vn_below(begin)); }
FNN_ALWAYS_INLINE vf vf_load_part(const real *p, vn n) { return _mm512_maskz_loadu_ps(n, p); }
FNN_ALWAYS_INLINE void vf_store_part(real *p, vf x, vn n) { _mm512_mask_storeu_ps(p, n, x); }
#define vi __m512i
FNN_ALWAYS_INLINE vi vi_load(const int32_t *p) { return _mm512_loadu_si512(p); }
FNN_ALWAYS_INLINE vf vf_lookup(vf a, vf b, vi i) { return _mm512_permutex2var_ps(a, i, b); }
FNN_ALWAYS_INLINE vf vf_keep(vf x) {
#if defined(__GNUC__) || defined(__clang__)
    __asm__("" : "+v"(x));
#endif
    return x;
}
FNN_ALWAYS_INLINE vf vf_even(vf a, vf b) {
    const __m512i pick = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(a, pick, b);
}
FNN_ALWAYS_INLINE vf vf_odd(vf a, vf b) {
    const __m512i pick = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    return _mm512_permutex2var_ps(a, pick, b);
}
FNN_ALWAYS_INLINE vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
FNN_ALWAYS_INLINE vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
FNN_ALWAYS_INLINE vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
FNN_ALWAYS_INLINE vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
FNN_ALWAYS_INLINE vf vf_sqrt(vf a) { return _mm512_sqrt_ps(a); }
FNN_ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
FNN_ALWAYS_INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
FNN_ALWAYS_INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
FNN_ALWAYS_INLINE vf vf_max_nan(vf a, vf b) {
    return _mm512_mask_max_ps(a, _mm512_cmp_ps_mask(a, a, _CMP_ORD_Q), a, b);
}
FNN_ALWAYS_INLINE void vf_store_bytes(uint8_t *p, vf x) {
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(x)));
}
FNN_ALWAYS_INLINE vf vf_load_bytes(const uint8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
FNN_ALWAYS_INLINE vf vf_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
FNN_ALWAYS_INLINE vf vf_pow2(vf n) {
    __m512i bits = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 23));
}
FNN_ALWAYS_INLINE vf vf_scale(vf x, vf n) { return _mm512_scalef_ps(x, n); }
#define FNN_HAVE_SCALE
FNN_ALWAYS_INLINE vf vf_exponent(vf x) {
    __m512i bits = _mm512_srli_epi32(_mm512_castps_si512(x), 23);
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(bits, _mm512_set1_epi32(127)));
}
FNN_ALWAYS_INLINE vm vf_gt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
FNN_ALWAYS_INLINE vm vf_eq(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
FNN_ALWAYS_INLINE vm vf_isnan(vf a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
FNN_ALWAYS_INLINE vm vm_or(vm a, vm b) { return (vm)(a | b); }
FNN_ALWAYS_INLINE vm vm_and(vm a, vm b) { return (vm)(a & b); }
FNN_ALWAYS_INLINE int vm_any(vm m) { return m != 0; }
FNN_ALWAYS_INLINE vf vf_select(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }

/* 4 x 4 transposes within the 128-bit lanes, then of the lanes. */
FNN_ALWAYS_INLINE void vf_transpose(vf r[16]) {
    vf t[16], u[16];
    FNN_UNROLL
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    FNN_UNROLL
    for (int i = 0; i < 16; i += 4) {
        u[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xEE);
        u[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
    FNN_UNROLL
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_f32x4(u[i], u[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_f32x4(u[i], u[i + 4], 0xDD);
        t[i + 8] = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0xDD);
    }
    FNN_UNROLL
    for (int i = 0; i < 4; i++) {
        r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xDD);
        r[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
        r[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xDD);
    }
}
