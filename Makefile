# The commands of Coalition. `make` alone lists them.
# Needs: Python 3.11 to 3.14 with its venv module, and the network the first time. Everything else comes into .venv and var.

PORT ?= 8000
PUBLIC_URL ?= http://127.0.0.1:$(PORT)
WORKERS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?= --json
PYTHONS = $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3 python

BIN := .venv/bin
CATALOGUES := $(wildcard coalition/locale/*/LC_MESSAGES/*.po)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes
LAPTOP := DEBUG=1
DRAW := $(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))'

.DEFAULT_GOAL := help
.PHONY: help demo test check bench messages lock translations clean
.NOTPARALLEL:

help:
	@echo "make demo      a bilingual coalition at work on http://127.0.0.1:$(PORT)/ (PORT=8001 for another port)"
	@echo "make test      all tests, the browser's too (PYTEST_ARGS='-k signing' for some of them)"
	@echo "make check     format, imports, templates, migrations, translations, settings for production"
	@echo "make bench     sending to 100,000 people, and sending while everything fails; half an hour and more"
	@echo "make messages  collect new words to translate (needs gettext)"
	@echo "make lock      choose the versions of requirements*.lock anew (UPGRADE=1 takes the newest; needs uv)"
	@echo "make clean     remove the environment, what was compiled, and the demo with all its data"

demo: .venv/.installed translations
	@DEBUG=1 DEMO=1 PORT='$(PORT)' PUBLIC_URL='$(PUBLIC_URL)' $(BIN)/python manage.py demo

test: .venv/.installed-dev translations
	@$(BIN)/python -m tests.browser.chromium
	REDIS_URL= $(BIN)/python -m pytest -n $(WORKERS) --maxschedchunk 4 $(PYTEST_ARGS)

check: .venv/.installed-dev translations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet templates
	$(LAPTOP) $(BIN)/python manage.py makemigrations --check --dry-run
	$(LAPTOP) $(BIN)/python manage.py check_translations
	@echo "manage.py check --deploy, with settings like a production's"
	@DEBUG=0 DEMO=0 SECRET_KEY="$$($(DRAW))" SUPPRESSION_KEY="$$($(DRAW))" FIELD_KEYS="$$($(DRAW))" \
		DATABASE_URL=postgres://coalition@database.test/coalition REDIS_URL=redis://queue.test:6379/0 \
		PUBLIC_URL=https://coalition.test ALLOWED_HOSTS=coalition.test BEHIND_PROXY=1 SSL_REDIRECT=1 \
		DEFAULT_FROM_EMAIL="Coalition <hello@coalition.test>" \
		EMAIL_SPF="v=spf1 mx -all" EMAIL_DKIM=mail EMAIL_DMARC="v=DMARC1; p=quarantine" \
		EMAIL_PROVIDER=postmark ANYMAIL_POSTMARK_SERVER_TOKEN="$$($(DRAW))" ANYMAIL_WEBHOOK_SECRET="hook:$$($(DRAW))" \
		TEXT_PROVIDER=twilio TWILIO_ACCOUNT_SID=AC00000000000000000000000000000001 TWILIO_AUTH_TOKEN="$$($(DRAW))" \
		TWILIO_FROM=+14135550123 \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

bench: .venv/.installed-dev translations
	$(LAPTOP) $(BIN)/python -m tests.benchmarks.email $(BENCH_ARGS)
	$(LAPTOP) $(BIN)/python -m tests.benchmarks.audience $(BENCH_ARGS)
	$(LAPTOP) $(BIN)/python -m tests.benchmarks.faults $(BENCH_ARGS)
	$(LAPTOP) $(BIN)/python -m tests.benchmarks.segments $(BENCH_ARGS)
	$(LAPTOP) $(BIN)/python -m tests.benchmarks.backoffice $(BENCH_ARGS)
	$(LAPTOP) $(BIN)/python -m tests.benchmarks.imports $(BENCH_ARGS)
	$(LAPTOP) $(BIN)/python -m tests.benchmarks.signons $(BENCH_ARGS)

messages: .venv/.installed-dev
	$(LAPTOP) $(BIN)/python manage.py collect_translations

lock:
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		$(if $(UPGRADE),--upgrade) pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		$(if $(UPGRADE),--upgrade) --constraint requirements.lock pyproject.toml --group dev --output-file requirements-dev.lock

translations: $(CATALOGUES:.po=.mo)

%.mo: %.po
	@$(BIN)/python -m babel.messages.frontend --quiet compile --input-file=$< --output-file=$@

clean:
	@if [ -e .venv/.installed ] || [ -e .venv/.installed-dev ]; then \
		$(BIN)/python -c 'from coalition import embedded; embedded.remove()'; fi
	rm -rf .venv var .hypothesis .import_linter_cache .pytest_cache .ruff_cache $(CATALOGUES:.po=.mo)
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment: installed again when the lock changes, made again when its Python has gone.

.venv/.installed: .venv/pyvenv.cfg requirements.lock
	@echo "Installing what Coalition needs into .venv; the first time this takes a minute or two."
	@$(INSTALL) -r requirements.lock
	@touch $@

.venv/.installed-dev: .venv/pyvenv.cfg requirements-dev.lock
	@echo "Installing what Coalition and its tests need into .venv; the first time this takes a minute or two."
	@$(INSTALL) -r requirements-dev.lock
	@touch $@

ifeq ($(shell test -x $(BIN)/python && echo yes),)
.PHONY: .venv/pyvenv.cfg
endif
.venv/pyvenv.cfg:
	@for python in $(PYTHONS); do \
		$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null || continue; \
		fitting=$$python; \
		$$python -c 'import ensurepip, venv' 2>/dev/null || continue; \
		echo "Making .venv with $$($$python --version)."; \
		$$python -m venv --clear .venv && exit 0; \
	done; \
	if [ -n "$$fitting" ]; then \
		echo "$$fitting cannot make an environment: its venv module is missing. On Debian and Ubuntu: apt install python3-venv"; \
	else \
		echo "Coalition needs Python 3.11, 3.12, 3.13 or 3.14; here is $$(python3 --version 2>/dev/null || echo no Python at all)."; \
		echo "Where it is installed but not found: make demo PYTHON=/path/to/python3"; \
	fi >&2; exit 1
