/* Winograd convolution, 3x3 with stride 1, fused: a block of tiles is brought to scratch and transformed, the (m + 2)^2
 * products of each group of output channels run as strips, and are transformed back at once with bias, residual and
 * activation. Neither the transformed image nor the products ever exist as a whole. Transforms: kernels/winograd.h. */
#include <string.h>

#include "conv.h"

/* Tiles of one block. Filters are streamed once a block, so wide blocks win where filters are large: 512-512 at 28x28
 * took 3.0 ms with 14 tiles, 2.46 with 28, 2.25 with 49; 64-64 at 224x224 3.19 with 56, 3.69 with 28. Transformed tiles
 * beyond the second-level cache stream from the third as well as filters do. AMD Zen 5, 2 threads, 2026-11. */
#define TILES_MOST 56
#define TILES_LEAST 14                      /* one full tile of the product kernel, however many channels */
#define BLOCK_BYTES ((ptrdiff_t)3584 << 10) /* of transformed tiles at most: scratch stays under 4 MiB */
/* Above this size the whole team works on one block, split by output channels: 256-256 at 56x56 2.16 ms against 2.48,
 * 512-512 at 14x14 0.94 against 1.29, the 64 and 128 channels of larger images alike or worse. */
#define PRIVATE_BYTES ((ptrdiff_t)768 << 10)

/* Blocks of channels summed in one run: with 512 channels in one, F(4x4) had an rms error of 2.1e-6, in two 1.7e-6. */
#define PASS_BLOCKS 16

typedef struct {
    const fnn_conv_job *job;
    const fnn_kernel_table *kernels;
    ptrdiff_t es;
    int m, points;                      /* outputs of a tile's side; (m + 2)^2 */
    ptrdiff_t xs, ys, x_blocks, panels; /* channels of a group, in blocks of 16 */
    ptrdiff_t pad_h, pad_w;             /* of the correlation that the job is */
    ptrdiff_t tiles_h, tiles_w;         /* of an image */
    ptrdiff_t images, rows, columns;    /* of a block: images, tile rows, tiles in a row */
    ptrdiff_t blocks_n, blocks_h, blocks_w;
    ptrdiff_t tiles;                  /* of a block at most: images*rows*columns */
    ptrdiff_t group;                  /* panels of 16 output channels computed together */
    ptrdiff_t v_point, product_point; /* elements from one point to the next */
    int share;                        /* the whole team on every block */
    fnn_chunk *chunks;                /* [x_blocks] */
    char *bias;                       /* [groups][panels*16] or NULL */
    char *v, *scratch;                /* transformed tiles: [threads or 1]; products, source, result: [threads] */
    ptrdiff_t v_bytes, products_bytes, source_bytes, result_bytes, thread_bytes;
} winograd;

typedef struct {
    ptrdiff_t set, image, images, row, rows, column, columns; /* in tiles */
} tile_block;

/* The i-th of `parts` nearly equal parts of n, larger ones first: so claimed, they end at about the same time. */
static void part(ptrdiff_t n, ptrdiff_t i, ptrdiff_t parts, ptrdiff_t *begin, ptrdiff_t *count) {
    const ptrdiff_t size = n / parts, more = n % parts;
    *begin = i * size + fnn_min(i, more);
    *count = size + (i < more);
}

static tile_block block_at(const winograd *p, ptrdiff_t index) {
    tile_block b;
    part(p->tiles_w, index % p->blocks_w, p->blocks_w, &b.column, &b.columns);
    index /= p->blocks_w;
    part(p->tiles_h, index % p->blocks_h, p->blocks_h, &b.row, &b.rows);
    index /= p->blocks_h;
    part(p->job->n, index % p->blocks_n, p->blocks_n, &b.image, &b.images);
    b.set = index / p->blocks_n;
    return b;
}

/* Channel blocks [begin, end) of a block of tiles: rows into scratch, tiles of it into v. */
static void transform_input(const winograd *p, const tile_block *b, ptrdiff_t begin, ptrdiff_t end, char *v,
                            char *source) {
    const fnn_conv_job *job = p->job;
    const fnn_image x = {job->dtype, job->x_layout, job->x, job->xc, 1, job->xh, job->xw, job->padding_mode};
    const ptrdiff_t width = b->columns * p->m + 2, height = b->rows * p->m + 2, row_size = width * FNN_BLOCK;
    const ptrdiff_t x_column = b->column * p->m - p->pad_w;
    fnn_winograd_tiles w = {.m = p->m, .tiles = b->columns, .image_row = row_size, .point = p->v_point};
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t first = b->set * p->xs + block * FNN_BLOCK;
        const ptrdiff_t channels = fnn_min(FNN_BLOCK, (b->set + 1) * p->xs - first);
        char *to = v + block * p->tiles * FNN_BLOCK * p->es;
        for (ptrdiff_t image = 0; image < b->images; image++) {
            for (ptrdiff_t i = 0; i < height; i++)
                fnn_load_row(&x, FNN_BLOCK, b->image + image, first, channels, 0, b->row * p->m - p->pad_h + i,
                             x_column, width, 0, source + i * row_size * p->es);
            for (ptrdiff_t row = 0; row < b->rows; row++, to += b->columns * FNN_BLOCK * p->es) {
                w.image = source + row * p->m * row_size * p->es;
                w.points = to;
                p->kernels->winograd_input(&w);
            }
        }
    }
}

static void multiply(const winograd *p, const tile_block *b, ptrdiff_t panel, ptrdiff_t panels, const char *v,
                     char *products) {
    const ptrdiff_t channels = p->x_blocks * FNN_BLOCK, filter = channels * FNN_BLOCK;
    fnn_strip s = {.a_row = FNN_BLOCK, .a_step = 1, .b_panel = p->points * filter, .b_step = FNN_BLOCK};
    s.chunk_len = FNN_BLOCK;
    s.c_row = FNN_BLOCK, s.c_panel = p->tiles * FNN_BLOCK;
    s.rows = b->images * b->rows * b->columns, s.panels = panels, s.last_columns = FNN_BLOCK;
    const char *u = p->job->packed + (b->set * p->panels + panel) * p->points * filter * p->es;
    for (ptrdiff_t f = 0; f < p->points; f++) {
        s.a = v + f * p->v_point * p->es;
        s.b = u + f * filter * p->es;
        s.c = products + f * p->product_point * p->es;
        for (ptrdiff_t block = 0; block < p->x_blocks; block += PASS_BLOCKS) {
            const ptrdiff_t end = fnn_min(p->x_blocks, block + PASS_BLOCKS);
            s.chunks = p->chunks + block, s.n_chunks = end - block;
            s.accumulate = block > 0;
            s.next = (const char *)s.b + end * FNN_BLOCK * FNN_BLOCK * p->es;
            if (end == p->x_blocks && f == p->points - 1) s.next = u + panels * p->points * filter * p->es;
            p->kernels->strip(&s);
        }
    }
}

/* Products of one panel and image to output pixels at y, a row of tiles at a time. */
static void transform_output(const winograd *p, const tile_block *b, ptrdiff_t panel, const char *products, char *y,
                             ptrdiff_t y_row, const char *residual) {
    const fnn_conv_job *job = p->job;
    fnn_winograd_tiles w = {.m = p->m, .tiles = b->columns, .image_row = y_row, .point = p->product_point};
    w.columns = fnn_min(b->columns * p->m, job->yw - b->column * p->m);
    w.bias = p->bias ? p->bias + (b->set * p->panels + panel) * FNN_BLOCK * p->es : NULL;
    w.activation = job->activation, w.alpha = job->alpha, w.beta = job->beta;
    for (ptrdiff_t row = 0; row < b->rows; row++) {
        const ptrdiff_t at = row * p->m * y_row * p->es;
        w.points = (char *)products + row * b->columns * FNN_BLOCK * p->es;
        w.rows = fnn_min(p->m, job->yh - (b->row + row) * p->m);
        w.image = y + at;
        w.residual = residual ? residual + at : NULL;
        p->kernels->winograd_output(&w);
    }
}

/* One image of a block between scratch and an NHWC result, or residual: in where y is NULL. */
static void move_last(const winograd *p, const tile_block *b, ptrdiff_t image, ptrdiff_t panel, char *scratch,
                      const char *residual, char *y) {
    const fnn_conv_job *job = p->job;
    const ptrdiff_t row0 = b->row * p->m, column0 = b->column * p->m, channel = b->set * p->ys + panel * FNN_BLOCK;
    const ptrdiff_t channels = fnn_min(FNN_BLOCK, (b->set + 1) * p->ys - channel);
    const ptrdiff_t width = fnn_min(b->columns * p->m, job->yw - column0);
    const ptrdiff_t pixel = ((b->image + image) * job->yh + row0) * job->yw + column0;
    ptrdiff_t at = (pixel * job->yc + channel) * p->es;
    for (ptrdiff_t i = 0; i < fnn_min(b->rows * p->m, job->yh - row0); i++) {
        if (y)
            p->kernels->copy_runs(scratch, FNN_BLOCK, y + at, job->yc, width, channels);
        else
            p->kernels->copy_runs(residual + at, job->yc, scratch, FNN_BLOCK, width, channels);
        at += job->yw * job->yc * p->es, scratch += width * FNN_BLOCK * p->es;
    }
}

/* The same for an NCHW one: rows that span the image are one run of pixels. */
static void move_planar(const winograd *p, const tile_block *b, ptrdiff_t image, ptrdiff_t panel, char *scratch,
                        const char *residual, char *y) {
    const fnn_conv_job *job = p->job;
    const ptrdiff_t plane = job->yh * job->yw, row0 = b->row * p->m, column0 = b->column * p->m;
    const ptrdiff_t channel = b->set * p->ys + panel * FNN_BLOCK;
    const ptrdiff_t channels = fnn_min(FNN_BLOCK, (b->set + 1) * p->ys - channel);
    const ptrdiff_t width = fnn_min(b->columns * p->m, job->yw - column0);
    const ptrdiff_t height = fnn_min(b->rows * p->m, job->yh - row0);
    const ptrdiff_t runs = width == job->yw ? 1 : height, pixels = width * height / runs;
    ptrdiff_t at = (((b->image + image) * job->yc + channel) * plane + row0 * job->yw + column0) * p->es;
    for (ptrdiff_t run = 0; run < runs; run++, at += job->yw * p->es, scratch += pixels * FNN_BLOCK * p->es) {
        if (y)
            p->kernels->unblock_pixels(scratch, pixels, y + at, plane, channels);
        else
            p->kernels->block_pixels(residual + at, plane, channels, pixels, scratch);
    }
}

static void write_panel(const winograd *p, const tile_block *b, ptrdiff_t panel, const char *products, char *result) {
    const fnn_conv_job *job = p->job;
    const ptrdiff_t width = fnn_min(b->columns * p->m, job->yw - b->column * p->m);
    for (ptrdiff_t image = 0; image < b->images; image++) {
        if (job->y_layout != FNN_BLOCKED) {
            const int last = job->y_layout == FNN_NHWC;
            if (job->residual) (last ? move_last : move_planar)(p, b, image, panel, result, job->residual, NULL);
            transform_output(p, b, panel, products, result, width * FNN_BLOCK, job->residual ? result : NULL);
            (last ? move_last : move_planar)(p, b, image, panel, result, NULL, job->y);
        } else {
            const ptrdiff_t block = (b->image + image) * fnn_blocks(job->yc) + b->set * p->ys / FNN_BLOCK + panel;
            const ptrdiff_t pixel = (block * job->yh + b->row * p->m) * job->yw + b->column * p->m;
            const ptrdiff_t at = pixel * FNN_BLOCK * p->es;
            transform_output(p, b, panel, products, job->y + at, job->yw * FNN_BLOCK,
                             job->residual ? job->residual + at : NULL);
            if (panel == p->panels - 1)
                for (ptrdiff_t i = 0; i < fnn_min(b->rows * p->m, job->yh - b->row * p->m); i++)
                    fnn_clear_lanes(job, width, 1, job->y + at + i * job->yw * FNN_BLOCK * p->es);
        }
        products += b->rows * b->columns * FNN_BLOCK * p->es;
    }
}

static void compute_group(const winograd *p, const tile_block *b, ptrdiff_t index, const char *v, char *scratch) {
    const ptrdiff_t panel = index * p->group, panels = fnn_min(p->group, p->panels - panel);
    char *products = scratch, *result = scratch + p->products_bytes + p->source_bytes;
    multiply(p, b, panel, panels, v, products);
    for (ptrdiff_t q = 0; q < panels; q++)
        write_panel(p, b, panel + q, products + q * p->tiles * FNN_BLOCK * p->es, result);
}

static void winograd_body(void *context, const fnn_team *team) {
    const winograd *p = context;
    const ptrdiff_t blocks = p->job->groups * p->blocks_n * p->blocks_h * p->blocks_w;
    const ptrdiff_t groups = fnn_ceil_div(p->panels, p->group);
    char *v = p->v + (p->share ? 0 : team->id * p->v_bytes), *scratch = p->scratch + team->id * p->thread_bytes;
    char *source = scratch + p->products_bytes;
    ptrdiff_t claimed = fnn_claim(team), first, last;
    if (!p->share) {
        for (; claimed < blocks; claimed = fnn_claim(team)) {
            const tile_block b = block_at(p, claimed);
            transform_input(p, &b, 0, p->x_blocks, v, source);
            for (ptrdiff_t i = 0; i < groups; i++) compute_group(p, &b, i, v, scratch);
        }
        return;
    }
    for (ptrdiff_t index = 0; index < blocks; index++) { /* claims count on over the blocks */
        const tile_block b = block_at(p, index);
        fnn_share(team, p->x_blocks, &first, &last);
        transform_input(p, &b, first, last, v, source);
        fnn_barrier_wait(team);
        for (; claimed < (index + 1) * groups; claimed = fnn_claim(team))
            compute_group(p, &b, claimed - index * groups, v, scratch);
        fnn_barrier_wait(team);
    }
}

/* Blocks of nearly equal size near `most` tiles: parts of a tile row, whole tile rows, or whole images. Parts of two rows
 * share more source pixels than parts of one, but were slower: 3.3 ms against 3.0 (64-64 at 224x224). */
static void choose_blocks(winograd *p, ptrdiff_t most) {
    const ptrdiff_t image = p->tiles_h * p->tiles_w;
    p->blocks_w = fnn_ceil_div(p->tiles_w, most);
    p->blocks_h = p->blocks_w > 1 ? p->tiles_h : fnn_ceil_div(p->tiles_h, fnn_min(p->tiles_h, most / p->tiles_w));
    p->blocks_n = p->blocks_h > 1 ? p->job->n : fnn_ceil_div(p->job->n, fnn_max(1, most / image));
    p->columns = fnn_ceil_div(p->tiles_w, p->blocks_w);
    p->rows = fnn_ceil_div(p->tiles_h, p->blocks_h);
    p->images = fnn_ceil_div(p->job->n, p->blocks_n);
    p->tiles = p->images * p->rows * p->columns;
}

static void choose_geometry(winograd *p, int threads) {
    const fnn_conv_job *job = p->job;
    const ptrdiff_t line = FNN_ALIGN / p->es;
    const int tile_rows = p->kernels->tile_rows;
    p->xs = job->xc / job->groups, p->ys = job->yc / job->groups;
    p->x_blocks = fnn_blocks(p->xs), p->panels = fnn_blocks(p->ys);
    p->pad_h = job->transposed ? 2 - job->ph : job->ph, p->pad_w = job->transposed ? 2 - job->pw : job->pw;
    p->tiles_h = fnn_ceil_div(job->yh, p->m), p->tiles_w = fnn_ceil_div(job->yw, p->m);
    const ptrdiff_t tile_bytes = p->points * p->x_blocks * FNN_BLOCK * p->es;
    const ptrdiff_t all = job->n * p->tiles_h * p->tiles_w;
    ptrdiff_t most = fnn_max(TILES_LEAST, fnn_min(TILES_MOST, BLOCK_BYTES / tile_bytes));
    p->group = fnn_min(p->panels, p->kernels->tile_panels);
    const int too_few = job->groups * fnn_ceil_div(all, most) < 2 * threads;
    p->share = threads > 1 && (too_few || most * tile_bytes > PRIVATE_BYTES) && p->panels >= threads * p->group;
    if (too_few && !p->share) most = fnn_max(TILES_LEAST, fnn_ceil_div(all * job->groups, 2 * threads));
    choose_blocks(p, most);
    const ptrdiff_t tile = p->tiles / fnn_ceil_div(p->tiles, tile_rows);
    if (2 * tile <= tile_rows) p->group = fnn_min(p->panels, 2 * p->group);
    /* An odd number of cache lines from point to point spreads a tile's points over the sets of the first-level cache. */
    p->v_point = p->x_blocks * p->tiles * FNN_BLOCK;
    p->product_point = p->group * p->tiles * FNN_BLOCK;
    if (p->v_point / line % 2 == 0) p->v_point += line;
    if (p->product_point / line % 2 == 0) p->product_point += line;
    p->v_bytes = fnn_round_up(p->points * p->v_point * p->es, FNN_ALIGN);
    p->products_bytes = fnn_round_up(p->points * p->product_point * p->es, FNN_ALIGN);
    p->source_bytes = (p->rows * p->m + 2) * (p->columns * p->m + 2) * FNN_BLOCK * p->es;
    p->result_bytes = job->y_layout != FNN_BLOCKED ? p->rows * p->m * p->columns * p->m * FNN_BLOCK * p->es : 0;
    p->thread_bytes = p->products_bytes + p->source_bytes + p->result_bytes;
}

fnn_status fnn_conv_winograd(const fnn_conv_job *job, int m) {
    winograd p = {.job = job, .kernels = fnn_kernels(job->dtype), .es = fnn_element_size(job->dtype), .m = m};
    const int threads = fnn_get_num_threads();
    p.points = (m + 2) * (m + 2);
    choose_geometry(&p, threads);
    const ptrdiff_t padded = p.panels * FNN_BLOCK * p.es;
    const ptrdiff_t bias_bytes = job->bias ? fnn_round_up(job->groups * padded, FNN_ALIGN) : 0;
    const ptrdiff_t chunk_bytes = fnn_round_up((ptrdiff_t)sizeof(fnn_chunk) * p.x_blocks, FNN_ALIGN);
    const ptrdiff_t v_all = p.v_bytes * (p.share ? 1 : threads);
    char *memory = fnn_alloc((size_t)(bias_bytes + chunk_bytes + v_all + p.thread_bytes * threads));
    if (!memory) return FNN_NO_MEMORY;
    p.chunks = (fnn_chunk *)memory;
    p.v = memory + chunk_bytes;
    p.scratch = p.v + v_all;
    for (ptrdiff_t b = 0; b < p.x_blocks; b++)
        p.chunks[b] = (fnn_chunk){b * p.tiles * FNN_BLOCK, b * FNN_BLOCK * FNN_BLOCK};
    if (job->bias) {
        p.bias = p.scratch + p.thread_bytes * threads;
        memset(p.bias, 0, (size_t)bias_bytes);
        for (ptrdiff_t g = 0; g < job->groups; g++)
            memcpy(p.bias + g * padded, job->bias + g * p.ys * p.es, (size_t)(p.ys * p.es));
    }
    const double tiles = (double)(job->n * p.tiles_h * p.tiles_w), channels = (double)(p.xs * job->yc);
    fnn_parallel(winograd_body, &p, threads, tiles * p.points * channels, 1);
    fnn_free(memory);
    return FNN_OK;
}

/* ---- filters ---- */

typedef struct {
    const fnn_kernel_table *kernels;
    ptrdiff_t es, x_blocks, panels; /* of one group; panels of all groups */
    int m, rotate;
    const char *direct;
    char *u;
} filters;

static void filters_body(void *context, const fnn_team *team) {
    const filters *p = context;
    const ptrdiff_t taps = 9, points = (p->m + 2) * (p->m + 2), block = FNN_BLOCK * FNN_BLOCK;
    ptrdiff_t begin, end;
    fnn_share(team, p->panels * p->x_blocks, &begin, &end);
    for (ptrdiff_t i = begin; i < end; i++) {
        const ptrdiff_t panel = i / p->x_blocks, x_block = i % p->x_blocks;
        const char *from = p->direct + i * taps * block * p->es;
        char *to = p->u + (panel * points * p->x_blocks + x_block) * block * p->es;
        for (ptrdiff_t c = 0; c < FNN_BLOCK; c++)
            p->kernels->winograd_filter(from + c * FNN_BLOCK * p->es, block, p->rotate, p->m,
                                        to + c * FNN_BLOCK * p->es, p->x_blocks * block);
    }
}

/* Filters packed for the direct convolution, [panel][x_block][9][16 in][16 out], to [panel][point][x_block*16 in][16 out]. */
void fnn_conv_winograd_filters(fnn_dtype dtype, ptrdiff_t x_blocks, ptrdiff_t panels, int m, int rotate,
                               const char *direct, char *u) {
    filters p = {fnn_kernels(dtype), fnn_element_size(dtype), x_blocks, panels, m, rotate, direct, u};
    const double work = 200.0 / 8 * (double)(x_blocks * panels * FNN_BLOCK * FNN_BLOCK);
    fnn_parallel(filters_body, &p, fnn_get_num_threads(), work, 1);
}

/* ---- choice ---- */

/* Costs in multiply-adds of the direct convolution, which reaches 0.88 of the FMA peak. From single layers of VGG16 and
 * ResNet with 64 to 512 channels, NCHW in and out, AMD Zen 5, 2 threads, 2026-11; they predict within 20 %. */
typedef struct {
    double input, output; /* a tile and channel: load, transform; transform back, store */
} transform_cost;
static const transform_cost cost_of_tile[2] = {{130, 90}, {400, 360}}; /* m = 2, 4 */
#define MOVE_COST 19.0                                                 /* direct: an NCHW pixel and channel in or out */
#define FILTER_COST 57.0 /* an element of the transformed filters, where they are not packed ahead */
/* An element of the filters streamed from the third-level cache, or from memory, for all tiles of a block. */
#define STREAM_COST_CACHED 14.0
#define STREAM_COST_MEMORY 27.0
#define CACHED_BYTES (20.0 * (1 << 20))

double fnn_conv_direct_cost(const fnn_conv_job *job) {
    const double xs = (double)fnn_round_up(job->xc / job->groups, FNN_BLOCK);
    const double ys = (double)fnn_round_up(job->yc / job->groups, FNN_BLOCK);
    const double pixels = (double)(job->n * job->yh * job->yw * job->groups);
    return pixels * (9 * xs * ys / 0.88 + MOVE_COST / 2 * (xs + ys));
}

double fnn_conv_winograd_cost(const fnn_conv_job *job, int m, int packed) {
    const double xs = (double)fnn_round_up(job->xc / job->groups, FNN_BLOCK);
    const double ys = (double)fnn_round_up(job->yc / job->groups, FNN_BLOCK);
    const double tiles = (double)(job->n * fnn_ceil_div(job->yh, m) * fnn_ceil_div(job->yw, m));
    const double filters = (double)((m + 2) * (m + 2)) * xs * ys, bytes = filters * (job->dtype == FNN_F32 ? 4 : 8);
    const transform_cost *cost = &cost_of_tile[m / 4];
    const double block = fmin(tiles, TILES_MOST),
                 stream = bytes > CACHED_BYTES ? STREAM_COST_MEMORY : STREAM_COST_CACHED;
    const double product = tiles / block * fmax(block / 0.9, bytes > (1 << 20) ? stream : 0);
    const double transforms = tiles * (cost->input * xs + cost->output * ys);
    return (double)job->groups * (filters * (product + (packed ? 0 : FILTER_COST)) + transforms);
}
