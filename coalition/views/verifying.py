"""The verification page: anyone brings a text, a file or a code and sees what it is. Nothing that comes in is kept."""

from django.conf import settings
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse, translate_url
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from coalition import reading, verifying
from coalition.forms.verifying import VerifyForm
from coalition.models import Publication
from coalition.reading_copies import Unreadable
from coalition.views.endorsing import too_many

CHECKS_AN_HOUR = 120  # from one place


# A check changes nothing and shows what is public: it needs no cookie.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request):
    """Bring a text, a file or a code."""
    form = VerifyForm(request.POST, request.FILES) if request.method == "POST" else VerifyForm()
    published = {code: translate_url(request.path, code) for code, _name in settings.LANGUAGES}
    context = {"form": form, "published": published}
    if request.method != "POST":
        return render(request, "coalition/verifying/form.html", context)
    if too_many(request, "verify", CHECKS_AN_HOUR):
        return render(request, "coalition/verifying/slowly.html", context, status=429)
    if not form.is_valid():
        return render(request, "coalition/verifying/form.html", context, status=422)
    said = form.cleaned_data
    if not said["file"] and not said["text"].strip():
        code = "".join(letter for letter in said["code"].lower() if letter.isalnum())
        return HttpResponseRedirect(reverse("verify_code", args=[code or "-"]))
    try:
        answer = verifying.by_file(said["file"].read()) if said["file"] else verifying.by_text(said["text"])
    except Unreadable as error:
        form.add_error("file", error.words)
        return render(request, "coalition/verifying/form.html", context, status=422)
    return _answer(request, answer, {"published": published})


@require_safe
def verify_code(request, code):
    """The code on a paper, followed."""
    answer = verifying.by_code(code)
    return _answer(request, answer, {"code": code}, status=404 if answer.kind == verifying.Kind.UNKNOWN else 200)


def _answer(request, answer, context, status=200):
    language = get_language()
    found = shown = None
    if answer.version:
        own = answer.version.publication
        found = reading.of(own, language, answer.version.number)
        shown = Publication.objects.public().filter(pk=own.pk).exists()
    context |= {"answer": answer, "reading": found, "public": shown, "form": VerifyForm(), "zone": settings.TIME_ZONE}
    return render(request, "coalition/verifying/answer.html", context, status=status)
