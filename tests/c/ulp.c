/* The largest error of each activation over all finite float32 values, in units of the last place.
 *
 *   ulp [ISA [STEP]]      make -C tests/c ulp ARGUMENTS_ulp="avx2"
 *
 * STEP looks at one in so many values. A minute or two an activation on one core without it. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ulp.h"

#define CHUNK 16384

static const struct {
    const char *name;
    int activation;
    double alpha, beta;
} functions[] = {
    {"exp", FNN_EXP, 0, 0},
    {"sigmoid", FNN_SIGMOID, 0, 0},
    {"tanh", FNN_TANH, 0, 0},
    {"silu", FNN_SILU, 0, 0},
    {"elu", FNN_ELU, 1, 0},
    {"selu", FNN_SELU, 0, 0},
    {"gelu", FNN_GELU, 0, 0},
    {"gelu_tanh", FNN_GELU_TANH, 0, 0},
    {"mish", FNN_MISH, 0, 0},
    {"softplus", FNN_SOFTPLUS, 1, 20},
    {"hardswish", FNN_HARDSWISH, 0, 0},
    {"hardsigmoid", FNN_HARDSIGMOID, 0, 0},
};

static double spacing[256]; /* of the floats with each exponent field */

static double error_of(float got, double exact) {
    union {
        float f;
        uint32_t bits;
    } rounded = {(float)exact};
    if (rounded.f == got)
        return fabs(exact) < 1e300 && fabsf(got) < INFINITY
                   ? fabs((double)got - exact) / spacing[rounded.bits >> 23 & 255]
                   : 0;
    if (!(fabsf(got) < INFINITY) || !(fabsf(rounded.f) < INFINITY)) return INFINITY;
    return fabs((double)got - exact) / spacing[rounded.bits >> 23 & 255];
}

static void measure(size_t which, uint64_t step) {
    static float x[CHUNK], y[CHUNK];
    static double wide[CHUNK], exact[CHUNK];
    double worst = 0, worst_normal = 0; /* the second over results that are normal numbers */
    float at = 0, at_normal = 0;
    for (uint64_t bits = 0; bits < (uint64_t)1 << 32;) {
        ptrdiff_t n = 0;
        for (; n < CHUNK && bits < (uint64_t)1 << 32; bits += step) {
            union {
                uint32_t bits;
                float f;
            } value = {(uint32_t)bits};
            if ((bits >> 23 & 255) == 255) continue;
            wide[n] = x[n] = value.f;
            n++;
        }
        fnn_activate(FNN_F32, functions[which].activation, functions[which].alpha, functions[which].beta, n, x, y);
        reference(functions[which].activation, n, wide, exact);
        for (ptrdiff_t i = 0; i < n; i++) {
            const double error = error_of(y[i], exact[i]);
            if (!(error <= worst)) worst = error, at = x[i];
            if (!(error <= worst_normal) && fabs(exact[i]) > 1.1754944e-38) worst_normal = error, at_normal = x[i];
        }
    }
    printf("%-12s %-8s %8.2f ulp at %.9g, normal results %.2f at %.9g\n", functions[which].name, fnn_active_isa(),
           worst, at, worst_normal, at_normal);
    fflush(stdout);
}

int main(int argc, char **argv) {
    fnn_init();
    fnn_set_num_threads(1);
    if (argc > 1 && !(fnn_has_isa(argv[1]) && fnn_use_isa(argv[1]))) return 1;
    for (int e = 0; e < 256; e++) spacing[e] = ldexp(1, (e ? e : 1) - 127 - 23);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        measure(i, argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
    return 0;
}
