/* Recurrent cells, one step backward through time: what does not need a product. For the gradient of a step's sums
 * (s of rnn.h) from the gradients h' and c' of the state after it:
 *
 *   LSTM  o: h' tanh(c) o(1-o);  c' += h' o (1 - tanh(c)^2) (variant o c: h' c o(1-o), c' += h' o)
 *         i: c' g i(1-i), f: c' c_before f(1-f), g: c' i (1-g^2);  to c before: c' f
 *   GRU   z: h' (h_before - n) z(1-z);  n: h' (1-z)(1-n^2);  r: n' s_h r(1-r);  s_h: n' r;  to h before: h' z
 *   RNN   h' (1-h^2), or h' where h > 0
 *
 * The caller multiplies the gradients of the sums with W_hh for the rest of the gradient of h before.
 * Expanded names: fnn_lstm_grad_step__avx2, fnn_gru_grad_step__avx2, fnn_rnn_grad_step__avx2, ... */

/* x (1 - x), the derivative of a sigmoid from its value; 1 - x^2 that of tanh. */
FNN_ALWAYS_INLINE vf sigmoid_slope(vf x) { return vf_mul(x, vf_sub(vf_set1(1), x)); }
FNN_ALWAYS_INLINE vf tanh_slope(vf x) { return vf_sub(vf_set1(1), vf_mul(x, x)); }

/* h' of one word: what came back from the step after, plus the gradient of the result. */
FNN_ALWAYS_INLINE vf state_gradient(const fnn_rnn_grad_step *s, ptrdiff_t row, ptrdiff_t unit) {
    vf g = vf_load((const real *)s->gh + row * s->padded + unit);
    if (s->gy) g = vf_add(g, vf_load_some((const real *)s->gy + s->y_at[row] + s->y_shift + unit, s->hidden - unit));
    return g;
}

FNN_ALWAYS_INLINE void store_gate_gradient(const fnn_rnn_grad_step *s, ptrdiff_t row, ptrdiff_t unit, int gate, vf g_x,
                                           vf g_h) {
    const ptrdiff_t at = gate * s->hidden + unit, left = s->hidden - unit, all = s->g_at[row] + s->g_shift + at;
    vf_store_some((real *)s->gs + row * s->gs_row + at, g_h, left);
    vf_store_some((real *)s->g_x + all, g_x, left);
    if (s->g_h) vf_store_some((real *)s->g_h + all, g_h, left);
}

void FNN_NAME(lstm_grad_step)(const fnn_rnn_grad_step *s) {
    for (ptrdiff_t row = 0; row < s->rows; row++)
        for (ptrdiff_t word = s->block_begin * FNN_NV; word < s->block_end * FNN_NV && word * FNN_VF < s->hidden;
             word++) {
            const ptrdiff_t unit = word * FNN_VF, at = row * s->padded + unit;
            const ptrdiff_t kept = s->gates_at[row] + s->gates_shift;
            const real *gate = (const real *)s->gates + kept + gates_offset(word, 0, 4);
            const vf in = vf_load(gate), forget = vf_load(gate + FNN_BLOCK);
            const vf cell = vf_load(gate + 2 * FNN_BLOCK), out = vf_load(gate + 3 * FNN_BLOCK);
            const vf c = vf_load((const real *)s->extra + kept / 4 + gates_offset(word, 0, 1));
            const vf before = vf_load((const real *)s->before + s->before_at[row] + s->before_shift + unit);
            const vf gh = state_gradient(s, row, unit), shown = s->variant ? c : vf_tanh(c);
            const vf through = vf_mul(gh, s->variant ? out : vf_mul(out, tanh_slope(shown)));
            const vf gc = vf_add(vf_load((const real *)s->gc + at), through);
            const vf g_in = vf_mul(vf_mul(gc, cell), sigmoid_slope(in));
            const vf g_forget = vf_mul(vf_mul(gc, before), sigmoid_slope(forget));
            const vf g_cell = vf_mul(vf_mul(gc, in), tanh_slope(cell));
            const vf g_out = vf_mul(vf_mul(gh, shown), sigmoid_slope(out));
            vf_store((real *)s->gc + at, vf_mul(gc, forget));
            vf_store((real *)s->gh + at, vf_zero());
            store_gate_gradient(s, row, unit, 0, g_in, g_in);
            store_gate_gradient(s, row, unit, 1, g_forget, g_forget);
            store_gate_gradient(s, row, unit, 2, g_cell, g_cell);
            store_gate_gradient(s, row, unit, 3, g_out, g_out);
        }
}

void FNN_NAME(gru_grad_step)(const fnn_rnn_grad_step *s) {
    for (ptrdiff_t row = 0; row < s->rows; row++)
        for (ptrdiff_t word = s->block_begin * FNN_NV; word < s->block_end * FNN_NV && word * FNN_VF < s->hidden;
             word++) {
            const ptrdiff_t unit = word * FNN_VF, kept = s->gates_at[row] + s->gates_shift;
            const real *gate = (const real *)s->gates + kept + gates_offset(word, 0, 3);
            const vf r = vf_load(gate), z = vf_load(gate + FNN_BLOCK), n = vf_load(gate + 2 * FNN_BLOCK);
            const vf recurrent = vf_load((const real *)s->extra + kept / 3 + gates_offset(word, 0, 1));
            const vf before =
                vf_load_some((const real *)s->before + s->before_at[row] + s->before_shift + unit, s->hidden - unit);
            const vf gh = state_gradient(s, row, unit);
            const vf g_z = vf_mul(vf_mul(gh, vf_sub(before, n)), sigmoid_slope(z));
            const vf g_n = vf_mul(vf_mul(gh, vf_sub(vf_set1(1), z)), tanh_slope(n));
            const vf g_r = vf_mul(vf_mul(g_n, recurrent), sigmoid_slope(r));
            vf_store((real *)s->gh + row * s->padded + unit, vf_mul(gh, z));
            store_gate_gradient(s, row, unit, 0, g_r, g_r);
            store_gate_gradient(s, row, unit, 1, g_z, g_z);
            store_gate_gradient(s, row, unit, 2, g_n, vf_mul(g_n, r));
        }
}

void FNN_NAME(rnn_grad_step)(const fnn_rnn_grad_step *s) {
    for (ptrdiff_t row = 0; row < s->rows; row++)
        for (ptrdiff_t word = s->block_begin * FNN_NV; word < s->block_end * FNN_NV && word * FNN_VF < s->hidden;
             word++) {
            const ptrdiff_t unit = word * FNN_VF;
            const vf h = vf_load_some((const real *)s->y + s->y_at[row] + s->y_shift + unit, s->hidden - unit);
            const vf gh = state_gradient(s, row, unit);
            const vf g = s->variant ? relu_gradient(gh, h) : vf_mul(gh, tanh_slope(h));
            vf_store((real *)s->gh + row * s->padded + unit, vf_zero());
            store_gate_gradient(s, row, unit, 0, g, g);
        }
}
