"""Merging organizations in the back office: found, compared, confirmed, undone; closed to who may not."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from coalition import accounts, segments, uniting
from coalition.accounts import Role
from coalition.models import Organization, OrganizationMerge, Segment
from tests import factories
from tests.coalition.signons import Choice, asked, sign

pytestmark = pytest.mark.django_db


@pytest.fixture
def organizer(client, installation):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    client.force_login(client.user)
    return client


@pytest.fixture
def kept(installation):
    return factories.OrganizationFactory(name="Teachers United", city="Lowell", kind="union")


@pytest.fixture
def other(installation):
    return factories.OrganizationFactory(name="Teachers United of Lowell", email="hello@tu.example.org")


def url(name, *organizations):
    return reverse(f"organizations:{name}", args=[organization.pk for organization in organizations])


def page(client, *args, **data):
    answer = client.get(url(*args), data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_from_its_page_the_other_record_is_found_by_a_similar_name_or_by_words(organizer, kept, other):
    assert url("same", kept) in page(organizer, "inspect", kept)
    assert url("compare", kept, other) in page(organizer, "same", kept)
    unlike = factories.OrganizationFactory(name="Harbor Mentors")
    assert url("compare", kept, unlike) in page(organizer, "same", kept, q="harbor")
    html = page(organizer, "same", kept, q="nobody")
    assert "No organization matches" in html
    assert url("compare", kept, other) not in html


def test_the_warning_of_a_similar_name_leads_there(organizer, kept, other):
    data = {"name": "Teachers United Lowell", "kind": "union", "scope": "local", "stage": "partner"}
    html = organizer.post(url("edit", kept), data).content.decode()
    assert url("compare", kept, other) in html


def test_both_stand_side_by_side_with_the_consequences_in_numbers(organizer, kept, other, round_):
    sign(asked(round_, organization=kept))
    sign(asked(round_, organization=other), choice=Choice.DECLINE)
    html = page(organizer, "compare", kept, other)
    for words in (
        "Both answered on 1 publication",
        "is asked in 1 open round",
        "Both are asked in 1 round",
        "Teachers United of Lowell” rests in the bin",
        "Invitations",
        url("compare", other, kept),
    ):
        assert words in html, words


def test_a_merge_is_confirmed_told_and_undone(organizer, kept, other, round_):
    invitation = asked(round_, organization=other)
    sign(asked(round_, organization=kept))
    sign(invitation)
    data = {"seen": uniting.Plan(kept, other).seen, "kind": other.pk}
    answer = organizer.post(url("compare", kept, other), data, follow=True)
    done = OrganizationMerge.objects.get()
    html = answer.content.decode()
    assert answer.request["PATH_INFO"] == url("merged", done)
    assert (done.by, Organization.objects.get(pk=kept.pk).kind) == (organizer.user, "education")
    for words in (
        "They are one organization now",
        "Answers that gave way",
        "Undo the merge",
        "what they were: kind and email.",
    ):
        assert words in html, words
    sign(invitation, choice=Choice.ABSTAIN)
    assert "1 answer was given since the merge" in page(organizer, "merged", done)
    assert "Merged with it" in page(organizer, "inspect", kept)
    html = page(organizer, "inspect", other)
    assert "Part of “Teachers United”" in html
    assert url("restore", other) not in html
    html = page(organizer, "binned")
    assert ("Part of Teachers United" in html, url("restore", other) in html) == (True, False)
    data = {"name": other.name, "kind": "union", "scope": "local", "stage": "partner"}
    assert "was merged into Teachers United" in organizer.post(reverse("organizations:add"), data).content.decode()
    organizer.post(url("restore", other))
    assert Organization.objects.get(pk=other.pk).is_binned
    assert "Undone" in organizer.post(url("undo_merge", done), follow=True).content.decode()
    assert not Organization.objects.get(pk=other.pk).is_binned
    assert "undone already" in organizer.post(url("undo_merge", done), follow=True).content.decode()


def test_a_stale_page_is_told_and_changes_nothing(organizer, kept, other):
    seen = uniting.Plan(kept, other).seen
    Organization.objects.filter(pk=other.pk).update(city="Boston")
    answer = organizer.post(url("compare", kept, other), {"seen": seen}, follow=True)
    assert "changed meanwhile" in answer.content.decode()
    assert not OrganizationMerge.objects.exists()
    assert organizer.post(url("compare", kept, other)).status_code == 404
    uniting.merge(kept, other)
    assert "merged or put into the bin meanwhile" in page(organizer, "compare", kept, other)


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ANALYST])
def test_who_may_not_merge_finds_no_way_there(client, kept, other, role):
    done = uniting.merge(kept, factories.OrganizationFactory())
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    assert url("same", kept) not in page(client, "inspect", kept)
    for answer in (
        client.get(url("same", kept)),
        client.post(url("compare", kept, other), {"seen": ""}),
        client.get(url("merged", done)),
        client.post(url("undo_merge", done)),
    ):
        assert answer.status_code in (302, 403)
        assert answer.headers.get("Location", "").startswith(("/admin/", ""))
    assert OrganizationMerge.objects.get().undone_at is None


def test_the_list_of_what_can_be_compared_asks_a_fixed_number_of_queries(organizer, kept, django_assert_num_queries):
    factories.OrganizationFactory(name="Valley 0")
    page(organizer, "same", kept, q="valley")
    with CaptureQueriesContext(connection) as one:
        page(organizer, "same", kept, q="valley")
    for number in range(1, 30):
        factories.OrganizationFactory(name=f"Valley {number}")
    with django_assert_num_queries(len(one)):
        page(organizer, "same", kept, q="valley")


def test_a_segment_that_names_the_merged_one_goes_on_to_find_its_people(kept, other):
    representative = factories.RepresentativeFactory(organization=other)
    segment = Segment.objects.create(
        name="TU", criteria={"all": [{"is": "organization", "value": {"organizations": [other.pk]}}]}
    )
    assert list(segments.people(segment)) == [representative.person]
    uniting.merge(kept, other)
    assert list(segments.people(segment)) == [representative.person]
