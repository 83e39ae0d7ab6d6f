# `make help` lists the commands. Each makes .venv and installs what it needs, once.
#
# Markers in .venv, so that a second run installs nothing and a half-made one is made anew:
#   .made            the folder it was made in; written when the environment is complete
#   .installing      there while pip works; left behind only by an interruption
#   .installed-NAME  newer than pyproject.toml and constraints.txt: NAME is up to date

SHELL := /bin/sh
VENV  := .venv
PY    := $(VENV)/bin/python
PIP   := $(PY) -m pip --disable-pip-version-check
ARGS  ?=

# Usable: complete, in this folder (a copied one would run the other folder's code),
# and with an interpreter that still starts.
VENV_OK := $(shell [ ! -e $(VENV)/.installing ] \
	&& [ "$$(cat $(VENV)/.made 2>/dev/null)" = "$$(pwd -P)" ] \
	&& $(PY) -c '' 2>/dev/null && echo yes)

.PHONY: help two-minima paper docs gallery test lint types doctest bench clean FORCE
.NOTPARALLEL:
.DEFAULT_GOAL := help

help:
	@echo 'make two-minima  run the two-minima example; figures and numbers in results/two-minima'
	@echo 'make paper       run the experiments of the paper that are not kept, and build its PDF'
	@echo 'make test        run the tests'
	@echo 'make lint        check the code with ruff'
	@echo 'make types       check the types of the package with mypy'
	@echo 'make doctest     run the examples in the docstrings'
	@echo 'make bench       run the benchmarks; peers that cannot be installed are left out'
	@echo 'make docs        build docs/build/index.html; ARGS=--quick for small experiments'
	@echo 'make gallery     make the pictures of the README again'
	@echo 'make clean       remove .venv, builds and caches (results stay)'
	@echo
	@echo 'ARGS goes to the program:   make two-minima ARGS="--x0 3.9 --seed 1"'
	@echo 'PYTHON names an interpreter: make test PYTHON=/path/to/python3.12'

two-minima: $(VENV)/.installed-core
	$(VENV)/bin/flowopt run two-minima $(ARGS)

paper: $(VENV)/.installed-paper
	$(VENV)/bin/flowopt paper $(ARGS)

test: $(VENV)/.installed-test
	$(PY) -m pytest -q --durations=10 $(ARGS)

lint: $(VENV)/.installed-dev
	$(PY) -m ruff check . $(ARGS)

types: $(VENV)/.installed-dev
	$(PY) -m mypy $(ARGS)

doctest: $(VENV)/.installed-test
	$(PY) -m pytest -q --doctest-modules flowopt $(ARGS)

bench: $(VENV)/.installed-bench
	$(PY) -m benchmarks $(ARGS)

# Warnings are errors, and so is a name in a docstring that leads nowhere (-n).
docs: $(VENV)/.installed-docs
	$(PY) -m flowopt.gallery docs $(ARGS)
	$(PY) -m sphinx -q -n -W --keep-going -j auto -b html docs/source docs/build
	@echo 'built docs/build/index.html'

gallery: $(VENV)/.installed-docs
	$(PY) -m flowopt.gallery readme $(ARGS)

clean:
	rm -rf $(VENV) build docs/build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment ------------------------------------------------------------------------

ifneq ($(VENV_OK),yes)
$(VENV)/.made: FORCE
endif

# The first Python >= 3.11 that can make environments. A name on the path may be an empty
# shim, so each candidate is started, not only looked up.
$(VENV)/.made:
	@new='import sys; sys.exit(sys.version_info < (3, 11))'; found=; old=; \
	if [ -n "$(PYTHON)" ]; then \
	    "$(PYTHON)" -c "$$new" </dev/null >/dev/null 2>&1 || { \
	        echo "PYTHON is '$(PYTHON)', which is no Python >= 3.11: name another, or leave it out." >&2; \
	        exit 1; }; \
	fi; \
	for p in "$(PYTHON)" python3.13 python3.12 python3.11 python3.14 python3 python; do \
	    [ -n "$$p" ] && "$$p" -c "$$new" </dev/null >/dev/null 2>&1 || continue; \
	    if "$$p" -c 'import ensurepip, venv' </dev/null >/dev/null 2>&1; then found=$$p; break; fi; \
	    old=$$p; [ -z "$(PYTHON)" ] || break; \
	done; \
	if [ -z "$$found" ] && [ -n "$$old" ]; then \
	    echo "$$old cannot make environments (venv or ensurepip is missing): install them" >&2; \
	    echo "(on Debian and Ubuntu the package is called python3-venv), then run make again." >&2; \
	    exit 1; \
	elif [ -z "$$found" ]; then \
	    echo "flowopt needs Python >= 3.11 and none was found: install one," >&2; \
	    echo "or name it: make PYTHON=/path/to/python3.12" >&2; \
	    exit 1; \
	fi; \
	echo "making $(VENV) with $$("$$found" --version 2>&1)"; \
	rm -rf $(VENV) && "$$found" -m venv $(VENV) && pwd -P > $(VENV)/.made

# $(call install,EXTRAS): an editable install of the pinned versions. A failed pip leaves the
# environment as it was; an interrupted one may not, and then .installing tells the next run.
define install
@echo "installing flowopt$(1) into $(VENV) (the first time takes about a minute)"
@touch $(VENV)/.installing
@$(PIP) install -q -c constraints.txt -e '.$(1)' || { rm -f $(VENV)/.installing; exit 1; }
@rm -f $(VENV)/.installing
endef

$(VENV)/.installed-core: $(VENV)/.made pyproject.toml constraints.txt
	$(call install)
	@touch $@

$(VENV)/.installed-paper: $(VENV)/.made pyproject.toml constraints.txt
	$(call install,[paper])
	@touch $@ $(VENV)/.installed-core

$(VENV)/.installed-test: $(VENV)/.made pyproject.toml constraints.txt
	$(call install,[test])
	@touch $@ $(VENV)/.installed-core

$(VENV)/.installed-dev: $(VENV)/.made pyproject.toml constraints.txt
	$(call install,[dev])
	@touch $@ $(VENV)/.installed-test $(VENV)/.installed-core

$(VENV)/.installed-docs: $(VENV)/.made pyproject.toml constraints.txt
	$(call install,[docs])
	@touch $@ $(VENV)/.installed-core

# Peers are installed one by one: some have no wheel for every machine.
$(VENV)/.installed-bench: $(VENV)/.installed-core
	@touch $(VENV)/.installing
	@$(PY) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*p["optional-dependencies"]["bench"], sep="\n")' | while read -r peer; do \
	    echo "installing $$peer"; \
	    $(PIP) install -q -c constraints.txt "$$peer" </dev/null \
	        || echo "$$peer could not be installed: its rows are left out"; \
	done
	@rm -f $(VENV)/.installing
	@touch $@
