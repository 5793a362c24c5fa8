#include "cpu.h"

#if FNN_ARCH_X86
#include <stdint.h>
#ifdef _MSC_VER
#include <intrin.h>
static void cpuid(int leaf, int subleaf, uint32_t r[4]) { __cpuidex((int *)r, leaf, subleaf); }
static uint64_t xgetbv0(void) { return _xgetbv(0); }
#else
#include <cpuid.h>
static void cpuid(int leaf, int subleaf, uint32_t r[4]) { __cpuid_count(leaf, subleaf, r[0], r[1], r[2], r[3]); }
static uint64_t xgetbv0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}
#endif

enum { EAX, EBX, ECX, EDX };
#define BIT(word, i) ((word) >> (i) & 1u)

/* Both the processor and the operating system (which must save the registers) have to agree: Intel SDM vol. 1,
 * sections 14.3 and 15.2. */
static int x86_has(fnn_isa isa) {
    uint32_t leaf0[4], leaf1[4], leaf7[4];
    cpuid(0, 0, leaf0);
    if (leaf0[EAX] < 7) return 0;
    cpuid(1, 0, leaf1);
    cpuid(7, 0, leaf7);
    if (!BIT(leaf1[ECX], 27)) return 0; /* OSXSAVE */
    const uint64_t saved = xgetbv0();
    const int avx2 = (saved & 0x6) == 0x6 && BIT(leaf1[ECX], 28) && BIT(leaf1[ECX], 12) && BIT(leaf7[EBX], 5);
    if (isa == FNN_ISA_AVX2) return avx2;
    /* F, DQ, BW, VL and the opmask, upper-half and upper-register state */
    return avx2 && (saved & 0xe6) == 0xe6 && BIT(leaf7[EBX], 16) && BIT(leaf7[EBX], 17) && BIT(leaf7[EBX], 30) &&
           BIT(leaf7[EBX], 31);
}
#endif

int fnn_cpu_has(fnn_isa isa) {
    switch (isa) {
    case FNN_ISA_SCALAR:
        return 1;
#if FNN_ARCH_ARM64
    case FNN_ISA_NEON: /* part of the AArch64 baseline */
        return 1;
#endif
#if FNN_ARCH_X86
    case FNN_ISA_AVX2:
        return x86_has(isa);
    case FNN_ISA_AVX512:
#ifdef FNN_SIMDE /* the dialect is emulated: runs wherever AVX2 does */
        return x86_has(FNN_ISA_AVX2);
#else
        return x86_has(isa);
#endif
#endif
    default:
        return 0;
    }
}

const char *fnn_isa_name(fnn_isa isa) {
    static const char *const names[FNN_ISA_COUNT] = {"scalar", "neon", "avx2", "avx512"};
    return isa < FNN_ISA_COUNT ? names[isa] : "unknown";
}
