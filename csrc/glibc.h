/* Binds the few C library functions whose newest versions are younger than glibc 2.28 to their first versions, so that
 * a wheel built on a recent Linux runs on the older ones too (manylinux_2_28). The old versions stay in glibc for ever.
 * Only for shared objects: a static link has no versions. */
#ifndef FNN_GLIBC_H
#define FNN_GLIBC_H

#include <stdlib.h> /* defines __GLIBC__ where it is the C library */

#if defined(__GLIBC__) && defined(__PIC__) && !defined(__PIE__)
#if defined(__x86_64__)
#define FNN_FIRST_VERSION(name) __asm__(".symver " #name "," #name "@GLIBC_2.2.5")
#elif defined(__aarch64__)
#define FNN_FIRST_VERSION(name) __asm__(".symver " #name "," #name "@GLIBC_2.17")
#endif
#endif

#ifdef FNN_FIRST_VERSION
FNN_FIRST_VERSION(exp);
FNN_FIRST_VERSION(log);
FNN_FIRST_VERSION(pow);
FNN_FIRST_VERSION(pthread_attr_setstacksize);
FNN_FIRST_VERSION(pthread_create);
FNN_FIRST_VERSION(pthread_mutex_trylock);
FNN_FIRST_VERSION(pthread_sigmask);
#endif

#endif
