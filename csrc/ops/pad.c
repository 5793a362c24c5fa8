/* Padding of up to three dimensions and its gradient. Rows (of the innermost padded dimension) that lie side by side
 * in both arrays move together: their middles as whole words, their two ends through a table of source columns. */
#include "pad.h"

#include <string.h>

#include "../dispatch.h"
#include "../threads.h"

/* Cost of an element and of a row's beginning in FMA-like operations: rows of 56 took 0.7 cycles an element, rows of 7
 * 30 cycles each (AMD Zen 5, 2026-11), and FNN_SERIAL_WORK is about 80000 cycles. */
#define ELEMENT_WORK 8
#define ROW_WORK 256
/* Rows that move together: their ends are written while their middles still lie in a first-level cache. */
#define TOGETHER_BYTES ((ptrdiff_t)12 << 10)

typedef struct {
    const fnn_pad_params *p;
    const fnn_kernel_table *kernels;
    const char *from;
    char *to;
    ptrdiff_t es, result[3]; /* sizes of y */
    ptrdiff_t x_row, y_row;  /* elements */
    ptrdiff_t skip, count;   /* columns of x that are copied as they are: skip .. skip + count - 1 */
    ptrdiff_t first;         /* where they begin in y */
    ptrdiff_t together;      /* most rows that move together */
    int crops;
    ptrdiff_t *columns; /* [result[2]]: the column of x that a column of y shows */
    char *constant;     /* [y_row]: a row of the constant */
} pad_job;

static pad_job job_of(const fnn_pad_params *p, const void *from, void *to) {
    pad_job job = {.p = p, .kernels = fnn_kernels(p->dtype), .from = from, .to = to};
    job.es = fnn_element_size(p->dtype);
    for (int d = 0; d < 3; d++) {
        job.result[d] = p->size[d] + p->before[d] + p->after[d];
        job.crops |= p->before[d] < 0 || p->after[d] < 0;
    }
    job.x_row = p->size[2] * p->unit, job.y_row = job.result[2] * p->unit;
    job.skip = fnn_min(p->size[2], fnn_max(0, -p->before[2]));
    job.count = fnn_max(0, p->size[2] - job.skip - fnn_max(0, -p->after[2]));
    job.first = fnn_min(fnn_max(0, p->before[2]), job.result[2]);
    job.together = fnn_max(1, TOGETHER_BYTES / fnn_max(1, fnn_max(job.x_row, job.y_row) * job.es));
    return job;
}

/* The table of columns and the row of constants. */
static fnn_status prepare(pad_job *job) {
    const fnn_pad_params *p = job->p;
    job->columns = fnn_alloc((size_t)job->result[2] * sizeof *job->columns + (size_t)(job->y_row * job->es));
    if (!job->columns) return FNN_NO_MEMORY;
    for (ptrdiff_t k = 0; k < job->result[2]; k++)
        job->columns[k] = fnn_pad_index(p->mode, k - p->before[2], p->size[2]);
    job->constant = (char *)(job->columns + job->result[2]);
    for (ptrdiff_t i = 0; i < job->y_row; i++) {
        if (p->dtype == FNN_F32)
            ((float *)job->constant)[i] = (float)p->value;
        else
            ((double *)job->constant)[i] = p->value;
    }
    return FNN_OK;
}

/* Rows of y from rows of x; `readable` and `writable` are counted from the first of them. */
static void pad_rows(const pad_job *job, const char *x, ptrdiff_t readable, char *y, ptrdiff_t writable,
                     ptrdiff_t rows) {
    const ptrdiff_t unit = job->p->unit, skip = job->skip * unit, first = job->first * unit;
    const ptrdiff_t after = (job->first + job->count) * unit;
    fnn_rows r = {x + skip * job->es, job->x_row, readable - skip,  y + first * job->es, job->y_row,
                  writable - first,   rows,       job->count * unit};
    if (job->count) job->kernels->copy_rows(&r);
    const int constant = job->p->mode == FNN_PAD_CONSTANT; /* every row of ends is the same */
    r.x = constant ? job->constant : x, r.x_row = constant ? 0 : job->x_row;
    const ptrdiff_t ends[2][2] = {{0, job->first}, {after, job->result[2] - job->first - job->count}};
    for (int side = 0; side < 2; side++) {
        const ptrdiff_t from = ends[side][0], n = ends[side][1];
        r.y = y + from * job->es, r.columns = n * unit;
        if (n && constant) {
            r.writable = 0; /* nothing past the end: the middles are there */
            job->kernels->copy_rows(&r);
        } else if (n)
            job->kernels->gather_columns(&r, job->columns + from / unit, n, unit);
    }
}

/* Rows [begin, end) of one plane of y, from plane x; NULL where all is constant. */
static void pad_plane(const pad_job *job, const char *x, char *y, ptrdiff_t begin, ptrdiff_t end) {
    const fnn_pad_params *p = job->p;
    for (ptrdiff_t j = begin, rows; j < end; j += rows) {
        const ptrdiff_t source = x ? fnn_pad_index(p->mode, j - p->before[1], p->size[1]) : -1;
        char *to = y + j * job->y_row * job->es;
        rows = 1;
        if (source < 0) {
            memcpy(to, job->constant, (size_t)(job->y_row * job->es));
            continue;
        }
        if (source == j - p->before[1]) rows = fnn_min(job->together, fnn_min(end - j, p->size[1] - source));
        pad_rows(job, x + source * job->x_row * job->es, (p->size[1] - source) * job->x_row, to, (end - j) * job->y_row,
                 rows);
    }
}

static void pad_body(void *context, const fnn_team *team) {
    const pad_job *job = context;
    const fnn_pad_params *p = job->p;
    ptrdiff_t row, end;
    fnn_share(team, p->outer * job->result[0] * job->result[1], &row, &end);
    while (row < end) {
        const ptrdiff_t plane = row / job->result[1], j = row % job->result[1];
        const ptrdiff_t rows = fnn_min(end - row, job->result[1] - j);
        const ptrdiff_t source = fnn_pad_index(p->mode, plane % job->result[0] - p->before[0], p->size[0]);
        const ptrdiff_t at = (plane / job->result[0] * p->size[0] + source) * p->size[1] * job->x_row;
        pad_plane(job, source < 0 ? NULL : job->from + at * job->es,
                  job->to + plane * job->result[1] * job->y_row * job->es, j, j + rows);
        row += rows;
    }
}

fnn_status fnn_pad(const fnn_pad_params *p, const void *x, void *y) {
    pad_job job = job_of(p, x, y);
    const ptrdiff_t rows = p->outer * job.result[0] * job.result[1];
    if (rows * job.y_row == 0) return FNN_OK;
    if (prepare(&job) != FNN_OK) return FNN_NO_MEMORY;
    fnn_parallel(pad_body, &job, rows, (double)rows * (double)(ELEMENT_WORK * job.y_row + ROW_WORK), 0);
    fnn_free(job.columns);
    return FNN_OK;
}

/* ---- gradient: rows of gx gather from the rows of gy that show them, first from those that show them in place ---- */

/* Adds rows of gy to rows of gx, or stores them when `first`: then gx is zero where nothing is stored. */
static void fold_rows(const pad_job *job, const char *gy, ptrdiff_t readable, char *gx, ptrdiff_t writable,
                      ptrdiff_t rows, int first) {
    const ptrdiff_t unit = job->p->unit, skip = job->skip * unit, begin = job->first * unit;
    fnn_rows r = {gy + begin * job->es, job->y_row, readable - begin, gx + skip * job->es, job->x_row,
                  writable - skip,      rows,       job->count * unit};
    if (first && job->crops) r.writable = 0; /* what is cropped off stays zero */
    if (job->count) (first ? job->kernels->copy_rows : job->kernels->add_rows)(&r);
    if (job->p->mode == FNN_PAD_CONSTANT) return;
    const ptrdiff_t after = job->first + job->count;
    r.y = gx, r.x = gy;
    job->kernels->fold_columns(&r, job->columns, job->first, unit);
    r.x = gy + after * unit * job->es;
    job->kernels->fold_columns(&r, job->columns + after, job->result[2] - after, unit);
}

/* Rows [begin, end) of one plane of gx from one plane of gy. */
static void fold_plane(const pad_job *job, const char *gy, char *gx, ptrdiff_t begin, ptrdiff_t end, int first) {
    const fnn_pad_params *p = job->p;
    const ptrdiff_t from = fnn_max(begin, -p->before[1]), to = fnn_min(end, p->size[1] + fnn_min(0, p->after[1]));
    const ptrdiff_t all = job->result[1] * job->y_row;
    for (ptrdiff_t j = from; j < to; j += job->together) { /* rows in place */
        const ptrdiff_t at = (j + p->before[1]) * job->y_row;
        fold_rows(job, gy + at * job->es, all - at, gx + j * job->x_row * job->es, (end - j) * job->x_row,
                  fnn_min(job->together, to - j), first);
    }
    if (p->mode == FNN_PAD_CONSTANT) return;
    for (ptrdiff_t i = 0; i < job->result[1]; i++) {
        const ptrdiff_t j = fnn_pad_index(p->mode, i - p->before[1], p->size[1]), at = i * job->y_row;
        if (j == i - p->before[1])
            i = fnn_max(i, fnn_min(job->result[1], p->size[1] + p->before[1]) - 1); /* to the last in place */
        else if (j >= begin && j < end)
            fold_rows(job, gy + at * job->es, all - at, gx + j * job->x_row * job->es, (end - j) * job->x_row, 1, 0);
    }
}

static void fold_body(void *context, const fnn_team *team) {
    const pad_job *job = context;
    const fnn_pad_params *p = job->p;
    const ptrdiff_t y_plane = job->result[1] * job->y_row * job->es, x_plane = p->size[1] * job->x_row * job->es;
    ptrdiff_t row, end;
    fnn_share(team, p->outer * p->size[0] * p->size[1], &row, &end);
    while (row < end) {
        const ptrdiff_t plane = row / p->size[1], j = row % p->size[1], rows = fnn_min(end - row, p->size[1] - j);
        const ptrdiff_t i = plane % p->size[0], place = i + p->before[0];
        const char *gy = job->from + plane / p->size[0] * job->result[0] * y_plane;
        char *gx = job->to + plane * x_plane;
        if (job->crops) memset(gx + j * job->x_row * job->es, 0, (size_t)(rows * job->x_row * job->es));
        if (place >= 0 && place < job->result[0]) fold_plane(job, gy + place * y_plane, gx, j, j + rows, 1);
        for (ptrdiff_t a = 0; p->mode != FNN_PAD_CONSTANT && a < job->result[0]; a++)
            if (a != place && fnn_pad_index(p->mode, a - p->before[0], p->size[0]) == i)
                fold_plane(job, gy + a * y_plane, gx, j, j + rows, 0);
        row += rows;
    }
}

fnn_status fnn_pad_grad_input(const fnn_pad_params *p, const void *gy, void *gx) {
    pad_job job = job_of(p, gy, gx);
    const ptrdiff_t rows = p->outer * p->size[0] * p->size[1];
    if (rows * job.x_row == 0) return FNN_OK;
    if (prepare(&job) != FNN_OK) return FNN_NO_MEMORY;
    fnn_parallel(fold_body, &job, rows, (double)rows * (double)(ELEMENT_WORK * job.y_row + ROW_WORK), 0);
    fnn_free(job.columns);
    return FNN_OK;
}
