"""How we decide: the standing policy of a partner, and the authorizations by which it signs without being asked."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from coalition import policies, signing_on, tasks
from coalition.forms.partner import AttestationForm, AuthorizationForm, PolicyForm
from coalition.models import Decision
from coalition.signing_on import authorizing, consequences, standing
from coalition.views.desk import at_desk, only_trusted, page
from coalition.views.partner import sent

CONFIRM = "shown"  # in what the page with the words sends back


def _authorizations(desk):
    return desk.organization.authorizations.select_related("signer").prefetch_related("topics")


def _authorization(desk, pk):
    return get_object_or_404(_authorizations(desk), pk=pk)


@at_desk
@require_safe
def policy(request, desk):
    """How the organization wants to be asked, and what it decided once for many publications."""
    held = policies.of(desk.organization)
    context = {
        "room": "policy",
        "policy": held,
        "favours": list(held.favours.all()) if held.pk else [],
        "never": list(held.never.all()) if held.pk else [],
        "authorizations": authorizing.with_states(list(_authorizations(desk)), desk.organization),
    }
    return page(request, desk, "policy", context)


@at_desk
@only_trusted
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request, desk):
    """Change how it wants to be asked; for those who may sign."""
    if not desk.representative.may_sign:
        return redirect(desk.url("desk_policy"))
    form = PolicyForm(sent(request), policy=policies.of(desk.organization))
    if request.method == "POST" and form.is_valid():
        try:
            policies.keep(desk.organization, **form.values, person=desk.person)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Saved. The organizers see it before they ask you."))
            return redirect(desk.url("desk_policy"))
    status = 422 if form.is_bound and form.errors else 200
    return page(request, desk, "policy_form", {"room": "policy", "form": form}, status=status)


# Standing authorizations


@at_desk
@only_trusted
@require_http_methods(["GET", "HEAD", "POST"])
def give(request, desk):
    """Choose what it covers; then read the very words, and confirm them."""
    return _give(request, desk)


@at_desk
@only_trusted
@require_http_methods(["GET", "HEAD", "POST"])
def extend(request, desk, pk):
    """The same topics for longer: read the words with the new day, and confirm them."""
    held = _authorization(desk, pk)
    if not held.is_in_force:
        return redirect(desk.url("desk_authorization", pk))
    return _give(request, desk, extends=held)


def _give(request, desk, extends=None):
    """Two pages by one address: what is chosen comes back with the words, which are confirmed on the second."""
    if not desk.representative.may_sign:
        return redirect(desk.url("desk_policy"))
    held = policies.of(desk.organization)
    never = list(held.never.all()) if held.pk else []
    title = desk.representative.title
    initial = {
        "expires_on": authorizing.a_year_from(timezone.localdate()),
        "signer_name": desk.person.name,
        "signer_title": title.localize(get_language()) if title else "",
    }
    form = AuthorizationForm(sent(request), initial=initial, never=never, extends=extends)
    confirm, changes = None, "change" in request.POST
    if request.method == "POST" and form.is_valid() and not changes:
        chosen = {"with_logo": False, **form.cleaned_data}
        if extends:
            chosen |= {"topics": extends.topics.all(), "with_logo": extends.with_logo}
        said = {"with_logo": chosen["with_logo"], "expires_on": chosen["expires_on"]}
        words = authorizing.words(desk.organization, chosen["topics"], **said)
        confirm = AttestationForm(request.POST if CONFIRM in request.POST else None, words=words)
        if confirm.is_bound and confirm.is_valid():
            return _given(request, desk, chosen, words, extends)
        if confirm.is_bound:
            confirm.data = confirm.data.copy()
            confirm.data[CONFIRM] = words
    status = 422 if any(one and one.is_bound and one.errors for one in (form, confirm)) else 200
    context = {"room": "policy", "form": form, "confirm": confirm, "extends": extends, "never": never}
    return page(request, desk, "authorization_form", context, status=status)


def _given(request, desk, chosen, words, extends):
    try:
        authorization = authorizing.give(
            desk.representative,
            **chosen,
            attested=True,
            attestation=words,
            language=get_language(),
            extends=extends,
        )
    except signing_on.MayNotSign:
        messages.warning(request, _("You may no longer sign for this organization."))
        return redirect(desk.url("desk_policy"))
    except authorizing.NotInForce:
        messages.warning(request, _("It was revoked or extended a moment ago. Here is how it stands now."))
        return redirect(desk.url("desk_policy"))
    tasks.send_notices.delay_on_commit()
    messages.success(request, _("Recorded. Everybody who may sign for your organization is told by email."))
    return redirect(desk.url("desk_authorization", authorization.pk))


@at_desk
@require_safe
def authorization(request, desk, pk):
    """One authorization: the words that were confirmed, how it stands, and what it signed so far."""
    held = _authorization(desk, pk)
    authorizing.with_states([held], desk.organization)
    signed = list(standing.signed_by(held))
    stands = standing.still_stand(signed)
    for decision in signed:
        decision.stands = stands[decision.pk]
    return page(request, desk, "authorization", {"room": "policy", "authorization": held, "signed": signed})


@at_desk
@only_trusted
@require_POST
def revoke(request, desk, pk):
    """End an authorization now."""
    try:
        if authorizing.revoke(_authorization(desk, pk), representative=desk.representative):
            tasks.send_notices.delay_on_commit()
            messages.success(request, _("Revoked. From now on we ask you each time."))
    except signing_on.MayNotSign:
        messages.warning(request, _("Only somebody who may sign for your organization can revoke it."))
    return redirect(desk.url("desk_authorization", pk))


@at_desk
@only_trusted
@require_http_methods(["GET", "HEAD", "POST"])
def signed(request, desk, pk):
    """A signature that an authorization gave: the text, the certificate, and one press to take it back (G7)."""
    held = Decision.objects.select_related("publication", "version__publication", "round", "authorization__signer")
    decision = get_object_or_404(held, pk=pk, organization=desk.organization, via=Decision.Via.STANDING)
    if request.method == "POST":
        try:
            standing.take_back(decision, desk.representative, language=get_language())
        except signing_on.MayNotSign:
            raise Http404 from None
        except signing_on.NothingToWithdraw:
            pass  # a second press: how it stands is shown
        else:
            tasks.send_notices.delay_on_commit()
        return redirect(desk.url("desk_standing", decision.pk))
    text = decision.version.text_in(get_language())
    context = {
        "room": "policy",
        "decision": decision,
        "text": text,
        "stands": standing.still_stand([decision])[decision.pk],
        "handover": consequences.handed_over_with(decision.publication, desk.organization),
        "withdrawn": _withdrawn(decision),
    }
    return page(request, desk, "standing", context)


def _withdrawn(decision):
    """The withdrawal that took it back, or None."""
    later = Decision.objects.filter(publication=decision.publication_id, organization=decision.organization_id)
    later = later.after(decision.at, decision.pk).filter(choice=Decision.Choice.WITHDRAW)
    return later.order_by("at", "pk").first()
