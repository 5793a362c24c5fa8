/* Matrix product on the tile kernel: B in packed panels of 16 columns, A read where it lies or transposed to rows. */
#include <string.h>

#include "../dispatch.h"
#include "../threads.h"

/* A product with more steps runs in slices of K that accumulate: 16 columns of a slice are 32 KiB, and the rows of A
 * that a strip passes over (ROWS * SLICE * 4 bytes = 256 KiB) stay in the second-level cache for all panels. */
#define SLICE 512
#define ROWS 128

typedef struct {
    const fnn_kernel_table *kernels;
    ptrdiff_t es, m, n, k, row, column;
    const char *a, *packed, *bias; /* bias [ceil(n/16)*16] or NULL */
    char *c, *rows;                /* rows: [threads][SLICE][ROWS] for a column-major A */
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

static void gemm_block(const gemm_job *job, ptrdiff_t i0, ptrdiff_t rows, ptrdiff_t panel0, ptrdiff_t panels,
                       char *scratch) {
    const ptrdiff_t es = job->es, all_panels = fnn_blocks(job->n);
    for (ptrdiff_t k0 = 0; k0 == 0 || k0 < job->k; k0 += SLICE) {
        const ptrdiff_t steps = fnn_min(SLICE, job->k - k0);
        const fnn_chunk chunk = {0, 0};
        fnn_strip s = {.a = job->a + (i0 * job->row + k0) * es, .a_row = job->row, .a_step = 1};
        if (job->column != 1) {
            gather_rows(job, i0, rows, k0, steps, scratch);
            s.a = scratch, s.a_row = 1, s.a_step = ROWS;
        }
        s.b = job->packed + (panel0 * job->k + k0) * FNN_BLOCK * es;
        s.b_panel = job->k * FNN_BLOCK, s.b_step = FNN_BLOCK;
        s.chunks = &chunk, s.n_chunks = 1, s.chunk_len = steps;
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
    if (panel0 == panel1) return;
    char *scratch = job->rows ? job->rows + (ptrdiff_t)team->id * ROWS * SLICE * job->es : NULL;
    for (ptrdiff_t i = i0; i < i1; i += ROWS)
        gemm_block(job, i, fnn_min(ROWS, i1 - i), panel0, panel1 - panel0, scratch);
}

fnn_status fnn_gemm(fnn_dtype dtype, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const void *a, ptrdiff_t row,
                    ptrdiff_t column, const void *packed, const void *bias, int activation, double alpha, double beta,
                    void *c) {
    if (m == 0 || n == 0) return FNN_OK;
    gemm_job job = {fnn_kernels(dtype),
                    fnn_element_size(dtype),
                    m,
                    n,
                    k,
                    row,
                    column,
                    a,
                    packed,
                    NULL,
                    c,
                    NULL,
                    activation,
                    0,
                    alpha,
                    beta};
    const int threads = fnn_get_num_threads();
    const ptrdiff_t bias_bytes = bias ? fnn_blocks(n) * FNN_BLOCK * job.es : 0;
    const ptrdiff_t rows_bytes = column == 1 ? 0 : (ptrdiff_t)threads * ROWS * SLICE * job.es;
    char *memory = NULL;
    if (bias_bytes + rows_bytes) {
        memory = fnn_alloc((size_t)(bias_bytes + rows_bytes));
        if (!memory) return FNN_NO_MEMORY;
    }
    if (bias) {
        memcpy(memory, bias, (size_t)(n * job.es));
        memset(memory + n * job.es, 0, (size_t)(bias_bytes - n * job.es));
        job.bias = memory;
    }
    if (rows_bytes) job.rows = memory + bias_bytes;
    /* Split the larger operand, so that the smaller one is what all threads share. */
    job.split_columns = n >= m;
    fnn_parallel(gemm_body, &job, threads, (double)m * (double)n * (double)(k + 1), 1);
    fnn_free(memory);
    return FNN_OK;
}
