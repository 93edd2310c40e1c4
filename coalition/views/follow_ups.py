"""Follow-ups: what somebody of the staff means to do, on the page of whom it is about and on a page of their own."""

from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views import View
from django.views.generic import FormView, TemplateView
from wagtail.admin import messages

from coalition import accounts, follow_ups
from coalition.forms.follow_ups import FollowUpForm
from coalition.models import FollowUp, Organization, Person
from coalition.views.screens import ANY, Screen

DONE_SHOWN = 5
A_PAGE = 50


def page_of(whose):
    """The page of the person or organization, where its follow-ups stand."""
    kind = "organizations" if isinstance(whose, Organization) else "people"
    return f"{reverse(f'{kind}:inspect', args=[whose.pk])}#follow-ups"


def follow_ups_of(whose, user):
    """What `backoffice/parts/follow_ups.html` shows on the page of a person or an organization."""
    held = whose.follow_ups.select_related("owner", "done_by")
    name = "organization" if isinstance(whose, Organization) else "person"
    return {
        "todo": list(held.filter(done_at=None)),
        "todone": list(held.exclude(done_at=None).order_by("-done_at")[:DONE_SHOWN]),
        "today": timezone.localdate(),
        "follow_up_url": f"{reverse('follow_ups:add')}?{name}={whose.pk}",
        "follow_up_form": FollowUpForm(by=user) if user.has_perm("coalition.add_followup") else None,
        "may_follow_up": user.has_perm("coalition.change_followup"),
    }


class FollowUpScreen(Screen):
    listing = ("follow_ups:index", gettext_lazy("Follow-ups"))
    header_icon = "calendar-check"
    any_permission_required = None

    def dispatch(self, request, *args, **kwargs):
        if not accounts.sees_people(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def back(self, follow_up):
        wanted = self.request.POST.get("next") or self.request.GET.get("next") or ""
        allowed = url_has_allowed_host_and_scheme(wanted, {self.request.get_host()}, self.request.is_secure())
        return wanted if allowed and wanted.startswith("/") else page_of(follow_ups.about(follow_up))


class FollowUps(FollowUpScreen, TemplateView):
    """Mine, everybody's or nobody's: late first, then by day."""

    any_permission_required = ANY
    template_name = "backoffice/follow_ups.html"
    page_title = gettext_lazy("Follow-ups")

    def get_breadcrumbs_items(self):
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    def get_context_data(self, **kwargs):
        whose = self.request.GET.get("whose", "")
        whose = whose if whose in ("all", "nobody", "done") else ""
        today = timezone.localdate()
        lines = FollowUp.objects.select_related("person", "organization", "owner", "done_by").exclude(
            person__binned_at__isnull=False
        )
        lines = lines.exclude(organization__binned_at__isnull=False)
        open_ = lines.filter(done_at=None)
        lines = {
            "": open_.filter(owner=self.request.user),
            "all": open_,
            "nobody": open_.filter(owner=None),
            "done": lines.exclude(done_at=None).order_by("-done_at"),
        }[whose]
        page = Paginator(lines, A_PAGE).get_page(self.request.GET.get("p"))
        return super().get_context_data(**kwargs) | {
            "whose": whose,
            "tabs": [
                ("", pgettext("follow-ups", "Mine")),
                ("all", _("Everybody's")),
                ("nobody", _("Nobody's")),
                ("done", pgettext("follow-ups", "Done")),
            ],
            "page_obj": page,
            "groups": [(pgettext("follow-ups", "Done"), list(page))] if whose == "done" else by_day(page, today),
            "query": f"whose={whose}" if whose else "",
            "today": today,
            "may_follow_up": self.request.user.has_perm("coalition.change_followup"),
            "here": self.request.get_full_path(),
        }


def by_day(lines, today):
    """[(when, lines)]: late, today, this week, later; without what is empty."""
    week = today + timedelta(days=7)
    groups = {_("Late"): [], _("Today"): [], _("Within a week"): [], _("Later"): []}
    late, now, soon, later = groups.values()
    for line in lines:
        (late if line.due < today else now if line.due == today else soon if line.due <= week else later).append(line)
    return [(name, held) for name, held in groups.items() if held]


class AddFollowUp(FollowUpScreen, FormView):
    """Something to do about a person or an organization, named in the address."""

    permission_required = "add"
    page_title = gettext_lazy("Add a follow-up")
    form_class = FollowUpForm
    template_name = "backoffice/follow_up_form.html"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        for name, model in (("person", Person), ("organization", Organization)):
            pk = request.GET.get(name, "")
            if pk.isascii() and pk.isdigit() and len(pk) < 19:
                self.whose = get_object_or_404(model.objects.present(), pk=pk)
                return
        raise Http404

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"by": self.request.user}

    def form_valid(self, form):
        follow_ups.add(self.whose, **form.cleaned_data, by=self.request.user)
        messages.success(self.request, _("It is noted, and will be shown when it is due."))
        return redirect(page_of(self.whose))

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "whose": self.whose,
            "back": page_of(self.whose),
            "button": _("Add this follow-up"),
        }


class OneFollowUp(FollowUpScreen):
    permission_required = "change"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        held = FollowUp.objects.select_related("person", "organization", "owner")
        self.follow_up = get_object_or_404(held, pk=kwargs["pk"])


class ChangeFollowUp(OneFollowUp, FormView):
    form_class = FollowUpForm
    template_name = "backoffice/follow_up_form.html"

    def get_page_title(self):
        return str(self.follow_up)

    def get_form_kwargs(self):
        held = FollowUp.objects.get(pk=self.follow_up.pk)
        return super().get_form_kwargs() | {"instance": held, "by": self.request.user}

    def form_valid(self, form):
        follow_ups.change(self.follow_up, **form.cleaned_data, by=self.request.user)
        messages.success(self.request, _("What changed is kept."))
        return redirect(self.back(self.follow_up))

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "whose": follow_ups.about(self.follow_up),
            "back": self.back(self.follow_up),
            "button": _("Keep these changes"),
            "delete_url": reverse("follow_ups:delete", args=[self.follow_up.pk])
            if self.user_has_permission("delete")
            else "",
        }


class FollowUpDone(OneFollowUp, View):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        follow_ups.done(self.follow_up, by=request.user)
        return redirect(self.back(self.follow_up))


class ReopenFollowUp(OneFollowUp, View):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        follow_ups.reopen(self.follow_up, by=request.user)
        return redirect(self.back(self.follow_up))


class DeleteFollowUp(OneFollowUp, View):
    permission_required = "delete"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        url = page_of(follow_ups.about(self.follow_up))
        follow_ups.delete(self.follow_up, by=request.user)
        messages.success(request, _("It is no longer to do."))
        return redirect(url)
