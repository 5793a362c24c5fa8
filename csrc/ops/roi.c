/* RoI align and RoI pooling with their gradients. Blocks of 16 channels of one image are independent: a thread takes one,
 * brings its pixels into blocked form and goes over all boxes of the image, whose tables (roi_boxes.h) were filled by all threads
 * before. Gradients add box after box, so no thread count changes a sum. */
#include <string.h>

#include "../threads.h"
#include "roi_boxes.h"

/* Results from here on go past the caches. Plain and streaming stores, ms, pooling of 100 to 1000 boxes, 256 channels: 5 MB 0.30
 * and 0.36, 15 MB 1.00 and 1.03, 20 MB 0.85 and 0.87, 50 MB 4.3 and 3.4, 60 MB 2.8 and 2.6, 200 MB 11.3 and 9.2; AMD
 * Zen 5, 2026-11. */
#define STREAM_BYTES ((ptrdiff_t)32 << 20)

typedef struct {
    const fnn_roi_params *p;
    const fnn_kernel_table *kernels;
    ptrdiff_t es, blocks, bins;
    fnn_roi_boxes boxes;
    ptrdiff_t parts;      /* forward: shares of a plane's boxes, where there are fewer planes than threads could use */
    const char *x, *y_in; /* inputs; y_in and x of the pooling gradient */
    const char *gy;       /* NULL forward */
    char *out;
    int stream;    /* forward: results go past the caches */
    char *scratch; /* [threads][plane + plane + lines + tile + tile], see thread_scratch */
    ptrdiff_t thread_elements;
} roi_job;

/* Elements of 16 channels; tiles are one box's results. */
typedef struct {
    char *plane, *x_plane, *lines, *tile, *y_tile;
} thread_scratch;

/* The pixels of one 16-channel block that boxes read or add to. */
typedef struct {
    char *pixels;            /* of pixel (row0, column0) */
    ptrdiff_t row0, column0; /* (0, 0) where the whole image is there */
    ptrdiff_t row;           /* pixels from one row to the next */
    int careful;             /* pooling: may hold NaN */
} roi_source;

static ptrdiff_t plane_elements(const roi_job *job, int wanted) {
    return wanted ? job->p->h * job->p->w * FNN_BLOCK : 0;
}

/* What a thread needs: forward a plane in blocked form, and in gradients gx, where arrays are planar. */
static thread_scratch scratch_of(const roi_job *job, int thread) {
    const int planar = job->p->layout == FNN_NCHW;
    char *at = job->scratch + thread * job->thread_elements * job->es;
    thread_scratch s = {.plane = at};
    at += plane_elements(job, planar) * job->es;
    s.x_plane = at;
    at += plane_elements(job, planar && job->gy && job->x) * job->es;
    s.lines = at;
    at += job->boxes.most_used * job->p->ow * FNN_BLOCK * job->es;
    s.tile = at;
    s.y_tile = at + job->bins * FNN_BLOCK * job->es;
    return s;
}

static ptrdiff_t channels_of(const roi_job *job, ptrdiff_t plane) {
    return fnn_min(FNN_BLOCK, job->p->c - plane % job->blocks * FNN_BLOCK);
}

/* The first element of a plane: of the image's 16 channels, in the array's layout. */
static ptrdiff_t plane_at(const roi_job *job, ptrdiff_t plane) {
    const ptrdiff_t pixels = job->p->h * job->p->w;
    if (job->p->layout == FNN_BLOCKED) return plane * pixels * FNN_BLOCK * job->es;
    return (plane / job->blocks * job->p->c + plane % job->blocks * FNN_BLOCK) * pixels * job->es;
}

/* The same of one box's results. */
static ptrdiff_t tile_at(const roi_job *job, ptrdiff_t box, ptrdiff_t plane) {
    const ptrdiff_t block = plane % job->blocks;
    if (job->p->layout == FNN_BLOCKED) return (box * job->blocks + block) * job->bins * FNN_BLOCK * job->es;
    return (box * job->p->c + block * FNN_BLOCK) * job->bins * job->es;
}

static int holds_nan(const roi_job *job, const char *x, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t columns) {
    int found = 0;
    for (ptrdiff_t r = 0; r < rows && !found; r++)
        job->kernels->find_nan(x + r * row * FNN_BLOCK * job->es, columns * FNN_BLOCK, &found);
    return found;
}

/* Rows row0 .. row0 + rows - 1 of the plane, columns likewise, from the planar array into blocked `to`. */
static void bring(const roi_job *job, const char *array, ptrdiff_t plane, const ptrdiff_t origin[2],
                  const ptrdiff_t size[2], char *to) {
    const ptrdiff_t w = job->p->w, channels = channels_of(job, plane);
    const char *from = array + plane_at(job, plane) + (origin[0] * w + origin[1]) * job->es;
    const int whole_rows = size[1] == w;
    const ptrdiff_t runs = whole_rows ? 1 : size[0], run = whole_rows ? size[0] * w : size[1];
    for (ptrdiff_t r = 0; r < runs; r++)
        job->kernels->block_pixels(from + r * w * job->es, job->p->h * w, channels, run,
                                   to + r * run * FNN_BLOCK * job->es);
}

/* The rows that boxes begin .. end - 1 of the list reach. 0 where bringing each box's rectangle moves fewer pixels than those. */
static int rows_at_once(const roi_job *job, ptrdiff_t begin, ptrdiff_t end, ptrdiff_t *low, ptrdiff_t *high) {
    ptrdiff_t single = 0;
    *low = job->p->h, *high = 0;
    for (ptrdiff_t i = begin; i < end; i++) {
        const fnn_roi_box *box = &job->boxes.box[job->boxes.list[i]];
        if (box->size[0] == 0) continue;
        single += box->size[0] * box->size[1];
        *low = fnn_min(*low, box->origin[0]);
        *high = fnn_max(*high, box->origin[0] + box->size[0]);
    }
    *high = fnn_max(*high, *low);
    return single >= (*high - *low) * job->p->w;
}

static roi_source whole_source(const roi_job *job, const thread_scratch *s, ptrdiff_t plane, ptrdiff_t low,
                               ptrdiff_t high) {
    const ptrdiff_t w = job->p->w, origin[2] = {low, 0}, size[2] = {high - low, w};
    roi_source source = {.row = w};
    if (job->p->layout == FNN_NCHW) {
        bring(job, job->x, plane, origin, size, s->plane);
        source.pixels = s->plane, source.row0 = low;
    } else
        source.pixels = (char *)job->x + plane_at(job, plane);
    if (job->boxes.pool)
        source.careful =
            holds_nan(job, source.pixels + (low - source.row0) * w * FNN_BLOCK * job->es, w, high - low, w);
    return source;
}

static roi_source box_source(const roi_job *job, const thread_scratch *s, ptrdiff_t plane, const fnn_roi_box *box) {
    roi_source source = {.row = job->p->w};
    if (job->p->layout == FNN_NCHW) {
        bring(job, job->x, plane, box->origin, box->size, s->plane);
        source.pixels = s->plane, source.row = box->size[1];
        source.row0 = box->origin[0], source.column0 = box->origin[1];
    } else
        source.pixels = (char *)job->x + plane_at(job, plane);
    if (job->boxes.pool) {
        const ptrdiff_t first = (box->origin[0] - source.row0) * source.row + box->origin[1] - source.column0;
        source.careful =
            holds_nan(job, source.pixels + first * FNN_BLOCK * job->es, source.row, box->size[0], box->size[1]);
    }
    return source;
}

static char *box_pixels(const roi_job *job, const roi_source *source, const fnn_roi_box *box) {
    const ptrdiff_t row = box->origin[0] - source->row0, column = box->origin[1] - source->column0;
    return source->pixels + (row * source->row + column) * FNN_BLOCK * job->es;
}

static fnn_resample resample_args(const fnn_roi_box *box, char *x, ptrdiff_t row, char *lines, char *tile) {
    return (fnn_resample){.x = x,
                          .x_row = row,
                          .row = box->used,
                          .n_rows = box->n_used,
                          .rows = box->axis[0],
                          .columns = box->axis[1],
                          .scratch = lines,
                          .y = tile};
}

static fnn_box_pool pool_args(const roi_job *job, const fnn_roi_box *box, const char *x, ptrdiff_t row) {
    return (fnn_box_pool){.x = x,
                          .x_row = row,
                          .rows = box->size[0],
                          .oh = job->p->oh,
                          .ow = job->p->ow,
                          .row_begin = box->begin[0],
                          .row_end = box->end[0],
                          .column_begin = box->begin[1],
                          .column_end = box->end[1],
                          .row_taps = box->taps[0],
                          .column_taps = box->taps[1],
                          .row_line = box->line[0],
                          .column_line = box->line[1],
                          .empty = box->empty};
}

static void forward_box(const roi_job *job, const thread_scratch *s, const roi_source *source, const fnn_roi_box *box,
                        char *tile) {
    if (box->size[0] == 0) {
        memset(tile, 0, (size_t)(job->bins * FNN_BLOCK * job->es));
        return;
    }
    char *x = box_pixels(job, source, box);
    if (!job->boxes.pool) {
        const fnn_resample args = resample_args(box, x, source->row, s->lines, tile);
        job->kernels->resample(&args);
        return;
    }
    fnn_box_pool args = pool_args(job, box, x, source->row);
    args.careful = source->careful, args.scratch = s->lines, args.y = tile;
    job->kernels->box_pool(&args);
}

/* The results of one box from the blocked tile to y. A tile of 16 channels is contiguous in both layouts, and whole cache
 * lines. */
static void store_tile(const roi_job *job, const thread_scratch *s, ptrdiff_t plane, char *y) {
    const ptrdiff_t channels = channels_of(job, plane);
    const int planar = job->p->layout == FNN_NCHW;
    char *to = job->stream ? s->y_tile : y;
    if (planar) job->kernels->unblock_pixels(s->tile, job->bins, to, job->bins, channels);
    if (job->stream) job->kernels->stream_row(planar ? to : s->tile, y, job->bins * FNN_BLOCK);
}

static void forward_item(const roi_job *job, const thread_scratch *s, ptrdiff_t item) {
    const ptrdiff_t plane = item / job->parts, part = item % job->parts, image = plane / job->blocks;
    const ptrdiff_t first = job->boxes.first[image], count = job->boxes.first[image + 1] - first;
    const ptrdiff_t begin = first + count * part / job->parts, end = first + count * (part + 1) / job->parts;
    ptrdiff_t low, high;
    const int at_once = rows_at_once(job, begin, end, &low, &high);
    roi_source source = {0};
    if (at_once && high > low) source = whole_source(job, s, plane, low, high);
    for (ptrdiff_t i = begin; i < end; i++) {
        const fnn_roi_box *box = &job->boxes.box[job->boxes.list[i]];
        if (!at_once && box->size[0]) source = box_source(job, s, plane, box);
        char *y = job->out + tile_at(job, job->boxes.list[i], plane);
        char *tile = job->p->layout == FNN_BLOCKED && !job->stream ? y : s->tile;
        forward_box(job, s, &source, box, tile);
        if (tile != y) store_tile(job, s, plane, y);
    }
}

/* One box's part of a gradient-sized array, in blocked form. */
static const char *bring_tile(const roi_job *job, const char *array, ptrdiff_t box, ptrdiff_t plane, char *tile) {
    const char *from = array + tile_at(job, box, plane);
    if (job->p->layout == FNN_BLOCKED) return from;
    job->kernels->block_pixels(from, job->bins, channels_of(job, plane), job->bins, tile);
    return tile;
}

static void grad_box(const roi_job *job, const thread_scratch *s, const char *x, char *gx, ptrdiff_t index,
                     ptrdiff_t plane) {
    const fnn_roi_box *box = &job->boxes.box[index];
    if (box->size[0] == 0) return;
    const ptrdiff_t first = (box->origin[0] * job->p->w + box->origin[1]) * FNN_BLOCK * job->es;
    const char *gy = bring_tile(job, job->gy, index, plane, s->tile);
    if (!job->boxes.pool) {
        const fnn_resample args = resample_args(box, gx + first, job->p->w, s->lines, (char *)gy);
        job->kernels->resample_grad(&args);
        return;
    }
    fnn_box_pool args = pool_args(job, box, x + first, job->p->w);
    args.y = (char *)bring_tile(job, job->y_in, index, plane, s->y_tile);
    args.gy = gy, args.gx = gx + first;
    job->kernels->box_pool_grad(&args);
}

static void grad_item(const roi_job *job, const thread_scratch *s, ptrdiff_t plane) {
    const fnn_roi_params *p = job->p;
    const ptrdiff_t image = plane / job->blocks, pixels = p->h * p->w, at = plane_at(job, plane);
    const int planar = p->layout == FNN_NCHW;
    char *gx = planar ? s->plane : job->out + at;
    const char *x = job->x ? job->x + at : NULL;
    memset(gx, 0, (size_t)(pixels * FNN_BLOCK * job->es));
    if (x && planar && job->boxes.first[image + 1] > job->boxes.first[image]) {
        job->kernels->block_pixels(x, pixels, channels_of(job, plane), pixels, s->x_plane);
        x = s->x_plane;
    }
    for (ptrdiff_t i = job->boxes.first[image]; i < job->boxes.first[image + 1]; i++)
        grad_box(job, s, x, gx, job->boxes.list[i], plane);
    if (planar) job->kernels->unblock_pixels(gx, pixels, job->out + at, pixels, channels_of(job, plane));
}

static void roi_body(void *context, const fnn_team *team) {
    roi_job *job = context;
    ptrdiff_t begin, end;
    fnn_share(team, job->p->k, &begin, &end);
    for (ptrdiff_t i = begin; i < end; i++) fnn_roi_box_fill(&job->boxes, i);
    fnn_barrier_wait(team);
    const thread_scratch s = scratch_of(job, team->id);
    const ptrdiff_t items = job->p->n * job->blocks * job->parts;
    for (ptrdiff_t item; (item = fnn_claim(team)) < items;) (job->gy ? grad_item : forward_item)(job, &s, item);
}

/* Enough items that the threads end together, but no part of so few boxes that its pixels cost more than they do. */
static ptrdiff_t parts_of(const roi_job *job, ptrdiff_t threads) {
    const ptrdiff_t planes = job->p->n * job->blocks, wanted = fnn_ceil_div(4 * threads, planes);
    if (job->gy || threads == 1) return 1;
    return fnn_max(1, fnn_min(wanted, job->p->k / job->p->n / 8));
}

static fnn_status roi_run(roi_job *job, int pool, const void *boxes) {
    const fnn_roi_params *p = job->p;
    job->kernels = fnn_kernels(p->dtype);
    job->es = fnn_element_size(p->dtype);
    job->blocks = fnn_blocks(p->c);
    job->bins = p->oh * p->ow;
    if (p->n * job->blocks == 0 || (!job->gy && p->k * job->bins == 0)) return FNN_OK;
    if (fnn_roi_boxes_make(&job->boxes, p, pool, boxes) != FNN_OK) return FNN_NO_MEMORY;
    const ptrdiff_t result_bytes = p->k * job->blocks * job->bins * FNN_BLOCK * job->es;
    job->stream = !job->gy && result_bytes >= STREAM_BYTES && (uintptr_t)job->out % FNN_ALIGN == 0 &&
                  (p->layout == FNN_BLOCKED || p->c % FNN_BLOCK == 0);
    job->parts = parts_of(job, fnn_get_num_threads());
    const int threads = (int)fnn_min(fnn_get_num_threads(), p->n * job->blocks * job->parts);
    const int planar = p->layout == FNN_NCHW;
    job->thread_elements = plane_elements(job, planar) + plane_elements(job, planar && job->gy && job->x) +
                           (job->boxes.most_used * p->ow + 2 * job->bins) * FNN_BLOCK;
    job->scratch = fnn_alloc((size_t)(threads * job->thread_elements * job->es));
    const fnn_status status = job->scratch ? FNN_OK : FNN_NO_MEMORY;
    const double work = (double)p->c * ((double)p->k * (double)job->bins * 8 + (double)(p->n * p->h * p->w));
    if (job->scratch) fnn_parallel(roi_body, job, threads, work, 0);
    fnn_free(job->scratch);
    fnn_roi_boxes_free(&job->boxes);
    return status;
}

fnn_status fnn_roi_align(const fnn_roi_params *p, const void *x, const void *boxes, void *y) {
    roi_job job = {.p = p, .x = x, .out = y};
    return roi_run(&job, 0, boxes);
}

fnn_status fnn_roi_align_grad_input(const fnn_roi_params *p, const void *gy, const void *boxes, void *gx) {
    roi_job job = {.p = p, .gy = gy, .out = gx};
    return roi_run(&job, 0, boxes);
}

fnn_status fnn_roi_pool_grad_input(const fnn_roi_params *p, const void *gy, const void *x, const void *y,
                                   const void *boxes, void *gx) {
    roi_job job = {.p = p, .gy = gy, .x = x, .y_in = y, .out = gx};
    return roi_run(&job, 1, boxes);
}

/* ---- positions of the maxima ---- */

typedef struct {
    const fnn_roi_params *p;
    fnn_roi_boxes boxes;
    const void *x;
    int64_t *indices;
} indices_job;

/* The first maximum of each bin, its last NaN before all else, -1 where it has no pixels. */
#define DEFINE_INDICES(type) \
    static void indices_##type(const fnn_roi_params *p, const fnn_roi_box *box, const type *x, int64_t *at) { \
        const ptrdiff_t h0 = box->origin[0], w0 = box->origin[1]; \
        for (ptrdiff_t i = 0; i < p->oh; i++) \
            for (ptrdiff_t j = 0; j < p->ow; j++, at++) { \
                *at = -1; \
                if (box->size[0] == 0) continue; \
                for (ptrdiff_t r = h0 + box->begin[0][i]; r < h0 + box->end[0][i]; r++) \
                    for (ptrdiff_t s = w0 + box->begin[1][j]; s < w0 + box->end[1][j]; s++) { \
                        const type value = x[r * p->w + s]; \
                        if (*at < 0 || value > x[*at] || value != value) *at = (int64_t)(r * p->w + s); \
                    } \
            } \
    }
DEFINE_INDICES(float)
DEFINE_INDICES(double)

static void indices_body(void *context, const fnn_team *team) {
    indices_job *job = context;
    const fnn_roi_params *p = job->p;
    for (ptrdiff_t i; (i = fnn_claim(team)) < p->k;) {
        fnn_roi_box_fill(&job->boxes, i);
        const fnn_roi_box *box = &job->boxes.box[i];
        for (ptrdiff_t c = 0; c < p->c; c++) {
            const ptrdiff_t x = (box->image * p->c + c) * p->h * p->w;
            int64_t *at = job->indices + (i * p->c + c) * p->oh * p->ow;
            if (p->dtype == FNN_F32)
                indices_float(p, box, (const float *)job->x + x, at);
            else
                indices_double(p, box, (const double *)job->x + x, at);
        }
    }
}

fnn_status fnn_roi_pool(const fnn_roi_params *p, const void *x, const void *boxes, void *y, int64_t *indices) {
    roi_job job = {.p = p, .x = x, .out = y};
    if (indices && p->k * p->c > 0) {
        indices_job at = {.p = p, .x = x, .indices = indices};
        if (fnn_roi_boxes_make(&at.boxes, p, 1, boxes) != FNN_OK) return FNN_NO_MEMORY;
        fnn_parallel(indices_body, &at, p->k, (double)(p->k * p->c) * (double)(p->oh * p->ow) * 16, 0);
        fnn_roi_boxes_free(&at.boxes);
    }
    return roi_run(&job, 1, boxes);
}
