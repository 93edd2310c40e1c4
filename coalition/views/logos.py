"""The public door of logos: a picture that may be used has an address, and no other has (rule G6)."""

import datetime

from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from coalition import logos
from coalition.models import Logo

KEPT_FOR = datetime.timedelta(days=30)  # by browsers; a new picture has a new address


@require_safe
def logo(request, pk, mark):
    """The PNG of a logo whose permission holds today; kept no longer than it is known to hold."""
    held = get_object_or_404(Logo.objects.usable(), pk=pk)
    if mark != logos.mark_of(held):
        raise Http404
    try:
        opened = held.image.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    left = held.expires_on - timezone.localdate() if held.expires_on else KEPT_FOR
    seconds = int(min(left, KEPT_FOR).total_seconds())
    return FileResponse(
        opened,
        content_type="image/png",
        headers={
            "Cache-Control": f"public, max-age={seconds}, immutable" if seconds else "public, max-age=600",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )
