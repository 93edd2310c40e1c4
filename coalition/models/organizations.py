"""Organizations of the coalition, and who speaks for them."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField

from .people import Person, fold


class Organization(models.Model):
    class Kind(models.TextChoices):
        CIVIL_RIGHTS = "civil_rights", _("Civil rights")
        UNION = "union", _("Union")
        MENTORING = "mentoring", _("Mentoring")
        FAMILIES = "families", _("Families")
        EDUCATION = "education", _("Education")
        COMMUNITY = "community", _("Community")
        FAITH = "faith", _("Faith")
        RESEARCH = "research", _("Research")

    class Scope(models.TextChoices):
        NATIONAL = "national", _("National")
        STATE = "state", _("Statewide")
        LOCAL = "local", _("Local")

    name = models.CharField(_("name"), max_length=200)
    printed_name = I18nCharField(
        _("printed name"), max_length=200, blank=True, help_text=_("As it stands under a publication, per language.")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    scope = models.CharField(_("scope"), max_length=10, choices=Scope)
    city = models.CharField(_("city"), max_length=100, blank=True)
    state = models.CharField(_("state"), max_length=2, blank=True)
    website = models.URLField(_("website"), blank=True)
    languages = models.JSONField(_("languages"), default=list, blank=True)
    is_partner = models.BooleanField(_("partner of the coalition"), default=True)
    search = models.CharField(max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        ordering = ["search"]
        constraints = [models.UniqueConstraint(fields=["search"], name="organization_once")]

    def __str__(self):
        return self.name

    def save(self, *args, **kwargs):
        self.search = fold(self.name)
        super().save(*args, **kwargs)

    def name_in(self, language):
        return (self.printed_name.localize(language) if self.printed_name else "") or self.name


class Representative(models.Model):
    """A person who speaks for an organization. Only those who *may sign* bind it (rule G1)."""

    class Role(models.TextChoices):
        SIGNATORY = "signatory", _("Signatory")
        DESIGNEE = "designee", _("Designee")
        COMMUNICATIONS = "communications", _("Communications")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="representatives")
    person = models.ForeignKey(Person, models.CASCADE, related_name="representations")
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.SIGNATORY)
    title = I18nCharField(_("title"), max_length=120, blank=True)
    may_sign = models.BooleanField(_("may sign for the organization"), default=True)
    since = models.DateField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("representative")
        verbose_name_plural = _("representatives")
        constraints = [models.UniqueConstraint(fields=["organization", "person"], name="representative_once")]

    def __str__(self):
        return f"{self.person} · {self.organization}"
