"""What one installation says of itself, the thresholds an administrator may change, and the pulse of its beat."""

import hashlib
from datetime import time
from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField
from i18nfield.strings import LazyI18nString

SHARE = [MinValueValidator(0), MaxValueValidator(100)]
# What 501(c)(3) organizations keep out of what they write (rule A3). A first list; an administrator changes it.
PARTISAN_WORDS = """\
Democrat
Democrats
Democratic candidate
Republican
Republicans
Republican candidate
GOP
re-elect
vote them out
campaign contribution
campaign donation
demócrata
demócratas
republicano
republicanos
republicana
reelija
reelegir
candidato demócrata
candidato republicano
aporte de campaña"""


class Installation(models.Model):
    """One row: the coalition that runs this copy. Thresholds are data (rules S7, S9, E4), never constants in code."""

    name = I18nCharField(_("name of the coalition"), max_length=200)
    short_name = I18nCharField(
        _("short name"), max_length=60, help_text=_("Opens every text: keep it under 20 characters.")
    )
    postal_address = models.CharField(
        _("postal address"), max_length=250, help_text=_("Stands at the foot of every bulk email, as the law asks.")
    )
    email = models.EmailField(_("email address"))
    phone = models.CharField(_("phone number"), max_length=20, blank=True)
    text_programme = I18nCharField(
        _("text programme"), max_length=120, blank=True, help_text=_("Named when people agree to texts.")
    )
    texts_a_month = models.PositiveSmallIntegerField(_("texts a month, at most"), default=4)
    brand_colour = models.CharField(
        _("brand colour"), max_length=7, default="#0E4A50", validators=[RegexValidator(r"^#[0-9A-Fa-f]{6}$")]
    )
    disclaimer = I18nTextField(
        _("disclaimer on publications"),
        blank=True,
        help_text=_("Says that not every partner endorses every word (shown under the list of who signed)."),
    )

    email_wording = I18nTextField(
        _("wording beside the email box"), blank=True, help_text=_("Kept with each consent, word for word.")
    )
    text_wording = I18nTextField(_("wording beside the text box"), blank=True)

    quiet_until = models.TimeField(_("texts not before"), default=time(9))
    quiet_from = models.TimeField(_("texts not after"), default=time(20))
    quiet_until_sunday = models.TimeField(_("on Sundays not before"), default=time(12))
    soft_bounces = models.PositiveSmallIntegerField(_("soft bounces that close an address"), default=5)
    soft_bounce_days = models.PositiveSmallIntegerField(_("counted over days"), default=30)
    lost_numbers = models.PositiveSmallIntegerField(
        _("reports of an unknown number that close it"),
        default=2,
        help_text=_("Twilio 30005, counted over the days above."),
    )
    silent_phones = models.PositiveSmallIntegerField(
        _("messages in a row that a phone misses before we stop"), default=3, help_text=_("Twilio 30003.")
    )
    blocked_numbers = models.PositiveSmallIntegerField(
        _("reports of a blocked number that close it"), default=2, help_text=_("Twilio 30004.")
    )
    filtered_percent = models.PositiveSmallIntegerField(
        _("percent of texts filtered by carriers that pause a message"), default=10, help_text=_("Twilio 30007, 30034.")
    )
    emails_at_most = models.PositiveSmallIntegerField(
        _("bulk emails to one person, at most"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    emails_in_days = models.PositiveSmallIntegerField(_("within days"), default=7, validators=[MinValueValidator(1)])
    hours_between = models.PositiveSmallIntegerField(
        _("hours between two messages to the same people"),
        default=24,
        help_text=_("The sending calendar warns of closer ones."),
    )
    second_reader = models.BooleanField(
        _("somebody else approves each bulk message"),
        default=False,
        help_text=_("Whoever wrote it last cannot approve it."),
    )
    breaker_after = models.PositiveIntegerField(
        _("sent messages after which sending may stop by itself"), default=200, validators=[MinValueValidator(20)]
    )
    breaker_bounces = models.DecimalField(
        _("percent that bounce, at most"), max_digits=4, decimal_places=1, default=5, validators=SHARE
    )
    breaker_complaints = models.DecimalField(
        _("percent marked as spam, at most"), max_digits=4, decimal_places=1, default=Decimal("0.3"), validators=SHARE
    )
    breaker_unsubscribes = models.DecimalField(
        _("percent that unsubscribe, at most"), max_digits=4, decimal_places=1, default=3, validators=SHARE
    )
    follow_links = models.BooleanField(
        _("count who follows links in emails"), default=True, help_text=_("Links then lead through this site.")
    )
    count_opens = models.BooleanField(
        _("count which emails load their pictures"),
        default=False,
        help_text=_(
            "Each email then ends with an invisible picture of this site. Many mail programs load pictures by "
            "themselves and others never do: the number tells of programs more than of people, and decides nothing "
            "here."
        ),
    )
    reading_ease = models.PositiveSmallIntegerField(
        _("reading ease below which a message is called hard to read"),
        default=50,
        validators=[MaxValueValidator(100)],
        help_text=_("Flesch (English), Fernández Huerta (Spanish): 60 to 70 is plain language."),
    )
    partisan_words = models.TextField(
        _("words that may be partisan"),
        default=PARTISAN_WORDS,
        blank=True,
        help_text=_("One a line. A message that holds one is asked about before it leaves."),
    )
    personal_link_days = models.PositiveSmallIntegerField(
        _("days a personal link is valid"), default=60, validators=[MaxValueValidator(366)]
    )

    days_before_official = models.PositiveSmallIntegerField(
        _("days between our deadline and the official one"),
        default=3,
        help_text=_("Proposed for a new sign-on round: time to gather late answers and print."),
    )
    asks_a_month = models.PositiveSmallIntegerField(
        _("emails a month that ask one partner to sign, at most"),
        null=True,
        blank=True,
        help_text=_("For partners that set no limit of their own. Empty: no limit."),
    )

    inactive_months = models.PositiveSmallIntegerField(
        _("months without a sign of life"), null=True, blank=True, help_text=_("Empty: nobody is asked or anonymised.")
    )
    inactive_then = models.CharField(
        _("then"),
        max_length=9,
        default="ask",
        choices=[("ask", _("ask whether they want to stay, then anonymise")), ("anonymise", _("anonymise at once"))],
    )
    answer_days = models.PositiveSmallIntegerField(_("days to answer whether they want to stay"), default=30)
    bin_days = models.PositiveSmallIntegerField(
        _("days in the bin before somebody is erased"), null=True, blank=True, help_text=_("Empty: never.")
    )
    second_factor = models.BooleanField(
        _("staff must use a second factor"), default=False, help_text=_("A code from an app at each sign-in.")
    )

    merge_certain = models.BooleanField(
        _("merge certain duplicates without asking"),
        default=False,
        help_text=_("Same email, same full name, and nothing that speaks against it."),
    )

    class Meta:
        verbose_name = _("coalition settings")
        verbose_name_plural = _("coalition settings")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_installation")]

    def __str__(self):
        return str(self.name)

    def save(self, *args, **kwargs):
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def get(cls):
        unnamed = LazyI18nString("Coalition")
        return cls.objects.filter(pk=1).first() or cls(pk=1, name=unnamed, short_name=unnamed)

    @property
    def digest(self):
        """SHA-256 (hex) that its own quilt is drawn from."""
        return hashlib.sha256(self.name.localize("en").encode()).hexdigest() if self.name else "0" * 64


class Heartbeat(models.Model):
    """When a part of the machine last showed life; /healthz reads it."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self):
        return self.name
