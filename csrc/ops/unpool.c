/* Max unpooling: values go back to the positions that max pooling gave. Memory-bound copies: plain C serves. */
#include <string.h>

#include "../dispatch.h"
#include "../threads.h"

typedef struct {
    ptrdiff_t volumes, n, size, es;
    const char *from;
    const int64_t *indices;
    char *to;
    int gather;
} unpool_job;

static void scatter(const unpool_job *job, const char *x, const int64_t *at, char *y) {
    memset(y, 0, (size_t)(job->size * job->es));
    if (job->es == 4)
        for (ptrdiff_t i = 0; i < job->n; i++) ((float *)(void *)y)[at[i]] = ((const float *)(const void *)x)[i];
    else
        for (ptrdiff_t i = 0; i < job->n; i++) ((double *)(void *)y)[at[i]] = ((const double *)(const void *)x)[i];
}

static void gather(const unpool_job *job, const char *gy, const int64_t *at, char *gx) {
    if (job->es == 4)
        for (ptrdiff_t i = 0; i < job->n; i++) ((float *)(void *)gx)[i] = ((const float *)(const void *)gy)[at[i]];
    else
        for (ptrdiff_t i = 0; i < job->n; i++) ((double *)(void *)gx)[i] = ((const double *)(const void *)gy)[at[i]];
}

static void body(void *context, const fnn_team *team) {
    const unpool_job *job = context;
    ptrdiff_t begin, end;
    fnn_share(team, job->volumes, &begin, &end);
    for (ptrdiff_t v = begin; v < end; v++) {
        const int64_t *at = job->indices + v * job->n;
        if (job->gather)
            gather(job, job->from + v * job->size * job->es, at, job->to + v * job->n * job->es);
        else
            scatter(job, job->from + v * job->n * job->es, at, job->to + v * job->size * job->es);
    }
}

ptrdiff_t fnn_bad_index(const int64_t *indices, ptrdiff_t n, ptrdiff_t size) {
    for (ptrdiff_t i = 0; i < n; i++)
        if ((uint64_t)indices[i] >= (uint64_t)size) return i;
    return n;
}

void fnn_max_unpool(fnn_dtype dtype, ptrdiff_t volumes, ptrdiff_t n, ptrdiff_t size, const void *x,
                    const int64_t *indices, void *y) {
    unpool_job job = {volumes, n, size, fnn_element_size(dtype), x, indices, y, 0};
    fnn_parallel(body, &job, volumes, 3.0 * (double)volumes * (double)(n + size), 0);
}

void fnn_max_unpool_grad_input(fnn_dtype dtype, ptrdiff_t volumes, ptrdiff_t n, ptrdiff_t size, const void *gy,
                               const int64_t *indices, void *gx) {
    unpool_job job = {volumes, n, size, fnn_element_size(dtype), gy, indices, gx, 1};
    fnn_parallel(body, &job, volumes, 3.0 * (double)volumes * (double)(n + size), 0);
}
