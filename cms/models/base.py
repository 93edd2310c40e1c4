"""What every page of the site has in common."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from wagtail.models import Page

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class SitePage(Page):
    """A page of ours: its slug is translated like any other text, so it is checked like any other input."""

    class Meta:
        abstract = True

    def clean(self):
        super().clean()
        if self.slug and not SLUG.fullmatch(self.slug):
            raise ValidationError(
                {"slug": _("Use small letters without accents, digits and single hyphens, such as “our-brief”.")}
            )

    @property
    def language(self):
        return self.locale.language_code

    def description(self):
        """What search engines and shared links say of the page."""
        return self.search_description or getattr(self, "summary", "") or getattr(self, "introduction", "")
