"""People, and the ways to reach them."""

import re

from anyascii import anyascii
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchQuery, SearchVector, SearchVectorExact
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Left, Reverse, Right, Upper
from django.utils.translation import gettext_lazy as _

_WORDS = re.compile(r"[a-z0-9]+")


def fold(text):
    """Without accents, case or doubled spaces: what search and sorting compare."""
    text = text or ""
    return " ".join((text if text.isascii() else anyascii(text)).lower().split())


def words_of(text):
    """The folded words of a text, without punctuation: "Núñez O'Brien" → ["nunez", "o", "brien"]."""
    return _WORDS.findall(fold(text))


RARE = 1_000  # people whom a search looks up one by one

# An email in words: PostgreSQL's parser would keep it in one piece.
PARTS = models.Func("value", models.Value("@._-+"), models.Value("     "), function="translate")


class PersonQuerySet(models.QuerySet):
    def present(self):
        return self.filter(binned_at=None)

    def binned(self):
        """Whom somebody put into the bin; who was merged into another is not for the bin to give back."""
        return self.filter(binned_at__isnull=False, merged_into=None)

    def search(self, words):
        """People whose name, email or phone holds these words: "garcia zo", "@example.org", "617-555", "maria 0142".

        A word is found by its beginning, in a name or inside an email; accents, case and punctuation do not count. A
        phone is found by its beginning (with or without the country's 1), by the digits after the area code, or by its
        end. Each way is one index scan.
        """
        chunks = [chunk for chunk in words.split() if words_of(chunk)]
        if not chunks:
            return self.none() if words.strip() else self
        numbers = [chunk for chunk in chunks if not any(map(str.isalpha, chunk))]
        emails = [chunk for chunk in chunks if chunk not in numbers and ("@" in chunk or "." in chunk.strip("."))]
        names = [chunk for chunk in chunks if chunk not in numbers + emails]
        if len(names) == 1:
            names, emails = [], emails + names  # a lone word may stand in either
        ways = [[_by_name(*names)]] if names else []
        ways += [[_by_name(chunk), _by_email(chunk)] for chunk in emails]
        if numbers:
            ways.append([_by_name(*numbers), *_by_phone("".join(c for c in "".join(numbers) if c.isdigit()))])
        people = self
        for named, *others in ways:
            people = people.filter(_holds(named, others))
        return people


def _holds(named, others):
    """The condition that a name or one of the addresses holds words.

    PostgreSQL cannot guess how rare a word is, and reads everybody to be safe. So whom a rare one finds is looked up
    first; of a common one, whoever leafs through the newest soon meets enough.
    """
    found = Person.objects.filter(named).order_by().values("pk").union(*others)
    keys = list(found[: RARE + 1].values_list("pk", flat=True))
    if len(keys) <= RARE:
        return Q(pk__in=keys)
    said = Q(named)
    for addresses in others:
        said |= Q(Exists(addresses.filter(person=OuterRef("pk"))))
    return said


def _by_name(*chunks):
    """That a name has words that begin with these. Apostrophes may be left out: "obrien" finds O'Brien."""
    said = []
    for chunk in chunks:
        whole, parts = "".join(words_of(chunk)), words_of(chunk)
        if len(parts) == 1 and len(whole) > 3 and whole[0] in "dlo":
            parts = [whole[0], whole[1:]]
        said.append(f"({whole}:* | {' & '.join(f'{part}:*' for part in parts)})")
    alone = len(said) == 1 and len(whole) == 1
    query = SearchQuery(whole if alone else " & ".join(said), search_type="raw", config="simple")
    return SearchVectorExact(SearchVector("search", config="simple"), query)


def _by_email(chunk):
    """People with an email in which words begin like the words of this, before or after its @."""
    words = words_of(chunk)
    query = SearchQuery(
        " & ".join(f"{word}:*" for word in words if len(word) > 1 or len(words) > 1), search_type="raw", config="simple"
    )
    emails = Address.objects.filter(channel=Address.Channel.EMAIL).alias(document=SearchVector(PARTS, config="simple"))
    return emails.filter(document=query).values("person")


def _by_phone(digits):
    """The ways to find a phone by some of its digits."""
    if len(digits) < 3:
        return []
    phones = Address.objects.filter(channel=Address.Channel.PHONE).alias(
        backwards=Reverse("value"), local=Right("value", 7)
    )
    parts = (
        Q(value__startswith=f"+{digits}"),
        Q(value__startswith=f"+1{digits}"),
        Q(local__startswith=digits),
        Q(backwards__startswith=digits[::-1]),
    )
    return [phones.filter(part).values("person") for part in parts]


class Person(models.Model):
    """Somebody the coalition knows. The name stands as they write it; parts serve greetings and matching."""

    name = models.CharField(_("full name"), max_length=200, blank=True)
    given_name = models.CharField(_("first name"), max_length=100, blank=True)
    family_name = models.CharField(_("last name"), max_length=100, blank=True)
    language = models.CharField(
        _("language"), max_length=10, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE
    )
    street = models.CharField(_("street address"), max_length=200, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    county = models.CharField(_("county"), max_length=60, blank=True)
    state = models.CharField(_("state"), max_length=2, blank=True)
    zip = models.CharField(_("ZIP code"), max_length=10, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=40, blank=True)
    is_minor = models.BooleanField(
        _("between 13 and 17"),
        default=False,
        db_default=False,
        help_text=_("Gets no texts and stands on no public list."),  # rule P2
    )
    tags = models.ManyToManyField("Tag", through="Tagging", related_name="people", verbose_name=_("tags"))
    custom = models.JSONField(_("fields"), default=dict, blank=True)  # {key of CustomField: value}
    search = models.CharField(max_length=300, blank=True, editable=False)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)
    last_active_at = models.DateTimeField(_("last active"), null=True, blank=True, editable=False)
    binned_at = models.DateTimeField(_("in the bin since"), null=True, blank=True, editable=False)
    binned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    merged_into = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, editable=False, related_name="merged_people"
    )
    asked_to_stay_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PersonQuerySet.as_manager()
    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["language", "state", "zip"], name="person_place"),
            models.Index(fields=["zip", "search"], name="person_zip"),  # in this order for imports by name and ZIP
            models.Index(Left("zip", 5), name="person_zip5"),  # without the digits after the dash, for segments
            models.Index(Upper("city"), name="person_city"),
            models.Index(Upper("county"), name="person_county"),
            models.Index(fields=["-created_at", "-id"], name="person_newest"),
            models.Index(fields=["search", "id"], name="person_alphabet"),
            models.Index(
                models.F("last_active_at").desc(nulls_last=True), models.F("id").desc(), name="person_last_active"
            ),
            models.Index(fields=["-binned_at"], condition=Q(binned_at__isnull=False), name="person_binned"),
            GinIndex(OpClass("custom", name="jsonb_path_ops"), name="person_custom"),
            GinIndex(SearchVector("search", config="simple"), name="person_search"),
        ]

    def __str__(self):
        return self.name or str(_("Name not known"))

    def save(self, *args, **kwargs):
        self.settle_name()
        if (fields := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*fields, "name", "search", "updated_at"}
        super().save(*args, **kwargs)

    def settle_name(self):
        """Keep what is derived from the name in step with it; bulk writes call it themselves."""
        self.name = self.name or f"{self.given_name} {self.family_name}".strip()
        self.search = " ".join(words_of(self.name))[:300]

    @property
    def greeting_name(self):
        return self.given_name or self.name

    def primary(self, channel):
        """The address to use on a channel, or None."""
        return next((a for a in self.addresses.all() if a.channel == channel and a.primary), None)

    @property
    def primary_email(self):
        return self.primary(Address.Channel.EMAIL)

    @property
    def primary_phone(self):
        return self.primary(Address.Channel.PHONE)


class AddressQuerySet(models.QuerySet):
    def at(self, channel, value):
        """Every record that holds this address: rule S4 counts per number, not per person."""
        return self.filter(channel=channel, value=value)

    def open(self):
        """Addresses that a bulk message may use."""
        return self.filter(consent=Address.Consent.GRANTED, fault=Address.Fault.NONE)


class Address(models.Model):
    """One way to reach a person. Families share: the same value may stand with several people."""

    class Channel(models.TextChoices):
        EMAIL = "email", _("Email")
        PHONE = "phone", _("Phone")

    class Consent(models.TextChoices):
        """Where the consent history of this address stands; kept here so that audiences are one index scan."""

        NONE = "none", _("Never asked")
        ASKED = "asked", _("Asked, not confirmed")
        GRANTED = "granted", _("Said yes")
        WITHDRAWN = "withdrawn", _("Said stop")

    class Fault(models.TextChoices):
        """Why nothing arrives. A changed address clears it; it never stands for a wish (rule S9)."""

        NONE = "", _("Works")
        BOUNCED = "bounced", _("Bounced")
        UNABLE = "unable", _("Cannot get texts")

    person = models.ForeignKey(Person, models.CASCADE, related_name="addresses")
    channel = models.CharField(_("channel"), max_length=5, choices=Channel)
    value = models.CharField(_("address"), max_length=254, help_text=_("Lower-cased email, or phone as +16175550100."))
    primary = models.BooleanField(_("primary"), default=True)
    consent = models.CharField(_("consent"), max_length=9, choices=Consent, default=Consent.NONE)
    consent_at = models.DateTimeField(_("consent since"), null=True, blank=True)
    fault = models.CharField(_("fault"), max_length=10, choices=Fault, default=Fault.NONE, blank=True)
    fault_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AddressQuerySet.as_manager()
    wagtail_reference_index_ignore = True

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        constraints = [
            models.UniqueConstraint(fields=["person", "channel", "value"], name="address_once_a_person"),
            models.UniqueConstraint(
                fields=["person", "channel"], condition=Q(primary=True), name="address_one_primary"
            ),
            models.CheckConstraint(
                condition=Q(channel="phone", value__startswith="+") | Q(channel="email", value__contains="@"),
                name="address_normalised",
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "value"],
                include=["person"],
                opclasses=["", "varchar_pattern_ops"],  # whole addresses, and how they begin
                name="address_value",
            ),
            models.Index(
                OpClass(Reverse("value"), name="text_pattern_ops"),
                condition=Q(channel="phone"),
                name="address_phone_end",
            ),
            models.Index(
                OpClass(Right("value", 7), name="text_pattern_ops"),
                condition=Q(channel="phone"),
                name="address_phone_local",
            ),
            GinIndex(SearchVector(PARTS, config="simple"), condition=Q(channel="email"), name="address_email_words"),
            models.Index(
                fields=["channel", "person"],
                condition=Q(consent="granted", fault="", primary=True),
                name="address_open",
            ),
        ]

    def __str__(self):
        return self.value

    @property
    def is_open(self):
        return self.consent == self.Consent.GRANTED and not self.fault


class ExternalId(models.Model):
    """What another system calls this person, so that a second import finds them again."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="external_ids")
    system = models.CharField(max_length=40)
    value = models.CharField(max_length=100)

    wagtail_reference_index_ignore = True

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "value"], name="external_id_once")]

    def __str__(self):
        return f"{self.system} {self.value}"
