"""System checks: a setting that cannot work is named at start."""

from coalition import checks


def found(settings, **values):
    for name, value in values.items():
        setattr(settings, name, value)
    return sorted(problem.id for problem in [*checks.channels(None), *checks.secrets(None)])


GOOD = {
    "DEBUG": False,
    "SECRET_KEY": "a" * 50,
    "SUPPRESSION_KEY": "b" * 50,
    "PUBLIC_URL": "https://coalition.test",
    "REDIS_URL": "redis://queue.test",
    "EMAIL_PROVIDER": "postmark",
    "ANYMAIL": {"WEBHOOK_SECRET": "hook:secret"},
    "DEFAULT_FROM_EMAIL": "hello@coalition.test",
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
    assert found(settings, **GOOD | {"ANYMAIL": {}}) == ["coalition.E004"]
