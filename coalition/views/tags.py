"""The back office's pages about tags and their groups: how many people have each, and how to tidy them."""

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views import View
from django.views.generic import FormView, TemplateView
from wagtail.admin import messages
from wagtail.admin.admin_url_finder import AdminURLFinder
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from coalition import accounts, tags
from coalition.forms.tags import GroupForm, MergeTagForm, TagForm
from coalition.models import Tag, TagGroup

ANY = ["add", "change", "delete", "view"]
ROWS = 500


class TagsScreen(PermissionCheckedMixin, WagtailAdminTemplateMixin):
    header_icon = "tag"
    any_permission_required = None
    permission_required = "change"

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("tags:index"), "label": _("Tags")},
            {"url": "", "label": self.get_page_title()},
        ]

    @cached_property
    def tag(self):
        return get_object_or_404(Tag.objects.select_related("group"), pk=self.kwargs["pk"])

    @cached_property
    def group(self):
        return get_object_or_404(TagGroup, pk=self.kwargs["pk"])

    def refuse(self, form, refused):
        for name, words in refused.message_dict.items():
            form.add_error(name if name in form.fields else None, words)
        return self.form_invalid(form)


class TagsIndex(TagsScreen, TemplateView):
    """Every tag by its group, with how many people have it."""

    any_permission_required = ANY
    permission_required = None
    template_name = "coalition/tags/index.html"
    page_title = gettext_lazy("Tags")

    def get_breadcrumbs_items(self):
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    def get_context_data(self, **kwargs):
        asked = self.request.GET.get("q", "").strip()[:80]
        numbers, left, sections = tags.counts(), ROWS, []
        found = dict(tags.grouped(asked))
        for group in [*TagGroup.objects.all(), None]:
            held = found.get(group, [])
            if held or (group and not asked):
                sections.append((group, [(tag, numbers.get(tag.pk, 0)) for tag in held[: max(left, 0)]], len(held)))
            left -= len(held)
        return super().get_context_data(**kwargs) | {
            "sections": sections,
            "asked": asked,
            "more": -left if left < 0 else 0,
            "any": bool(sections) or bool(asked),
            "may_add": self.user_has_permission("add"),
            "may_change": self.user_has_permission("change"),
            "may_group": self.request.user.has_perm("coalition.change_taggroup"),
            "sees_people": accounts.sees_people(self.request.user),
        }


class AddTag(TagsScreen, FormView):
    permission_required = "add"
    form_class = TagForm
    template_name = "coalition/tags/form.html"
    page_title = gettext_lazy("Add a tag")

    def get_initial(self):
        return {"group": self.request.GET.get("group")} if self.request.GET.get("group", "").isdecimal() else {}

    def form_valid(self, form):
        try:
            tag = tags.add(**form.cleaned_data)
        except ValidationError as refused:
            return self.refuse(form, refused)
        log(instance=tag, action="wagtail.create")
        messages.success(self.request, _("The tag “%(tag)s” is here now.") % {"tag": tag})
        return redirect("tags:index")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"button": _("Add this tag")}


class EditTag(TagsScreen, FormView):
    """What a tag is called, who has it, what asks for it; merge and delete lead on from here."""

    form_class = TagForm
    template_name = "coalition/tags/form.html"

    def get_page_title(self):
        return str(self.tag)

    def get_initial(self):
        return {"name": self.tag.name, "group": self.tag.group}

    def form_valid(self, form):
        try:
            tag = tags.change(self.tag, **form.cleaned_data)
        except ValidationError as refused:
            return self.refuse(form, refused)
        log(instance=tag, action="wagtail.edit")
        messages.success(self.request, _("What changed is kept."))
        return redirect("tags:index")

    def get_context_data(self, **kwargs):
        uses = tags.used_by(self.tag)
        return super().get_context_data(**kwargs) | {
            "tag": self.tag,
            "number": tags.people_with(self.tag),
            "uses": uses_for(self.request.user, uses),
            "merge_form": MergeTagForm(tag=self.tag),
            "may_delete": self.user_has_permission("delete"),
            "button": _("Keep these changes"),
            "sees_people": accounts.sees_people(self.request.user),
        }


def uses_for(user, uses):
    """[(name, what it is, where it can be changed)] of what holds on to a tag."""
    finder = AdminURLFinder(user)
    return [(str(row), row._meta.verbose_name, finder.get_edit_url(row)) for row in uses]


class MergeTag(TagsScreen, FormView):
    """One tag becomes another: told with numbers first, done at the second press."""

    permission_required = "delete"
    form_class = MergeTagForm
    template_name = "coalition/tags/merge.html"
    http_method_names = ["get", "post"]

    def get_page_title(self):
        return _("Merge “%(tag)s”") % {"tag": self.tag}

    def get_form_kwargs(self):
        asked = self.request.POST if self.request.method == "POST" else self.request.GET or None
        return super().get_form_kwargs() | {"tag": self.tag, "data": asked}

    def form_valid(self, form):
        into = form.cleaned_data["into"]
        words = str(self.tag)
        kept, _added = tags.merge(self.tag, into, by=self.request.user)
        if kept is None:
            raise Http404
        log(instance=kept, action="wagtail.edit")
        messages.success(
            self.request, _("“%(tag)s” is “%(into)s” now. Segments ask for the new one.") % {"tag": words, "into": into}
        )
        return redirect("tags:edit", kept.pk)

    def get_context_data(self, **kwargs):
        form = kwargs.get("form") or self.get_form()
        into = form.cleaned_data.get("into") if form.is_valid() else None
        return super().get_context_data(form=form, **{k: v for k, v in kwargs.items() if k != "form"}) | {
            "tag": self.tag,
            "number": tags.people_with(self.tag),
            "into": into,
            "into_number": tags.people_with(into) if into else 0,
            "uses": uses_for(self.request.user, tags.used_by(self.tag)),
        }


class DeleteTag(TagsScreen, TemplateView):
    permission_required = "delete"
    template_name = "coalition/tags/delete.html"

    def get_page_title(self):
        return _("Delete “%(tag)s”") % {"tag": self.tag}

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "tag": self.tag,
            "number": tags.people_with(self.tag),
            "uses": uses_for(self.request.user, tags.used_by(self.tag)),
        }

    def post(self, request, *args, **kwargs):
        words = str(self.tag)
        try:
            with transaction.atomic():
                log(instance=self.tag, action="wagtail.delete")
                number = tags.delete(self.tag, by=request.user)
        except tags.Held:
            return self.render_to_response(self.get_context_data(), status=409)
        messages.success(
            request,
            ngettext(
                "The tag “%(tag)s” is gone. %(number)d person had it.",
                "The tag “%(tag)s” is gone. %(number)d people had it.",
                number,
            )
            % {"tag": words, "number": number},
        )
        return redirect("tags:index")


# Groups


class GroupScreen(TagsScreen):
    """Groups have permissions of their own."""

    permission_required = None
    group_permission = "change"

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_perm(f"coalition.{self.group_permission}_taggroup"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)


class AddGroup(GroupScreen, FormView):
    group_permission = "add"
    form_class = GroupForm
    template_name = "coalition/tags/group_form.html"
    page_title = gettext_lazy("Add a group of tags")

    def keep(self, names):
        return tags.add_group(name=names)

    def form_valid(self, form):
        try:
            group = self.keep(form.names)
        except ValidationError as refused:
            return self.refuse(form, refused)
        messages.success(self.request, _("The group “%(group)s” is kept.") % {"group": group})
        return redirect("tags:index")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"button": _("Add this group")}


class EditGroup(AddGroup):
    group_permission = "change"

    def get_page_title(self):
        return str(self.group)

    def get_initial(self):
        held = self.group.name.data
        held = held if isinstance(held, dict) else {settings.LANGUAGE_CODE: held}
        return {f"name_{language}": words for language, words in held.items()}

    def keep(self, names):
        return tags.rename_group(self.group, name=names)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "group": self.group,
            "button": _("Keep these changes"),
            "may_delete": self.request.user.has_perm("coalition.delete_taggroup"),
        }


class DeleteGroup(GroupScreen, View):
    """Nobody loses a tag by it, so one press is enough."""

    group_permission = "delete"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        words = str(self.group)
        try:
            tags.delete_group(self.group)
        except tags.Held as held:
            said = {"group": words, "segments": ", ".join(map(str, held.uses))}
            messages.error(request, _("“%(group)s” is asked for by: %(segments)s. Change that first.") % said)
        else:
            messages.success(request, _("The group “%(group)s” is gone. Its tags stay.") % {"group": words})
        return redirect("tags:index")


class MoveGroup(GroupScreen, View):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        tags.move_group(self.group, -1 if self.kwargs["way"] == "up" else 1)
        return redirect(f"{reverse('tags:index')}#group-{self.group.pk}")
