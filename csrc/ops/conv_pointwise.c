/* 1x1 convolution of NCHW images without any transposition: pixels are the columns, output channels the rows.
 *
 * Groups of 16 pixels of all input channels are copied into a panel; the packed weights, which hold 16 output channels
 * side by side, serve as the broadcast side; strips write rows of the NCHW result. Worth it where converting both images
 * to blocks and back costs more than the columns wasted at the end of an image. */
#include <string.h>

#include "conv.h"

/* Pixels of one copy of the source: with 256 channels 64 KiB, an eighth of a second-level cache. */
#define COPY_PANELS 4
/* Steps of one pass: its weights and one panel of pixels, 12 KiB each, stay in the first-level cache together. */
#define PASS_STEPS 192

typedef struct {
    const fnn_conv_job *job;
    const fnn_kernel_table *kernels;
    ptrdiff_t es, xs, ys, pixels, panels; /* channels of a group, pixels of an image, panels of 16 pixels */
    ptrdiff_t packed_group, packed_panel; /* elements of a group's weights, of 16 output channels */
    char *scratch;                        /* [threads][COPY_PANELS][xs][16] */
} pointwise;

/* An estimate, not yet measured: converting costs about 0.3 cycles an element of both images, computing xs * ys / 16 a pixel (AVX2): above 5 % it is
 * saved here. The last panel may waste up to 15 columns: at most 1 / 32 of the image. */
int fnn_conv_is_pointwise(const fnn_conv_job *job) {
    const ptrdiff_t xs = job->xc / job->groups, ys = job->yc / job->groups, pixels = job->xh * job->xw;
    const ptrdiff_t waste = fnn_round_up(pixels, FNN_BLOCK) - pixels;
    return job->algorithm != FNN_CONV_DEPTHWISE && job->kd * job->kh * job->kw == 1 && job->xd == 1 && job->yd == 1 &&
           fnn_max(job->sh, job->sw) == 1 && job->ph == 0 && job->pw == 0 && job->yh == job->xh && job->yw == job->xw &&
           job->x_layout == FNN_NCHW && job->y_layout == FNN_NCHW && xs > 0 && 32 * waste <= pixels &&
           5 * (xs + ys) * 20 > xs * ys;
}

static void copy_pixels(const pointwise *p, const char *x, ptrdiff_t pixel, ptrdiff_t panels, char *to) {
    const ptrdiff_t row = FNN_BLOCK * p->es;
    for (ptrdiff_t q = 0; q < panels; q++, pixel += FNN_BLOCK) {
        const ptrdiff_t count = fnn_min(FNN_BLOCK, p->pixels - pixel);
        p->kernels->pack_panel(x + pixel * p->es, p->pixels, 1, p->xs, count, to + q * p->xs * row);
    }
}

static void compute(const pointwise *p, ptrdiff_t image, ptrdiff_t group, ptrdiff_t pixel, ptrdiff_t panels,
                    const char *columns) {
    const fnn_conv_job *job = p->job;
    const ptrdiff_t passes = fnn_ceil_div(p->xs, PASS_STEPS);
    const fnn_chunk chunk = {0, 0};
    const ptrdiff_t plane = image * job->yc + group * p->ys;
    fnn_strip s = {.a_row = 1, .a_step = FNN_BLOCK, .b_panel = p->xs * FNN_BLOCK, .b_step = FNN_BLOCK};
    s.chunks = &chunk, s.n_chunks = 1;
    s.c_row = p->pixels, s.c_panel = FNN_BLOCK, s.panels = panels;
    s.last_columns = fnn_min(FNN_BLOCK, p->pixels - pixel - (panels - 1) * FNN_BLOCK);
    for (ptrdiff_t pass = 0; pass < passes; pass++) {
        const ptrdiff_t begin = p->xs * pass / passes, end = p->xs * (pass + 1) / passes;
        const int last = pass == passes - 1;
        s.b = columns + begin * FNN_BLOCK * p->es;
        s.chunk_len = end - begin;
        s.accumulate = pass > 0;
        if (last) s.activation = job->activation, s.alpha = job->alpha, s.beta = job->beta;
        for (ptrdiff_t o = 0; o < p->ys; o += FNN_BLOCK) {
            const ptrdiff_t at = ((plane + o) * p->pixels + pixel) * p->es;
            s.a = job->packed + (group * p->packed_group + o / FNN_BLOCK * p->packed_panel + begin * FNN_BLOCK) * p->es;
            s.rows = fnn_min(FNN_BLOCK, p->ys - o);
            s.c = job->y + at;
            s.row_bias = job->bias && pass == 0 ? job->bias + (group * p->ys + o) * p->es : NULL;
            s.residual = job->residual && last ? job->residual + at : NULL;
            p->kernels->strip(&s);
        }
    }
}

static void pointwise_body(void *context, const fnn_team *team) {
    const pointwise *p = context;
    const fnn_conv_job *job = p->job;
    char *columns = p->scratch + team->id * COPY_PANELS * p->xs * FNN_BLOCK * p->es;
    const ptrdiff_t copies = fnn_ceil_div(p->panels, COPY_PANELS), all = job->n * job->groups * copies;
    for (ptrdiff_t index = fnn_claim(team); index < all; index = fnn_claim(team)) {
        const ptrdiff_t first = index % copies * COPY_PANELS, set = index / copies;
        const ptrdiff_t panels = fnn_min(COPY_PANELS, p->panels - first);
        const ptrdiff_t image = set / job->groups, group = set % job->groups;
        const char *x = job->x + (image * job->xc + group * p->xs) * p->pixels * p->es;
        copy_pixels(p, x, first * FNN_BLOCK, panels, columns);
        compute(p, image, group, first * FNN_BLOCK, panels, columns);
    }
}

fnn_status fnn_conv_pointwise(const fnn_conv_job *job) {
    pointwise p = {.job = job, .kernels = fnn_kernels(job->dtype), .es = fnn_element_size(job->dtype)};
    const int threads = fnn_get_num_threads();
    p.xs = job->xc / job->groups, p.ys = job->yc / job->groups;
    p.pixels = job->xh * job->xw, p.panels = fnn_ceil_div(p.pixels, FNN_BLOCK);
    p.packed_group = (ptrdiff_t)fnn_conv_packed_group(job->algorithm, p.xs, p.ys, 1);
    p.packed_panel = p.packed_group / fnn_blocks(p.ys);
    p.scratch = fnn_alloc((size_t)(threads * COPY_PANELS * p.xs * FNN_BLOCK * p.es));
    if (!p.scratch) return FNN_NO_MEMORY;
    fnn_parallel(pointwise_body, &p, threads, (double)(job->n * job->yc * p.pixels) * (double)p.xs, 1);
    fnn_free(p.scratch);
    return FNN_OK;
}
