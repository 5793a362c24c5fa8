/* Aligned memory through a bounded cache of recently freed blocks.
 *
 * A fresh large block costs a page fault every 4 KiB (a 2.9 MB result: about 0.5 ms), more than many kernels take to
 * fill it. Freed blocks of 16 KiB to 64 MiB are therefore kept, at most CACHE_BYTES and CACHE_SLOTS of them; a request
 * gets the smallest that holds it, if that is at most twice its size, and the oldest are given up first.
 *
 * A training step asks for the same sizes every time. The smallest fit leaves large blocks to large requests, so that
 * what is held settles in the first steps and later ones need nothing fresh. ResNet-18 (N=16, 64x64, three steps): peak
 * 121 MiB, where the newest fit among 32 blocks came to 129 and went on growing (AMD Zen 5, 2 cores, 2026-11). */
#include <stdlib.h>
#include <string.h>

#include "fastnn.h"
#include "internal.h"
#include "threads.h"

#ifdef _WIN32
#include <malloc.h>
#include <windows.h>
static SRWLOCK lock = SRWLOCK_INIT;
#define cache_lock() AcquireSRWLockExclusive(&lock)
#define cache_unlock() ReleaseSRWLockExclusive(&lock)
#define system_alloc(bytes) _aligned_malloc(bytes, FNN_ALIGN)
#define system_free(p) _aligned_free(p)
#else
#include <pthread.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
#define cache_lock() pthread_mutex_lock(&lock)
#define cache_unlock() pthread_mutex_unlock(&lock)
#define system_alloc(bytes) aligned_alloc(FNN_ALIGN, bytes)
#define system_free(p) free(p)
#endif

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define CACHE_BYTES ((size_t)0) /* a kept block would hide overruns */
#else
#define CACHE_BYTES ((size_t)128 << 20)
#endif
#define CACHE_SLOTS 64                 /* the gradients of ResNet-18, freed together, are 22 */
#define CACHE_LEAST ((size_t)16 << 10) /* below, malloc's own lists are as fast */
#define CACHE_MOST ((size_t)64 << 20)

/* The size stands in the cache line before the block, so that free needs no second argument. */
typedef union {
    size_t bytes;
    char line[FNN_ALIGN];
} header;

static struct {
    header *block[CACHE_SLOTS]; /* oldest first */
    int count;
    size_t bytes;
} cache;

static header *take(int i) {
    header *h = cache.block[i];
    cache.bytes -= h->bytes;
    cache.count--;
    memmove(&cache.block[i], &cache.block[i + 1], (size_t)(cache.count - i) * sizeof(header *));
    return h;
}

/* The smallest kept block for a request, the newest of several; NULL where none fits. */
static header *take_fitting(size_t bytes) {
    int best = -1;
    for (int i = cache.count - 1; i >= 0; i--) {
        const size_t held = cache.block[i]->bytes;
        if (held < bytes || held / 2 > bytes || (best >= 0 && held >= cache.block[best]->bytes)) continue;
        best = i;
        if (held == bytes) break;
    }
    return best < 0 ? NULL : take(best);
}

void *fnn_alloc(size_t bytes) {
    if (bytes > PTRDIFF_MAX - 2 * sizeof(header)) return NULL;
    bytes = (bytes + sizeof(header) - 1) / sizeof(header) * sizeof(header);
    header *h = NULL;
    if (bytes >= CACHE_LEAST && bytes <= CACHE_MOST) {
        cache_lock();
        h = take_fitting(bytes);
        cache_unlock();
    }
    if (!h) {
        h = system_alloc(bytes + sizeof(header));
        if (!h) return NULL;
        h->bytes = bytes;
    }
    return h + 1;
}

void fnn_free(void *p) {
    if (!p) return;
    header *h = (header *)p - 1, *old[CACHE_SLOTS];
    int n_old = 0;
    if (h->bytes < CACHE_LEAST || h->bytes > CACHE_MOST || h->bytes > CACHE_BYTES) {
        system_free(h);
        return;
    }
    cache_lock();
    while (cache.count == CACHE_SLOTS || (cache.count && cache.bytes + h->bytes > CACHE_BYTES)) old[n_old++] = take(0);
    cache.block[cache.count++] = h;
    cache.bytes += h->bytes;
    cache_unlock();
    while (n_old) system_free(old[--n_old]);
}

void fnn_memory_after_fork(void) {
#ifndef _WIN32
    pthread_mutex_init(&lock, NULL);
    cache.count = 0; /* another thread may have been changing the list: leave its blocks, at most CACHE_BYTES */
    cache.bytes = 0;
#endif
}
