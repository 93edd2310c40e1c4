"""The back office's pages about webinars: plan, change, call off; who comes, in which language, and what they need."""

from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Case, Count, F, IntegerField, Q, Value, When
from django.db.models.functions import Abs, Extract
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.generic import TemplateView
from django_filters import ChoiceFilter
from wagtail.admin import messages
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from campaigns import registering, tasks
from campaigns.forms.webinars import RegistrationsFilter
from campaigns.models import Registration, Webinar
from coalition import languages
from coalition.models import Person
from coalition.models.people import fold
from coalition.spreadsheets import csv_response
from coalition.tasks import send_notices
from coalition.views.screens import Index
from coalition.views.searching import FindsPeople, unseen

SEES = "campaigns.view_registration"
ANSWERS = "campaigns.change_registration"
LINES_A_PAGE = 50
Access = Registration.Access
TONES = {Access.ASKED: "warn", Access.CONFIRMED: "busy", Access.PROVIDED: "good"}
WAITS = Q(interpretation_state=Access.ASKED) | Q(captions_state=Access.ASKED) | Q(access_state=Access.ASKED)
ASKS = ~Q(interpretation="") | Q(captions=True) | ~Q(access_needs="")


def state_of(webinar):
    """(word, tone) of a webinar."""
    if webinar.cancelled_at:
        return _("Called off"), "bad"
    if webinar.is_over:
        return _("Over"), ""
    if webinar.starts_at <= timezone.now():
        return _("Now"), "busy"
    taken = webinar.taken if hasattr(webinar, "taken") else webinar.seats_taken
    if webinar.capacity is not None and taken >= webinar.capacity:
        return _("Full"), "warn"
    return _("Open"), "good"


def _folded(title):
    return fold(" ".join(title.data.values()) if isinstance(title.data, dict) else str(title))


# The list


class WebinarFilters(WagtailFilterSet):
    when = ChoiceFilter(
        label=gettext_lazy("When"),
        method="at_the_time",
        choices=[
            ("upcoming", gettext_lazy("Upcoming")),
            ("past", gettext_lazy("Past")),
            ("cancelled", gettext_lazy("Called off")),
        ],
    )

    class Meta:
        model = Webinar
        fields = []

    def at_the_time(self, webinars, name, value):
        if value == "cancelled":
            return webinars.exclude(cancelled_at=None)
        going = webinars.filter(cancelled_at=None)
        now = timezone.now()
        return going.filter(ends_at__gt=now) if value == "upcoming" else going.filter(ends_at__lte=now)


class WebinarColumn(TitleColumn):
    """The title, and under it when."""

    cell_template_name = "campaigns/webinars/parts/cell_title.html"

    class Media:
        css = {"all": ["campaigns/webinars.css"]}


class SeatsColumn(Column):
    cell_template_name = "campaigns/webinars/parts/cell_seats.html"


class StateColumn(Column):
    cell_template_name = "campaigns/webinars/parts/cell_state.html"

    def get_cell_context_data(self, instance, parent_context):
        word, tone = state_of(instance)
        return super().get_cell_context_data(instance, parent_context) | {"word": word, "tone": tone}


class WebinarsIndex(Index):
    page_title = gettext_lazy("Webinars")
    add_item_label = gettext_lazy("Plan a webinar")
    filterset_class = WebinarFilters
    search_backend_name = None
    results_template_name = "campaigns/webinars/index_results.html"

    @cached_property
    def columns(self):
        title = self._get_title_column("__str__", WebinarColumn, width="50%")
        title._get_url_func = self.get_inspect_url
        return [
            title,
            SeatsColumn("taken", label=_("Seats taken")),
            Column("waiting", label=_("Requests that wait"), classname="wb-wide"),
            StateColumn("state", label=_("State"), accessor=lambda w: ""),
        ]

    def get_base_queryset(self):
        """What comes, soonest first; then what has been, latest first."""
        now = timezone.now()
        waits = Q(registrations__state=Registration.State.REGISTERED) & Q(
            Q(registrations__interpretation_state=Access.ASKED)
            | Q(registrations__captions_state=Access.ASKED)
            | Q(registrations__access_state=Access.ASKED)
        )
        return Webinar.objects.with_seats().annotate(
            waiting=Count("registrations", filter=waits),
            past=Case(When(ends_at__gt=now, then=0), default=1, output_field=IntegerField()),
            away=Abs(Extract(F("starts_at") - Value(now), "epoch")),
        )

    def order_queryset(self, queryset):
        return queryset.order_by("past", "away", "-pk")

    def search_queryset(self, queryset):
        """Words of the title in any language, accents or not. Webinars are too few to need an index."""
        if not self.is_searching:
            return queryset
        words = fold(self.search_query).split()
        titles = queryset.order_by().values_list("pk", "title")
        return queryset.filter(pk__in=[pk for pk, title in titles if all(word in _folded(title) for word in words)])

    def get_delete_url(self, instance):
        return super().get_delete_url(instance) if not instance.taken else None


# Planning


class Plan(generic.CreateView):
    page_title = gettext_lazy("New")
    template_name = "campaigns/webinars/edit.html"
    submit_button_label = gettext_lazy("Plan this webinar")
    success_message = gettext_lazy("“%(object)s” is planned. Add its page to the site so that people can register.")

    def get_page_subtitle(self):
        return _("Plan a webinar")

    def get_success_url(self):
        return reverse("webinars:inspect", args=[self.object.pk])

    def get_success_buttons(self):
        return []


class Edit(generic.EditView):
    """Where the change is one that people must hear of, it asks first, with their number."""

    template_name = "campaigns/webinars/edit.html"
    success_message = None
    to_tell = 0

    def form_valid(self, form):
        self.to_tell = registering.people_to_tell(form.instance)
        if self.to_tell and "tell" not in self.request.POST:
            self.form = form
            return self.render_to_response(self.get_context_data(form=form))
        return super().form_valid(form)

    def save_instance(self):
        self.told = registering.reschedule(self.form.instance)
        log(instance=self.form.instance, action="wagtail.edit", content_changed=self.form.has_changed())
        tasks.tell_registered.delay_on_commit()
        return self.form.instance

    def get_success_message(self):
        if self.told:
            return ngettext(
                "Saved. %(number)d person gets an email with a new calendar file.",
                "Saved. %(number)d people get an email with a new calendar file.",
                self.told,
            ) % {"number": self.told}
        return _("Saved.")

    def get_success_buttons(self):
        return []

    def get_success_url(self):
        return reverse("webinars:inspect", args=[self.object.pk])

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"to_tell": self.to_tell}


class Delete(generic.DeleteView):
    """Only what nobody registered for can be thrown away; anything else is called off, and people are told."""

    def dispatch(self, request, *args, **kwargs):
        if self.object.registrations.exists() and self.user_has_permission("delete"):
            messages.error(request, _("People have registered: call the webinar off instead, and they are told."))
            return redirect("webinars:inspect", self.object.pk)
        return super().dispatch(request, *args, **kwargs)


# One webinar


class WebinarPage(FindsPeople, PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """A page about one webinar."""

    any_permission_required = ["add", "change", "delete", "view"]
    header_icon = "calendar-alt"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.webinar = get_object_or_404(Webinar.objects.select_related("campaign"), pk=kwargs["pk"])

    def get_page_title(self):
        return str(self.webinar)

    def get_breadcrumbs_items(self):
        items = [{"url": reverse("webinars:index"), "label": _("Webinars")}, {"url": "", "label": str(self.webinar)}]
        return self.breadcrumbs_items + items

    def sees(self):
        return self.request.user.has_perm(SEES)

    def answers(self):
        return self.request.user.has_perm(ANSWERS)

    def wanted(self):
        form = RegistrationsFilter(self.asked)
        return form, form.wanted()

    def registrations(self, wanted):
        found = self.webinar.registrations.select_related("person").order_by("-registered_at", "-pk")
        show = wanted.get("show", "")
        state = Registration.State.CANCELLED if show == "cancelled" else Registration.State.REGISTERED
        found = found.filter({"asked": WAITS, "requests": ASKS}.get(show, Q()), state=state)
        if language := wanted.get("language"):
            found = found.filter(language=language)
        if words := wanted.get("q"):
            named = Person.objects.search(words).values("pk")
            found = found.filter(Q(person__in=named) | Q(email__icontains=words.strip()))
        return found

    def get_context_data(self, **kwargs):
        word, tone = state_of(self.webinar)
        return super().get_context_data(**kwargs) | {
            "webinar": self.webinar,
            "word": word,
            "tone": tone,
            "taken": self.webinar.seats_taken,
            "sees": self.sees(),
            "answers": self.answers(),
            "may_change": self.user_has_permission("change"),
        }


class WebinarDetail(WebinarPage):
    template_name = "campaigns/webinars/detail.html"

    def post(self, request, *args, **kwargs):
        """Somebody narrows the registrations."""
        wanted = RegistrationsFilter(request.POST).wanted()
        url = reverse("webinars:inspect", args=[self.webinar.pk])
        query = unseen(urlencode(wanted))
        return redirect(f"{url}?{query}#registrations" if query else f"{url}#registrations")

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        if not context["sees"]:
            return context
        form, wanted = self.wanted()
        page = Paginator(self.registrations(wanted), LINES_A_PAGE).get_page(self.request.GET.get("p"))
        query = unseen(urlencode(wanted))
        here = "&".join(filter(None, [query, f"p={page.number}" if page.number > 1 else ""]))
        figures = self.webinar.registrations.aggregate(
            cancelled=Count("pk", filter=Q(state=Registration.State.CANCELLED)),
            waiting=Count("pk", filter=WAITS & Q(state=Registration.State.REGISTERED)),
            asking=Count("pk", filter=ASKS & Q(state=Registration.State.REGISTERED)),
            total=Count("pk"),
        )
        return context | {
            "form": form,
            "filtered": bool(wanted),
            "page_obj": page,
            "lines": [(line, requests_of(line)) for line in self.lines(page)],
            "query": query,
            "here": here,
            "figures": figures,
            "requests": self.requests(),
            "languages": self.languages(),
            "left": None if self.webinar.capacity is None else max(0, self.webinar.capacity - context["taken"]),
        }

    def lines(self, page):
        for line in page.object_list:
            line.webinar = self.webinar
            yield line

    def languages(self):
        counts = dict(
            self.webinar.registrations.filter(state=Registration.State.REGISTERED)
            .order_by()
            .values_list("language")
            .annotate(number=Count("pk"))
        )
        return [(name, counts.get(code, 0)) for code, name in languages_of_the_house()]

    def requests(self):
        """What several people ask for alike: how many wait, are confirmed, are provided, and the next step for all."""
        found = []
        kinds = [("interpretation", c, REQUEST_NAMES[c]) for c in Registration.Interpretation.values if c]
        kinds += [("captions", True, _("Captions")), ("access_needs", None, _("Access needs"))]
        for kind, value, label in kinds:
            field = registering.REQUESTS[kind]
            asked = self.webinar.registrations.filter(state=Registration.State.REGISTERED).exclude(**{field: ""})
            if value is not None:
                asked = asked.filter(**{kind: value})
            counts = dict(asked.order_by().values_list(field).annotate(number=Count("pk")))
            if not counts:
                continue
            number = {state: counts.get(state, 0) for state in (Access.ASKED, Access.CONFIRMED, Access.PROVIDED)}
            step = next((s for s in (Access.ASKED, Access.CONFIRMED) if number[s]), None)
            found.append(
                {
                    "label": label,
                    "kind": kind,
                    "value": value,
                    "asked": number[Access.ASKED],
                    "confirmed": number[Access.CONFIRMED],
                    "provided": number[Access.PROVIDED],
                    "next": NEXT.get(step) if value is not None else None,
                }
            )
        return found


REQUEST_NAMES = {
    Registration.Interpretation.SPANISH: gettext_lazy("Spanish interpretation"),
    Registration.Interpretation.ASL: gettext_lazy("ASL interpretation"),
}
# From a state to the one that follows it, and what the button says.
NEXT = {
    Access.ASKED: (Access.CONFIRMED, gettext_lazy("Confirm")),
    Access.CONFIRMED: (Access.PROVIDED, gettext_lazy("Provided")),
}


def languages_of_the_house():
    return Registration._meta.get_field("language").choices


def requests_of(registration):
    """What one person asked for: [{kind, label, text, state, tone, next}]."""
    asked = []
    if registration.interpretation:
        asked.append(("interpretation", REQUEST_NAMES[registration.interpretation], ""))
    if registration.captions:
        asked.append(("captions", _("Captions"), ""))
    if registration.access_needs:
        asked.append(("access_needs", _("Access needs"), registration.access_needs))
    rows = []
    for kind, label, text in asked:
        state = getattr(registration, registering.REQUESTS[kind])
        rows.append(
            {
                "kind": kind,
                "label": label,
                "text": text,
                "state": Access(state).label,
                "tone": TONES[state],
                "next": NEXT.get(state),
                "back": Access.ASKED if state == Access.CONFIRMED else None,
            }
        )
    return rows


class Door(WebinarPage):
    """One verb on one webinar, then back to where the reader was."""

    http_method_names = ["post"]

    def dispatch(self, request, *args, **kwargs):
        if not self.answers():
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def back(self):
        """To the detail page, with its filters and on the same line."""
        url, query = reverse("webinars:inspect", args=[self.webinar.pk]), self.wanted()[1]
        page = {"p": self.request.GET["p"]} if self.request.GET.get("p", "").isdecimal() else {}
        query = unseen(urlencode({**query, **page}))
        line = self.kwargs.get("registration")
        where = f"r{line}" if line else "requests"
        return redirect(f"{url}?{query}#{where}" if query else f"{url}#{where}")

    def asked_state(self):
        state = self.request.POST.get("state")
        return Access(state) if state in (Access.ASKED, Access.CONFIRMED, Access.PROVIDED) else None

    def asked_kind(self):
        kind = self.request.POST.get("kind")
        return kind if kind in registering.REQUESTS else None


class Answer(Door):
    """One request of one person: asked, confirmed, provided (rule W2)."""

    def post(self, request, pk, registration):
        held = get_object_or_404(self.webinar.registrations, pk=registration)
        state, kind = self.asked_state(), self.asked_kind()
        if state and kind and registering.answer_request(held, state, kind=kind):
            log(instance=self.webinar, action="campaigns.answer", data={"registration": held.pk, "state": state})
        return self.back()


class AnswerAll(Door):
    """The same request of everybody who made it."""

    def post(self, request, pk):
        state, kind, value = self.asked_state(), self.asked_kind(), request.POST.get("value")
        values = {"interpretation": dict.fromkeys(REQUEST_NAMES, value), "captions": {"True": True}}.get(kind, {})
        if state and value in values:
            moved = registering.answer_all(self.webinar, state, kind=kind, value=values[value])
            log(instance=self.webinar, action="campaigns.answer", data={"kind": kind, "state": state, "people": moved})
            messages.success(
                request,
                ngettext("Noted for %(number)d person.", "Noted for %(number)d people.", moved) % {"number": moved},
            )
        return self.back()


class CancelRegistration(WebinarPage):
    """Somebody called to say they cannot come: asks once, gives the seat back and tells them by email."""

    template_name = "campaigns/webinars/cancel_registration.html"

    def dispatch(self, request, *args, **kwargs):
        if not self.answers():
            raise PermissionDenied
        self.registration = get_object_or_404(
            self.webinar.registrations.select_related("person", "webinar"), pk=kwargs["registration"]
        )
        return super().dispatch(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        if registering.cancel(self.registration, by=request.user):
            send_notices.delay_on_commit()
            log(
                instance=self.webinar,
                action="campaigns.cancel_registration",
                data={"registration": self.registration.pk},
            )
            messages.success(request, _("The seat is free again. The person is told by email."))
        else:
            messages.info(request, _("There was nothing to cancel."))
        return redirect("webinars:inspect", self.webinar.pk)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"registration": self.registration}


class CallOff(WebinarPage):
    """Cancels the webinar: asks once, with the number of people who are told."""

    any_permission_required = None
    permission_required = "change"
    template_name = "campaigns/webinars/call_off.html"

    def post(self, request, *args, **kwargs):
        told = registering.call_off(self.webinar)
        if told is None:
            messages.info(request, _("There was nothing to call off."))
        else:
            tasks.tell_registered.delay_on_commit()
            log(instance=self.webinar, action="campaigns.call_off", data={"people": told})
            messages.success(
                request,
                ngettext(
                    "Called off. %(number)d person is told by email.",
                    "Called off. %(number)d people are told by email.",
                    told,
                )
                % {"number": told},
            )
        return redirect("webinars:inspect", self.webinar.pk)


class Export(WebinarPage):
    """The registrations that the list shows, as a file."""

    def get(self, request, *args, **kwargs):
        if not self.sees():
            raise PermissionDenied
        found = self.registrations(self.wanted()[1])
        log(instance=self.webinar, action="campaigns.export_registrations", data={"lines": found.count()})
        header = [
            _("Name"),
            _("Email"),
            _("Language"),
            _("Interpretation"),
            _("State of the interpretation"),
            _("Captions"),
            _("State of the captions"),
            _("Access needs"),
            _("State of the access needs"),
            _("State"),
            _("Registered (%(zone)s)") % {"zone": languages.zone_name(self.webinar.zone, get_language())},
        ]
        return csv_response(f"webinar-{self.webinar.pk}-registrations.csv", header, self.rows(found))

    def rows(self, found):
        zone = ZoneInfo(self.webinar.zone)
        for line in found.iterator(chunk_size=1000):
            yield [
                line.whose,
                line.email,
                line.get_language_display(),
                line.get_interpretation_display() if line.interpretation else "",
                line.get_interpretation_state_display(),
                _("Yes") if line.captions else "",
                line.get_captions_state_display(),
                line.access_needs,
                line.get_access_state_display(),
                line.get_state_display(),
                line.registered_at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
            ]
