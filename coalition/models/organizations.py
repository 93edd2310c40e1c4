"""Organizations of the coalition, and who speaks for them."""

import secrets

from django.conf import settings
from django.core.files.storage import storages
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Replace, Trim
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField

from .people import Person, fold


def alphabetical(folded):
    """What a folded name is sorted by (rule L3), for the database: the same as `languages.sort_key`."""

    def replaced(text, pattern, by, *flags):
        return Func(text, Value(pattern), Value(by), *map(Value, flags), function="regexp_replace")

    words = Trim(replaced(Replace(F(folded), Value("'"), Value("")), "[^a-z0-9]+", " ", "g"))
    return replaced(words, "^(the|el|la|los|las) (?=.)", "")


class Region(models.Model):
    """A part of the country as the coalition speaks of it, such as "Pioneer Valley" or "Greater Minnesota"."""

    name = I18nCharField(_("name"), max_length=80)
    slug = models.SlugField(max_length=80, unique=True, editable=False)
    state = models.CharField(_("state"), max_length=2, blank=True)
    position = models.PositiveSmallIntegerField(_("order"), default=0)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("region")
        verbose_name_plural = _("regions")
        ordering = ["position", "slug"]

    def __str__(self):
        return str(self.name)


class OrganizationQuerySet(models.QuerySet):
    def present(self):
        return self.filter(binned_at=None)

    def search(self, words):
        """Those whose name holds each of these words; accents and case do not count."""
        return self.filter(*(Q(search__contains=word) for word in fold(words).split()))

    def partners(self):
        return self.present().filter(stage=Organization.Stage.PARTNER)


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

    class Stage(models.TextChoices):
        """Where the partnership stands, in the order of the board."""

        IDENTIFIED = "identified", _("Identified")
        CONTACTED = "contacted", _("Contacted")
        CONVERSATION = "conversation", _("In conversation")
        PARTNER = "partner", _("Partner")
        PAUSED = "paused", _("Paused")
        LEFT = "left", _("Left")

    class Size(models.TextChoices):
        """How many people it speaks for."""

        SMALL = "small", _("Fewer than 50")
        MEDIUM = "medium", _("50 to 499")
        LARGE = "large", _("500 to 4,999")
        LARGEST = "largest", _("5,000 or more")

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
    size = models.CharField(_("people it speaks for"), max_length=8, choices=Size, blank=True)
    regions = models.ManyToManyField(Region, blank=True, related_name="organizations", verbose_name=_("regions"))
    constituencies = models.ManyToManyField(
        "Constituency", blank=True, related_name="organizations", verbose_name=_("constituencies served")
    )
    street = models.CharField(_("street address"), max_length=200, blank=True)
    zip = models.CharField(_("ZIP code"), max_length=10, blank=True)
    email = models.EmailField(_("email"), blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    stage = models.CharField(_("stage"), max_length=12, choices=Stage, default=Stage.PARTNER)
    stage_at = models.DateTimeField(_("at this stage since"), null=True, blank=True, editable=False)
    custom = models.JSONField(_("fields"), default=dict, blank=True)  # {key of CustomField: value}
    binned_at = models.DateTimeField(_("in the bin since"), null=True, blank=True, editable=False)
    merged_into = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="merged_from", editable=False
    )
    search = models.CharField(max_length=200, blank=True, editable=False)
    alphabetical = models.GeneratedField(
        expression=alphabetical("search"),
        output_field=models.CharField(max_length=200, db_collation="C"),
        db_persist=True,
        db_index=True,
    )
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        ordering = ["alphabetical", "pk"]
        indexes = [models.Index(fields=["stage", "search"], name="organization_stage")]
        constraints = [models.UniqueConstraint(fields=["search"], name="organization_once")]

    def __str__(self):
        return self.name

    def save(self, *args, **kwargs):
        self.search = fold(self.name)[:200]
        if self._state.adding:
            self.stage_at = self.stage_at or timezone.now()
        super().save(*args, **kwargs)

    @property
    def is_binned(self):
        return self.binned_at is not None

    @property
    def since(self):
        """When it came to where the partnership stands now."""
        return self.stage_at or self.created_at

    def name_in(self, language):
        return (self.printed_name.localize(language) if self.printed_name else "") or self.name


def new_nonce():
    return secrets.token_urlsafe(16)


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
    position = models.PositiveSmallIntegerField(
        _("asked in this order"), default=0, help_text=_("The next one is asked when nobody answers.")
    )
    nonce = models.CharField(max_length=22, default=new_nonce, editable=False)  # in desk links; a new one revokes them
    since = models.DateField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("representative")
        verbose_name_plural = _("representatives")
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["organization", "person"], name="representative_once")]

    def __str__(self):
        return f"{self.person} · {self.organization}"

    @property
    def merge_rank(self):
        """When two people turn out to be one, the role that may sign stands."""
        return self.may_sign


class Membership(models.Model):
    """That a person belongs to an organization: staff, members, parents. It binds nobody; a representative does."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="memberships", db_index=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=120, blank=True)
    since = models.DateTimeField(_("since"), auto_now_add=True)

    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [models.UniqueConstraint(fields=["organization", "person"], name="membership_once")]

    def __str__(self):
        return f"{self.person} · {self.organization}"

    @property
    def merge_rank(self):
        return bool(self.role)


def private_storage():
    return storages["private"]


class Agreement(models.Model):
    """What the coalition and an organization agreed on paper."""

    class Kind(models.TextChoices):
        MEMBERSHIP = "membership", _("Membership")
        MEMORANDUM = "memorandum", _("Memorandum of understanding")
        DATA = "data", _("Data sharing")
        OTHER = "other", _("Other")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="agreements")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    title = models.CharField(_("title"), max_length=150)
    signed_on = models.DateField(_("signed on"))
    ends_on = models.DateField(_("ends on"), null=True, blank=True)
    file = models.FileField(_("file"), storage=private_storage, upload_to="agreements/%Y", blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        ordering = ["-signed_on", "-pk"]

    def __str__(self):
        return self.title

    @property
    def days_left(self):
        """How many days it still runs; below zero once it has ended, None where it runs on."""
        return (self.ends_on - timezone.localdate()).days if self.ends_on else None


class LogoQuerySet(models.QuerySet):
    def usable(self, on=None):
        """Those that may be shown: with a yes of its own that holds, of an organization still with us (G6)."""
        on = on or timezone.localdate()
        return (
            self.filter(Q(expires_on=None) | Q(expires_on__gte=on), permitted_on__lte=on, organization__binned_at=None)
            .exclude(permitted_by="")
            .exclude(organization__stage=Organization.Stage.LEFT)
        )


class Logo(models.Model):
    """An organization's logo, with who allowed its use and until when (rule G6). Re-encoded when it comes in."""

    class State(models.TextChoices):
        USABLE = "usable", _("May be used")
        ENDED = "ended", _("The permission has ended")
        LATER = "later", _("The permission has not begun")
        UNASKED = "unasked", _("Nobody has allowed it")
        LEFT = "left", _("The organization has left")

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="logo")
    image = models.ImageField(
        _("logo"), storage=private_storage, upload_to="logos", width_field="width", height_field="height"
    )
    width = models.PositiveIntegerField(editable=False)
    height = models.PositiveIntegerField(editable=False)
    permitted_by = models.CharField(_("who allowed it"), max_length=150, blank=True)
    permitted_on = models.DateField(_("allowed on"), null=True, blank=True)
    expires_on = models.DateField(_("allowed until"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = LogoQuerySet.as_manager()

    class Meta:
        verbose_name = _("logo")
        verbose_name_plural = _("logos")

    def __str__(self):
        return str(self.organization)

    @property
    def state(self):
        """Whether it may be shown today, and if not, why; `usable()` asks the same of the database."""
        today = timezone.localdate()
        if not (self.permitted_by and self.permitted_on):
            return self.State.UNASKED
        if self.organization.is_binned or self.organization.stage == Organization.Stage.LEFT:
            return self.State.LEFT
        if self.expires_on and self.expires_on < today:
            return self.State.ENDED
        return self.State.LATER if self.permitted_on > today else self.State.USABLE

    @property
    def may_be_used(self):
        """A logo needs its own yes (rule G6)."""
        return self.state == self.State.USABLE


class OrganizationMerge(models.Model):
    """Two records of one organization became one. `record` holds what moved, so that it can be undone."""

    kept = models.ForeignKey(Organization, models.CASCADE, related_name="merges")
    other = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    record = models.JSONField(default=dict)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(_("when"), auto_now_add=True)
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)

    class Meta:
        verbose_name = _("merge of organizations")
        verbose_name_plural = _("merges of organizations")
        ordering = ["-at", "-pk"]

    def __str__(self):
        return f"{self.other} → {self.kept}"
