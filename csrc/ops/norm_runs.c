/* Runs of elements that share mean, scale and shift: their moments, gradient sums and maps (norm.h). The kernels see a
 * run as rows of 16 and a rest. */
#include <string.h>

#include "norm.h"

#define SEGMENT 4096 /* elements of one piece: 16 KiB of float32, half of a first-level cache */

/* rows of 16 and the rest of a run, with sums of their own */
typedef struct {
    fnn_norm_rows rows, rest;
    double lanes[4][FNN_BLOCK]; /* center, scale, slope, shift */
    double sums[2][2 * FNN_BLOCK];
} run;

static void set_lanes(double *lanes, double value) {
    for (int i = 0; i < FNN_BLOCK; i++) lanes[i] = value;
}

static void set_run(run *r, const norm_job *job, const char *gy, const char *x, char *y, ptrdiff_t n) {
    const ptrdiff_t rows = n / FNN_BLOCK, at = rows * FNN_BLOCK * job->es;
    r->rows = (fnn_norm_rows){x,           gy,          y,           rows,        FNN_BLOCK, FNN_BLOCK,
                              r->lanes[0], r->lanes[1], r->lanes[2], r->lanes[3], r->sums[0]};
    r->rest = r->rows;
    r->rest.x = x + at, r->rest.gy = gy ? gy + at : NULL, r->rest.y = y ? y + at : NULL;
    r->rest.rows = 1, r->rest.lanes = n % FNN_BLOCK, r->rest.sums = r->sums[1];
}

static void over_run(const run *r, void (*kernel)(const fnn_norm_rows *)) {
    if (r->rows.rows) kernel(&r->rows);
    if (r->rest.lanes) kernel(&r->rest);
}

/* The sums of both parts, of which the rest has few lanes. */
static double total(const run *r, int which) {
    const double *full = r->sums[0] + which * FNN_BLOCK, *rest = r->sums[1] + which * FNN_BLOCK;
    double four[4] = {0};
    for (int i = 0; i < FNN_BLOCK; i++) four[i % 4] += full[i];
    for (ptrdiff_t i = 0; i < r->rest.lanes; i++) four[i % 4] += rest[i];
    return four[0] + four[1] + four[2] + four[3];
}

/* Chan, Golub, LeVeque: the moments of two sets from those of each. */
static void merge(fnn_moments *m, double count, double mean, double squares) {
    const double whole = m->count + count, apart = mean - m->mean;
    m->mean += apart * count / whole;
    m->squares += squares + apart * apart * m->count * count / whole;
    m->count = whole;
}

void fnn_run_moments(const norm_job *job, const char *x, ptrdiff_t n, fnn_moments *m) {
    run r;
    for (ptrdiff_t at = 0; at < n; at += SEGMENT) {
        const ptrdiff_t length = fnn_min(SEGMENT, n - at);
        set_run(&r, job, NULL, x + at * job->es, NULL, length);
        memset(r.sums, 0, sizeof r.sums);
        over_run(&r, job->kernels->norm_sums);
        const double center = norm_center(job, total(&r, 0) / (double)length);
        set_lanes(r.lanes[0], center);
        memset(r.sums, 0, sizeof r.sums);
        over_run(&r, job->kernels->norm_deviations);
        const double distance = total(&r, 0) / (double)length;
        merge(m, (double)length, center + distance, total(&r, 1) - distance * distance * (double)length);
    }
}

void fnn_run_gradient_sums(const norm_job *job, const char *gy, const char *x, ptrdiff_t n, double center,
                           double *sums) {
    run r;
    set_run(&r, job, gy, x, NULL, n);
    memset(r.sums, 0, sizeof r.sums);
    set_lanes(r.lanes[0], center);
    over_run(&r, job->kernels->norm_gradient_sums);
    sums[0] += total(&r, 0);
    sums[1] += total(&r, 1);
}

void fnn_run_map(const norm_job *job, const char *gy, const char *x, char *y, ptrdiff_t n,
                 const fnn_norm_line_map *map) {
    run r;
    set_run(&r, job, gy, x, y, n);
    set_lanes(r.lanes[0], map->center), set_lanes(r.lanes[1], map->scale);
    set_lanes(r.lanes[2], map->slope), set_lanes(r.lanes[3], map->shift);
    over_run(&r, gy ? job->kernels->norm_gradient : job->kernels->norm_apply);
}
