"""G4 under pressure: whoever decides at the same second, one answer of an organization is live and none is lost."""

import threading
import time

import pytest
from django.db import connection, transaction

from coalition import organizations, publishing, signing_on, uniting
from coalition.models import Decision, Invitation, Organization, Representative
from coalition.signing_on import desk, standing
from tests import factories
from tests.coalition.signons import Choice, asked, open_round, sign, texts

pytestmark = pytest.mark.django_db(transaction=True)
PARTNERS = 6


@pytest.fixture
def round_(installation):
    editor, publication = factories.UserFactory(), factories.PublicationFactory()
    publishing.freeze(publication, texts(), by=editor)
    return open_round(publication, editor)


def at_once(*acts):
    """Run these at the same moment, each with a connection of its own; returns what each gave, or raised."""
    gate, given = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number, act):
        gate.wait()
        try:
            given[number] = act()
        except Exception as raised:  # what was raised is what is looked at
            given[number] = raised
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given


def deciding(invitation, choice=Choice.SIGN, **more):
    return lambda: sign(Invitation.objects.select_related("round").get(pk=invitation.pk), choice=choice, **more)


def held():
    """({organization: choice of its live answer}, how many answers there are)."""
    live = Decision.objects.live().values_list("organization", "choice")
    assert len({organization for organization, _choice in live}) == len(live)
    return dict(live), Decision.objects.count()


def test_G4_two_signatories_of_each_organization_decide_at_the_same_second(round_):
    pairs = []
    for _n in range(PARTNERS):
        first = asked(round_)
        pairs.append((first, asked(round_, organization=first.organization)))
    given = at_once(
        *[deciding(first) for first, _second in pairs],
        *[deciding(second, Choice.DECLINE) for _first, second in pairs],
    )
    assert {type(each) for each in given} == {Decision}
    live, number = held()
    assert (len(live), number) == (PARTNERS, 2 * PARTNERS)
    for first, _second in pairs:  # the one that was appended last
        last = Decision.objects.filter(organization=first.organization_id).order_by("-pk").first()
        assert (last.live, live[first.organization_id]) == (True, last.choice)


def test_G4_one_press_that_arrives_many_times_is_one_answer(round_):
    invitation = asked(round_)
    given = at_once(*[deciding(invitation)] * 5)
    assert len({decision.pk for decision in given}) == Decision.objects.count() == 1


def test_G4_of_two_who_saw_an_empty_page_one_is_told_that_a_colleague_answered(round_):
    first = asked(round_)
    second = asked(round_, organization=first.organization)
    given = at_once(deciding(first, seen=None), deciding(second, Choice.DECLINE, seen=None))
    assert sorted(type(each).__name__ for each in given) == ["AlreadyAnswered", "Decision"]
    assert Decision.objects.count() == 1


def test_G7_signing_and_withdrawing_at_once_leaves_one_live_answer(round_):
    first = asked(round_)
    second = asked(round_, organization=first.organization)
    sign(first)
    given = at_once(
        deciding(first, Choice.SUPPORT),
        lambda: signing_on.withdraw(Invitation.objects.select_related("round").get(pk=second.pk), language="en"),
    )
    assert {type(each) for each in given} == {Decision}
    live, number = held()
    assert (len(live), number) == (1, 3)


def test_G4_answers_that_arrive_while_two_records_become_one_count_for_the_kept_one(round_):
    first, second = asked(round_), asked(round_)
    kept, other = first.organization, second.organization
    given = at_once(
        deciding(first), lambda: uniting.merge(kept, other), deciding(second, Choice.DECLINE), deciding(second)
    )
    assert [each for each in given if isinstance(each, Exception)] == []
    live, number = held()
    assert (set(live), number) == ({kept.pk}, 3)


def waits_for_a_lock():
    """Once somebody waits for a lock that is held here."""
    for _try in range(3000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
            if cursor.fetchone():
                return
        time.sleep(0.02)
    raise AssertionError("nobody waited")


def test_G7_taking_back_what_an_authorization_signed_spares_what_a_person_signs_in_the_same_second(round_):
    decision = sign(asked(round_))
    Decision.objects.filter(pk=decision.pk).update(via=Decision.Via.STANDING)
    speaker, given = decision.invitation.representative, []

    def take_back():
        try:
            given.append(standing.take_back(decision, speaker, language="en"))
        except Exception as raised:  # what was raised is what is looked at
            given.append(raised)
        finally:
            connection.close()

    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=decision.organization_id)
        thread = threading.Thread(target=take_back)
        thread.start()
        waits_for_a_lock()
        by_hand = sign(decision.invitation, signer_title="Chair")
    thread.join()
    assert [type(each).__name__ for each in given] == ["NothingToWithdraw"]
    assert Decision.objects.live().get() == by_hand


def test_closing_ones_links_while_staff_take_the_role_away_does_not_lock_up(round_):
    invitation = asked(round_)
    speaker = invitation.representative
    with transaction.atomic():
        Representative.objects.select_for_update().get(pk=speaker.pk)
        given = []

        def remove():
            organizations.remove_representative(Representative.objects.get(pk=speaker.pk))
            given.append("removed")
            connection.close()

        thread = threading.Thread(target=remove)
        thread.start()
        waits_for_a_lock()
        desk.make_useless(speaker)  # would wait for the invitations that the other holds, who waits for us
    thread.join()
    assert given == ["removed"]
    with pytest.raises(signing_on.RevokedLink):
        desk.make_useless(speaker)


def test_two_opposite_merges_of_organizations_keep_one_of_the_two(round_):
    one, two = factories.OrganizationFactory(), factories.OrganizationFactory()
    given = at_once(lambda: uniting.merge(one, two), lambda: uniting.merge(two, one))
    assert sorted(type(each).__name__ for each in given) == ["OrganizationMerge", "Refused"]
    done = next(each for each in given if not isinstance(each, Exception))
    assert sorted(at_once(lambda: uniting.undo(done), lambda: uniting.undo(done))) == [False, True]


def test_G2_an_amendment_among_answers_loses_none_and_none_counts_for_a_text_nobody_read(round_):
    invitations = [asked(round_) for _n in range(4)]
    version = round_.publication.current_version
    editor = factories.UserFactory()

    def amend():
        return publishing.freeze(round_.publication, texts(en="Eleven steps."), by=editor)

    given = at_once(*[deciding(each, version=version) for each in invitations], amend)
    for each in given[:-1]:
        assert isinstance(each, Decision | signing_on.Superseded)
    recorded = [each for each in given[:-1] if isinstance(each, Decision)]
    assert {each.version_id for each in recorded} <= {version.pk}
    assert held()[1] == len(recorded)
