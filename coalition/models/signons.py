"""Sign-ons: a round asks partners; each answers with a decision that names the version it read."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField

from .organizations import Organization, Representative
from .people import Person
from .publications import Publication, Version


class Round(models.Model):
    """One time of asking partners to sign one publication, until a deadline with a zone (rule G3)."""

    publication = models.ForeignKey(Publication, models.PROTECT, related_name="rounds")
    addressee = I18nCharField(_("addressed to"), max_length=250, blank=True)
    message = I18nTextField(_("message to partners"), blank=True)
    deadline = models.DateTimeField(_("deadline"))
    zone = models.CharField(_("time zone"), max_length=40, default=settings.TIME_ZONE)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    opened_at = models.DateTimeField(_("opened"), auto_now_add=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("sign-on round")
        verbose_name_plural = _("sign-on rounds")
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(fields=["publication"], condition=Q(closed_at=None), name="round_one_open")
        ]

    def __str__(self):
        return str(self.publication)

    @property
    def is_open(self):
        return self.closed_at is None and timezone.now() <= self.deadline


class Invitation(models.Model):
    """One representative asked in one round; the personal link points here."""

    round = models.ForeignKey(Round, models.CASCADE, related_name="invitations")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="invitations")
    # Empty once they no longer speak for it: that the organization was asked stands.
    representative = models.ForeignKey(Representative, models.SET_NULL, null=True, related_name="invitations")
    version = models.ForeignKey(
        Version, models.PROTECT, related_name="+", help_text=_("The version they were last asked about.")
    )
    nonce = models.CharField(max_length=22, unique=True, help_text=_("In the personal link; a new one revokes it."))
    invited_at = models.DateTimeField(_("invited"))
    seen_at = models.DateTimeField(_("seen"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [models.UniqueConstraint(fields=["round", "representative"], name="invitation_once")]

    def __str__(self):
        return f"{self.organization} · {self.round}"


class DecisionQuerySet(models.QuerySet):
    def live(self):
        return self.filter(live=True)

    def counted(self):
        """Without the late signatures that staff have not accepted (rule G3)."""
        return self.exclude(late=True, choice="sign", accepted=None).exclude(accepted=False)

    def waiting(self):
        """Late signatures that wait for staff: the partner has said nothing else since."""
        later = self.model.objects.filter(
            publication=OuterRef("publication"), organization=OuterRef("organization"), pk__gt=OuterRef("pk")
        )
        return self.filter(late=True, choice="sign", accepted=None).exclude(Exists(later))


class Decision(models.Model):
    """An appended answer. At most one is live per organization and publication (rule G4)."""

    class Choice(models.TextChoices):
        SIGN = "sign", _("Sign")
        SUPPORT = "support", _("Support quietly")
        ABSTAIN = "abstain", _("Abstain")
        DECLINE = "decline", _("Decline")
        WITHDRAW = "withdraw", _("Withdraw")

    publication = models.ForeignKey(Publication, models.PROTECT, related_name="decisions")
    version = models.ForeignKey(Version, models.PROTECT, related_name="decisions")
    round = models.ForeignKey(Round, models.PROTECT, null=True, blank=True, related_name="decisions")
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="decisions")
    invitation = models.ForeignKey(Invitation, models.SET_NULL, null=True, blank=True, related_name="decisions")
    choice = models.CharField(_("decision"), max_length=10, choices=Choice)
    signer = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="decisions")
    signer_name = models.CharField(_("name of the signer"), max_length=200)
    signer_title = models.CharField(_("title of the signer"), max_length=200, blank=True)
    attested = models.BooleanField(_("attested the authority to bind the organization"), default=False)
    language = models.CharField(_("language read"), max_length=10, choices=settings.LANGUAGES)
    reason = models.TextField(_("reason"), blank=True)
    late = models.BooleanField(_("after the deadline"), default=False)
    accepted = models.BooleanField(
        _("late answer accepted"), null=True, blank=True, help_text=_("Unknown while it waits for staff.")
    )
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    live = models.BooleanField(default=True)
    at = models.DateTimeField(_("when"))

    objects = DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["publication", "organization"], condition=Q(live=True), name="decision_one_live"
            ),
            models.CheckConstraint(condition=~Q(choice="sign") | Q(attested=True), name="decision_sign_is_attested"),
            models.CheckConstraint(
                condition=Q(live=False) | Q(late=False) | ~Q(choice="sign") | Q(accepted=True),
                name="decision_late_is_accepted",
            ),
        ]
        indexes = [
            models.Index(fields=["version", "choice"], condition=Q(live=True), name="decision_of_version"),
            models.Index(fields=["publication", "organization", "-id"], name="decision_history"),
        ]

    def __str__(self):
        return f"{self.organization} · {self.get_choice_display()}"
