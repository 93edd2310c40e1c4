"""System checks: a setting that cannot work is named at start."""

import pkgutil
import re
from importlib import import_module

import pytest
from anymail import backends
from anymail.backends.base import BasePayload

from coalition import checks
from coalition.channels.provider import MERGES


def found(settings, **values):
    for name, value in values.items():
        setattr(settings, name, value)
    return sorted(problem.id for problem in [*checks.channels(None), *checks.email(None), *checks.secrets(None)])


GOOD = {
    "DEBUG": False,
    "SECRET_KEY": "a" * 50,
    "SUPPRESSION_KEY": "b" * 50,
    "PUBLIC_URL": "https://coalition.test",
    "REDIS_URL": "redis://queue.test",
    "EMAIL_PROVIDER": "postmark",
    "EMAIL_STANDBY_PROVIDER": "",
    "EMAIL_BATCH_SIZE": 500,
    "ANYMAIL": {"WEBHOOK_SECRET": "hook:a-long-password", "POSTMARK_SERVER_TOKEN": "t"},
    "DEFAULT_FROM_EMAIL": "Coalition <hello@coalition.test>",
    "EMAIL_SPF": "v=spf1 include:spf.mtasv.net ~all",
    "EMAIL_DKIM": "20261101pm",
    "EMAIL_DMARC": "v=DMARC1; p=quarantine",
    "TEXT_PROVIDER": "twilio",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "t",
    "TWILIO_FROM": "+14135550123",
}


def test_a_production_that_is_set_up_has_nothing_to_say(settings):
    assert found(settings, **GOOD) == []


def test_simulated_channels_are_refused_in_production(settings):
    assert found(settings, **GOOD | {"EMAIL_PROVIDER": "simulated", "TEXT_PROVIDER": "memory"}) == [
        "coalition.E003",
        "coalition.E003",
    ]


def test_a_carrier_that_nobody_knows_is_named(settings):
    assert found(settings, **GOOD | {"TEXT_PROVIDER": "twillio"}) == ["coalition.E007"]


def test_a_redirect_that_would_never_end_is_named(settings):
    assert found(settings, **GOOD | {"SECURE_SSL_REDIRECT": True}) == ["coalition.W004"]
    assert found(settings, **GOOD | {"SECURE_SSL_REDIRECT": True, "USE_X_FORWARDED_HOST": True}) == []


def test_E4_a_provider_without_a_webhook_secret_is_refused(settings):
    assert found(settings, **GOOD | {"ANYMAIL": {"POSTMARK_SERVER_TOKEN": "t"}}) == ["coalition.E004"]


@pytest.mark.parametrize("secret", ["secret", "hook:", ":a-long-password", "demo:demo"])
def test_E4_a_webhook_secret_that_is_easily_guessed_is_refused(settings, secret):
    anymail = GOOD["ANYMAIL"] | {"WEBHOOK_SECRET": secret}
    assert found(settings, **GOOD | {"ANYMAIL": anymail}) == ["coalition.E012"]


@pytest.mark.parametrize("name", ["EMAIL_PROVIDER", "EMAIL_STANDBY_PROVIDER"])
@pytest.mark.parametrize(("provider", "problem"), [("sendgrid", "E001"), ("sendgird", "E008"), ("mailgun", "E010")])
def test_E7_a_provider_that_cannot_be_used_is_named(settings, name, provider, problem):
    """One that Anymail supports no longer, one that nobody knows, one that lacks its key."""
    changes = {"EMAIL_BATCH_SIZE": 0, name: provider}
    assert found(settings, **GOOD | changes) == [f"coalition.{problem}"]


@pytest.mark.parametrize("name", ["SPF", "DKIM", "DMARC"])
@pytest.mark.parametrize("noted", ["", "to do"])
def test_E7_a_domain_without_spf_dkim_or_dmarc_is_named(settings, name, noted):
    for key, value in (GOOD | {f"EMAIL_{name}": noted}).items():
        setattr(settings, key, value)
    problems = checks.email(None)
    if name == "DKIM" and noted:  # a selector may be any word
        assert problems == []
        return
    (problem,) = problems
    assert problem.id == "coalition.W006"
    assert f"No {name} is noted for coalition.test" in problem.msg


def test_E7_a_standby_that_is_the_provider_itself_stands_by_for_nothing(settings):
    assert found(settings, **GOOD | {"EMAIL_STANDBY_PROVIDER": "postmark"}) == ["coalition.E009"]
    smtp = {"EMAIL_PROVIDER": "smtp", "EMAIL_STANDBY_PROVIDER": "smtp"}  # two servers
    assert found(settings, **GOOD | smtp) == []


def test_E5_more_recipients_in_a_call_than_the_provider_takes_are_refused(settings):
    keys = {"UNISENDER_GO_API_KEY": "k", "UNISENDER_GO_API_URL": "https://go1.unisender.ru/v1"}
    unisender_go = GOOD | {"EMAIL_PROVIDER": "unisender_go", "ANYMAIL": GOOD["ANYMAIL"] | keys}
    assert found(settings, **unisender_go | {"EMAIL_BATCH_SIZE": 501}) == ["coalition.E011"]
    assert found(settings, **unisender_go | {"EMAIL_BATCH_SIZE": 500}) == []
    assert found(settings, **GOOD | {"EMAIL_BATCH_SIZE": 501}) == []  # Postmark gets a call for each


def test_E5_the_readme_names_the_providers_that_take_many_and_how_many(settings):
    lines = (settings.BASE_DIR / "README.md").read_text().splitlines()
    (row,) = [line for line in lines if line.startswith("| `EMAIL_BATCH_SIZE`")]
    assert dict(re.findall(r"(\w+(?: Go)?) (\d+)", row)) == {name: str(merge.most) for name, merge in MERGES.items()}


def test_only_a_backend_that_there_is_can_be_chosen(settings):
    assert found(settings, DEBUG=True, EMAIL_PROVIDER="memory") == ["coalition.E008"]
    assert found(settings, DEBUG=True, EMAIL_PROVIDER="simulated") == []


def test_an_address_for_replies_is_an_address_alone(settings):
    assert found(settings, **GOOD | {"EMAIL_REPLY_TO": "Replies <replies@in.coalition.test>"}) == ["coalition.E014"]
    assert found(settings, **GOOD | {"EMAIL_REPLY_TO": "replies@in.coalition.test"}) == []


def test_E7_every_provider_of_anymails_is_known_and_no_other(settings):
    modules = {module.name for module in pkgutil.iter_modules(backends.__path__)}
    assert checks.NEEDED.keys() == modules - {"base", "base_requests", "console", "test", "sendgrid", "sendinblue"}


def test_E6_opens_and_clicks_are_not_tracked_by_any_provider_that_can(settings):
    """The others would refuse the wish not to."""
    for name in checks.NEEDED.keys() - {"amazon_ses"}:  # which needs a library of Amazon's to be looked at
        backend = import_module(f"anymail.backends.{name}")
        payloads = [found for key, found in vars(backend).items() if key.endswith("Payload")]
        (*_parents, payload) = [found for found in payloads if found.__module__ == backend.__name__]
        can = {
            wish: False
            for wish in ("track_opens", "track_clicks")
            if getattr(payload, f"set_{wish}") is not getattr(BasePayload, f"set_{wish}")
        }
        assert settings.ANYMAIL.get(f"{name.upper()}_SEND_DEFAULTS", {}) == can


def test_a_provider_whose_library_is_missing_is_named(settings, monkeypatch):
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    assert found(settings, **GOOD | {"EMAIL_PROVIDER": "amazon_ses", "EMAIL_BATCH_SIZE": 50}) == ["coalition.E013"]
