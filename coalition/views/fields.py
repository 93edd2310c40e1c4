"""The back office's pages about the fields a coalition defines for itself."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views import View
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from coalition import custom, defining
from coalition.forms.defining import FieldForm, choice_rows, choices_in
from coalition.models import CustomField

ANY = ["add", "change", "delete", "view"]
EMPTY = {
    "person": gettext_lazy("Nothing yet. What do you keep about people that no box asks for?"),
    "organization": gettext_lazy("Nothing yet. What do you keep about organizations that no box asks for?"),
}


class FieldsScreen(PermissionCheckedMixin, WagtailAdminTemplateMixin):
    header_icon = "form"

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("fields:index"), "label": _("Fields")},
            {"url": "", "label": self.get_page_title()},
        ]


class FieldsIndex(FieldsScreen, TemplateView):
    """Every field, by what it is about, in the order in which forms ask for them."""

    any_permission_required = ANY
    template_name = "coalition/fields/index.html"
    page_title = gettext_lazy("Fields")

    def get_breadcrumbs_items(self):
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    def get_context_data(self, **kwargs):
        fields = list(CustomField.objects.all())
        return super().get_context_data(**kwargs) | {
            "subjects": [
                (subject, [field for field in fields if field.subject == subject], EMPTY[subject])
                for subject in CustomField.Subject
            ],
            "any": bool(fields),
            "may_add": self.user_has_permission("add"),
            "may_change": self.user_has_permission("change"),
        }


class FieldCount(FieldsScreen, TemplateView):
    """How many hold a value of a field: fetched by its row of the list."""

    any_permission_required = ANY
    template_name = "coalition/fields/number.html"

    def get_context_data(self, **kwargs):
        return {"number": defining.holders(get_object_or_404(CustomField, pk=self.kwargs["pk"]))}


class AddField(FieldsScreen, TemplateView):
    permission_required = "add"
    template_name = "coalition/fields/form.html"
    page_title = gettext_lazy("Add a field")
    button = gettext_lazy("Add this field")

    @property
    def field(self):
        return None

    def get(self, request, *args, **kwargs):
        subject = request.GET.get("of")
        initial = {"subject": subject if subject in CustomField.Subject else CustomField.Subject.PERSON}
        form = FieldForm(initial=initial, instance=self.field)
        return self.render_to_response(self.get_context_data(form=form, rows=choice_rows(self.field)))

    def post(self, request, *args, **kwargs):
        form = FieldForm(request.POST, instance=self.field)
        if "more" in request.POST:
            form.is_valid()
            form.errors.clear()
            rows = choice_rows(self.field, request.POST, more=True)
            return self.render_to_response(self.get_context_data(form=form, rows=rows, more=True))
        rows = choice_rows(self.field, request.POST)
        if form.is_valid() and rows.is_valid():
            try:
                return self.keep(form.cleaned_data, choices_in(rows))
            except ValidationError as refused:
                for name, words in refused.message_dict.items():
                    form.add_error(name if name in form.fields else None, words)
        return self.render_to_response(self.get_context_data(form=form, rows=rows), status=422)

    def keep(self, said, choices):
        field = defining.define(choices=choices, by=self.request.user, **said)
        log(instance=field, action="wagtail.create")
        messages.success(
            self.request, _("“%(field)s” is a field now: forms, imports and exports have it.") % {"field": field}
        )
        return redirect("fields:index")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "field": self.field,
            "button": self.button,
            "with_choices": " ".join(defining.WITH_CHOICES),
            "kind": self.field.kind if self.field else "",
        }


class EditField(AddField):
    """A field as it is said, who holds it, and what may still be done about it."""

    permission_required = "change"
    button = gettext_lazy("Keep these changes")

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.held_field = get_object_or_404(CustomField, pk=kwargs["pk"])

    @property
    def field(self):
        return self.held_field

    def get_page_title(self):
        return str(self.field)

    def keep(self, said, choices):
        field, retired = defining.change(self.field, choices=choices, by=self.request.user, **said)
        log(instance=field, action="wagtail.edit")
        for choice, number in retired:
            messages.warning(
                self.request,
                ngettext(
                    "“%(choice)s” is no longer offered. %(number)d record holds it and keeps it.",
                    "“%(choice)s” is no longer offered. %(number)d records hold it and keep it.",
                    number,
                )
                % {"choice": custom.label_of(choice), "number": number},
            )
        messages.success(self.request, _("What changed is kept."))
        return redirect("fields:edit", field.pk)

    def get_context_data(self, **kwargs):
        number = defining.holders(self.field)
        if number and "sealed" in kwargs["form"].fields:
            kwargs["form"].fields["sealed"].disabled = True
        if self.field.kind in defining.WITH_CHOICES:
            counts = defining.choice_holders(self.field)
            for row in kwargs["rows"].forms:
                row.number = counts.get(row["key"].value())
        uses = defining.asked_by(self.field) if self.field.subject == CustomField.Subject.PERSON else []
        return super().get_context_data(**kwargs) | {
            "number": number,
            "uses": uses,
            "may_delete": not number and not uses and self.user_has_permission("delete"),
        }


class FieldAct(FieldsScreen, View):
    """One press of a button about a field."""

    permission_required = "change"
    http_method_names = ["post"]

    def post(self, request, pk, **kwargs):
        return self.act(get_object_or_404(CustomField, pk=pk))


class RetireField(FieldAct):
    def act(self, field):
        defining.retire(field, by=self.request.user)
        messages.success(
            self.request,
            _("“%(field)s” is no longer offered. What was entered stays, and you can bring it back.")
            % {"field": field},
        )
        return redirect("fields:edit", field.pk)


class BringBackField(FieldAct):
    def act(self, field):
        defining.bring_back(field, by=self.request.user)
        messages.success(self.request, _("“%(field)s” is offered again.") % {"field": field})
        return redirect("fields:edit", field.pk)


class MoveField(FieldAct):
    def act(self, field):
        defining.move(field, -1 if self.kwargs["way"] == "up" else 1)
        return redirect(f"{reverse('fields:index')}#field-{field.pk}")


class DeleteField(FieldsScreen, TemplateView):
    """Asked once more, and only while nobody holds it."""

    permission_required = "delete"
    template_name = "coalition/fields/delete.html"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.field = get_object_or_404(CustomField, pk=kwargs["pk"])

    def get_page_title(self):
        return _("Delete “%(field)s”") % {"field": self.field}

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"field": self.field}

    def post(self, request, pk):
        words = str(self.field)
        try:
            defining.remove(self.field, by=request.user)
        except defining.Held:
            raise PermissionDenied from None
        log(instance=self.field, action="wagtail.delete")
        messages.success(request, _("The field “%(field)s” is gone. Nobody had anything in it.") % {"field": words})
        return redirect("fields:index")
