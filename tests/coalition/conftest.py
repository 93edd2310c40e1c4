"""What the tests of publications and sign-ons start from."""

import pytest
from django.core.files.storage import storages

from coalition import publishing
from coalition.models import Import, Topic
from tests import factories

from .signons import open_round, texts


@pytest.fixture
def editor(db):
    return factories.UserFactory()


@pytest.fixture
def publication(installation, editor):
    """A publication with version 1 frozen."""
    publication = factories.PublicationFactory()
    publishing.freeze(publication, texts(), by=editor)
    return publication


@pytest.fixture
def topics(db):
    """Three topics of the coalition, in their order."""
    names = [("reading", "Reading", "Lectura"), ("language", "Language", "Idiomas"), ("schools", "Schools", "Escuelas")]
    for place, (slug, en, es) in enumerate(names, start=90):
        Topic.objects.create(slug=slug, name={"en": en, "es": es}, position=place)
    return list(Topic.objects.filter(slug__in=[name[0] for name in names]))


@pytest.fixture
def round_(publication, editor):
    """An open round about version 1; nobody is asked yet."""
    return open_round(publication, editor)


@pytest.fixture
def private_files(monkeypatch, tmp_path):
    """The private storage, in a folder of this test's own."""
    storage = Import._meta.get_field("file").storage  # once another test changed STORAGES, not the one of `storages`
    monkeypatch.setattr(storage, "_location", str(tmp_path))
    monkeypatch.setitem(storages._storages, "private", storage)
    for name in ("base_location", "location"):
        storage.__dict__.pop(name, None)
    yield storage
    for name in ("base_location", "location"):
        storage.__dict__.pop(name, None)
