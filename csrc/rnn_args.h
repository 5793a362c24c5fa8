/* Argument blocks of the recurrent kernels; see kernel_args.h for the rules. `padded` is the hidden size rounded up to
 * whole blocks of 16 units; lanes beyond the hidden size are zero in every padded array and stay zero. */
#ifndef FNN_RNN_ARGS_H
#define FNN_RNN_ARGS_H

#include "internal.h"

/* One time step of a cell for some blocks of hidden units and all rows (sequences of the batch). G gates: LSTM i, f, g, o;
 * GRU r, z, n; RNN one. */
typedef struct {
    ptrdiff_t rows, hidden, inputs;
    ptrdiff_t block_begin, block_end;
    const void *h; /* state before, [rows][padded] */
    void *h_next;  /* state after, like h and not h */
    void *c;       /* LSTM: cell state, [rows][padded], changed */
    ptrdiff_t padded;
    const void *w_hh;    /* [block][hidden][G][16]; bfloat16 where half_weights */
    const void *w_ih;    /* [block][inputs][G][16], likewise */
    const void *bias;    /* [block][G][16] */
    const void *bias_hn; /* GRU: [block][16], the bias of n that r multiplies */
    int half_weights;
    /* Begin with the last block: what one step read last is what the next finds in the caches. LSTM, T = 100, batch 1,
     * alternating: H = 256 0.49 -> 0.37 ms, H = 512 2.32 -> 1.91; AMD Zen 5, 2026-11. */
    int reversed;
    const void *x; /* row i at x + i*x_row: the step computes x W as well; or NULL: */
    ptrdiff_t x_row;
    void *
        gx; /* bias + x W, row i at gx + gx_at[i] + gx_shift: [block - gx_block][G][16]; overwritten with gates if `keep` */
    const ptrdiff_t *gx_at;
    ptrdiff_t gx_shift, gx_block;
    void *y; /* result, row i at y + y_at[i] + y_shift: [hidden]; or NULL */
    const ptrdiff_t *y_at;
    ptrdiff_t y_shift;
    int keep; /* for the backward pass: gates after their activation go to gx, and to `extra`, addressed like gx with */
    void *extra; /* one gate: LSTM c, GRU the recurrent part of n before r */
    int variant; /* LSTM: 1 for h = o*c; RNN: 1 for ReLU */
} fnn_rnn_step;

/* The elementwise part of one step backward through time: gradients of the gates before their activation. */
typedef struct {
    ptrdiff_t rows, hidden;
    ptrdiff_t block_begin, block_end;
    ptrdiff_t padded;
    const void *gates; /* what the forward step kept, row i at gates + gates_at[i] + gates_shift */
    const void *extra;
    const ptrdiff_t *gates_at;
    ptrdiff_t gates_shift;
    const void *before; /* LSTM: c, GRU: h before the step; row i at before + before_at[i] + before_shift */
    const ptrdiff_t *before_at;
    ptrdiff_t before_shift;
    const void *y;  /* RNN: h after the step, addressed like gy */
    const void *gy; /* gradient of the result, row i at gy + y_at[i] + y_shift: [hidden]; or NULL */
    const ptrdiff_t *y_at;
    ptrdiff_t y_shift;
    void *gh; /* [rows][padded]: in the gradient of h after the step, out what reaches h before it past the gates */
    void *gc; /* LSTM: [rows][padded], the same of c */
    void *gs; /* gradients of the sums, row i at gs + i*gs_row: [G*hidden]; recurrent part, for the product with W_hh */
    ptrdiff_t gs_row;
    void *g_x, *g_h; /* the same for all steps, row i at + g_at[i] + g_shift; g_h: GRU only, else NULL */
    const ptrdiff_t *g_at;
    ptrdiff_t g_shift;
    int variant;
} fnn_rnn_grad_step;

#endif
