"""Write a publication without a page, change its settings, and see it as it will look once it is frozen."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.generic import FormView, TemplateView
from wagtail.admin import messages

from coalition import languages, publishing
from coalition.canonical import changes
from coalition.forms.publications import SettingsForm, WritingForm
from coalition.models import Publication
from coalition.views.publications.page import PublicationScreen
from coalition.views.screens import Screen


class Refused:
    """A form comes back with what was entered, whoever refuses it."""

    def form_invalid(self, form, status=422, **context):
        return self.render_to_response(self.get_context_data(form=form, **context), status=status)

    def refuse(self, form, error):
        if hasattr(error, "error_dict"):
            for name, errors in error.error_dict.items():
                form.add_error(name if name in form.fields else None, errors)
        else:
            form.add_error(None, error)
        return self.form_invalid(form)


class After:
    """Two ways out of writing: keep it, or keep it and see it as it will look."""

    def after(self, publication):
        if "preview" in self.request.POST:
            return redirect("publications:preview", publication.pk)
        return redirect("publications:inspect", publication.pk)


class AddPublication(Refused, After, Screen, FormView):
    listing = ("publications:index", gettext_lazy("Publications"))
    form_class = WritingForm
    template_name = "coalition/publications/write.html"
    permission_required = "add"
    page_title = gettext_lazy("Write a publication")
    header_icon = "doc-full-inverse"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Publication(stand_alone=True)}

    def form_valid(self, form):
        try:
            publication = publishing.add(form.draft(), by=self.request.user, **form.values())
        except ValidationError as error:
            return self.refuse(form, error)
        messages.success(self.request, _("“%(title)s” is kept as a draft.") % {"title": publication})
        return self.after(publication)

    def get_context_data(self, **kwargs):
        back = reverse("publications:index")
        context = super().get_context_data(**kwargs)
        return context | {"back": back, "media": context["form"].media}


class Changing(Refused, PublicationScreen, FormView):
    any_permission_required = None
    permission_required = "change"

    @cached_property
    def held(self):
        """Read afresh: a form that does not hold still writes what was entered into its instance."""
        return self.records().get(pk=self.record.pk)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.held}

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        return context | {"back": self.url, "media": context["form"].media}


class WritePublication(After, Changing):
    """The text in every language, side by side, and its settings."""

    form_class = WritingForm
    template_name = "coalition/publications/write.html"
    step = gettext_lazy("Write")

    def records(self):
        return Publication.objects.filter(stand_alone=True)

    def form_valid(self, form):
        try:
            publishing.edit(
                self.record,
                by=self.request.user,
                draft=form.draft(),
                seen=form.cleaned_data["seen"],
                **form.values(),
            )
        except publishing.Overtaken as overtaken:
            return self.overtaken(form, overtaken.draft)
        except ValidationError as error:
            return self.refuse(form, error)
        messages.success(self.request, _("What you wrote is kept."))
        return self.after(self.record)

    def overtaken(self, form, theirs):
        """Somebody else wrote meanwhile: what both wrote is shown, nothing is lost, and keeping it again decides."""
        data = form.data.copy()
        data["seen"] = publishing.mark_of(theirs)
        mine, both = form.draft(), []
        for code, name in settings.LANGUAGES:
            stretches = changes(*(publishing.Text.of(**said.get(code, NOTHING)).canonical for said in (theirs, mine)))
            if any(stretch.rows for stretch in stretches):
                both.append((code, name, stretches))
        form = self.form_class(data, instance=self.held)
        form.is_valid()
        return self.form_invalid(form, status=409, overtaken=both)


NOTHING = {"title": "", "summary": "", "html": ""}


class EditSettings(Changing):
    """Topics, authoritative language, whether signers are printed, disclaimer: for a publication from a page."""

    form_class = SettingsForm
    template_name = "coalition/publications/settings.html"
    step = gettext_lazy("Settings")

    def form_valid(self, form):
        try:
            publishing.edit(self.record, by=self.request.user, **form.values())
        except ValidationError as error:
            return self.refuse(form, error)
        messages.success(self.request, _("What changed is kept."))
        return redirect(self.url)


class PreviewPublication(PublicationScreen, TemplateView):
    """The draft as the public would read it, in the language asked for; nobody but staff sees it."""

    template_name = "coalition/publications/preview.html"

    def records(self):
        return Publication.objects.filter(stand_alone=True)

    def get_context_data(self, **kwargs):
        texts = publishing.texts_of(self.record)
        asked = self.request.GET.get("language") or get_language()
        language = asked if asked in texts else next(iter(texts), settings.LANGUAGE_CODE)
        absent = publishing.unfinished(texts, self.record.authoritative_language)
        return super().get_context_data(**kwargs) | {
            "text": texts.get(language),
            "language": language,
            "written": [(code, languages.own_name(code)) for code, _name in settings.LANGUAGES if code in texts],
            "unfinished": languages.join_list(languages.name_in_text(code) for code in absent),
            "digest": publishing.digest_of(texts),
        }
