"""Lists of people put together by hand: make one, name it, see who is on it, delete it."""

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView, TemplateView
from wagtail.admin import messages
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn

from coalition import accounts, lists
from coalition.forms.bulk import ListNameForm
from coalition.models import PeopleList
from coalition.views.screens import ANY, Index, RecordScreen, Screen


class ForThoseWhoSeePeople:
    def dispatch(self, request, *args, **kwargs):
        if not accounts.sees_people(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)


def people_url(people_list):
    return f"{reverse('people:list')}?list={people_list.pk}"


class ChangeColumn(Column):
    cell_template_name = "coalition/people/cell_list_change.html"


class CountColumn(Column):
    cell_template_name = "coalition/people/cell_list_count.html"


class ListsIndex(ForThoseWhoSeePeople, Index):
    page_title = gettext_lazy("Lists")
    add_item_label = gettext_lazy("Make a list")
    any_permission_required = ANY
    default_ordering = "name"
    results_template_name = "coalition/people/lists_results.html"

    @cached_property
    def columns(self):
        columns = [
            TitleColumn("name", label=_("Name"), get_url=people_url, sort_key="name", width="45%"),
            CountColumn("number", label=_("People")),
            Column("created_by", label=_("By"), classname="bo-wide"),
            DateColumn("created_at", label=_("Added"), sort_key="created_at", classname="bo-wide"),
        ]
        return [*columns, ChangeColumn("change", label="")] if self.user_has_permission("change") else columns

    def get_base_queryset(self):
        here = Count("listings", Q(listings__person__binned_at=None))
        return PeopleList.objects.select_related("created_by").annotate(number=here)


class AddList(ForThoseWhoSeePeople, Screen, FormView):
    permission_required = "add"
    listing = ("lists:index", gettext_lazy("Lists"))
    page_title = gettext_lazy("Make a list")
    header_icon = "list-ul"
    form_class = ListNameForm
    template_name = "coalition/people/list_form.html"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": PeopleList()}

    def form_valid(self, form):
        try:
            people_list = lists.keep(form.instance, name=form.cleaned_data["name"], by=self.request.user)
        except lists.NameTaken:
            form.add_error("name", _("There is a list of this name already."))
            return self.form_invalid(form)
        messages.success(
            self.request,
            _("The list “%(name)s” is there. Tick people and choose “Add to a list”.") % {"name": people_list},
        )
        return redirect("people:list")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"button": self.page_title, "back": reverse("lists:index")}


class ListScreen(ForThoseWhoSeePeople, RecordScreen):
    subject = "people_list"
    home = "lists:edit"
    listing = ("lists:index", gettext_lazy("Lists"))
    header_icon = "list-ul"
    any_permission_required = None

    def records(self):
        return PeopleList.objects.all()

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "people_url": people_url(self.people_list),
            "number": self.people_list.people.present().count(),
        }


class RenameList(ListScreen, FormView):
    permission_required = "change"
    form_class = ListNameForm
    template_name = "coalition/people/list_form.html"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": PeopleList.objects.get(pk=self.people_list.pk)}

    def form_valid(self, form):
        try:
            lists.keep(form.instance, name=form.cleaned_data["name"], by=self.request.user)
        except lists.NameTaken:
            form.add_error("name", _("There is a list of this name already."))
            return self.form_invalid(form)
        messages.success(self.request, _("What changed is kept."))
        return redirect("lists:index")

    def get_context_data(self, **kwargs):
        may_delete = self.user_has_permission("delete")
        return super().get_context_data(**kwargs) | {
            "button": _("Keep this name"),
            "back": reverse("lists:index"),
            "delete_url": reverse("lists:delete", args=[self.people_list.pk]) if may_delete else "",
        }


class DeleteList(ListScreen, TemplateView):
    """Asked once more: the list goes, the people on it stay."""

    permission_required = "delete"
    step = gettext_lazy("Delete this list")
    template_name = "coalition/people/list_delete.html"

    def post(self, request, *args, **kwargs):
        lists.delete(self.people_list, by=request.user)
        messages.success(
            request, _("The list “%(name)s” is gone. Everybody on it is still here.") % {"name": self.people_list}
        )
        return redirect("lists:index")
