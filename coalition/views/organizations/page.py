"""One organization on one page: who speaks for it, who belongs to it, what it agreed to, decided and was asked."""

from itertools import groupby
from operator import attrgetter

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail.admin import messages

from coalition import accounts, custom, people, policies, speaking
from coalition.forms.people import NoteForm
from coalition.models import Organization, OrganizationMerge
from coalition.signing_on import authorizing
from coalition.views.follow_ups import follow_ups_of
from coalition.views.screens import RecordScreen, WithHistory

MEMBERS_SHOWN = 6


class OrganizationScreen(RecordScreen):
    """A page about one organization. Only its own page is shown while it is in the bin."""

    listing = ("organizations:index", gettext_lazy("Organizations"))
    subject = "organization"
    home = "organizations:inspect"
    header_icon = "group"

    def records(self):
        return Organization.objects.present()

    @cached_property
    def sees_people(self):
        return accounts.sees_people(self.request.user)

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs) | {"sees_people": self.sees_people}
        return context | {"may_change": context["may_change"] and not self.record.is_binned}


class OrganizationPage(WithHistory, OrganizationScreen, TemplateView):
    """Who speaks for an organization, what it decided, and everything between it and us.

    The timeline, representatives, members and ways to reach it name people: they are for those who may see people.
    """

    template_name = "coalition/organizations/inspect.html"

    def records(self):
        return Organization.objects.select_related("logo", "merged_into")

    def get_context_data(self, **kwargs):
        organization, user = self.record, self.request.user
        decisions = organization.decisions.select_related("publication", "version", "round")
        decisions = decisions.order_by("-publication_id", "-at", "-pk")
        context = super().get_context_data(**kwargs) | {
            "language_names": [name for code, name in settings.LANGUAGES if code in organization.languages],
            "regions": organization.regions.all(),
            "constituencies": organization.constituencies.all(),
            "custom_fields": custom.shown(organization),
            "decided": [(p, list(lines)) for p, lines in groupby(decisions, key=attrgetter("publication"))],
            "stages": Organization.Stage.choices,
            "logo": getattr(organization, "logo", None),
            "may_see_agreements": user.has_perm("coalition.view_agreement"),
            "may_restore": organization.is_binned and self.user_has_permission("change"),
            "merges": self.merges(),
            **self.deciding(),
            "may_merge": user.has_perm("coalition.add_organizationmerge") and self.sees_people,
            "query": "",
        }
        if context["may_see_agreements"]:
            context["agreements"] = organization.agreements.all()
        if not self.sees_people:
            return context
        members = organization.memberships.filter(person__binned_at=None)
        speakers = organization.representatives.filter(person__binned_at=None).select_related("person")
        return (
            context
            | self.history(kwargs.get("note_form"))
            | follow_ups_of(organization, user)
            | {
                "representatives": speakers.order_by("position", "pk").prefetch_related("person__addresses"),
                "role_changes": speaking.waiting(organization),
                "members": members.select_related("person").order_by("person__search", "pk")[:MEMBERS_SHOWN],
                "members_count": members.aggregate(number=Count("pk"))["number"],
            }
        )

    def deciding(self):
        """How it decides: its policy and, for those who may see people, its standing authorizations."""
        policy, authorizations = policies.of(self.record), []
        if self.sees_people:
            held = self.record.authorizations.prefetch_related("topics")
            authorizations = authorizing.with_states(list(held), self.record)
        return {
            "policy": policy,
            "favours": policy.favours.all() if policy.pk else [],
            "never": policy.never.all() if policy.pk else [],
            "authorizations": authorizations,
        }

    def merges(self):
        """What was merged into it, or, once it is part of another one, that merge; the newest first."""
        whose = {"other": self.record} if self.record.merged_into_id else {"kept": self.record}
        return OrganizationMerge.objects.filter(undone_at=None, **whose).select_related("kept", "other")


class AddNote(OrganizationPage):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        if not (request.user.has_perm("coalition.add_entry") and self.sees_people):
            raise PermissionDenied
        form = NoteForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(note_form=form))
        people.write_note(self.record, form.cleaned_data["text"], by=request.user)
        messages.success(request, _("The note is on the timeline."))
        return redirect(f"{self.url}#timeline")
