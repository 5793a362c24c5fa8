"""Builds the one extension module. Everything else is declared in pyproject.toml.

No instruction-set flags: each dialect header of csrc/simd opens its own target region, so one ordinary compilation
holds every kernel and the processor is asked at run time. FASTNN_DEBUG=1 builds with assertions and bounds checks.
"""

import os
import sys
from glob import glob
from multiprocessing.pool import ThreadPool

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

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


class BuildSideBySide(build_ext):
    """Compiles as many files at a time as there are processors; setuptools knows that only for whole extensions."""

    def build_extension(self, ext):
        compile_some = self.compiler.compile

        def compile_all(sources, **options):
            with ThreadPool(os.cpu_count()) as pool:
                objects = pool.map(lambda source: compile_some([source], **options), sources, chunksize=1)
            return [name for names in objects for name in names]

        self.compiler.compile = compile_all
        super().build_extension(ext)


setup(
    cmdclass={"build_ext": BuildSideBySide},
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
