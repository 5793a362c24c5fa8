/* What the driver's groups share: arrays of exactly the size they claim (so that an address sanitizer sees every
 * overrun), random numbers, comparison, and the count of checks. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../csrc/fastnn.h"

static int passed, failed, skipped;

/* Counts one check; prints what failed, at most ten a run in full. */
static void check(int ok, const char *format, ...) {
    va_list arguments;
    if (ok) {
        passed++;
        return;
    }
    if (failed++ >= 10) return;
    va_start(arguments, format);
    printf("FAILED %s ", fnn_active_isa());
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}

static int group_passed, group_failed;
static void group_begin(void) {
    group_passed = passed;
    group_failed = failed;
}
static void group_end(const char *name) {
    printf("%-8s %-12s %6d passed, %d failed\n", fnn_active_isa(), name, passed - group_passed, failed - group_failed);
    fflush(stdout);
}

/* ---- random numbers: xorshift, the same on every platform ---- */
static uint64_t random_state = 0x9E3779B97F4A7C15u;
static uint64_t random_bits(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state >> 11;
}
static ptrdiff_t random_int(ptrdiff_t least, ptrdiff_t most) {
    return least + (ptrdiff_t)(random_bits() % (uint64_t)(most - least + 1));
}

/* Eighths between -1 and 1: sums of up to 2^17 products of two of them are exact even in float32, in any order, so
 * that convolutions and matrix products can be compared without a tolerance. */
static double random_eighth(void) { return (double)random_int(-8, 8) / 8; }
/* Any number in (-1, 1), for the checks in which rounding must show. */
static double random_real(void) { return (double)(float)((double)random_int(-8388607, 8388607) / 8388608); }

/* Emulators and sanitizers try every n-th variant (dtype, layouts, threads) of a case; 5 or 7 meet all of them over the
 * cases. */
static int every = 1;
static int passed_over(void) {
    static int variants;
    return variants++ % every != 0;
}

/* ---- reference values: plain double arrays in NCHW order ---- */
static void *must(void *p) {
    if (p) return p;
    printf("out of memory\n");
    exit(2);
}
static double *zeros(ptrdiff_t n) { return must(calloc((size_t)(n ? n : 1), sizeof(double))); }
static double *random_values(ptrdiff_t n, double (*draw)(void)) {
    double *v = zeros(n);
    for (ptrdiff_t i = 0; i < n; i++) v[i] = draw();
    return v;
}

/* ---- what is handed to the library ---- */
typedef struct {
    ptrdiff_t n, c, h, w;
} shape;
static ptrdiff_t volume(shape s) { return s.n * s.c * s.h * s.w; }

static size_t item_size(fnn_dtype dtype) { return dtype == FNN_F32 ? sizeof(float) : sizeof(double); }
static double get(fnn_dtype dtype, const void *a, ptrdiff_t i) {
    return dtype == FNN_F32 ? (double)((const float *)a)[i] : ((const double *)a)[i];
}
static void put(fnn_dtype dtype, void *a, ptrdiff_t i, double v) {
    if (dtype == FNN_F32)
        ((float *)a)[i] = (float)v;
    else
        ((double *)a)[i] = v;
}

/* n elements that hold NaN until they are written. */
static void *output(fnn_dtype dtype, ptrdiff_t n) {
    void *a = must(malloc(n ? (size_t)n * item_size(dtype) : 1));
    for (ptrdiff_t i = 0; i < n; i++) put(dtype, a, i, NAN);
    return a;
}
static void *vector(fnn_dtype dtype, ptrdiff_t n, const double *values) {
    void *a = output(dtype, n);
    for (ptrdiff_t i = 0; i < n; i++) put(dtype, a, i, values[i]);
    return a;
}
/* Packed weights must be aligned to 64 bytes; their size is a multiple of that already. */
static void *packed_buffer(fnn_dtype dtype, size_t n) {
    size_t bytes = n * item_size(dtype);
#ifdef _WIN32
    return must(_aligned_malloc(bytes ? bytes : 64, 64));
#else
    void *p = NULL;
    return posix_memalign(&p, 64, bytes ? bytes : 64) ? must(NULL) : p;
#endif
}
static void packed_free(void *p) {
#ifdef _WIN32
    _aligned_free(p);
#else
    free(p);
#endif
}

static ptrdiff_t image_size(int layout, shape s) {
    return layout != FNN_BLOCKED ? volume(s) : s.n * ((s.c + 15) / 16) * s.h * s.w * 16;
}
/* Where element (n, c, hw) lies. */
static ptrdiff_t image_at(int layout, shape s, ptrdiff_t n, ptrdiff_t c, ptrdiff_t hw) {
    if (layout == FNN_NCHW) return (n * s.c + c) * s.h * s.w + hw;
    if (layout == FNN_NHWC) return (n * s.h * s.w + hw) * s.c + c;
    return ((n * ((s.c + 15) / 16) + c / 16) * s.h * s.w + hw) * 16 + c % 16;
}
static void *image(fnn_dtype dtype, int layout, shape s, const double *values) {
    void *a = output(dtype, image_size(layout, s));
    for (ptrdiff_t n = 0; n < s.n; n++)
        for (ptrdiff_t c = 0; c < (layout != FNN_BLOCKED ? s.c : (s.c + 15) / 16 * 16); c++)
            for (ptrdiff_t hw = 0; hw < s.h * s.w; hw++)
                put(dtype, a, image_at(layout, s, n, c, hw), c < s.c ? values[(n * s.c + c) * s.h * s.w + hw] : 0);
    return a;
}

/* Index of the first wrong element of an image (NCHW order; lanes beyond c must be zero), or -1. */
static ptrdiff_t image_differs(fnn_dtype dtype, int layout, shape s, const void *got, const double *want,
                               double tolerance) {
    for (ptrdiff_t n = 0; n < s.n; n++)
        for (ptrdiff_t c = 0; c < (layout != FNN_BLOCKED ? s.c : (s.c + 15) / 16 * 16); c++)
            for (ptrdiff_t hw = 0; hw < s.h * s.w; hw++) {
                double g = get(dtype, got, image_at(layout, s, n, c, hw));
                double w = c < s.c ? want[(n * s.c + c) * s.h * s.w + hw] : 0;
                double allowed = c < s.c ? tolerance * fmax(1, fabs(w)) : 0;
                if (isnan(w) ? !isnan(g) : !(g == w || fabs(g - w) <= allowed)) return (n * s.c + c) * s.h * s.w + hw;
            }
    return -1;
}

/* Rounding steps of the dtype, as a tolerance relative to max(1, |value|). */
static double steps(fnn_dtype dtype, double n) { return n * (dtype == FNN_F32 ? 1.1920929e-7 : 2.220446e-16); }

static const char *dtype_name(fnn_dtype dtype) { return dtype == FNN_F32 ? "float32" : "float64"; }
static const char *layout_name(int layout) {
    return layout == FNN_NCHW ? "nchw" : layout == FNN_NHWC ? "nhwc" : "blocked";
}

#endif
