/* What rnn.c, rnn_pack.c and rnn_grad.c share: sizes, the order of sequences, how many threads a step is worth. */
#ifndef FNN_OPS_RNN_H
#define FNN_OPS_RNN_H

#include "../dispatch.h"
#include "../threads.h"

static inline ptrdiff_t rnn_gates(const fnn_rnn_params *p) {
    return p->cell == FNN_LSTM ? 4 : p->cell == FNN_GRU ? 3 : 1;
}
static inline ptrdiff_t rnn_padded(const fnn_rnn_params *p) { return fnn_round_up(p->hidden, FNN_BLOCK); }

/* The i-th longest sequence: its place in the batch and its length. */
static inline ptrdiff_t rnn_sequence(const fnn_rnn_params *p, ptrdiff_t i) {
    return p->order ? (ptrdiff_t)p->order[i] : i;
}
static inline ptrdiff_t rnn_length(const fnn_rnn_params *p, ptrdiff_t i) {
    return p->order ? (ptrdiff_t)p->lengths[i] : p->steps;
}

/* Where a step and a sequence lie among the rows, and how far the next step is. */
static inline ptrdiff_t rnn_row(const fnn_rnn_params *p, ptrdiff_t step, ptrdiff_t sequence) {
    return p->batch_first ? sequence * p->steps + step : step * p->batch + sequence;
}
static inline ptrdiff_t rnn_next(const fnn_rnn_params *p) { return p->batch_first ? 1 : p->batch; }

/* Packed weights of one direction. */
typedef struct {
    const char *w_ih, *w_hh, *bias, *bias_hn;
} rnn_weights;
rnn_weights rnn_packed(const fnn_rnn_params *p, ptrdiff_t inputs, const void *packed);

/* Multiply-adds of a step that a further thread must have, else the barrier costs what it saves. LSTM, T = 100, batch 1,
 * H = 64 (16384 a step): one thread 0.047 ms, two 0.032; AMD Zen 5, 2026-11. */
#define RNN_STEP_WORK 8000
ptrdiff_t rnn_threads(const fnn_rnn_params *p);

/* A single step reads each weight once, so it waits for memory, not for multiply-adds: it counts as so many steps. */
#define RNN_SINGLE_STEP 4

/* Copies states [batch][hidden] to padded rows in the order of falling length, or back. */
void rnn_load_state(const fnn_rnn_params *p, const void *from, char *to);
void rnn_store_state(const fnn_rnn_params *p, ptrdiff_t i, const char *from, void *to);

#endif
