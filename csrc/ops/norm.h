/* What the normalisations share: means and variances of runs, and maps over runs with one set of parameters. */
#ifndef FNN_OPS_NORM_H
#define FNN_OPS_NORM_H

#include "../dispatch.h"
#include "../threads.h"

typedef struct {
    const fnn_kernel_table *kernels;
    const fnn_norm_params *p;
    ptrdiff_t es;
    const char *x, *gy, *weight, *bias;
    double *mean, *var; /* read only where p says so */
    char *y, *gw, *gb;
    double *partial;
} norm_job;

/* Count, mean and sum of squared distances from it. */
typedef struct {
    double count, mean, squares;
} fnn_moments;

/* d = x - center is what kernels see; y = d scale + shift, gradients also + d slope. */
typedef struct {
    double center, scale, slope, shift;
} fnn_norm_line_map;

/* Element i of an array of the job's dtype, or what stands for it where there is none. */
static inline double norm_element(const norm_job *job, const char *array, ptrdiff_t i, double without) {
    if (!array) return without;
    return job->es == sizeof(float) ? (double)((const float *)array)[i] : ((const double *)array)[i];
}

static inline void norm_set(const norm_job *job, char *array, ptrdiff_t i, double value) {
    if (!array) return;
    if (job->es == sizeof(float))
        ((float *)array)[i] = (float)value;
    else
        ((double *)array)[i] = value;
}

/* The center that kernels subtract for a mean: the nearest number of the job's dtype. */
static inline double norm_center(const norm_job *job, double mean) {
    return job->es == sizeof(float) ? (double)(float)mean : mean;
}

/* Adds a run of n elements to m, in pieces that stay in the first-level cache for their second pass. */
void fnn_run_moments(const norm_job *job, const char *x, ptrdiff_t n, fnn_moments *m);
/* sums[0] += sum of gy, sums[1] += sum of gy (x - center) over a run. */
void fnn_run_gradient_sums(const norm_job *job, const char *gy, const char *x, ptrdiff_t n, double center,
                           double *sums);
/* y = (x - center) scale + shift of a run, or with gy: y = gy scale + (x - center) slope + shift. */
void fnn_run_map(const norm_job *job, const char *gy, const char *x, char *y, ptrdiff_t n,
                 const fnn_norm_line_map *map);

/* The map of y = (x - mean) rstd w + b. */
static inline fnn_norm_line_map norm_forward_map(const norm_job *job, double mean, double rstd, double w, double b) {
    const double center = norm_center(job, mean);
    return (fnn_norm_line_map){center, rstd * w, 0, b - (mean - center) * rstd * w};
}

/* The map of gx = rstd (w gy - a - h b), h = (x - mean) rstd. */
static inline fnn_norm_line_map norm_gradient_map(const norm_job *job, double mean, double rstd, double w, double a,
                                                  double b) {
    const double center = norm_center(job, mean);
    const double slope = -rstd * rstd * b;
    return (fnn_norm_line_map){center, rstd * w, slope, -rstd * a - (mean - center) * slope};
}

#endif
