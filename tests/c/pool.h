/* Pooling against loops over every position of every window. */

/* Position of tap k of window o, -1 outside the input; adaptive windows have consecutive positions. */
static ptrdiff_t pool_position(const fnn_pool_params *p, int axis, ptrdiff_t o, ptrdiff_t k) {
    const ptrdiff_t size = p->size[axis], out = p->out[axis];
    if (p->adaptive) {
        const ptrdiff_t at = o * size / out + k;
        return at < ((o + 1) * size + out - 1) / out ? at : -1;
    }
    const ptrdiff_t at = o * p->stride[axis] - p->padding[axis] + k * p->dilation[axis];
    return at >= 0 && at < size ? at : -1;
}

typedef struct {
    ptrdiff_t best, inside;
    double sum;
} naive_window;

/* One window of one volume: its maximum (the first of equal ones, the last NaN) and its sum; adds `share` to g. */
static naive_window walk_window(const fnn_pool_params *p, const double *x, ptrdiff_t d, ptrdiff_t h, ptrdiff_t w,
                                double *g, double share) {
    naive_window found = {-1, 0, 0};
    ptrdiff_t most[3];
    for (int i = 0; i < 3; i++) most[i] = p->adaptive ? p->size[i] / p->out[i] + 2 : p->kernel[i];
    for (ptrdiff_t a = 0; a < most[0]; a++)
        for (ptrdiff_t b = 0; b < most[1]; b++)
            for (ptrdiff_t c = 0; c < most[2]; c++) {
                const ptrdiff_t i = pool_position(p, 0, d, a), j = pool_position(p, 1, h, b);
                const ptrdiff_t k = pool_position(p, 2, w, c);
                if (i < 0 || j < 0 || k < 0) continue;
                const ptrdiff_t at = (i * p->size[1] + j) * p->size[2] + k;
                if (found.best < 0 || x[at] > x[found.best] || isnan(x[at])) found.best = at;
                found.sum += x[at];
                found.inside++;
                if (g) g[at] += share;
            }
    return found;
}

/* Positions of a window counted with the padding but without what hangs over behind it. */
static double padded_count(const fnn_pool_params *p, const ptrdiff_t at[3]) {
    double count = 1;
    for (int axis = 0; axis < 3; axis++) {
        const ptrdiff_t first = at[axis] * p->stride[axis] - p->padding[axis];
        const ptrdiff_t end = p->size[axis] + p->padding[axis], last = first + p->kernel[axis];
        count *= (double)((last < end ? last : end) - first);
    }
    return count;
}

typedef struct {
    double *x, *gy, *most, *at, *mean, *most_gx, *mean_gx;
} naive_pool;

static naive_pool naive_pools(const fnn_pool_params *p, ptrdiff_t volumes, ptrdiff_t nx, ptrdiff_t ny,
                              double (*value)(void)) {
    const ptrdiff_t in = nx / volumes, out = ny / volumes;
    naive_pool n = {random_values(nx, value),
                    random_values(ny, random_eighth),
                    zeros(ny),
                    zeros(ny),
                    zeros(ny),
                    zeros(nx),
                    zeros(nx)};
    for (ptrdiff_t i = 0; i < ny; i++) {
        const ptrdiff_t k = i % out, area = p->out[1] * p->out[2];
        const ptrdiff_t at[3] = {k / area, k / p->out[2] % p->out[1], k % p->out[2]};
        const double *x = n.x + i / out * in;
        const naive_window found = walk_window(p, x, at[0], at[1], at[2], NULL, 0);
        double by = p->count_include_pad && !p->adaptive ? padded_count(p, at) : (double)found.inside;
        if (p->divisor != 0) by = p->divisor;
        n.at[i] = (double)found.best;
        n.most[i] = found.best < 0 ? -INFINITY : x[found.best];
        n.mean[i] = found.sum / by;
        if (found.best >= 0) n.most_gx[i / out * in + found.best] += n.gy[i];
        walk_window(p, x, at[0], at[1], at[2], n.mean_gx + i / out * in, n.gy[i] / by);
    }
    return n;
}

static fnn_pool_params random_pool(int i, int dilate) {
    fnn_pool_params p = {.dtype = (fnn_dtype)(i & 1), .layout = i % 3, .n = random_int(1, 2), .c = random_int(1, 35)};
    p.adaptive = i % 7 == 3;
    for (int axis = p.layout == FNN_NCHW && i % 2 ? 0 : 1; axis < 3; axis++) {
        const ptrdiff_t kernel = random_int(1, 4), dilation = dilate ? random_int(1, 3) : 1;
        const ptrdiff_t padding = random_int(0, kernel / 2), stride = random_int(1, 4);
        const ptrdiff_t size = dilation * (kernel - 1) + random_int(1, axis == 2 ? 24 : 9);
        p.kernel[axis] = kernel, p.dilation[axis] = dilation, p.padding[axis] = padding, p.stride[axis] = stride;
        p.size[axis] = size;
        p.out[axis] =
            p.adaptive ? random_int(1, size + 1) : (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
    }
    if (!p.size[0]) p.size[0] = p.out[0] = p.kernel[0] = p.stride[0] = p.dilation[0] = 1;
    return p;
}

static void check_pool(const char *what, const fnn_pool_params *p, const ptrdiff_t size[3], const void *got,
                       const double *want, double tolerance) {
    const shape s = {p->n, p->c, size[0] * size[1], size[2]};
    const ptrdiff_t at = image_differs(p->dtype, p->layout, s, got, want, tolerance);
    check(at < 0,
          "%s %s layout %d n%td c%td %tdx%tdx%td to %tdx%tdx%td k%tdx%tdx%td s%tdx%tdx%td p%tdx%tdx%td "
          "d%tdx%tdx%td adaptive %d at %td",
          what, dtype_name(p->dtype), p->layout, p->n, p->c, p->size[0], p->size[1], p->size[2], p->out[0], p->out[1],
          p->out[2], p->kernel[0], p->kernel[1], p->kernel[2], p->stride[0], p->stride[1], p->stride[2], p->padding[0],
          p->padding[1], p->padding[2], p->dilation[0], p->dilation[1], p->dilation[2], p->adaptive, at);
}

/* Few distinct values, so that ties are common, and now and then a NaN. */
static double random_tied(void) { return random_int(0, 60) ? (double)random_int(-4, 4) : NAN; }

static void max_pool_one(fnn_pool_params p) {
    const shape xs = {p.n, p.c, p.size[0] * p.size[1], p.size[2]}, ys = {p.n, p.c, p.out[0] * p.out[1], p.out[2]};
    const ptrdiff_t nx = volume(xs), ny = volume(ys), my = image_size(p.layout, ys);
    naive_pool n = naive_pools(&p, p.n * p.c, nx, ny, random_tied);
    void *x = image(p.dtype, p.layout, xs, n.x), *gy = image(p.dtype, p.layout, ys, n.gy);
    void *y = output(p.dtype, my), *gx = output(p.dtype, image_size(p.layout, xs));
    uint8_t *taps = must(malloc((size_t)my));
    int64_t *at = must(malloc((size_t)ny * sizeof *at));
    check(fnn_max_pool(&p, x, y, NULL, NULL) == FNN_OK, "max_pool status");
    check_pool("max_pool", &p, p.out, y, n.most, 0);
    check(p.adaptive || fnn_pool_has_taps(&p), "has_taps");
    if (fnn_pool_has_taps(&p)) {
        check(fnn_max_pool(&p, x, y, taps, NULL) == FNN_OK, "max_pool with taps status");
        check_pool("max_pool with taps", &p, p.out, y, n.most, 0);
        check(fnn_max_pool_grad_taps(&p, gy, taps, NULL, gx) == FNN_OK, "max_pool_grad_taps status");
        check_pool("max_pool_grad_taps", &p, p.size, gx, n.most_gx, 0);
    }
    if (fnn_pool_has_taps(&p) || p.layout == FNN_NCHW) {
        check(fnn_max_pool_grad_input(&p, gy, x, y, gx) == FNN_OK, "max_pool_grad_input status");
        check_pool("max_pool_grad_input", &p, p.size, gx, n.most_gx, 0);
    }
    if (p.layout == FNN_NCHW) {
        ptrdiff_t wrong = 0;
        check(fnn_max_pool(&p, x, y, NULL, at) == FNN_OK, "max_pool with indices status");
        check_pool("max_pool with indices", &p, p.out, y, n.most, 0);
        for (ptrdiff_t i = 0; i < ny; i++) wrong += (double)at[i] != n.at[i];
        check(!wrong, "max_pool: %td wrong indices", wrong);
    }
    free(n.x), free(n.gy), free(n.most), free(n.at), free(n.mean), free(n.most_gx), free(n.mean_gx);
    free(x), free(gy), free(y), free(gx), free(taps), free(at);
}

static void avg_pool_one(fnn_pool_params p) {
    const shape xs = {p.n, p.c, p.size[0] * p.size[1], p.size[2]}, ys = {p.n, p.c, p.out[0] * p.out[1], p.out[2]};
    const ptrdiff_t nx = volume(xs), ny = volume(ys);
    p.count_include_pad = (int)random_int(0, 1), p.divisor = random_int(0, 3) ? 0 : 5;
    naive_pool n = naive_pools(&p, p.n * p.c, nx, ny, random_eighth);
    void *x = image(p.dtype, p.layout, xs, n.x), *gy = image(p.dtype, p.layout, ys, n.gy);
    void *y = output(p.dtype, image_size(p.layout, ys)), *gx = output(p.dtype, image_size(p.layout, xs));
    check(fnn_avg_pool(&p, x, y) == FNN_OK, "avg_pool status");
    check_pool("avg_pool", &p, p.out, y, n.mean, steps(p.dtype, 16));
    check(fnn_avg_pool_grad_input(&p, gy, gx) == FNN_OK, "avg_pool_grad_input status");
    check_pool("avg_pool_grad_input", &p, p.size, gx, n.mean_gx, steps(p.dtype, 64));
    free(n.x), free(n.gy), free(n.most), free(n.at), free(n.mean), free(n.most_gx), free(n.mean_gx);
    free(x), free(gy), free(y), free(gx);
}

/* The square root of a sum of squares is that of the mean of squares by the kernel's size. */
static void lp_pool_one(fnn_pool_params p) {
    p.layout = FNN_NCHW, p.adaptive = 0, p.count_include_pad = 1, p.divisor = 0, p.power = 2;
    for (int axis = 0; axis < 3; axis++) {
        p.padding[axis] = 0;
        p.out[axis] = (p.size[axis] - p.kernel[axis]) / p.stride[axis] + 1;
    }
    const shape xs = {p.n, p.c, p.size[0] * p.size[1], p.size[2]}, ys = {p.n, p.c, p.out[0] * p.out[1], p.out[2]};
    const ptrdiff_t nx = volume(xs), ny = volume(ys);
    double *values = random_values(nx, random_eighth), *squares = zeros(nx), *gy = random_values(ny, random_eighth);
    double *y = zeros(ny), *gx = zeros(nx);
    for (ptrdiff_t i = 0; i < nx; i++) squares[i] = values[i] * values[i];
    const ptrdiff_t in = nx / (p.n * p.c), out = ny / (p.n * p.c), area = p.out[1] * p.out[2];
    for (ptrdiff_t i = 0; i < ny; i++) {
        const ptrdiff_t k = i % out, v = i / out * in;
        y[i] = sqrt(walk_window(&p, squares + v, k / area, k / p.out[2] % p.out[1], k % p.out[2], NULL, 0).sum);
        const double share = y[i] == 0 ? 0 : gy[i] / y[i];
        walk_window(&p, squares + v, k / area, k / p.out[2] % p.out[1], k % p.out[2], gx + v, share);
    }
    for (ptrdiff_t i = 0; i < nx; i++) gx[i] *= values[i];
    void *tx = image(p.dtype, p.layout, xs, values), *tgy = image(p.dtype, p.layout, ys, gy);
    void *ty = output(p.dtype, ny), *tgx = output(p.dtype, nx);
    check(fnn_lp_pool(&p, tx, ty) == FNN_OK, "lp_pool status");
    check_pool("lp_pool", &p, p.out, ty, y, steps(p.dtype, 64));
    check(fnn_lp_pool_grad_input(&p, tgy, tx, ty, tgx) == FNN_OK, "lp_pool_grad_input status");
    check_pool("lp_pool_grad_input", &p, p.size, tgx, gx, steps(p.dtype, 256));
    free(values), free(squares), free(gy), free(y), free(gx), free(tx), free(tgy), free(ty), free(tgx);
}

static void unpool_one(void) {
    const float x[6] = {1, 2, 3, 4, 5, 6};
    const int64_t at[6] = {4, 0, 3, 1, 1, 0}, bad[3] = {0, 5, -1};
    float y[10], gx[6];
    const float want[10] = {2, 0, 0, 3, 1, 6, 5, 0, 0, 0};
    fnn_max_unpool(FNN_F32, 2, 3, 5, x, at, y);
    check(!memcmp(y, want, sizeof y), "max_unpool");
    fnn_max_unpool_grad_input(FNN_F32, 2, 3, 5, y, at, gx);
    for (int i = 0; i < 6; i++) check(gx[i] == y[i / 3 * 5 + at[i]], "max_unpool_grad_input %d", i);
    check(fnn_bad_index(at, 6, 5) == 6 && fnn_bad_index(bad, 3, 5) == 1 && fnn_bad_index(bad, 3, 6) == 2, "bad_index");
}

static void pool_group(int random_shapes) {
    group_begin();
    for (int i = 0; i < 4 * random_shapes; i++) {
        fnn_set_num_threads(1 + i % 3);
        max_pool_one(random_pool(i, 1));
        avg_pool_one(random_pool(i, 0));
        lp_pool_one(random_pool(i, 0));
    }
    unpool_one();
    group_end("pool");
}
