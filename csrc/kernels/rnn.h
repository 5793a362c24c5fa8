/* Recurrent cells: one time step for some blocks of 16 hidden units and all rows of the batch.
 *
 *   LSTM  i, f, o = sigmoid(s), g = tanh(s);  c' = f c + i g;  h' = o tanh(c') (or o c')
 *   GRU   r, z = sigmoid(s), n = tanh(s_x + r s_h);            h' = n + z (h - n)
 *   RNN   h' = tanh(s) or max(0, s)                            s = W_ih x + b + W_hh h, per gate
 *
 * Weights are [block][k][gate][16]: one pass over the k of a block gives all gates of its units, so the cell is updated
 * while the sums are at hand. Each sum is one chain over the inputs, then over the hidden units, whatever the tile: any
 * split of rows, units or steps gives the same bits. Backward: rnn_grad.h.
 * Expanded names: fnn_lstm_step__avx2, fnn_gru_step__avx2, fnn_rnn_step__avx2, fnn_rnn_pack__avx2, ... */

/* The tile: accumulators (rows x words x gates), then either the broadcasts or the weight words of a step and one more
 * register fit. `words` are vf columns of each gate: several where few rows would leave FMA slots empty (wide). */
#if FNN_VF == 16
#define LSTM_ROWS 6
#define LSTM_WIDE_ROWS 3
#define GRU_ROWS 8
#define GRU_WIDE_ROWS 4
#define RNN_ROWS 6
#define RNN_WORDS 4
#else
#define LSTM_ROWS 3
#define LSTM_WIDE_ROWS 1
#define GRU_ROWS 3
#define GRU_WIDE_ROWS 1
#define RNN_ROWS 3
#define RNN_WORDS 2
#endif
#define RNN_HALF_ROWS LSTM_WIDE_ROWS /* bfloat16 weights pay where few rows share them */
#define RNN_MOST_ROWS 8
#define RNN_MOST_WORDS 8 /* words times gates */

/* acc[row][word][gate] += sum over k < steps of a[row][k] * w[word][k][gate] */
FNN_ALWAYS_INLINE void rnn_product(vf acc[RNN_MOST_ROWS][RNN_MOST_WORDS], const real *a, ptrdiff_t a_row,
                                   ptrdiff_t steps, const void *weights, ptrdiff_t word, const int gates, const int mr,
                                   const int words, const int half) {
    const ptrdiff_t block = steps * gates * FNN_BLOCK, size = half ? 2 : (ptrdiff_t)sizeof(real);
    const real *ap[(RNN_MOST_ROWS + 2) / 3];
    const char *wp[RNN_MOST_WORDS];
    FNN_UNROLL
    for (int g = 0; g < (mr + 2) / 3; g++) ap[g] = a + 3 * g * a_row;
    FNN_UNROLL
    for (int j = 0; j < words; j++)
        wp[j] = (const char *)weights + ((word + j) / FNN_NV * block + (word + j) % FNN_NV * FNN_VF) * size;
#define RNN_WEIGHT(j, g) \
    (half ? vf_load_bfloat16((const uint16_t *)wp[j] + (g) * FNN_BLOCK) : vf_load((const real *)wp[j] + (g) * FNN_BLOCK))
    for (ptrdiff_t k = 0; k < steps; k++) {
        if (mr <= words * gates) {
            vf x[RNN_MOST_ROWS];
            FNN_UNROLL
            for (int i = 0; i < mr; i++) x[i] = vf_set1(ap[i / 3][i % 3 * a_row + k]);
            FNN_UNROLL
            for (int j = 0; j < words; j++)
                FNN_UNROLL
                for (int g = 0; g < gates; g++) {
                    const vf w = RNN_WEIGHT(j, g);
                    FNN_UNROLL
                    for (int i = 0; i < mr; i++) acc[i][j * gates + g] = vf_fma(x[i], w, acc[i][j * gates + g]);
                }
        } else {
            vf w[RNN_MOST_WORDS];
            FNN_UNROLL
            for (int j = 0; j < words; j++)
                FNN_UNROLL
                for (int g = 0; g < gates; g++) w[j * gates + g] = RNN_WEIGHT(j, g);
            FNN_UNROLL
            for (int i = 0; i < mr; i++) {
                const vf x = vf_set1(ap[i / 3][i % 3 * a_row + k]);
                FNN_UNROLL
                for (int w_ = 0; w_ < words * gates; w_++) acc[i][w_] = vf_fma(x, w[w_], acc[i][w_]);
            }
        }
        FNN_UNROLL
        for (int j = 0; j < words; j++) wp[j] += gates * FNN_BLOCK * size;
    }
}

/* Where the gates of a row's word lie in an array [block][gates][16] and in `extra`, [block][16]. */
FNN_ALWAYS_INLINE ptrdiff_t gates_offset(ptrdiff_t word, ptrdiff_t block0, ptrdiff_t gates) {
    return (word / FNN_NV - block0) * gates * FNN_BLOCK + word % FNN_NV * FNN_VF;
}

/* raw[row][word][gates] of a tile -> the new state. Apart from the tile, so that it exists once a cell. */
FNN_NOINLINE void lstm_update(const fnn_rnn_step *s, const real *raw, ptrdiff_t row0, ptrdiff_t word0, int mr,
                              int words) {
    for (int i = 0; i < mr; i++)
        for (int j = 0; j < words; j++, raw += 4 * FNN_VF) {
            const ptrdiff_t word = word0 + j, unit = word * FNN_VF, at = (row0 + i) * s->padded + unit;
            const vf in = vf_sigmoid(vf_load(raw)), forget = vf_sigmoid(vf_load(raw + FNN_VF));
            const vf cell = vf_tanh(vf_load(raw + 2 * FNN_VF)), out = vf_sigmoid(vf_load(raw + 3 * FNN_VF));
            const vf c = vf_fma(forget, vf_load((const real *)s->c + at), vf_mul(in, cell));
            const vf h = vf_mul(out, s->variant ? c : vf_tanh(c));
            vf_store((real *)s->c + at, c);
            vf_store((real *)s->h_next + at, h);
            if (s->y) vf_store_some((real *)s->y + s->y_at[row0 + i] + s->y_shift + unit, h, s->hidden - unit);
            if (!s->keep) continue;
            const ptrdiff_t kept = s->gx_at[row0 + i] + s->gx_shift;
            real *gate = (real *)s->gx + kept + gates_offset(word, s->gx_block, 4);
            vf_store(gate, in);
            vf_store(gate + FNN_BLOCK, forget);
            vf_store(gate + 2 * FNN_BLOCK, cell);
            vf_store(gate + 3 * FNN_BLOCK, out);
            vf_store((real *)s->extra + kept / 4 + gates_offset(word, s->gx_block, 1), c);
        }
}

/* raw: r, z, the recurrent part of n, its input part. */
FNN_NOINLINE void gru_update(const fnn_rnn_step *s, const real *raw, ptrdiff_t row0, ptrdiff_t word0, int mr,
                             int words) {
    for (int i = 0; i < mr; i++)
        for (int j = 0; j < words; j++, raw += 4 * FNN_VF) {
            const ptrdiff_t word = word0 + j, unit = word * FNN_VF, at = (row0 + i) * s->padded + unit;
            const vf r = vf_sigmoid(vf_load(raw)), z = vf_sigmoid(vf_load(raw + FNN_VF));
            const vf recurrent = vf_load(raw + 2 * FNN_VF), before = vf_load((const real *)s->h + at);
            const vf n = vf_tanh(vf_fma(r, recurrent, vf_load(raw + 3 * FNN_VF)));
            const vf h = vf_fma(z, vf_sub(before, n), n);
            vf_store((real *)s->h_next + at, h);
            if (s->y) vf_store_some((real *)s->y + s->y_at[row0 + i] + s->y_shift + unit, h, s->hidden - unit);
            if (!s->keep) continue;
            const ptrdiff_t kept = s->gx_at[row0 + i] + s->gx_shift;
            real *gate = (real *)s->gx + kept + gates_offset(word, s->gx_block, 3);
            vf_store(gate, r);
            vf_store(gate + FNN_BLOCK, z);
            vf_store(gate + 2 * FNN_BLOCK, n);
            vf_store((real *)s->extra + kept / 3 + gates_offset(word, s->gx_block, 1), recurrent);
        }
}

FNN_NOINLINE void rnn_update(const fnn_rnn_step *s, const real *raw, ptrdiff_t row0, ptrdiff_t word0, int mr,
                             int words) {
    for (int i = 0; i < mr; i++)
        for (int j = 0; j < words; j++, raw += FNN_VF) {
            const ptrdiff_t unit = (word0 + j) * FNN_VF, at = (row0 + i) * s->padded + unit;
            const vf sum = vf_load(raw), h = s->variant ? vf_max(vf_zero(), sum) : vf_tanh(sum);
            vf_store((real *)s->h_next + at, h);
            if (s->y) vf_store_some((real *)s->y + s->y_at[row0 + i] + s->y_shift + unit, h, s->hidden - unit);
        }
}

FNN_ALWAYS_INLINE void rnn_tile(const fnn_rnn_step *s, ptrdiff_t row, ptrdiff_t word, const int gates, const int mr,
                                const int words, const int half,
                                void (*update)(const fnn_rnn_step *, const real *, ptrdiff_t, ptrdiff_t, int, int)) {
    vf acc[RNN_MOST_ROWS][RNN_MOST_WORDS];
    const int slots = gates == 3 ? 4 : gates;
    real raw[RNN_MOST_ROWS * 2 * 4 * FNN_VF];
    FNN_UNROLL
    for (int i = 0; i < mr; i++)
        FNN_UNROLL
        for (int j = 0; j < words; j++) {
            const real *from = (const real *)s->bias + gates_offset(word + j, 0, gates);
            if (!s->x)
                from = (const real *)s->gx +
                       (s->gx_at[row + i] + s->gx_shift + gates_offset(word + j, s->gx_block, gates));
            FNN_UNROLL
            for (int g = 0; g < gates; g++) acc[i][j * gates + g] = vf_load(from + g * FNN_BLOCK);
        }
    if (s->x)
        rnn_product(acc, (const real *)s->x + row * s->x_row, s->x_row, s->inputs, s->w_ih, word, gates, mr, words, half);
    if (gates == 3) { /* n: r multiplies the recurrent part alone */
        FNN_UNROLL
        for (int i = 0; i < mr; i++)
            FNN_UNROLL
            for (int j = 0; j < words; j++) {
                vf_store(raw + ((i * words + j) * slots + 3) * FNN_VF, acc[i][j * gates + 2]);
                acc[i][j * gates + 2] = vf_load((const real *)s->bias_hn + (word + j) * FNN_VF);
            }
    }
    rnn_product(acc, (const real *)s->h + row * s->padded, s->padded, s->hidden, s->w_hh, word, gates, mr, words, half);
    FNN_UNROLL
    for (int i = 0; i < mr; i++)
        FNN_UNROLL
        for (int j = 0; j < words; j++)
            FNN_UNROLL
            for (int g = 0; g < gates; g++)
                vf_store(raw + ((i * words + j) * slots + g) * FNN_VF, acc[i][j * gates + g]);
    update(s, raw, row, word, mr, words);
}

/* One function a tile, so that each has registers of its own. */
typedef void (*FNN_CAT(rnn_tile_, FNN_ISA))(const fnn_rnn_step *, ptrdiff_t, ptrdiff_t);
#define RNN_TILE_POINTER FNN_CAT(rnn_tile_, FNN_ISA)
#define RNN_FUNCTION(mr, cell, gates, words, half) \
    FNN_NOINLINE void cell##_tile_##mr##_##words##_##half(const fnn_rnn_step *s, ptrdiff_t row, ptrdiff_t word) { \
        rnn_tile(s, row, word, gates, mr, words, half, cell##_update); \
    }
#define RNN_ENTRY(mr, cell, gates, words, half) [mr] = cell##_tile_##mr##_##words##_##half,
#define ROWS_UP_TO_1(T, ...) T(1, __VA_ARGS__)
#define ROWS_UP_TO_3(T, ...) ROWS_UP_TO_1(T, __VA_ARGS__) T(2, __VA_ARGS__) T(3, __VA_ARGS__)
#define ROWS_UP_TO_4(T, ...) ROWS_UP_TO_3(T, __VA_ARGS__) T(4, __VA_ARGS__)
#define ROWS_UP_TO_6(T, ...) ROWS_UP_TO_4(T, __VA_ARGS__) T(5, __VA_ARGS__) T(6, __VA_ARGS__)
#define ROWS_UP_TO_8(T, ...) ROWS_UP_TO_6(T, __VA_ARGS__) T(7, __VA_ARGS__) T(8, __VA_ARGS__)
#define ROWS_UP_TO(rows) FNN_CAT(ROWS_UP_TO_, rows)

typedef struct {
    ptrdiff_t rows, wide_rows; /* most of a tile of one word, and of `words` */
    int words;
    RNN_TILE_POINTER narrow[RNN_MOST_ROWS + 1], wide[RNN_MOST_ROWS + 1];
} FNN_CAT(rnn_tiles_, FNN_ISA);
#define RNN_TILES FNN_CAT(rnn_tiles_, FNN_ISA)
#define RNN_TABLE(cell, gates, most, wide_most, words) \
    ROWS_UP_TO(most)(RNN_FUNCTION, cell, gates, 1, 0) \
    ROWS_UP_TO(wide_most)(RNN_FUNCTION, cell, gates, words, 0) \
    ROWS_UP_TO(RNN_HALF_ROWS)(RNN_FUNCTION, cell, gates, 1, 1) \
    ROWS_UP_TO(RNN_HALF_ROWS)(RNN_FUNCTION, cell, gates, words, 1) \
    static const RNN_TILES cell##_tiles[2] = { \
        {most, wide_most, words, {ROWS_UP_TO(most)(RNN_ENTRY, cell, gates, 1, 0)}, \
         {ROWS_UP_TO(wide_most)(RNN_ENTRY, cell, gates, words, 0)}}, \
        {RNN_HALF_ROWS, RNN_HALF_ROWS, words, {ROWS_UP_TO(RNN_HALF_ROWS)(RNN_ENTRY, cell, gates, 1, 1)}, \
         {ROWS_UP_TO(RNN_HALF_ROWS)(RNN_ENTRY, cell, gates, words, 1)}}};
RNN_TABLE(lstm, 4, LSTM_ROWS, LSTM_WIDE_ROWS, 2)
RNN_TABLE(gru, 3, GRU_ROWS, GRU_WIDE_ROWS, 2)
RNN_TABLE(rnn, 1, RNN_ROWS, RNN_ROWS, RNN_WORDS)

/* Words outside, rows inside: the weights of a word stay in a near cache for all rows. */
FNN_NOINLINE void rnn_step(const fnn_rnn_step *s, const RNN_TILES *t) {
    const ptrdiff_t most = s->rows <= t->wide_rows ? t->wide_rows : t->rows;
    const ptrdiff_t tiles = fnn_ceil_div(s->rows, most), end = s->block_end * FNN_NV;
    const int words = most == t->wide_rows ? t->words : 1;
    const ptrdiff_t begin = s->block_begin * FNN_NV, wide = (end - begin) / words;
    const ptrdiff_t groups = wide + (end - begin) % words; /* what is left goes by single words */
    for (ptrdiff_t i = 0; i < groups; i++) {
        const ptrdiff_t group = s->reversed ? groups - 1 - i : i;
        const ptrdiff_t word = begin + (group < wide ? group * words : wide * words + group - wide);
        const RNN_TILE_POINTER *tile = group < wide && words > 1 ? t->wide : t->narrow;
        for (ptrdiff_t k = 0, row = 0; k < tiles; k++) {
            const ptrdiff_t mr = fnn_ceil_div(s->rows - row, tiles - k);
            tile[mr](s, row, word);
            row += mr;
        }
    }
}

void FNN_NAME(lstm_step)(const fnn_rnn_step *s) { rnn_step(s, &lstm_tiles[s->half_weights]); }
void FNN_NAME(gru_step)(const fnn_rnn_step *s) { rnn_step(s, &gru_tiles[s->half_weights]); }
void FNN_NAME(rnn_step)(const fnn_rnn_step *s) { rnn_step(s, &rnn_tiles[s->half_weights]); }

/* packed[k][gates][16] of one gate of one block:  packed[k][0][lane] = w[lane][k], zero beyond `lanes`. */
void FNN_NAME(rnn_pack)(const void *w_, ptrdiff_t steps, ptrdiff_t lanes, ptrdiff_t gates, void *packed_) {
    const real *w = w_; /* [lanes][steps] */
    real *packed = packed_;
    for (ptrdiff_t k = 0; k < steps; k += FNN_VF)
        for (ptrdiff_t lane = 0; lane < FNN_BLOCK; lane += FNN_VF) {
            vf square[FNN_VF];
            FNN_UNROLL
            for (int i = 0; i < FNN_VF; i++)
                square[i] = lane + i < lanes ? vf_load_some(w + (lane + i) * steps + k, steps - k) : vf_zero();
            vf_transpose(square);
            for (int i = 0; i < FNN_VF && k + i < steps; i++)
                vf_store(packed + (k + i) * gates * FNN_BLOCK + lane, square[i]);
        }
}
