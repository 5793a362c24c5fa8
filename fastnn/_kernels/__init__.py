"""The only Cython: marshals buffers into csrc/fastnn.h and releases the GIL, nothing else.

One extension module, since the thread pool and the table of kernels must exist once per process: `_core.pyx` includes
one `.pxi` file per family. Functions here trust `fastnn.ops`, which checks shapes; they verify only what memory safety
needs: that a buffer is contiguous, of the expected dtype and as large as its parameters say.
"""

from fastnn._kernels._core import *  # noqa: F403
from fastnn._kernels._core import __all__ as __all__
