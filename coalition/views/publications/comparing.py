"""What changed from any version of a publication to any other, in every language."""

from django.conf import settings
from django.http import Http404
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from coalition import publishing
from coalition.views.publications.page import PublicationScreen


class ComparePublication(PublicationScreen, TemplateView):
    template_name = "coalition/publications/compare.html"
    step = gettext_lazy("Compare versions")

    def get_context_data(self, **kwargs):
        versions = {v.number: v for v in self.record.versions.prefetch_related("texts").order_by("number")}
        if not versions:
            raise Http404
        newest = max(versions)
        old, new = (self.asked(name, versions) for name in ("old", "new"))
        new = new or newest
        old = old or max((number for number in versions if number < new), default=new)
        old, new = versions[min(old, new)], versions[max(old, new)]
        differences = publishing.between(old, new)
        return super().get_context_data(**kwargs) | {
            "versions": list(versions.values()),
            "old": old,
            "new": new,
            "between": [v for v in versions.values() if old.number < v.number <= new.number],
            "differences": [
                (code, name, differences[code]) for code, name in settings.LANGUAGES if code in differences
            ],
        }

    def asked(self, name, versions):
        """The number asked for, or None; a number that never was is not found."""
        asked = self.request.GET.get(name, "")
        if not asked:
            return None
        if not asked.isdecimal() or int(asked) not in versions:
            raise Http404
        return int(asked)
