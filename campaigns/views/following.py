"""Where the links of our letters lead first. It asks for no cookie and keeps neither who asked nor from where."""

import structlog
from django.db import Error
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from campaigns import linking

log = structlog.get_logger(__name__)
TRY_AGAIN_IN = 60  # seconds


@require_safe
def follow(request, number, token):
    try:
        url = linking.follow(
            number,
            token,
            method=request.method,
            agent=request.headers.get("User-Agent", ""),
            prefetched="prefetch" in (request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")),
        )
    except Error as error:  # the database is away, and only there stands where the link leads
        log.error("link not read", error=type(error).__name__)
        return _not_just_now()
    if url is None:
        raise Http404
    answer = HttpResponseRedirect(url)
    answer["Referrer-Policy"] = "no-referrer"
    answer["X-Robots-Tag"] = "noindex"
    add_never_cache_headers(answer)
    return answer


def _not_just_now():
    answer = HttpResponse(render_to_string("campaigns/links/away.html"), status=503)
    answer["Retry-After"] = str(TRY_AGAIN_IN)
    add_never_cache_headers(answer)
    return answer
