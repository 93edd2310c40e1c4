"""The back office's pages for regions and constituencies: one list, one form, retire and offer again."""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, F, Q
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views import View
from django.views.generic import FormView, ListView
from wagtail.admin import messages
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin

from coalition import vocabulary
from coalition.views.screens import ANY, Screen


class Words(PermissionCheckedMixin, WagtailAdminTemplateMixin, ListView):
    """All of them in their order, the retired ones last, with how many organizations hold each."""

    any_permission_required = ANY
    template_name = "coalition/vocabulary/index.html"
    words = {}  # of the viewset: the addresses' namespace, titles

    def get_queryset(self):
        return self.model.objects.annotate(held=self.holders()).order_by(
            F("retired_at").asc(nulls_first=True), "position", "pk"
        )

    def holders(self):
        return Count("organizations", Q(organizations__binned_at=None), distinct=True)

    def get_page_title(self):
        return self.words["title"]

    def get_breadcrumbs_items(self):
        return [*self.breadcrumbs_items, {"url": "", "label": self.get_page_title()}]

    def get_context_data(self, **kwargs):
        may_change = self.user_has_permission("change")
        name = self.words["name"]
        rows = [(word, reverse(f"{name}:edit", args=[word.pk])) for word in self.object_list]
        return (
            super().get_context_data(**kwargs)
            | self.words
            | {
                "rows": rows,
                "may_change": may_change,
                "may_add": self.user_has_permission("add"),
                "add_url": reverse(f"{name}:add"),
                "usual_url": reverse(f"{name}:usual") if self.words.get("usual") else "",
                "filter": self.words.get("filter"),
                "held_by": self.words.get("held_by", _("Organizations")),
            }
        )


class Topics(Words):
    """With how many people muted each: a number, so that everybody may see it."""

    def holders(self):
        return Count("mutings")


class WordScreen(Screen):
    model = None
    words = {}
    template_name = "coalition/vocabulary/edit.html"

    @property
    def listing(self):
        return (f"{self.words['name']}:index", self.words["title"])

    @property
    def list_url(self):
        return reverse(f"{self.words['name']}:index")

    @property
    def word(self):
        return get_object_or_404(self.model, pk=self.kwargs["pk"])


class WordForm(WordScreen, FormView):
    @transaction.atomic
    def form_valid(self, form):
        vocabulary.keep(form.save(commit=False), by=self.request.user)
        messages.success(self.request, _("What changed is kept."))
        return redirect(self.list_url)


class AddWord(WordForm):
    permission_required = "add"

    def get_page_title(self):
        return self.words["add"]

    def get_form_kwargs(self):
        last = self.model.objects.order_by("-position").values_list("position", flat=True).first() or 0
        return super().get_form_kwargs() | {"instance": self.model(position=last + 1)}

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"button": self.words["add"], "back": self.list_url}


class EditWord(WordForm):
    permission_required = "change"

    def get_page_title(self):
        return str(self.word)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.word}

    def get_context_data(self, **kwargs):
        word = self.word
        return super().get_context_data(**kwargs) | {
            "word": word,
            "button": _("Keep these changes"),
            "back": self.list_url,
            "retire_url": reverse(f"{self.words['name']}:retire", args=[word.pk]),
        }


class AddUsual(Words):
    """The usual constituencies, in one press."""

    http_method_names = ["post"]
    any_permission_required = None
    permission_required = "add"

    def post(self, request, *args, **kwargs):
        number = len(vocabulary.add_usual_constituencies(by=request.user))
        messages.success(
            request,
            ngettext(
                "%(number)d was added. Change or retire what does not fit.",
                "%(number)d were added. Change or retire what does not fit.",
                number,
            )
            % {"number": number},
        )
        return redirect(reverse(f"{self.words['name']}:index"))


class RetireWord(WordScreen, View):
    """Retire it, or with `again` offer it again."""

    http_method_names = ["post"]

    def dispatch(self, request, *args, **kwargs):
        if not self.permission_policy.user_has_permission(request.user, "change"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        word = self.word
        if request.POST.get("again"):
            vocabulary.offer_again(word, by=request.user)
            messages.success(request, _("“%(word)s” is offered again.") % {"word": word})
        else:
            vocabulary.retire(word, by=request.user)
            messages.success(request, _("“%(word)s” is retired. Who holds it keeps it.") % {"word": word})
        return redirect(self.list_url)
