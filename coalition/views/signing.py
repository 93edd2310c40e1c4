"""A partner's doors: the personal link is the proof, so there is no account, no cookie, and nothing to keep."""

from functools import wraps

from django.conf import settings
from django.core.exceptions import ValidationError
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from coalition import canonical, counting, signing_on, tasks
from coalition.forms.signing import DecisionForm
from coalition.models import Decision

from .desk import alternates, behind_link, private


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
        except signing_on.LinkError as error:
            return private(_no_way_in(request, token, error))
        representative = invitation.representative
        return behind_link(request, representative, token, lambda: view(request, invitation, token, **kwargs))

    return door


def _no_way_in(request, token, error):
    reason = {signing_on.ExpiredLink: "expired", signing_on.RevokedLink: "revoked"}.get(type(error), "unknown")
    context = {"reason": reason, "token": token, "alternates": alternates(request)}
    return render(request, "coalition/signing/no_way_in.html", context, status=404 if reason == "unknown" else 410)


def _context(request, invitation, token, **more):
    """What every page of a partner shows: who is asked, about which text, and where its organization stands."""
    language = get_language()
    publication = invitation.round.publication
    version = publication.versions.prefetch_related("texts").order_by("-number").first()
    version.publication = publication
    standing = counting.standing(invitation)
    return {
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
    before = {text.language: text.canonical for text in since.texts.all()}
    found = []
    for text in version.texts.all():
        stretches = canonical.changes(before.get(text.language, ""), text.canonical)
        if any(stretch.rows for stretch in stretches):
            found.append({"language": text.language, "stretches": stretches})
    mine = get_language()
    return sorted(found, key=lambda difference: difference["language"] != mine)


def notes(since, version):
    """What was said of every amendment in between, in its order."""
    between = version.publication.versions.filter(number__gt=since.number, number__lte=version.number)
    return list(between.exclude(note="").order_by("number").values_list("note", flat=True))


@personal
@require_http_methods(["GET", "HEAD", "POST"])
def sign(request, invitation, token):
    """Read the text and decide."""
    context = _context(request, invitation, token)
    version, answer = context["version"], context["answer"]
    open_ = invitation.round.closed_at is None and invitation.representative.may_sign
    status, notice, since = 200, "", None
    form = None
    if request.method == "POST":
        form = _form(invitation, context, request.POST)
        if form.is_valid():
            try:
                signing_on.decide(invitation, **form.cleaned_data, language=get_language())
            except signing_on.Superseded as error:
                status, notice, since = 409, "superseded", form.cleaned_data["version"]
                form = _form(invitation, context, _kept(request.POST, error.version))
            except (signing_on.RoundClosed, signing_on.MayNotSign):
                context["round"].refresh_from_db()
                status, notice, open_ = 409, "closed", False
            except signing_on.RevokedLink as error:
                return _no_way_in(request, token, error)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                tasks.send_notices.delay_on_commit()
                return redirect("sign_recorded", token=token)
        if status == 200:
            status = 422
    elif request.method == "GET":
        signing_on.mark_seen(invitation)
    if since is None and answer and answer.choice != Decision.Choice.WITHDRAW and answer.version_id != version.pk:
        since = answer.version
    context |= {
        "form": (form or _form(invitation, context)) if open_ else None,
        "notice": notice,
        "late": invitation.round.closed_at is None and not invitation.round.is_open,
        "since": since,
        "differences": differences(since, version) if since else [],
        "notes": notes(since, version) if since else [],
    }
    return render(request, "coalition/signing/sign.html", context, status=status)


def _form(invitation, context, data=None):
    version, answer = context["version"], context["answer"]
    attest = _("I am authorized to sign “%(title)s”, version %(number)s, in the name of %(organization)s.") % {
        "title": context["text"].title,
        "number": version.number,
        "organization": context["organization"],
    }
    representative = invitation.representative
    initial = {"version": version, "signer_name": representative.person.name}
    if representative.title:
        initial["signer_title"] = representative.title.localize(get_language())
    if answer and answer.version_id == version.pk and answer.choice != Decision.Choice.WITHDRAW:
        initial["choice"] = answer.choice
    return DecisionForm(data, initial=initial, publication=context["publication"], attest=attest)


def _kept(data, version):
    """What was entered, on the newer version: nothing is lost but the attestation, which was given for another text."""
    data = data.copy()
    data["version"] = str(version.pk)
    data.pop("attested", None)
    return data


@personal
@require_http_methods(["GET", "HEAD"])
def recorded(request, invitation, token):
    """What stands now, calmly."""
    context = _context(request, invitation, token)
    if context["answer"] is None:
        return redirect("sign", token=token)
    return render(request, "coalition/signing/recorded.html", context)


@personal
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
        except signing_on.RevokedLink as error:
            return _no_way_in(request, token, error)
        else:
            tasks.send_notices.delay_on_commit()
        return redirect("sign_recorded", token=token)
    if not context["standing"].can_withdraw:
        return redirect("sign", token=token)
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
