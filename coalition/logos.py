"""Logos: a picture comes in, is drawn anew as a small PNG, and may be used while somebody's yes for it holds (rule G6).

Nothing of the file that was uploaded is kept: no camera, no place, no comment, no second picture behind the first.
"""

import hashlib
import warnings
from io import BytesIO

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from coalition import audit, drawings, organizations, timeline
from coalition.models import Entry, Logo

FORMATS = ("PNG", "JPEG", "WEBP")
ACCEPTED = "image/png,image/jpeg,image/webp,image/svg+xml"  # what a browser offers to choose
LARGEST = 5 * 1024 * 1024  # bytes of the file that is uploaded
MOST_PIXELS = 24_000_000  # of the picture in it: a small file may hold a huge one
SIDE = 600  # pixels of the longer side that is kept
SMALLEST = 40


def redraw(file):
    """An uploaded picture as PNG bytes, at most SIDE pixels wide and high. Raises ValidationError in plain words.

    A drawing (SVG) is copied shape by shape and drawn first: see `coalition.drawings`.
    """
    if file.size > LARGEST:
        raise ValidationError(
            _("The picture is larger than %(most)d MB. Save it smaller and try again."),
            code="large",
            params={"most": LARGEST >> 20},
        )
    head = file.read(64)
    file.seek(0)
    if drawings.is_drawing(head):
        file = BytesIO(drawings.render(file.read(), side=SIDE))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(file, formats=FORMATS)
        width, height = picture.size
        if width * height > MOST_PIXELS:
            raise Image.DecompressionBombError
        if max(width, height) < SMALLEST:
            raise ValidationError(
                _("The picture is very small. Choose one that is at least %(side)d pixels wide."),
                code="small",
                params={"side": SMALLEST},
            )
        picture.draft("RGB", (SIDE, SIDE))  # a large JPEG is read small
        picture = ImageOps.exif_transpose(picture)
        seen_through = "A" in picture.getbands() or "transparency" in picture.info
        picture = picture.convert("RGBA" if seen_through else "RGB")
        picture.thumbnail((SIDE, SIDE))
        clean = Image.new(picture.mode, picture.size)
        clean.paste(picture)
        kept = BytesIO()
        clean.save(kept, "PNG", optimize=True)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ValidationError(
            _("The picture has too many pixels. Save it no larger than 4,000 by 4,000 and try again."), code="bomb"
        ) from None
    except ValidationError:
        raise
    except Exception:  # a broken picture breaks Pillow in many ways, and all mean the same
        raise ValidationError(
            _("Choose a picture as PNG, JPEG, WebP or SVG: we cannot read this file."), code="unreadable"
        ) from None
    return kept.getvalue()


def mark_of(logo):
    """What its public address carries besides its number: another picture has another address."""
    return hashlib.sha256(logo.image.name.encode()).hexdigest()[:12]


def url_of(logo):
    """The public path of a logo. It answers only while the logo may be used (rule G6)."""
    return reverse("logo", args=[logo.pk, mark_of(logo)])


@transaction.atomic
def keep(organization, *, png=None, permitted_by="", permitted_on=None, expires_on=None, by=None):
    """Keep a logo (PNG bytes from `redraw`), and who allowed its use, when and until when.

    Without `png` the picture that stands is kept. A new picture replaces the old file. `by`: who of the staff did it;
    nobody, where the organization did it at its own desk.
    """
    logo = Logo.objects.select_for_update().filter(organization=organization).first()
    new = logo is None
    logo = logo or Logo(organization=organization)
    before = (logo.permitted_by, logo.permitted_on, logo.expires_on)
    logo.permitted_by, logo.permitted_on, logo.expires_on = permitted_by, permitted_on, expires_on
    if png:
        if not new:
            organizations.delete_later(logo.image)
        logo.image = ContentFile(png, name=f"{organization.pk}-{get_random_string(12)}.png")
    logo.save()
    if png:
        timeline.note(
            organization, Entry.Kind.EDIT, _("The logo was added") if new else _("The logo was replaced"), by=by
        )
    if before != (permitted_by, permitted_on, expires_on):
        said = _("The use of its logo was allowed") if permitted_by else _("The use of its logo is no longer allowed")
        timeline.note(organization, Entry.Kind.EDIT, said, by=by)
    changed = ["image"] if png else []
    changed += ["permission"] if before != (permitted_by, permitted_on, expires_on) else []
    if changed:
        audit.record(audit.Action.EDIT, logo, details={"fields": changed}, by=by)
    return logo


@transaction.atomic
def remove(logo, *, by=None):
    organizations.delete_later(logo.image)
    organization = logo.organization
    audit.record(audit.Action.EDIT, logo, details={"did": "removed"}, by=by)
    logo.delete()
    timeline.note(organization, Entry.Kind.EDIT, _("The logo was removed"), by=by)
