/* The thread pool: one parallel region runs a function once on every thread of a team (SPMD), with barriers inside.
 *
 * Workers are created by the first region that needs them, spin a bounded time after a region and then sleep. A call
 * made while the pool is busy, or from inside a region, runs as a team of one: no deadlock, no oversubscription. In a
 * forked child the pool starts anew. */
#ifndef FNN_THREADS_H
#define FNN_THREADS_H

#include "internal.h"

typedef struct {
    int id, size;
    struct fnn_barrier *barrier;
    struct fnn_counter *counter;
} fnn_team;

typedef void (*fnn_body)(void *context, const fnn_team *team);

/* Work below this many FMA-like operations runs on the calling thread: about 20 us of one core, what waking a
 * sleeping worker costs (5-50 us). */
#define FNN_SERIAL_WORK 1.0e6

/* Runs body on min(num_threads, most) threads and returns when all have finished. Denormals are flushed to zero
 * meanwhile if `flush`; the caller's floating-point mode is restored. */
void fnn_parallel(fnn_body body, void *context, ptrdiff_t most, double work, int flush);

/* Waits until every thread of the team has come here. */
void fnn_barrier_wait(const fnn_team *team);

/* One of the two halves of a team of at least 2, with barriers of its own; *half says which. */
fnn_team fnn_team_half(const fnn_team *team, int *half);

/* The next of the region's items 0, 1, 2, ..., each given to one thread. Items taken one by one balance cores of unequal
 * speed (a busy sibling, a slower clock), which equal shares cannot: use it where items are independent and not tiny. */
ptrdiff_t fnn_claim(const fnn_team *team);

/* This thread's share [*begin, *end) of n independent items: contiguous, of nearly equal size. */
static inline void fnn_share(const fnn_team *team, ptrdiff_t n, ptrdiff_t *begin, ptrdiff_t *end) {
    *begin = n * team->id / team->size;
    *end = n * (team->id + 1) / team->size;
}

/* Part i of n items cut into `parts`: *begin and how many. The larger parts come first, so that claims end alike. */
static inline ptrdiff_t fnn_part(ptrdiff_t n, ptrdiff_t parts, ptrdiff_t i, ptrdiff_t *begin) {
    *begin = i * (n / parts) + fnn_min(i, n % parts);
    return n / parts + (i < n % parts);
}

/* Installs the fork handler; once, from fnn_init. Starts no thread. */
void fnn_threads_init(void);

/* Drops locks and lists that another thread may have held at the moment of a fork (memory.c). */
void fnn_memory_after_fork(void);

#endif
