"""The back office's first page: what waits for this person, the most pressing first; nothing they may not see."""

import datetime

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from wagtail.admin.ui.components import Component

from coalition import accounts, counting, duplicates, follow_ups, languages, talking
from coalition.models import (
    Address,
    Agreement,
    FollowUp,
    Import,
    Installation,
    Organization,
    Person,
    RoleChange,
    Round,
)
from coalition.views.follow_ups import page_of

SHOWN = 5
WEEK = datetime.timedelta(days=7)


class Panel(Component):
    """What waits: lines of {"words", "url", "note", "tone", "done", "total"}. Without lines it is not shown."""

    name = ""
    order = 100
    title = ""
    icon = "info-circle"
    all_url_name = ""
    permission = ""
    template_name = "backoffice/parts/panel.html"

    def __init__(self, request):
        self.request = request

    @property
    def is_shown(self):
        return self.request.user.has_perm(self.permission) and bool(self.lines)

    @cached_property
    def lines(self):
        raise NotImplementedError

    def get_context_data(self, parent_context):
        all_url = reverse(self.all_url_name) if self.all_url_name else ""
        return {"panel": self, "lines": self.lines, "all_url": all_url}


class FollowUpsPanel(Panel):
    """What this user meant to do within a week, what is late first."""

    name = "follow-ups"
    order = 120
    title = gettext_lazy("Due this week")
    icon = "calendar-check"
    all_url_name = "follow_ups:index"
    permission = "coalition.view_followup"

    @property
    def is_shown(self):
        return accounts.sees_people(self.request.user) and super().is_shown

    @cached_property
    def lines(self):
        today = timezone.localdate()
        mine = FollowUp.objects.filter(owner=self.request.user, done_at=None, due__lte=today + WEEK)
        mine = mine.exclude(person__binned_at__isnull=False).exclude(organization__binned_at__isnull=False)
        return [self.line(follow_up, today) for follow_up in mine.select_related("person", "organization")[:SHOWN]]

    def line(self, follow_up, today):
        late = follow_up.due < today
        day = languages.format_date(follow_up.due, get_language())
        when = _("Late: it was due on %(day)s") if late else _("Until %(when)s")
        return {
            "words": str(follow_up),
            "url": page_of(follow_ups.about(follow_up)),
            "note": f"{follow_ups.about(follow_up)} · {when % {'day': day, 'when': day}}",
            "tone": "bad" if late else "warn" if follow_up.due == today else "",
        }


class RoundsPanel(Panel):
    """Open rounds, the nearest deadline first, with who has yet to decide."""

    name = "rounds"
    order = 130
    title = gettext_lazy("Sign-ons")
    icon = "clipboard-list"
    all_url_name = "rounds:index"
    permission = "coalition.view_round"

    @cached_property
    def lines(self):
        rounds = Round.objects.filter(closed_at=None).select_related("publication").order_by("deadline")[:SHOWN]
        return [self.line(round_) for round_ in rounds]

    def line(self, round_):
        tally, _scopes = counting.Board(round_).tally()
        late, undecided = tally.states[counting.State.LATE], tally.undecided
        left = round_.deadline - timezone.now()
        says = ngettext("%(number)d partner has yet to decide", "%(number)d partners have yet to decide", undecided)
        notes = [says % {"number": undecided} if undecided else _("every partner has decided")]
        if late:
            notes.append(ngettext("%(number)d late answer", "%(number)d late answers", late) % {"number": late})
        when = languages.format_when(round_.deadline, round_.zone)
        past = _("The deadline was %(when)s") if left.total_seconds() < 0 else _("Until %(when)s")
        return {
            "words": str(round_.publication),
            "url": reverse("rounds:inspect", args=[round_.pk]),
            "note": " · ".join([past % {"when": when}, *notes]),
            "tone": "bad" if left.total_seconds() < 0 else "warn" if left.days < 3 else "",
            "done": tally.decided,
            "total": tally.asked,
        }


class RemarksPanel(Panel):
    """Rounds in which partners wait for an answer, the nearest deadline first."""

    name = "remarks"
    order = 125
    title = gettext_lazy("Questions and proposals of partners")
    icon = "comment"
    permission = "coalition.view_round"

    @cached_property
    def lines(self):
        waiting = talking.waiting()
        rounds = Round.objects.filter(pk__in=waiting).select_related("publication").order_by("deadline")[:SHOWN]
        return [self.line(round_, *waiting[round_.pk]) for round_ in rounds]

    def line(self, round_, questions, proposals):
        notes = []
        if questions:
            words = ngettext("%(number)d question waits", "%(number)d questions wait", questions)
            notes.append(words % {"number": questions})
        if proposals:
            words = ngettext("%(number)d proposed edit waits", "%(number)d proposed edits wait", proposals)
            notes.append(words % {"number": proposals})
        kind = talking.Kind.QUESTION if questions else talking.Kind.PROPOSAL
        return {
            "words": str(round_.publication),
            "url": f"{reverse('rounds:remarks', args=[round_.pk])}?kind={kind}",
            "note": " · ".join(notes),
            "tone": "warn",
        }


class SpeakersPanel(Panel):
    """What partners ask about who speaks for them, the oldest first: an objection waits for staff alone."""

    name = "speakers"
    order = 150
    title = gettext_lazy("Who speaks for a partner")
    icon = "user"
    permission = "coalition.change_representative"

    @property
    def is_shown(self):
        return accounts.sees_people(self.request.user) and super().is_shown

    @cached_property
    def lines(self):
        waiting = RoleChange.objects.filter(state=RoleChange.State.WAITING, organization__binned_at=None)
        waiting = waiting.select_related("organization", "asked_by").order_by("asked_at", "pk")
        return [self.line(change) for change in waiting[:SHOWN]]

    def line(self, change):
        says = _("%(name)s objects to a change") if change.undoes_id else _("%(name)s asks for a change")
        day = languages.format_date(timezone.localdate(change.asked_at))
        return {
            "words": str(change.organization),
            "url": reverse("organizations:inspect", args=[change.organization_id]) + "#speakers",
            "note": f"{says % {'name': change.asked_by or '–'}} · {day}",
            "tone": "bad" if change.undoes_id else "warn",
        }


class ImportsPanel(Panel):
    """Imports that run, that were never confirmed, or that stopped on their way."""

    name = "imports"
    order = 160
    title = gettext_lazy("Imports")
    icon = "upload"
    all_url_name = "imports:index"
    permission = "coalition.view_import"

    @cached_property
    def lines(self):
        state = Import.State
        open_ = Import.objects.filter(state__in=[state.RUNNING, state.UPLOADED, state.FAILED])
        notes = {
            state.RUNNING: _("is running"),
            state.UPLOADED: _("waits for you to confirm it"),
            state.FAILED: _("stopped on its way"),
        }
        tones = {state.RUNNING: "", state.UPLOADED: "warn", state.FAILED: "bad"}
        return [
            {
                "words": batch.name,
                "url": reverse("imports:inspect", args=[batch.pk]),
                "note": notes[batch.state],
                "tone": tones[batch.state],
                "done": batch.done,
                "total": batch.rows if batch.state == state.RUNNING else 0,
            }
            for batch in open_[:SHOWN]
        ]


class AgreementsPanel(Panel):
    """Agreements with partners that end soon, or that ended a short while ago and nobody renewed."""

    name = "agreements"
    order = 170
    title = gettext_lazy("Agreements ending within 60 days")
    icon = "doc-full"
    permission = "coalition.view_agreement"
    ahead, behind = datetime.timedelta(days=60), datetime.timedelta(days=14)

    @cached_property
    def lines(self):
        today = timezone.localdate()
        ending = Agreement.objects.filter(
            ends_on__range=(today - self.behind, today + self.ahead), organization__binned_at=None
        ).exclude(organization__stage=Organization.Stage.LEFT)
        return [self.line(agreement) for agreement in ending.select_related("organization").order_by("ends_on")[:SHOWN]]

    def line(self, agreement):
        ended = agreement.days_left < 0
        says = _("ended %(day)s") if ended else _("ends %(day)s")
        day = languages.format_date(agreement.ends_on)
        return {
            "words": str(agreement.organization),
            "url": reverse("organizations:inspect", args=[agreement.organization_id]) + "#agreements",
            "note": f"{agreement} · {says % {'day': day}}",
            "tone": "bad" if ended else "warn" if agreement.days_left <= 14 else "",
        }


class DuplicatesPanel(Panel):
    """People who may be one, as a number."""

    name = "duplicates"
    order = 165
    title = gettext_lazy("Duplicates")
    icon = "group"
    all_url_name = "duplicates:index"
    permission = "coalition.change_lookalike"

    @cached_property
    def lines(self):
        number = duplicates.waiting().count()
        if not number or not accounts.sees_people(self.request.user):
            return []
        words = ngettext("%(number)d possible duplicate", "%(number)d possible duplicates", number)
        note = _("Look at each pair side by side; a merge can be undone.")
        url = reverse("duplicates:index")
        return [{"words": words % {"number": number}, "url": url, "note": note, "tone": "", "done": 0, "total": 0}]


class WelcomePanel(Component):
    """Whom this is, and the coalition in four figures: numbers for everybody who may enter."""

    name = "welcome"
    order = 1
    template_name = "backoffice/parts/welcome.html"

    def __init__(self, request):
        self.request = request

    def get_context_data(self, parent_context):
        user = self.request.user
        return {
            "installation": Installation.get(),
            "name": user.first_name or user,
            "today": timezone.localdate(),
            "figures": figures(user),
        }


class BeginPanel(Component):
    """A coalition that is still empty: what to do first."""

    name = "begin"
    order = 110
    template_name = "backoffice/parts/begin.html"

    def __init__(self, request):
        self.request = request

    def get_context_data(self, parent_context):
        user = self.request.user
        steps = [
            ("coalition.add_organization", "organizations:add", _("Add the partners, and who may sign for each")),
            ("coalition.add_import", "imports:add", _("Bring in the people you know")),
            ("coalition.add_segment", "segments:add", _("Build a first segment")),
        ]
        return {"steps": [(reverse(url), words) for perm, url, words in steps if user.has_perm(perm)]}


class NothingPanel(Component):
    """Nothing waits: said once, and plainly."""

    name = "nothing"
    order = 110
    template_name = "backoffice/parts/nothing.html"


# Of Wagtail's own panels only these stay: they too say what waits.
KEPT = ("workflow_objects_to_moderate", "user_objects_in_workflow_moderation", "recent_edits")


def arrange(request, panels):
    """What stands on the page once every app has added its panels."""
    panels[:] = [panel for panel in panels if isinstance(panel, Panel) or panel.name in KEPT]
    waiting = [panel for panel in panels if isinstance(panel, Panel) and panel.is_shown]
    panels[:] = [panel for panel in panels if panel in waiting or not isinstance(panel, Panel)]
    panels.append(WelcomePanel(request))
    if not (Person.objects.exists() or Organization.objects.exists()):
        panels.append(BeginPanel(request))
    elif not waiting:
        panels.append(NothingPanel())


def figures(user):
    """People, how many of them we may write to, and partners; each leads to its list for those who may see it."""
    may_see = {
        "people": reverse("people:list") if user.has_perm("coalition.view_person") else "",
        "organizations": reverse("organizations:index") if user.has_perm("coalition.view_organization") else "",
    }
    open_ = Address.objects.open().filter(primary=True, person__binned_at=None).order_by()
    by_channel = dict(open_.values_list("channel").annotate(people=Count("pk")))
    partners = Organization.objects.partners().count()
    by_language = dict(Person.objects.present().order_by().values_list("language").annotate(people=Count("pk")))
    said = " · ".join(
        f"{intcomma(by_language[code])} {name}" for code, name in settings.LANGUAGES if by_language.get(code)
    )
    return [
        {"label": _("people"), "value": sum(by_language.values()), "note": said, "link": may_see["people"]},
        {"label": _("we may email"), "value": by_channel.get(Address.Channel.EMAIL, 0)},
        {"label": _("we may text"), "value": by_channel.get(Address.Channel.PHONE, 0)},
        {"label": _("partner organizations"), "value": partners, "link": may_see["organizations"]},
    ]
