# Every target is one line of help and a few of work. Needs Python 3.11+, make and sh; the rest is installed into .venv.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PACKAGES := protos libs/servicekit libs/syncengine services/inventory services/credentials services/gateway services/sync-bricklink services/sync-brickowl sandbox devstack
SOURCES := $(foreach package,$(filter-out protos,$(PACKAGES)),$(package)/src)
TESTS = $(if $(SVC),$(wildcard services/$(SVC)/tests/$(1) libs/$(SVC)/tests/$(1) $(SVC)/tests/$(1)),$(wildcard services/*/tests/$(1) libs/*/tests/$(1) sandbox/tests/$(1) devstack/tests/$(1)))
PROTOS := $(shell cd protos && find brickops -name '*.proto' | LC_ALL=C sort)
HALVES := --numprocesses 2 --dist loadfile --durations 10
SHORT := $(if $(LONG),,-m "not long")
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup run token clean-state lock protos protos-check freeze fmt lint types imports test unit integration e2e simulate chaos bench measure-volume measure-plan measure-neighbours measure-blind-resend measure-sales-under-faults measure-first-hour

help: ## Show what can be done
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/installed ## Make the virtual environment and install everything, pinned and hash-checked
.venv/installed: requirements.lock $(PACKAGES:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "BrickOps needs Python 3.11 or newer; PYTHON=python3.12 make $(MAKECMDGOALS) names another.")'
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@echo "installing pinned requirements (about half a minute the first time)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(PACKAGES:%=-e %)
	@touch $@

run: setup ## Start the whole product with a sandbox shop and demo data; Ctrl-C stops it
	@$(BIN)/python -m devstack run

token: setup ## Print a token for the running stack: make token ROLE=owner|editor|viewer; SELLER=B for another seller
	@$(BIN)/python -m devstack token --role $(or $(ROLE),owner) --seller $(or $(SELLER),A)

clean-state: setup ## Remove everything that make run keeps; CACHE=1 also what it downloaded
	@$(BIN)/python -m devstack clean-state $(if $(CACHE),--cache)

lock: setup ## Resolve requirements.lock anew from pyproject.toml
	uv pip compile --generate-hashes --no-emit-index-url --universal --python-version 3.11 pyproject.toml --group dev -o requirements.lock -q --custom-compile-command "make lock"

protos: setup ## Generate Python code from the protos
	find protos/gen -name '*_pb2*' -delete
	cd protos && python -m grpc_tools.protoc -I. --python_out=gen --mypy_out=quiet:gen $(PROTOS)
	cd protos && python -m grpc_tools.protoc -I. --grpc_python_out=gen --mypy_grpc_out=quiet:gen $(filter %_service.proto,$(PROTOS))

protos-check: protos ## Lint the protos, see that no frozen shape is broken and that the committed code is what they generate
	cd protos && buf lint && buf format -d --exit-code && buf breaking --against frozen.binpb
	@git diff --exit-code --stat -- protos/gen && test -z "$$(git ls-files --others --exclude-standard protos/gen)"

freeze: setup ## Take what was added to the protos into what must never be broken (protos/frozen.binpb)
	cd protos && buf build -o frozen.binpb

fmt: setup ## Format
	ruff format . && ruff check --fix . && cd protos && buf format -w

lint: setup ## Check style
	ruff format --check . && ruff check .

types: setup ## Check types, strictly
	mypy $(SOURCES) $(wildcard libs/*/tests services/*/tests sandbox/tests devstack/tests tests)

imports: setup ## Check which way imports point
	lint-imports

unit: setup ## Test without sockets, fifty simulated lives included: make unit SVC=inventory narrows
	pytest $(HALVES) --disable-socket --allow-unix-socket $(call TESTS,unit) $(if $(SVC),,tests/simulation)

integration: setup ## Test each service with its own PostgreSQL or Kafka
	pytest $(HALVES) $(SHORT) $(call TESTS,integration)

e2e: setup ## Test every process together against the sandbox
	pytest $(HALVES) $(SHORT) tests/e2e

simulate: setup ## Live random seeds of the engine: make simulate SEEDS=10000; also FIRST, STORE=postgres, ARGS="--shop brickowl", --switches or --blind
	PYTHONPATH=tests python -m simulation --seeds $(or $(SEEDS),1000) --first $(or $(FIRST),0) $(if $(STORE),--store $(STORE)) $(ARGS)

chaos: setup ## Test it with something killed, slow, lost, restored or spent; LONG=1: under the load of a rough day
	LONG=$(LONG) pytest $(HALVES) $(SHORT) tests/chaos tests/recovery

bench: setup ## Measure the product beside the bare things that it is made of
	PYTHONPATH=tests python -m bench

test: protos-check lint types imports unit integration e2e chaos ## All that must pass; LONG=1: also what takes long and has its like in it

measure-volume: setup ## Measure a file of 20,000 lots into the shop, and 1,000 lots undone and redone: half an hour
	PYTHONPATH=tests python -m bench.volume

measure-plan: setup ## Measure what plans of 20,000 prices, and of as many new lots, say beside what the virtual clock says: ten minutes
	PYTHONPATH=tests python -m bench.price_plan
	PYTHONPATH=tests python -m bench.new_lots

measure-neighbours: setup ## Measure what a seller with 50,000 waiting lots costs another: seconds from change to call
	PYTHONPATH=tests python -m recovery.measure_neighbours

measure-blind-resend: setup ## Measure the rough day of `make chaos LONG=1` with unanswered writes sent again, as peers do: half an hour
	LONG=1 PYTHONPATH=tests python -m chaos.measure_blind_resend

measure-sales-under-faults: setup ## Measure how soon sales are gone from the other shop while a tenth of all calls fails, in virtual time: five minutes
	PYTHONPATH=tests python -m simulation.sales_under_faults $(ARGS)

measure-first-hour: setup ## Measure two shops of 5,000 listings that become one stock, 200 of them different: ten minutes
	PYTHONPATH=tests python -m bench.first_hour
