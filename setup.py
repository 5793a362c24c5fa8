"""Builds the one extension module. Everything else is declared in pyproject.toml.

No instruction-set flags: each dialect header of csrc/simd opens its own target region, so one ordinary compilation
holds every kernel and the processor is asked at run time. FASTNN_DEBUG=1 builds with assertions and bounds checks.
"""

import os
import sys
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("FASTNN_DEBUG") == "1"

if sys.platform == "win32":  # clang-cl or cl
    compile_args = ["/O2", "/std:c11", "/experimental:c11atomics", "/fp:precise"]
    libraries = []
else:
    # -ffp-contract=off: only the explicit fma words fuse, so results do not depend on the compiler.
    compile_args = ["-O3", "-std=c11", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden", "-g0"]
    libraries = ["m", "pthread"]

core = Extension(
    "fastnn._kernels._core",
    sources=["fastnn/_kernels/_core.pyx", *sorted(glob("csrc/*.c") + glob("csrc/isa/*.c") + glob("csrc/ops/*.c"))],
    depends=sorted(
        glob("fastnn/_kernels/*.pxi") + glob("csrc/*.h") + glob("csrc/*.def") + glob("csrc/*/*.h")
    ),
    include_dirs=["csrc"],
    define_macros=[("_GNU_SOURCE", "1")] + ([("FNN_DEBUG", "1")] if DEBUG else []),
    extra_compile_args=compile_args + (["-O1", "-g"] if DEBUG and sys.platform != "win32" else []),
    libraries=libraries,
)

setup(
    ext_modules=cythonize(
        [core],
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": DEBUG,
            "cdivision": True,
            "binding": True,
            "freethreading_compatible": True,
        },
    )
)
