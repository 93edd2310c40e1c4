"""Shared fixtures: real rows, in-memory channels, no mocks of our own code."""

import pytest
from django.conf import settings
from django.utils.translation import activate
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from coalition import embedded
from coalition.models import Installation
from tests import factories

# The same examples on every machine, however slow it is.
hypothesis_settings.register_profile(
    "coalition", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("coalition")


def pytest_unconfigure(config):
    """Leave no database server behind, unless somebody else (a demo, another run) uses it too."""
    if not hasattr(config, "workerinput") and embedded.data_folder().exists():
        embedded.stop(only_if_unused=True)


@pytest.fixture(autouse=True)
def english():
    """A request in Spanish leaves its language behind in the thread; no test inherits it."""
    activate(settings.LANGUAGE_CODE)
    yield
    activate(settings.LANGUAGE_CODE)


@pytest.fixture
def installation(db):
    return Installation.objects.create(
        name={"en": "Riverbend Education Coalition", "es": "Coalición Educativa Riverbend"},
        short_name={"en": "Riverbend", "es": "Riverbend"},
        postal_address="100 Main Street, Springfield, MA 01103",
        email="hello@riverbend.example.org",
        text_programme={"en": "Riverbend alerts", "es": "Alertas de Riverbend"},
    )


@pytest.fixture
def person(db):
    return factories.PersonFactory()
