"""Fields that a coalition defines for itself, and the groups people may say they belong to."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField

from .people import Person
from .sealing import SealedField


class CustomField(models.Model):
    """A typed field of people or of organizations. Values stand in `Person.custom` or `Organization.custom` by `key`:
    text and choice as a string, number as a number, date as YYYY-MM-DD, several choices as a list, yes/no as a boolean.
    """

    class Subject(models.TextChoices):
        PERSON = "person", _("People")
        ORGANIZATION = "organization", _("Organizations")

    class Kind(models.TextChoices):
        TEXT = "text", _("Text")
        NUMBER = "number", _("Number")
        DATE = "date", _("Date")
        CHOICE = "choice", _("One choice")
        CHOICES = "choices", _("Several choices")
        YES_NO = "yes_no", _("Yes or no")

    subject = models.CharField(_("about"), max_length=12, choices=Subject, default=Subject.PERSON)
    key = models.SlugField(_("key"), max_length=40, help_text=_("Names the column in imports and exports; it stays."))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    label = I18nCharField(_("label"), max_length=80)
    hint = I18nCharField(_("hint"), max_length=160, blank=True)
    choices = models.JSONField(_("choices"), default=list, blank=True)  # [{"key": "…", "label": {"en": …, "es": …}}]
    sealed = models.BooleanField(
        _("sensitive"),
        default=False,
        help_text=_(
            "Encrypted in the database and shown on the person's page only: no search, no segments, no export."
        ),
    )
    position = models.PositiveSmallIntegerField(_("order"), default=0)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("field")
        verbose_name_plural = _("fields")
        ordering = ["subject", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["subject", "key"], name="custom_field_once")]

    def __str__(self):
        return str(self.label)


class Constituency(models.Model):
    """A community that people may say they belong to, and that organizations say they serve. Data, never a constant."""

    slug = models.SlugField(max_length=40, unique=True)
    name = I18nCharField(_("name"), max_length=80)
    position = models.PositiveSmallIntegerField(_("order"), default=0)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("constituency")
        verbose_name_plural = _("constituencies")
        ordering = ["position", "pk"]

    def __str__(self):
        return str(self.name)


class Sensitive(models.Model):
    """What somebody said of themselves and what is sealed: apart from the person, so that no list ever loads it.

    `marks` are keyed hashes of the constituencies (see `coalition.belonging`): a segment finds people by them, while a
    copy of the database does not say which community a mark stands for.
    """

    person = models.OneToOneField(Person, models.CASCADE, primary_key=True, related_name="sensitive")
    constituencies = SealedField(blank=True)  # list of slugs
    custom = SealedField(blank=True)  # {key: value} of sealed custom fields
    marks = models.JSONField(default=list, blank=True)
    declared_at = models.DateTimeField(_("said"), null=True, blank=True)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("sensitive details")
        verbose_name_plural = _("sensitive details")
        indexes = [GinIndex(OpClass("marks", name="jsonb_path_ops"), name="sensitive_marks")]

    def __str__(self):
        return str(self.person)
