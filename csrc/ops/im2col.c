/* im2col and col2im of NCHW images, a few channels and a band of rows at a time.
 *
 * The source rows of a band lie in scratch with their zero padding, and with the columns of equal remainder modulo the
 * column stride side by side: there every tap of every row is one contiguous run, so that what is done kernel-size
 * times, copying or adding runs, knows neither padding nor stride. col2im is the same with the arrows turned round;
 * each pixel takes its sum in the order of the taps, whatever the bands and threads. Windows that neither overlap nor
 * reach the padding need no scratch: each element has one place. */
#include <string.h>

#include "../dispatch.h"
#include "../threads.h"

#define BAND_BYTES ((ptrdiff_t)64 << 10) /* an estimate: with the columns written it stays in a second-level cache */
#define UNITS_PER_THREAD 4               /* bands to share out, where channels alone are too few */
/* Small planes are brought to scratch so many bytes at a time: words that cross rows just written wait for the writes,
 * so other planes come between. Half of a 32 KiB first-level cache. */
#define GROUP_BYTES ((ptrdiff_t)16 << 10)

#define ROW_WORK 64 /* what beginning a row costs, in FMA-like operations, where an element costs 4 */

typedef struct {
    ptrdiff_t first, count; /* of the columns of one phase, those inside the image */
} phase_columns;

typedef struct {
    const fnn_im2col_params *p;
    const fnn_kernel_table *kernels;
    ptrdiff_t es;
    char *x, *cols;               /* [n*c][h][w] and [n*c][kh*kw][oh*ow] */
    ptrdiff_t phases, run, pitch; /* a row of scratch is [phases][run], pitch elements apart */
    phase_columns *inside;        /* [phases] */
    ptrdiff_t band, bands, group; /* rows (of cols, or of x in col2im) and planes at a time */
    ptrdiff_t plane;              /* elements of one plane in scratch */
    ptrdiff_t scratch_bytes;      /* of one thread */
    int in_place;                 /* im2col: rows are read where they are */
    char *scratch;
} im2col_job;

typedef struct {
    ptrdiff_t plane, planes, begin, end; /* planes [plane, plane + planes), rows [begin, end) */
} piece;

/* Of the columns phase + k*sw of the padded row, 0 <= k < run, those inside the image. */
static phase_columns inside_image(const im2col_job *job, ptrdiff_t phase) {
    const fnn_im2col_params *p = job->p;
    const ptrdiff_t first = phase < p->pw ? fnn_ceil_div(p->pw - phase, p->sw) : 0;
    const ptrdiff_t end = p->w + p->pw <= phase ? 0 : fnn_ceil_div(p->w + p->pw - phase, p->sw);
    return (phase_columns){first, fnn_max(0, fnn_min(job->run, end) - first)};
}

/* Whether a row of the padded image is under any kernel row: those between far strides are not. */
static int row_is_used(const fnn_im2col_params *p, ptrdiff_t padded_row) {
    return padded_row % p->sh <= (p->kh - 1) * p->dh;
}

/* Row `row` of one plane into scratch whose columns outside the image are zero already. */
static void split_row(const im2col_job *job, const char *plane, ptrdiff_t row, char *to) {
    const fnn_im2col_params *p = job->p;
    if (row < 0 || row >= p->h) {
        memset(to, 0, (size_t)(job->phases * job->run * job->es));
        return;
    }
    for (ptrdiff_t phase = 0; phase < job->phases; phase++) {
        const phase_columns in = job->inside[phase];
        const char *from = plane + (row * p->w + phase + in.first * p->sw - p->pw) * job->es;
        job->kernels->gather(from, p->sw, in.count, to + (phase * job->run + in.first) * job->es);
    }
}

/* The inverse: a row of sums to its row of x; columns that no tap covers are zero. */
static void merge_row(const im2col_job *job, const char *from, char *x) {
    const fnn_im2col_params *p = job->p;
    if (job->phases < p->sw || job->run * p->sw < p->w + p->pw) memset(x, 0, (size_t)(p->w * job->es));
    for (ptrdiff_t phase = 0; phase < job->phases; phase++) {
        const phase_columns in = job->inside[phase];
        char *to = x + (phase + in.first * p->sw - p->pw) * job->es;
        job->kernels->scatter(from + (phase * job->run + in.first) * job->es, in.count, to, p->sw);
    }
}

static void im2col_piece(const im2col_job *job, piece at, char *scratch) {
    const fnn_im2col_params *p = job->p;
    const ptrdiff_t taps = p->kh * p->kw, pixels = p->oh * p->ow, top = at.begin * p->sh;
    const ptrdiff_t rows = (at.end - at.begin - 1) * p->sh + (p->kh - 1) * p->dh + 1;
    for (ptrdiff_t q = 0; !job->in_place && q < at.planes; q++)
        for (ptrdiff_t i = 0; i < rows; i++)
            if (row_is_used(p, i))
                split_row(job, job->x + (at.plane + q) * p->h * p->w * job->es, top - p->ph + i,
                          scratch + (q * job->plane + i * job->pitch) * job->es);
    for (ptrdiff_t q = 0; q < at.planes; q++) {
        const char *from = scratch + q * job->plane * job->es;
        ptrdiff_t readable = job->scratch_bytes / job->es - q * job->plane;
        if (job->in_place) {
            from = job->x + ((at.plane + q) * p->h + top) * p->w * job->es;
            readable = (p->h - top) * p->w;
        }
        char *to = job->cols + ((at.plane + q) * taps * pixels + at.begin * p->ow) * job->es;
        for (ptrdiff_t tap = 0; tap < taps; tap++) {
            const ptrdiff_t r = tap / p->kw * p->dh, s = tap % p->kw * p->dw;
            const ptrdiff_t first = r * job->pitch + s % p->sw * job->run + s / p->sw;
            const ptrdiff_t writable = job->bands > 1 ? (at.end - at.begin) * p->ow : (taps - tap) * pixels;
            const fnn_rows copy = {from + first * job->es,
                                   p->sh * job->pitch,
                                   readable - first,
                                   to + tap * pixels * job->es,
                                   p->ow,
                                   writable,
                                   at.end - at.begin,
                                   p->ow};
            job->kernels->copy_rows(&copy);
        }
    }
}

static void col2im_piece(const im2col_job *job, piece at, char *scratch) {
    const fnn_im2col_params *p = job->p;
    const ptrdiff_t taps = p->kh * p->kw, pixels = p->oh * p->ow, size = taps * pixels; /* of one plane's columns */
    memset(scratch, 0, (size_t)(at.planes * job->plane * job->es));
    for (ptrdiff_t tap = 0; tap < taps; tap++) {
        const ptrdiff_t top = tap / p->kw * p->dh - p->ph, s = tap % p->kw * p->dw; /* row i of it adds to i*sh + top */
        const ptrdiff_t first = at.begin <= top ? 0 : fnn_ceil_div(at.begin - top, p->sh);
        const ptrdiff_t rows = at.end <= top ? 0 : fnn_min(p->oh, fnn_ceil_div(at.end - top, p->sh)) - first;
        if (rows <= 0) continue;
        const ptrdiff_t from = tap * pixels + first * p->ow;
        const ptrdiff_t to = (first * p->sh + top - at.begin) * job->pitch + s % p->sw * job->run + s / p->sw;
        for (ptrdiff_t q = 0; q < at.planes; q++) {
            char *sums = scratch + (q * job->plane + to) * job->es;
            const fnn_rows add = {job->cols + ((at.plane + q) * size + from) * job->es,
                                  p->ow,
                                  size - from,
                                  sums,
                                  p->sh * job->pitch,
                                  PTRDIFF_MAX,
                                  rows,
                                  p->ow};
            job->kernels->add_rows(&add);
        }
    }
    for (ptrdiff_t q = 0; q < at.planes; q++)
        for (ptrdiff_t i = at.begin; i < at.end; i++)
            merge_row(job, scratch + (q * job->plane + (i - at.begin) * job->pitch) * job->es,
                      job->x + ((at.plane + q) * p->h + i) * p->w * job->es);
}

/* ---- windows that do not overlap: rows [begin, end) of windows, without scratch ---- */

/* im2col, or col2im when `back`. */
static void move_windows(const im2col_job *job, piece at, int back) {
    const fnn_im2col_params *p = job->p;
    const ptrdiff_t taps = p->kh * p->kw, pixels = p->oh * p->ow;
    char *x = job->x + at.plane * p->h * p->w * job->es, *cols = job->cols + at.plane * taps * pixels * job->es;
    for (ptrdiff_t tap = 0; tap < taps; tap++) {
        const ptrdiff_t at_tap = tap / p->kw * p->dh * p->w + tap % p->kw * p->dw;
        for (ptrdiff_t i = at.begin; i < at.end; i++) {
            char *pixel = x + (i * p->sh * p->w + at_tap) * job->es;
            char *column = cols + (tap * pixels + i * p->ow) * job->es;
            if (back)
                job->kernels->scatter(column, p->ow, pixel, p->sw);
            else
                job->kernels->gather(pixel, p->sw, p->ow, column);
        }
    }
}

static void im2col_separate_piece(const im2col_job *job, piece at, char *scratch) {
    (void)scratch;
    move_windows(job, at, 0);
}

static void col2im_separate_piece(const im2col_job *job, piece at, char *scratch) {
    const fnn_im2col_params *p = job->p;
    const ptrdiff_t begin = at.begin * p->sh, end = at.end == p->oh ? p->h : at.end * p->sh;
    const int tiled = p->sh == p->kh && p->sw == p->kw && p->dh * p->dw == 1;
    (void)scratch;
    if (!tiled || p->oh * p->sh < p->h || p->ow * p->sw < p->w)
        memset(job->x + (at.plane * p->h + begin) * p->w * job->es, 0, (size_t)((end - begin) * p->w * job->es));
    move_windows(job, at, 1);
}

static int is_separate(const fnn_im2col_params *p) {
    const ptrdiff_t kernel_rows = (p->kh - 1) * p->dh + 1, kernel_columns = (p->kw - 1) * p->dw + 1;
    return p->ph == 0 && p->pw == 0 && p->sh >= kernel_rows && p->sw >= kernel_columns &&
           (p->oh - 1) * p->sh + kernel_rows <= p->h && (p->ow - 1) * p->sw + kernel_columns <= p->w;
}

/* ---- pieces and threads ---- */

typedef struct {
    const im2col_job *job;
    ptrdiff_t height;
    void (*run)(const im2col_job *job, piece at, char *scratch);
} shared_job;

static void pieces_body(void *context, const fnn_team *team) {
    const shared_job *shared = context;
    const im2col_job *job = shared->job;
    const ptrdiff_t planes = job->p->n * job->p->c;
    char *scratch = job->scratch + team->id * job->scratch_bytes;
    ptrdiff_t begin, end;
    if (job->scratch_bytes) memset(scratch, 0, (size_t)job->scratch_bytes);
    fnn_share(team, fnn_ceil_div(planes, job->group) * job->bands, &begin, &end);
    for (ptrdiff_t i = begin; i < end; i++) {
        const ptrdiff_t row = i % job->bands * job->band, plane = i / job->bands * job->group;
        const piece at = {plane, fnn_min(job->group, planes - plane), row, fnn_min(shared->height, row + job->band)};
        shared->run(job, at, scratch);
    }
}

/* Bands of `height` rows that share out well; a band of b rows has (b - 1) * step + extra + 1 rows of scratch. */
static void choose_pieces(im2col_job *job, ptrdiff_t height, ptrdiff_t step, ptrdiff_t extra, int with_scratch) {
    const ptrdiff_t planes = job->p->n * job->p->c, row_bytes = job->pitch * job->es;
    const ptrdiff_t units = UNITS_PER_THREAD * fnn_get_num_threads();
    const ptrdiff_t most = fnn_max(1, (BAND_BYTES / row_bytes - extra - 1) / step + 1);
    job->band = fnn_min(most, fnn_ceil_div(height, fnn_min(height, fnn_ceil_div(units, planes))));
    job->bands = fnn_ceil_div(height, job->band);
    job->group = 1;
    if (!with_scratch) return;
    job->plane = ((job->band - 1) * step + extra + 1) * job->pitch;
    if (job->bands == 1) job->group = fnn_max(1, fnn_min(GROUP_BYTES / (job->plane * job->es), planes / units));
    job->scratch_bytes = fnn_round_up((job->group * job->plane + FNN_BLOCK) * job->es, FNN_ALIGN);
}

static fnn_status run_pieces(im2col_job *job, ptrdiff_t height, void (*run)(const im2col_job *, piece, char *)) {
    const fnn_im2col_params *p = job->p;
    const ptrdiff_t threads = fnn_get_num_threads(), table = job->phases * (ptrdiff_t)sizeof *job->inside;
    const ptrdiff_t units = fnn_ceil_div(p->n * p->c, job->group) * job->bands;
    shared_job shared = {job, height, run};
    char *memory = fnn_alloc((size_t)(threads * job->scratch_bytes + table));
    if (!memory) return FNN_NO_MEMORY;
    job->scratch = memory;
    job->inside = (phase_columns *)(memory + threads * job->scratch_bytes);
    for (ptrdiff_t phase = 0; phase < job->phases; phase++) job->inside[phase] = inside_image(job, phase);
    const double work = (double)(p->n * p->c * p->kh * p->kw) * (double)p->oh * (double)(4 * p->ow + ROW_WORK);
    fnn_parallel(pieces_body, &shared, fnn_min(threads, units), work, 0);
    fnn_free(memory);
    return FNN_OK;
}

static im2col_job job_of(const fnn_im2col_params *p, const void *x, const void *cols) {
    im2col_job job = {.p = p, .kernels = fnn_kernels(p->dtype), .es = fnn_element_size(p->dtype)};
    job.x = (char *)x, job.cols = (char *)cols;
    job.phases = fnn_min(p->sw, (p->kw - 1) * p->dw + 1);
    job.run = fnn_ceil_div((p->ow - 1) * p->sw + (p->kw - 1) * p->dw + 1, p->sw);
    job.pitch = job.phases * job.run;
    return job;
}

fnn_status fnn_im2col(const fnn_im2col_params *p, const void *x, void *cols) {
    if (p->n * p->c * p->oh * p->ow == 0) return FNN_OK;
    im2col_job job = job_of(p, x, cols);
    const ptrdiff_t extra = (p->kh - 1) * p->dh, rows = (p->oh - 1) * p->sh + extra + 1;
    const int separate = p->sw > 1 && is_separate(p);
    job.in_place = p->sw == 1 && p->ph == 0 && p->pw == 0 && rows <= p->h && job.run <= p->w;
    if (job.in_place) job.pitch = p->w;
    choose_pieces(&job, p->oh, p->sh, extra, !job.in_place && !separate);
    return run_pieces(&job, p->oh, separate ? im2col_separate_piece : im2col_piece);
}

fnn_status fnn_col2im(const fnn_im2col_params *p, const void *cols, void *x) {
    if (p->n * p->c * p->h * p->w == 0) return FNN_OK;
    im2col_job job = job_of(p, x, cols);
    if (is_separate(p)) {
        choose_pieces(&job, p->oh, p->sh, 0, 0);
        return run_pieces(&job, p->oh, col2im_separate_piece);
    }
    job.pitch += FNN_BLOCK; /* the whole words added to one row do not reach into the next, which would wait for them */
    choose_pieces(&job, p->h, 1, 0, 1);
    return run_pieces(&job, p->h, col2im_piece);
}
