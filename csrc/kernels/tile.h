/* The one multiply-add body: convolution, its gradients and matrix products are all strips of it.
 *
 *   c[row][16*panel + j] = act(bias + residual + sum_k a[row][k] * b[panel][k][j]),  k over chunks x steps
 *
 * a (the broadcast side) and b (the vector side) are read through strides and a table of chunks, so a chunk is
 * 16 channels of one filter tap, one image row of a weight gradient, or a run of a matrix row. All of K stays in
 * registers: c is written once. Tile shapes follow the register budget of each dialect; the register blocking is
 * that of Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", TOMS 34(3), 2008, section 5.
 * Expanded names: fnn_strip__scalar, fnn_strip__avx2, fnn_strip__avx512, fnn_strip__neon, fnn_strip__scalar_f64 */

FNN_ALWAYS_INLINE ptrdiff_t full_panels(const fnn_strip *s) { return s->panels - (s->last_columns < FNN_BLOCK); }

/* Everything that follows the sum, in the order residual, activation; the last panel may have fewer than
 * 16 columns. Off the fast path: tiles arrive as raw sums, mr x np panels of 16. */
FNN_NOINLINE void tile_finish(const fnn_strip *s, const real *raw, ptrdiff_t row, ptrdiff_t panel, int mr, int np) {
    for (int i = 0; i < mr; i++)
        for (int p = 0; p < np; p++, raw += FNN_BLOCK) {
            const ptrdiff_t at = (row + i) * s->c_row + (panel + p) * s->c_panel;
            const ptrdiff_t columns = panel + p == s->panels - 1 ? s->last_columns : FNN_BLOCK;
            real *c = (real *)s->c + at;
            for (int v = 0; v < FNN_NV && v * FNN_VF < columns; v++) {
                const ptrdiff_t n = fnn_min(FNN_VF, columns - v * FNN_VF);
                vf y = vf_load(raw + v * FNN_VF);
                if (s->residual) y = vf_add(y, vf_load_some((const real *)s->residual + at + v * FNN_VF, n));
                vf_store_some(c + v * FNN_VF, activate(y, s->activation, (real)s->alpha, (real)s->beta), n);
            }
        }
}

/* raw = c of a tile whose last panel is narrow, zero beyond its columns. */
FNN_NOINLINE const real *tile_gather(const fnn_strip *s, real *raw, ptrdiff_t row, ptrdiff_t panel, int mr, int np) {
    real *to = raw;
    for (int i = 0; i < mr; i++)
        for (int p = 0; p < np; p++)
            for (int lane = 0; lane < FNN_BLOCK; lane++) {
                const int outside = panel + p == s->panels - 1 && lane >= s->last_columns;
                const ptrdiff_t at = (row + i) * s->c_row + (panel + p) * s->c_panel + lane;
                *to++ = outside ? 0 : ((const real *)s->c)[at];
            }
    return raw;
}

/* Panels stream from the second-level cache: 2 KiB ahead gave 0.87 of the FMA peak where no prefetch gave 0.70
 * (512-512 3x3 at 28x28) and 0.90 against 0.67 (1x1, 256-64 at 56x56); AMD Zen 3, 2026-11. */
#define PREFETCH_STEPS 32
/* The a side of a chunk of 16 channels lies on other cache lines than the chunk before: fetch it two chunks early. */
#define AHEAD 2

/* Row addresses in groups of three off one pointer: base, base + r, base + 2r are all x86 addressing modes. */
#define TILE_A(i) (ap[(i) / 3] + ((i) % 3) * a_row)

FNN_ALWAYS_INLINE void tile_step(vf acc[][4 * FNN_NV], const real *const *ap, ptrdiff_t a_row, const real *b,
                                 ptrdiff_t b_panel, const int mr, const int np) {
    vf bw[4 * FNN_NV];
    FNN_UNROLL
    for (int w = 0; w < np * FNN_NV; w++) bw[w] = vf_load(b + (w / FNN_NV) * b_panel + w % FNN_NV * FNN_VF);
    FNN_UNROLL
    for (int i = 0; i < mr; i++) {
        vf x = vf_set1(*TILE_A(i));
        FNN_UNROLL
        for (int w = 0; w < np * FNN_NV; w++) acc[i][w] = vf_fma(x, bw[w], acc[i][w]);
    }
}

FNN_ALWAYS_INLINE void tile(const fnn_strip *s, ptrdiff_t row, ptrdiff_t panel, const int mr, const int np) {
    vf acc[FNN_TILE_ROWS][4 * FNN_NV];
    real raw[FNN_TILE_ROWS * 4 * FNN_BLOCK]; /* the tile in memory, [mr][np][16], off the fast path */
    const int words = np * FNN_NV;
    const ptrdiff_t a_row = s->a_row, a_step = s->a_step, b_step = s->b_step, b_panel = s->b_panel;
    const real *a0 = (const real *)s->a + row * a_row, *b0 = (const real *)s->b + panel * b_panel;
    real *c = (real *)s->c + row * s->c_row + panel * s->c_panel;

    FNN_UNROLL
    for (int w = 0; w < words; w++) {
        const ptrdiff_t column = (panel + w / FNN_NV) * FNN_BLOCK + w % FNN_NV * FNN_VF;
        const vf start = s->bias ? vf_load((const real *)s->bias + column) : vf_zero();
        FNN_UNROLL
        for (int i = 0; i < mr; i++)
            acc[i][w] = s->row_bias ? vf_set1(((const real *)s->row_bias)[row + i]) : start;
    }
    /* Where the strip that follows reads other panels, s->next, its lines are asked for evenly over all rows of this one:
     * a stream from the third-level cache or memory needs the time of all tiles, not of the first alone. Products of a
     * Winograd convolution, best of 15 calls: 512-512 at 14x14 0.90 -> 0.73 ms, at 28x28 2.18 -> 2.05; AMD Zen 5,
     * 2026-11. */
    const ptrdiff_t line = FNN_BLOCK * (ptrdiff_t)sizeof(real), steps = s->n_chunks * s->chunk_len;
    const ptrdiff_t ahead_step = s->next ? mr * line / s->rows : b_step * (ptrdiff_t)sizeof(real);
    const ptrdiff_t steps_ahead = s->chunk_len > PREFETCH_STEPS || b_step == FNN_BLOCK ? PREFETCH_STEPS : 0;
    const char *ahead = NULL;
    if (s->next) ahead = (const char *)((const real *)s->next + panel * b_panel) + steps * row * line / s->rows;
    const fnn_chunk *chunk = s->chunks, *end = chunk + s->n_chunks;
    for (; s->chunk_len == 1 && chunk < end; chunk++) { /* taps of few channels: no loop inside the loop */
        const real *ap[(FNN_TILE_ROWS + 2) / 3];
        FNN_UNROLL
        for (int g = 0; g < (mr + 2) / 3; g++) ap[g] = a0 + chunk->a + 3 * g * a_row;
        tile_step(acc, ap, a_row, b0 + chunk->b, b_panel, mr, np);
    }
    for (; chunk < end; chunk++) {
        const real *b = b0 + chunk->b, *ap[(FNN_TILE_ROWS + 2) / 3];
        FNN_UNROLL
        for (int g = 0; g < (mr + 2) / 3; g++) ap[g] = a0 + chunk->a + 3 * g * a_row;
        if (s->chunk_len >= FNN_BLOCK && chunk + AHEAD < end) {
            FNN_UNROLL
            for (int i = 0; i < mr; i++) fnn_prefetch(a0 + chunk[AHEAD].a + i * a_row);
        }
        if (steps_ahead && !s->next) ahead = (const char *)(b + steps_ahead * b_step);
        for (ptrdiff_t k = s->chunk_len; k > 0; k--) {
            if (ahead) {
                FNN_UNROLL
                for (int p = 0; p < np; p++) fnn_prefetch(ahead + p * b_panel * (ptrdiff_t)sizeof(real));
                ahead += ahead_step;
            }
            tile_step(acc, ap, a_row, b, b_panel, mr, np);
            b += b_step;
            FNN_UNROLL
            for (int g = 0; g < (mr + 2) / 3; g++) ap[g] += a_step;
        }
    }
    if (s->accumulate) { /* added after the sum, not before: short sums of sums round less than one long sum */
        const int narrow = panel + np > full_panels(s);
        const real *from = narrow ? tile_gather(s, raw, row, panel, mr, np) : c;
        const ptrdiff_t from_row = narrow ? np * FNN_BLOCK : s->c_row, from_panel = narrow ? FNN_BLOCK : s->c_panel;
        FNN_UNROLL
        for (int i = 0; i < mr; i++)
            FNN_UNROLL
            for (int w = 0; w < words; w++)
                acc[i][w] = vf_add(acc[i][w], vf_load(from + i * from_row + w / FNN_NV * from_panel + w % FNN_NV * FNN_VF));
    }
    const vf floor = vf_set1(s->activation == FNN_RELU ? 0 : -(real)INFINITY);
    if (!s->residual && s->activation <= FNN_RELU && panel + np <= full_panels(s)) {
        FNN_UNROLL
        for (int i = 0; i < mr; i++)
            FNN_UNROLL
            for (int w = 0; w < words; w++)
                vf_store(c + i * s->c_row + w / FNN_NV * s->c_panel + w % FNN_NV * FNN_VF,
                         vf_max(floor, acc[i][w]));
        return;
    }
#ifdef FNN_HAVE_PARTIAL_WORDS
    if (s->activation <= FNN_RELU) {
        const real *residual = s->residual ? (const real *)s->residual + (c - (real *)s->c) : NULL;
        const ptrdiff_t c_row = s->c_row, c_panel = s->c_panel;
        FNN_UNROLL
        for (int w = 0; w < words; w++) {
            const ptrdiff_t last = panel + w / FNN_NV == s->panels - 1 ? s->last_columns : FNN_BLOCK;
            const ptrdiff_t n = last - w % FNN_NV * FNN_VF, at = w / FNN_NV * c_panel + w % FNN_NV * FNN_VF;
            FNN_UNROLL
            for (int i = 0; i < mr; i++) {
                vf y = acc[i][w];
                if (residual) y = vf_add(y, vf_load_some(residual + i * c_row + at, n));
                vf_store_some(c + i * c_row + at, vf_max(floor, y), n);
            }
        }
        return;
    }
#endif
    FNN_UNROLL
    for (int i = 0; i < mr; i++)
        FNN_UNROLL
        for (int w = 0; w < words; w++) vf_store(raw + (i * words + w) * FNN_VF, acc[i][w]);
    tile_finish(s, raw, row, panel, mr, np);
}

#define FNN_TILE_FUNCTION(mr, np) \
    FNN_NOINLINE void tile_##mr##x##np(const fnn_strip *s, ptrdiff_t row, ptrdiff_t panel) { \
        tile(s, row, panel, mr, np); \
    }
FNN_TILE_LIST(FNN_TILE_FUNCTION)
#define FNN_TILE_ENTRY(mr, np) [mr][np] = tile_##mr##x##np,
static void (*const tile_table[FNN_TILE_ROWS + 1][5])(const fnn_strip *, ptrdiff_t, ptrdiff_t) = {
    FNN_TILE_LIST(FNN_TILE_ENTRY)};

/* Cuts a strip into tiles of nearly equal height (a short last tile would leave FMA slots empty). Panels go outside:
 * one panel of a deep layer fills half of the second-level cache, and all rows use it before the next one. */
void FNN_NAME(strip)(const fnn_strip *s) {
    const int triple = FNN_TILE_TRIPLE_ROWS && s->panels == 3 && !s->tile_rows;
    const ptrdiff_t limit = triple ? FNN_TILE_TRIPLE_ROWS : FNN_TILE_ROWS;
    const ptrdiff_t most = s->tile_rows ? fnn_min(s->tile_rows, limit) : fnn_max(1, limit);
    const ptrdiff_t tiles = fnn_ceil_div(s->rows, most);
    const int group = triple ? 3 : tiles ? FNN_TILE_PANELS((int)(s->rows / tiles)) : 1;
    for (ptrdiff_t panel0 = 0; panel0 < s->panels; panel0 += group) {
        const ptrdiff_t panel_end = fnn_min(s->panels, panel0 + group);
        for (ptrdiff_t t = 0, row = 0; t < tiles; t++) {
            const int mr = (int)fnn_ceil_div(s->rows - row, tiles - t);
            for (ptrdiff_t panel = panel0; panel < panel_end;) {
                const int np = triple ? 3 : (int)fnn_min(FNN_TILE_PANELS(mr), panel_end - panel);
                tile_table[mr][np](s, row, panel);
                panel += np;
            }
            row += mr;
        }
    }
}
