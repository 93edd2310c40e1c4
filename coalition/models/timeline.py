"""One line of somebody's history with the coalition."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from i18nfield.fields import I18nTextField

from .organizations import Organization
from .people import Person


class Entry(models.Model):
    """Written by verbs through `coalition.timeline.note`, in every language, so that the page only reads."""

    class Kind(models.TextChoices):
        JOINED = "joined", _("Joined")
        CONSENT = "consent", _("Consent")
        MESSAGE = "message", _("Message")
        REPLY = "reply", _("Reply")
        ANSWER = "answer", _("Answer")
        SIGNATURE = "signature", _("Sign-on")
        REGISTRATION = "registration", _("Registration")
        IMPORT = "import", pgettext_lazy("what happened", "Import")
        EDIT = "edit", pgettext_lazy("what happened", "Edit")
        NOTE = "note", _("Note")
        MERGE = "merge", pgettext_lazy("what happened", "Merge")
        FOLLOW_UP = "follow_up", _("Follow-up")
        ATTENDANCE = "attendance", _("Attendance")

    person = models.ForeignKey(Person, models.CASCADE, null=True, blank=True, related_name="entries", db_index=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, null=True, blank=True, related_name="entries", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    text = I18nTextField(_("text"))
    link = models.CharField(max_length=200, blank=True, help_text=_("Path of the back-office page it tells of."))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(_("when"))

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("timeline entry")
        verbose_name_plural = _("timeline entries")
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["person", "-at"], condition=models.Q(person__isnull=False), name="entry_person"),
            models.Index(
                fields=["organization", "-at"],
                condition=models.Q(organization__isnull=False),
                name="entry_organization",
            ),
            models.Index(fields=["kind", "-at"], include=["person"], name="entry_kind"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(person__isnull=False) | models.Q(organization__isnull=False),
                name="entry_of_somebody",
            )
        ]

    def __str__(self):
        return str(self.text)
