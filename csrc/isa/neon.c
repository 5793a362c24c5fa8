/* Every kernel body, compiled for NEON. */
#include "../dispatch.h"
#if FNN_ARCH_ARM64
#include "../simd/neon.h"
#include "bodies.h"
#include "../simd/end.h"
#endif
