"""Before a partner decides: its thread with the organizers, proposed edits, and the colleagues it asks.

All of it hangs below the personal link of a text, for a device that may act: an organization keeps it to itself.
"""

from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST

from coalition import reviewing, signing_on, talking, tasks
from coalition.forms.talking import ColleagueForm, ProposalForm, QuestionForm
from coalition.models import Remark, Review

from .desk import alternates, only_trusted
from .signing import personal

READ_OR_WRITE = ["GET", "HEAD", "POST"]


def _frame(request, invitation, token, **more):
    """What each of these pages shows of the text that is talked about."""
    publication = invitation.round.publication
    version = publication.versions.prefetch_related("texts").order_by("-number").first()
    version.publication = publication
    return {
        "invitation": invitation,
        "organization": invitation.organization.name_in(get_language()),
        "round": invitation.round,
        "version": version,
        "text": version.text_in(get_language()),
        "token": token,
        "alternates": alternates(request),
        "done": request.GET.get("done", ""),
        **more,
    }


def _tried(form, act):
    """Call a verb with what was entered. Returns (what it gave or None, the status of the page)."""
    if not form.is_valid():
        return None, 422
    try:
        found = act(**form.cleaned_data)
    except signing_on.RoundClosed:
        return None, 409
    except ValidationError as error:
        form.add_error(None, error)
        return None, 422
    tasks.send_notices.delay_on_commit()
    return found, 200


# Questions


@personal
@only_trusted
@require_http_methods(READ_OR_WRITE)
def questions(request, invitation, token):
    """What the partner asked and proposed, with the answers; ask more."""
    form, status = QuestionForm(), 200
    if request.method == "POST":
        form = QuestionForm(request.POST)
        remark, status = _tried(form, lambda **said: talking.ask(invitation, **said, language=get_language()))
        if remark:
            return redirect(f"{reverse('sign_questions', args=[token])}?done=asked#remark-{remark.pk}")
        invitation.round.refresh_from_db()
    context = _frame(request, invitation, token) | {
        "form": form,
        "closed": invitation.round.closed_at is not None,
        "too_late": status == 409,
        "thread": talking.thread(invitation.round, invitation.organization),
        "shared": talking.shared(invitation.round, invitation.organization),
    }
    return render(request, "coalition/talking/questions.html", context, status=status)


# Proposed edits


@personal
@only_trusted
@require_http_methods(READ_OR_WRITE)
def propose(request, invitation, token):
    """Choose a passage, then write it as one would have it. Without a script: each passage is a link."""
    context = _frame(request, invitation, token)
    version = context["version"]
    if invitation.round.closed_at:
        return redirect("sign_questions", token=token)
    if request.method == "POST":
        return _proposed(request, invitation, context)
    language = _language_of(request, version)
    passages = talking.passages(version, language)
    if "p" not in request.GET:
        mine = talking.thread(invitation.round, invitation.organization).filter(kind=Remark.Kind.PROPOSAL)
        proposed = {remark.passage for remark in mine if remark.language == language}
        context |= {
            "language": language,
            "languages": sorted(text.language for text in version.texts.all()),
            "passages": [(place, words, words in proposed) for place, words in enumerate(passages)],
        }
        return render(request, "coalition/talking/choose.html", context)
    place = request.GET["p"]
    if not (place.isascii() and place.isdigit() and int(place) < len(passages)):
        raise Http404
    form = _proposal_form(version, language, int(place), proposal=passages[int(place)])
    return _passage_page(request, context, form, passages[int(place)])


def _language_of(request, version):
    """The language of the text to work on: the one that was chosen, else that of the page."""
    chosen = request.GET.get("in") or get_language()
    held = {text.language for text in version.texts.all()}
    return chosen if chosen in held else version.text_in(chosen).language


def _proposal_form(version, language, place, data=None, **initial):
    where = {"version": version.pk, "language": language, "paragraph": place}
    if data is not None:
        data = data.copy()
        for name, value in where.items():
            data[name] = str(value)
        return ProposalForm(data, publication=version.publication)
    return ProposalForm(initial=where | initial, publication=version.publication)


def _passage_page(request, context, form, passage, status=200, **more):
    context |= {"form": form, "passage": passage, **more}
    return render(request, "coalition/talking/propose.html", context, status=status)


def _proposed(request, invitation, context):
    form, token = ProposalForm(request.POST, publication=context["version"].publication), context["token"]
    try:
        remark, status = _tried(form, lambda **said: talking.propose(invitation, **said))
    except signing_on.Superseded as error:
        return _moved(request, context, form.cleaned_data, error.version)
    if status == 409:
        return redirect("sign_questions", token=token)
    if remark:
        return redirect(f"{reverse('sign_questions', args=[token])}?done=proposed#remark-{remark.pk}")
    where = form.cleaned_data
    if not form.names_a_passage:
        return redirect("sign_propose", token=token)
    passage = talking.passages(where["version"], where["language"])[where["paragraph"]]
    return _passage_page(request, context, form, passage, status)


def _moved(request, context, said, version):
    """The text was amended while one wrote: what was entered is kept, on the passage as it stands now."""
    passage = talking.passages(said["version"], said["language"])[said["paragraph"]]
    place, same = talking.stands_at(passage, version, said["language"], near=said["paragraph"])
    form = _proposal_form(version, said["language"], place, request.POST)
    now = talking.passages(version, said["language"])[place]
    more = {"since": said["version"], "was": passage, "moved": not same, "version": version}
    return _passage_page(request, context, form, now, 409, **more)


# Colleagues


@personal
@only_trusted
@require_http_methods(READ_OR_WRITE)
def colleagues(request, invitation, token):
    """Whom the representative asked, what they recommend; ask one more."""
    form, status = _colleague_form(invitation), 200
    if request.method == "POST":
        form = _colleague_form(invitation, request.POST)
        review, status = _tried(form, lambda **said: reviewing.ask(invitation, **said))
        if review:
            return redirect(f"{reverse('sign_colleagues', args=[token])}?done=asked#colleague-{review.pk}")
        invitation.round.refresh_from_db()
    context = _frame(request, invitation, token)
    context |= {
        "form": form,
        "closed": invitation.round.closed_at is not None,
        "too_late": status == 409,
        "lines": reviewing.lines(invitation, context["version"]),
        "days": reviewing.FORGET_AFTER.days,
    }
    return render(request, "coalition/talking/colleagues.html", context, status=status)


def _colleague_form(invitation, data=None):
    return ColleagueForm(data, initial={"language": invitation.representative.person.language})


def _asked_by(invitation, pk):
    """A colleague whom the holder of this very link asked, else 404."""
    review = Review.objects.filter(invitation=invitation, pk=pk).first()
    if review is None:
        raise Http404
    review.invitation = invitation
    return review


@personal
@only_trusted
@require_POST
def colleague_again(request, invitation, token, review):
    """Ask a colleague anew."""
    done = "again"
    try:
        waits = reviewing.ask_again(_asked_by(invitation, review))
    except signing_on.RoundClosed:
        return redirect("sign_colleagues", token=token)
    except ValidationError:
        waits, done = _asked_by(invitation, review), "refused"
    tasks.send_notices.delay_on_commit()
    return redirect(f"{reverse('sign_colleagues', args=[token])}?done={done}#colleague-{waits.pk}")


@personal
@only_trusted
@require_POST
def colleague_revoke(request, invitation, token, review):
    """Close a colleague's link."""
    reviewing.revoke(_asked_by(invitation, review))
    return redirect(f"{reverse('sign_colleagues', args=[token])}?done=revoked#colleague-{review}")
