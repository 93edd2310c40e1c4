"""Saved views: a list as somebody likes to see it, under a name, as a tab above the list."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.generic import FormView
from wagtail.admin import messages

from coalition import saved_views
from coalition.forms.saved_views import SavedViewForm
from coalition.models import SavedView
from coalition.views import searching
from coalition.views.screens import Screen

LISTS = {
    SavedView.Screen.PEOPLE: ("people:list", gettext_lazy("People"), "coalition.view_person"),
    SavedView.Screen.ORGANIZATIONS: (
        "organizations:index",
        gettext_lazy("Organizations"),
        "coalition.view_organization",
    ),
}


def address(view):
    """The list as a view shows it. A view keeps words as they were typed; about people, an address hides them."""
    query = searching.unseen(view.query) if view.screen == SavedView.Screen.PEOPLE else view.query
    return f"{reverse(LISTS[view.screen][0])}?{query or 'view=all'}"


class WithSavedViews:
    """Adds the views of this list to its page: set `screen`, and include `backoffice/parts/views.html` above the rows.

    Opened plainly, the list opens with the view that the user chose for that; `?view=all` is the whole list.
    """

    screen = None

    def get(self, request, *args, **kwargs):
        if not request.GET and not self.results_only:
            start = SavedView.objects.filter(owner=request.user, screen=self.screen, start=True).first()
            if start and start.query:
                return redirect(address(start))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, *args, **kwargs):
        asked = saved_views.question(searching.asked(self.request.GET).urlencode())
        views = saved_views.for_user(self.request.user, self.screen)
        return super().get_context_data(*args, **kwargs) | {
            "views": [(view, address(view), view.query == asked) for view in views],
            "may_save_view": self.request.user.has_perm("coalition.add_savedview"),
            "view_query": saved_views.question(self.request.GET.urlencode()),
            "view_is_kept": any(view.query == asked for view in views),
            "screen": self.screen,
        }


class ViewScreen(Screen):
    """A page about a saved view: its owner's alone, and only for those who may see the list."""

    form_class = SavedViewForm
    template_name = "backoffice/view_form.html"
    header_icon = "view"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.saved = self.find()
        url_name, label, self.permission = LISTS[self.saved.screen]
        self.listing = (url_name, label)

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_perm(self.permission):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @property
    def url(self):
        return address(self.saved)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"saved": self.saved, "back": self.url, "button": self.button}


class KeepingView(ViewScreen, FormView):
    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.saved}

    def form_valid(self, form):
        try:
            form.keep(query=self.query)
        except saved_views.NameTaken:
            form.add_error("name", _("You have a view of this name already."))
            return self.form_invalid(form)
        messages.success(self.request, _("The view “%(name)s” is kept.") % {"name": self.saved})
        return redirect(self.url)


class SaveView(KeepingView):
    """Keep the present search and filters under a name."""

    permission_required = "add"
    page_title = gettext_lazy("Save this view")
    button = gettext_lazy("Save this view")

    def find(self):
        screen = self.request.GET.get("screen")
        if screen not in SavedView.Screen.values:
            raise Http404
        self.query = saved_views.question(searching.asked(QueryDict(self.request.GET.get("query", ""))).urlencode())
        return SavedView(owner=self.request.user, screen=screen, query=self.query)


class OwnView(ViewScreen):
    def find(self):
        found = SavedView.objects.filter(owner=self.request.user, pk=self.kwargs["pk"]).first()
        if found is None:
            raise Http404
        return found


class ChangeView(OwnView, KeepingView):
    """Another name, for others or not, what the list opens with; or away with it."""

    permission_required = "change"
    button = gettext_lazy("Keep these changes")
    query = None

    def get_page_title(self):
        return str(self.saved)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"delete_url": reverse("saved_views:delete", args=[self.saved.pk])}


class DeleteView(OwnView, View):
    permission_required = "delete"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        self.saved.delete()
        messages.success(request, _("The view “%(name)s” is gone. Nobody on it was touched.") % {"name": self.saved})
        return redirect(f"{reverse(self.listing[0])}?view=all")
