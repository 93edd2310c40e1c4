"""What an amendment promises to those who signed (rule G2): each promise has its test."""

import pytest
from django.urls import reverse

from coalition import publishing, roll
from coalition.models import Entry, Notice, Version

from .signons import amend, asked, open_round, sign
from .test_publishing_texts import DRAFT, changed


@pytest.fixture
def round_of_five(round_):
    """One of each: two signed, one supports, one declined, one has not answered."""
    for choice in ("sign", "sign", "support", "decline"):
        sign(asked(round_), choice)
    asked(round_, language="es")
    return round_


def told(kind):
    return sorted(Notice.objects.filter(kind=kind).values_list("person__representations__organization_id", flat=True))


def names(version):
    return [line.name for line in roll.of(version, "en").lines]


def organizations(round_, *choices):
    return sorted(round_.decisions.filter(choice__in=choices).values_list("organization_id", flat=True))


def fell_away():
    lines = Entry.objects.filter(kind=Entry.Kind.SIGNATURE, organization__isnull=False)
    return sorted(line.organization_id for line in lines if "does not carry over" in line.text.localize("en"))


def test_G2_a_clerical_amendment_keeps_every_signature_and_tells_the_signers(round_of_five, publication, editor):
    first = publication.current_version
    before, foreseen = names(first), publishing.foresee(publication)
    second = amend(publication, editor, material=False)
    assert names(second) == before
    assert len(before) == 2
    assert told("corrected") == organizations(round_of_five, "sign", "support")
    assert len(told("corrected")) == foreseen.clerical.reached == 3
    assert (told("amended"), fell_away()) == ([], [])


def test_G2_a_material_amendment_asks_everybody_again_and_empties_the_list(round_of_five, publication, editor):
    first, foreseen = publication.current_version, publishing.foresee(publication)
    before = names(first)
    second = amend(publication, editor)
    assert (names(second), roll.of(second).supporters) == ([], 0)
    assert told("amended") == sorted(round_of_five.invitations.values_list("organization_id", flat=True))
    assert len(told("amended")) == foreseen.material.reached == 5
    assert told("corrected") == []
    assert names(first) == before  # the old list stands under the old text


def test_G2_who_answers_again_stands_under_the_new_text(round_of_five, publication, editor):
    amend(publication, editor)
    invitation = round_of_five.invitations.get(organization=organizations(round_of_five, "sign")[0])
    sign(invitation)
    assert names(publication.current_version) == [invitation.organization.name]


def test_G2_each_organization_whose_signature_fell_away_has_a_line(round_of_five, publication, editor):
    amend(publication, editor)
    assert fell_away() == organizations(round_of_five, "sign")
    amend(publication, editor, en="Twelve steps.")
    assert fell_away() == organizations(round_of_five, "sign")  # nobody stood any more: nothing falls twice


def test_G2_without_a_round_signatures_fall_and_nobody_is_asked_yet(round_of_five, publication, editor):
    round_of_five.closed_at = round_of_five.deadline
    round_of_five.save()
    amend(publication, editor)
    assert (told("amended"), names(publication.current_version)) == ([], [])
    assert fell_away() == organizations(round_of_five, "sign")


def test_G2_the_note_is_told_in_the_language_of_who_reads_it(round_, publication, editor):
    sign(asked(round_, language="es"))
    publishing.freeze(
        publication,
        {"en": publishing.Text.of("A", "", "<p>b</p>"), "es": publishing.Text.of("C", "", "<p>d</p>")},
        by=editor,
        material=False,
        note={"en": "The year was wrong.", "es": "El año estaba mal."},
    )
    notice = Notice.objects.get(kind="corrected")
    assert ("El año estaba mal." in notice.text, "The year was wrong." in notice.text) == (True, False)


def test_G2_an_earlier_version_stays_reachable_with_its_list(client, installation, editor):
    letter = publishing.add(DRAFT, by=editor)
    publishing.freeze_draft(letter, by=editor)
    publishing.show(letter, by=editor)
    from_here = asked(open_round(letter, editor), name="Harbor Mentors")
    sign(from_here)
    publishing.edit(letter, by=editor, draft=changed(en="<p>Two per school.</p>"))
    publishing.freeze_draft(letter, by=editor, note="More")
    old = client.get(reverse("publication_version", args=[letter.pk, 1]), follow=True)
    new = client.get(reverse("publication", args=[letter.pk]), follow=True)
    assert (old.status_code, new.status_code) == (200, 200)
    assert ("Harbor Mentors" in old.text, "One per school." in old.text) == (True, True)
    assert ("Harbor Mentors" in new.text, "Two per school." in new.text) == (False, True)
    client.force_login(editor)
    kept = client.get(reverse("publications:version", args=[letter.pk, 1])).text
    assert ("Harbor Mentors" in kept, "One per school." in kept) == (True, True)
    assert Version.objects.get(publication=letter, number=1).texts.count() == 2
