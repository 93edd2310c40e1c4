"""The roll: who stands under which text, printed by the rules of each language."""

import secrets
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from coalition import people, roll, signing_on
from coalition.models import Decision, Endorsement, Handover, Logo, Organization
from tests.factories import PersonFactory

from .signons import amend, asked, sign

Choice = Decision.Choice
Scope = Organization.Scope


def printed(found):
    return [(group.scope, [line.name for line in group.lines]) for group in found.groups]


def hand_over(publication, at=None, version=None):
    return Handover.objects.create(
        publication=publication,
        version=version or publication.current_version,
        way=Handover.Way.EMAIL,
        to={"en": "The committee"},
        at=at or timezone.now(),
    )


def endorse(round_, name, **more):
    now = timezone.now()
    said = {"version": round_.publication.current_version, "language": "en", "wording": "I sign.", "at": now}
    return Endorsement.objects.create(
        round=round_,
        publication=round_.publication,
        name=name,
        email=f"{name.replace(' ', '.').lower()}@people.example.org",
        nonce=secrets.token_urlsafe(16),
        **{**said, "confirmed_at": now, **more},
    )


def allow(organization, **more):
    today = timezone.localdate()
    said = {"permitted_by": "Inés Rivera", "permitted_on": today}
    return Logo.objects.create(organization=organization, image="logos/x.png", width=60, height=40, **{**said, **more})


def test_G5_by_scope_and_alphabetical_in_each_language_with_counts_that_sum_up(round_, publication):
    names = ["The Bridge Fund", "Ándale Readers", "Zinnia House", "El Faro Family Center", "bell & Book"]
    for name in names:
        sign(asked(round_, name=name, printed_name={"en": name, "es": name.replace("El Faro", "Centro El Faro")}))
    sign(asked(round_, name="National Voices", scope=Scope.NATIONAL))
    sign(asked(round_, name="State Voices", scope=Scope.STATE))
    sign(asked(round_, name="Quiet Friends"), choice=Choice.SUPPORT)
    sign(asked(round_, name="Not These"), choice=Choice.DECLINE)
    english, spanish = (roll.of(publication.current_version, code) for code in ("en", "es"))
    local = ["Ándale Readers", "bell & Book", "The Bridge Fund", "El Faro Family Center", "Zinnia House"]
    assert printed(english) == [("national", ["National Voices"]), ("state", ["State Voices"]), ("local", local)]
    assert [line.name for line in spanish.groups[2].lines] == [
        "Ándale Readers",
        "bell & Book",
        "The Bridge Fund",
        "Centro El Faro Family Center",
        "Zinnia House",
    ]
    assert [line.initial for line in english.groups[2].lines] == ["A", "B", "B", "F", "Z"]
    assert (english.count, english.supporters, [group.count for group in english.groups]) == (7, 1, [1, 1, 5])


def test_G4_only_the_last_word_of_an_organization_stands(round_, publication):
    invitation = asked(round_, name="Harbor Youth Mentors")
    sign(invitation)
    sign(invitation, choice=Choice.SUPPORT)
    found = roll.of(publication.current_version, "en")
    assert (found.count, found.supporters) == (0, 1)
    sign(invitation)
    found = roll.of(publication.current_version, "en")
    assert (found.count, found.supporters) == (1, 0)


def test_G6_a_logo_needs_a_yes_for_this_signature_and_a_permission_that_holds(round_, publication):
    yesterday = timezone.localdate() - timedelta(days=1)
    with_yes = asked(round_, name="A with yes")
    cases = {
        "A with yes": ({}, True),
        "B without yes for this one": ({}, False),
        "C whose permission ended": ({"expires_on": yesterday}, True),
        "D whom nobody asked": ({"permitted_by": "", "permitted_on": None}, True),
    }
    for name, (permission, yes) in cases.items():
        invitation = with_yes if name == "A with yes" else asked(round_, name=name)
        logo = allow(invitation.organization)
        sign(invitation, with_logo=yes)
        Logo.objects.filter(pk=logo.pk).update(**permission or {"permitted_by": "Inés Rivera"})
    found = roll.of(publication.current_version, "en")
    assert found.count == 4
    assert [(line.name, line.logo) for line in found.logos] == [("A with yes", with_yes.organization.logo)]


def test_G7_a_withdrawal_before_delivery_leaves_no_trace(round_, publication):
    invitation = asked(round_)
    sign(invitation)
    signing_on.withdraw(invitation, language="en")
    hand_over(publication)
    found = roll.of(publication.current_version, "en")
    assert (found.count, found.withdrawals) == (0, [])


def test_G7_what_was_handed_over_with_a_small_correction_was_handed_over(round_, publication, editor):
    first, invitation = publication.current_version, asked(round_, name="Goes")
    sign(invitation)
    corrected = amend(publication, editor, material=False, en="Ten steps!")
    hand_over(publication, version=corrected)
    signing_on.withdraw(invitation, language="en")
    material = amend(publication, editor)
    found = {version.number: roll.of(version, "en").withdrawals for version in (first, corrected, material)}
    assert {number: [note.name for note in notes] for number, notes in found.items()} == {
        1: ["Goes"],
        2: ["Goes"],
        3: [],
    }


@pytest.mark.parametrize("leaving", ["withdraw", "decline"])
def test_G7_a_withdrawal_after_delivery_leaves_a_dated_note(round_, publication, leaving):
    stays, goes, never = (asked(round_, name=name) for name in ("Stays", "Goes", "Never there"))
    for invitation in (stays, goes):
        sign(invitation)
    delivery = hand_over(publication, at=timezone.now())
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        if leaving == "withdraw":
            signing_on.withdraw(goes, language="en")
        else:
            sign(goes, choice=Choice.DECLINE)
        sign(never)
        signing_on.withdraw(never, language="en")
        found = roll.of(publication.current_version, "en")
    left_at = goes.organization.decisions.get(live=True).at
    assert printed(found) == [("local", ["Stays"])]
    assert [(note.name, note.at, note.individual) for note in found.withdrawals] == [("Goes", left_at, False)]
    assert found.delivered_at == delivery.at
    before = roll.of(publication.current_version, "en", at=delivery.at)
    assert (printed(before), before.withdrawals) == ([("local", ["Goes", "Stays"])], [])


def test_G7_who_signs_again_after_a_note_stands_without_it(round_, publication):
    invitation = asked(round_, name="Back again")
    sign(invitation)
    hand_over(publication)
    signing_on.withdraw(invitation, language="en")
    assert len(roll.of(publication.current_version, "en").withdrawals) == 1
    sign(invitation)
    found = roll.of(publication.current_version, "en")
    assert (printed(found), found.withdrawals) == ([("local", ["Back again"])], [])


def test_G3_late_and_accepted_stands_in_the_addendum_and_waiting_nowhere(round_, publication, editor):
    in_time, accepted, refused, waiting = (
        asked(round_, name=name) for name in ("In time", "Accepted", "Refused", "Waiting")
    )
    sign(in_time)
    with time_machine.travel(round_.deadline + timedelta(hours=1)):
        signing_on.accept(sign(accepted), by=editor)
        signing_on.set_aside(sign(refused), by=editor)
        sign(waiting)
        signing_on.accept(sign(in_time, signer_name="Somebody Else"), by=editor)
        found = roll.of(publication.current_version, "en")
    assert printed(found) == [("local", ["In time"])]
    assert [line.name for line in found.addendum] == ["Accepted"]
    assert found.count == 2


def test_G8_the_signers_name_stands_only_where_the_publication_prints_it(round_, publication):
    sign(asked(round_))
    found = roll.of(publication.current_version, "en")
    assert [(line.signer, line.title) for line in found.lines] == [("", "")]
    publication.prints_signers = True
    publication.save()
    version = publication.versions.get()
    assert [(line.signer, line.title) for line in roll.of(version, "en").lines] == [
        ("Carmen Iris Maldonado", "Director")
    ]


def test_G8_the_disclaimer_is_the_publications_else_the_coalitions_else_the_usual_one(publication, installation):
    version = publication.current_version
    assert roll.of(version, "en").disclaimer.endswith("Not every partner endorses every word.")
    installation.disclaimer = {"en": "Ours", "es": "Lo nuestro"}
    installation.save()
    assert [roll.of(version, code).disclaimer for code in ("en", "es")] == ["Ours", "Lo nuestro"]
    publication.disclaimer = {"en": "This one's"}
    publication.save()
    assert roll.of(publication.versions.model.objects.get(), "en").disclaimer == "This one's"


def test_G2_a_material_version_starts_empty_a_clerical_one_keeps_the_list_and_the_old_one_its_own(
    round_, publication, editor
):
    first, (one, two) = publication.current_version, (asked(round_, name=name) for name in ("One", "Two"))
    sign(one)
    sign(two)
    clerical = amend(publication, editor, material=False, en="Ten steps!")
    assert [printed(roll.of(version, "en")) for version in (first, clerical)] == [[("local", ["One", "Two"])]] * 2
    material = amend(publication, editor)
    assert printed(roll.of(material, "en")) == []
    sign(two)
    sign(one, choice=Choice.DECLINE)
    assert [printed(roll.of(version, "en")) for version in (first, clerical, material)] == [
        [("local", ["One", "Two"])],
        [("local", ["One", "Two"])],
        [("local", ["Two"])],
    ]
    assert roll.counts(publication) == {first.pk: 2, clerical.pk: 2, material.pk: 1}


def test_individuals_count_once_confirmed_and_leave_a_note_only_after_delivery(round_, publication):
    endorse(round_, "Zoe Álvarez", city="Springfield")
    endorse(round_, "Ana Ríos", affiliation="Teacher, Elm School")
    endorse(round_, "Nobody Yet", confirmed_at=None)
    endorse(round_, "Gone Before", withdrawn_at=timezone.now())
    hand_over(publication)
    later = timezone.now() + timedelta(hours=1)
    endorse(round_, "Gone After", confirmed_at=timezone.now() - timedelta(hours=1), withdrawn_at=later)
    found = roll.of(publication.current_version, "en")
    assert [(each.name, each.city, each.affiliation) for each in found.individuals] == [
        ("Ana Ríos", "", "Teacher, Elm School"),
        ("Zoe Álvarez", "Springfield", ""),
    ]
    assert [(note.name, note.individual) for note in found.withdrawals] == [("Gone After", True)]


def test_P2_a_minor_stands_on_no_public_list(round_, publication):
    endorse(round_, "Zoe Álvarez")
    young = PersonFactory()
    endorse(round_, "Ana Ríos", person=young)
    before = roll.state(publication)
    people.change(young, details={"is_minor": True})
    assert [each.name for each in roll.of(publication.current_version, "en").individuals] == ["Zoe Álvarez"]
    assert roll.state(publication) != before


def test_the_roll_asks_six_queries_whatever_its_size(round_, publication, django_assert_num_queries):
    version = publication.versions.select_related("publication").get()
    for size in (1, 30):
        for n in range(size):
            sign(asked(round_, name=f"Partner {size} {n}"))
            endorse(round_, f"P{size}x{n} Ruiz")
        with django_assert_num_queries(5):
            roll.of(version, "en")


def test_the_state_changes_with_whatever_the_list_says(round_, publication, editor):
    states = [roll.state(publication)]
    assert roll.state(publication) == states[0]
    invitation = asked(round_)

    def changed():
        states.append(roll.state(publication))
        return len(set(states)) == len(states)

    assert not changed()  # asking changes no list
    states.pop()
    logo = allow(invitation.organization)
    sign(invitation, with_logo=True)
    assert changed()
    invitation.organization.printed_name = {"en": "Another name"}
    invitation.organization.save()
    assert changed()
    logo.expires_on = timezone.localdate()
    logo.save()
    assert changed()
    person = endorse(round_, "Ana Ríos")
    assert changed()
    person.withdrawn_at = timezone.now()
    person.save()
    assert changed()
    hand_over(publication)
    assert changed()
    with time_machine.travel(timezone.now() + timedelta(days=1, hours=2)):  # also where a day has 25 hours
        assert changed()
