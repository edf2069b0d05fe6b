# `make serve` and `make test` work on a fresh machine. `make help` lists all commands.
PYTHON ?= python3.11
.DEFAULT_GOAL := help
.PHONY: help serve test static behavior programs audit fuzz fuzz-native soak deploy-test chaos training training-gpu format lock benchmark collection sbom release-check packages clean

SERVICE := .venvs/service
TRAINING := .venvs/training
TRAINING_GPU := .venvs/training-gpu
DEV := .venvs/dev
FUZZ := .venvs/fuzz
KUBERNETES := .venvs/kubernetes
# Seven harnesses take an hour of processor time together.
FUZZ_SECONDS ?= 520
CHAOS_MINUTES ?= 60
CHAOS_SEED ?= 1

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 15

serve: $(SERVICE)/.installed ## serve the bundles in models/ at 127.0.0.1:8000
	$(SERVICE)/bin/python -m app

# The tests start the service a hundred times, so Python may keep what it compiles.
test: export PYTHONDONTWRITEBYTECODE =
# tests/conftest.py divides the tests into units, by file or by folder, so that the fixtures of a unit exist once.
test: $(DEV)/.installed programs ## run every check: lint, format, types, architecture, tests
	$(MAKE) --jobs 2 static behavior

static: $(DEV)/.installed
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports
	cd clients/python && ../../$(DEV)/bin/lint-imports
	$(DEV)/bin/bandit --quiet --configfile pyproject.toml --recursive app training benchmarks fuzz rehearsal release clients/python

# Three processes for two processors, because some tests wait. More threads of a library would wait for each other.
behavior: export TF_NUM_INTRAOP_THREADS = 1
behavior: export TF_NUM_INTEROP_THREADS = 1
behavior: export OMP_NUM_THREADS = 1
behavior: $(DEV)/.installed
	$(DEV)/bin/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

# Install the missing programs of the tests, if this is possible. Otherwise, the tests that need them are skipped and
# listed; in CI they fail.
package_of = $(if $(shell command -v $(1)),,$(2))
PACKAGES = $(call package_of,chromium-headless-shell,chromium-headless-shell) $(call package_of,nginx,nginx-light) \
	$(call package_of,promtool,prometheus) $(call package_of,openssl,openssl) $(call package_of,javac,default-jdk-headless) $(call package_of,node,nodejs) $(call package_of,npm,npm) $(call package_of,qemu-x86_64,qemu-user) \
	$(if $(wildcard /usr/lib/postgresql/*/bin/initdb),,postgresql)
APT_INSTALL = DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends $(PACKAGES)

programs:
	@test -z "$(strip $(PACKAGES))" || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
		&& { $(APT_INSTALL) >/dev/null 2>&1 || { apt-get update --quiet && $(APT_INSTALL); } >/dev/null; }; } || true

audit: $(DEV)/.installed ## check every pinned package for known vulnerabilities; needs a network
	$(DEV)/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements/service.txt

fuzz: $(FUZZ)/.installed ## fuzz parsers, decoders and protocols for FUZZ_SECONDS each (520)
	$(FUZZ)/bin/python -m fuzz --seconds $(FUZZ_SECONDS)

fuzz-native: PACKAGES = clang libclang-rt-dev cmake pkg-config libflac-dev libmp3lame-dev libmpg123-dev libogg-dev libopus-dev libvorbis-dev
fuzz-native: $(FUZZ)/.installed ## fuzz the decoders with libsndfile under AddressSanitizer for FUZZ_SECONDS; installs clang
	apt-get update --quiet && $(APT_INSTALL)
	$(FUZZ)/bin/python -m fuzz decode --seconds $(FUZZ_SECONDS) --sanitized

# The containers need the rights of root, and Debian's packages of podman, which this command installs.
deploy-test: $(DEV)/.installed $(KUBERNETES)/.installed ## run the containers of the Compose file, and let them fail; installs podman (half an hour)
	$(DEV)/bin/python -m pytest rehearsal --capture=no --verbose

# The containers need the same as those of deploy-test.
chaos: $(DEV)/.installed ## run random faults over the containers under load, for CHAOS_MINUTES (60), from CHAOS_SEED (1)
	PYTHONPATH=clients/python $(DEV)/bin/python -m rehearsal.chaos --minutes $(CHAOS_MINUTES) --seed $(CHAOS_SEED)

soak: $(DEV)/.installed ## run the long checks: overload, kills, memory, hostile files, fairness, sandbox, jobs (over an hour)
	$(DEV)/bin/python -m benchmarks.soak
	$(DEV)/bin/python -m benchmarks.hostile
	$(DEV)/bin/python -m benchmarks.fairness
	$(DEV)/bin/python -m benchmarks.sandbox
	$(DEV)/bin/python -m benchmarks.scale
	$(DEV)/bin/python -m benchmarks.jobs

training: $(TRAINING)/.installed ## install the environment of `python -m training` in .venvs/training

training-gpu: $(TRAINING_GPU)/.installed ## install the environment of a training on a GPU in .venvs/training-gpu

format: $(DEV)/.installed ## format the code and apply the automatic fixes of lint
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

lock: $(DEV)/.installed ## recompile requirements/*.txt from pyproject.toml and requirements/*.in
	$(LOCK) --overrides requirements/service.overrides --constraint requirements/constraints --output-file requirements/service.txt
	$(LOCK) --overrides requirements/service.overrides --extra tracing --constraint requirements/service.txt --output-file requirements/tracing.txt
	$(LOCK) --overrides requirements/service.overrides --extra bulk --constraint requirements/service.txt --output-file requirements/bulk.txt
	$(LOCK) --overrides requirements/service.overrides --extra fuzz --constraint requirements/service.txt --output-file requirements/fuzz.txt
	$(LOCK) --extra training --extra bulk --constraint requirements/service.txt --output-file requirements/training.txt
	$(LOCK) --extra training --extra bulk --extra training-gpu --constraint requirements/training.txt --output-file requirements/training-gpu.txt
	$(LOCK) --extra training --extra bulk --extra tracking --constraint requirements/training.txt --output-file requirements/tracking.txt
	$(LOCK) --extra training --extra bulk --extra tracking --extra tracing --extra dev --constraint requirements/training.txt --output-file requirements/dev.txt
	$(COMPILE) requirements/sbom.in --constraint requirements/dev.txt --output-file requirements/sbom.txt
	$(COMPILE) requirements/kubernetes.in --output-file requirements/kubernetes.txt

LOCK = $(COMPILE) pyproject.toml
COMPILE = $(DEV)/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-annotate --no-emit-index-url \
	--no-emit-find-links --custom-compile-command 'make lock'

benchmark: $(DEV)/.installed ## compare the service with bare openSMILE
	$(DEV)/bin/python -m benchmarks.throughput

collection: $(DEV)/.installed ## write the Postman collection of the OpenAPI document to clients/postman/
	$(DEV)/bin/python -m release.collection

sbom: $(DEV)/.installed ## write the SBOM of the service (CycloneDX) to dist/
	$(DEV)/bin/python -m release.sbom

release-check: $(DEV)/.installed ## build sdist and wheel, install the wheel elsewhere, serve from there (two minutes)
	$(DEV)/bin/python -m release.check

packages: $(DEV)/.installed ## build sdist and wheel of the service and of the Python client, and the npm package, in dist/
	$(DEV)/bin/uv build --quiet --no-build-isolation --python $(DEV)/bin/python --out-dir dist .
	$(DEV)/bin/uv build --quiet --no-build-isolation --python $(DEV)/bin/python --out-dir dist clients/python
	cd clients/typescript && npm ci --ignore-scripts --silent && npm pack --silent --pack-destination ../../dist

clean: ## remove environments and caches; keep features and runs
	rm -rf .venvs .mypy_cache .pytest_cache .ruff_cache .import_linter_cache clients/python/.import_linter_cache

# These locks omit unneeded dependencies of opensmile (requirements/service.overrides), hence --no-deps.
$(SERVICE)/.installed: NO_DEPS := --no-deps
$(SERVICE)/.installed: requirements/service.txt
$(FUZZ)/.installed: NO_DEPS := --no-deps
$(FUZZ)/.installed: requirements/fuzz.txt
$(TRAINING)/.installed: requirements/training.txt
$(TRAINING_GPU)/.installed: requirements/training-gpu.txt
$(DEV)/.installed: requirements/dev.txt
$(KUBERNETES)/.installed: requirements/kubernetes.txt

.venvs/%/.installed:
	$(PYTHON) -m venv --clear .venvs/$*
	.venvs/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
		$(NO_DEPS) --requirement requirements/$*.txt
	touch $@
