/* NEON (AArch64) dialect: 4 floats a word. See README.md for the meaning of each word. */
#include <arm_neon.h>
#define FNN_ISA_BASELINE /* Advanced SIMD is part of the AArch64 baseline */
#define FNN_ISA neon
#define real float
#define vf float32x4_t
#define vm uint32x4_t
#define FNN_VF 4

/* 6 x 16: 24 accumulators, 4 panel words and a broadcast in 32 registers. */
#define FNN_TILE_ROWS 6
#define FNN_WIDE_ROWS 6
#define FNN_TILE_PANELS(rows) 1
#define FNN_TILE_TRIPLE_ROWS 0
#define FNN_TILE_LIST(T) T(1, 1) T(2, 1) T(3, 1) T(4, 1) T(5, 1) T(6, 1)

FNN_ALWAYS_INLINE vf vf_zero(void) { return vdupq_n_f32(0); }
FNN_ALWAYS_INLINE vf vf_set1(real x) { return vdupq_n_f32(x); }
FNN_ALWAYS_INLINE vf vf_load(const real *p) { return vld1q_f32(p); }
FNN_ALWAYS_INLINE void vf_store(real *p, vf x) { vst1q_f32(p, x); }
FNN_ALWAYS_INLINE vf vf_load_bfloat16(const uint16_t *p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }
#define vi uint8x16_t
FNN_ALWAYS_INLINE vi vi_load(const int32_t *p) { /* bytes 4i, 4i + 1, 4i + 2, 4i + 3 of each element i */
    const uint32x4_t i = vreinterpretq_u32_s32(vld1q_s32(p));
    return vreinterpretq_u8_u32(vaddq_u32(vmulq_n_u32(i, 0x04040404), vdupq_n_u32(0x03020100)));
}
FNN_ALWAYS_INLINE vf vf_lookup(vf a, vf b, vi i) {
    const uint8x16x2_t bytes = {{vreinterpretq_u8_f32(a), vreinterpretq_u8_f32(b)}};
    return vreinterpretq_f32_u8(vqtbl2q_u8(bytes, i));
}
FNN_ALWAYS_INLINE vf vf_keep(vf x) { return x; }
FNN_ALWAYS_INLINE vf vf_even(vf a, vf b) { return vuzp1q_f32(a, b); }
FNN_ALWAYS_INLINE vf vf_odd(vf a, vf b) { return vuzp2q_f32(a, b); }
FNN_ALWAYS_INLINE vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
FNN_ALWAYS_INLINE vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
FNN_ALWAYS_INLINE vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
FNN_ALWAYS_INLINE vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
FNN_ALWAYS_INLINE vf vf_sqrt(vf a) { return vsqrtq_f32(a); }
FNN_ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
FNN_ALWAYS_INLINE vf vf_max(vf a, vf b) { return vmaxq_f32(a, b); }
FNN_ALWAYS_INLINE vf vf_min(vf a, vf b) { return vminq_f32(a, b); }
FNN_ALWAYS_INLINE vf vf_max_nan(vf a, vf b) { return vmaxq_f32(a, b); }
FNN_ALWAYS_INLINE void vf_store_bytes(uint8_t *p, vf x) {
    const uint16x4_t halves = vmovn_u32(vcvtq_u32_f32(x));
    const uint32_t four = vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(halves, halves))), 0);
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(four >> 8 * i);
}
FNN_ALWAYS_INLINE vf vf_load_bytes(const uint8_t *p) {
    const uint32_t four = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(four)))));
}
FNN_ALWAYS_INLINE vf vf_round(vf a) { return vrndnq_f32(a); }
FNN_ALWAYS_INLINE vf vf_pow2(vf n) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23));
}
FNN_ALWAYS_INLINE vf vf_exponent(vf x) {
    const uint32x4_t bits = vshrq_n_u32(vreinterpretq_u32_f32(x), 23);
    return vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(bits), vdupq_n_s32(127)));
}
FNN_ALWAYS_INLINE vm vf_gt(vf a, vf b) { return vcgtq_f32(a, b); }
FNN_ALWAYS_INLINE vm vf_eq(vf a, vf b) { return vceqq_f32(a, b); }
FNN_ALWAYS_INLINE vm vf_isnan(vf a) { return vmvnq_u32(vceqq_f32(a, a)); }
FNN_ALWAYS_INLINE vm vm_or(vm a, vm b) { return vorrq_u32(a, b); }
FNN_ALWAYS_INLINE vm vm_and(vm a, vm b) { return vandq_u32(a, b); }
FNN_ALWAYS_INLINE int vm_any(vm m) { return vmaxvq_u32(m) != 0; }
FNN_ALWAYS_INLINE vf vf_select(vm m, vf a, vf b) { return vbslq_f32(m, a, b); }

FNN_ALWAYS_INLINE void vf_transpose(vf r[4]) {
    float32x4x2_t t = vtrnq_f32(r[0], r[1]), u = vtrnq_f32(r[2], r[3]);
    r[0] = vcombine_f32(vget_low_f32(t.val[0]), vget_low_f32(u.val[0]));
    r[1] = vcombine_f32(vget_low_f32(t.val[1]), vget_low_f32(u.val[1]));
    r[2] = vcombine_f32(vget_high_f32(t.val[0]), vget_high_f32(u.val[0]));
    r[3] = vcombine_f32(vget_high_f32(t.val[1]), vget_high_f32(u.val[1]));
}
