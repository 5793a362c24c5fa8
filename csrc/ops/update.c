/* Parameter updates: flat ranges in pieces, each piece one pass over everything it touches. */
#include "../dispatch.h"
#include "../threads.h"

#define RANGE 4096 /* parameters of one piece, a multiple of every word: pieces start aligned */

typedef struct {
    const fnn_kernel_table *kernels;
    const fnn_sgd *s;
    ptrdiff_t es, n;
    char *p, *v;
    const char *g;
} update_job;

static void sgd_body(void *context, const fnn_team *team) {
    const update_job *job = context;
    ptrdiff_t begin, end;
    fnn_share(team, fnn_ceil_div(job->n, RANGE), &begin, &end);
    for (ptrdiff_t at = begin * RANGE; at < fnn_min(end * RANGE, job->n); at += RANGE) {
        const ptrdiff_t bytes = at * job->es;
        job->kernels->sgd_row(job->s, job->p + bytes, job->g + bytes, job->v ? job->v + bytes : NULL,
                              fnn_min(RANGE, job->n - at));
    }
}

void fnn_sgd_step(const fnn_sgd *s, fnn_dtype dtype, ptrdiff_t n, void *p, const void *g, void *v) {
    update_job job = {fnn_kernels(dtype), s, fnn_element_size(dtype), n, p, v, g};
    fnn_parallel(sgd_body, &job, fnn_ceil_div(n, RANGE), (double)n * 8, 1);
}
