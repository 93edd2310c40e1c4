"""Freezing: one number after the other, every language, and what an amendment does to those who signed."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from coalition import canonical, counting, publishing
from coalition.models import Version
from coalition.publishing import Text
from tests import factories

from .signons import texts


@pytest.fixture
def publication(db):
    """One whose text is not frozen yet."""
    return factories.PublicationFactory()


def test_G2_a_frozen_text_is_hashed_over_every_language(publication, editor):
    version = publishing.freeze(publication, texts(), by=editor, note="First")
    kept = {text.language: text.canonical for text in version.texts.all()}
    assert kept == {
        "en": "Every reader\n\nIn short\n\nTen steps.",
        "es": "Que todos lean\n\nEn breve\n\nDiez pasos.",
    }
    assert (version.number, version.digest, version.frozen_by) == (1, canonical.digest(kept), editor)


def test_numbers_rise_by_one_and_the_first_version_is_material(publication, editor):
    first = publishing.freeze(publication, texts(), by=editor, material=False)
    second = publishing.freeze(publication, texts(es="Diez pasos claros."), by=editor, material=False)
    assert [(v.number, v.material) for v in (first, second)] == [(1, True), (2, False)]
    assert publication.current_version == second


def test_nothing_changed_is_refused(publication, editor):
    publishing.freeze(publication, texts(), by=editor)
    same = {language: Text(t.title, t.summary, t.html, t.canonical + " \n") for language, t in texts().items()}
    with pytest.raises(ValidationError, match="Nothing changed since version 1"):
        publishing.freeze(publication, same, by=editor)
    assert publication.versions.count() == 1


def test_a_missing_language_is_refused_by_name(publication, editor):
    with pytest.raises(ValidationError, match="English first"):
        publishing.freeze(publication, {"es": texts()["es"]}, by=editor)
    with pytest.raises(ValidationError, match="not complete in Spanish"):
        publishing.freeze(publication, {"en": texts()["en"]}, by=editor)
    with pytest.raises(ValidationError, match="not complete in Spanish"):
        publishing.freeze(publication, texts() | {"es": Text("Que todos lean", "", "", " ")}, by=editor)
    assert not Version.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_people_freezing_at_once_get_two_numbers():
    publication, editor = factories.PublicationFactory(), factories.UserFactory()
    together, refused = threading.Barrier(4), []

    def press(n):
        together.wait()
        try:
            publishing.freeze(publication, texts(en=f"Text {n % 3}"), by=editor)
        except ValidationError as error:
            refused.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=[n]) for n in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    numbers = list(publication.versions.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) + len(refused) == 4
    assert set(refused) <= {"unchanged"}


def test_the_versions_whose_signatures_stand(publication, editor):
    frozen = [
        publishing.freeze(publication, texts(en=f"Text {n}"), by=editor, material=material)
        for n, material in enumerate((True, False, True, False, False))
    ]
    assert [[v.number for v in counting.versions_equivalent(version)] for version in frozen] == [
        [1],
        [2, 1],
        [3],
        [4, 3],
        [5, 4, 3],
    ]
