/* Every kernel body, compiled for AVX-512. */
#include "../dispatch.h"
#if FNN_ARCH_X86
#include "../simd/avx512.h"
#include "bodies.h"
#include "../simd/end.h"
#endif
