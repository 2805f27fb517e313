# `make` alone lists what there is. Every target makes the environment it needs by itself, in .venv
# (or .venv-colab), and does so again only when a requirements or constraints file has changed.
# It needs make and Python 3.10 to 3.13; another Python than python3: make lab PYTHON=python3.12

PYTHON ?= python3
NOTEBOOK = notebooks/1_generation.ipynb

# Jupyter takes the kernel of the environment it runs in, whatever else this user has installed.
export JUPYTER_PREFER_ENV_PATH = 1
export JUPYTER_PATH =

# Where Keras keeps weights: in a bundle that has some, there.
ifneq ($(wildcard keras/datasets),)
  export KERAS_HOME := $(CURDIR)/keras
endif

# A prompt given as `make gallery PROMPT='…'` goes to the recipe as it stands: $, quotes and all.
# Only from the command line: some shells keep their own prompt in a variable of this name.
ifeq ($(origin PROMPT),command line)
  override PROMPT := $(value PROMPT)
else
  override PROMPT :=
endif
export PROMPT

.PHONY: help lab app gallery test test-colab lint address bundle clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

# An upload comes as one message: by its own, the server drops those over 10 MB, and photos are larger.
lab: .venv/.lab ## open the notebooks in JupyterLab, on this machine only
	@set -- --ip=localhost --ServerApp.root_dir="$$PWD" --LabApp.default_url=/lab/tree/$(NOTEBOOK) \
	  --ServerApp.tornado_settings='{"websocket_max_message_size": 104857600}'; \
	if [ "$$(id -u)" = 0 ]; then set -- "$$@" --allow-root; fi; \
	if [ "$$(uname)" != Darwin ] && [ -z "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
	  echo 'No screen here: open the address that JupyterLab prints below in a browser.'; \
	  set -- "$$@" --no-browser; \
	fi; \
	exec .venv/bin/python -m jupyterlab "$$@"

HOST = localhost
PORT = 8866
app: .venv/.lab ## serve the panels as web pages, on this machine only; to others: make app HOST=0.0.0.0
	@TF_CPP_MIN_LOG_LEVEL=3 exec .venv/bin/python -m helpers.app --host '$(HOST)' --port '$(PORT)' \
	  $(if $(MODEL),--model '$(MODEL)')

gallery: .venv/.lab ## run the first notebook: make gallery PROMPT="a cat in space"; pictures in outputs/
	@mkdir -p outputs
	@set -- -r OUTPUT ../outputs; \
	if [ -n "$$PROMPT" ]; then set -- "$$@" -r PROMPT "$$PROMPT"; fi; \
	TF_CPP_MIN_LOG_LEVEL=3 .venv/bin/python -m papermill $(NOTEBOOK) outputs/1_generation.ipynb -k python3 --cwd notebooks "$$@"
	@.venv/bin/python -m nbconvert --to html --embed-images --log-level ERROR outputs/1_generation.ipynb
	@rm outputs/1_generation.ipynb
	@echo 'In outputs/:' && ls outputs

# Each code cell of the notebooks is a test too: it passes when it runs without an error.
PYTEST = TF_CPP_MIN_LOG_LEVEL=3 $(VENV)/bin/python -m pytest \
  -n 2 --dist loadscope --nbval-lax --nbval-current-env --nbval-cell-timeout=600 tests notebooks

test: VENV = .venv
test: .venv/.dev ## run the tests and every notebook
	$(PYTEST)

# There nobody trains or judges the pocket model.
test-colab: VENV = .venv-colab
test-colab: .venv-colab/.dev ## the same with the package versions that Google Colab has
	$(PYTEST) --ignore=tests/pocket

lint: .venv/.dev ## check the style of helpers, tests and notebooks, and the types of helpers
	.venv/bin/python -m ruff check helpers tests notebooks
	.venv/bin/python -m ruff format --check helpers tests notebooks
	.venv/bin/python -m mypy

address: .venv/bin/python ## say where a fork is: make address URL=https://github.com/OWNER/NAME
	@.venv/bin/python -m helpers.address $(URL)

# The project as it is in git, the wheels that `make lab`, `make app` and `make gallery` install, and with
# WEIGHTS="$HOME/.keras/datasets/kcv_*" files of weights that Keras has fetched, in one folder.
bundle: .venv/bin/python ## make the folder bundle/ for a room without network, of this system and Python
	rm -rf bundle && mkdir bundle
	git archive HEAD | tar -x -C bundle
	PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt .venv/bin/python -m pip wheel --use-pep517 \
	  --quiet --disable-pip-version-check -c constraints.txt -w bundle/wheels $(LAB)
	@if [ -n "$(WEIGHTS)" ]; then mkdir -p bundle/keras/datasets && cp $(WEIGHTS) bundle/keras/datasets; fi
	@echo 'Copy the folder bundle to the other machines; there, in it: make lab'

clean: ## remove the environments and the caches; outputs/ stays
	rm -rf .venv .venv-colab .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find helpers tests notebooks -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf

# The environments. An empty file in each marks what is installed, so that it is installed once.
# Packages that pip builds from source are built under the same constraints.
# In a bundle all are there, in the folder wheels, and nobody is asked.
LAB = -r requirements.txt openvino jupyterlab voila papermill nbconvert
INSTALL = PIP_CONSTRAINT=$(CONSTRAINTS) PIP_BUILD_CONSTRAINT=$(CONSTRAINTS) \
  $(@D)/bin/python -m pip install --use-pep517 --disable-pip-version-check \
  $(if $(wildcard wheels),--no-index --find-links wheels) -c $(CONSTRAINTS)

.venv/.lab .venv/.dev: CONSTRAINTS = constraints.txt
.venv-colab/.dev: CONSTRAINTS = constraints-colab.txt

# OpenVINO makes the networks run three times as fast on a CPU. Colab has not got it, and does without.
.venv/.lab: requirements.txt constraints.txt | .venv/bin/python
	$(INSTALL) $(LAB)
	@touch $@

.venv/.dev: requirements.txt requirements-dev.txt constraints.txt | .venv/bin/python
	$(INSTALL) -r requirements-dev.txt openvino jax 'ray[data]' jupyterlab voila playwright axe-playwright-python
	@touch $@

.venv-colab/.dev: requirements.txt requirements-dev.txt constraints-colab.txt | .venv-colab/bin/python
	$(INSTALL) -r requirements-dev.txt
	@touch $@

.venv/bin/python: PYTHONS = 3.10 3.11 3.12 3.13
.venv-colab/bin/python: PYTHONS = 3.11 3.12 3.13
.venv/bin/python .venv-colab/bin/python:
	@version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); \
	case ' $(PYTHONS) ' in *" $${version:-none} "*) ;; *) \
	  echo "Python $(firstword $(PYTHONS)) to $(lastword $(PYTHONS)) is needed, and $(PYTHON) is" \
	    "$${version:-not here}: name another, as in make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1;; \
	esac
	@$(PYTHON) -m venv --clear $(@D:/bin=) || { rm -rf $(@D:/bin=); exit 1; }
