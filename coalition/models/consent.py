"""What people agreed to, in the words they saw; and the list of those who must stay closed."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .people import Address, Person


class Consent(models.Model):
    """One line of an append-only history (S1, P5). The newest line of an address is mirrored on `Address.consent`."""

    class Source(models.TextChoices):
        FORM = "form", _("Form on the site")
        KEYWORD = "keyword", _("Keyword by text")
        REPLY = "reply", _("Reply by text")
        EMAIL_REPLY = "email_reply", _("Reply by email")
        IMPORT = "import", pgettext_lazy("what happened", "Import")
        STAFF = "staff", _("Entered by staff")
        ONE_CLICK = "one_click", _("One-click unsubscribe")
        PREFERENCES = "preferences", _("Preference page")
        PROVIDER = "provider", _("Provider's notice")
        COMPLAINT = "complaint", _("Marked as spam")

    address = models.ForeignKey(Address, models.CASCADE, related_name="history")
    person = models.ForeignKey(Person, models.CASCADE, related_name="consents")
    state = models.CharField(_("state"), max_length=9, choices=Address.Consent)
    wording = models.TextField(_("wording shown"), blank=True)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    source = models.CharField(_("source"), max_length=12, choices=Source)
    evidence = models.CharField(
        _("evidence"), max_length=200, blank=True, help_text=_("What proves it: a message's id, an import, a form.")
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(_("when"), db_index=True)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["asked", "withdrawn"]) | ~models.Q(wording=""),
                name="consent_granted_with_wording",
            )
        ]

    def __str__(self):
        return f"{self.get_state_display()} · {self.get_source_display()}"


class Suppression(models.Model):
    """A keyed hash of an address that stays closed even when nothing else of it is held (rule P4)."""

    digest = models.CharField(max_length=64, primary_key=True)
    channel = models.CharField(max_length=5, choices=Address.Channel)
    reason = models.CharField(max_length=12, choices=Consent.Source)
    at = models.DateTimeField(auto_now_add=True)

    wagtail_reference_index_ignore = True

    def __str__(self):
        return self.digest[:8]


class FormerAddress(models.Model):
    """The number and keyed hash of an address that no record holds any more: a link in an old message still closes it
    (rules E2, E3).
    """

    number = models.BigIntegerField(primary_key=True)
    channel = models.CharField(max_length=5, choices=Address.Channel)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)

    wagtail_reference_index_ignore = True

    def __str__(self):
        return self.digest[:8]
