"""Doors of the public site that are not pages."""

from django.http import HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from coalition.models import Installation
from coalition.quilt import quilt_svg


@require_safe
@cache_control(public=True, max_age=86400)
def icon(request):
    """The installation's own small quilt, for the browser's tab."""
    return HttpResponse(quilt_svg(Installation.get().digest, 3, 3), content_type="image/svg+xml")
