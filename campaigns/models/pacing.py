"""How fast and on which days messages may leave."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField


class QuietDay(models.Model):
    """A day on which no bulk message leaves, in the coalition's own zone."""

    day = models.DateField(_("day"), unique=True)
    name = I18nCharField(_("name"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("quiet day")
        verbose_name_plural = _("quiet days")
        ordering = ["day"]

    def __str__(self):
        return f"{self.day} {self.name}"


class Pace(models.Model):
    """How much may leave through a provider, or to the mailboxes of one domain."""

    provider = models.CharField(
        _("provider"), max_length=40, blank=True, help_text=_("As EMAIL_PROVIDER names it. Empty: whichever sends.")
    )
    domain = models.CharField(
        _("recipients' domain"), max_length=190, blank=True, help_text=_("Such as gmail.com. Empty: all together.")
    )
    a_minute = models.PositiveIntegerField(_("a minute, at most"), null=True, blank=True)
    a_day = models.PositiveIntegerField(_("a day, at most"), null=True, blank=True)

    class Meta:
        verbose_name = _("pace")
        verbose_name_plural = _("paces")
        ordering = ["provider", "domain"]
        constraints = [models.UniqueConstraint(fields=["provider", "domain"], name="pace_once")]

    def __str__(self):
        return f"{self.provider or '*'} {self.domain or '*'}"


class WarmUp(models.Model):
    """A sending domain that is new to the mailbox providers: it writes to a few at first, to more each day."""

    domain = models.CharField(_("sending domain"), max_length=190, unique=True)
    began_on = models.DateField(_("first day"))
    steps = models.CharField(
        _("emails on each day"),
        max_length=300,
        default="200, 500, 1000, 2000, 5000, 10000, 20000, 40000, 80000",
        help_text=_("Separated by commas. After the last day there is no limit."),
    )

    class Meta:
        verbose_name = _("warm-up")
        verbose_name_plural = _("warm-ups")

    def __str__(self):
        return self.domain

    @property
    def numbers(self):
        """How many on the first day, the second, and so on."""
        return [int(number) for number in self.steps.split(",")]

    def most_on(self, day):
        """How many emails may leave on a day; None before the first day and after the last."""
        index = (day - self.began_on).days
        numbers = self.numbers
        return numbers[index] if 0 <= index < len(numbers) else None


class Allowance(models.Model):
    """What was used of a limit in one window of time. Locked while a claim counts against it."""

    key = models.CharField(max_length=250)
    window = models.DateTimeField()
    used = models.PositiveIntegerField(default=0)

    wagtail_reference_index_ignore = True

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "window"], name="allowance_once_a_window")]

    def __str__(self):
        return f"{self.key} {self.window:%Y-%m-%d %H:%M} {self.used}"
