/* Every kernel body, compiled for AVX2 + FMA. */
#include "../dispatch.h"
#if FNN_ARCH_X86
#include "../simd/avx2.h"
#include "bodies.h"
#include "../simd/end.h"
#endif
