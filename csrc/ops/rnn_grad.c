/* Recurrent layers backward through time: per step the elementwise part, then the product with W_hh that carries the
 * gradient to the step before. A thread keeps its blocks of hidden units; the threads meet once a step, between the two. What
 * is left, products over all steps at once, is the caller's. */
#include <string.h>

#include "rnn.h"

typedef struct {
    const fnn_rnn_params *p;
    const fnn_kernel_table *kernels;
    const fnn_rnn_kept *kept;
    const fnn_rnn_grads *g;
    ptrdiff_t es, gates, blocks, padded;
    char *state;  /* [directions][gh, gc, h0, c0][batch][padded] */
    char *sums;   /* [directions][even, odd steps][batch][G*hidden] */
    char *tables; /* [directions][kept, y, g, before: rows of the first step; rows of the state][batch] */
} grad_job;
enum { AT_KEPT, AT_Y, AT_G, AT_BEFORE, AT_STATE, TABLES };

static ptrdiff_t *table(const grad_job *job, int d, int which) {
    return (ptrdiff_t *)job->tables + (d * TABLES + which) * job->p->batch;
}
static char *state(const grad_job *job, int d, int which) {
    return job->state + (4 * d + which) * job->p->batch * job->padded * job->es;
}

/* One cache line more than a row needs: rows 4 KiB apart (H = 256) would all fall into one set of the nearest cache. */
static ptrdiff_t sums_row(const grad_job *job) {
    return fnn_round_up(job->gates * job->p->hidden, FNN_BLOCK) + FNN_BLOCK;
}

/* Addresses at step 0 of every sequence; those of step t are `shift` away. `before` is the state before that step. */
static void set_tables(const grad_job *job, int d) {
    const fnn_rnn_params *p = job->p;
    for (ptrdiff_t i = 0; i < p->batch; i++) {
        const ptrdiff_t row = rnn_row(p, d ? rnn_length(p, i) - 1 : 0, rnn_sequence(p, i));
        table(job, d, AT_KEPT)[i] = row * job->padded * job->gates;
        table(job, d, AT_Y)[i] = (row * p->directions + d) * p->hidden;
        table(job, d, AT_G)[i] = row * job->g->g_row;
        table(job, d, AT_BEFORE)[i] = p->cell == FNN_LSTM ? row * job->padded : table(job, d, AT_Y)[i];
        table(job, d, AT_STATE)[i] = i * job->padded;
    }
}

/* gh[rows] += gs W_hh for the thread's blocks. */
static void carry_back(const grad_job *job, int d, const fnn_rnn_grad_step *s) {
    const ptrdiff_t k = job->gates * job->p->hidden;
    const fnn_chunk chunk = {0, 0};
    fnn_strip strip = {.a = s->gs, .a_row = s->gs_row, .a_step = 1};
    strip.b = (const char *)job->g->w_hh[d] + s->block_begin * k * FNN_BLOCK * job->es;
    strip.b_panel = k * FNN_BLOCK, strip.b_step = FNN_BLOCK;
    strip.chunks = &chunk, strip.n_chunks = 1, strip.chunk_len = k;
    strip.c = (char *)s->gh + s->block_begin * FNN_BLOCK * job->es, strip.c_row = job->padded,
    strip.c_panel = FNN_BLOCK;
    strip.rows = s->rows, strip.panels = s->block_end - s->block_begin, strip.last_columns = FNN_BLOCK;
    strip.accumulate = 1;
    if (strip.panels) job->kernels->strip(&strip);
}

static void set_before(const grad_job *job, int d, ptrdiff_t step, ptrdiff_t next_row, fnn_rnn_grad_step *s) {
    const fnn_rnn_params *p = job->p;
    const int lstm = p->cell == FNN_LSTM;
    if (step == 0) {
        s->before = state(job, d, lstm ? 3 : 2), s->before_at = table(job, d, AT_STATE), s->before_shift = 0;
        return;
    }
    const ptrdiff_t rows = d * p->steps * p->batch * job->padded;
    s->before = lstm ? (const char *)job->kept->extra + rows * job->es : (const char *)job->g->y;
    s->before_at = table(job, d, AT_BEFORE);
    s->before_shift = (step - 1) * next_row * (lstm ? job->padded : p->directions * p->hidden);
}

static void run_direction(const grad_job *job, int d, const fnn_team *team) {
    const fnn_rnn_params *p = job->p;
    const ptrdiff_t next_row = (d ? -1 : 1) * rnn_next(p), rows = d * p->steps * p->batch, width = job->g->g_row;
    fnn_rnn_grad_step s = {.hidden = p->hidden, .padded = job->padded, .variant = p->variant};
    s.gs_row = sums_row(job);
    fnn_share(team, job->blocks, &s.block_begin, &s.block_end);
    if (p->cell != FNN_RNN) {
        s.gates = (const char *)job->kept->gates + rows * job->padded * job->gates * job->es;
        s.extra = (const char *)job->kept->extra + rows * job->padded * job->es;
    }
    s.gates_at = table(job, d, AT_KEPT), s.y_at = table(job, d, AT_Y), s.g_at = table(job, d, AT_G);
    s.y = job->g->y, s.gy = job->g->gy;
    s.gh = state(job, d, 0), s.gc = state(job, d, 1);
    s.g_x = (char *)job->g->g_x + rows * width * job->es;
    if (p->cell == FNN_GRU) s.g_h = (char *)job->g->g_h + rows * width * job->es;
    for (ptrdiff_t step = p->steps - 1; step >= 0; step--) {
        while (s.rows < p->batch && rnn_length(p, s.rows) > step) s.rows++;
        s.gates_shift = step * next_row * job->padded * job->gates;
        s.y_shift = step * next_row * p->directions * p->hidden;
        s.g_shift = step * next_row * width;
        s.gs = job->sums + (2 * d + (step & 1)) * p->batch * s.gs_row * job->es;
        set_before(job, d, step, next_row, &s);
        (p->cell == FNN_LSTM  ? job->kernels->lstm_grad_step
         : p->cell == FNN_GRU ? job->kernels->gru_grad_step
                              : job->kernels->rnn_grad_step)(&s);
        fnn_barrier_wait(team);
        carry_back(job, d, &s);
    }
}

static void grad_body(void *context, const fnn_team *team) {
    const grad_job *job = context;
    if (job->p->directions == 2 && team->size > 1) {
        int half;
        const fnn_team part = fnn_team_half(team, &half);
        run_direction(job, half, &part);
        return;
    }
    for (int d = 0; d < job->p->directions; d++) run_direction(job, d, team);
}

static const void *direction(const fnn_rnn_params *p, const void *array, int d) {
    return array ? (const char *)array + d * p->batch * p->hidden * fnn_element_size(p->dtype) : NULL;
}

fnn_status fnn_rnn_backward(const fnn_rnn_params *p, const fnn_rnn_kept *kept, const fnn_rnn_grads *g) {
    if (p->batch == 0) return FNN_OK;
    grad_job job = {.p = p, .kernels = fnn_kernels(p->dtype), .kept = kept, .g = g, .gates = rnn_gates(p)};
    job.es = fnn_element_size(p->dtype);
    job.blocks = fnn_blocks(p->hidden), job.padded = rnn_padded(p);
    const ptrdiff_t state_bytes = 4 * p->directions * p->batch * job.padded * job.es;
    const ptrdiff_t sum_bytes = fnn_round_up(2 * p->directions * p->batch * sums_row(&job) * job.es, FNN_ALIGN);
    const ptrdiff_t table_bytes = p->directions * TABLES * p->batch * (ptrdiff_t)sizeof(ptrdiff_t);
    char *memory = fnn_alloc((size_t)(fnn_round_up(state_bytes, FNN_ALIGN) + sum_bytes + table_bytes));
    if (!memory) return FNN_NO_MEMORY;
    job.state = memory, job.sums = memory + fnn_round_up(state_bytes, FNN_ALIGN), job.tables = job.sums + sum_bytes;
    for (int d = 0; d < p->directions; d++) {
        const void *from[4] = {g->ghn, g->gcn, g->h0, g->c0};
        for (int i = 0; i < 4; i++) rnn_load_state(p, direction(p, from[i], d), state(&job, d, i));
        set_tables(&job, d);
    }
    const double work =
        (double)(p->steps * p->batch * job.gates * p->directions) * (double)p->hidden * (double)p->hidden;
    fnn_parallel(grad_body, &job, rnn_threads(p), work, 1);
    for (int d = 0; d < p->directions; d++)
        for (ptrdiff_t i = 0; i < p->batch; i++) {
            rnn_store_state(p, i, state(&job, d, 0), (char *)direction(p, g->gh0, d));
            if (g->gc0) rnn_store_state(p, i, state(&job, d, 1), (char *)direction(p, g->gc0, d));
        }
    fnn_free(memory);
    return FNN_OK;
}
