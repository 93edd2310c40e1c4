"""Freeze a text: what would be frozen, what differs, what follows for those who signed, then the judgement."""

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView
from wagtail.admin import messages

from coalition import publishing
from coalition.forms.publications import FreezeForm
from coalition.languages import join_list, name_in_text
from coalition.models import Publication
from coalition.tasks import send_notices
from coalition.views.publications.page import PublicationScreen


class FreezingMixin:
    """Freezing whatever has texts. A door gives `version` (the newest or None), `texts` ({language: Text}), `missing`
    (what is unfinished, in words, or ""), `edit_url` and `freeze(form)`."""

    form_class = FreezeForm
    template_name = "coalition/publications/freeze.html"
    header_icon = "lock"

    @cached_property
    def foreseen(self):
        return publishing.foresee(self.version.publication) if self.version else None

    @property
    def seen(self):
        """What is judged here, so that nothing else gets frozen."""
        return f"{self.version.number if self.version else 0}:{publishing.digest_of(self.texts)}"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"first": self.version is None}

    def get_context_data(self, **kwargs):
        version, texts = self.version, self.texts
        compared = None
        if version:
            compared = publishing.against(version, {code: text.canonical for code, text in texts.items()})
        return super().get_context_data(**kwargs) | {
            "version": version,
            "next_number": version.number + 1 if version else 1,
            "texts": [
                (code, name, texts[code], compared and compared[code])
                for code, name in settings.LANGUAGES
                if code in texts
            ],
            "changed": version is None or publishing.digest_of(texts) != version.digest,
            "missing": self.missing,
            "edit_url": self.edit_url,
            "foreseen": self.foreseen,
            "seen": self.seen,
        }

    def form_valid(self, form):
        try:
            version = self.freeze(form)
        except ValidationError as why_not:
            self.__dict__.pop("version", None)  # somebody else may have frozen one: the difference to that is shown
            self.__dict__.pop("foreseen", None)
            form.add_error(None, why_not)
            return self.form_invalid(form)
        send_notices.delay_on_commit()
        messages.success(
            self.request,
            _("“%(title)s” is frozen as version %(number)s.")
            % {"title": version.publication, "number": version.number},
        )
        return redirect("publications:inspect", version.publication_id)


class FreezePublication(FreezingMixin, PublicationScreen, FormView):
    """Freeze a text that has no page."""

    step = gettext_lazy("Freeze for signing")

    def records(self):
        return Publication.objects.filter(stand_alone=True)

    def dispatch(self, request, *args, **kwargs):
        if not self.may_freeze:
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def texts(self):
        return publishing.texts_of(self.record)

    @property
    def missing(self):
        absent = publishing.unfinished(self.texts, self.record.authoritative_language)
        if not absent:
            return ""
        return _("The text in %(languages)s is not complete: it needs a title and words of its own.") % {
            "languages": join_list(name_in_text(code) for code in absent)
        }

    @property
    def edit_url(self):
        return reverse("publications:write", args=[self.record.pk])

    def freeze(self, form):
        return publishing.freeze_draft(self.record, by=self.request.user, **form.judged())
