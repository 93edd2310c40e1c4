"""A campaign gathers the messages and webinars that serve one aim."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField


class Campaign(models.Model):
    name = I18nCharField(_("name"), max_length=150)
    bill = models.CharField(_("bill or docket"), max_length=60, blank=True)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-created_at", "-pk"]

    def __str__(self):
        return str(self.name)
