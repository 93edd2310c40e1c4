"""The append-only record of who did what to whom, and files taken out."""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# What browsers call themselves, the more particular first.
BROWSERS = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
]
SYSTEMS = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
]


class AuditLine(models.Model):
    """Who did what, when, from where and why (rule P5). The database itself refuses to change or delete a line.

    It holds no personal data of the people served: a subject is a kind and a number, and what it was called is asked of
    the record itself for as long as that exists.
    """

    class Action(models.TextChoices):
        CONSENT = "consent", _("Consent")
        EXPORT = "export", pgettext_lazy("what happened", "Export")
        IMPORT = "import", pgettext_lazy("what happened", "Import")
        UNDO = "undo", pgettext_lazy("what happened", "Undo")
        MERGE = "merge", pgettext_lazy("what happened", "Merge")
        ERASE = "erase", pgettext_lazy("what happened", "Erase")
        ANONYMISE = "anonymise", pgettext_lazy("what happened", "Anonymise")
        BIN = "bin", _("Bin")
        RESTORE = "restore", pgettext_lazy("what happened", "Restore")
        BULK = "bulk", _("Bulk action")
        EDIT = "edit", pgettext_lazy("what happened", "Edit")
        ROLE = "role", _("Role")
        ACCOUNT = "account", _("Account")
        SIGN_IN = "sign_in", _("Sign-in")
        LOCK_OUT = "lock_out", _("Lock-out")
        FREEZE = "freeze", pgettext_lazy("what happened", "Freeze")
        SIGN_ON = "sign_on", _("Sign-on")
        DELIVERY = "delivery", pgettext_lazy("what happened", "Delivery")
        SETTING = "setting", _("Settings")
        SENSITIVE = "sensitive", _("Sensitive details")

    action = models.CharField(_("what"), max_length=10, choices=Action)
    subject = models.CharField(_("about"), max_length=40, blank=True)  # a model's label, such as "coalition.person"
    subject_id = models.CharField(max_length=40, blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True)  # names of fields, counts, kinds: no values
    why = models.CharField(_("why"), max_length=300, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False
    )
    by_name = models.CharField(_("who"), max_length=254, blank=True)  # stands when the account has gone
    origin = models.CharField(_("from where"), max_length=64, blank=True)  # an IP address, "worker" or a command
    at = models.DateTimeField(_("when"), auto_now_add=True)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("audit line")
        verbose_name_plural = _("audit")
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["subject", "subject_id", "-at"], name="audit_subject"),
            models.Index(fields=["action", "-at"], name="audit_action"),
            GinIndex(SearchVector("by_name", "why", config="simple"), name="audit_search"),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self):
        return f"{self.get_action_display()} {self.subject} {self.subject_id}"


class Export(models.Model):
    """People, organizations or signatures taken out as a file: who, which columns, why (rule P5)."""

    class Subject(models.TextChoices):
        PEOPLE = "people", _("People")
        ORGANIZATIONS = "organizations", _("Organizations")
        SIGNATURES = "signatures", _("Signatures")

    subject = models.CharField(_("what"), max_length=14, choices=Subject)
    kind = models.CharField(_("file"), max_length=4)  # csv, xlsx
    columns = models.JSONField(_("columns"), default=list)
    query = models.TextField(blank=True)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    reason = models.CharField(_("reason"), max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="exports")
    at = models.DateTimeField(_("when"), auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-at", "-pk"]

    def __str__(self):
        return f"{self.get_subject_display()} · {self.kind}"


class SignIn(models.Model):
    """A staff member's session on one device, so that they see where they are signed in and can end it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, unique=True)
    agent = models.CharField(_("device"), max_length=200, blank=True)
    origin = models.CharField(_("from where"), max_length=64, blank=True)
    at = models.DateTimeField(_("signed in"), auto_now_add=True)
    seen_at = models.DateTimeField(_("last seen"), auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = ["-seen_at", "-pk"]

    def __str__(self):
        return f"{self.user} · {self.agent}"

    @property
    def device(self):
        """The device in words: "Firefox · Windows", as far as the browser says so."""
        found = [next((name for mark, name in kind if mark in self.agent), "") for kind in (BROWSERS, SYSTEMS)]
        return " · ".join(filter(None, found)) or str(_("Unknown device"))
