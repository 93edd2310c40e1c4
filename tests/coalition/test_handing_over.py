"""Delivery records: what was handed over, who stood under it then, and what withdrawing means from then on."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coalition import accounts, handing_over, papers, privacy, roll, signing_on
from coalition.accounts import Role
from coalition.models import AuditLine, Endorsement, Entry, Handover, HandoverPaper, Notice, Version
from tests import factories
from tests.pango import needs_pango

from .signons import Choice, amend, asked, sign

pytestmark = pytest.mark.usefixtures("private_files")
TO = {"en": "The Joint Committee", "es": "El Comité Conjunto"}
PDF = b"%PDF-1.7 as it went"


def record(version, by=None, **more):
    said = {"way": "email", "to": TO, "at": timezone.now(), "zone": "America/New_York", "by": by}
    return handing_over.hand_over(version, **said | more)


def hand_over(version, by=None, **more):
    """Record a delivery, and all that follows it."""
    handover = record(version, by, **more)
    handing_over.finish(handover)
    handover.refresh_from_db()
    return handover


@pytest.fixture
def version(publication):
    return publication.current_version


@pytest.fixture
def without_pango(monkeypatch):
    """A machine on which no PDF can be made."""

    def missing():
        raise papers.Unavailable

    monkeypatch.setattr("coalition.papers._weasyprint", missing)


def held(paper):
    with paper.file.open() as file:
        return file.read()


def test_a_delivery_keeps_who_stood_under_the_text_at_that_moment(round_, version, editor, without_pango):
    signed, quiet = asked(round_, name="Harbor Mentors", scope="state"), asked(round_)
    sign(signed)
    sign(quiet, Choice.SUPPORT)
    handover = hand_over(version, editor, note=" Receipt 12 ")
    sign(asked(round_, name="Too late for that"))
    handover.refresh_from_db()
    names = {"en": "Harbor Mentors", "es": "Harbor Mentors"}
    assert handover.signatories == [{"organization": signed.organization_id, "scope": "state", "names": names}]
    assert (handover.to.data, handover.note, handover.by) == (TO, "Receipt 12", editor)
    line = AuditLine.objects.get(action=AuditLine.Action.DELIVERY)
    assert line.details == {"version": 1, "way": "email", "signed": 1, "papers": []}
    entry = Entry.objects.get(organization=signed.organization, text__contains="handed over")
    assert (str(entry.text), entry.link) == (
        "“Every reader by third grade” was handed over with its signature: version 1, The Joint Committee",
        reverse("handovers:inspect", args=[handover.pk]),
    )
    assert not Entry.objects.filter(organization=quiet.organization, text__contains="handed over").exists()


def test_each_signatory_is_told_in_its_language_unless_the_box_is_empty(round_, version, editor, without_pango):
    one, other = asked(round_, language="es"), asked(round_)
    sign(one), sign(other)
    hand_over(version, editor, tell=False)
    assert not Notice.objects.filter(kind="handed_over").exists()
    hand_over(version, editor, way="hand")
    told = Notice.objects.filter(kind="handed_over").order_by("pk")
    assert {(n.person, n.language) for n in told} == {
        (one.representative.person, "es"),
        (other.representative.person, "en"),
    }
    assert "El Comité Conjunto" in told.get(language="es").text
    assert "The Joint Committee" in told.get(language="en").text


def test_who_signed_is_told_alone_while_they_still_speak_for_it(round_, version, editor, without_pango):
    invitation = asked(round_)
    colleague = factories.RepresentativeFactory(organization=invitation.organization)
    sign(invitation)
    hand_over(version, editor)
    assert [n.person for n in Notice.objects.filter(kind="handed_over")] == [invitation.representative.person]
    invitation.representative.delete()
    hand_over(version, editor, way="hand")
    assert Notice.objects.filter(kind="handed_over").latest("pk").person == colleague.person


@needs_pango
def test_the_papers_of_that_moment_are_kept_byte_for_byte(round_, version, editor):
    sign(asked(round_, name="Harbor Mentors"))
    handover = hand_over(version, editor)
    kept = {paper.language: paper for paper in handover.papers.all()}
    assert set(kept) == {"en", "es"}
    for paper in kept.values():
        content = held(paper)
        assert content.startswith(b"%PDF-")
        assert paper.digest == hashlib.sha256(content).hexdigest()


def test_what_was_really_handed_over_is_kept_instead(version, editor, without_pango):
    handover = hand_over(version, editor, handed={"es": PDF})
    paper = HandoverPaper.objects.get()
    assert (paper.handover, paper.language, held(paper)) == (handover, "es", PDF)


def test_no_paper_is_made_that_would_name_who_signed_later(round_, version, editor, monkeypatch):
    monkeypatch.setattr("coalition.papers.publication_pdf", lambda *_args: PDF)
    earlier = timezone.now()
    sign(asked(round_))
    before = hand_over(version, editor, at=earlier)
    assert (before.signatories, before.papers.count()) == ([], 0)
    now = hand_over(version, editor, way="hand")
    assert (len(now.signatories), now.papers.count()) == (1, 2)


def test_the_same_delivery_twice_is_one(version, editor, without_pango):
    at = timezone.now()
    assert hand_over(version, editor, at=at) == hand_over(version, editor, at=at)
    assert Handover.objects.count() == 1


@pytest.mark.parametrize("wrong", [timedelta(hours=1), timedelta(days=-400)])
def test_a_delivery_still_to_come_or_before_the_freeze_is_refused(version, editor, wrong):
    with pytest.raises(ValidationError) as refused:
        hand_over(version, editor, at=timezone.now() + wrong)
    assert list(refused.value.message_dict) == ["at"]
    assert not Handover.objects.exists()


def test_papers_drawn_later_show_who_stood_under_the_text_at_the_press(round_, version, editor, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "coalition.papers.publication_pdf", lambda _version, language, signed: drawn.append(signed) or PDF
    )
    sign(asked(round_, name="Harbor Mentors"))
    handover = record(version, editor)
    assert (handover.drawing, handover.telling, handover.papers.count()) == (["en", "es"], True, 0)
    assert not Notice.objects.filter(kind="handed_over").exists()
    sign(asked(round_, name="A minute later"))
    handing_over.finish(handover)
    assert [[line.name for line in signed.lines] for signed in drawn] == [["Harbor Mentors"]] * 2
    assert Notice.objects.filter(kind="handed_over").count() == 1
    handover.refresh_from_db()
    assert (handover.drawing, handover.telling, handover.papers.count()) == ([], False, 2)
    handing_over.finish(handover)
    assert (handover.papers.count(), Notice.objects.filter(kind="handed_over").count()) == (2, 1)


def test_two_workers_at_one_record_keep_each_paper_once(round_, version, editor, monkeypatch):
    monkeypatch.setattr("coalition.papers.publication_pdf", lambda *_args: PDF)
    handover, twin = record(version, editor), Handover.objects.get()
    handing_over.finish(handover), handing_over.finish(twin)
    assert sorted(handover.papers.values_list("language", flat=True)) == ["en", "es"]


def test_no_paper_bears_another_name_than_the_record(round_, version, editor, monkeypatch):
    monkeypatch.setattr("coalition.papers.publication_pdf", lambda *_args: PDF)
    invitation = asked(round_, name="Harbor Mentors")
    sign(invitation)
    handover = record(version, editor)
    invitation.organization.name = "Harbor Mentors United"
    invitation.organization.save()
    handing_over.finish(handover)
    assert (handover.papers.count(), Handover.objects.get().drawing) == (0, [])


def endorsed(version, round_, **more):
    now, number = timezone.now(), Endorsement.objects.count()
    said = {"round": round_, "publication": version.publication, "version": version, "language": "en"}
    Endorsement.objects.create(**said, at=now, confirmed_at=now, nonce=f"n{number}", **more)


def test_no_paper_lacks_an_individual_who_was_erased_since(round_, version, editor, monkeypatch):
    monkeypatch.setattr("coalition.papers.publication_pdf", lambda *_args: PDF)
    person = factories.PersonFactory()
    endorsed(version, round_, name="Zoraida Quintañilla", email="z@people.example.org", person=person)
    endorsed(version, round_, name="", withdrawn_at=timezone.now())  # erased before
    first, second = record(version, editor), record(version, editor, way="hand")
    handing_over.finish(first)
    privacy.erase(person, source="staff", by=editor)
    handing_over.finish(second)
    assert (first.papers.count(), second.papers.count()) == (2, 0)


def files(storage):
    return [path.name for path in Path(storage.location).rglob("*.pdf")]


@pytest.mark.django_db(transaction=True)
def test_no_lock_waits_for_the_storage(version, editor, private_files, monkeypatch):
    monkeypatch.setattr("coalition.papers.publication_pdf", lambda *_args: PDF)
    save, locked = private_files._save, []

    def slow(*args):
        locked.append(connection.in_atomic_block)
        return save(*args)

    monkeypatch.setattr(private_files, "_save", slow)
    hand_over(version, editor, handed={"es": PDF})
    assert (locked, len(files(private_files))) == ([False, False], 2)


@pytest.mark.django_db(transaction=True)
def test_no_file_stays_without_its_record(version, editor, private_files):
    gone = type(editor)(pk=editor.pk + 1000)
    with pytest.raises(IntegrityError):
        record(version, gone, handed={"es": PDF})
    assert files(private_files) == []
    at = timezone.now()
    first, again = [record(version, editor, at=at, handed={"es": PDF}) for _n in range(2)]
    assert (first, len(files(private_files))) == (again, 1)


def test_what_the_queue_lost_is_found_again(version, editor, without_pango):
    handover = record(version, editor)
    assert list(handing_over.stalled()) == []
    Handover.objects.update(recorded_at=timezone.now() - timedelta(minutes=5))
    assert list(handing_over.stalled()) == [handover.pk]
    handing_over.finish(handover)
    assert list(handing_over.stalled()) == []


# Withdrawing


def test_G7_before_delivery_a_withdrawal_removes_the_name(round_, version):
    invitation = asked(round_)
    sign(invitation)
    signing_on.withdraw(invitation, language="en")
    signed = roll.of(version)
    assert (signed.count, signed.withdrawals, handing_over.delivered(version)) == (0, [], None)


def test_G7_after_delivery_a_withdrawal_adds_a_dated_note(round_, version, editor, without_pango):
    invitation = asked(round_, name="Harbor Mentors")
    sign(invitation)
    handover = hand_over(version, editor)
    withdrawal = signing_on.withdraw(invitation, language="en")
    signed = roll.of(version)
    assert (signed.count, [(n.name, n.at) for n in signed.withdrawals]) == (0, [("Harbor Mentors", withdrawal.at)])
    assert handing_over.delivered(version) == handover
    handover.refresh_from_db()
    assert [each["names"]["en"] for each in handover.signatories] == ["Harbor Mentors"]


def test_G7_delivered_speaks_for_clerical_versions_and_not_for_material_ones(publication, editor, without_pango):
    first = publication.current_version
    second = amend(publication, editor, material=False)
    third = amend(publication, editor, en="Twelve steps.")
    handover = hand_over(second, editor)
    assert [handing_over.delivered(version) for version in (first, second, third)] == [handover, handover, None]


# The pages


@pytest.fixture
def organizer(client, installation):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    client.force_login(client.user)
    return client


def entered(**more):
    now = timezone.localtime()
    said = {"way": "hand", "to_en": TO["en"], "to_es": TO["es"], "zone": "America/New_York", "tell": "on"}
    return said | {"day": now.date().isoformat(), "time": f"{now:%H:%M}", "note": "Receipt 12"} | more


def test_an_organizer_records_a_delivery_and_takes_its_papers(organizer, round_, version, without_pango):
    sign(asked(round_, name="Harbor Mentors"))
    address = reverse("handovers:record", args=[version.pk])
    page = organizer.get(address).text
    assert "The committee" in page
    assert "1 organization signed it" in page
    done = organizer.post(address, entered(paper_en=SimpleUploadedFile("x.pdf", PDF)))
    handover = Handover.objects.get()
    assert done.url == reverse("handovers:inspect", args=[handover.pk])
    shown = organizer.get(done.url).text
    assert [part in shown for part in ("Harbor Mentors", "Receipt 12", handover.papers.get().digest)] == [True] * 3
    taken = organizer.get(reverse("handovers:paper", args=[handover.pk, handover.papers.get().pk]))
    assert b"".join(taken.streaming_content) == PDF
    assert taken["Content-Disposition"].startswith("attachment")
    assert TO["en"] in organizer.get(reverse("handovers:index")).text
    assert TO["en"] in organizer.get(reverse("rounds:inspect", args=[round_.pk])).text


def test_who_signed_while_the_form_was_open_signed_before_the_delivery(organizer, round_, version, without_pango):
    """The form names a minute: what happened in it, the freeze as well, was before, also when the next one began."""
    signed = sign(asked(round_, name="Harbor Mentors"))
    shown = entered()
    Version.objects.filter(pk=version.pk).update(frozen_at=signed.at)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        organizer.post(reverse("handovers:record", args=[version.pk]), shown)
    handover = Handover.objects.get()
    assert f"{timezone.localtime(handover.at):%H:%M}" == shown["time"]
    assert [each["organization"] for each in handover.signatories] == [signed.organization_id]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"to_es": ""}, "Enter to whom it went, in each language."),
        ({"way": ""}, "Choose how it was handed over."),
        ({"day": "2199-01-01"}, "this is still to come"),
        ({"day": "2001-01-01"}, "nobody could have signed it yet"),
        ({"paper_en": SimpleUploadedFile("x.pdf", b"<html>")}, "this is another kind of file"),
    ],
)
def test_a_wrong_delivery_comes_back_with_what_was_entered(organizer, version, wrong, says):
    page = organizer.post(reverse("handovers:record", args=[version.pk]), entered(**wrong))
    assert page.status_code == 422
    assert says in page.text
    assert "Receipt 12" in page.text
    assert not Handover.objects.exists()


def test_the_page_of_a_delivery_says_that_its_papers_are_being_prepared(organizer, version, monkeypatch):
    monkeypatch.setattr("coalition.papers.publication_pdf", lambda *_args: PDF)
    handover = record(version, organizer.user)
    part = reverse("handovers:papers", args=[handover.pk])
    page = organizer.get(reverse("handovers:inspect", args=[handover.pk])).text
    assert (part in page, "The PDFs are being prepared" in page) == (True, True)
    handing_over.finish(handover)
    page = organizer.get(part).text
    assert ("hx-get" in page, "being prepared" in page, page.count("SHA-256")) == (False, False, 2)


def test_papers_and_recording_are_for_organizers(client, version, editor, without_pango):
    handover = hand_over(version, editor, handed={"en": PDF})
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), Role.ANALYST))
    assert client.get(reverse("handovers:inspect", args=[handover.pk])).status_code == 200
    assert client.get(reverse("handovers:paper", args=[handover.pk, handover.papers.get().pk])).status_code == 404
    client.post(reverse("handovers:record", args=[version.pk]), entered())
    assert Handover.objects.count() == 1


def test_the_list_of_deliveries_asks_a_fixed_number_of_queries(organizer, version, editor, without_pango):
    address = reverse("handovers:index")

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert organizer.get(address).status_code == 200
        return len(captured)

    hand_over(version, editor)
    organizer.get(address)
    before = queries()
    for number in range(29):
        hand_over(version, editor, way="press", to={**TO, "en": f"Paper {number}"})
    assert queries() == before
    assert Handover.objects.count() == 30
