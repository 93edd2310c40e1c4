"""The board of partnerships: what its cards say, how they move, and what asks before it happens."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coalition import accounts, follow_ups
from coalition.accounts import Role
from coalition.models import Organization
from coalition.views.organizations.board import CARDS
from tests import factories

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def enter(client, role):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), role)
    client.force_login(client.user)
    return client


@pytest.fixture
def organizer(client):
    return enter(client, Role.ORGANIZER)


@pytest.fixture
def partner():
    return factories.OrganizationFactory(name="Teachers United", stage="partner")


def board(client, **query):
    return client.get(reverse("organizations:board"), query)


def standing(response):
    return {c["stage"].value: [card.name for card in c["cards"]] for c in response.context["columns"] if c["cards"]}


def move(client, organization, stage, *, come_from=None, htmx=False, **more):
    sent = {"stage": stage, "from": come_from or organization.stage, **more}
    headers = HTMX if htmx else {}
    return client.post(reverse("organizations:move", args=[organization.pk]), sent, headers=headers)


def test_the_columns_stand_in_order_with_counts_and_cards_by_name(organizer):
    make = factories.OrganizationFactory
    make(name="The Zebra Fund", stage="partner")
    make(name="El Faro", stage="partner")
    make(name="Ándale", stage="left")
    make(name="Nobody", stage="left", binned_at=timezone.now())
    page = board(organizer)
    columns = [(c["stage"].value, c["count"]) for c in page.context["columns"]]
    assert columns == [
        ("identified", 0),
        ("contacted", 0),
        ("conversation", 0),
        ("partner", 2),
        ("paused", 0),
        ("left", 1),
    ]
    assert standing(page) == {"partner": ["El Faro", "The Zebra Fund"], "left": ["Ándale"]}


def test_the_board_is_narrowed_as_the_list_is(organizer):
    make = factories.OrganizationFactory
    make(name="Ándale", kind="families", state="MA")
    make(name="Andes", kind="union", state="MA")
    make(name="Bay", kind="union", state="MN")
    assert standing(board(organizer, q="and")) == {"partner": ["Ándale", "Andes"]}
    assert standing(board(organizer, kind="union", state="MN")) == {"partner": ["Bay"]}
    page = board(organizer, kind="faith")
    assert standing(page) == {}
    assert "No organization matches" in page.content.decode()
    assert page.context["list_url"] == reverse("organizations:index") + "?kind=faith"


def test_a_card_says_who_may_sign_and_what_is_next(organizer, partner):
    may, may_not, gone = (factories.RepresentativeFactory(organization=partner, may_sign=may) for may in (1, 0, 1))
    gone.person.binned_at = timezone.now()
    gone.person.save()
    later, soon = (timezone.localdate() + datetime.timedelta(days=n) for n in (9, -1))
    follow_ups.add(partner, text="Ask again", due=later)
    follow_ups.add(partner, text="Call the director", due=soon)
    done = follow_ups.add(partner, text="Write first", due=soon - datetime.timedelta(days=3))
    follow_ups.done(done)
    card = next(c["cards"][0] for c in board(organizer).context["columns"] if c["cards"])
    assert [r.person for r in card.signing] == [may.person]
    assert (card.next, card.due, card.is_due) == ("Call the director", soon, True)
    assert may_not.person.name not in board(organizer).content.decode()


def test_nobody_may_sign_is_said(organizer, partner):
    assert "Nobody may sign" in board(organizer).content.decode()


def test_a_long_column_shows_some_and_then_all_with_as_many_queries(organizer, partner, django_assert_num_queries):
    factories.RepresentativeFactory(organization=partner)
    board(organizer)
    with CaptureQueriesContext(connection) as one:
        board(organizer)
    for _number in range(CARDS + 5):
        factories.RepresentativeFactory()
    with django_assert_num_queries(len(one)):
        page = board(organizer)
    column = next(c for c in page.context["columns"] if c["stage"] == "partner")
    assert (column["count"], len(column["cards"]), column["more"]) == (CARDS + 6, CARDS, 6)
    assert f"Show all {CARDS + 6}" in page.content.decode()
    column = next(c for c in board(organizer, all="partner").context["columns"] if c["stage"] == "partner")
    assert (len(column["cards"]), column["more"]) == (CARDS + 6, 0)


def test_a_column_too_long_for_the_board_leads_to_the_list(organizer, monkeypatch):
    monkeypatch.setattr("coalition.views.organizations.board.MOST", CARDS + 2)
    for _number in range(CARDS + 3):
        factories.OrganizationFactory(stage="contacted")
    page = board(organizer, all="contacted", kind="education")
    column = next(c for c in page.context["columns"] if c["stage"] == "contacted")
    assert len(column["cards"]) == CARDS + 2
    assert column["all_url"] == reverse("organizations:index") + "?kind=education&stage=contacted"


def test_a_plain_move_and_its_message(organizer, partner):
    response = move(organizer, partner, "paused")
    assert response.url == reverse("organizations:board") + "?column=paused"
    assert Organization.objects.get().stage == "paused"
    assert partner.entries.get().by == organizer.user
    response = move(organizer, partner, "contacted", come_from="paused", back="page")
    assert response.url == reverse("organizations:inspect", args=[partner.pk])


def test_a_move_in_place_shows_the_board_and_can_be_undone_once(organizer, partner):
    since = partner.stage_at
    answer = move(organizer, partner, "paused", htmx=True)
    assert standing(answer) == {"paused": ["Teachers United"]}
    html = answer.content.decode()
    assert "Teachers United moved to “Paused”." in html
    assert 'hx-swap-oob="innerHTML"' in html
    undo = {"undo": answer.context["undo"]}
    url = reverse("organizations:undo_move", args=[partner.pk])
    answer = organizer.post(url, undo, headers=HTMX)
    assert standing(answer) == {"partner": ["Teachers United"]}
    assert Organization.objects.get().stage_at == since
    organizer.post(url, undo, headers=HTMX)
    assert partner.entries.count() == 2
    move(organizer, partner, "contacted", htmx=True)
    answer = organizer.post(url, undo, headers=HTMX)  # moved since: nothing to undo
    assert "was moved meanwhile" in answer.content.decode()
    assert Organization.objects.get().stage == "contacted"


def test_an_undo_of_another_organization_or_a_forged_one_is_refused(organizer, partner):
    other = factories.OrganizationFactory()
    undo = move(organizer, partner, "paused", htmx=True).context["undo"]
    assert organizer.post(reverse("organizations:undo_move", args=[other.pk]), {"undo": undo}).status_code == 302
    organizer.post(reverse("organizations:undo_move", args=[partner.pk]), {"undo": undo + "x"})
    assert list(Organization.objects.order_by("pk").values_list("stage", flat=True)) == ["paused", "partner"]


def test_a_stale_card_and_an_unknown_stage_change_nothing(organizer, partner):
    answer = move(organizer, partner, "paused", come_from="contacted", htmx=True)
    assert "was moved meanwhile: it stands at “Partner”" in answer.content.decode()
    assert "Choose a stage." in move(organizer, partner, "friend", htmx=True).content.decode()
    assert "stands at “Partner” already" in move(organizer, partner, "partner", htmx=True).content.decode()
    assert Organization.objects.get().stage == "partner"
    assert not partner.entries.exists()


def test_that_a_partner_leaves_is_asked_with_what_it_means(organizer, partner):
    answer = move(organizer, partner, "left", htmx=True)
    assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#board-said", "innerHTML")
    assert "Has Teachers United left the coalition?" in answer.content.decode()
    plain = move(organizer, partner, "left", back="page")
    assert plain.templates[0].name == "coalition/organizations/leave.html"
    assert plain.context["back_url"] == reverse("organizations:inspect", args=[partner.pk])
    assert Organization.objects.get().stage == "partner"
    move(organizer, partner, "left", htmx=True, sure="1")
    assert Organization.objects.get().stage == "left"


def test_one_that_is_no_partner_may_leave_unasked(organizer):
    organization = factories.OrganizationFactory(stage="contacted")
    move(organizer, organization, "left")
    assert Organization.objects.get().stage == "left"


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ANALYST])
def test_who_may_not_see_people_sees_numbers_and_moves_nothing(client, partner, role):
    person = factories.PersonFactory(name="Zoraida Secreta")
    factories.RepresentativeFactory(organization=partner, person=person)
    follow_ups.add(partner, text="Call Zoraida", due=timezone.localdate())
    enter(client, role)
    html = board(client).content.decode()
    assert "Teachers United" in html
    assert "1 person may sign" in html
    assert "oraida" not in html
    move(client, partner, "paused")
    assert Organization.objects.get().stage == "partner"


def test_a_translator_has_no_board(client, partner):
    enter(client, Role.TRANSLATOR)
    assert "Teachers United" not in client.get(reverse("organizations:board"), follow=True).content.decode()
