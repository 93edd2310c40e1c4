"""A partner's doors: the personal link is the proof, so there is no account, no cookie, and nothing to keep."""

from functools import wraps

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from coalition import counting, papers, publishing, signing_on, tasks
from coalition.forms.signing import WITH_LOGO, DecisionForm
from coalition.models import Decision, Organization, VersionText
from coalition.signing_on.deciding import is_asked, may_use_logo

from .desk import PIXEL, alternates, at_desk, behind_link, is_robot, only_trusted, private, prove_url


def personal(view):
    """Open the door for the holder of a personal link, else say in the reader's language why it opens nothing.

    `request.desk` is the desk of the same person, with whether this device may act for them (`only_trusted`).
    Cross-site forgery rides on cookies, and these doors read none: whoever can post here holds the secret of the link.
    """

    @csrf_exempt
    @never_cache
    @wraps(view)
    def door(request, token, **kwargs):
        try:
            invitation = signing_on.open_link(token)
            representative = invitation.representative
            return behind_link(request, representative, token, lambda: view(request, invitation, token, **kwargs))
        except signing_on.LinkError as error:  # also one that was closed while the page was open
            return private(_no_way_in(request, token, error))

    return door


def _no_way_in(request, token, error):
    reason = {signing_on.ExpiredLink: "expired", signing_on.RevokedLink: "revoked"}.get(type(error), "unknown")
    context = {"reason": reason, "token": token, "alternates": alternates(request)}
    return render(request, "coalition/signing/no_way_in.html", context, status=404 if reason == "unknown" else 410)


def _context(request, invitation, token, **more):
    """What every page of a partner shows: who is asked, about which text, and where its organization stands."""
    language = get_language()
    publication = invitation.round.publication
    # The canonical text is as long as what is shown, and only a comparison reads it.
    shown = Prefetch("texts", VersionText.objects.defer("canonical", "sketch"))
    version = publication.versions.prefetch_related(shown).order_by("-number").first()
    version.publication = publication
    standing = counting.standing(invitation)
    return {
        "desk": request.desk,
        "invitation": invitation,
        "person": invitation.representative.person,
        "organization": invitation.organization.name_in(language),
        "round": invitation.round,
        "publication": publication,
        "version": version,
        "text": version.text_in(language),
        "standing": standing,
        "answer": standing.waiting or standing.live,
        "public_url": publication.public_url.localize(language) if publication.public_url else "",
        "token": token,
        "alternates": alternates(request),
        **more,
    }


def differences(since, version):
    """What changed from a version to the current one: [{language, stretches}], the reader's language first."""
    mine = get_language()
    found = [
        {"language": language, "stretches": stretches}
        for language, stretches in publishing.between(since, version).items()
        if any(stretch.rows for stretch in stretches)
    ]
    return sorted(found, key=lambda difference: difference["language"] != mine)


def notes(since, version):
    """What was said of every amendment in between, in its order."""
    between = version.publication.versions.filter(number__gt=since.number, number__lte=version.number)
    return list(between.exclude(note="").order_by("number").values_list("note", flat=True))


def _since(request, invitation, context):
    """(the version to show the changes since, or None; every earlier one): the one asked for, else the one they last
    saw, else the one that was answered."""
    version, answer = context["version"], context["answer"]
    if version.number == 1:
        return None, []
    earlier = list(version.publication.versions.filter(number__lt=version.number).order_by("-number"))
    known = {each.pk: each for each in earlier}
    if request.GET.get("since", "").isdigit():
        asked = next((each for each in earlier if str(each.number) == request.GET["since"]), None)
        if asked:
            return asked, earlier
    answered = answer.version_id if answer and answer.choice != Decision.Choice.WITHDRAW else None
    saw = invitation.seen_version_id if request.desk.trusted else None
    return known.get(saw) or known.get(answered), earlier


def _why_not(request, invitation):
    """Why this page takes no answer, as a word for its template; empty where it takes one."""
    if not request.desk.trusted:
        return "forwarded"
    if not invitation.representative.may_sign:
        return "reader"
    if invitation.round.closed_at:
        return "closed"
    return "" if is_asked(invitation) else "scope"


@personal
@require_http_methods(["GET", "HEAD", "POST"])
def sign(request, invitation, token):
    """Read the text and decide."""
    if request.method == "POST" and not request.desk.trusted:
        return redirect(prove_url(request))
    context = _context(request, invitation, token)
    since, earlier = _since(request, invitation, context)
    status, notice, form = 200, "", None
    if request.method == "POST":
        form, status = _form(invitation, context, request.POST), 422
        if form.is_valid():
            try:
                signing_on.decide(invitation, **form.answer, language=get_language())
            except signing_on.Superseded as error:
                status, notice, since = 409, "superseded", form.cleaned_data["version"]
                form = _form(invitation, context, _kept(request.POST, version=error.version))
            except signing_on.AlreadyAnswered as error:
                status, notice = 409, "answered"
                context |= {"standing": counting.standing(invitation), "answer": error.decision}
                form = _form(invitation, context, _kept(request.POST, seen=error.decision))
            except (signing_on.RoundClosed, signing_on.MayNotSign, signing_on.OutsideScope):
                invitation.round.refresh_from_db()
                invitation.representative.refresh_from_db()
                status, notice = 409, "closed"
            except ValidationError as error:
                form.add_error(None, error)
            else:
                tasks.send_notices.delay_on_commit()
                return redirect("sign_recorded", token=token)
    elif not is_robot(request):
        mine = request.desk.trusted and request.desk.device.known
        signing_on.mark_seen(invitation, context["version"] if mine else None)
    why_not = _why_not(request, invitation)
    context |= {
        "form": None if why_not else form or _form(invitation, context),
        "why_not": why_not,
        "notice": notice,
        "late": invitation.round.closed_at is None and not invitation.round.is_open,
        "handed_over": signing_on.handed_over_with(context["publication"], invitation.organization),
        "action": f"?since={since.number}#answer" if since else "#answer",
        "scopes": [Organization.Scope(scope).label for scope in invitation.round.scopes],
        "since": since,
        "earlier": earlier,
        "differences": differences(since, context["version"]) if since else [],
        "notes": notes(since, context["version"]) if since else [],
    }
    return render(request, "coalition/signing/sign.html", context, status=status)


def _form(invitation, context, data=None):
    version, answer = context["version"], context["answer"]
    representative = invitation.representative
    initial = {"version": version, "seen": answer and answer.pk, "signer_name": representative.person.name}
    if representative.title:
        initial["signer_title"] = representative.title.localize(get_language())
    if answer and answer.version_id == version.pk and answer.choice != Decision.Choice.WITHDRAW:
        initial |= {"choice": WITH_LOGO if answer.with_logo else answer.choice, "until": answer.until}
    context["logo"] = may_use_logo(invitation.organization)
    return DecisionForm(
        data,
        initial=initial,
        publication=context["publication"],
        attest=signing_on.attestation(invitation, version, get_language()),
        logo=context["logo"],
        zone=invitation.round.zone,
    )


def _kept(data, *, version=None, seen=None):
    """What was entered, once more: nothing is lost but the attestation, which was given before one knew this."""
    data = data.copy()
    if version:
        data["version"] = str(version.pk)
    if seen:
        data["seen"] = str(seen.pk)
    data.pop("attested", None)
    return data


@personal
@require_GET
def device(request, invitation, token):
    """A picture of nothing on the page of a text: who fetches it with its cookie is a browser, and has read the text.

    The door has noted the device; here the version that the person saw is noted, never that of a forwarded link.
    """
    read = request.GET.get("read", "")
    version = invitation.round.publication.versions.filter(number=read).first() if read.isdecimal() else None
    if version and request.desk.trusted and request.desk.device.known:
        signing_on.mark_seen(invitation, version)
    return HttpResponse(PIXEL, content_type="image/svg+xml")


@personal
@require_http_methods(["GET", "HEAD"])
def paper(request, invitation, token):
    """The text whole, to print: with its version, hash and quilt, and nothing to press."""
    return render(request, "coalition/signing/print.html", _context(request, invitation, token))


@personal
@only_trusted
@require_http_methods(["GET", "HEAD"])
def recorded(request, invitation, token):
    """What stands now, calmly."""
    context = _context(request, invitation, token)
    if context["answer"] is None:
        return redirect("sign", token=token)
    answer = context["answer"]
    handed_over = signing_on.handed_over_with(context["publication"], invitation.organization, before=answer)
    context |= {"handed_over": None if answer.choice == Decision.Choice.SIGN else handed_over}
    return render(request, "coalition/signing/recorded.html", context)


@personal
@only_trusted
@require_http_methods(["GET", "HEAD"])
def certificate(request, invitation, token):
    """The certificate of what stands now."""
    answer = _context(request, invitation, token)["answer"]
    if answer is None:
        return redirect("sign", token=token)
    return certificate_of(request, answer.pk, back=reverse("sign_recorded", args=[token]))


def certificate_of(request, pk, *, back):
    """One decision on paper: a PDF or, where this machine makes none, a page to print."""
    decision = Decision.objects.select_related("version__publication", "round", "organization", "authorization").get(
        pk=pk
    )
    language = get_language()
    try:
        pdf = papers.certificate_pdf(decision, language)
    except papers.Unavailable:
        context = papers.of_decision(decision, language) | {"language": language, "back": back}
        context |= {"address": papers.address_of(decision.version), "alternates": alternates(request)}
        return render(request, "coalition/signing/certificate.html", context)
    headers = {
        "Content-Disposition": f'inline; filename="{papers.name_of(decision)}"',
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(pdf, content_type="application/pdf", headers=headers)


@at_desk
@require_http_methods(["GET", "HEAD"])
def desk_certificate(request, desk, pk):
    """The certificate of any decision of the organization, out of its history."""
    decision = get_object_or_404(Decision, pk=pk, organization=desk.organization)
    return certificate_of(request, decision.pk, back=desk.url("desk_history"))


@personal
@only_trusted
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request, invitation, token):
    """Take back what stands, with a confirmation and always possible (G7)."""
    context = _context(request, invitation, token)
    if request.method == "POST":
        try:
            signing_on.withdraw(invitation, language=get_language())
        except signing_on.NothingToWithdraw:
            pass  # a second press: what stands is shown
        except signing_on.MayNotSign:
            return render(request, "coalition/signing/withdraw.html", context, status=403)
        else:
            tasks.send_notices.delay_on_commit()
        return redirect("sign_recorded", token=token)
    if not context["standing"].can_withdraw:
        return redirect("sign", token=token)
    context["handed_over"] = signing_on.handed_over_with(context["publication"], invitation.organization)
    return render(request, "coalition/signing/withdraw.html", context)


@csrf_exempt
@never_cache
@require_POST
def renew(request, token):
    """An expired link asks for a new one, which goes to the address on record and nowhere else."""
    try:
        signing_on.open_link(token)
    except signing_on.ExpiredLink as expired:
        signing_on.send_link(expired.invitation)
        tasks.send_notices.delay_on_commit()
        context = {"alternates": {code: f"/{code}/" for code, _name in settings.LANGUAGES}}
        return private(render(request, "coalition/signing/link_sent.html", context))
    except signing_on.LinkError as error:
        return private(_no_way_in(request, token, error))
    return private(redirect("sign", token=token))
