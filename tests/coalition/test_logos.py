"""Logos: what comes in is drawn anew, and may be used only while somebody's yes for it holds (rule G6)."""

import datetime
import struct
import zlib
from io import BytesIO

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from coalition import logos, organizations
from coalition.models import Logo, Organization
from tests import factories

TODAY = datetime.date(2026, 5, 5)
DAY = datetime.timedelta(days=1)


def picture(kind="PNG", size=(900, 300), mode="RGB", **more):
    file = BytesIO()
    Image.new(mode, size, "teal" if mode == "RGB" else (0, 90, 90, 120)).save(file, kind, **more)
    return SimpleUploadedFile(f"logo.{kind.lower()}", file.getvalue())


def opened(png):
    return Image.open(BytesIO(png))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_becomes_a_png_of_at_most_600_pixels(kind):
    kept = opened(logos.redraw(picture(kind)))
    assert (kept.format, kept.size) == ("PNG", (600, 200))


def test_a_small_picture_keeps_its_size_and_what_is_seen_through():
    kept = opened(logos.redraw(picture(size=(120, 80), mode="RGBA")))
    assert (kept.size, kept.mode, kept.getpixel((5, 5))[3]) == ((120, 80), "RGBA", 120)


def test_what_a_camera_wrote_is_gone_and_the_picture_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010E] = "Ana's kitchen"
    png = logos.redraw(picture("JPEG", exif=exif))
    assert opened(png).size == (200, 600)
    assert not opened(png).getexif()
    assert b"kitchen" not in png


def bomb(side=30_000):
    """A PNG of a few bytes that says it is enormous."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("logo.png", b"<html>", "unreadable"),
        ("logo.png", b"", "unreadable"),
        ("cut.png", picture().read()[:60], "unreadable"),
        ("animated.gif", picture("GIF").read(), "unreadable"),
        ("bomb.png", bomb(), "bomb"),
        ("wide.png", bomb(6_000), "bomb"),
        ("dot.png", picture(size=(8, 8)).read(), "small"),
    ],
)
def test_what_is_no_usable_picture_is_refused_in_words(name, content, code):
    with pytest.raises(ValidationError) as refused:
        logos.redraw(SimpleUploadedFile(name, content))
    assert refused.value.code == code


def test_a_huge_file_is_refused_unread():
    file = SimpleUploadedFile("logo.png", b"")
    file.size = logos.LARGEST + 1
    with pytest.raises(ValidationError, match="larger than 5 MB"):
        logos.redraw(file)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("permission", "state"),
    [
        ({}, "unasked"),
        ({"permitted_by": "Ana"}, "unasked"),
        ({"permitted_on": TODAY}, "unasked"),
        ({"permitted_by": "Ana", "permitted_on": TODAY}, "usable"),
        ({"permitted_by": "Ana", "permitted_on": TODAY + DAY}, "later"),
        ({"permitted_by": "Ana", "permitted_on": TODAY - DAY, "expires_on": TODAY}, "usable"),
        ({"permitted_by": "Ana", "permitted_on": TODAY - DAY, "expires_on": TODAY - DAY}, "ended"),
    ],
)
def test_G6_a_logo_may_be_used_only_with_a_yes_that_holds(permission, state, time_machine):
    time_machine.move_to(datetime.datetime(2026, 5, 5, 16, tzinfo=datetime.UTC))
    organization = factories.OrganizationFactory()
    logo = Logo.objects.create(organization=organization, image="logos/x.png", width=1, height=1, **permission)
    assert (logo.state, logo.may_be_used) == (state, state == "usable")
    assert Logo.objects.usable().exists() == logo.may_be_used


@pytest.mark.django_db
def test_G6_a_logo_may_not_be_used_once_its_organization_has_left_or_is_in_the_bin():
    today = timezone.localdate()
    organization = factories.OrganizationFactory()
    kept = {"permitted_by": "Ana", "permitted_on": today, "width": 1, "height": 1}
    logo = Logo.objects.create(organization=organization, image="logos/x.png", **kept)

    def usable():
        held = Logo.objects.select_related("organization").get(pk=logo.pk)
        assert held.may_be_used == Logo.objects.usable().exists()
        return held.may_be_used

    assert usable()
    organizations.move(organization, Organization.Stage.LEFT)
    assert not usable()
    organizations.move(organization, Organization.Stage.PARTNER)
    organizations.discard(organization)
    assert not usable()


@pytest.mark.django_db
def test_G6_the_public_address_of_a_logo_answers_only_while_it_may_be_used(private_files, client, time_machine):
    time_machine.move_to(datetime.datetime(2026, 5, 5, 16, tzinfo=datetime.UTC), tick=False)
    organization = factories.OrganizationFactory()

    def status(address):
        answer = client.get(address)
        if answer.streaming:
            list(answer.streaming_content)
        return answer.status_code

    logo = logos.keep(organization, png=logos.redraw(picture()))
    assert status(logos.url_of(logo)) == 404  # nobody has allowed it
    logo = logos.keep(organization, permitted_by="Ana", permitted_on=TODAY, expires_on=TODAY + 10 * DAY)
    answer = client.get(logos.url_of(logo))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert answer["Cache-Control"] == f"public, max-age={10 * 24 * 3600}, immutable"  # no longer than the permission
    assert opened(b"".join(answer.streaming_content)).size == (600, 200)
    before = logos.url_of(logo)
    logo = logos.keep(
        organization, png=logos.redraw(picture()), permitted_by="Ana", permitted_on=TODAY, expires_on=TODAY + 10 * DAY
    )
    assert logos.url_of(logo) != before
    assert status(before) == 404
    time_machine.move_to(datetime.datetime(2026, 5, 16, 16, tzinfo=datetime.UTC), tick=False)
    assert status(logos.url_of(logo)) == 404  # the permission has ended
    time_machine.move_to(datetime.datetime(2026, 5, 6, 16, tzinfo=datetime.UTC), tick=False)
    assert status(logos.url_of(logo)) == 200
    organizations.move(organization, Organization.Stage.LEFT)
    assert status(logos.url_of(logo)) == 404


@pytest.mark.django_db
def test_a_new_picture_takes_the_place_of_the_old_file(private_files, django_capture_on_commit_callbacks):
    organization = factories.OrganizationFactory()
    png = logos.redraw(picture())
    first = logos.keep(organization, png=png).image.name
    with django_capture_on_commit_callbacks(execute=True):
        logo = logos.keep(organization, png=png, permitted_by="Ana", permitted_on=TODAY)
    assert (private_files.exists(first), private_files.exists(logo.image.name)) == (False, True)
    assert (logo.width, logo.height) == (600, 200)
    logos.keep(organization, permitted_by="Ana", permitted_on=TODAY)  # nothing new
    with django_capture_on_commit_callbacks(execute=True):
        logos.remove(logo)
    assert not private_files.exists(logo.image.name)
    assert [str(entry.text) for entry in organization.entries.order_by("pk")] == [
        "The logo was added",
        "The logo was replaced",
        "The use of its logo was allowed",
        "The logo was removed",
    ]
