/* Elementwise losses: pieces of fixed size whose sums are added in order, so that no thread count changes the total. */
#include "../dispatch.h"
#include "../threads.h"

#define PIECE 4096 /* elements, a multiple of every word */

typedef struct {
    const fnn_kernel_table *kernels;
    ptrdiff_t es, n;
    fnn_loss_piece whole;
    double *sums; /* one a piece; NULL for gradients */
} loss_job;

static const char *at_piece(const void *array, ptrdiff_t bytes) { return array ? (const char *)array + bytes : NULL; }

static void loss_body(void *context, const fnn_team *team) {
    const loss_job *job = context;
    ptrdiff_t begin, end;
    fnn_share(team, fnn_ceil_div(job->n, PIECE), &begin, &end);
    for (ptrdiff_t i = begin; i < end; i++) {
        const ptrdiff_t bytes = i * PIECE * job->es;
        fnn_loss_piece piece = job->whole;
        piece.n = fnn_min(PIECE, job->n - i * PIECE);
        piece.x = at_piece(piece.x, bytes), piece.t = at_piece(piece.t, bytes), piece.w = at_piece(piece.w, bytes);
        piece.p = at_piece(piece.p, bytes), piece.gy = at_piece(piece.gy, bytes);
        piece.y = (char *)at_piece(piece.y, bytes);
        if (job->sums) {
            piece.sum = job->sums + i;
            job->kernels->loss_row(&piece);
        } else {
            job->kernels->loss_grad_row(&piece);
        }
    }
}

fnn_status fnn_loss(fnn_dtype dtype, int kind, double beta, ptrdiff_t n, const void *x, const void *target,
                    const void *weight, const void *positive, void *losses, double *sum) {
    const ptrdiff_t pieces = fnn_ceil_div(n, PIECE);
    loss_job job = {fnn_kernels(dtype),
                    fnn_element_size(dtype),
                    n,
                    {.kind = kind, .x = x, .t = target, .w = weight, .p = positive, .y = losses, .beta = beta},
                    fnn_alloc((size_t)(pieces + 1) * sizeof(double))};
    if (!job.sums) return FNN_NO_MEMORY;
    fnn_parallel(loss_body, &job, pieces, (double)n * (kind == FNN_LOGISTIC ? 32 : 6), 0);
    *sum = 0;
    for (ptrdiff_t i = 0; i < pieces; i++) *sum += job.sums[i];
    fnn_free(job.sums);
    return FNN_OK;
}

void fnn_loss_grad(fnn_dtype dtype, int kind, double beta, double scale, ptrdiff_t n, const void *gy, const void *x,
                   const void *target, const void *weight, const void *positive, void *gx) {
    loss_job job = {.kernels = fnn_kernels(dtype),
                    .es = fnn_element_size(dtype),
                    .n = n,
                    .whole = {.kind = kind,
                              .x = x,
                              .t = target,
                              .w = weight,
                              .p = positive,
                              .gy = gy,
                              .y = gx,
                              .beta = beta,
                              .scale = scale}};
    fnn_parallel(loss_body, &job, fnn_ceil_div(n, PIECE), (double)n * (kind == FNN_LOGISTIC ? 32 : 6), 0);
}
