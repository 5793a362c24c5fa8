/* What the processor can do. Asks the processor itself (cpuid, xgetbv, getauxval), never the file system. */
#ifndef FNN_CPU_H
#define FNN_CPU_H

#if defined(__x86_64__) || defined(_M_X64)
#define FNN_ARCH_X86 1
#elif defined(__aarch64__) || defined(_M_ARM64)
#define FNN_ARCH_ARM64 1
#endif

typedef enum { FNN_ISA_SCALAR, FNN_ISA_NEON, FNN_ISA_AVX2, FNN_ISA_AVX512, FNN_ISA_COUNT } fnn_isa;

/* 1 when this build has the dialect and this processor and operating system can run it. */
int fnn_cpu_has(fnn_isa isa);
/* "scalar", "neon", "avx2", "avx512" */
const char *fnn_isa_name(fnn_isa isa);

#endif
