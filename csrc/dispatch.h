/* The tables of kernel pointers, one per dialect, and the pair that is active (float32 by ISA, float64 scalar). */
#ifndef FNN_DISPATCH_H
#define FNN_DISPATCH_H

#include "cpu.h"
#include "fastnn.h"
#include "internal.h"
#include "kernel_args.h"

typedef struct {
    int word;                   /* elements of a vector word */
    int wide_rows;              /* most rows of a tile with as many panels as any has */
    int tile_rows, tile_panels; /* the full tile of `strip`; at half the rows or fewer it takes twice the panels */
#define FNN_KERNEL(name, arguments) void(*name) arguments;
#include "kernels.def"
#undef FNN_KERNEL
} fnn_kernel_table;

/* The active table for a dtype. Constant after fnn_init but for fnn_use_isa, which tests and users call between
 * operations, never during one. */
const fnn_kernel_table *fnn_kernels(fnn_dtype dtype);

static inline ptrdiff_t fnn_element_size(fnn_dtype dtype) { return dtype == FNN_F32 ? 4 : 8; }

#endif
