/* Overlaps of boxes and non-maximum suppression. */
#include <string.h>

#include "../dispatch.h"
#include "../threads.h"

/* The columns of boxes [n][4] and their areas: x1, y1, x2, y2, area, each [n]; of boxes order[i] where there is an order. */
#define DEFINE_COLUMNS(type) \
    static void columns_##type(const type *boxes, const int64_t *order, ptrdiff_t n, type *columns) { \
        for (ptrdiff_t i = 0; i < n; i++) { \
            const type *b = boxes + 4 * (order ? (ptrdiff_t)order[i] : i); \
            for (int side = 0; side < 4; side++) columns[side * n + i] = b[side]; \
            const type wide = b[2] - b[0], high = b[3] - b[1]; \
            columns[4 * n + i] = wide * high; \
        } \
    }
DEFINE_COLUMNS(float)
DEFINE_COLUMNS(double)

static char *make_columns(fnn_dtype dtype, const void *boxes, const int64_t *order, ptrdiff_t n, ptrdiff_t more) {
    char *columns = fnn_alloc((size_t)((5 + more) * n * fnn_element_size(dtype)));
    if (!columns) return NULL;
    if (dtype == FNN_F32)
        columns_float(boxes, order, n, (float *)columns);
    else
        columns_double(boxes, order, n, (double *)columns);
    return columns;
}

static double element(fnn_dtype dtype, const void *x, ptrdiff_t i) {
    return dtype == FNN_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

/* Boxes from .. from + count - 1 of the columns of n, and box `index` of other columns of m. */
static fnn_box_row row_args(fnn_dtype dtype, const char *columns, ptrdiff_t n, ptrdiff_t from, ptrdiff_t count,
                            const char *other, ptrdiff_t m, ptrdiff_t index) {
    const ptrdiff_t es = fnn_element_size(dtype), at = from * es, step = n * es;
    fnn_box_row row = {.n = count,
                       .x1 = columns + at,
                       .y1 = columns + step + at,
                       .x2 = columns + 2 * step + at,
                       .y2 = columns + 3 * step + at,
                       .area = columns + 4 * step + at};
    for (int i = 0; i < 5; i++) row.box[i] = element(dtype, other, i * m + index);
    return row;
}

typedef struct {
    fnn_dtype dtype;
    ptrdiff_t m, n;
    const char *a, *b; /* columns */
    char *iou;
} iou_job;

static void iou_body(void *context, const fnn_team *team) {
    const iou_job *job = context;
    ptrdiff_t begin, end;
    fnn_share(team, job->m, &begin, &end);
    for (ptrdiff_t i = begin; i < end; i++) {
        fnn_box_row row = row_args(job->dtype, job->b, job->n, 0, job->n, job->a, job->m, i);
        row.y = job->iou + i * job->n * fnn_element_size(job->dtype);
        fnn_kernels(job->dtype)->box_overlap(&row);
    }
}

fnn_status fnn_box_iou(fnn_dtype dtype, ptrdiff_t m, ptrdiff_t n, const void *a, const void *b, void *iou) {
    if (m == 0 || n == 0) return FNN_OK;
    char *a_columns = make_columns(dtype, a, NULL, m, 0), *b_columns = make_columns(dtype, b, NULL, n, 0);
    iou_job job = {dtype, m, n, a_columns, b_columns, iou};
    const int enough = a_columns && b_columns;
    if (enough) fnn_parallel(iou_body, &job, m, (double)m * (double)n, 0);
    fnn_free(a_columns);
    fnn_free(b_columns);
    return enough ? FNN_OK : FNN_NO_MEMORY;
}

typedef struct {
    fnn_dtype dtype;
    ptrdiff_t k, segments;
    const int64_t *start;
    char *columns; /* and [k] suppressed: 0 or 1 */
    double threshold;
    int8_t *keep;
} nms_job;

/* Each box that is still there suppresses those after it: the work is boxes kept times boxes. */
static void nms_body(void *context, const fnn_team *team) {
    const nms_job *job = context;
    const ptrdiff_t es = fnn_element_size(job->dtype);
    char *suppressed = job->columns + 5 * job->k * es;
    for (ptrdiff_t s; (s = fnn_claim(team)) < job->segments;)
        for (ptrdiff_t i = (ptrdiff_t)job->start[s], end = (ptrdiff_t)job->start[s + 1]; i < end; i++) {
            job->keep[i] = element(job->dtype, suppressed, i) == 0;
            if (!job->keep[i]) continue;
            fnn_box_row row = row_args(job->dtype, job->columns, job->k, i + 1, end - i - 1, job->columns, job->k, i);
            row.threshold = job->threshold, row.y = suppressed + (i + 1) * es;
            fnn_kernels(job->dtype)->box_suppress(&row);
        }
}

fnn_status fnn_nms(fnn_dtype dtype, ptrdiff_t k, const void *boxes, const int64_t *order, ptrdiff_t segments,
                   const int64_t *start, double threshold, int8_t *keep) {
    if (k == 0) return FNN_OK;
    const ptrdiff_t es = fnn_element_size(dtype);
    nms_job job = {dtype, k, segments, start, make_columns(dtype, boxes, order, k, 1), threshold, keep};
    if (!job.columns) return FNN_NO_MEMORY;
    memset(job.columns + 5 * k * es, 0, (size_t)(k * es));
    fnn_parallel(nms_body, &job, segments, (double)k * (double)k / (double)segments, 0);
    fnn_free(job.columns);
    return FNN_OK;
}
