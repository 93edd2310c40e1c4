"""Show a publication without a page to the public, or take it down. Signatures, links and papers stay as they are."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from i18nfield.strings import LazyI18nString

from coalition import audit
from coalition.models import Publication


def _addresses(publication):
    """Where the world reads it: {language: absolute address}."""
    found = {}
    for language, _name in settings.LANGUAGES:
        with override(language):
            found[language] = settings.PUBLIC_URL + reverse("publication", args=[publication.pk])
    return LazyI18nString(found)


@transaction.atomic
def show(publication, *, by):
    """Put it before the public, from now on. Raises ValidationError while nothing is frozen.

    Returns whether it was hidden until now.
    """
    publication = Publication.objects.select_for_update().get(pk=publication.pk)
    if not publication.stand_alone:
        raise ValueError("The page of this publication is published where it is written")
    if not publication.versions.exists():
        raise ValidationError(_("Freeze the text first: the public reads only a frozen version."), code="not_frozen")
    if publication.shown_at:
        return False
    publication.shown_at, publication.public_url = timezone.now(), _addresses(publication)
    publication.save(update_fields=["shown_at", "public_url"])
    audit.record(audit.Action.EDIT, publication, details={"did": "shown"}, by=by)
    return True


@transaction.atomic
def take_down(publication, *, by):
    """Take it away from the public; nothing is lost. Returns whether it was shown until now."""
    publication = Publication.objects.select_for_update().get(pk=publication.pk)
    if not (publication.stand_alone and publication.shown_at):
        return False
    publication.shown_at, publication.public_url = None, ""
    publication.save(update_fields=["shown_at", "public_url"])
    audit.record(audit.Action.EDIT, publication, details={"did": "taken down"}, by=by)
    return True
