"""The back office's pages about publications and rounds: what an organizer sees, and what each button does once."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from coalition import publishing, signing_on
from coalition.models import Decision, Notice, Round
from tests import factories

from .signons import Choice, amend, asked, board, sign, texts


@pytest.fixture
def staff(client, editor):
    client.force_login(editor)
    return client


def partner(name, *, email=True, may_sign=True):
    return factories.RepresentativeFactory(
        organization=factories.OrganizationFactory(name=name),
        person=factories.PersonFactory(email=email),
        may_sign=may_sign,
    )


def words(**more):
    day = timezone.localdate() + timedelta(days=10)
    return {
        "day": day.isoformat(),
        "time": "17:00",
        "zone": "America/Chicago",
        "addressee_en": "The committee",
        "addressee_es": "El comité",
        "message_en": "Please read.",
        "message_es": "Por favor lean.",
        "scopes": ["national", "state", "local"],
        "reminder_days": "7, 2",
        **more,
    }


def test_a_round_is_opened_after_one_look_at_who_is_asked(staff, publication):
    reached, mute, nobody = (
        partner("Harbor Mentors"),
        partner("Valley Readers", email=False),
        partner("El Faro", may_sign=False),
    )
    chosen = [r.organization_id for r in (reached, mute, nobody)]
    address = reverse("rounds:open", args=[publication.pk])
    assert "Harbor Mentors" in staff.get(address).text
    look = staff.post(address, words(organizations=chosen))
    assert look.status_code == 200
    assert "Open the round and send 1 invitation<" in look.text
    assert f"Valley Readers: no email reaches {mute.person}" in look.text
    assert "El Faro: nobody may sign for it yet" in look.text
    assert not Round.objects.exists()
    done = staff.post(address, words(organizations=chosen, confirmed="1"))
    round_ = Round.objects.get()
    assert done.url == reverse("rounds:inspect", args=[round_.pk])
    assert (round_.zone, round_.deadline.hour in (22, 23), str(round_.addressee)) == (
        "America/Chicago",
        True,
        "The committee",
    )
    assert [n.person for n in Notice.objects.all()] == [reached.person]
    assert staff.post(address, words(organizations=chosen, confirmed="1")).url == reverse(
        "publications:inspect", args=[publication.pk]
    )
    assert Round.objects.count() == 1


def test_a_round_with_a_past_deadline_or_one_language_comes_back_with_what_was_entered(staff, publication):
    address = reverse("rounds:open", args=[publication.pk])
    page = staff.post(address, words(day="2020-01-01", message_es="", confirmed="1"))
    assert page.status_code == 422
    assert "Choose a time that is still to come." in page.text
    assert "Write it in every language, or in none." in page.text
    assert "Please read." in page.text
    assert not Round.objects.exists()


def test_an_unfrozen_publication_opens_no_round(staff, db):
    publication = factories.PublicationFactory()
    page = staff.get(reverse("rounds:open", args=[publication.pk]), follow=True)
    assert "Freeze the text first" in page.text
    assert "No text is frozen yet" in page.text


def test_inviting_more_and_pressing_twice(staff, round_):
    before, later = asked(round_), partner("Harbor Mentors")
    address = reverse("rounds:invite", args=[round_.pk])
    page = staff.get(address).text
    assert (later.organization.name in page, before.organization.name in page) == (True, False)
    assert staff.post(address, {}).status_code == 422
    chosen = {"organizations": [later.organization_id]}
    assert "Send 1 invitation<" in staff.post(address, chosen).text
    for _press in range(2):
        assert staff.post(address, chosen | {"confirmed": "1"}).status_code == 302
    assert round_.invitations.count() == 2
    assert Notice.objects.filter(kind="invitation").count() == 2


def test_the_board_shows_where_every_partner_stands(staff, round_, publication, editor):
    signed, silent = asked(round_, name="Harbor Mentors"), asked(round_, name="Valley Readers")
    sign(signed)
    signing_on.mark_seen(silent)
    address = reverse("rounds:inspect", args=[round_.pk])
    everybody = staff.get(address)
    assert (everybody.context["asked"], everybody.context["decided"], everybody.context["undecided"]) == (2, 1, 1)
    assert "Remind 1 partner<" in everybody.text
    undecided = staff.get(address + "?state=undecided")
    assert [line.organization.name for line in undecided.context["page_obj"]] == ["Valley Readers"]
    found = staff.get(address + "?q=harbor")
    assert [line.organization.name for line in found.context["page_obj"]] == ["Harbor Mentors"]
    assert "No partner here" in staff.get(address + "?q=nobody").text
    amend(publication, editor)
    again = staff.get(address + "?state=again")
    assert [line.organization.name for line in again.context["page_obj"]] == ["Harbor Mentors"]


def test_an_empty_round_says_what_to_do(staff, round_):
    page = staff.get(reverse("rounds:inspect", args=[round_.pk])).text
    assert "Nobody was asked yet" in page
    assert reverse("rounds:invite", args=[round_.pk]) in page


def test_reminding_one_and_all(staff, round_):
    one, other = asked(round_), asked(round_)
    staff.post(reverse("rounds:remind", args=[round_.pk, one.organization_id]))
    assert [n.person for n in Notice.objects.filter(kind="reminder")] == [one.representative.person]
    for _press in range(2):
        staff.post(reverse("rounds:remind_all", args=[round_.pk]))
    reminded = Notice.objects.filter(kind="reminder").order_by("pk")
    assert [n.person for n in reminded] == [one.representative.person, other.representative.person]


def test_the_link_is_sent_to_the_partner_and_never_shown_to_staff(staff, round_):
    invitation = asked(round_)
    page = staff.post(reverse("rounds:send_link", args=[round_.pk, invitation.pk]), follow=True)
    assert "The link is on its way." in page.text
    assert Notice.objects.get(kind="link").person == invitation.representative.person
    assert invitation.nonce not in page.text


@pytest.mark.parametrize(("name", "live"), [("accept", True), ("set_aside", False)])
def test_G3_staff_settle_a_late_signature_once(staff, round_, editor, name, live):
    invitation = asked(round_)
    with time_machine.travel(round_.deadline + timedelta(minutes=1)):
        late = sign(invitation)
        board = reverse("rounds:inspect", args=[round_.pk])
        staff.force_login(editor)
        assert "1 late signature waits for you" in staff.get(board).text
        for _press in range(2):
            staff.post(reverse(f"rounds:{name}", args=[round_.pk, late.pk]))
        assert "late signature waits" not in staff.get(board).text
    late.refresh_from_db()
    assert (late.live, late.accepted, late.settled_by) == (live, live, editor)
    assert Notice.objects.filter(kind="late_answer").count() == 1


def test_a_late_signature_is_settled_only_from_its_own_round(staff, round_, editor):
    with time_machine.travel(round_.deadline + timedelta(minutes=1)):
        late = sign(asked(round_))
    other = factories.PublicationFactory()
    publishing.freeze(other, texts(), by=editor)
    elsewhere = signing_on.open_round(other, deadline=timezone.now() + timedelta(days=1), zone="UTC", by=editor)
    assert staff.post(reverse("rounds:accept", args=[elsewhere.pk, late.pk])).status_code == 404
    assert not Decision.objects.live().exists()


def test_closing_is_confirmed_and_the_deadline_moves(staff, round_):
    asked(round_)
    moved = staff.post(reverse("rounds:change", args=[round_.pk]), words())
    round_.refresh_from_db()
    assert (moved.status_code, round_.zone) == (302, "America/Chicago")
    page = staff.get(reverse("rounds:close", args=[round_.pk]))
    assert "1 of 1 partners has not answered" in page.text
    round_.refresh_from_db()
    assert round_.closed_at is None
    staff.post(reverse("rounds:close", args=[round_.pk]))
    round_.refresh_from_db()
    assert round_.closed_at is not None
    assert "Remind" not in staff.get(reverse("rounds:inspect", args=[round_.pk])).text


def test_a_closed_round_keeps_the_answers_it_was_left_with(round_, publication, editor):
    signed, quiet = asked(round_), asked(round_)
    sign(signed)
    sign(quiet, choice=Choice.SUPPORT)
    signing_on.close_round(round_)
    amend(publication, editor)
    round_.refresh_from_db()
    assert sorted(line.state for line in board(round_)) == ["sign", "support"]


def test_the_lists_find_by_word_and_state_with_a_fixed_number_of_queries(
    staff, round_, publication, editor, django_assert_max_num_queries
):
    for _n in range(12):
        other = factories.PublicationFactory(kind="letter", title={"en": "Another matter", "es": "Otra cosa"})
        publishing.freeze(other, texts(), by=editor)
    sign(asked(round_))
    address = reverse("publications:index")
    staff.get(address)
    with django_assert_max_num_queries(25):
        page = staff.get(address)
    assert len(page.context["object_list"]) == 13
    for query in ("?q=lea+en+tercer", "?q=niña", "?kind=brief", "?round=open"):
        assert [p.pk for p in staff.get(address + query).context["object_list"]] == [publication.pk], query
    assert list(staff.get(reverse("rounds:index") + "?state=closed").context["object_list"]) == []
    assert list(staff.get(reverse("rounds:index") + "?state=open").context["object_list"]) == [round_]


def test_a_publication_shows_who_signed_and_who_fell_away(staff, round_, publication, editor):
    sign(asked(round_, name="Harbor Mentors"))
    address = reverse("publications:inspect", args=[publication.pk])
    assert "1 organization signed this version" in staff.get(address).text
    amend(publication, editor)
    page = staff.get(address)
    assert "1 organization signed an earlier version" in page.text
    assert [(v.number, v.signatures) for v in page.context["versions"]] == [(2, 0), (1, 1)]


def test_looking_is_not_changing(client, round_):
    analyst = factories.UserFactory(is_superuser=False)
    analyst.user_permissions.set(
        Permission.objects.filter(codename__in=["access_admin", "view_round", "view_publication"])
    )
    client.force_login(analyst)
    invitation = asked(round_)
    sign(invitation)
    board = client.get(reverse("rounds:inspect", args=[round_.pk]))
    assert board.status_code == 200
    assert invitation.representative.person.name not in board.text
    assert "Carmen Iris" not in board.text
    for name in ("invite", "change", "close", "remind_all", "remind_chosen"):
        page = client.post(reverse(f"rounds:{name}", args=[round_.pk]))
        assert (page.status_code, page.url) == (302, reverse("wagtailadmin_home"))
    assert not Notice.objects.filter(kind="reminder").exists()
    round_.refresh_from_db()
    assert round_.closed_at is None
