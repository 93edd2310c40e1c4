"""A segment that asks for communities shows nobody's name to who lacks the permission, by whatever way round."""

import pytest
from django.urls import reverse

from campaigns import composing
from coalition import accounts, belonging, segments
from coalition.accounts import Role
from coalition.models import Constituency, Segment
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(installation):
    return factories.PersonFactory(name="Ana Núñez", email="ana@x.example.org", opted_in=True)


@pytest.fixture
def closed(ana):
    """A segment that asks for a community, and one that asks for it through the first."""
    families = Constituency.objects.create(slug="families", name={"en": "Families", "es": "Familias"})
    belonging.declare(ana, [families], source="self")
    direct = segments.keep(Segment(), name="Closed", tree={"all": [{"is": "constituency", "value": [families.pk]}]})
    around = segments.keep(Segment(), name="Around", tree={"all": [{"is": "segment", "value": direct.pk}]})
    return direct, around


@pytest.fixture
def open_(ana):
    return segments.keep(Segment(), name="Open", tree={"all": [{"is": "language", "value": "en"}]})


@pytest.fixture(params=[Role.ORGANIZER, Role.ADMINISTRATOR])
def role(request):
    return request.param


@pytest.fixture
def staff(client, role):
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    return client


def test_which_segments_may_be_used(closed, open_, django_assert_num_queries):
    organizer = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    administrator = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ADMINISTRATOR)
    assert list(segments.listable(organizer)) == [open_]
    assert list(segments.listable(administrator)) == [closed[1], closed[0], open_]
    with django_assert_num_queries(1):
        segments.listable(organizer)


def test_the_list_of_people_is_not_filtered_by_it(staff, role, closed, open_):
    url = reverse("people:list")
    sees = role == Role.ADMINISTRATOR
    for segment in closed:
        page = staff.get(url, {"segment": segment.pk, "q": "Ana"}, follow=True).content.decode()
        assert (f'value="{segment.pk}" selected' in page) is sees
    factories.PersonFactory(name="Ana Other")
    for segment in closed:  # without the permission the list shows both or none: it tells them apart by nothing
        page = staff.get(url, {"segment": segment.pk, "q": "Ana"}, follow=True).content.decode()
        assert (("Ana Núñez" in page) != ("Ana Other" in page)) is sees
    assert staff.get(url, {"segment": open_.pk}).status_code == 200


def test_a_message_to_it_shows_nobody(staff, role, closed, ana):
    sees = role == Role.ADMINISTRATOR
    for segment in closed:
        message = factories.MessageFactory(included=[segment])
        page = staff.get(reverse("messages:check", args=[message.pk])).content.decode()
        assert ("ana@x.example.org" in page) is sees
        wanted = staff.get(reverse("messages:check", args=[message.pk]), {"person": ana.pk})
        assert (wanted.status_code == 200 and "ana@x.example.org" in wanted.content.decode()) is sees
        ledger = staff.get(reverse("messages:ledger", args=[message.pk]))
        assert (ledger.status_code == 200) is sees


def test_it_cannot_be_chosen_for_a_message_and_stays_where_it_was_chosen(staff, role, closed, open_):
    plain = composing.begin(channel="email", name="N", campaign=factories.CampaignFactory())
    page = staff.get(reverse("messages:edit", args=[plain.pk])).content.decode()
    assert ("Closed" in page, "Around" in page, ">Open<" in page) == (*[role == Role.ADMINISTRATOR] * 2, True)
    message = composing.begin(channel="email", name="M", campaign=factories.CampaignFactory(), included=[closed[0]])
    assert "Closed" in staff.get(reverse("messages:edit", args=[message.pk])).content.decode()
