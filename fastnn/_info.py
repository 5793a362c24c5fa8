"""What is installed: versions for bug reports, headers for C and Cython users."""

import os
import platform
import sys

__all__ = ["get_include", "show_versions"]


def get_include() -> str:
    """The folder that holds ``fastnn.h``.

    >>> import os
    >>> os.path.exists(os.path.join(get_include(), "fastnn.h"))
    True
    """
    package = os.path.dirname(os.path.abspath(__file__))
    installed = os.path.join(package, "include")
    # In a source tree (editable install) the header lies where it is written.
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(package), "csrc")


def _versions() -> dict[str, str]:
    import numpy

    import fastnn

    return {
        "fastnn": fastnn.__version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "numpy": numpy.__version__,
        "platform": platform.platform(),
        "instruction set": f"{fastnn.cpu.active()} (available: {', '.join(fastnn.cpu.available())})",
        "threads": str(fastnn.get_num_threads()),
    }


def show_versions() -> None:
    """Print versions, instruction set and thread count, for bug reports.

    >>> show_versions()  # doctest: +ELLIPSIS
    fastnn...
    """
    versions = _versions()
    width = max(map(len, versions))
    for name, value in versions.items():
        print(f"{name:<{width}}  {value}")
