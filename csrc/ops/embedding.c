/* Embedding: rows of a table, and the sums of their gradients. */
#include <string.h>

#include "../dispatch.h"
#include "../threads.h"

typedef struct {
    fnn_dtype dtype;
    ptrdiff_t k, rows, width, padding;
    const int64_t *index;
    const char *from;
    char *to;
} embedding_job;

static void embedding_body(void *context, const fnn_team *team) {
    const embedding_job *job = context;
    const ptrdiff_t bytes = job->width * fnn_element_size(job->dtype);
    ptrdiff_t begin, end;
    fnn_share(team, job->k, &begin, &end);
    for (ptrdiff_t i = begin; i < end; i++)
        memcpy(job->to + i * bytes, job->from + (ptrdiff_t)job->index[i] * bytes, (size_t)bytes);
}

void fnn_embedding(fnn_dtype dtype, ptrdiff_t k, ptrdiff_t width, const int64_t *index, const void *weight, void *y) {
    embedding_job job = {.dtype = dtype, .k = k, .width = width, .index = index, .from = weight, .to = y};
    if (k * width > 0) fnn_parallel(embedding_body, &job, k, (double)k * (double)width, 0);
}

/* A thread owns a range of the table's rows and adds to them in the order of the indices. */
static void grad_body(void *context, const fnn_team *team) {
    const embedding_job *job = context;
    const ptrdiff_t es = fnn_element_size(job->dtype), width = job->width;
    ptrdiff_t begin, end;
    fnn_share(team, job->rows, &begin, &end);
    memset(job->to + begin * width * es, 0, (size_t)((end - begin) * width * es));
    for (ptrdiff_t i = 0; i < job->k; i++) {
        const ptrdiff_t row = (ptrdiff_t)job->index[i];
        if (row < begin || row >= end || row == job->padding) continue;
        const fnn_rows one = {.x = job->from + i * width * es,
                              .x_row = width,
                              .readable = width,
                              .rows = 1,
                              .y = job->to + row * width * es,
                              .y_row = width,
                              .writable = width,
                              .columns = width};
        fnn_kernels(job->dtype)->add_rows(&one);
    }
}

void fnn_embedding_grad_weight(fnn_dtype dtype, ptrdiff_t k, ptrdiff_t rows, ptrdiff_t width, const int64_t *index,
                               ptrdiff_t padding, const void *gy, void *gw) {
    embedding_job job = {dtype, k, rows, width, padding, index, gy, gw};
    if (rows * width > 0) fnn_parallel(grad_body, &job, rows, (double)(k + rows) * (double)width, 0);
}
