"""Logos: a picture comes in, is drawn anew as a small PNG, and may be used while somebody's yes for it holds (rule G6).

Nothing of the file that was uploaded is kept: no camera, no place, no comment, no second picture behind the first.
"""

import warnings
from io import BytesIO

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from coalition import organizations, timeline
from coalition.models import Entry, Logo

FORMATS = ("PNG", "JPEG", "WEBP")
LARGEST = 5 * 1024 * 1024  # bytes of the file that is uploaded
MOST_PIXELS = 24_000_000  # of the picture in it: a small file may hold a huge one
SIDE = 600  # pixels of the longer side that is kept
SMALLEST = 40


def redraw(file):
    """An uploaded picture as PNG bytes, at most SIDE pixels wide and high. Raises ValidationError in plain words."""
    if file.size > LARGEST:
        raise ValidationError(
            _("The picture is larger than %(most)d MB. Save it smaller and try again."),
            code="large",
            params={"most": LARGEST >> 20},
        )
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
            _("Choose a picture as PNG, JPEG or WebP: we cannot read this file."), code="unreadable"
        ) from None
    return kept.getvalue()


@transaction.atomic
def keep(organization, *, png=None, permitted_by="", permitted_on=None, expires_on=None, by=None):
    """Keep a logo (PNG bytes from `redraw`), and who allowed its use, when and until when.

    Without `png` the picture that stands is kept. A new picture replaces the old file.
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
    return logo


@transaction.atomic
def remove(logo, *, by=None):
    organizations.delete_later(logo.image)
    organization = logo.organization
    logo.delete()
    timeline.note(organization, Entry.Kind.EDIT, _("The logo was removed"), by=by)
