"""What the back office's own screens have in common: who may enter, the way there, and a history told page by page."""

from django.core.paginator import Paginator
from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode
from wagtail.admin.views import generic
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin

from coalition.forms.people import NoteForm
from coalition.models import Entry, fold
from coalition.views.searching import PARAMETER, FindsPeople, unseen

ANY = ["add", "change", "delete", "view"]
LINES_A_PAGE = 25
SEARCHED = 2000  # the newest lines of a history that a search reads


class Index(generic.IndexView):
    """A list. Wagtail's own export asks for no reason and leaves no record (rule P5): files leave by `exports` only."""

    FORMATS = ()


def counted(rows, to):
    """How many of these rows point by their field `to` at the row of a list: joined to it, they would multiply."""
    rows = rows.filter(**{to: OuterRef("pk")}).order_by().values(to).annotate(n=Count("pk"))
    return Coalesce(Subquery(rows.values("n"), output_field=IntegerField()), 0)


class Screen(PermissionCheckedMixin, WagtailAdminTemplateMixin):
    """A page below a list: `listing` is (name of the list's address, its title)."""

    listing = ("", "")

    def get_breadcrumbs_items(self):
        name, label = self.listing
        here = {"url": "", "label": self.get_page_title()}
        return [*self.breadcrumbs_items, {"url": reverse(name), "label": label}, here]


class RecordScreen(Screen):
    """A page about one record, found by `pk` or answered with 404.

    `subject` is what the record is called here and in the template ("person": `self.person`, `{{ person }}`), `home`
    the name of its page's address, `step` what this page does with it ("Edit"); the record's own page has none.
    """

    any_permission_required = ANY
    subject = ""
    home = ""
    step = ""

    def records(self):
        """Where the record is looked for."""
        raise NotImplementedError

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.record = get_object_or_404(self.records(), pk=kwargs["pk"])
        setattr(self, self.subject, self.record)

    @property
    def url(self):
        return reverse(self.home, args=[self.record.pk])

    def get_page_title(self):
        return self.step or str(self.record)

    def get_breadcrumbs_items(self):
        items = super().get_breadcrumbs_items()
        if self.step:
            items.insert(-1, {"url": self.url, "label": str(self.record)})
        return items

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            self.subject: self.record,
            "url": self.url,
            "may_change": self.user_has_permission("change"),
        }


class WithHistory(FindsPeople):
    """Adds the timeline of `self.record` to a page: by kind, searched, paged; see `backoffice/parts/history.html`.

    The page must be one for people who may see people, or ask for `history()` only then.
    """

    typed = "words"  # of notes and replies: what people said, and who

    def post(self, request, *args, **kwargs):
        asked = {key: value for key in ("kind", "words") if (value := request.POST.get(key, "").strip())}
        query = unseen(urlencode(asked), self.typed)
        return redirect(f"{self.url}?{query}#timeline" if query else f"{self.url}#timeline")

    def history(self, note_form=None):
        asked = {key: self.asked.get(key, "").strip() for key in ("kind", "words")}
        if asked["kind"] not in Entry.Kind.values:
            asked["kind"] = ""
        lines = self.record.entries.select_related("by")
        lines = lines.filter(kind=asked["kind"]) if asked["kind"] else lines
        if asked["words"]:
            wanted = fold(asked["words"]).split()
            lines = [line for line in lines[:SEARCHED] if all(word in fold(str(line.text)) for word in wanted)]
        held = set(self.record.entries.order_by().values_list("kind", flat=True).distinct())  # no filter leads nowhere
        return asked | {
            "page_obj": Paginator(lines, LINES_A_PAGE).get_page(self.request.GET.get("p")),
            "kinds": [kind for kind in Entry.Kind.choices if kind[0] in held or kind[0] == asked["kind"]],
            "query": unseen(urlencode({key: value for key, value in asked.items() if value}), self.typed),
            "find": self.request.GET.get(PARAMETER, ""),
            "note_form": note_form or NoteForm(),
            "may_note": self.request.user.has_perm("coalition.add_entry"),
        }
