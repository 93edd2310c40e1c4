"""A colleague's door: their own link opens the frozen text and takes what they recommend. No organizer passes here."""

from django.core.exceptions import ValidationError
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from coalition import reviewing, signing_on, tasks
from coalition.forms.talking import RecommendationForm

from .desk import alternates, private
from .signing import differences, notes


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def review(request, token):
    """Read exactly the frozen text, and recommend. The secret stands in the address; no cookie opens this."""
    try:
        return private(_page(request, reviewing.open_link(token), token))
    except signing_on.LinkError as error:
        return private(_no_way_in(request, error))


def _no_way_in(request, error):
    reason = {signing_on.ExpiredLink: "expired", signing_on.RevokedLink: "revoked"}.get(type(error), "unknown")
    context = {"reason": reason, "alternates": alternates(request)}
    return render(request, "coalition/talking/no_way_in.html", context, status=404 if reason == "unknown" else 410)


def _page(request, asked, token):
    round_ = asked.invitation.round
    publication = round_.publication
    version = publication.versions.prefetch_related("texts").order_by("-number").first()
    version.publication = publication
    said = reviewing.said(asked, version)
    since = None if version.pk in (asked.version_id, said and said.version_id) else asked.version
    form, status, superseded = None, 200, False
    if request.method == "POST":
        form, status = RecommendationForm(request.POST, publication=publication), 422
        if form.is_valid():
            try:
                reviewing.recommend(asked, **form.cleaned_data)
            except signing_on.Superseded as error:
                status, superseded, since, version = 409, True, form.cleaned_data["version"], error.version
                form = RecommendationForm(_kept(request.POST, version), publication=publication)
            except signing_on.RoundClosed:
                round_.refresh_from_db()
                status = 409
            except ValidationError as error:
                form.add_error(None, error)
            else:
                tasks.send_notices.delay_on_commit()
                return redirect(f"{request.path}?done=1#answer")
    context = {
        "review": asked,
        "said": said,
        "asker": asked.invitation.representative.person.name,
        "organization": asked.invitation.organization.name_in(get_language()),
        "round": round_,
        "publication": publication,
        "version": version,
        "text": version.text_in(get_language()),
        "form": None if round_.closed_at else form or _form(publication, version, said),
        "since": since,
        "differences": differences(since, version) if since else [],
        "notes": notes(since, version) if since else [],
        "superseded": superseded,
        "done": "done" in request.GET and said is not None,
        "days": reviewing.FORGET_AFTER.days,
        "alternates": alternates(request),
    }
    return render(request, "coalition/talking/review.html", context, status=status)


def _form(publication, version, said):
    initial = {"version": version.pk}
    if said:
        initial |= {"recommendation": said.recommendation, "comment": said.comment}
    return RecommendationForm(initial=initial, publication=publication)


def _kept(data, version):
    data = data.copy()
    data["version"] = str(version.pk)
    return data
