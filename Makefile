.PHONY: run purge backup test adk-tests torture fuzz bench versions check openapi messages \
	screenshots lock clean

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8080
THREADS ?= 64
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Serves the whole API on an SQLite file, .data/sessions.db.
run: .venv/run
	@HOST=$(HOST) PORT=$(PORT) THREADS=$(THREADS) $(BIN)/python -m infra.run_locally

# Removes expired sessions from the store of a running server.
purge:
	@curl -sS -X POST http://$(HOST):$(PORT)/v1beta1/sessions:purgeExpired && echo

# Copies the SQLite store to TO, or beside the file. Servers may use the file meanwhile.
backup: .venv/run
	@$(BIN)/python -m functions.store.sqlite.backup $(TO)

# Runs every test; those on Firestore need its emulator. Temporary files are in memory if the machine
# has /dev/shm, because every append of a test waits for the disk.
test: .venv/test
	PYTEST_DEBUG_TEMPROOT=$(wildcard /dev/shm) $(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

# Runs ADK's own tests of session services over ours, from ADK_SOURCE or from a clone of ADK's
# repository at the version that is installed.
adk-tests: export ADK_SOURCE ?= .venv/adk-$(shell $(BIN)/python -c "from google.adk.version import __version__; print(__version__)")
adk-tests: .venv/test
	test -d $(ADK_SOURCE) || git clone --quiet --depth=1 --branch=v$(ADK_SOURCE:.venv/adk-%=%) \
		https://github.com/google/adk-python $(ADK_SOURCE)
	$(BIN)/python -m pytest -n 0 -s tests/emulator/test_adk_own_tests.py $(ARGS)

# Kills, overloads and disconnects servers for TORTURE_MINUTES, and prints the losses; see
# docs/reliability.md.
torture: export TORTURE_MINUTES ?= 15
torture: export TORTURE_SEED ?= 1
torture: export TORTURE_STEPS ?= 5000
torture: export TORTURE_REQUESTS ?= 5000
torture: .venv/test
	PYTEST_DEBUG_TEMPROOT=$(wildcard /dev/shm) $(BIN)/python -m pytest -n 0 \
		--hypothesis-seed=$(TORTURE_SEED) tests/torture tests/property/test_machine.py \
		tests/http/test_schemathesis.py $(ARGS)

# Searches for MINUTES for inputs that a parser neither accepts nor refuses; keeps them in .data/fuzz.
fuzz: .venv/fuzz
	$(BIN)/python -m tests.fuzz $(if $(MINUTES),--minutes=$(MINUTES)) $(if $(ONLY),--only=$(ONLY))

# Compares the server with ADK's servers and with a one-line function, and writes
# docs/performance.md. Needs wrk.
bench: .venv/bench
	PYTHONPATH=emulator $(BIN)/python -m tests.bench $(if $(ONLY),--only=$(ONLY)) $(if $(QUICK),--quick) $(if $(DIR),--dir=$(DIR))

# Installs the built package with the lowest and the highest versions of each extra, and uses it.
versions: .venv/test
	TEST_EXTRAS=true $(BIN)/python -m pytest -n 0 tests/emulator/test_package.py $(ARGS)

# Checks style and types.
check: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Generates API Gateway's document, the description of the whole API, and Terraform's single-field
# indexes.
openapi: .venv/test
	$(BIN)/python -m infra.generate.openapi > infra/openapi.yaml
	$(BIN)/python -m infra.generate.description > functions/api/openapi.json
	$(BIN)/python -m infra.generate.exemptions > infra/exemptions.tf.json

# Generates the descriptors of Firestore's messages from google-cloud-firestore, and their types.
messages: .venv/test
	$(BIN)/python -m infra.generate.firestore_messages > .venv/descriptors.py
	cp .venv/descriptors.py functions/store/firestore/descriptors.py
	$(BIN)/python -m infra.generate.firestore_types > .venv/protobuf.pyi
	cp .venv/protobuf.pyi functions/store/firestore/protobuf.pyi

# Takes the pictures of the console in docs/images. Needs Chromium.
screenshots: .venv/test
	$(BIN)/python -m infra.generate.screenshots

# Pins every installed package in constraints.txt, and writes its hash into requirements.txt.
lock: .venv/test
	$(BIN)/python -m pip freeze > constraints.txt
	$(BIN)/python -m infra.generate.requirements > .venv/requirements.txt
	cp .venv/requirements.txt requirements.txt

# Deletes the virtual environment and the local data.
clean:
	rm -rf .venv .data

.venv/run: requirements.txt constraints.txt
	@echo "Installing into .venv (once) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make run PYTHON=python3.11")'
	@$(PYTHON) -m venv .venv
	@$(PIP) install -r requirements.txt
	@touch $@

.venv/test: .venv/run tests/requirements.txt
	@echo "Installing the packages of the tests (once) ..."
	@$(PIP) install --quiet --no-compile -r tests/requirements.txt
	@touch $@

.venv/fuzz: .venv/test tests/fuzz/requirements.txt
	@echo "Installing the fuzzer (once) ..."
	@$(PIP) install --quiet --no-compile -r tests/fuzz/requirements.txt
	@touch $@

.venv/bench: .venv/test tests/bench/requirements.txt
	@echo "Installing the packages of the bench (once) ..."
	@$(PIP) install --quiet --no-compile -r tests/bench/requirements.txt
	@touch $@
