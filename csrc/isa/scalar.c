/* Every kernel body, compiled for plain C in float. */
#include "../dispatch.h"
#include "../simd/scalar.h"
#include "bodies.h"
#include "../simd/end.h"
