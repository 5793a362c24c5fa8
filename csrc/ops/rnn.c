/* Recurrent layers forward: the products of x for a run of steps at once, then step by step the recurrent product with
 * the cell update. A thread keeps its blocks of hidden units, and so its part of the weights, for all steps; the threads of
 * a direction meet once a step. The directions never meet. */
#include <string.h>

#include "rnn.h"

#define ROWS 128              /* of x that pass over a thread's weights at a time */
#define CHUNK_BYTES (4 << 20) /* of products of x at a time, all threads together: a part of the third-level cache */

typedef struct {
    const fnn_rnn_params *p;
    const fnn_kernel_table *kernels;
    ptrdiff_t es, gates, blocks, padded;
    ptrdiff_t chunk; /* steps whose products of x are made at a time */
    int fused;       /* a single step: the kernel makes them itself */
    const char *x;
    rnn_weights w[2];
    char *y;
    const fnn_rnn_kept *kept;
    char *state;   /* [directions][h of even steps, of odd ones, c][batch][padded] */
    char *scratch; /* [threads]: gx_at [batch], y_at [batch], gx, a block of W where halves */
    ptrdiff_t scratch_bytes, table_bytes, gx_bytes;
} rnn_job;

ptrdiff_t rnn_threads(const fnn_rnn_params *p) {
    const double work = (double)(rnn_gates(p) * p->batch) * (double)p->hidden * (double)p->hidden;
    const double most = fnn_min(fnn_blocks(p->hidden), 1 + (ptrdiff_t)(work / RNN_STEP_WORK));
    return fnn_min(fnn_get_num_threads(), p->directions * (ptrdiff_t)most);
}

void rnn_load_state(const fnn_rnn_params *p, const void *from, char *to) {
    const ptrdiff_t es = fnn_element_size(p->dtype), row = p->hidden * es, padded = rnn_padded(p) * es;
    for (ptrdiff_t i = 0; i < p->batch; i++, to += padded) {
        memset(to, 0, (size_t)padded);
        if (from) memcpy(to, (const char *)from + rnn_sequence(p, i) * row, (size_t)row);
    }
}

void rnn_store_state(const fnn_rnn_params *p, ptrdiff_t i, const char *from, void *to) {
    const ptrdiff_t es = fnn_element_size(p->dtype), row = p->hidden * es;
    memcpy((char *)to + rnn_sequence(p, i) * row, from + i * rnn_padded(p) * es, (size_t)row);
}

/* The steps of a chunk for one sequence: `count` rows of x from time `first` on. Read backwards by the second direction. */
typedef struct {
    ptrdiff_t first, count;
} span;

static span chunk_span(const fnn_rnn_params *p, int backwards, ptrdiff_t i, ptrdiff_t step0, ptrdiff_t step1) {
    const ptrdiff_t length = rnn_length(p, i), count = fnn_max(0, fnn_min(step1, length) - step0);
    return (span){backwards ? length - step0 - count : step0, count};
}

/* gx rows of a chunk: where the forward pass is kept, all rows in the order of x; else the steps of each sequence, or
 * of all sequences together where those are one run of x. */
static int one_run(const rnn_job *job) { return !job->p->batch_first && !job->p->order; }

static ptrdiff_t gx_row(const rnn_job *job, ptrdiff_t i, span s) {
    if (job->kept) return rnn_row(job->p, s.first, rnn_sequence(job->p, i));
    return one_run(job) ? i : i * job->chunk;
}
/* Elements of one row: all blocks, or this thread's. */
static ptrdiff_t gx_width(const rnn_job *job, const fnn_rnn_step *s) {
    return (job->kept ? job->blocks : s->block_end - s->block_begin) * job->gates * FNN_BLOCK;
}
static ptrdiff_t gx_next(const rnn_job *job) { return job->kept || one_run(job) ? rnn_next(job->p) : 1; }

/* Rows of products of one block, as many as those of x at a: c[row][G][16] = bias + x W. */
static void multiply_block(const rnn_job *job, const rnn_weights *w, const char *w_block, ptrdiff_t block,
                           fnn_strip s) {
    const fnn_chunk chunk = {0, 0};
    s.a_step = 1, s.b = w_block, s.b_panel = FNN_BLOCK, s.b_step = job->gates * FNN_BLOCK;
    s.chunks = &chunk, s.n_chunks = 1, s.chunk_len = job->p->inputs;
    s.c_panel = FNN_BLOCK, s.panels = job->gates, s.last_columns = FNN_BLOCK;
    s.bias = w->bias + block * job->gates * FNN_BLOCK * job->es;
    job->kernels->strip(&s);
}

/* One block of W: as it lies, or from halves. */
static const char *input_weights(const rnn_job *job, const rnn_weights *w, ptrdiff_t block, char *scratch) {
    const ptrdiff_t count = job->gates * FNN_BLOCK * job->p->inputs;
    if (!job->p->half_weights) return w->w_ih + block * count * job->es;
    const uint16_t *half = (const uint16_t *)w->w_ih + block * count;
    for (ptrdiff_t i = 0; i < count; i++) ((uint32_t *)scratch)[i] = (uint32_t)half[i] << 16;
    return scratch;
}

/* The products of x of steps [step0, step1) for the blocks of `s`, whose gx they become. */
static void multiply_inputs(const rnn_job *job, int d, const fnn_rnn_step *s, ptrdiff_t step0, ptrdiff_t step1,
                            char *scratch) {
    const fnn_rnn_params *p = job->p;
    const ptrdiff_t gx_row_size = gx_width(job, s), together = one_run(job) ? p->batch : 1;
    fnn_strip strip = {.a_row = (together > 1 ? 1 : rnn_next(p)) * p->inputs};
    strip.c_row = (together > 1 ? 1 : gx_next(job)) * gx_row_size;
    for (ptrdiff_t i = 0; i < p->batch; i += together) {
        const span chunk = chunk_span(p, d, i, step0, step1);
        const ptrdiff_t rows = chunk.count * together;
        const char *x = job->x + rnn_row(p, chunk.first, rnn_sequence(p, i)) * p->inputs * job->es;
        const char *gx = (const char *)s->gx + gx_row(job, i, chunk) * gx_row_size * job->es;
        for (ptrdiff_t r = 0; r < rows; r += ROWS)
            for (ptrdiff_t block = s->block_begin; block < s->block_end; block++) {
                strip.a = x + r * strip.a_row * job->es;
                strip.c = (char *)gx + (r * strip.c_row + (block - s->gx_block) * job->gates * FNN_BLOCK) * job->es;
                strip.rows = fnn_min(ROWS, rows - r);
                multiply_block(job, &job->w[d], input_weights(job, &job->w[d], block, scratch), block, strip);
            }
    }
}

/* Addresses of each sequence's first step of a chunk, in gx and (of the first step of all) in y. */
static void set_rows(const rnn_job *job, int d, const fnn_rnn_step *s, ptrdiff_t step0, ptrdiff_t step1,
                     ptrdiff_t *gx_at, ptrdiff_t *y_at) {
    const fnn_rnn_params *p = job->p;
    for (ptrdiff_t i = 0; i < p->batch; i++) {
        const span chunk = chunk_span(p, d, i, step0, step1);
        const ptrdiff_t skipped = d ? chunk.count - 1 : 0; /* backwards: the chunk's last row is the first step */
        gx_at[i] = (gx_row(job, i, chunk) + skipped * gx_next(job)) * gx_width(job, s);
        const ptrdiff_t first = d ? rnn_length(p, i) - 1 : 0;
        y_at[i] = (rnn_row(p, first, rnn_sequence(p, i)) * p->directions + d) * p->hidden;
    }
}

static void run_steps(const rnn_job *job, int d, const fnn_team *team, fnn_rnn_step *s, ptrdiff_t step0,
                      ptrdiff_t step1) {
    const fnn_rnn_params *p = job->p;
    const ptrdiff_t plane = p->batch * job->padded * job->es, way = d ? -1 : 1;
    char *h = job->state + 3 * d * plane;
    for (ptrdiff_t step = step0; step < step1; step++) {
        while (s->rows && rnn_length(p, s->rows - 1) <= step) s->rows--;
        s->h = h + (step & 1) * plane, s->h_next = h + (1 - (step & 1)) * plane;
        s->reversed = (step & 1) ^ p->reversed;
        s->gx_shift = way * (step - step0) * gx_next(job) * gx_width(job, s);
        s->y_shift = way * step * rnn_next(p) * p->directions * p->hidden;
        (p->cell == FNN_LSTM  ? job->kernels->lstm_step
         : p->cell == FNN_GRU ? job->kernels->gru_step
                              : job->kernels->rnn_step)(s);
        if (step + 1 < p->steps) fnn_barrier_wait(team);
    }
}

/* All steps of one direction for this thread's blocks. */
static void run_direction(const rnn_job *job, int d, const fnn_team *team, char *scratch) {
    const fnn_rnn_params *p = job->p;
    ptrdiff_t *gx_at = (ptrdiff_t *)scratch, *y_at = gx_at + p->batch;
    fnn_rnn_step s = {.rows = p->batch, .hidden = p->hidden, .inputs = p->inputs, .padded = job->padded};
    fnn_share(team, job->blocks, &s.block_begin, &s.block_end);
    s.c = job->state + (3 * d + 2) * p->batch * job->padded * job->es;
    s.w_hh = job->w[d].w_hh, s.w_ih = job->w[d].w_ih, s.bias = job->w[d].bias, s.bias_hn = job->w[d].bias_hn;
    s.half_weights = p->half_weights, s.variant = p->variant;
    s.y = job->y, s.gx_at = gx_at, s.y_at = y_at;
    if (job->fused) s.x = job->x, s.x_row = p->inputs;
    if (job->kept) {
        const ptrdiff_t rows = d * p->steps * p->batch * job->padded * job->es;
        s.keep = 1, s.gx = (char *)job->kept->gates + rows * job->gates, s.extra = (char *)job->kept->extra + rows;
    } else {
        s.gx = scratch + job->table_bytes, s.gx_block = s.block_begin;
    }
    for (ptrdiff_t step = 0; step < p->steps; step += job->chunk) {
        const ptrdiff_t end = fnn_min(p->steps, step + job->chunk);
        if (!job->fused) multiply_inputs(job, d, &s, step, end, scratch + job->table_bytes + job->gx_bytes);
        set_rows(job, d, &s, step, end, gx_at, y_at);
        run_steps(job, d, team, &s, step, end);
    }
}

static void rnn_body(void *context, const fnn_team *team) {
    const rnn_job *job = context;
    char *scratch = job->scratch + team->id * job->scratch_bytes;
    if (job->p->directions == 2 && team->size > 1) {
        int half;
        const fnn_team part = fnn_team_half(team, &half);
        run_direction(job, half, &part, scratch);
        return;
    }
    for (int d = 0; d < job->p->directions; d++) run_direction(job, d, team, scratch);
}

/* Sizes of a thread's scratch for teams of any size up to `threads`; the smallest has the most blocks a thread. */
static void plan_scratch(rnn_job *job) {
    const fnn_rnn_params *p = job->p;
    const ptrdiff_t step_bytes = p->batch * job->blocks * job->gates * FNN_BLOCK * job->es;
    job->fused = p->steps == 1 && !p->order && !job->kept;
    job->chunk = job->kept ? p->steps : fnn_max(1, fnn_min(p->steps, CHUNK_BYTES / fnn_max(1, step_bytes)));
    job->table_bytes = fnn_round_up(2 * p->batch * (ptrdiff_t)sizeof(ptrdiff_t), FNN_ALIGN);
    if (!job->kept && !job->fused) job->gx_bytes = fnn_round_up(job->chunk * step_bytes, FNN_ALIGN);
    job->scratch_bytes = job->table_bytes + job->gx_bytes;
    if (p->half_weights && !job->fused)
        job->scratch_bytes += fnn_round_up(job->gates * FNN_BLOCK * p->inputs * job->es, FNN_ALIGN);
}

static void finish_state(const rnn_job *job, void *hn, void *cn) {
    const fnn_rnn_params *p = job->p;
    const ptrdiff_t plane = p->batch * job->padded * job->es, result = p->batch * p->hidden * job->es;
    for (int d = 0; d < p->directions; d++) {
        const char *h = job->state + 3 * d * plane;
        for (ptrdiff_t i = 0; i < p->batch; i++) {
            rnn_store_state(p, i, h + (rnn_length(p, i) & 1) * plane, (char *)hn + d * result);
            if (cn) rnn_store_state(p, i, h + 2 * plane, (char *)cn + d * result);
        }
    }
}

fnn_status fnn_rnn(const fnn_rnn_params *p, const void *x, const void *const *packed, const void *h0, const void *c0,
                   void *y, void *hn, void *cn, const fnn_rnn_kept *kept) {
    if (p->batch == 0) return FNN_OK;
    rnn_job job = {.p = p, .kernels = fnn_kernels(p->dtype), .es = fnn_element_size(p->dtype), .gates = rnn_gates(p)};
    job.blocks = fnn_blocks(p->hidden), job.padded = rnn_padded(p), job.x = x, job.y = y, job.kept = kept;
    plan_scratch(&job);
    const ptrdiff_t plane = p->batch * job.padded * job.es, threads = rnn_threads(p);
    const ptrdiff_t result = p->batch * p->hidden * job.es;
    char *memory = fnn_alloc((size_t)(3 * p->directions * plane + threads * job.scratch_bytes));
    if (!memory) return FNN_NO_MEMORY;
    job.state = memory, job.scratch = memory + fnn_round_up(3 * p->directions * plane, FNN_ALIGN);
    for (int d = 0; d < p->directions; d++) {
        job.w[d] = rnn_packed(p, p->inputs, packed[d]);
        rnn_load_state(p, h0 ? (const char *)h0 + d * result : NULL, memory + 3 * d * plane);
        if (p->cell == FNN_LSTM)
            rnn_load_state(p, c0 ? (const char *)c0 + d * result : NULL, memory + (3 * d + 2) * plane);
    }
    const double work =
        (double)(p->steps * p->batch * job.gates * p->directions) * (double)p->hidden * (double)(p->inputs + p->hidden);
    fnn_parallel(rnn_body, &job, threads, work, 1);
    finish_state(&job, hn, p->cell == FNN_LSTM ? cn : NULL);
    fnn_free(memory);
    return FNN_OK;
}
