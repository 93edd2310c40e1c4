"""Who speaks for a partner, at its desk: ask for a change, confirm what a colleague asked, object, set the order."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from coalition import speaking, tasks
from coalition.forms.partner import LeaveForm, ObjectionForm, SpeakerForm
from coalition.models import RoleChange
from coalition.views.desk import at_desk, only_trusted, page
from coalition.views.partner import sent

What, State = RoleChange.What, RoleChange.State


def _speaker(desk, pk):
    return get_object_or_404(speaking.speakers(desk.organization), pk=pk)


def _back(desk):
    return redirect(desk.url("desk_profile") + "#speakers")


def _proposed(request, desk, form, what, speaker=None):
    """Ask for what a form holds. Returns (the way on, whether nobody who may sign would be left)."""
    try:
        change = speaking.propose(desk.representative, what, representative=speaker, **form)
    except speaking.LastSignatory:
        return None, True
    except speaking.AlreadyAsked:
        messages.warning(request, _("A change about this person waits already. It is settled first."))
        return _back(desk), False
    except speaking.SettledAlready:
        messages.warning(request, _("This was changed a moment ago. Here is how it stands now."))
        return _back(desk), False
    tasks.send_notices.delay_on_commit()
    if change.state == State.CONFIRMED:
        messages.success(request, _("Done. Everybody else who may sign for your organization is told by email."))
    elif speaking.for_staff(change):
        messages.success(request, _("Thank you. The staff of the coalition look into it and write to you."))
    else:
        messages.success(request, _("Thank you. It holds once somebody who may sign, or the staff, confirm it."))
    return _back(desk), False


@at_desk
@only_trusted
@require_http_methods(["GET", "HEAD", "POST"])
def add(request, desk):
    """Name somebody to speak for the organization."""
    form = SpeakerForm(sent(request), initial={"language": desk.person.language})
    if request.method == "POST" and form.is_valid():
        try:
            way_on, _alone = _proposed(request, desk, form.values, What.ADD)
            return way_on
        except ValidationError as error:
            form.add_error(None, error)
    return _page(request, desk, form, {"title": _("Add a person who speaks for us"), "button": _("Add this person")})


@at_desk
@only_trusted
@require_http_methods(["GET", "HEAD", "POST"])
def change(request, desk, pk):
    """Change the title, the role, or whether they may sign."""
    speaker = _speaker(desk, pk)
    form = SpeakerForm(sent(request), representative=speaker, asks_staff="to_staff" in request.POST)
    alone = False
    if request.method == "POST" and form.is_valid():
        way_on, alone = _proposed(request, desk, form.values, What.CHANGE, speaker)
        if way_on:
            return way_on
        form = SpeakerForm(request.POST, representative=speaker, asks_staff=True)
    context = {"title": speaker.person.name, "button": _("Change it"), "speaker": speaker, "alone": alone}
    return _page(request, desk, form, context)


@at_desk
@only_trusted
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request, desk, pk):
    """Somebody no longer speaks for it; the last who may sign names another first, or leaves it to staff."""
    speaker = _speaker(desk, pk)
    form = LeaveForm(sent(request), asks_staff="to_staff" in request.POST)
    alone = False
    if request.method == "POST" and form.is_valid():
        way_on, alone = _proposed(request, desk, form.cleaned_data, What.REMOVE, speaker)
        if way_on:
            return way_on
        form = LeaveForm(request.POST, asks_staff=True)
    title = _("%(person)s no longer speaks for us") % {"person": speaker.person}
    context = {"title": title, "button": _("Yes, remove"), "speaker": speaker, "alone": alone, "removes": True}
    return _page(request, desk, form, context)


def _page(request, desk, form, context):
    status = 409 if context.get("alone") else 422 if form.is_bound and form.errors else 200
    context = {"room": "profile", "form": form, "at_once": desk.representative.may_sign} | context
    return page(request, desk, "speaker_form", context, status=status)


@at_desk
@only_trusted
@require_POST
def move(request, desk, pk):
    """One place earlier or later in the order in which they are asked."""
    if not desk.representative.may_sign:
        raise Http404
    speaking.move(_speaker(desk, pk), up="up" in request.POST)
    return _back(desk)


@at_desk
@only_trusted
@require_http_methods(["GET", "HEAD", "POST"])
def role(request, desk, pk):
    """One change: what it is, how it stands, and what this person may do about it: confirm, refuse, or object."""
    held = RoleChange.objects.select_related("organization", "asked_by", "settled_by_person", "representative__person")
    held = get_object_or_404(held, pk=pk, organization=desk.organization)
    form = ObjectionForm(request.POST if "object" in request.POST else None)
    if request.method == "POST":
        try:
            _settle(request, desk, held, form)
        except speaking.MayNotSettle:
            messages.warning(request, _("This is for somebody else who may sign, or for the staff, to say."))
        except (speaking.SettledAlready, speaking.AlreadyAsked):
            messages.warning(request, _("This was settled a moment ago. Here is how it stands now."))
        except ValidationError as error:
            messages.warning(request, error.messages[0])
        else:
            tasks.send_notices.delay_on_commit()
        return redirect(desk.url("desk_role", held.pk))
    by_signatory = held.state == State.CONFIRMED and held.settled_by_id is None
    context = {
        "room": "profile",
        "change": held,
        "asker": held.asked_by,
        "organization": desk.organization.name,
        "may_settle": held.state == State.WAITING and speaking.may_settle(held, desk.representative),
        "for_staff": held.state == State.WAITING and speaking.for_staff(held),
        "may_object": by_signatory and held.asked_by_id != desk.person.pk,
        "objected": held.objections.filter(state=State.WAITING).exists(),
        "form": form,
    }
    return page(request, desk, "role", context)


def _settle(request, desk, held, form):
    if "confirm" in request.POST:
        speaking.confirm(held, representative=desk.representative)
        messages.success(request, _("Confirmed. It holds from now on."))
    elif "refuse" in request.POST:
        speaking.refuse(held, representative=desk.representative)
        messages.success(request, _("Refused. Nothing changes."))
    elif "object" in request.POST and form.is_valid():
        speaking.object_to(held, desk.representative, note=form.cleaned_data["note"])
        messages.success(request, _("Thank you. The staff of the coalition look into it and write to you."))
