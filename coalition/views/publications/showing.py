"""Show a publication without a page to the public, or take it down, after saying what that means."""

from django.core.exceptions import ValidationError
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail.admin import messages

from coalition import publishing
from coalition.models import Publication
from coalition.views.publications.page import PublicationScreen


class Confirming(PublicationScreen, TemplateView):
    """One question, and what follows from yes."""

    template_name = "coalition/publications/confirm.html"
    any_permission_required = None
    permission_required = "change"

    def records(self):
        return Publication.objects.filter(stand_alone=True)


class ShowPublication(Confirming):
    step = gettext_lazy("Show it to the public")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "asks": _("Everybody can read it from now on, in every language, and sees who signed."),
            "button": _("Show it to the public"),
        }

    def post(self, request, *args, **kwargs):
        try:
            publishing.show(self.record, by=request.user)
        except ValidationError as why_not:
            messages.error(request, why_not.messages[0])
        else:
            messages.success(request, _("“%(title)s” is public now.") % {"title": self.record})
        return redirect(self.url)


class TakeDownPublication(Confirming):
    step = gettext_lazy("Take it down")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "asks": _(
                "The page, its earlier versions and the list of who signed can no longer be read by the public. "
                "Signatures, personal links and what was handed over stay as they are, and you can show it again."
            ),
            "button": _("Take it down"),
            "danger": True,
        }

    def post(self, request, *args, **kwargs):
        publishing.take_down(self.record, by=request.user)
        messages.success(request, _("“%(title)s” is no longer public.") % {"title": self.record})
        return redirect(self.url)
