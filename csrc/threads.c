#include "threads.h"

#include <stdatomic.h>

#include "cpu.h"
#include "fastnn.h"

#if FNN_ARCH_X86
#include <immintrin.h>
#define cpu_pause() _mm_pause()
#elif FNN_ARCH_ARM64 && !defined(_MSC_VER)
#define cpu_pause() __asm__ volatile("yield")
#else
#define cpu_pause() ((void)0)
#endif

/* ---- the operating system's words ---- */
#ifdef _WIN32
#include <process.h>
#include <windows.h>
typedef SRWLOCK os_mutex;
typedef CONDITION_VARIABLE os_cond;
#define OS_MUTEX_INIT SRWLOCK_INIT
#define OS_COND_INIT CONDITION_VARIABLE_INIT
#define os_lock(m) AcquireSRWLockExclusive(m)
#define os_trylock(m) (TryAcquireSRWLockExclusive(m) != 0)
#define os_unlock(m) ReleaseSRWLockExclusive(m)
#define os_wait(c, m) SleepConditionVariableSRW(c, m, INFINITE, 0)
#define os_wake_all(c) WakeAllConditionVariable(c)
#define os_yield() SwitchToThread()
#define OS_THREAD_LOCAL __declspec(thread)
#define OS_THREAD_RESULT unsigned __stdcall
static double os_microseconds(void) {
    LARGE_INTEGER t, f;
    QueryPerformanceCounter(&t);
    QueryPerformanceFrequency(&f);
    return 1e6 * (double)t.QuadPart / (double)f.QuadPart;
}
#else
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif
typedef pthread_mutex_t os_mutex;
typedef pthread_cond_t os_cond;
#define OS_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER
#define OS_COND_INIT PTHREAD_COND_INITIALIZER
#define os_lock(m) pthread_mutex_lock(m)
#define os_trylock(m) (pthread_mutex_trylock(m) == 0)
#define os_unlock(m) pthread_mutex_unlock(m)
#define os_wait(c, m) pthread_cond_wait(c, m)
#define os_wake_all(c) pthread_cond_broadcast(c)
#define os_yield() sched_yield()
#define OS_THREAD_LOCAL _Thread_local
#define OS_THREAD_RESULT void *
static double os_microseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}
#endif

#define MAX_THREADS 256
#define STACK_BYTES (1 << 20) /* musl's default is 128 KiB; bodies keep a few KiB on the stack */

struct fnn_barrier {
    _Alignas(FNN_ALIGN) atomic_int waiting;
    atomic_int phase;
};

struct fnn_counter {
    atomic_llong next;
};

/* `ticket` = generation * 2^16 + team size, one word so that a worker that sits a region out never reads the
 * fields below while the next region writes them. */
static struct {
    os_mutex busy; /* held by the thread that runs a region */
    os_mutex sleep;
    os_cond wake, done;
    _Alignas(FNN_ALIGN) atomic_uint_least64_t ticket;
    _Alignas(FNN_ALIGN) atomic_int running;
    struct fnn_barrier barrier[3]; /* of the team and of its halves */
    _Alignas(FNN_ALIGN) struct fnn_counter counter;
    atomic_int sleepers, caller_sleeps, workers;
    fnn_body body;
    void *context;
    int flush;
} pool = {.busy = OS_MUTEX_INIT, .sleep = OS_MUTEX_INIT, .wake = OS_COND_INIT, .done = OS_COND_INIT};

static atomic_int thread_limit = 1;
/* A training step in Python leaves gaps of 50-150 us between regions. Waking costs more than the call that wakes: the
 * system may put the worker on the caller's core, where both run at half speed until it moves one away. Training step of
 * the demo, batch 64, two cores: 1.85 ms at 50 us, 1.48 at 200, 1.52 at 1000; AMD Zen 5 under Firecracker, 2026-11. */
static atomic_int spin_us = 200;
static OS_THREAD_LOCAL int inside_region;

void fnn_set_num_threads(int n) { atomic_store(&thread_limit, (int)fnn_max(1, fnn_min(n, MAX_THREADS))); }
int fnn_get_num_threads(void) { return atomic_load(&thread_limit); }
void fnn_set_spin_us(int us) { atomic_store(&spin_us, us); }
int fnn_live_workers(void) { return atomic_load(&pool.workers); }

/* ---- denormals ---- */
#if FNN_ARCH_X86
#define MXCSR_FTZ_DAZ 0x8040u
static unsigned long long flush_begin(void) {
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | MXCSR_FTZ_DAZ);
    return mode;
}
static void flush_end(unsigned long long mode) { _mm_setcsr((unsigned)mode); }
#elif FNN_ARCH_ARM64 && !defined(_MSC_VER)
#define FPCR_FZ (1ull << 24)
static unsigned long long flush_begin(void) {
    unsigned long long mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" ::"r"(mode | FPCR_FZ));
    return mode;
}
static void flush_end(unsigned long long mode) { __asm__ volatile("msr fpcr, %0" ::"r"(mode)); }
#else
static unsigned long long flush_begin(void) { return 0; }
static void flush_end(unsigned long long mode) { (void)mode; }
#endif

static void run_body(fnn_body body, void *context, int flush, const fnn_team *team) {
    unsigned long long mode = flush ? flush_begin() : 0;
    inside_region++;
    body(context, team);
    inside_region--;
    if (flush) flush_end(mode);
}

/* ---- waiting ---- */

/* Spins until *word differs from `old` or the spin time is over; 1 when it differs. */
static int spin_while_equal(atomic_uint_least64_t *word, uint64_t old) {
    double deadline = os_microseconds() + atomic_load(&spin_us);
    do {
        for (int i = 0; i < 64; i++) {
            if (atomic_load_explicit(word, memory_order_acquire) != old) return 1;
            cpu_pause();
        }
    } while (os_microseconds() < deadline);
    return 0;
}

void fnn_barrier_wait(const fnn_team *team) {
    if (team->size == 1) return;
    struct fnn_barrier *b = team->barrier;
    int phase = atomic_load_explicit(&b->phase, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&b->waiting, 1, memory_order_acq_rel) == team->size - 1) {
        atomic_store_explicit(&b->waiting, 0, memory_order_relaxed);
        atomic_store_explicit(&b->phase, phase + 1, memory_order_release);
        return;
    }
    /* A late thread has lost its core (more runnable threads than cores): then give ours up as well. */
    for (int i = 0; atomic_load_explicit(&b->phase, memory_order_acquire) == phase; i++) {
        if (i < 4096)
            cpu_pause();
        else
            os_yield();
    }
}

fnn_team fnn_team_half(const fnn_team *team, int *half) {
    const int first = (team->size + 1) / 2;
    *half = team->id >= first;
    const int id = team->id - (*half ? first : 0), size = *half ? team->size - first : first;
    return (fnn_team){id, size, team->barrier + 1 + *half, team->counter};
}

ptrdiff_t fnn_claim(const fnn_team *team) {
    return (ptrdiff_t)atomic_fetch_add_explicit(&team->counter->next, 1, memory_order_relaxed);
}

/* ---- workers ---- */

typedef struct {
    int id;
    uint64_t seen;
    int asleep; /* under pool.sleep, like what follows */
#ifdef __linux__
    pid_t thread;
    int steered;
    cpu_set_t allowed; /* of a steered worker, to be restored */
#endif
} worker_state;
static worker_state workers[MAX_THREADS];

/* Linux as a guest takes a core that the host has put to rest for a busy one, and wakes a worker on the core of its
 * caller, where the two take turns of milliseconds until the balancer parts them. Hence a sleeper is kept off that core
 * while it is woken. Bursts of 100 calls of 31 us (576-160 1x1 at 7x7), each after half a second of sleep: in 8 of 18 bursts
 * 130-430 us a call, 31-56 in all of 30 when steered; AMD Zen 5 under Firecracker, 2026-11. */
#ifdef __linux__
static void steer_from_caller(worker_state *w) {
    const int cpu = sched_getcpu();
    w->steered = 0;
    if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(w->thread, sizeof w->allowed, &w->allowed)) return;
    cpu_set_t others = w->allowed;
    CPU_CLR(cpu, &others);
    w->steered = CPU_COUNT(&others) > 0 && !sched_setaffinity(w->thread, sizeof others, &others);
}

static void free_of_steering(worker_state *w) {
    if (w->steered) sched_setaffinity(0, sizeof w->allowed, &w->allowed);
    w->steered = 0;
}

static void remember_thread(worker_state *w) { w->thread = (pid_t)syscall(SYS_gettid); }
#else
static void steer_from_caller(worker_state *w) { (void)w; }
static void free_of_steering(worker_state *w) { (void)w; }
static void remember_thread(worker_state *w) { (void)w; }
#endif

static uint64_t next_ticket(worker_state *self, uint64_t seen) {
    if (spin_while_equal(&pool.ticket, seen)) return atomic_load_explicit(&pool.ticket, memory_order_acquire);
    os_lock(&pool.sleep);
    atomic_fetch_add(&pool.sleepers, 1);
    self->asleep = 1;
    uint64_t ticket;
    while ((ticket = atomic_load(&pool.ticket)) == seen) os_wait(&pool.wake, &pool.sleep);
    self->asleep = 0;
    atomic_fetch_sub(&pool.sleepers, 1);
    free_of_steering(self);
    os_unlock(&pool.sleep);
    return ticket;
}

static void wake_workers(int size) {
    os_lock(&pool.sleep);
    for (int i = 0; i < size - 1; i++)
        if (workers[i].asleep) steer_from_caller(&workers[i]);
    os_wake_all(&pool.wake);
    os_unlock(&pool.sleep);
}

static OS_THREAD_RESULT worker_main(void *argument) {
    worker_state *self = argument;
    const int id = self->id;
    uint64_t seen = self->seen;
    remember_thread(self);
    for (;;) {
        seen = next_ticket(self, seen);
        const int size = (int)(seen & 0xffff);
        if (id >= size) continue;
        fnn_team team = {id, size, pool.barrier, &pool.counter};
        run_body(pool.body, pool.context, pool.flush, &team);
        if (atomic_fetch_sub(&pool.running, 1) == 1 && atomic_load(&pool.caller_sleeps)) {
            os_lock(&pool.sleep);
            os_wake_all(&pool.done);
            os_unlock(&pool.sleep);
        }
    }
    return 0;
}

#ifndef _WIN32
/* Only the forking thread lives on in the child: forget the workers and whatever locks they held. */
static void after_fork_in_child(void) {
    pthread_mutex_init(&pool.busy, NULL);
    pthread_mutex_init(&pool.sleep, NULL);
    pthread_cond_init(&pool.wake, NULL);
    pthread_cond_init(&pool.done, NULL);
    atomic_store(&pool.workers, 0);
    atomic_store(&pool.sleepers, 0);
    atomic_store(&pool.running, 0);
    atomic_store(&pool.caller_sleeps, 0);
    for (int i = 0; i < 3; i++) atomic_store(&pool.barrier[i].waiting, 0);
    fnn_memory_after_fork();
}

static int start_thread(worker_state *start) {
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, old;
    if (pthread_attr_init(&attributes)) return 0;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all); /* Ctrl-C and friends belong to the program's own threads */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&thread, &attributes, worker_main, start);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    return !failed;
}
#else
static int start_thread(worker_state *start) {
    uintptr_t handle = _beginthreadex(NULL, STACK_BYTES, worker_main, start, 0, NULL);
    if (!handle) return 0;
    CloseHandle((HANDLE)handle);
    return 1;
}
#endif

void fnn_threads_init(void) {
#ifndef _WIN32
    pthread_atfork(NULL, NULL, after_fork_in_child);
#endif
}

/* Under pool.busy. The team that can be had: fewer than asked where the system gives no more threads. */
static int grow_workers(int size) {
    int count = atomic_load(&pool.workers);
    while (count + 1 < size) {
        workers[count] = (worker_state){.id = count + 1, .seen = atomic_load(&pool.ticket)};
        if (!start_thread(&workers[count])) break;
        atomic_store(&pool.workers, ++count);
    }
    return (int)fnn_min(size, count + 1);
}

static void run_on_team(int size) {
    atomic_store(&pool.running, size - 1);
    atomic_store_explicit(&pool.counter.next, 0, memory_order_relaxed);
    uint64_t ticket = ((atomic_load(&pool.ticket) >> 16) + 1) << 16 | (uint64_t)size;
    atomic_store(&pool.ticket, ticket); /* sequentially consistent with the sleepers' count below */
    if (atomic_load(&pool.sleepers) > 0) wake_workers(size);
    fnn_team team = {0, size, pool.barrier, &pool.counter};
    run_body(pool.body, pool.context, pool.flush, &team);

    for (int i = 0; i < 4096 && atomic_load_explicit(&pool.running, memory_order_acquire); i++) cpu_pause();
    if (!atomic_load_explicit(&pool.running, memory_order_acquire)) return;
    os_lock(&pool.sleep);
    atomic_store(&pool.caller_sleeps, 1);
    while (atomic_load(&pool.running)) os_wait(&pool.done, &pool.sleep);
    atomic_store(&pool.caller_sleeps, 0);
    os_unlock(&pool.sleep);
}

void fnn_parallel(fnn_body body, void *context, ptrdiff_t most, double work, int flush) {
    int size = (int)fnn_min(atomic_load(&thread_limit), most);
    if (size > 1 && work >= FNN_SERIAL_WORK && !inside_region && os_trylock(&pool.busy)) {
        size = grow_workers(size);
        pool.body = body;
        pool.context = context;
        pool.flush = flush;
        if (size > 1) run_on_team(size);
        os_unlock(&pool.busy);
        if (size > 1) return;
    }
    struct fnn_counter counter = {0};
    fnn_team alone = {0, 1, NULL, &counter};
    run_body(body, context, flush, &alone);
}
