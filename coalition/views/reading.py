"""Public doors to a publication: its page, its PDF, and the list of who signed for pages elsewhere."""

import json

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.http import quote_etag
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import condition, require_safe

from coalition import papers, rasterising, reading, roll
from coalition.forms.endorsing import form_of
from coalition.models import Publication

KEPT_FOR = 300  # seconds that others may keep a list before they ask whether it is still so
EMBEDDED = {
    "default-src": [NONE],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF],
    "frame-ancestors": ["*"],
}
DRAWN_WITHIN = 120  # seconds that one drawing of a PDF may take before another is tried


def _public(pk):
    return get_object_or_404(Publication.objects.public(), pk=pk)


def _read(pk, number=None):
    found = reading.of(_public(pk), get_language(), number)
    if found is None:
        raise Http404
    return found


def _to(address):
    """Off to an address of this site, without naming the host: a copy of the site leads to itself."""
    return HttpResponseRedirect(address.removeprefix(settings.PUBLIC_URL))


@require_safe
def publication(request, pk, number=None):
    """The lasting address of a publication, or of one version: it leads to the page that shows it."""
    found = _read(pk, number)
    return _to(found.version_address if number else found.address)


@require_safe
def page(request, pk, slug, number=None):
    """A publication that stands alone: its text, and who stands under it."""
    found = _read(pk, number)
    own, language = found.publication, get_language()
    shown_number = None if found.current else found.version.number
    if not own.stand_alone:
        return _to(found.version_address)
    if slug != reading.slug_of(own, language) or number != shown_number:
        return HttpResponseRedirect(reading.path(own, language, shown_number))
    context = {
        "reading": found,
        "slug": slug,
        "form": form_of(found),
        "published": {code: reading.path(own, code, shown_number) for code, _name in settings.LANGUAGES},
    }
    return render(request, "coalition/publications/public/page.html", context)


# The PDF


@require_safe
def pdf(request, pk, number):
    """The version with who stands under it now, drawn once for each state of the list."""
    found = _read(pk, number)
    language, version = get_language(), found.version
    turn = f"drawing-{version.pk}-{language}"
    if not (drawn := reading.kept_paper(version, language)):
        if not cache.add(turn, 1, DRAWN_WITHIN):
            return _wait(request, found)
        try:
            drawn = reading.paper(version, language)
        except papers.Unavailable:
            return render(request, "coalition/publications/public/no_pdf.html", {"reading": found}, status=503)
        finally:
            cache.delete(turn)
    name = f"{reading.slug_of(found.publication, language)}-{version.number}-{language}.pdf"
    return HttpResponse(
        drawn,
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{name}"',
            "Cache-Control": "public, max-age=0, must-revalidate",
            "X-Content-Type-Options": "nosniff",
            "Link": f'<{found.version_address}>; rel="canonical"',
        },
    )


def _wait(request, found):
    """Somebody else asked a moment ago and it is being drawn: the page asks again by itself."""
    response = render(request, "coalition/publications/public/drawing.html", {"reading": found}, status=503)
    response["Retry-After"] = response["Refresh"] = "4"
    return response


@require_safe
@cache_control(public=True, max_age=86400 * 30, immutable=True)
def picture(request, pk, number):
    """The quilt of a version, for shared links: the same hash gives the same picture for ever."""
    try:
        drawn = reading.picture(_read(pk, number).version)
    except rasterising.Failed:
        raise Http404 from None
    return HttpResponse(drawn, content_type="image/png")


# For pages elsewhere


def _state(request, pk):
    """What a copy elsewhere is compared by: language, version asked for, state of the list."""
    own = _public(pk)
    return quote_etag(f"{get_language()}-{_number(request)}-{roll.state(own)}")


def _number(request):
    """The number of the version asked for; None for the newest."""
    number = request.GET.get("version", "")
    if number and not (number.isascii() and number.isdigit()):
        raise Http404
    return int(number[:5]) if number else None


def _asked(request, pk):
    return _read(pk, _number(request))


@require_safe
@xframe_options_exempt
@csp_replace(EMBEDDED)
@cache_control(public=True, max_age=KEPT_FOR)
@condition(etag_func=_state)
def embed(request, pk):
    """The list of who signed, to be framed by any page: small, without cookies, in the reader's language."""
    response = render(request, "coalition/publications/public/embed.html", {"reading": _asked(request, pk)})
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["X-Robots-Tag"] = "noindex"
    return response


@require_safe
@cache_control(public=True, max_age=KEPT_FOR)
@condition(etag_func=_state)
def signers(request, pk):
    """The same as JSON, which any page may read."""
    found = _asked(request, pk)
    key = f"signers-{found.version.pk}-{found.language}-{found.current}-{found.state}"
    if (said := cache.get(key)) is None:
        said = json.dumps(reading.signers(found), ensure_ascii=False)
        cache.set(key, said, 86400)
    response = HttpResponse(said, content_type="application/json")
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
