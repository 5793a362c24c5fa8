"""Kernels: factories that close over types, tile sizes and geometry, and return (function, types of its arguments).

Nothing here launches or allocates. Rules that keep Numba's code as good as a C compiler's: arguments are pointers and
int32 extents; no Python floats in float32 arithmetic, but constants of the closed-over NumPy type; `udiv` instead of
``//``; loops over tile constants, which unroll. Each module lists in CONFIGURATIONS what the tests compile.
"""
