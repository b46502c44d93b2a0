# make setup | run | test | test-slow | fuzz | chaos | gpu | lint | fmt          make run ARGS="--port 8000 --open"

PY := .venv/bin/python
PYTEST := HF_HUB_OFFLINE=1 $(PY) -m pytest
BROWSER := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

.PHONY: setup setup-dev browser run test test-slow fuzz chaos gpu lint fmt
.DELETE_ON_ERROR:

setup: .venv/ready
setup-dev: .venv/ready-dev

# A Python that was removed or upgraded away leaves nothing usable behind.
$(shell [ -x $(PY) ] || rm -f .venv/ready .venv/ready-dev)

# One without venv or pip (Debian's bare python3) does not count.
$(PY):
	@for python in "$(PYTHON)" python3.12 python3.13 python3.11 python3 python; do \
		[ -n "$$python" ] && command -v "$$python" >/dev/null 2>&1 || continue; \
		"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		"$$python" -m venv .venv && exit 0; \
	done; \
	echo "ftchat needs Python 3.11, 3.12 or 3.13 with its venv module; here is: $$(python3 --version 2>&1)." >&2; \
	echo "Install one (Debian, Ubuntu: apt install python3 python3-venv), or name it: make setup PYTHON=/path/to/python3.12" >&2; \
	exit 1

.venv/ready: requirements.txt constraints.txt | $(PY)
	@echo "Installing what ftchat needs into .venv; the first time takes a few minutes."
	@$(PY) -m pip install --disable-pip-version-check -q -r requirements.txt -c constraints.txt
	@touch $@

.venv/ready-dev: requirements-dev.txt .venv/ready
	@$(PY) -m pip install --disable-pip-version-check -q -r requirements-dev.txt -c constraints.txt
	@touch $@

run: setup
	@$(PY) app.py $(ARGS)

# The end-to-end tests need a Chromium. Only root on a Debian gets it installed unasked; others are told how.
browser:
ifeq ($(BROWSER),)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -q && apt-get install -y -q chromium fonts-noto-cjk; \
	else \
		echo "The end-to-end tests need Chromium: apt install chromium fonts-noto-cjk, or brew install chromium." >&2; exit 1; \
	fi
endif

lint: setup-dev
	$(PY) -m ruff check
	$(PY) -m ruff format --check --quiet
	$(PY) -m mypy

fmt: setup-dev
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

# Two files at a time, and then what drives a browser, which wants the machine to itself.
test: setup-dev browser lint
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && export FTCHAT_HOME="$$home"; status=0; \
		$(PYTEST) -m "not slow and not e2e" -n 2 --dist loadfile || status=1; \
		$(PYTEST) -m "not slow and e2e" || status=1; exit $$status

# The short form of this is part of `make test`.
fuzz: setup-dev
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-5000} $(PYTEST) tests/test_data_fuzz.py tests/test_data_decode.py tests/test_data_shapes.py --timeout 0

# Exit status 5 is pytest's word for "no test is marked slow".
test-slow: setup-dev browser
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && \
		FTCHAT_HOME="$$home" $(PYTEST) -m slow --timeout 1800; status=$$?; [ $$status -eq 5 ] || exit $$status

# Kills 200 runs and lets them go on; cut off, it goes on itself. CHAOS="--trials 1000", or another --folder, for more.
chaos: setup-dev
	PYTHONPATH=.:tests $(PY) -m chaos --folder .chaos $(CHAOS)

# On a machine with a CUDA GPU: the tests marked for one, and then the benchmark. GPU="--shapes 8b" chooses what is measured.
gpu: setup-dev
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && export FTCHAT_HOME="$$home"; status=0; \
		$(PYTEST) -m gpu || status=$$?; $(PY) benchmarks/gpu.py $(GPU) || status=1; exit $$status
