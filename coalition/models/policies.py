"""What a partner decided once for many publications, and what it asks to be changed about itself."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField

from .organizations import Organization, Representative
from .people import Person
from .privacy import Topic


class Policy(models.Model):
    """How a partner wants to be asked. The organizer reads it before asking."""

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="policy")
    favours = models.ManyToManyField(Topic, blank=True, related_name="+", verbose_name=_("topics we favor"))
    never = models.ManyToManyField(Topic, blank=True, related_name="+", verbose_name=_("topics we never sign"))
    approvers = models.CharField(
        _("who must approve"),
        max_length=250,
        blank=True,
        help_text=_("Such as: the board, which meets each first Monday."),
    )
    lead_days = models.PositiveSmallIntegerField(_("days we need to decide"), null=True, blank=True)
    asks_a_month = models.PositiveSmallIntegerField(
        _("at most this many emails a month that ask us to sign"),
        null=True,
        blank=True,
        help_text=_("Empty: no limit."),
    )
    changed_at = models.DateTimeField(_("changed"), auto_now=True)
    changed_by = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("standing policy")
        verbose_name_plural = _("standing policies")

    def __str__(self):
        return str(self.organization)


class StandingAuthorizationQuerySet(models.QuerySet):
    def in_force(self, at=None):
        at = at or timezone.now()
        return self.filter(revoked_at=None, expires_on__gte=timezone.localdate(at))


class StandingAuthorization(models.Model):
    """An authorized person lets the coalition record signatures on named topics, until a day (an explicit act: G1)."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="authorizations")
    topics = models.ManyToManyField(Topic, related_name="+", verbose_name=_("topics"))
    with_logo = models.BooleanField(_("with our logo"), default=False)
    signer = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="authorizations")
    signer_name = models.CharField(_("name of the signer"), max_length=200)
    signer_title = models.CharField(_("title of the signer"), max_length=200, blank=True)
    attestation = models.TextField(_("what was attested, word for word"))
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    given_at = models.DateTimeField(_("given"))
    expires_on = models.DateField(_("valid until"))
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    revoked_by = models.CharField(_("revoked by"), max_length=200, blank=True)

    objects = StandingAuthorizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("standing authorization")
        verbose_name_plural = _("standing authorizations")
        ordering = ["-given_at", "-pk"]

    def __str__(self):
        return f"{self.organization} · {self.signer_name}"

    @property
    def is_in_force(self):
        return self.revoked_at is None and self.expires_on >= timezone.localdate()


class RoleChange(models.Model):
    """Somebody asks to change who speaks for a partner; a signatory or staff confirms before it holds (rule G1)."""

    class What(models.TextChoices):
        ADD = "add", _("Add")
        CHANGE = "change", _("Change")
        REMOVE = "remove", _("Remove")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        CONFIRMED = "confirmed", _("Confirmed")
        REFUSED = "refused", _("Refused")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="role_changes")
    what = models.CharField(_("what"), max_length=6, choices=What)
    representative = models.ForeignKey(
        Representative, models.CASCADE, null=True, blank=True, related_name="role_changes"
    )
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.EmailField(_("email"), blank=True)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, blank=True)
    role = models.CharField(_("role"), max_length=20, choices=Representative.Role, blank=True)
    title = I18nCharField(_("title"), max_length=120, blank=True)
    may_sign = models.BooleanField(_("may sign for the organization"), default=False)
    note = models.CharField(_("note"), max_length=300, blank=True)
    before = models.JSONField(
        default=dict, blank=True, editable=False
    )  # of "change": role, title, may_sign as they were
    undoes = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="objections")
    asked_by = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField(_("asked"), auto_now_add=True)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.WAITING)
    settled_by_person = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="+")
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("change of who speaks for it")
        verbose_name_plural = _("changes of who speaks for it")
        ordering = ["-asked_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["representative"], condition=Q(state="waiting"), name="role_change_waits_once"
            )
        ]

    def __str__(self):
        return f"{self.organization} · {self.get_what_display()}"
