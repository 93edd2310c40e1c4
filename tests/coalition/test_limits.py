"""A partner's own limit of asks a month: what counts, what is held, and what reaches it all the same."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from coalition import publishing, signing_on
from coalition.models import Ask, Installation, Notice, Policy
from coalition.signing_on import limits
from tests import factories

from .signons import Choice, amend, asked, open_round, sign, texts

NOON = datetime(2026, 5, 20, 16, tzinfo=UTC)  # a Wednesday, noon in New York


@pytest.fixture(autouse=True)
def a_day_in_may(installation):
    with time_machine.travel(NOON) as traveller:
        yield traveller


def speaker(organization=None, **fields):
    return factories.RepresentativeFactory(
        organization=organization or factories.OrganizationFactory(),
        person=factories.PersonFactory(email=True),
        **fields,
    )


def allow(organization, number):
    Policy.objects.update_or_create(organization=organization, defaults={"asks_a_month": number})


def another_round(editor, days=30):
    publication = factories.PublicationFactory()
    publishing.freeze(publication, texts(), by=editor)
    return open_round(publication, editor, days=days)


def test_the_own_limit_goes_before_the_coalitions_and_none_is_none():
    own, none = factories.OrganizationFactory(), factories.OrganizationFactory()
    allow(own, 1)
    assert limits.limits([own, none]) == {own.pk: 1, none.pk: None}
    Installation.objects.update(asks_a_month=4)
    assert limits.limits([own, none]) == {own.pk: 1, none.pk: 4}


def test_asks_of_the_calendar_month_count_over_all_rounds(editor, a_day_in_may):
    representative = speaker()
    organization = representative.organization
    a_day_in_may.move_to(datetime(2026, 4, 30, 23, tzinfo=UTC))  # 7 p.m. on April 30 in New York
    signing_on.invite(another_round(editor, days=90), [representative])
    a_day_in_may.move_to(NOON)
    for _n in range(2):
        signing_on.invite(another_round(editor), [representative])
    assert limits.asks_in_month([organization]) == {organization.pk: 2}
    allow(organization, 3)
    assert limits.held_until([organization]) == {organization.pk: None}
    allow(organization, 2)
    assert limits.held_until([organization]) == {organization.pk: date(2026, 6, 1)}


def test_over_the_limit_the_text_is_on_the_desk_and_the_email_waits_for_the_next_month(editor, a_day_in_may):
    representative = speaker()
    allow(representative.organization, 1)
    first, second = another_round(editor), another_round(editor)
    assert len(signing_on.invite(first, [representative]).asked) == 1
    over = signing_on.invite(second, [representative])
    assert (over.asked, [i.held_until for i in over.held]) == ([], [date(2026, 6, 1)])
    assert Notice.objects.filter(kind="invitation").count() == 1
    # Nobody reminds who was never asked, whoever presses.
    reminded = signing_on.remind_undecided(second)
    assert (reminded.number, [r.why for r in reminded.left_out.values()]) == (0, ["held"])
    assert str(reminded.left_out[representative.organization_id].text) == (
        "Its limit of emails a month is used up: it is asked from June 1, 2026 on."
    )
    a_day_in_may.move_to(datetime(2026, 5, 31, 20, tzinfo=UTC))
    assert signing_on.remind_due() == 0
    a_day_in_may.move_to(datetime(2026, 6, 1, 13, 1, tzinfo=UTC))
    assert [signing_on.remind_due(), signing_on.remind_due()] == [1, 0]
    invitation = second.invitations.get()
    assert (invitation.held_until, invitation.invited_at.date()) == (None, date(2026, 6, 1))
    assert Ask.objects.filter(invitation=invitation).get().kind == Ask.Kind.INVITATION
    assert Notice.objects.filter(kind="invitation").count() == 2


def test_several_that_waited_are_asked_as_far_as_the_new_month_allows(editor, a_day_in_may):
    representative = speaker()
    allow(representative.organization, 1)
    for _n in range(3):
        signing_on.invite(another_round(editor, days=100), [representative])
    a_day_in_may.move_to(datetime(2026, 6, 1, 13, 1, tzinfo=UTC))
    assert signing_on.remind_due() == 1
    held = representative.invitations.exclude(held_until=None)
    assert list(held.values_list("held_until", flat=True)) == [date(2026, 7, 1)]


def test_who_answered_at_the_desk_meanwhile_is_not_written_to(editor, a_day_in_may):
    representative = speaker()
    allow(representative.organization, 0)
    round_ = another_round(editor)
    sign(signing_on.invite(round_, [representative]).held[0])
    a_day_in_may.move_to(datetime(2026, 6, 1, 13, 1, tzinfo=UTC))
    assert signing_on.remind_due() == 0
    assert round_.invitations.get().held_until is None
    assert not Notice.objects.filter(kind="invitation").exists()


def test_a_reminder_over_the_limit_is_not_sent_and_it_is_said_why(round_):
    free, full = asked(round_), asked(round_)
    allow(full.organization, 1)
    assert {pk: r.why for pk, r in signing_on.why_not_now(round_).items()} == {full.organization_id: "limit"}
    reminded = signing_on.remind_undecided(round_)
    assert (reminded.number, {pk: r.why for pk, r in reminded.left_out.items()}) == (1, {full.organization_id: "limit"})
    assert Notice.objects.get(kind="reminder").person == free.representative.person
    assert reminded.left_out[full.organization_id].text == "Its limit of emails a month is used up until June 1, 2026."


def test_two_representatives_share_the_limit_of_their_organization(round_):
    organization = factories.OrganizationFactory()
    second, first = speaker(organization, position=2), speaker(organization, position=1)
    allow(organization, 1)
    invited = signing_on.invite(round_, [second, first])
    assert ([i.representative for i in invited.asked], [i.representative for i in invited.held]) == ([first], [second])


def test_G2_a_material_amendment_reaches_signers_over_their_limit_and_counts(round_, publication, editor):
    signed = asked(round_)
    sign(signed)
    allow(signed.organization, 1)
    amend(publication, editor)
    assert Notice.objects.get(kind="amended").person == signed.representative.person
    assert list(signed.asks.order_by("pk").values_list("kind", flat=True)) == ["invitation", "again"]
    assert limits.asks_in_month([signed.organization]) == {signed.organization_id: 2}


def test_G2_a_material_amendment_does_not_write_to_who_was_never_asked(round_, publication, editor):
    representative = speaker()
    allow(representative.organization, 0)
    signing_on.invite(round_, [representative])
    version = amend(publication, editor)
    assert not Notice.objects.filter(kind="amended").exists()
    assert round_.invitations.get().version == version


def test_telling_that_the_deadline_moved_does_not_count(round_):
    invitation = asked(round_)
    signed = asked(round_)
    sign(signed)
    before = limits.asks_in_month([invitation.organization])
    later = round_.deadline + timedelta(days=2)
    assert signing_on.change_round(round_, deadline=later).told == 1
    again = signing_on.change_round(round_, deadline=later + timedelta(days=1))
    assert (again.told, again.told_before) == (0, 1)
    assert signing_on.change_round(round_, deadline=later, tell=False).told == 0
    notice = Notice.objects.get(kind="deadline_moved")
    assert (notice.person, limits.asks_in_month([invitation.organization])) == (
        invitation.representative.person,
        before,
    )


def test_the_numbers_of_many_take_as_many_queries_as_those_of_one(django_assert_num_queries):
    organizations = factories.OrganizationFactory.create_batch(30)
    for some in (organizations[:1], organizations):
        with django_assert_num_queries(3):
            assert len(limits.held_until(some)) == len(some)


def test_an_answer_needs_no_limit(round_):
    representative = speaker()
    allow(representative.organization, 0)
    invitation = signing_on.invite(round_, [representative]).held[0]
    assert sign(invitation, choice=Choice.DECLINE).live
    assert timezone.now() < round_.deadline
