"""Who belongs to an organization: find people we know as one types, add them, say their role, take them off."""

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.generic import FormView, ListView
from wagtail.admin import messages

from coalition import accounts, organizations
from coalition.forms.organizations import MembershipForm
from coalition.models import Membership, Person
from coalition.views.organizations.page import OrganizationScreen
from coalition.views.searching import FindsPeople, unseen

FOUND = 8
SORTED = 500
SHORTEST = 2  # letters before anybody is looked for


class MemberScreen(OrganizationScreen):
    def dispatch(self, request, *args, **kwargs):
        if not (accounts.sees_people(request.user) and request.user.has_perm("coalition.view_membership")):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)


class ChangeMembers(MemberScreen):
    any_permission_required = None
    permission_required = "change"

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_perm("coalition.change_membership"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @property
    def members_url(self):
        return reverse("organizations:members", args=[self.record.pk])

    @cached_property
    def membership(self):
        held = Membership.objects.select_related("person", "organization")
        return get_object_or_404(held, pk=self.kwargs["membership_pk"], organization=self.record)


def found(organization, words):
    """A few people of this name, email or phone, each with whether they belong to it already."""
    if len(words.strip()) < SHORTEST:
        return []
    belongs = Membership.objects.filter(organization=organization, person=OuterRef("pk"))
    # Two letters may fit a hundred thousand people: sort some of them, not all.
    some = list(Person.objects.present().search(words).order_by().values_list("pk", flat=True)[:SORTED])
    people = Person.objects.filter(pk__in=some).annotate(belongs=Exists(belongs)).order_by("search", "pk")
    return list(people.prefetch_related("addresses")[:FOUND])


class Members(FindsPeople, MemberScreen, ListView):
    """All who belong to it; and, while one types, whom else we know. Works as a plain form as well."""

    template_name = "coalition/organizations/members.html"
    step = gettext_lazy("Members")
    paginate_by = 50
    page_kwarg = "p"

    def get_queryset(self):
        held = self.record.memberships.filter(person__binned_at=None).select_related("person")
        return held.order_by("person__search", "pk").prefetch_related("person__addresses")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            **self.finding(self.words),
            "may_change_members": not self.record.is_binned
            and self.user_has_permission("change")
            and self.request.user.has_perm("coalition.change_membership"),
        }

    def finding(self, words):
        return {
            "organization": self.record,
            "words": words,
            "found": found(self.record, words),
            "may_add_people": self.request.user.has_perm("coalition.add_person"),
        }

    def post(self, request, *args, **kwargs):
        words = request.POST.get("q", "").strip()
        if request.htmx and not request.htmx.boosted:
            return render(request, "coalition/organizations/found.html", self.finding(words))
        query = unseen(urlencode({"q": words}))
        return redirect(f"{request.path}?{query}" if query else request.path)


class AddMember(ChangeMembers, View):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        number = request.POST.get("person", "")
        pk = int(number) if number.isdecimal() and len(number) < 18 else 0
        person = get_object_or_404(Person.objects.present(), pk=pk)
        organizations.add_member(self.record, person, by=request.user)
        messages.success(request, _("%(person)s belongs to it.") % {"person": person})
        return redirect(self.members_url)


class EditMember(ChangeMembers, FormView):
    form_class = MembershipForm
    template_name = "coalition/organizations/form.html"

    @property
    def step(self):
        return str(self.membership.person)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.membership}

    def form_valid(self, form):
        form.save()
        messages.success(self.request, _("What changed is kept."))
        return redirect(self.members_url)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "button": _("Keep these changes"),
            "back": self.members_url,
            "remove_url": reverse("organizations:remove_member", args=[self.record.pk, self.membership.pk]),
            "remove_label": _("They no longer belong to it"),
        }


class RemoveMember(ChangeMembers, View):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        person = self.membership.person
        organizations.remove_member(self.membership, by=request.user)
        messages.success(request, _("%(person)s no longer belongs to it.") % {"person": person})
        return redirect(self.members_url)
