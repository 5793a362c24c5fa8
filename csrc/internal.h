/* Compiler words and small helpers shared by every storey. No Python, no ISA, no threads here. */
#ifndef FNN_INTERNAL_H
#define FNN_INTERNAL_H

#include "glibc.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_MSC_VER) && !defined(__clang__)
#define FNN_ALWAYS_INLINE static __forceinline
#define FNN_NOINLINE static __declspec(noinline)
#define FNN_RESTRICT __restrict
#define FNN_UNROLL
#else
#define FNN_ALWAYS_INLINE static inline __attribute__((always_inline, unused))
#define FNN_NOINLINE static __attribute__((noinline, unused))
#define FNN_RESTRICT restrict
#if defined(__clang__)
#define FNN_UNROLL _Pragma("unroll")
#else
#define FNN_UNROLL _Pragma("GCC unroll 16")
#endif
#endif

/* Debug builds check what release builds trust: csrc's callers validate, csrc asserts. */
#ifdef FNN_DEBUG
#include <assert.h>
#define FNN_ASSERT(condition) assert(condition)
#else
#define FNN_ASSERT(condition) ((void)0)
#endif

#if defined(__GNUC__) || defined(__clang__)
#define fnn_prefetch(address) __builtin_prefetch(address)
#else
#define fnn_prefetch(address) ((void)0)
#endif

#define FNN_CAT2(a, b) a##b
#define FNN_CAT(a, b) FNN_CAT2(a, b)

#define FNN_ALIGN 64 /* bytes: one cache line and one AVX-512 word */
#define FNN_BLOCK 16 /* channels of one block of the internal layout NCHW16c */

static inline ptrdiff_t fnn_min(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
static inline ptrdiff_t fnn_max(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }
static inline ptrdiff_t fnn_ceil_div(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }
static inline ptrdiff_t fnn_round_up(ptrdiff_t a, ptrdiff_t b) { return fnn_ceil_div(a, b) * b; }
static inline ptrdiff_t fnn_blocks(ptrdiff_t channels) { return fnn_ceil_div(channels, FNN_BLOCK); }

#endif
