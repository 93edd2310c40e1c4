"""The invisible picture at the end of an email. It asks for no cookie and keeps neither who asked nor from where."""

from django.http import HttpResponse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from campaigns import linking, opening

# One transparent pixel (GIF 89a).
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


@require_safe
def picture(request, token):
    """Always the same picture, so that no token can be tried out."""
    delivery_pk = linking.delivery_in(token)
    if delivery_pk is not None and request.method == "GET":
        opening.note(delivery_pk)
    answer = HttpResponse(PIXEL, content_type="image/gif")
    answer["X-Robots-Tag"] = "noindex"
    add_never_cache_headers(answer)
    return answer
