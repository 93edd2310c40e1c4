"""A decision that arrived by letter: recorded as of its day, with its proof, and told to the partner."""

from datetime import timedelta
from io import BytesIO

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from coalition import accounts, counting, languages, roll, signing_on
from coalition.accounts import Role
from coalition.counting import State
from coalition.models import AuditLine, Decision, Entry, Notice, Organization
from tests import factories

from .signons import Choice, amend, asked, sign

pytestmark = pytest.mark.usefixtures("private_files")
PDF = b"%PDF-1.7 we sign"


def today(round_, days=0):
    return languages.local(timezone.now() + timedelta(days=days), round_.zone).date()


def record(round_, organization, by, **more):
    said = {
        "version": round_.publication.current_version,
        "choice": Choice.SIGN,
        "signer_name": "Ana Quiñones",
        "signer_title": "President",
        "received": today(round_),
        "language": "es",
        "proof": ContentFile(PDF, name="scan.pdf"),
        "attested": True,
        "attestation": "I checked it.",
        "by": by,
    }
    return signing_on.record_letter(round_, organization, **said | more)


@pytest.fixture
def partner(db):
    return factories.OrganizationFactory(name="Harbor Mentors", email="office@harbor.example.org")


def states(round_):
    board = counting.Board(round_)
    return {line.organization: line.state for line in board.lines(board.partners())}


def test_a_letter_of_a_partner_that_nobody_asked_stands_on_the_board_and_in_the_audit(round_, partner, editor):
    decision = record(round_, partner, editor)
    assert (decision.via, decision.live, decision.late, decision.recorded_by) == ("letter", True, False, editor)
    assert (decision.invitation.representative, decision.signer) == (None, None)
    with decision.proof.open() as scan:
        assert scan.read() == PDF
    assert states(round_) == {partner: State.SIGN}
    line = AuditLine.objects.get(action=AuditLine.Action.SIGN_ON)
    assert (line.by, line.details["via"], line.details["choice"]) == (editor, "letter", "sign")
    entry = Entry.objects.get(organization=partner)
    assert str(entry.text).endswith("(Ana Quiñones) · by letter")
    assert entry.by == editor


def test_the_partner_is_told_and_may_say_that_it_is_wrong(round_, editor):
    invitation = asked(round_, language="es")
    record(round_, invitation.organization, editor)
    notice = Notice.objects.get(kind="letter")
    assert (notice.person, notice.language) == (invitation.representative.person, "es")
    assert "/sign/" in notice.text
    assert not Notice.objects.filter(kind="receipt").exists()
    assert invitation.representative.person.last_active_at is None


def test_an_organization_without_representatives_is_told_by_its_own_address(round_, partner, editor):
    record(round_, partner, editor)
    assert [(n.value, n.person) for n in Notice.objects.filter(kind="letter")] == [("office@harbor.example.org", None)]


def test_G1_a_letter_signs_only_when_its_authority_was_checked(round_, partner, editor):
    with pytest.raises(ValidationError) as refused:
        record(round_, partner, editor, attested=False)
    assert list(refused.value.message_dict) == ["attested"]
    assert not Decision.objects.exists()
    assert not round_.invitations.exists()
    assert record(round_, partner, editor, attested=False, choice=Choice.DECLINE).attested is False


@pytest.mark.parametrize(("days", "late"), [(0, False), (1, True)])
def test_G3_the_day_of_receipt_decides_whether_a_letter_is_late(round_, partner, editor, days, late):
    round_.deadline = timezone.now() - timedelta(days=2)
    round_.save()
    round_.publication.versions.update(frozen_at=timezone.now() - timedelta(days=9))
    received = languages.local(round_.deadline, round_.zone).date() + timedelta(days=days)
    decision = record(round_, partner, editor, received=received)
    assert (decision.late, decision.live) == (late, not late)
    assert states(round_) == {partner: State.LATE if late else State.SIGN}


@pytest.mark.parametrize("days", [1, -1])
def test_a_letter_of_tomorrow_or_of_before_the_freeze_is_refused(round_, partner, editor, days):
    with pytest.raises(ValidationError) as refused:
        record(round_, partner, editor, received=today(round_, days))
    assert list(refused.value.message_dict) == ["received"]


def test_a_letter_does_not_overrule_what_the_partner_said_after_it(round_, editor):
    round_.publication.versions.update(frozen_at=timezone.now() - timedelta(days=9))
    invitation = asked(round_)
    sign(invitation, Choice.DECLINE)
    with pytest.raises(ValidationError) as refused:
        record(round_, invitation.organization, editor, received=today(round_, -3))
    assert list(refused.value.message_dict) == ["received"]
    assert states(round_) == {invitation.organization: State.DECLINE}


def test_G4_a_letter_of_the_same_day_comes_after_the_answer_it_ends(round_, editor):
    invitation = asked(round_)
    tomorrow = languages.local(timezone.now() + timedelta(days=1), round_.zone)
    with time_machine.travel(tomorrow.replace(hour=23, minute=50), tick=False):
        answer = sign(invitation, Choice.DECLINE)
        letter = record(round_, invitation.organization, editor)
    assert letter.at == answer.at + timedelta(microseconds=1)
    assert list(invitation.organization.decisions.all()) == [letter, answer]


def test_G4_the_same_letter_twice_is_one_decision(round_, partner, editor):
    assert record(round_, partner, editor) == record(round_, partner, editor)
    assert Decision.objects.count() == 1
    assert Notice.objects.filter(kind="letter").count() == 1


def test_G2_a_letter_about_an_earlier_text_does_not_sign_the_new_one(round_, partner, publication, editor):
    first = publication.current_version
    second = amend(publication, editor)
    decision = record(round_, partner, editor, version=first)
    assert decision.version == first
    assert [roll.of(first).count, roll.of(second).count] == [1, 0]
    assert states(round_) == {partner: State.AGAIN}


def test_G7_a_letter_can_withdraw_also_when_the_round_is_closed(round_, editor):
    invitation = asked(round_)
    sign(invitation)
    signing_on.close_round(round_)
    with pytest.raises(signing_on.RoundClosed):
        record(round_, invitation.organization, editor)
    decision = record(round_, invitation.organization, editor, choice=Choice.WITHDRAW, attested=False)
    assert roll.of(decision.version).count == 0
    with pytest.raises(signing_on.NothingToWithdraw):
        record(round_, invitation.organization, editor, choice=Choice.WITHDRAW, signer_name="Another")


# The page


def entered(round_, organization, file=None, **more):
    said = {
        "organization": organization.pk,
        "choice": "sign",
        "version": round_.publication.current_version.pk,
        "signer_name": "Ana Quiñones",
        "received": today(round_).isoformat(),
        "language": "en",
        "proof": file or SimpleUploadedFile("Ana's letter.pdf", PDF),
        "attested": "on",
    }
    return said | more


def picture(kind):
    file = BytesIO()
    Image.new("RGB", (30, 30)).save(file, kind)
    return file.getvalue()


@pytest.fixture
def organizer(client, installation):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    client.force_login(client.user)
    return client


def test_an_organizer_records_a_letter_and_takes_the_scan_back(organizer, round_, partner):
    address = reverse("rounds:letter", args=[round_.pk])
    assert partner.name in organizer.get(address).text
    done = organizer.post(address, entered(round_, partner))
    decision = Decision.objects.get()
    assert done.url == reverse("rounds:inspect", args=[round_.pk]) + f"?partner={partner.pk}#partners"
    assert (decision.recorded_by, "Ana's" in decision.proof.name) == (organizer.user, False)
    assert decision.attestation.startswith("The letter is signed by somebody with the authority")
    board = organizer.get(done.url).text
    proof = reverse("rounds:proof", args=[round_.pk, decision.pk])
    assert proof in board
    scan = organizer.get(proof)
    assert b"".join(scan.streaming_content) == PDF
    assert scan["Content-Disposition"].startswith("attachment")
    assert scan["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.pdf", b"<html>", "this is another kind of file"),
        ("a.png", b"\x89PNG\r\n\x1a\nbroken", "this is another kind of file"),
        ("a.svg", b"<svg/>", "this is another kind of file"),
        ("a.pdf", b"", "The file is empty."),
    ],
)
def test_a_scan_is_told_by_what_is_in_it(organizer, round_, partner, name, content, says):
    file = SimpleUploadedFile(name, content)
    page = organizer.post(reverse("rounds:letter", args=[round_.pk]), entered(round_, partner, file))
    assert page.status_code == 422
    assert says in page.text
    assert "Ana Quiñones" in page.text
    assert not Decision.objects.exists()


@pytest.mark.parametrize(("kind", "ending"), [("PNG", ".png"), ("JPEG", ".jpg")])
def test_a_photograph_of_the_letter_is_taken_whatever_it_is_called(organizer, round_, partner, kind, ending):
    organizer.post(
        reverse("rounds:letter", args=[round_.pk]),
        entered(round_, partner, SimpleUploadedFile("scan.bin", picture(kind))),
    )
    assert Decision.objects.get().proof.name.endswith(ending)


def test_a_scan_that_is_too_large(organizer, round_, partner, monkeypatch):
    monkeypatch.setattr("coalition.forms.letters.ScanField.LARGEST", 3)
    page = organizer.post(reverse("rounds:letter", args=[round_.pk]), entered(round_, partner))
    assert "larger than" in page.text


def test_what_is_missing_comes_back_in_words(organizer, round_, partner):
    page = organizer.post(
        reverse("rounds:letter", args=[round_.pk]), entered(round_, partner, attested="", signer_name="", choice="")
    )
    assert page.status_code == 422
    assert "Enter who signed the letter." in page.text
    assert "Choose what the letter says." in page.text


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ANALYST])
def test_letters_are_for_organizers(client, round_, partner, editor, role):
    decision = record(round_, partner, editor)
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    assert client.get(reverse("rounds:proof", args=[round_.pk, decision.pk])).status_code == 302
    client.post(reverse("rounds:letter", args=[round_.pk]), entered(round_, partner, choice="decline"))
    assert Decision.objects.count() == 1
    assert (
        reverse("rounds:proof", args=[round_.pk, decision.pk])
        not in client.get(reverse("rounds:inspect", args=[round_.pk])).text
    )


def test_a_scan_is_found_only_below_its_own_round(organizer, round_, partner):
    decision = record(round_, partner, organizer.user)
    assert organizer.get(reverse("rounds:proof", args=[round_.pk + 1, decision.pk])).status_code == 404
    other = record(round_, factories.OrganizationFactory(), organizer.user, proof="")
    assert organizer.get(reverse("rounds:proof", args=[round_.pk, other.pk])).status_code == 404
    assert Organization.objects.count() == 2
