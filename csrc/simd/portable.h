/* The words of the two plain C dialects, over `real` and FNN_VF. */
typedef struct {
    real v[FNN_VF];
} FNN_CAT(fnn_word_, FNN_ISA);
typedef struct {
    int v[FNN_VF];
} FNN_CAT(fnn_mask_, FNN_ISA);
#define vf FNN_CAT(fnn_word_, FNN_ISA)
#define vm FNN_CAT(fnn_mask_, FNN_ISA)

#define PORTABLE_EACH(expression) \
    for (int i = 0; i < FNN_VF; i++) y.v[i] = (expression); \
    return y

FNN_ALWAYS_INLINE vf vf_set1(real x) {
    vf y;
    PORTABLE_EACH(x);
}
FNN_ALWAYS_INLINE vf vf_zero(void) { return vf_set1(0); }
FNN_ALWAYS_INLINE vf vf_load(const real *p) {
    vf y;
    PORTABLE_EACH(p[i]);
}
FNN_ALWAYS_INLINE void vf_store(real *p, vf x) {
    for (int i = 0; i < FNN_VF; i++) p[i] = x.v[i];
}
FNN_ALWAYS_INLINE vf vf_load_bfloat16(const uint16_t *p) {
    vf y;
    for (int i = 0; i < FNN_VF; i++) {
        union {
            uint32_t i;
            float f;
        } bits = {(uint32_t)p[i] << 16};
        y.v[i] = bits.f;
    }
    return y;
}
#define PORTABLE_WORD2(name, expression) \
    FNN_ALWAYS_INLINE vf name(vf a, vf b) { \
        vf y; \
        PORTABLE_EACH(expression); \
    }
PORTABLE_WORD2(vf_add, a.v[i] + b.v[i])
PORTABLE_WORD2(vf_sub, a.v[i] - b.v[i])
PORTABLE_WORD2(vf_mul, a.v[i] * b.v[i])
PORTABLE_WORD2(vf_div, a.v[i] / b.v[i])
PORTABLE_WORD2(vf_max, a.v[i] > b.v[i] ? a.v[i] : b.v[i])
PORTABLE_WORD2(vf_min, a.v[i] < b.v[i] ? a.v[i] : b.v[i])
PORTABLE_WORD2(vf_max_nan, a.v[i] > b.v[i] || a.v[i] != a.v[i] ? a.v[i] : b.v[i])
FNN_ALWAYS_INLINE void vf_store_bytes(uint8_t *p, vf x) {
    for (int i = 0; i < FNN_VF; i++) p[i] = (uint8_t)x.v[i];
}
FNN_ALWAYS_INLINE vf vf_load_bytes(const uint8_t *p) {
    vf y;
    PORTABLE_EACH(p[i]);
}
#define vi FNN_CAT(fnn_mask_, FNN_ISA)
FNN_ALWAYS_INLINE vi vi_load(const int32_t *p) {
    vi y;
    PORTABLE_EACH(p[i]);
}
FNN_ALWAYS_INLINE vf vf_lookup(vf a, vf b, vi at) {
    vf y;
    PORTABLE_EACH(at.v[i] < FNN_VF ? a.v[at.v[i]] : b.v[at.v[i] - FNN_VF]);
}
FNN_ALWAYS_INLINE vf vf_keep(vf x) { return x; }
FNN_ALWAYS_INLINE vf vf_even(vf a, vf b) {
    vf y;
    PORTABLE_EACH(2 * i < FNN_VF ? a.v[2 * i % FNN_VF] : b.v[2 * i % FNN_VF]);
}
FNN_ALWAYS_INLINE vf vf_odd(vf a, vf b) {
    vf y;
    PORTABLE_EACH(2 * i < FNN_VF ? a.v[2 * i % FNN_VF + 1] : b.v[2 * i % FNN_VF + 1]);
}
/* Two roundings: the C library's fma is a slow call where the baseline has no such instruction. */
FNN_ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) {
    vf y;
    PORTABLE_EACH(a.v[i] * b.v[i] + c.v[i]);
}
FNN_ALWAYS_INLINE vf vf_round(vf a) {
    vf y;
    PORTABLE_EACH(FNN_ROUND(a.v[i]));
}
FNN_ALWAYS_INLINE vf vf_sqrt(vf a) {
    vf y;
    PORTABLE_EACH(FNN_SQRT(a.v[i]));
}
#define PORTABLE_COMPARE(name, expression) \
    FNN_ALWAYS_INLINE vm name(vf a, vf b) { \
        vm y; \
        PORTABLE_EACH(expression); \
    }
PORTABLE_COMPARE(vf_gt, a.v[i] > b.v[i])
PORTABLE_COMPARE(vf_eq, a.v[i] == b.v[i])
FNN_ALWAYS_INLINE vm vf_isnan(vf a) {
    vm y;
    PORTABLE_EACH(a.v[i] != a.v[i]);
}
FNN_ALWAYS_INLINE vm vm_or(vm a, vm b) {
    vm y;
    PORTABLE_EACH(a.v[i] | b.v[i]);
}
FNN_ALWAYS_INLINE vm vm_and(vm a, vm b) {
    vm y;
    PORTABLE_EACH(a.v[i] & b.v[i]);
}
FNN_ALWAYS_INLINE int vm_any(vm m) {
    int any = 0;
    for (int i = 0; i < FNN_VF; i++) any |= m.v[i];
    return any;
}
FNN_ALWAYS_INLINE vf vf_select(vm m, vf a, vf b) {
    vf y;
    PORTABLE_EACH(m.v[i] ? a.v[i] : b.v[i]);
}
FNN_ALWAYS_INLINE void vf_transpose(vf r[FNN_VF]) {
    for (int i = 0; i < FNN_VF; i++)
        for (int j = 0; j < i; j++) {
            real t = r[i].v[j];
            r[i].v[j] = r[j].v[i];
            r[j].v[i] = t;
        }
}
