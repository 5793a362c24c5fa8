/* Groups of the driver about the process: threads, nesting, forks, and what a call must leave as it was. */
#ifndef PARALLEL_H
#define PARALLEL_H

#include <fenv.h>
#include <pthread.h>
#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "../../csrc/threads.h"
#include "ops.h"

/* Large enough for a team of threads: 1.5 million multiply-adds. */
static const conv_case job_case = {"job", 1, 24, 14, 15, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0, 0, IMAGE};

/* Everything that a job needs; shared between threads, read only. */
typedef struct {
    fnn_conv_params p;
    conv_values v;
    void *x, *w, *packed, *gy;
    void *y, *gx, *gw; /* the results on one thread */
} job;

static int job_run(const job *j, void *y, void *gx, void *gw) {
    return fnn_conv(&j->p, j->x, j->packed, NULL, NULL, y) == FNN_OK &&
           fnn_conv_transpose_unpacked(&j->p, j->gy, j->w, NULL, NULL, gx) == FNN_OK &&
           fnn_conv_grad_weight(&j->p, j->gy, j->x, gw) == FNN_OK;
}

static job job_make(fnn_dtype dtype, int layout) {
    job j = {.p = conv_params(&job_case, dtype, layout, layout), .v = conv_reference(&job_case, random_real)};
    j.x = image(dtype, layout, j.v.xs, j.v.x), j.gy = image(dtype, layout, j.v.ys, j.v.gy);
    j.w = vector(dtype, volume(j.v.ws), j.v.w);
    j.packed = packed_buffer(dtype, fnn_conv_packed_size(&j.p, 0));
    fnn_conv_pack(&j.p, 0, j.w, j.packed);
    j.y = output(dtype, image_size(layout, j.v.ys)), j.gx = output(dtype, image_size(layout, j.v.xs));
    j.gw = output(dtype, volume(j.v.ws));
    fnn_set_num_threads(1);
    check(job_run(&j, j.y, j.gx, j.gw), "job status");
    return j;
}
static void job_free(job *j) {
    conv_free(&j->v);
    free(j->x), free(j->gy), free(j->w), packed_free(j->packed), free(j->y), free(j->gx), free(j->gw);
}

/* Runs the job into fresh memory; 1 when every bit is as on one thread. */
static int job_repeats(const job *j) {
    const size_t y_bytes = (size_t)image_size(j->p.y_layout, j->v.ys) * item_size(j->p.dtype);
    const size_t gx_bytes = (size_t)image_size(j->p.x_layout, j->v.xs) * item_size(j->p.dtype);
    const size_t gw_bytes = (size_t)volume(j->v.ws) * item_size(j->p.dtype);
    void *y = must(malloc(y_bytes)), *gx = must(malloc(gx_bytes)), *gw = must(malloc(gw_bytes));
    const int ok = job_run(j, y, gx, gw) && !memcmp(y, j->y, y_bytes) && !memcmp(gx, j->gx, gx_bytes) &&
                   !memcmp(gw, j->gw, gw_bytes);
    free(y), free(gx), free(gw);
    return ok;
}

typedef struct {
    const job *j;
    int rounds, good;
} caller;
static void *caller_main(void *argument) {
    caller *c = argument;
    for (int i = 0; i < c->rounds; i++) c->good += job_repeats(c->j);
    return NULL;
}

static void concurrent_callers(const job *j) {
    enum { CALLERS = 4 };
    pthread_t threads[CALLERS];
    caller callers[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (caller){j, 4, 0};
        check(!pthread_create(&threads[i], NULL, caller_main, &callers[i]), "pthread_create");
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        check(callers[i].good == callers[i].rounds, "concurrent caller %d: %d of %d right", i, callers[i].good,
              callers[i].rounds);
    }
}

static void nested_body(void *context, const fnn_team *team) {
    caller *c = (caller *)context + team->id;
    c->good = job_repeats(c->j);
}

static void nested_calls(const job *j) {
    caller callers[4] = {{j, 1, -1}, {j, 1, -1}, {j, 1, -1}, {j, 1, -1}};
    fnn_parallel(nested_body, callers, 4, 1e9, 1);
    for (int i = 0; i < 4; i++) check(callers[i].good, "nested call of thread %d", i);
    check(callers[0].good == 1, "nested call did not run");
}

static void float_environment(const job *j) {
    const int mode = fegetround();
    check(!fesetround(FE_UPWARD), "fesetround");
    volatile double tiny = 1e-310;
    (void)job_repeats(j);
    check(fegetround() == FE_UPWARD, "the rounding mode was not restored");
    check(tiny / 4 > 0, "denormals are still flushed after a call");
    fesetround(mode);
}

static void thread_group(void) {
    static const int counts[] = {2, 3, 4, 7};
    group_begin();
    for (int i = 0; i < 4; i++) {
        job j = job_make((fnn_dtype)(i & 1), i >> 1);
        for (int k = 0; k < 4; k++) {
            fnn_set_num_threads(counts[k]);
            check(job_repeats(&j), "%s %s: other bits with %d threads", dtype_name(j.p.dtype), layout_name(i >> 1),
                  counts[k]);
        }
        fnn_set_num_threads(4);
        nested_calls(&j);
        concurrent_callers(&j);
        float_environment(&j);
        job_free(&j);
    }
    group_end("threads");
}

static void process_group(void) {
    group_begin();
    check(fnn_has_isa("scalar"), "no scalar dialect");
    check(!fnn_has_isa("mmx") && !fnn_use_isa("mmx") && !fnn_use_isa(""), "an unknown ISA is accepted");
    check(fnn_has_isa(fnn_active_isa()), "the active ISA is not available");
    check(fnn_live_workers() == 0, "workers before the first parallel call");
    int kernels = 0;
    while (fnn_kernel_name(kernels)) kernels++;
    check(kernels > 0, "no kernel names");
    fnn_set_num_threads(0);
    check(fnn_get_num_threads() == 1, "0 threads");
    fnn_set_num_threads(3);
    check(fnn_get_num_threads() == 3, "3 threads");
    check(fnn_alloc(SIZE_MAX) == NULL && fnn_alloc(SIZE_MAX / 2) == NULL, "an impossible allocation succeeds");
    void *blocks[40];
    for (int i = 0; i < 40; i++) {
        blocks[i] = fnn_alloc((size_t)(i + 1) * 30011);
        check(blocks[i] && (uintptr_t)blocks[i] % 64 == 0, "fnn_alloc alignment");
        memset(blocks[i], i, (size_t)(i + 1) * 30011);
    }
    for (int i = 0; i < 40; i++) fnn_free(blocks[i]);
    fnn_free(NULL);
    group_end("process");
}

/* Parent and child both go on working, also when the child forks again and when other threads are at work. */
#ifdef _WIN32
static void fork_group(void) { skipped++; }
#else
static int child_works(const job *j, int depth) {
    const pid_t pid = fork();
    if (pid == 0) {
        alarm(300); /* a deadlock must end in a failure */
        int ok = fnn_live_workers() == 0 && job_repeats(j) && fnn_live_workers() > 0;
        _exit(!(ok && (depth == 0 || child_works(j, depth - 1)) && job_repeats(j)));
    }
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void fork_group(void) {
    group_begin();
    job j = job_make(FNN_F32, FNN_NCHW);
    fnn_set_num_threads(4);
    for (int i = 0; i < 5; i++) {
        check(job_repeats(&j), "parent before fork %d", i);
        check(child_works(&j, 1), "child of fork %d", i);
        check(job_repeats(&j), "parent after fork %d", i);
    }
    pthread_t thread;
    caller busy = {&j, 40, 0};
    check(!pthread_create(&thread, NULL, caller_main, &busy), "pthread_create");
    for (int i = 0; i < 5; i++) check(child_works(&j, 0), "child %d of a busy process", i);
    pthread_join(thread, NULL);
    check(busy.good == busy.rounds, "caller during forks: %d of %d right", busy.good, busy.rounds);
    job_free(&j);
    group_end("fork");
}
#endif

#endif
