/* What ulp.c asks of ulp_reference.c. */
#ifndef ULP_H
#define ULP_H
#include "../../csrc/fastnn.h"

/* y[i] = f(x[i]) in double, for finite x. */
void reference(int activation, ptrdiff_t n, const double *x, double *y);
#endif
