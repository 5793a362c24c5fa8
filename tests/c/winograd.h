/* Winograd's transforms against matrices derived from the points (Toom-Cook), kernel by kernel. */
#ifndef WINOGRAD_H
#define WINOGRAD_H

#include "../../csrc/dispatch.h"
#include "check.h"

#define SIDE_MOST 6

typedef struct {
    int m, side;
    double at[4][SIDE_MOST], g[SIDE_MOST][3], bt[SIDE_MOST][SIDE_MOST]; /* y = A^T [(G g) * (B^T d)] */
} toom_cook;

/* F(m, 3) at m + 1 points and infinity: row j of B^T holds the coefficients of prod (x - p_l) over the other points,
 * row j of G the powers of p_j over that product at p_j, column j of A^T the powers of p_j. */
static toom_cook derive(int m, const double *points) {
    toom_cook t = {.m = m, .side = m + 2};
    const int finite = m + 1;
    for (int j = 0; j <= finite; j++) {
        double product[SIDE_MOST + 1] = {1}, scale = 1;
        for (int l = 0, degree = 0; l < finite; l++) {
            if (l == j) continue;
            for (int k = ++degree; k >= 0; k--) product[k] = (k ? product[k - 1] : 0) - points[l] * product[k];
            if (j < finite) scale *= points[j] - points[l];
        }
        for (int k = 0; k < t.side; k++) t.bt[j][k] = product[k];
        for (int k = 0; k < 3; k++) t.g[j][k] = j < finite ? pow(points[j], k) / scale : k == 2;
        for (int k = 0; k < m; k++) t.at[k][j] = j < finite ? pow(points[j], k) : k == m - 1;
    }
    return t;
}

/* The kernel may move a sign from a point's filter to its input: what must agree is both up to one sign a point. */
static void winograd_matrices(const toom_cook *t, fnn_dtype dtype) {
    const fnn_kernel_table *kernels = fnn_kernels(dtype);
    const int side = t->side, points = side * side;
    double *d = random_values(points * 16, random_eighth), *g = random_values(9 * 16, random_eighth);
    double *products = random_values(points * 16, random_eighth);
    void *image = vector(dtype, points * 16, d), *taps = vector(dtype, 9 * 16, g);
    void *v = output(dtype, points * 16), *u = output(dtype, points * 16), *y = output(dtype, t->m * t->m * 16);
    void *p = vector(dtype, points * 16, products);
    fnn_winograd_tiles w = {.m = t->m, .tiles = 1, .image = image, .image_row = side * 16, .points = v, .point = 16};
    kernels->winograd_input(&w);
    kernels->winograd_filter(taps, 16, 0, t->m, u, 16);
    w.image = y, w.image_row = t->m * 16, w.points = p, w.rows = w.columns = t->m;
    kernels->winograd_output(&w);
    int right = 1;
    for (int lane = 0; lane < 16; lane++) {
        for (int i = 0; i < side; i++)
            for (int j = 0; j < side; j++) {
                double wv = 0, wu = 0;
                for (int a = 0; a < side; a++)
                    for (int b = 0; b < side; b++) wv += t->bt[i][a] * t->bt[j][b] * d[(a * side + b) * 16 + lane];
                for (int a = 0; a < 3; a++)
                    for (int b = 0; b < 3; b++) wu += t->g[i][a] * t->g[j][b] * g[(a * 3 + b) * 16 + lane];
                const double gv = get(dtype, v, (i * side + j) * 16 + lane),
                             gu = get(dtype, u, (i * side + j) * 16 + lane);
                const double sign = gv * wv + gu * wu < 0 ? -1 : 1, allowed = steps(dtype, 64);
                right &= fabs(sign * gv - wv) <= allowed * fmax(1, fabs(wv)) && fabs(sign * gu - wu) <= allowed;
            }
        for (int i = 0; i < t->m; i++)
            for (int j = 0; j < t->m; j++) {
                double want = 0;
                for (int a = 0; a < side; a++)
                    for (int b = 0; b < side; b++)
                        want += t->at[i][a] * t->at[j][b] * products[(a * side + b) * 16 + lane];
                const double got = get(dtype, y, (i * t->m + j) * 16 + lane);
                right &= fabs(got - want) <= steps(dtype, 64) * fmax(1, fabs(want));
            }
    }
    check(right, "winograd transforms m=%d %s differ from those of the points", t->m, dtype_name(dtype));
    free(d), free(g), free(products), free(image), free(taps), free(v), free(u), free(y), free(p);
}

static void winograd_group(void) {
    const double root2 = sqrt(2.0), two[] = {0, 1, -1}, four[] = {0, root2 / 2, -root2 / 2, root2, -root2};
    const toom_cook f2 = derive(2, two), f4 = derive(4, four);
    group_begin();
    for (int i = 0; i < 8; i++) {
        winograd_matrices(&f2, i & 1 ? FNN_F64 : FNN_F32);
        winograd_matrices(&f4, i & 1 ? FNN_F64 : FNN_F32);
    }
    group_end("winograd");
}

#endif
