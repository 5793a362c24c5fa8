/* Closes the target region that a dialect header opened and forgets its words. */
#if defined(FNN_ISA_BASELINE)
#undef FNN_ISA_BASELINE
#elif defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif
