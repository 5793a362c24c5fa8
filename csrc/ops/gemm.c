/* Matrix product on the tile kernel: B in packed panels of 16 columns, A read where it lies or transposed to rows. */
#include <string.h>

#include "../dispatch.h"
#include "../threads.h"

/* A product with more steps runs in slices of K that accumulate: 16 columns of a slice are 32 KiB, and the rows of A
 * that a strip passes over (ROWS * SLICE * 4 bytes = 256 KiB) stay in the second-level cache for all panels. */
#define SLICE 512
#define ROWS 128
#define PACK_BYTES ((ptrdiff_t)256 << 10) /* of B that a thread packs at a time: a quarter of a second-level cache */

typedef struct {
    const fnn_kernel_table *kernels;
    ptrdiff_t es, m, n, k, row, column;
    const char *a, *packed, *bias;    /* bias [ceil(n/16)*16] or NULL */
    const char *b;                    /* packed NULL: B itself, each thread packs the columns that it computes */
    ptrdiff_t b_row, b_column, group; /* panels that it packs at a time */
    char *c, *scratch;                /* [threads]: packed panels of B, rows [SLICE][ROWS] of a column-major A */
    ptrdiff_t scratch_bytes;
    int activation, split_columns;
    double alpha, beta;
} gemm_job;

size_t fnn_gemm_packed_size(ptrdiff_t k, ptrdiff_t n) { return (size_t)(k * fnn_round_up(n, FNN_BLOCK)); }

void fnn_gemm_pack(fnn_dtype dtype, ptrdiff_t k, ptrdiff_t n, const void *b, ptrdiff_t row, ptrdiff_t column,
                   void *packed) {
    const ptrdiff_t es = fnn_element_size(dtype);
    for (ptrdiff_t j = 0; j < n; j += FNN_BLOCK)
        fnn_kernels(dtype)->pack_panel((const char *)b + j * column * es, row, column, k, fnn_min(FNN_BLOCK, n - j),
                                       (char *)packed + j * k * es);
}

/* to[k][i] = A[i0 + i][k0 + k] of a column-major A: a strip reads it with adjacent rows and no large stride. */
static void gather_rows(const gemm_job *job, ptrdiff_t i0, ptrdiff_t rows, ptrdiff_t k0, ptrdiff_t steps, char *to) {
    for (ptrdiff_t k = 0; k < steps; k++)
        memcpy(to + k * ROWS * job->es, job->a + (i0 + (k0 + k) * job->column) * job->es, (size_t)(rows * job->es));
}

/* Runs of 16 steps: the tile then fetches A two runs ahead, as no processor does for so many rows at once. */
static const fnn_chunk runs[SLICE / FNN_BLOCK] = {
#define RUN(i) {(i) * FNN_BLOCK, (i) * FNN_BLOCK * FNN_BLOCK},
#define RUNS(i) RUN(i) RUN(i + 1) RUN(i + 2) RUN(i + 3) RUN(i + 4) RUN(i + 5) RUN(i + 6) RUN(i + 7)
    RUNS(0) RUNS(8) RUNS(16) RUNS(24)};

/* Rows [i0, i0 + rows) of `panels` panels, of which the first is packed at b. */
static void gemm_block(const gemm_job *job, ptrdiff_t i0, ptrdiff_t rows, ptrdiff_t panel0, ptrdiff_t panels,
                       const char *b, char *scratch) {
    const ptrdiff_t es = job->es, all_panels = fnn_blocks(job->n);
    for (ptrdiff_t k0 = 0; k0 == 0 || k0 < job->k; k0 += SLICE) {
        const ptrdiff_t steps = fnn_min(SLICE, job->k - k0);
        const fnn_chunk chunk = {0, 0};
        fnn_strip s = {.a = job->a + (i0 * job->row + k0) * es, .a_row = job->row, .a_step = 1};
        if (job->column != 1) {
            gather_rows(job, i0, rows, k0, steps, scratch);
            s.a = scratch, s.a_row = 1, s.a_step = ROWS;
        }
        s.b = b + k0 * FNN_BLOCK * es;
        s.b_panel = job->k * FNN_BLOCK, s.b_step = FNN_BLOCK;
        s.chunks = &chunk, s.n_chunks = 1, s.chunk_len = steps;
        if (job->column == 1 && steps % FNN_BLOCK == 0 && steps)
            s.chunks = runs, s.n_chunks = steps / FNN_BLOCK, s.chunk_len = FNN_BLOCK;
        s.c = job->c + (i0 * job->n + panel0 * FNN_BLOCK) * es, s.c_row = job->n, s.c_panel = FNN_BLOCK;
        s.rows = rows, s.panels = panels;
        s.last_columns = panel0 + panels == all_panels ? job->n - (all_panels - 1) * FNN_BLOCK : FNN_BLOCK;
        s.accumulate = k0 > 0;
        if (k0 == 0 && job->bias) s.bias = job->bias + panel0 * FNN_BLOCK * es;
        if (k0 + SLICE >= job->k) s.activation = job->activation, s.alpha = job->alpha, s.beta = job->beta;
        job->kernels->strip(&s);
    }
}

static void gemm_body(void *context, const fnn_team *team) {
    const gemm_job *job = context;
    ptrdiff_t panel0 = 0, panel1 = fnn_blocks(job->n), i0 = 0, i1 = job->m;
    if (job->split_columns)
        fnn_share(team, panel1, &panel0, &panel1);
    else
        fnn_share(team, job->m, &i0, &i1);
    const ptrdiff_t es = job->es, size = job->k * FNN_BLOCK * es, columns = job->packed ? 0 : job->group * size;
    char *own = job->scratch + team->id * job->scratch_bytes, *rows = own + columns;
    for (ptrdiff_t panel = panel0; panel < panel1; panel += job->group) {
        const ptrdiff_t panels = fnn_min(job->group, panel1 - panel);
        const char *b = job->packed ? job->packed + panel * size : own;
        for (ptrdiff_t j = panel * FNN_BLOCK; j < fnn_min(job->n, (panel + panels) * FNN_BLOCK) && b == own;
             j += FNN_BLOCK)
            job->kernels->pack_panel(job->b + j * job->b_column * es, job->b_row, job->b_column, job->k,
                                     fnn_min(FNN_BLOCK, job->n - j), own + (j / FNN_BLOCK - panel) * size);
        for (ptrdiff_t i = i0; i < i1; i += ROWS) gemm_block(job, i, fnn_min(ROWS, i1 - i), panel, panels, b, rows);
    }
}

static fnn_status run_gemm(gemm_job *job, const void *bias) {
    const int threads = fnn_get_num_threads();
    const ptrdiff_t bias_bytes = bias ? fnn_blocks(job->n) * FNN_BLOCK * job->es : 0;
    job->scratch_bytes = job->column == 1 ? 0 : ROWS * SLICE * job->es;
    if (!job->packed) job->scratch_bytes += fnn_round_up(job->group * job->k * FNN_BLOCK * job->es, FNN_ALIGN);
    char *memory = NULL;
    if (bias_bytes + job->scratch_bytes) {
        memory = fnn_alloc((size_t)(bias_bytes + threads * job->scratch_bytes));
        if (!memory) return FNN_NO_MEMORY;
    }
    if (bias) {
        memcpy(memory, bias, (size_t)(job->n * job->es));
        memset(memory + job->n * job->es, 0, (size_t)(bias_bytes - job->n * job->es));
        job->bias = memory;
    }
    job->scratch = memory + bias_bytes;
    fnn_parallel(gemm_body, job, threads, (double)job->m * (double)job->n * (double)(job->k + 1), 1);
    fnn_free(memory);
    return FNN_OK;
}

fnn_status fnn_gemm(fnn_dtype dtype, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const void *a, ptrdiff_t row,
                    ptrdiff_t column, const void *packed, const void *bias, int activation, double alpha, double beta,
                    void *c) {
    if (m == 0 || n == 0) return FNN_OK;
    gemm_job job = {
        fnn_kernels(dtype), fnn_element_size(dtype), m, n, k, row, column, .a = a, .packed = packed, .c = c};
    job.activation = activation, job.alpha = alpha, job.beta = beta;
    /* Split the larger operand, so that the smaller one is what all threads share. */
    job.split_columns = n >= m;
    job.group = fnn_blocks(n);
    return run_gemm(&job, bias);
}

fnn_status fnn_gemm_unpacked(fnn_dtype dtype, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const void *a, ptrdiff_t row,
                             ptrdiff_t column, const void *b, ptrdiff_t b_row, ptrdiff_t b_column, const void *bias,
                             int activation, double alpha, double beta, void *c) {
    if (m == 0 || n == 0) return FNN_OK;
    gemm_job job = {fnn_kernels(dtype), fnn_element_size(dtype), m, n, k, row, column, .a = a, .b = b, .c = c};
    job.activation = activation, job.alpha = alpha, job.beta = beta;
    job.b_row = b_row, job.b_column = b_column;
    job.split_columns = n >= m;
    /* At least what a tile takes side by side: tiles of one panel wait for their loads of A. */
    job.group = fnn_max(job.kernels->tile_panels, PACK_BYTES / fnn_max(1, k * FNN_BLOCK * job.es));
    job.group = fnn_min(fnn_blocks(n), job.group);
    if (job.split_columns) return run_gemm(&job, bias);
    char *packed = fnn_alloc(fnn_gemm_packed_size(k, n) * (size_t)job.es); /* all threads read all of B */
    if (!packed) return FNN_NO_MEMORY;
    fnn_gemm_pack(dtype, k, n, b, b_row, b_column, packed);
    job.packed = packed, job.group = fnn_blocks(n);
    const fnn_status status = run_gemm(&job, bias);
    fnn_free(packed);
    return status;
}
