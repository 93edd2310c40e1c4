"""An individual's doors: the form that asks for a link, and the page behind the link, which alone signs."""

from django.core.cache import cache
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from coalition import canonical, endorsing, reading, tasks
from coalition.forms.endorsing import ConfirmForm, EndorsementForm
from coalition.middleware import origin_of
from coalition.models import Publication
from coalition.signing_on import RoundClosed, Superseded, UnknownLink

FORMS_AN_HOUR = 60  # from one place: a school evening signs from one network, a machine would go on


def _private(response):
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def too_many(request, what, most):
    """Whether more than `most` of this came from one place within the hour; keeps a count and no address."""
    key = f"{what}-{endorsing.place(origin_of(request))}"
    cache.add(key, 0, 3600)
    try:
        return cache.incr(key) > most
    except ValueError:  # it ran out between the two
        return False


# Whoever posts here proves nothing and changes nothing: a link goes to the mailbox that was named, and only its reader
# signs. So the form needs no cookie, and the page that shows it sets none.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def endorse(request, pk):
    """Sign for oneself: what was entered is kept, and a link goes to the address."""
    own = get_object_or_404(Publication.objects.public(), pk=pk)
    found = reading.of(own, get_language())
    if found is None:
        raise Http404
    context = {"reading": found}
    if found.for_individuals is None:
        status = 409 if request.method == "POST" else 200
        return render(request, "coalition/endorsing/over.html", context, status=status)
    if request.method != "POST":
        return HttpResponseRedirect(f"{found.address}#sign")
    form = EndorsementForm(request.POST, reading=found)
    status = 422
    if form.is_valid():
        said = dict(form.cleaned_data)
        said.pop("agreed")
        if too_many(request, "endorse", FORMS_AN_HOUR):
            return render(request, "coalition/endorsing/slowly.html", context, status=429)
        try:
            endorsing.sign(found.for_individuals, language=get_language(), **said)
        except RoundClosed:
            return render(request, "coalition/endorsing/over.html", context, status=409)
        except Superseded:
            found = reading.of(own, get_language())
            data = request.POST.copy()
            data["version"] = str(found.version.pk)
            data.pop("agreed", None)
            form, status = EndorsementForm(initial=data.dict(), reading=found), 409
            context |= {"reading": found, "superseded": said["version"]}
        else:
            tasks.send_notices.delay_on_commit()
            return redirect("endorse_sent", pk=pk)
    return render(request, "coalition/endorsing/form.html", {**context, "form": form}, status=status)


@require_safe
def sent(request, pk):
    """The same for everybody: whether an address has signed is nobody else's business."""
    own = get_object_or_404(Publication.objects.public(), pk=pk)
    context = {"reading": reading.of(own, get_language()), "days": endorsing.UNCONFIRMED_FOR.days}
    return render(request, "coalition/endorsing/sent.html", context)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def endorsement(request, nonce):
    """Behind the link: confirm, sign what changed, withdraw. GET only shows: mail scanners follow links."""
    try:
        where = endorsing.open_link(nonce)
    except UnknownLink:
        return _private(render(request, "coalition/endorsing/no_link.html", status=404))
    form = ConfirmForm(request.POST or None, publication=where.version.publication, initial={"version": where.version})
    notice, status = "", 200
    if request.method == "POST" and form.is_valid():
        updates = form.fields["updates"].label if form.cleaned_data.get("updates") else ""
        try:
            row = endorsing.confirm(
                where.row, version=form.cleaned_data["version"], language=get_language(), updates=updates
            )
        except Superseded:
            notice, status = "superseded", 409
        except RoundClosed:
            notice, status = "over", 409
        else:
            tasks.send_notices.delay_on_commit()
            return _private(redirect("endorsement", nonce=row.nonce))
        where = endorsing.open_link(nonce)
        form = ConfirmForm(publication=where.version.publication, initial={"version": where.version})
    language = get_language()
    context = {
        "standing": where,
        "row": where.row,
        "text": where.version.text_in(language),
        "wording": endorsing.wording(where.version, language),
        "public_address": reading.address(where.version.publication, language),
        "form": form if where.can_sign else None,
        "nonce": nonce,
        "notice": notice,
        "differences": canonical_changes(where.since, where.version, language) if where.since else [],
    }
    return _private(render(request, "coalition/endorsing/page.html", context, status=status))


def canonical_changes(since, version, language):
    """What changed between two versions in the language of the page."""
    before, after = (each.text_in(language) for each in (since, version))
    return [{"language": after.language, "stretches": canonical.changes(before.canonical, after.canonical)}]


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request, nonce):
    """Take the signature back, with a confirmation, at any time."""
    try:
        where = endorsing.open_link(nonce)
    except UnknownLink:
        return _private(render(request, "coalition/endorsing/no_link.html", status=404))
    context = {"standing": where, "row": where.row, "text": where.version.text_in(get_language()), "nonce": nonce}
    if request.method == "POST":
        endorsing.withdraw(where.row)
        return _private(HttpResponseRedirect(reverse("endorsement_withdrawn")))
    if not where.can_withdraw:
        return _private(redirect("endorsement", nonce=nonce))
    return _private(render(request, "coalition/endorsing/withdraw.html", context))


@require_safe
def withdrawn(request):
    return render(request, "coalition/endorsing/withdrawn.html")
