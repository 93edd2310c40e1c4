"""The board of a round: counted and paged by the database, and the same whatever the size."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coalition import counting, signing_on
from coalition.counting import State
from coalition.models import Decision, Organization, Region
from tests import factories

from .signons import Choice, amend, asked, open_round, sign


def counted(tally):
    return (tally.label, tally.asked, tally.opened, tally.thinking, tally.decided)


def test_asked_opened_thinking_and_decided_by_scope_and_region(round_):
    valley = Region.objects.create(name={"en": "Pioneer Valley", "es": "Valle"}, slug="valley")
    harbor = Region.objects.create(name={"en": "Harbor", "es": "Puerto"}, slug="harbor")
    signed, opened = asked(round_, scope="state"), asked(round_, scope="state")
    silent, thinks = asked(round_, scope="local"), asked(round_, scope="local")
    sign(signed)
    signing_on.mark_seen(opened)
    sign(thinks, "time", until=timezone.localdate() + timedelta(days=5), attested=False)
    signed.organization.regions.add(valley, harbor)
    silent.organization.regions.add(valley)
    board = counting.Board(round_)
    whole, scopes = board.tally()
    assert counted(whole) == ("", 4, 2, 2, 1)
    assert [counted(each) for each in scopes] == [("Statewide", 2, 2, 1, 1), ("Local", 2, 0, 1, 0)]
    regions = {counted(each) for each in board.tally_by_region()}
    assert regions == {("Pioneer Valley", 2, 1, 0, 1), ("Harbor", 1, 1, 0, 1), ("No region", 2, 1, 2, 0)}
    assert [each.label for each in board.tally_by_region()][-1] == "No region"


def test_the_states_that_the_database_finds(round_, publication, editor):
    again, withdrawn, silent = asked(round_), asked(round_), asked(round_)
    sign(again), sign(withdrawn)
    signing_on.withdraw(withdrawn, language="en")
    amend(publication, editor)
    late = asked(round_)
    round_.deadline = timezone.now() - timedelta(hours=1)
    round_.save()
    sign(late)
    stands = {each.pk: each.stands for each in counting.Board(round_).partners()}
    assert stands == {
        again.organization_id: State.AGAIN,
        withdrawn.organization_id: State.ASKED,
        silent.organization_id: State.ASKED,
        late.organization_id: State.LATE,
    }


def test_a_closed_round_is_counted_as_it_was_left(round_, publication, editor):
    stays, changes = asked(round_), asked(round_)
    sign(stays), sign(changes)
    signing_on.close_round(round_)
    amend(publication, editor)
    later = open_round(publication, editor)
    sign(asked(later, organization=changes.organization), Choice.DECLINE)
    round_.refresh_from_db()
    whole, _scopes = counting.Board(round_).tally()
    assert (whole.asked, whole.states[State.SIGN]) == (2, 2)
    whole, _scopes = counting.Board(later).tally()
    assert (whole.asked, whole.states[State.DECLINE]) == (1, 1)


def test_a_private_reason_is_never_shown(client, editor, round_):
    client.force_login(editor)
    sign(asked(round_), Choice.DECLINE, reason="Between us", reason_private=True)
    sign(asked(round_), Choice.DECLINE, reason="The third step", reason_private=False)
    page = client.get(reverse("rounds:inspect", args=[round_.pk])).text
    assert ("Between us" in page, "The third step" in page) == (False, True)


def test_one_partner_is_found_by_the_link_from_elsewhere(client, editor, round_):
    client.force_login(editor)
    one, _other = asked(round_), asked(round_)
    address = reverse("rounds:inspect", args=[round_.pk])
    page = client.get(f"{address}?partner={one.organization_id}")
    assert [line.organization for line in page.context["page_obj"]] == [one.organization]
    for odd in ("x", "9" * 40, "-1", "²"):
        assert client.get(address, {"partner": odd}).status_code == 200


def test_the_ticked_are_reminded_and_nobody_else(client, editor, round_):
    client.force_login(editor)
    one, _other = asked(round_), asked(round_)
    round_.invitations.update(invited_at=timezone.now() - timedelta(days=3))
    page = client.get(reverse("rounds:inspect", args=[round_.pk])).text
    assert f'name="organizations" value="{one.organization_id}"' in page
    client.post(reverse("rounds:remind_chosen", args=[round_.pk]), {"organizations": [one.organization_id]})
    assert {a.organization_id for a in one.round.invitations.get(pk=one.pk).asks.filter(kind="reminder")} == {
        one.organization_id
    }


def test_the_board_asks_the_same_queries_whatever_the_size(client, editor, round_):
    client.force_login(editor)
    region = Region.objects.create(name={"en": "Valley", "es": "Valle"}, slug="valley")
    address = reverse("rounds:inspect", args=[round_.pk])

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    def grow(number):
        for _number in range(number):
            sign(asked(round_))
            asked(round_)
        for organization in Organization.objects.all():
            organization.regions.add(region)

    grow(1)
    client.get(address)
    before = queries()
    grow(29)
    assert queries() == before
    assert Decision.objects.count() == 30


@pytest.mark.parametrize("name", ["board", "forecast", "letter"])
def test_pages_of_a_round_for_an_empty_one(client, editor, round_, name):
    client.force_login(editor)
    address = {"board": "rounds:inspect"}.get(name, f"rounds:{name}")
    assert client.get(reverse(address, args=[round_.pk])).status_code == 200
    assert factories.OrganizationFactory().pk


def test_P5_the_audit_says_in_words_what_partners_did(client, editor, round_):
    client.force_login(editor)
    address = reverse("audit:index")

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    sign(asked(round_, name="Harbor Mentors"))
    client.get(address)
    before = queries()
    for _number in range(9):
        sign(asked(round_))
    assert queries() == before
    page = client.get(address).text
    assert f"how it came: Personal link · decision: {Decision.Choice.SIGN.label} · version: 1" in page
    assert "Harbor Mentors" in page
