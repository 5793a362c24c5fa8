/* Dropout: flat ranges whose random numbers follow from the seed and the place alone. */
#include "../dispatch.h"
#include "../threads.h"

#define RANGE 4096 /* elements of one piece, a multiple of the 64 that share a group of counters */

typedef struct {
    const fnn_kernel_table *kernels;
    ptrdiff_t es, n;
    const char *x;
    char *y;
    uint64_t seed;
    uint32_t threshold;
    double scale;
} dropout_job;

static void dropout_body(void *context, const fnn_team *team) {
    const dropout_job *job = context;
    ptrdiff_t begin, end;
    fnn_share(team, fnn_ceil_div(job->n, RANGE), &begin, &end);
    for (ptrdiff_t at = begin * RANGE; at < fnn_min(end * RANGE, job->n); at += RANGE)
        job->kernels->dropout_row(job->x + at * job->es, job->y + at * job->es, fnn_min(RANGE, job->n - at), at,
                                  job->seed, job->threshold, job->scale);
}

void fnn_dropout(fnn_dtype dtype, ptrdiff_t n, double p, uint64_t seed, const void *x, void *y) {
    const double threshold = p * 4294967296.0;
    dropout_job job = {fnn_kernels(dtype),
                       fnn_element_size(dtype),
                       n,
                       x,
                       y,
                       seed,
                       threshold >= 4294967295.0 ? 4294967295u : (uint32_t)threshold,
                       1 / (1 - p)};
    fnn_parallel(dropout_body, &job, fnn_ceil_div(n, RANGE), (double)n * 16, 0);
}
