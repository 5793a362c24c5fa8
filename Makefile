# make demo    trains a small network on handwritten digits     make test    the whole test suite
# make bench   times the kernels against other libraries        make lint    make format   make sanitize   make wheel   make clean
#
# Everything is installed into $(VENV), made from the first Python >= 3.11 found (or from PYTHON=...), and installed
# again only when a source that needs building has changed. Arguments: make test ARGS="-k pool", make demo ARGS=--help.

VENV ?= .venv
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SOURCES := pyproject.toml setup.py $(wildcard csrc/*.[ch] csrc/*.def csrc/*/*.[ch] fastnn/_kernels/*.p[yx][xdi])
C_FILES := $(wildcard csrc/*.[ch] csrc/*/*.[ch] tests/c/*.[ch])

.PHONY: demo test test-cuda test-ptx test-gpu bench lint lint-python lint-cython lint-c lint-types format sanitize wheel clean

demo: $(VENV)/installed
	$(BIN)/fastnn demo $(ARGS)

test: $(VENV)/installed-test
	$(BIN)/python -m pytest $(ARGS)
	$(if $(ARGS)$(FASTNN_ISA),,FASTNN_TEST_CUDA=sim $(BIN)/python -m pytest tests/cuda)

# The GPU kernels: in Numba's simulator (also part of `make test`), compiled without a GPU, and on a real one.
test-cuda: $(VENV)/installed-test
	FASTNN_TEST_CUDA=sim $(BIN)/python -m pytest tests/cuda $(ARGS)
test-ptx: $(VENV)/installed-test
	$(PIP) install -qq "numba-cuda[cu13]>=0.30.4,<0.31" nvidia-cuda-nvcc
	FASTNN_TEST_CUDA=compile $(BIN)/python -m pytest tests/cuda $(ARGS)
test-gpu: $(VENV)/installed-test
	$(PIP) install -qq "numba-cuda[cu13]>=0.30.4,<0.31"
	FASTNN_TEST_CUDA=gpu $(BIN)/python -m pytest tests/cuda $(ARGS)

bench: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks $(or $(ARGS),conv)

lint: lint-python lint-cython lint-c lint-types
lint-python: $(VENV)/installed-dev
	$(BIN)/ruff check
lint-cython: $(VENV)/installed-dev
	PATH="$(abspath $(BIN)):$$PATH" cython-lint fastnn/_kernels
lint-c: $(VENV)/installed-dev
	$(BIN)/clang-format --dry-run -Werror $(C_FILES)
lint-types: $(VENV)/installed-dev
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml fastnn._kernels._core

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/clang-format -i $(C_FILES)

sanitize:
	$(MAKE) -C tests/c asan tsan

wheel: $(VENV)/installed-dev
	$(BIN)/python -m build --outdir dist

clean:
	rm -rf build dist wheelhouse *.egg-info fastnn/_kernels/*.c fastnn/_kernels/*.so fastnn/_kernels/*.pyd $(VENV)/installed*
	$(MAKE) -C tests/c clean

$(VENV)/pyvenv.cfg:
	$(if $(PYTHON),,$(error fastnn needs Python 3.11 or newer; name one with PYTHON=...))
	$(PYTHON) -m venv $(VENV)

# An editable install: the package is used from this folder, so a change to a .py file needs no new install.
$(VENV)/installed: $(SOURCES) | $(VENV)/pyvenv.cfg
	$(PIP) install -qq --editable .
	touch $@

$(VENV)/installed-%: $(SOURCES) | $(VENV)/pyvenv.cfg
	$(PIP) install -qq --editable ".[$*]"
	touch $@ $(VENV)/installed
