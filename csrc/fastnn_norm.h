/* Normalisation, dropout and losses; included by fastnn.h, whose conventions hold. Means and variances are double arrays whatever the dtype:
 * forward functions leave them for the gradients. weight (gamma) and bias (beta) may be NULL, as may gx, and gw and gb
 * together. Variances are biased: divided by the number of elements. */
#ifndef FASTNN_NORM_H
#define FASTNN_NORM_H

typedef struct {
    fnn_dtype dtype;
    ptrdiff_t n, c, pixels; /* x[n][c][pixels] */
    int layout;             /* batch norm: FNN_NCHW or FNN_BLOCKED */
    ptrdiff_t groups;       /* group norm: divides c */
    int training;           /* batch norm: statistics of x, not given ones */
    double eps;             /* added to the variance */
} fnn_norm_params;

/* y = (x - mean[c]) / sqrt(var[c] + eps) weight[c] + bias[c]; mean and var are written when training, else read. */
fnn_status fnn_batch_norm(const fnn_norm_params *p, const void *x, const void *weight, const void *bias, /* [c] */
                          double *mean, double *var,                                                     /* [c] */
                          void *y);
fnn_status fnn_batch_norm_grad(const fnn_norm_params *p, const void *gy, const void *x, const void *weight,
                               const double *mean, const double *var, void *gx, void *gw, void *gb);

/* Statistics over the c/groups channels of a group, of each image. */
void fnn_group_norm(const fnn_norm_params *p, const void *x, const void *weight, const void *bias, /* [c] */
                    double *mean, double *var,                                                     /* [n][groups] */
                    void *y);
fnn_status fnn_group_norm_grad(const fnn_norm_params *p, const void *gy, const void *x, const void *weight,
                               const double *mean, const double *var, void *gx, void *gw, void *gb);

/* Statistics over the c elements of each of n rows (pixels is 1). */
void fnn_layer_norm(const fnn_norm_params *p, const void *x, const void *weight, const void *bias, /* [c] */
                    double *mean, double *var,                                                     /* [n] */
                    void *y);
fnn_status fnn_layer_norm_grad(const fnn_norm_params *p, const void *gy, const void *x, const void *weight,
                               const double *mean, const double *var, void *gx, void *gw, void *gb);

/* y = x / (k + alpha / size * sum of x^2 over the channels from c - size/2, size of them)^beta */
typedef struct {
    fnn_dtype dtype;
    ptrdiff_t n, c, pixels, size;
    double alpha, beta, k;
} fnn_response_params;
fnn_status fnn_local_response_norm(const fnn_response_params *p, const void *x, void *y);
fnn_status fnn_local_response_norm_grad(const fnn_response_params *p, const void *gy, const void *x, void *gx);

/* Inverted dropout: y[i] = 0 with probability p < 1, else x[i] / (1 - p). Which, follows from seed and i alone. */
void fnn_dropout(fnn_dtype dtype, ptrdiff_t n, double p, uint64_t seed, const void *x, void *y);

/* Losses of each element against its target; formulas in kernels/loss.h. weight and positive, [n], are the logistic one's
 * and may be NULL. losses may be NULL; sum is their total, in an order that no thread count changes. */
typedef enum { FNN_SQUARED, FNN_SMOOTH_L1, FNN_LOGISTIC } fnn_loss_kind;
fnn_status fnn_loss(fnn_dtype dtype, int kind, double beta, ptrdiff_t n, const void *x, const void *target,
                    const void *weight, const void *positive, void *losses, double *sum);
/* gx = scale gy dloss/dx, gy 1 where NULL. */
void fnn_loss_grad(fnn_dtype dtype, int kind, double beta, double scale, ptrdiff_t n, const void *gy, const void *x,
                   const void *target, const void *weight, const void *positive, void *gx);

#endif
