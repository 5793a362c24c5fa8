/* fastnn's C interface: the only header that code outside csrc/ includes.
 *
 * Every function trusts its caller: sizes are positive unless said otherwise, arrays are dense and as large as their
 * shape comment says, outputs overlap no input. Checks live one storey up, in fastnn/ops. Functions that need scratch
 * memory return FNN_OK or FNN_NO_MEMORY; the others cannot fail. All are re-entrant.
 *
 * Layouts of an image array of shape n, c, h, w:
 *   FNN_NCHW     [n][c][h][w]
 *   FNN_BLOCKED  [n][ceil(c/16)][h][w][16], lanes beyond c are zero
 *   FNN_NHWC     [n][h][w][c]; convolution only
 * Counts are elements, never bytes. */
#ifndef FASTNN_H
#define FASTNN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef _WIN32
#define FNN_EXPORT __declspec(dllexport)
#else
#define FNN_EXPORT __attribute__((visibility("default")))
#endif

typedef enum { FNN_F32, FNN_F64 } fnn_dtype;
typedef enum { FNN_NCHW, FNN_BLOCKED, FNN_NHWC } fnn_layout;
typedef enum { FNN_OK, FNN_NO_MEMORY } fnn_status;

/* How a convolution is computed. AUTO: the fastest for the shape by a cost model that no thread count changes. DIRECT:
 * plain sums. IM2COL: a matrix of all windows, a band at a time, to compare with. WINOGRAD2, WINOGRAD4: 3x3 kernels of
 * stride and dilation 1 and more than 8 channels a group, in tiles of 2x2 or 4x4 outputs; largest error over the rms of
 * the output 5e-6 and 2e-5 in float32 (direct: 3e-6). */
typedef enum { FNN_AUTO, FNN_DIRECT, FNN_IM2COL, FNN_WINOGRAD2, FNN_WINOGRAD4 } fnn_method;

/* Activations; alpha and beta are: clip its bounds, leaky_relu its slope, elu its scale (alpha), softplus its beta
 * and threshold. Those up to FNN_TANH can be fused. */
typedef enum {
    FNN_NONE,
    FNN_RELU,
    FNN_CLIP,
    FNN_LEAKY_RELU,
    FNN_SILU,
    FNN_HARDSWISH,
    FNN_SIGMOID,
    FNN_TANH,
    FNN_ELU,
    FNN_SELU,
    FNN_GELU,
    FNN_GELU_TANH, /* GELU by its tanh approximation */
    FNN_HARDSIGMOID,
    FNN_MISH,
    FNN_SOFTPLUS,
    FNN_EXP
} fnn_activation;

/* Where the values outside an array come from. */
typedef enum {
    FNN_PAD_CONSTANT,
    FNN_PAD_REFLECT,   /* mirrored at the edge element:  c b | a b c | b a */
    FNN_PAD_REPLICATE, /* the edge element:              a a | a b c | c c */
    FNN_PAD_CIRCULAR   /* the other end:                 b c | a b c | a b */
} fnn_pad_mode;

/* ---- process ------------------------------------------------------------------------------------------------- */

/* Fills the kernel tables for the best dialect of this processor. Call once before anything else. */
void fnn_init(void);
/* Makes a dialect ("scalar", "neon", "avx2", "avx512") active for later calls. 0 when this machine lacks it. */
int fnn_use_isa(const char *name);
const char *fnn_active_isa(void);
/* 1 when this build and this processor have the dialect. */
int fnn_has_isa(const char *name);
/* The i-th kernel's name in kernels.def, NULL past the last. */
const char *fnn_kernel_name(int i);

/* Upper bound of threads that one call uses, the caller included; at least 1. Visible in the shared object, so that
 * tools which limit thread pools find them there. */
FNN_EXPORT void fnn_set_num_threads(int n);
FNN_EXPORT int fnn_get_num_threads(void);
/* How long an idle worker spins before it sleeps, in microseconds. */
void fnn_set_spin_us(int us);
/* Worker threads alive now (0 before the first parallel call). */
int fnn_live_workers(void);

/* FNN_ALIGN-aligned memory through a bounded cache of recently freed blocks; NULL when memory is short. */
void *fnn_alloc(size_t bytes);
void fnn_free(void *p);

/* Measured limits of the active dialect: GFLOP/s of independent FMAs in registers, GB/s (read + write) of a copy
 * of 64 MiB by `threads` threads. */
double fnn_fma_peak(int threads);
double fnn_copy_bandwidth(int threads);

/* ---- layout -------------------------------------------------------------------------------------------------- */

void fnn_block(fnn_dtype dtype, ptrdiff_t n, ptrdiff_t c, ptrdiff_t h, ptrdiff_t w, const void *x, /* [n][c][h][w] */
               void *y); /* [n][ceil(c/16)][h][w][16] */
void fnn_unblock(fnn_dtype dtype, ptrdiff_t n, ptrdiff_t c, ptrdiff_t h, ptrdiff_t w,
                 const void *x, /* [n][ceil(c/16)][h][w][16] */
                 void *y);      /* [n][c][h][w] */

/* ---- convolution --------------------------------------------------------------------------------------------- */

/* y[n][o][e][i][j] = act(bias[o] + residual[n][o][e][i][j]
 *     + sum over q, t, r, s of weight[o][q][t][r][s]
 *                            * x[n][g*cg + q][e*sd - pd + t*dd][i*sh - ph + r*dh][j*sw - pw + s*dw])
 * with cg = c/groups, g = o / (oc/groups), x outside its bounds as padding_mode says. Padding behind, below and to the right follows from
 * od, oh and ow. c, n or oc may be 0. Fewer dimensions are sizes of 1 in front: images have d = od = kd = sd = dd = 1 and
 * pd = 0, sequences h = 1 as well. The layouts of five dimensions: d and h count as one, of size d*h. */
typedef struct {
    fnn_dtype dtype;
    ptrdiff_t n, c, d, h, w;  /* input */
    ptrdiff_t oc, od, oh, ow; /* output */
    ptrdiff_t kd, kh, kw;     /* kernel */
    ptrdiff_t sd, sh, sw;     /* stride, >= 1 */
    ptrdiff_t pd, ph, pw;     /* zero padding in front, above and to the left, >= 0 */
    ptrdiff_t dd, dh, dw;     /* dilation, >= 1 */
    ptrdiff_t groups;         /* divides c and oc */
    int padding_mode;         /* fnn_pad_mode of x outside its bounds, constant: 0; transposed: that one only */
    int x_layout, y_layout;   /* fnn_layout of x and of y; gradients: of gx / x and of gy */
    int method;               /* fnn_method; packed weights: the one that they are packed for */
    int activation;           /* fnn_activation */
    double alpha, beta;       /* its parameters */
} fnn_conv_params;

/* Of a convolution, or of the transposed one (below) where `transposed`:
 * why a method cannot serve (the condition that fails, for a message), NULL where it can; */
const char *fnn_conv_refusal(const fnn_conv_params *p, int transposed, fnn_method method);
/* p->method, or where that is FNN_AUTO the one expected to be fastest (`packed`: weights are packed ahead; float64: DIRECT); */
fnn_method fnn_conv_method(const fnn_conv_params *p, int transposed, int packed);
/* the name, for people, of what serves p->method; */
const char *fnn_conv_algorithm_name(const fnn_conv_params *p, int transposed);
/* elements of the weights packed for p->method (FNN_AUTO counts as DIRECT), which depend on oc, c, groups, the kernel's
 * size and, transposed, the stride; */
size_t fnn_conv_packed_size(const fnn_conv_params *p, int transposed);
/* weights packed for DIRECT and IM2COL, whatever p->method; */
void fnn_conv_pack(const fnn_conv_params *p, int transposed, const void *weight, /* [oc][c/groups][kd][kh][kw] */
                   void *packed);                                                /* FNN_ALIGN-aligned */
/* and from those the ones of p->method, WINOGRAD2 or WINOGRAD4. */
void fnn_conv_transform(const fnn_conv_params *p, int transposed, const void *direct, void *packed);

fnn_status fnn_conv(const fnn_conv_params *p, const void *x, /* input, in x_layout */
                    const void *packed,                      /* packed for p->method */
                    const void *bias,                        /* [oc], or NULL */
                    const void *residual,                    /* like y, or NULL */
                    void *y);                                /* output, in y_layout */
/* The same from plain weights, packed for this call. */
fnn_status fnn_conv_unpacked(const fnn_conv_params *p, const void *x, const void *weight, const void *bias,
                             const void *residual, void *y);
fnn_status fnn_conv_grad_weight(const fnn_conv_params *p, const void *gy, /* [n][oc][od][oh][ow] in y_layout */
                                const void *x,                            /* [n][c][d][h][w] in x_layout */
                                void *gw);                                /* [oc][c/groups][kd][kh][kw] */

/* The transposed convolution, which the input gradient is: p describes the convolution that it transposes, so x here is
 * [n][oc][od][oh][ow] in y_layout, y is [n][c][d][h][w] in x_layout, and bias has c elements.
 *   y[n][q][...] = act(bias[q] + residual + sum of x[n][o][e][i][j] * weight[o][q - g*cg][t][r][s]
 *                      over all whose e*sd - pd + t*dd, i*sh - ph + r*dh, j*sw - pw + s*dw is y's position) */
fnn_status fnn_conv_transpose(const fnn_conv_params *p, const void *x, const void *packed,
                              const void *bias,     /* [c], or NULL */
                              const void *residual, /* like y, or NULL */
                              void *y);
fnn_status fnn_conv_transpose_unpacked(const fnn_conv_params *p, const void *x, const void *weight, const void *bias,
                                       const void *residual, void *y);

/* out[c] = sum over n, h, w; accumulated in double in an order that no thread count changes. */
void fnn_channel_sum(fnn_dtype dtype, int layout, ptrdiff_t n, ptrdiff_t c, ptrdiff_t hw,
                     const void *x, /* [n][c][hw] in layout */
                     void *out);    /* [c] */

/* ---- images and matrices of their windows -------------------------------------------------------------------- */

typedef struct {
    fnn_dtype dtype;
    ptrdiff_t n, c, h, w; /* image */
    ptrdiff_t oh, ow;     /* windows */
    ptrdiff_t kh, kw;     /* window size */
    ptrdiff_t sh, sw;     /* stride, >= 1 */
    ptrdiff_t ph, pw;     /* zero padding above and to the left, >= 0 */
    ptrdiff_t dh, dw;     /* dilation, >= 1 */
} fnn_im2col_params;

/* cols[n][c][r][s][i][j] = x[n][c][i*sh - ph + r*dh][j*sw - pw + s*dw], 0 outside x. */
fnn_status fnn_im2col(const fnn_im2col_params *p, const void *x, /* [n][c][h][w] */
                      void *cols);                               /* [n][c*kh*kw][oh*ow] */
/* The transposed map: each x is the sum of what im2col would copy from it, in the order of the taps. */
fnn_status fnn_col2im(const fnn_im2col_params *p, const void *cols, void *x);

/* ---- padding ------------------------------------------------------------------------------------------------- */

/* Three dimensions are padded; `outer` and `unit` are the product of those before and after them. Negative padding
 * crops; constant padding of a dimension may be of any size, reflect's is less than the dimension, circular's at most. */
typedef struct {
    fnn_dtype dtype;
    int mode;     /* fnn_pad_mode */
    double value; /* of constant padding */
    ptrdiff_t outer, size[3], before[3], after[3], unit;
} fnn_pad_params;

/* y[o][i][j][k][u] = x[o][i - before[0]][j - before[1]][k - before[2]][u], continued by mode outside x. */
fnn_status fnn_pad(const fnn_pad_params *p, const void *x, /* [outer][size0][size1][size2][unit] */
                   void *y);                               /* each size plus before and after */
/* gx is the sum of the gy at the places that the element of x was copied to, in a fixed order. */
fnn_status fnn_pad_grad_input(const fnn_pad_params *p, const void *gy, void *gx);

/* ---- matrix product ------------------------------------------------------------------------------------------ */

size_t fnn_gemm_packed_size(ptrdiff_t k, ptrdiff_t n);
/* packed = B in panels [ceil(n/16)][k][16]; element (i, j) of B lies at b[i*row + j*column]. */
void fnn_gemm_pack(fnn_dtype dtype, ptrdiff_t k, ptrdiff_t n, const void *b, ptrdiff_t row, ptrdiff_t column,
                   void *packed);
/* c[m][n] = act(A B + bias[n]); element (i, k) of A lies at a[i*row + k*column], row or column is 1. k may be 0. */
fnn_status fnn_gemm(fnn_dtype dtype, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const void *a, ptrdiff_t row,
                    ptrdiff_t column, const void *packed, const void *bias, /* [n], or NULL */
                    int activation, double alpha, double beta, void *c);    /* [m][n] */
/* The same with B as fnn_gemm_pack takes it. */
fnn_status fnn_gemm_unpacked(fnn_dtype dtype, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const void *a, ptrdiff_t row,
                             ptrdiff_t column, const void *b, ptrdiff_t b_row, ptrdiff_t b_column, const void *bias,
                             int activation, double alpha, double beta, void *c);

/* ---- pooling ------------------------------------------------------------------------------------------------- */

/* Of n*c volumes of three axes, depth, height and width; fewer dimensions are sizes of 1 in front. Window i of an axis
 * covers positions i*stride - padding + k*dilation, k < kernel, or adaptive floor(i*size/out) up to ceil((i+1)*size/out);
 * those outside the input are left out. */
typedef struct {
    fnn_dtype dtype;
    ptrdiff_t n, c, size[3], out[3];
    ptrdiff_t kernel[3], stride[3], padding[3], dilation[3];
    int adaptive;          /* the four above are not read */
    int layout;            /* fnn_layout of all arrays; other than FNN_NCHW: images, size[0] = out[0] = 1 */
    int count_include_pad; /* average: divide by the window with its padding (clipped to size + padding) */
    double divisor;        /* average: divide by this instead, when not 0 */
    double power;          /* fnn_lp_pool, > 0 */
    int rectified; /* gradient of the maximum: x is the result of a ReLU, gx is to be the gradient of its input */
} fnn_pool_params;

/* Positions of maxima as numbers of taps in their windows fit a byte where windows have fewer than 255 taps. */
int fnn_pool_has_taps(const fnn_pool_params *p);
/* Maximum over each window; a NaN in the window is the result, -inf that of a window without positions. */
fnn_status fnn_max_pool(const fnn_pool_params *p, const void *x, void *y,
                        uint8_t *taps,     /* like y, 255: none; or NULL */
                        int64_t *indices); /* NCHW only: flat position in the volume, -1: none; or NULL */
/* gx: the whole of each gy goes to the first maximum of its window, or to its last NaN: from the taps, */
fnn_status fnn_max_pool_grad_taps(const fnn_pool_params *p, const void *gy, const uint8_t *taps,
                                  const void *y, /* read where rectified */
                                  void *gx);
/* or from x. Layouts other than NCHW: only where fnn_pool_has_taps. */
fnn_status fnn_max_pool_grad_input(const fnn_pool_params *p, const void *gy, const void *x, const void *y, void *gx);
fnn_status fnn_avg_pool(const fnn_pool_params *p, const void *x, void *y);
fnn_status fnn_avg_pool_grad_input(const fnn_pool_params *p, const void *gy, void *gx);
/* y = (sum of x^power)^(1/power), a sum over fewer positions than the kernel has scaled up to them; NCHW only. */
fnn_status fnn_lp_pool(const fnn_pool_params *p, const void *x, void *y);
fnn_status fnn_lp_pool_grad_input(const fnn_pool_params *p, const void *gy, const void *x, const void *y, void *gx);

/* The first of n indices outside 0 .. size - 1, or n. */
ptrdiff_t fnn_bad_index(const int64_t *indices, ptrdiff_t n, ptrdiff_t size);
/* y[v][indices[v][i]] = x[v][i], 0 elsewhere; of equal indices the last counts. Indices are in bounds. */
void fnn_max_unpool(fnn_dtype dtype, ptrdiff_t volumes, ptrdiff_t n, ptrdiff_t size, const void *x, /* [volumes][n] */
                    const int64_t *indices, void *y); /* [volumes][size] */
/* gx[v][i] = gy[v][indices[v][i]]. */
void fnn_max_unpool_grad_input(fnn_dtype dtype, ptrdiff_t volumes, ptrdiff_t n, ptrdiff_t size, const void *gy,
                               const int64_t *indices, void *gx);

#include "fastnn_roi.h" /* regions of interest, boxes, resampling, embedding */

/* ---- recurrent layers ---------------------------------------------------------------------------------------- */

#include "fastnn_rnn.h"

/* ---- elementwise and rows ------------------------------------------------------------------------------------ */

/* y[i] = f(x[i]) for i < n; x == y is allowed. */
void fnn_activate(fnn_dtype dtype, int activation, double alpha, double beta, ptrdiff_t n, const void *x, void *y);
/* gx[i] = gy[i] f'(x[i]); for ReLU, sigmoid and tanh x is their result, for ReLU either will do. */
void fnn_activate_grad(fnn_dtype dtype, int activation, double alpha, double beta, ptrdiff_t n, const void *gy,
                       const void *x, void *gx);
/* Softmax (or its logarithm) of each row of x[rows][n]; x == y is allowed. n >= 1. */
void fnn_softmax(fnn_dtype dtype, int logarithm, ptrdiff_t rows, ptrdiff_t n, const void *x, void *y);
/* gx of a softmax (or log-softmax) from gy and its result y, all [rows][n]. */
void fnn_softmax_grad(fnn_dtype dtype, int logarithm, ptrdiff_t rows, ptrdiff_t n, const void *gy, const void *y,
                      void *gx);

#include "fastnn_norm.h" /* normalisation, dropout, losses */

/* ---- parameter updates --------------------------------------------------------------------------------------- */

/* Steps of optimisers; formulas in kernels/update.h. */
typedef enum { FNN_SGD, FNN_ADAGRAD, FNN_RMSPROP, FNN_ADAM } fnn_update_rule;

typedef struct {
    int rule;                   /* fnn_update_rule */
    int maximize;               /* climb: the gradient's sign is turned */
    double l1, weight_decay;    /* added to the gradient: l1 sign(p) + weight_decay p */
    double shrink;              /* Adam: p is multiplied with it first (decoupled decay); else 1 */
    double momentum, dampening; /* SGD, RMSprop (momentum alone) */
    int nesterov;               /* SGD */
    double beta1, beta2, eps;   /* decays of the running means of g (RMSprop: too, where centered) and g^2 */
} fnn_update;

/* One parameter and what its rule remembers of it, all [n]; a state that is not in use is NULL.
 * SGD: velocity. Adagrad: sum of g^2. RMSprop: mean of g^2, velocity, mean of g (centered).
 * Adam: mean of g, mean of g^2, largest mean of g^2 (AMSGrad). */
typedef struct {
    ptrdiff_t n;
    void *p;
    const void *g;
    void *state[3];
    double lr;    /* Adam: over 1 - beta1^step */
    double scale; /* Adam: what the root of the mean of g^2 is multiplied with, 1 / sqrt(1 - beta2^step) */
    int first;    /* SGD: the velocity need not be set and becomes the gradient */
} fnn_updated;

void fnn_update_step(const fnn_update *u, fnn_dtype dtype, ptrdiff_t count, const fnn_updated *parameters);

#ifdef __cplusplus
}
#endif
#endif
