"""Lets threadpoolctl see and limit fastnn's thread pool without importing it for those who do not use it."""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


def _register(threadpoolctl: ModuleType) -> None:
    if not hasattr(threadpoolctl, "register"):  # before 3.2
        return

    class FastnnController(threadpoolctl.LibController):  # type: ignore[name-defined]
        user_api = "fastnn"
        internal_api = "fastnn"
        filename_prefixes = ("_core",)
        check_symbols = ("fnn_get_num_threads", "fnn_set_num_threads")

        def get_num_threads(self) -> int:
            return self.dynlib.fnn_get_num_threads()

        def set_num_threads(self, num_threads: int) -> None:
            self.dynlib.fnn_set_num_threads(num_threads)

        def get_version(self) -> None:
            return None

        def set_additional_attributes(self) -> None:
            pass

    threadpoolctl.register(FastnnController)


class _Loader:
    """threadpoolctl's own loader, followed by the registration."""

    def __init__(self, own: Any) -> None:
        self.own = own

    def create_module(self, spec: ModuleSpec) -> Any:
        return self.own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.own.exec_module(module)
        _register(module)


class _Finder:
    """Waits for the first ``import threadpoolctl``."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != "threadpoolctl":
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)  # type: ignore[assignment]
        return spec


def install() -> None:
    """Register now where threadpoolctl is imported already, else when it will be."""
    if "threadpoolctl" in sys.modules:
        _register(sys.modules["threadpoolctl"])
    else:
        sys.meta_path.insert(0, _Finder())  # a plain class: importlib.abc alone takes as long to import as fastnn
