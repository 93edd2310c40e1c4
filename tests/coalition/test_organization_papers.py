"""Agreements and the logo of an organization: their forms, who gets the files, and what ends soon."""

import datetime
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from coalition import accounts
from coalition.accounts import Role
from coalition.models import Agreement, Logo
from coalition.viewsets import home
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("private_files")]
PDF = b"%PDF-1.7 signed by both"


def enter(client, role):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), role)
    client.force_login(client.user)
    return client


@pytest.fixture
def organizer(client):
    return enter(client, Role.ORGANIZER)


@pytest.fixture
def partner():
    return factories.OrganizationFactory(name="Teachers United")


def entered(**more):
    signed = timezone.localdate() - datetime.timedelta(days=30)
    return {"kind": "membership", "title": "Membership 2026", "signed_on": signed.isoformat(), "ends_on": ""} | more


def url(name, partner, *more):
    return reverse(f"organizations:{name}", args=[partner.pk, *more])


def body(response):
    return b"".join(response.streaming_content)


def test_an_agreement_with_its_file_is_kept_changed_and_removed(organizer, partner):
    paper = SimpleUploadedFile("From Ana's desk.PDF", PDF)
    organizer.post(url("add_agreement", partner), entered(file=paper))
    agreement = Agreement.objects.get()
    assert (agreement.organization, agreement.created_by) == (partner, organizer.user)
    assert "desk" not in agreement.file.name.lower()
    answer = organizer.get(url("agreement_file", partner, agreement.pk))
    assert body(answer) == PDF
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'attachment; filename="teachers-united-membership-2026.pdf"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]
    organizer.post(url("agreement", partner, agreement.pk), entered(title="Membership"))
    agreement.refresh_from_db()
    assert (agreement.title, bool(agreement.file)) == ("Membership", True)
    organizer.post(url("agreement", partner, agreement.pk), entered(no_file="on"))
    agreement.refresh_from_db()
    assert not agreement.file
    assert organizer.get(url("agreement_file", partner, agreement.pk)).status_code == 404
    organizer.post(url("remove_agreement", partner, agreement.pk))
    assert not Agreement.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"file": SimpleUploadedFile("a.exe", b"MZ")}, "this is another kind of file"),
        ({"file": SimpleUploadedFile("a.pdf", b"<html>")}, "this is another kind of file"),
        ({"file": SimpleUploadedFile("a.html", PDF)}, "this is another kind of file"),
        ({"file": SimpleUploadedFile("a.pdf", b"")}, "empty"),
        ({"ends_on": "2020-01-01"}, "It cannot end before it was signed."),
        ({"signed_on": "2199-01-01"}, "this day is still to come"),
        ({"title": ""}, "This field is required."),
    ],
)
def test_a_wrong_agreement_is_refused_and_what_was_entered_stays(organizer, partner, wrong, says):
    response = organizer.post(url("add_agreement", partner), entered(**{"title": "Kept as typed"} | wrong))
    html = response.content.decode()
    assert says in html
    assert ("Kept as typed" in html) == ("title" not in wrong)
    assert not Agreement.objects.exists()


def test_an_agreement_that_is_too_large(organizer, partner, monkeypatch):
    monkeypatch.setattr("coalition.forms.organizations.AgreementForm.LARGEST", 10)
    response = organizer.post(url("add_agreement", partner), entered(file=SimpleUploadedFile("a.pdf", PDF)))
    assert "larger than" in response.content.decode()


def test_an_agreement_is_found_only_below_its_own_organization(organizer, partner):
    agreement = Agreement.objects.create(organization=partner, kind="other", title="x", signed_on=timezone.localdate())
    other = factories.OrganizationFactory()
    for name in ("agreement", "agreement_file"):
        assert organizer.get(url(name, other, agreement.pk)).status_code == 404
    assert organizer.post(url("remove_agreement", other, agreement.pk)).status_code == 404
    assert Agreement.objects.exists()


@pytest.mark.parametrize("role", [Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_agreements_are_for_organizers(client, partner, role):
    agreement = Agreement(organization=partner, kind="other", title="Hidden terms", signed_on=timezone.localdate())
    agreement.file = SimpleUploadedFile("a.pdf", PDF)
    agreement.save()
    enter(client, role)
    html = client.get(url("inspect", partner), follow=True).content.decode()
    assert "Hidden terms" not in html
    answer = client.get(url("agreement_file", partner, agreement.pk))
    assert answer.status_code == 302
    client.post(url("remove_agreement", partner, agreement.pk))
    client.post(url("add_agreement", partner), entered())
    assert list(Agreement.objects.all()) == [agreement]


def test_the_first_page_names_what_ends_soon(rf, organizer, partner):
    today = timezone.localdate()
    gone = factories.OrganizationFactory(stage="left")
    for organization, days in ((partner, 10), (partner, 59), (partner, 61), (partner, -5), (partner, -20), (gone, 5)):
        Agreement.objects.create(
            organization=organization,
            kind="other",
            title=f"in {days}",
            signed_on=today - datetime.timedelta(days=400),
            ends_on=today + datetime.timedelta(days=days),
        )
    Agreement.objects.create(organization=partner, kind="other", title="for ever", signed_on=today)
    request = rf.get("/")
    request.user = organizer.user
    panel = home.AgreementsPanel(request)
    assert panel.is_shown
    assert [line["note"].split(" ·")[0] for line in panel.lines] == ["in -5", "in 10", "in 59"]
    assert [line["tone"] for line in panel.lines] == ["bad", "warn", ""]
    page = organizer.get(url("inspect", partner)).content.decode()
    assert page.count("Ends soon") == 2


def png(side=80):
    file = BytesIO()
    Image.new("RGB", (side, side), "teal").save(file, "PNG")
    return SimpleUploadedFile("logo.png", file.getvalue())


def test_a_logo_its_permission_and_its_state_on_the_page(organizer, partner):
    organizer.post(url("logo", partner), {"image": png()})
    logo = Logo.objects.get()
    assert not logo.may_be_used
    assert "Nobody has allowed it" in organizer.get(url("inspect", partner)).content.decode()
    day = timezone.localdate().isoformat()
    organizer.post(url("logo", partner), {"permitted_by": "Ana Núñez", "permitted_on": day})
    page = organizer.get(url("inspect", partner)).content.decode()
    assert "May be used" in page
    assert "Ana Núñez allowed it" in page
    answer = organizer.get(url("logo_file", partner))
    assert answer["Content-Type"] == "image/png"
    assert answer["Content-Disposition"].startswith("inline")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert Image.open(BytesIO(body(answer))).size == (80, 80)
    organizer.post(url("remove_logo", partner))
    assert not Logo.objects.exists()
    assert organizer.get(url("logo_file", partner)).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "Choose a picture."),
        ({"image": SimpleUploadedFile("logo.svg", b"<svg/>")}, "Save it as a plain SVG or as PNG."),
        ({"image": SimpleUploadedFile("logo.png", b"GIF89a")}, "Choose a picture as PNG, JPEG, WebP or SVG"),
        ({"image": png, "permitted_by": "Ana"}, "Enter the day they allowed it."),
        ({"image": png, "permitted_on": "2026-01-01"}, "Enter who allowed it"),
        ({"image": png, "permitted_by": "Ana", "permitted_on": "2199-01-01"}, "this day is still to come"),
        (
            {"image": png, "permitted_by": "Ana", "permitted_on": "2026-01-02", "expires_on": "2026-01-01"},
            "It cannot end before it was allowed.",
        ),
    ],
)
def test_a_wrong_logo_is_refused_in_words(organizer, partner, wrong, says):
    sent = {name: value() if callable(value) else value for name, value in wrong.items()}
    assert says in organizer.post(url("logo", partner), sent).content.decode()
    assert not Logo.objects.exists()


def test_an_analyst_sees_the_logo_and_not_who_allowed_it(client, partner):
    Logo.objects.create(
        organization=partner, image=png(), permitted_by="Zoraida Secreta", permitted_on=timezone.localdate()
    )
    enter(client, Role.ANALYST)
    html = client.get(url("inspect", partner)).content.decode()
    assert "May be used" in html
    assert "oraida" not in html
    assert body(client.get(url("logo_file", partner)))
    client.post(url("remove_logo", partner))
    client.post(url("logo", partner), {"permitted_by": ""})
    assert Logo.objects.get().may_be_used
    client.logout()
    assert client.get(url("logo_file", partner)).status_code == 302
