/* What the poolings share: the geometry that kernels read, made from the public parameters, and the volumes' shares. */
#ifndef FNN_OPS_POOL_H
#define FNN_OPS_POOL_H

#include "../dispatch.h"
#include "../threads.h"

typedef struct pool_job pool_job;

struct pool_job {
    const fnn_pool_params *p;
    fnn_pool pool;
    fnn_window *windows; /* of the three axes, one after the other */
    const fnn_kernel_table *kernels;
    ptrdiff_t es;                       /* bytes of an element */
    ptrdiff_t volumes, inputs, outputs; /* NCHW: n*c volumes of so many positions */
    ptrdiff_t lanes;                    /* elements of a position: 1, or 16 */
    ptrdiff_t group, bands;             /* an item is `group` volumes, or one of `bands` of a volume */
    const char *x, *gy, *y;             /* what is read */
    const uint8_t *taps_in;
    char *out; /* what is written */
    uint8_t *taps;
    int64_t *indices;
    char *scratch;
    ptrdiff_t scratch_bytes; /* of each thread */
    /* Output rows [row, last) of `count` volumes from `first` on; of a gradient, all rows. */
    void (*volumes_of)(const pool_job *job, ptrdiff_t first, ptrdiff_t count, ptrdiff_t row, ptrdiff_t last,
                       char *scratch);
    /* The same of one volume, where volumes_of is NULL. */
    void (*volume)(const pool_job *job, ptrdiff_t volume, ptrdiff_t row, ptrdiff_t last, char *scratch);
};

/* Fills job->pool and the rest of the geometry; fnn_free(job->windows) undoes it. 0 where memory is short. */
int fnn_pool_geometry(pool_job *job, const fnn_pool_params *p);
/* Runs job->volume over all volumes with more_bytes of scratch beyond the two rows, then frees the geometry.
 * `banded`: volumes may be split by output rows. */
fnn_status fnn_pool_run(pool_job *job, ptrdiff_t more_bytes, int banded);

/* Bytes of the two rows of scratch that the planes' kernels take. */
static inline ptrdiff_t pool_rows_bytes(const pool_job *job) {
    return fnn_round_up(2 * job->pool.row_length * job->es, FNN_ALIGN);
}

#endif
