"""Opening and changing a round: what an organizer enters, what is proposed, what is said before anybody is asked."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.urls import reverse

from coalition import signing_on
from coalition.models import Decision, Installation, Notice, Policy, Round, Segment, StandingAuthorization, Topic
from tests import factories

from .signons import asked, open_round

EASTERN = ZoneInfo("America/New_York")
MONDAY = datetime(2026, 6, 1, 9, tzinfo=EASTERN)


@pytest.fixture(autouse=True)
def clock(installation):
    with time_machine.travel(MONDAY) as traveller:
        yield traveller


@pytest.fixture
def staff(client, editor):
    client.force_login(editor)
    return client


def words(**more):
    return {
        "official_day": "2026-06-22",  # a Monday
        "official_time": "12:00",
        "zone": "America/New_York",
        "day": "",
        "time": "17:00",
        "scopes": ["national", "state", "local"],
        "reminder_days": "7, 2",
        "second_after_days": "3",
        **more,
    }


def speaker(name, *, language="en", email=True, **organization):
    return factories.RepresentativeFactory(
        organization=factories.OrganizationFactory(name=name, **organization),
        person=factories.PersonFactory(email=email, language=language),
    )


def propose(day, hour=12, organizations=(), zone="America/New_York"):
    return signing_on.propose_deadline(datetime(2026, 6, day, hour, tzinfo=EASTERN), zone, organizations)


# The deadline that is proposed (G3)


def test_G3_our_deadline_is_proposed_working_days_before_the_official_one():
    proposal = propose(22)  # Monday: three working days before is Wednesday
    assert proposal.deadline == datetime(2026, 6, 17, 12, tzinfo=EASTERN)
    assert proposal.why == "3 working days before the official deadline, as the coalition settings say."
    Installation.objects.update(days_before_official=1)
    assert propose(22, hour=18).deadline == datetime(2026, 6, 19, 17, tzinfo=EASTERN)
    Installation.objects.update(days_before_official=0)
    assert propose(22).deadline == datetime(2026, 6, 22, 12, tzinfo=EASTERN)


def test_G3_it_is_counted_on_the_clock_of_the_zone():
    proposal = propose(22, hour=2, zone="America/Los_Angeles")  # still Sunday there
    assert proposal.deadline == datetime(2026, 6, 17, 17, tzinfo=ZoneInfo("America/Los_Angeles"))


def test_G3_partners_who_need_more_time_get_it_and_it_is_said_who():
    slow, quick, never = (speaker(name).organization for name in ("Valley Readers", "Harbor Mentors", "El Faro"))
    for organization, days in ((slow, 9), (quick, 2), (never, 60)):
        Policy.objects.create(organization=organization, lead_days=days)
    assert propose(11, organizations=[quick]).deadline.day == 8
    proposal = propose(11, organizations=[slow, quick, never])
    assert proposal.deadline == datetime(2026, 6, 10, 12, tzinfo=EASTERN)
    assert proposal.why == (
        "1 working day before the official deadline: the latest days, "
        "because Valley Readers asked for 9 days to decide."
    )


def test_G3_where_the_official_deadline_is_near_there_are_fewer_days_and_never_one_after_it():
    assert propose(3).deadline == datetime(2026, 6, 2, 12, tzinfo=EASTERN)
    today = propose(1, hour=15)
    assert (today.deadline, today.why) == (
        datetime(2026, 6, 1, 15, tzinfo=EASTERN),
        "The official deadline is too near to leave a day before it.",
    )


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"deadline": MONDAY - timedelta(days=1)}, "deadline"),
        ({"official_deadline": MONDAY + timedelta(days=2)}, "deadline"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"quiet_from": date(2026, 6, 5)}, "quiet_until"),
        ({"quiet_from": date(2026, 6, 5), "quiet_until": date(2026, 6, 4)}, "quiet_until"),
        ({"scopes": ["galactic"]}, "scopes"),
        ({"reminder_days": [7, -1]}, "reminder_days"),
    ],
)
def test_a_round_that_does_not_fit_together_is_refused_by_field(publication, editor, terms, field):
    said = {"deadline": MONDAY + timedelta(days=3), "zone": "America/New_York", "by": editor}
    with pytest.raises(ValidationError) as refused:
        signing_on.open_round(publication, **(said | terms))
    assert list(refused.value.message_dict) == [field]
    assert not Round.objects.exists()


# The pages


def test_a_round_is_opened_with_everything_it_says(staff, publication):
    address = reverse("rounds:open", args=[publication.pk])
    said = words(
        addressee_en="The committee",
        addressee_es="El comité",
        bill="H.R. 1234",
        scopes=["state"],
        individuals="on",
        by_text="on",
        reminder_days="2, 7 7",
        second_after_days="",
        quiet_from="2026-06-05",
        quiet_until="2026-06-07",
    )
    proposed = staff.post(address, said | {"propose": "1"})
    assert proposed.context["form"]["day"].value() == "2026-06-17"
    assert "3 working days before the official deadline" in proposed.text
    look = staff.post(address, said)
    for shown in (
        "Wednesday, June 17, 2026, 12:00\u00a0p.m. Eastern Time",
        "Monday, June 22, 2026, 12:00\u00a0p.m. Eastern Time",
        "3 working days before the official deadline",
        "June 10, 2026 and June 15, 2026; by text, too",
        "Statewide; individuals, too",
        "June 5, 2026 to June 7, 2026: no reminders",
    ):
        assert shown in look.text, shown
    hidden = {name: field.value() for name, field in ((f.name, f) for f in look.context["form"]) if field.value()}
    staff.post(address, hidden | {"confirmed": "1"})
    round_ = Round.objects.get()
    publication.refresh_from_db()
    assert (round_.deadline, round_.official_deadline, publication.bill) == (
        datetime(2026, 6, 17, 12, tzinfo=EASTERN),
        datetime(2026, 6, 22, 12, tzinfo=EASTERN),
        "H.R. 1234",
    )
    assert (round_.scopes, round_.individuals, round_.by_text, round_.reminder_days, round_.second_after_days) == (
        ["state"],
        True,
        True,
        [7, 2],
        None,
    )
    assert (round_.quiet_from, round_.quiet_until) == (date(2026, 6, 5), date(2026, 6, 7))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"official_day": ""}, "Choose the day, or enter the official deadline and we propose one."),
        ({"day": "2026-06-23"}, "Partners must answer before the official deadline. Choose an earlier day."),
        ({"official_day": "2026-05-01"}, "Choose a time that is still to come."),
        ({"scopes": []}, "Choose at least one."),
        ({"reminder_days": "soon"}, "Enter whole days, from 0 to 90, such as 7, 2."),
        ({"reminder_days": "100"}, "Enter whole days, from 0 to 90, such as 7, 2."),
        ({"quiet_from": "2026-06-05"}, "Choose both days, or neither."),
        ({"quiet_from": "2026-06-05", "quiet_until": "2026-06-01"}, "The last quiet day comes after the first."),
        ({"addressee_en": "The committee"}, "Write it in every language, or in none."),
    ],
)
def test_a_mistake_comes_back_in_words_with_what_was_entered(staff, publication, wrong, says):
    partner = speaker("Harbor Mentors").organization
    said = words(bill="H.R. 1234", organizations=[partner.pk]) | wrong
    page = staff.post(reverse("rounds:open", args=[publication.pk]), said | {"confirmed": "1"})
    assert page.status_code == 422
    assert page.text.count(says) == 2  # in the summary on top and beside the field
    assert 'value="H.R. 1234"' in page.text
    assert f'value="{partner.pk}" id="partner-{partner.pk}" checked' in page.text
    assert not Round.objects.exists()


@pytest.fixture
def topic(publication):
    topic = Topic.objects.create(name={"en": "Reading", "es": "Lectura"}, slug="reading")
    publication.topics.add(topic)
    return topic


def test_everything_to_know_is_said_before_anybody_is_asked(staff, publication, topic, editor):
    never, slow, full, signs, local, mute, plain = (
        speaker("Never Readers"),
        speaker("Slow Readers"),
        speaker("Full Readers"),
        speaker("Standing Readers"),
        speaker("Local Readers", scope="local"),
        speaker("Mute Readers", email=False),
        speaker("Plain Readers", language="es"),
    )
    for each in (never, slow, full, signs, plain, mute):
        type(each.organization).objects.filter(pk=each.organization_id).update(scope="state")
    Policy.objects.create(organization=never.organization).never.add(topic)
    Policy.objects.create(organization=slow.organization, lead_days=30, approvers="The board, on first Mondays")
    Policy.objects.create(organization=full.organization, asks_a_month=0)
    StandingAuthorization.objects.create(
        organization=signs.organization,
        signer=signs.person,
        signer_name="Ana Ruiz",
        attestation="I may.",
        language="en",
        given_at=MONDAY,
        expires_on=date(2027, 1, 1),
    ).topics.add(topic)
    address, chosen = reverse("rounds:open", args=[publication.pk]), [never, slow, full, signs, local, mute, plain]
    table = staff.get(address).text
    for shown in ("It never signs on Reading.", "Must approve: The board", "Its limit of 0 emails a month is used up"):
        assert shown in table, shown
    said = words(day="2026-06-15", scopes=["state"], organizations=[each.organization_id for each in chosen])
    look = staff.post(address, said)
    for shown in (
        "Open the round and send 3 invitations",
        "It never signs on Reading.",
        "It needs 30 days to decide; days left: 14.",
        "1 partner signs at once, by its standing authorization",
        "can take the signature back with one press",
        "On its desk today, by email from July 1, 2026 on",
        "For 1 of them that is after the deadline.",
        "Local Readers: this round does not ask its scope",
        f"Mute Readers: no email reaches {mute.person}",
    ):
        assert shown in look.text, shown
    assert not Notice.objects.exists()
    done = staff.post(address, said | {"confirmed": "1"}, follow=True).text
    for shown in ("3 invitations are on their way.", "1 partner signed at once", "1 partner used up its limit"):
        assert shown in done, shown
    assert [d.organization for d in Decision.objects.live()] == [signs.organization]
    assert Notice.objects.filter(kind="standing").count() == 1
    invited = Notice.objects.filter(kind="invitation").values_list("person", flat=True)
    assert sorted(invited) == sorted(each.person_id for each in (never, slow, plain))


def test_a_segment_invites_those_in_it_who_may_speak_for_a_partner(staff, publication):
    spanish, english, reader = speaker("El Faro", language="es"), speaker("Harbor Mentors"), None
    reader = factories.PersonFactory(email=True, language="es")  # speaks for nobody
    also = factories.RepresentativeFactory(
        organization=english.organization, person=factories.PersonFactory(email=True, language="es"), position=9
    )
    segment = Segment.objects.create(name="In Spanish", criteria={"all": [{"is": "language", "value": "es"}]})
    address, said = reverse("rounds:open", args=[publication.pk]), words(day="2026-06-15", segment=segment.pk)
    look = staff.post(address, said)
    assert "Open the round and send 2 invitations" in look.text
    assert f'name="segment" value="{segment.pk}"' in look.text
    staff.post(address, said | {"confirmed": "1"})
    round_ = Round.objects.get()
    assert round_.segment == segment
    assert set(round_.invitations.values_list("representative", flat=True)) == {spanish.pk, also.pk}
    assert not Notice.objects.filter(person=reader).exists()
    # Ticked by hand, the first in order is asked, whoever is in the segment.
    signing_on.close_round(round_)
    staff.post(address, said | {"confirmed": "1", "organizations": [english.organization_id]})
    later = Round.objects.order_by("-pk").first()
    assert set(later.invitations.values_list("representative", flat=True)) == {spanish.pk, english.pk}


def test_a_round_is_changed_and_the_undecided_are_told_of_a_new_deadline(staff, round_):
    invitation = asked(round_)
    address = reverse("rounds:change", args=[round_.pk])
    form = staff.get(address).context["form"]
    same = {field.name: field.value() for field in form if field.value() not in (None, False)}
    assert staff.post(address, same).status_code == 302
    assert not Notice.objects.filter(kind="deadline_moved").exists()
    moved = staff.post(address, same | {"day": "2026-06-25", "message_en": "Once more.", "message_es": "Otra vez."})
    assert moved.status_code == 302
    notice = Notice.objects.get(kind="deadline_moved")
    assert notice.person == invitation.representative.person
    assert "New deadline, June 25, 2026" in notice.subject
    assert "It was Monday, June 8, 2026" in notice.text
    round_.refresh_from_db()
    assert str(round_.message) == "Once more."
    refused = staff.post(address, same | {"day": "2026-05-25"})
    assert (refused.status_code, "Choose a time that is still to come." in refused.text) == (422, True)
    signing_on.close_round(round_)
    assert staff.get(address).status_code == 302


def test_what_a_round_says_can_change_after_its_deadline_while_that_stays(staff, round_, clock, editor):
    clock.move_to(round_.deadline + timedelta(days=1))
    staff.force_login(editor)
    address = reverse("rounds:change", args=[round_.pk])
    form = staff.get(address).context["form"]
    same = {field.name: field.value() for field in form if field.value() not in (None, False)}
    assert staff.post(address, same | {"bill": "S. 77"}).status_code == 302
    round_.publication.refresh_from_db()
    assert round_.publication.bill == "S. 77"


def test_those_ticked_on_the_board_are_reminded_and_the_rest_is_said(staff, round_):
    one, full, other = asked(round_), asked(round_), asked(round_)
    Policy.objects.create(organization=full.organization, asks_a_month=1)
    address = reverse("rounds:remind_chosen", args=[round_.pk])
    ticked = {"organizations": [one.organization_id, full.organization_id]}
    signing_on.remind(round_, [])
    first, second = (staff.post(address, ticked, follow=True).text for _press in range(2))
    assert "1 reminder is on its way." in first
    assert "1 partner is not reminded: its limit of emails a month is used up." in first
    assert "1 partner had a reminder today already." in second
    assert "Choose at least one partner." in staff.post(address, {}, follow=True).text
    assert [n.person for n in Notice.objects.filter(kind="reminder")] == [one.representative.person]
    assert other.asks.count() == 1


def test_the_page_to_choose_partners_asks_a_fixed_number_of_queries(
    staff, publication, editor, django_assert_max_num_queries
):
    address = reverse("rounds:open", args=[publication.pk])
    speaker("Reader 0")
    staff.get(address)
    numbers = []
    for some in (0, 29):
        for number in range(some):
            speaker(f"Reader {some}-{number}")
        with django_assert_max_num_queries(40) as captured:
            staff.get(address)
        numbers.append(len(captured))
    assert numbers[0] == numbers[1]
    assert open_round(publication, editor).pk
    assert MONDAY.astimezone(UTC).hour == 13
