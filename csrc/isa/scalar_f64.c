/* Every kernel body, compiled for plain C in double. */
#include "../dispatch.h"
#include "../simd/scalar_f64.h"
#include "bodies.h"
#include "../simd/end.h"
