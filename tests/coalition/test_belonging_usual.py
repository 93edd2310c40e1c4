"""The usual constituencies: data that an administrator adds in one press, and then owns."""

import pytest
from django.conf import settings
from django.urls import reverse

from coalition import accounts, vocabulary
from coalition.accounts import Role
from coalition.models import Constituency
from tests import factories

pytestmark = pytest.mark.django_db


def staff(client, role):
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    return client


def test_an_empty_list_offers_them_and_one_press_adds_them_in_every_language(client):
    staff(client, Role.ADMINISTRATOR)
    url = reverse("constituencies:usual")
    assert url in client.get(reverse("constituencies:index")).content.decode()
    assert Constituency.objects.count() == 0
    assert client.get(url).status_code == 405
    client.post(url)
    client.post(url)
    assert [c.slug for c in Constituency.objects.all()] == [slug for slug, _names in vocabulary.usual_constituencies()]
    for constituency in Constituency.objects.all():
        assert set(constituency.name.data) == {code for code, _name in settings.LANGUAGES}
    assert url not in client.get(reverse("constituencies:index")).content.decode()


def test_what_was_renamed_or_retired_stays_so():
    vocabulary.add_usual_constituencies()
    black = Constituency.objects.get(slug="black")
    black.name = {"en": "Black communities", "es": "Comunidades negras"}
    black.save()
    vocabulary.retire(black)
    assert vocabulary.add_usual_constituencies() == []
    black.refresh_from_db()
    assert (str(black), bool(black.retired_at)) == ("Black communities", True)


@pytest.mark.parametrize("role", [Role.ORGANIZER, Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_nobody_else_adds_them(client, role):
    assert staff(client, role).post(reverse("constituencies:usual")).status_code in (302, 403)
    assert Constituency.objects.count() == 0
