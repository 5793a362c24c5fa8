/* y = x scale where the element's random number reaches the threshold, else 0. The numbers are Philox4x32-10's (Salmon,
 * Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011) for the key `seed`: element e of the array
 * has counter e / 64 * 16 + e % 16 and word e / 16 % 4, so that 16 counters fill 64 neighbours without a shuffle.
 * Expanded names: fnn_dropout_row__avx2, ... */

#define PHILOX_LANES 16

FNN_ALWAYS_INLINE void philox(uint64_t counter, uint64_t seed, uint32_t out[4][PHILOX_LANES]) {
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    for (int i = 0; i < PHILOX_LANES; i++) {
        out[0][i] = (uint32_t)(counter + (uint64_t)i), out[1][i] = (uint32_t)((counter + (uint64_t)i) >> 32);
        out[2][i] = out[3][i] = 0;
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < PHILOX_LANES; i++) {
            const uint64_t a = (uint64_t)0xD2511F53u * out[0][i], b = (uint64_t)0xCD9E8D57u * out[2][i];
            out[0][i] = (uint32_t)(b >> 32) ^ out[1][i] ^ key0, out[2][i] = (uint32_t)(a >> 32) ^ out[3][i] ^ key1;
            out[1][i] = (uint32_t)b, out[3][i] = (uint32_t)a;
        }
        key0 += 0x9E3779B9u, key1 += 0xBB67AE85u;
    }
}

/* `first`, a multiple of 64, is the place of x[0] in the whole array. */
void FNN_NAME(dropout_row)(const void *x_, void *y_, ptrdiff_t n, ptrdiff_t first, uint64_t seed, uint32_t threshold,
                           double scale_) {
    const real *x = x_, scale = (real)scale_;
    real *y = y_;
    for (ptrdiff_t i = 0; i < n; i += 4 * PHILOX_LANES) {
        uint32_t bits[4][PHILOX_LANES];
        real factor[4 * PHILOX_LANES];
        philox((uint64_t)(first + i) / 4, seed, bits);
        for (int j = 0; j < 4 * PHILOX_LANES; j++)
            factor[j] = bits[j / PHILOX_LANES][j % PHILOX_LANES] >= threshold ? scale : 0;
        for (ptrdiff_t j = 0; j < fnn_min(4 * PHILOX_LANES, n - i); j++)
            y[i + j] = factor[j] != 0 ? x[i + j] * factor[j] : 0; /* NaN that is dropped is 0 */
    }
}
