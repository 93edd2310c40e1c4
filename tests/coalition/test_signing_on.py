"""Sign-ons: who may answer, on which text, until when; and what the public list says."""

import threading
import time
from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from coalition import languages, publishing, roll, signing_on
from coalition.counting import State
from coalition.models import Decision, Entry, Invitation, Notice, Organization
from tests import factories

from .signons import amend, asked, board, open_round, sign, texts

Choice = Decision.Choice


def listed(version, language="en"):
    """Who stands under a version: [(scope in words, [printed names])], late ones last."""
    called = roll.of(version, language)
    groups = [(group.label, [line.name for line in group.lines]) for group in called.groups]
    return groups + ([("Addendum", [line.name for line in called.addendum])] if called.addendum else [])


# Opening and inviting


def test_a_round_needs_a_frozen_text_a_coming_deadline_and_no_other_open_round(publication, editor):
    with pytest.raises(ValidationError, match="Freeze the text first"):
        open_round(factories.PublicationFactory(), editor)
    with pytest.raises(ValidationError, match="still to come"):
        open_round(publication, editor, days=-1)
    open_round(publication, editor)
    with pytest.raises(ValidationError, match="already open"):
        open_round(publication, editor)


def test_inviting_twice_asks_once_and_says_whom_no_email_reaches(round_):
    marisol = factories.RepresentativeFactory(person=factories.PersonFactory(email=True, language="es"))
    silent = factories.RepresentativeFactory(person=factories.PersonFactory(email=False))
    bounced = factories.RepresentativeFactory()
    bounced.person.addresses.update(fault="bounced")
    first = signing_on.invite(round_, [marisol, silent, bounced])
    again = signing_on.invite(round_, [marisol])
    assert [i.representative for i in first.asked] == [marisol]
    assert sorted(r.pk for r in first.unreachable) == [silent.pk, bounced.pk]
    assert (again.asked, again.already) == ([], [marisol])
    notice = Notice.objects.get()
    assert (notice.kind, notice.language, notice.value) == ("invitation", "es", marisol.person.primary_email.value)
    assert "/es/sign/" in notice.text
    assert "Que todos lean" in notice.subject
    assert [str(e.kind) for e in marisol.person.entries.all()] == ["signature"]
    assert marisol.organization.entries.count() == 1


# Personal links


def test_a_personal_link_opens_for_its_holder(round_):
    invitation = asked(round_)
    assert signing_on.open_link(signing_on.token_for(invitation)) == invitation


def test_a_stale_link_is_expired_and_a_new_one_goes_to_the_address_on_record(round_, installation):
    invitation = asked(round_)
    with time_machine.travel(timezone.now() - timedelta(days=installation.personal_link_days + 1)):
        token = signing_on.token_for(invitation)
    with pytest.raises(signing_on.ExpiredLink) as expired:
        signing_on.open_link(token)
    with time_machine.travel(timezone.now(), tick=False):
        notice = signing_on.send_link(expired.value.invitation)
        assert signing_on.send_link(invitation) == notice
    assert (notice.kind, notice.value) == ("link", invitation.representative.person.primary_email.value)


def test_an_altered_link_is_unknown(round_):
    token = signing_on.token_for(asked(round_))
    for altered in (token[:-2], "x" + token, token.replace(".", "", 1), "nonsense"):
        with pytest.raises(signing_on.UnknownLink):
            signing_on.open_link(altered)


def test_a_revoked_link_opens_nothing_and_decides_nothing(round_):
    invitation = asked(round_)
    token = signing_on.token_for(invitation)
    signing_on.revoke(invitation)
    with pytest.raises(signing_on.RevokedLink):
        signing_on.open_link(token)
    with pytest.raises(signing_on.RevokedLink):
        sign(invitation)
    assert not Decision.objects.exists()


def test_a_foreign_link_never_acts_for_another_organization(round_):
    ours, theirs = asked(round_), asked(round_)
    sign(signing_on.open_link(signing_on.token_for(ours)))
    assert [d.organization for d in Decision.objects.all()] == [ours.organization]
    # The same person moves to the other organization: the old link speaks for neither.
    representative = ours.representative
    representative.organization = factories.OrganizationFactory()
    representative.save()
    with pytest.raises(signing_on.RevokedLink):
        signing_on.open_link(signing_on.token_for(ours))
    with pytest.raises(signing_on.RevokedLink):
        sign(ours, choice=Choice.DECLINE)
    assert not Decision.objects.filter(organization=theirs.organization).exists()


# Deciding


def test_G1_a_signature_needs_the_attested_authority(round_):
    invitation = asked(round_)
    with pytest.raises(ValidationError) as refused:
        sign(invitation, attested=False)
    assert list(refused.value.message_dict) == ["attested"]
    assert not Decision.objects.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.create(
            publication=round_.publication,
            version=round_.publication.current_version,
            organization=invitation.organization,
            choice=Choice.SIGN,
            attested=False,
            at=timezone.now(),
        )


def test_G1_only_who_may_sign_decides(round_):
    invitation = asked(round_)
    invitation.representative.may_sign = False
    invitation.representative.save()
    for choice in (Choice.SIGN, Choice.DECLINE):
        with pytest.raises(signing_on.MayNotSign):
            sign(invitation, choice=choice)
    assert not Decision.objects.exists()


def test_G1_being_asked_opening_the_page_or_silence_never_signs(round_, publication):
    invitation = asked(round_)
    signing_on.mark_seen(invitation)
    assert listed(publication.current_version) == []
    assert [line.state for line in board(round_)] == [State.SEEN]


def test_a_decision_names_what_was_signed_by_whom_and_when(round_, publication):
    invitation = asked(round_, language="es")
    decision = sign(invitation, language="es", reason=" Porque sí ")
    assert (decision.version, decision.choice, decision.attested, decision.live, decision.late) == (
        publication.current_version,
        Choice.SIGN,
        True,
        True,
        False,
    )
    assert (decision.signer, decision.signer_name, decision.signer_title, decision.language, decision.reason) == (
        invitation.representative.person,
        "Carmen Iris Maldonado",
        "Director",
        "es",
        "Porque sí",
    )
    receipt = Notice.objects.get(kind="receipt")
    assert receipt.language == "es"
    assert publication.current_version.digest in receipt.text
    assert languages.format_when(decision.at, "America/New_York", "es") in receipt.text
    newest = [whose.entries.first().text for whose in (invitation.representative.person, invitation.organization)]
    assert [str(text) for text in newest] == [
        f"{invitation.organization} signed “Every reader by third grade”, version 1 (Carmen Iris Maldonado)"
    ] * 2


def test_G4_a_change_of_mind_is_appended_and_one_decision_is_live(round_):
    invitation = asked(round_)
    sign(invitation)
    sign(invitation, choice=Choice.SUPPORT)
    said = Decision.objects.order_by("pk").values_list("choice", "live", "attested")
    assert list(said) == [("sign", False, True), ("support", True, False)]


def test_the_same_answer_given_twice_is_recorded_once(round_):
    invitation = asked(round_)
    assert sign(invitation) == sign(invitation)
    assert Notice.objects.filter(kind="receipt").count() == 1
    assert Entry.objects.filter(organization=invitation.organization).count() == 2


@pytest.mark.django_db(transaction=True)
def test_G4_two_signatories_at_the_same_second_leave_one_live_decision(installation):
    editor, publication = factories.UserFactory(), factories.PublicationFactory()
    publishing.freeze(publication, texts(), by=editor)
    round_ = open_round(publication, editor)
    organization = factories.OrganizationFactory()
    invitations = [asked(round_, organization=organization) for _n in range(6)]
    together, failed = threading.Barrier(6), []

    def press(invitation, choice):
        together.wait()
        try:
            sign(invitation, choice=choice)
        except Exception as error:  # a thread's error would otherwise be lost
            failed.append(error)
        finally:
            connection.close()

    choices = [Choice.SIGN, Choice.DECLINE] * 3
    threads = [threading.Thread(target=press, args=pair) for pair in zip(invitations, choices, strict=True)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert failed == []
    assert (Decision.objects.count(), Decision.objects.live().count()) == (6, 1)
    assert Decision.objects.live().get() == Decision.objects.order_by("pk").last()


@pytest.mark.django_db(transaction=True)
def test_a_version_opened_twice_at_once_stands_once_on_the_timelines(installation):
    editor, publication = factories.UserFactory(), factories.PublicationFactory()
    version = publishing.freeze(publication, texts(), by=editor)
    invitation = asked(open_round(publication, editor))
    signing_on.mark_seen(invitation)

    def look():
        try:
            signing_on.mark_seen(Invitation.objects.get(pk=invitation.pk), version)
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _n in range(2)]
    with transaction.atomic():
        Invitation.objects.select_for_update().get(pk=invitation.pk)
        [thread.start() for thread in threads]
        end = time.monotonic() + 60
        while waiting_for_locks() < 2:
            assert time.monotonic() < end
            time.sleep(0.01)
    [thread.join() for thread in threads]
    opened = Entry.objects.filter(text__contains="opened")
    assert [opened.filter(**whose).count() for whose in ({"organization": invitation.organization}, {})] == [1, 2]


def waiting_for_locks():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_G2_an_amendment_and_an_answer_at_the_same_second_never_mix(installation):
    editor, publication = factories.UserFactory(), factories.PublicationFactory()
    first = publishing.freeze(publication, texts(), by=editor)
    round_ = open_round(publication, editor)
    invitations = [asked(round_) for _n in range(5)]
    together, superseded = threading.Barrier(6), []

    def press(invitation):
        together.wait()
        try:
            sign(invitation, version=first)
        except signing_on.Superseded as error:
            superseded.append(error.version.number)
        finally:
            connection.close()

    def change():
        together.wait()
        try:
            amend(publication, editor)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=[i]) for i in invitations] + [threading.Thread(target=change)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert Decision.objects.filter(version=first).count() + len(superseded) == 5
    assert set(superseded) <= {2}
    told_of_signature = Notice.objects.filter(kind="amended", text__contains="does not carry over").count()
    assert told_of_signature == Decision.objects.count()


def test_G2_a_version_superseded_while_the_page_was_open_stores_nothing(round_, publication, editor):
    invitation, read = asked(round_), publication.current_version
    newer = amend(publication, editor)
    with pytest.raises(signing_on.Superseded) as superseded:
        sign(invitation, version=read)
    assert superseded.value.version == newer
    assert not Decision.objects.exists()
    assert not Notice.objects.filter(kind="receipt").exists()


def test_G2_a_material_amendment_asks_every_partner_again(round_, publication, editor):
    signed, silent = asked(round_, language="es"), asked(round_)
    signing_on.mark_seen(silent)
    sign(signed)
    first = publication.current_version
    second = amend(publication, editor)
    assert [len(names) for _scope, names in listed(first)] == [1]
    assert listed(second) == []
    assert list(Invitation.objects.values_list("version", "seen_at").distinct()) == [(second.pk, None)]
    told = Notice.objects.filter(kind="amended").order_by("pk")
    assert [(n.person, n.language, "versión 1" in n.text or "version 1" in n.text) for n in told] == [
        (signed.representative.person, "es", True),
        (silent.representative.person, "en", False),
    ]
    states = {line.organization: line.state for line in board(round_)}
    assert states == {signed.organization: State.AGAIN, silent.organization: State.ASKED}
    sign(signed)
    assert listed(second) == listed(first)


def test_G2_a_material_amendment_also_asks_who_signed_in_an_earlier_round(round_, publication, editor):
    signed = asked(round_)
    sign(signed)
    signing_on.close_round(round_)
    later = open_round(publication, editor)
    amend(publication, editor)
    invitation = later.invitations.get()
    assert (invitation.organization, invitation.version.number) == (signed.organization, 2)


def test_G2_a_clerical_amendment_is_told_and_signatures_stand(round_, publication, editor):
    signed, silent = asked(round_), asked(round_)
    sign(signed)
    second = amend(publication, editor, material=False)
    assert sum(len(names) for _scope, names in listed(second)) == 1
    assert [n.person for n in Notice.objects.filter(kind="corrected")] == [signed.representative.person]
    assert not Notice.objects.filter(kind="amended").exists()
    assert [i.organization for i in signing_on.undecided(round_)] == [silent.organization]
    assert silent.round.invitations.filter(version=second).count() == 2


# Deadlines


def test_G3_a_late_signature_waits_for_staff_and_then_stands(round_, publication, editor):
    invitation = asked(round_)
    with time_machine.travel(round_.deadline + timedelta(minutes=1)):
        late = sign(invitation)
    assert (late.late, late.live, late.accepted) == (True, False, None)
    assert listed(publication.current_version) == []
    assert [line.state for line in board(round_)] == [State.LATE]
    assert signing_on.undecided(round_) == []
    assert signing_on.accept(late, by=editor) is True
    assert signing_on.accept(late, by=editor) is False
    assert sum(len(names) for _scope, names in listed(publication.current_version)) == 1
    late.refresh_from_db()
    assert (late.live, late.accepted, late.settled_by) == (True, True, editor)
    assert Notice.objects.filter(kind="late_answer").count() == 1


def test_G3_a_late_signature_left_out_stays_in_the_record(round_, publication, editor):
    invitation = asked(round_)
    with time_machine.travel(round_.deadline + timedelta(minutes=1)):
        late = sign(invitation)
    assert signing_on.set_aside(late, by=editor) is True
    assert listed(publication.current_version) == []
    assert Decision.objects.filter(pk=late.pk, accepted=False, live=False).exists()


def test_G3_a_partner_who_says_no_late_is_heard_at_once(round_, publication, editor):
    invitation = asked(round_)
    sign(invitation)
    with time_machine.travel(round_.deadline + timedelta(minutes=1)):
        again = sign(invitation, signer_title="President")
        sign(invitation, choice=Choice.DECLINE)
    assert listed(publication.current_version) == []
    assert signing_on.accept(again, by=editor) is False


def test_G3_the_last_second_is_in_time(round_):
    invitation = asked(round_)
    assert sign(invitation, at=round_.deadline).late is False


def test_a_closed_round_takes_no_answers(round_):
    invitation = asked(round_)
    assert signing_on.close_round(round_) is True
    assert signing_on.close_round(round_) is False
    with pytest.raises(signing_on.RoundClosed):
        sign(invitation)
    with pytest.raises(signing_on.RoundClosed):
        signing_on.invite(round_, [factories.RepresentativeFactory()])
    with pytest.raises(signing_on.RoundClosed):
        signing_on.remind_undecided(round_)
    assert not Decision.objects.exists()


def test_moving_the_deadline_lets_answers_be_in_time(round_):
    invitation = asked(round_)
    later = round_.deadline + timedelta(days=3)
    signing_on.change_round(round_, deadline=later, zone="America/Chicago")
    with time_machine.travel(round_.deadline + timedelta(days=1)):
        assert sign(invitation).late is False


# Withdrawing


def test_G7_withdrawing_before_delivery_removes_also_after_the_round_closed(round_, publication):
    invitation = asked(round_)
    sign(invitation)
    signing_on.close_round(round_)
    withdrawn = signing_on.withdraw(invitation, language="en")
    assert (withdrawn.choice, withdrawn.live) == (Choice.WITHDRAW, True)
    assert listed(publication.current_version) == []
    with pytest.raises(signing_on.NothingToWithdraw):
        signing_on.withdraw(invitation, language="en")
    assert Decision.objects.count() == 2
    assert Notice.objects.filter(kind="receipt").count() == 2


def test_G7_the_receipt_of_a_withdrawal_offers_no_second_one(round_):
    invitation = asked(round_)
    sign(invitation)
    signing_on.withdraw(invitation, language="en")
    receipts = Notice.objects.filter(kind="receipt").order_by("pk")
    for part in ("text", "html"):
        signed, withdrawn = (getattr(receipt, part) for receipt in receipts)
        assert ["withdraw at any time" in each for each in (signed, withdrawn)] == [True, False]
        assert ["You can answer again while the round is open" in each for each in (signed, withdrawn)] == [False, True]


def test_G7_withdrawing_takes_the_name_off_every_version(round_, publication, editor):
    invitation, first = asked(round_), publication.current_version
    sign(invitation)
    second = amend(publication, editor)
    assert sum(len(names) for _scope, names in listed(first)) == 1
    signing_on.withdraw(invitation, language="en")
    assert (listed(first), listed(second)) == ([], [])


def test_G7_a_waiting_late_signature_can_be_withdrawn(round_, editor):
    invitation = asked(round_)
    with time_machine.travel(round_.deadline + timedelta(hours=1)):
        late = sign(invitation)
        signing_on.withdraw(invitation, language="en")
    assert signing_on.accept(late, by=editor) is False
    assert [line.state for line in board(round_)] == [State.WITHDRAW]


# In public


def test_G5_the_list_is_by_scope_alphabetical_in_each_language_with_counts_from_data(
    round_, publication, django_assert_num_queries
):
    names = ["The Bridge Fund", "Ándale Readers", "Zinnia House", "El Faro Family Center", "bell & Book"]
    for name in names:
        sign(asked(round_, name=name, printed_name={"en": name, "es": name.replace("El Faro", "Centro El Faro")}))
    sign(asked(round_, name="National Voices", scope=Organization.Scope.NATIONAL))
    sign(asked(round_, name="Quiet Friends"), choice=Choice.SUPPORT)
    version = publication.current_version
    with django_assert_num_queries(5):
        english = listed(version, "en")
    assert english == [
        ("National", ["National Voices"]),
        (
            "Local",
            ["Ándale Readers", "bell & Book", "The Bridge Fund", "El Faro Family Center", "Zinnia House"],
        ),
    ]
    assert [names for _scope, names in listed(version, "es")][1] == [
        "Ándale Readers",
        "bell & Book",
        "The Bridge Fund",
        "Centro El Faro Family Center",
        "Zinnia House",
    ]
    assert roll.of(version, "en").supporters == 1


def test_G8_no_name_of_a_person_is_in_the_public_list(round_, publication):
    invitation = asked(round_, name="Harbor Youth Mentors")
    sign(invitation)
    assert listed(publication.current_version) == [("Local", ["Harbor Youth Mentors"])]


# Reminding


def test_only_the_undecided_are_reminded_once_a_day_in_their_language(round_):
    signed, silent, colleague = asked(round_), asked(round_, language="es"), asked(round_)
    colleague.representative.may_sign = False
    colleague.representative.save()
    sign(signed)
    assert signing_on.remind_undecided(round_).number == 1
    assert signing_on.remind_undecided(round_).number == 0
    reminder = Notice.objects.get(kind="reminder")
    assert (reminder.person, reminder.language) == (silent.representative.person, "es")
    with time_machine.travel(timezone.now() + timedelta(days=1, hours=2)):
        assert signing_on.remind(round_, [silent]).number == 1


def test_the_board_asks_a_fixed_number_of_queries(round_, django_assert_max_num_queries):
    for _n in range(12):
        sign(asked(round_))
    with django_assert_max_num_queries(6):
        assert len(board(round_)) == 12
