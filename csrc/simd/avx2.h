/* AVX2 + FMA dialect: 8 floats a word. See README.md for the meaning of each word. */
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#define FNN_ISA avx2
#define real float
#define vf __m256
#define vm __m256
#define FNN_VF 8

/* 6 x 16: 12 accumulators, 2 panel words and 1 broadcast in 16 registers. Up to 3 rows two panels
 * keep at least 8 FMAs in flight (latency 4, two a cycle), which one panel cannot. */
#define FNN_TILE_ROWS 6
#define FNN_WIDE_ROWS 6
#define FNN_TILE_PANELS(rows) ((rows) <= 3 ? 2 : 1)
#define FNN_TILE_TRIPLE_ROWS 0
#define FNN_TILE_LIST(T) T(1, 2) T(2, 2) T(3, 2) T(1, 1) T(2, 1) T(3, 1) T(4, 1) T(5, 1) T(6, 1)

FNN_ALWAYS_INLINE vf vf_zero(void) { return _mm256_setzero_ps(); }
FNN_ALWAYS_INLINE vf vf_set1(real x) { return _mm256_set1_ps(x); }
FNN_ALWAYS_INLINE vf vf_load(const real *p) { return _mm256_loadu_ps(p); }
FNN_ALWAYS_INLINE void vf_store(real *p, vf x) { _mm256_storeu_ps(p, x); }
#define FNN_HAVE_STREAM_WORDS
FNN_ALWAYS_INLINE void vf_stream(real *p, vf x) { _mm256_stream_ps(p, x); }
FNN_ALWAYS_INLINE void vf_stream_end(void) { _mm_sfence(); }
FNN_ALWAYS_INLINE vf vf_load_bfloat16(const uint16_t *p) {
    const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
#define FNN_HAVE_PARTIAL_WORDS
#define vn __m256i
FNN_ALWAYS_INLINE vn vn_below(ptrdiff_t n) {
    const int count = n > 8 ? 8 : n < 0 ? 0 : (int)n;
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
FNN_ALWAYS_INLINE vn vn_range(ptrdiff_t begin, ptrdiff_t end) {
    return _mm256_andnot_si256(vn_below(begin), vn_below(end));
}
FNN_ALWAYS_INLINE vf vf_load_part(const real *p, vn n) { return _mm256_maskload_ps(p, n); }
FNN_ALWAYS_INLINE void vf_store_part(real *p, vf x, vn n) { _mm256_maskstore_ps(p, n, x); }
#define vi __m256i
FNN_ALWAYS_INLINE vi vi_load(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
FNN_ALWAYS_INLINE vf vf_lookup(vf a, vf b, vi i) {
    const vf in_b = _mm256_castsi256_ps(_mm256_slli_epi32(i, 28)); /* bit 3 of the index to the sign */
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(a, i), _mm256_permutevar8x32_ps(b, i), in_b);
}
FNN_ALWAYS_INLINE vf vf_keep(vf x) {
#if defined(__GNUC__) || defined(__clang__)
    __asm__("" : "+x"(x));
#endif
    return x;
}
FNN_ALWAYS_INLINE vf vf_even(vf a, vf b) {
    const __m256d halves = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88));
    return _mm256_castpd_ps(_mm256_permute4x64_pd(halves, 0xD8));
}
FNN_ALWAYS_INLINE vf vf_odd(vf a, vf b) {
    const __m256d halves = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xDD));
    return _mm256_castpd_ps(_mm256_permute4x64_pd(halves, 0xD8));
}
FNN_ALWAYS_INLINE vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
FNN_ALWAYS_INLINE vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
FNN_ALWAYS_INLINE vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
FNN_ALWAYS_INLINE vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
FNN_ALWAYS_INLINE vf vf_sqrt(vf a) { return _mm256_sqrt_ps(a); }
FNN_ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
FNN_ALWAYS_INLINE vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
FNN_ALWAYS_INLINE vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
FNN_ALWAYS_INLINE vf vf_max_nan(vf a, vf b) {
    return _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
}
FNN_ALWAYS_INLINE void vf_store_bytes(uint8_t *p, vf x) {
    const __m256i i = _mm256_cvttps_epi32(x);
    const __m128i halves = _mm_packus_epi32(_mm256_castsi256_si128(i), _mm256_extracti128_si256(i, 1));
    _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(halves, halves));
}
FNN_ALWAYS_INLINE vf vf_load_bytes(const uint8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
FNN_ALWAYS_INLINE vf vf_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
FNN_ALWAYS_INLINE vf vf_pow2(vf n) {
    __m256i bits = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 23));
}
FNN_ALWAYS_INLINE vf vf_exponent(vf x) {
    __m256i bits = _mm256_srli_epi32(_mm256_castps_si256(x), 23);
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(bits, _mm256_set1_epi32(127)));
}
FNN_ALWAYS_INLINE vm vf_gt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
FNN_ALWAYS_INLINE vm vf_eq(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
FNN_ALWAYS_INLINE vm vf_isnan(vf a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
FNN_ALWAYS_INLINE vm vm_or(vm a, vm b) { return _mm256_or_ps(a, b); }
FNN_ALWAYS_INLINE vm vm_and(vm a, vm b) { return _mm256_and_ps(a, b); }
FNN_ALWAYS_INLINE int vm_any(vm m) { return _mm256_movemask_ps(m) != 0; }
FNN_ALWAYS_INLINE vf vf_select(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }

FNN_ALWAYS_INLINE void vf_transpose(vf r[8]) {
    vf t[8], u[8];
    FNN_UNROLL
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    FNN_UNROLL
    for (int i = 0; i < 8; i += 4) {
        u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
        u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
    FNN_UNROLL
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
    }
}
