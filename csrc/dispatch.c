#include "dispatch.h"

#include <stdatomic.h>
#include <string.h>

#include "threads.h"

extern const fnn_kernel_table fnn_kernels__scalar, fnn_kernels__scalar_f64;
#if FNN_ARCH_X86
extern const fnn_kernel_table fnn_kernels__avx2, fnn_kernels__avx512;
#endif
#if FNN_ARCH_ARM64
extern const fnn_kernel_table fnn_kernels__neon;
#endif

static const fnn_kernel_table *const tables[FNN_ISA_COUNT] = {
    [FNN_ISA_SCALAR] = &fnn_kernels__scalar,
#if FNN_ARCH_X86
    [FNN_ISA_AVX2] = &fnn_kernels__avx2,
    [FNN_ISA_AVX512] = &fnn_kernels__avx512,
#endif
#if FNN_ARCH_ARM64
    [FNN_ISA_NEON] = &fnn_kernels__neon,
#endif
};

static atomic_int active = FNN_ISA_SCALAR;

const fnn_kernel_table *fnn_kernels(fnn_dtype dtype) {
    if (dtype == FNN_F64) return &fnn_kernels__scalar_f64;
    return tables[atomic_load_explicit(&active, memory_order_relaxed)];
}

static int usable(int isa) { return tables[isa] && fnn_cpu_has((fnn_isa)isa); }

static int isa_index(const char *name) {
    for (int i = 0; i < FNN_ISA_COUNT; i++)
        if (!strcmp(name, fnn_isa_name((fnn_isa)i))) return i;
    return -1;
}

int fnn_has_isa(const char *name) {
    int i = isa_index(name);
    return i >= 0 && usable(i);
}

int fnn_use_isa(const char *name) {
    if (!fnn_has_isa(name)) return 0;
    atomic_store(&active, isa_index(name));
    return 1;
}

const char *fnn_active_isa(void) { return fnn_isa_name((fnn_isa)atomic_load(&active)); }

void fnn_init(void) {
    for (int i = 0; i < FNN_ISA_COUNT; i++)
        if (usable(i)) atomic_store(&active, i);
    fnn_threads_init();
}

const char *fnn_kernel_name(int i) {
    static const char *const names[] = {
#define FNN_KERNEL(name, arguments) #name,
#include "kernels.def"
#undef FNN_KERNEL
    };
    return i >= 0 && i < (int)(sizeof(names) / sizeof(*names)) ? names[i] : NULL;
}
