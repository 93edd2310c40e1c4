"""The roll: who stands under a frozen text, as it is printed everywhere: page, PDF, embedded list, export, snapshot.

By scope, alphabetical by the rules of each language (G5, L3), a logo only by its own yes (G6), late signatures that
staff accepted in an addendum (G3), who withdrew after delivery in a dated note (G7), persons only where printed (G8).
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import groupby
from operator import attrgetter

from django.db import connection
from django.utils import timezone
from django.utils.translation import get_language, gettext, override

from coalition import languages
from coalition.models import Decision, Endorsement, Handover, Installation, Logo, Organization, Version

Choice = Decision.Choice
# Of thousands of answers, what a roll reads: making whole objects of them takes longer than asking for them.
READ = [
    *("organization", "version", "choice", "late", "at", "settled_at", "with_logo", "signer_name", "signer_title"),
    *[f"organization__{name}" for name in ("name", "printed_name", "scope", "city", "state", "stage", "binned_at")],
    *[f"organization__logo__{name}" for name in ("organization", "image", "width", "height")],
    *[f"organization__logo__{name}" for name in ("permitted_by", "permitted_on", "expires_on")],
]


@dataclass(frozen=True)
class Line:
    """One organization that signed. `logo` where it said yes to it for this signature and its permission holds (G6).

    `signer` and `title` are empty unless the publication prints who signed (G8).
    """

    organization: Organization
    name: str
    signed_at: datetime
    logo: Logo | None = None
    signer: str = ""
    title: str = ""

    @cached_property
    def key(self):
        """What it is sorted by."""
        return languages.sort_key(self.name)

    @property
    def initial(self):
        """The letter that it stands under in a long list: "The Bridge Fund" under B, "100 Voices" under #."""
        return _initial(self.key)


@dataclass(frozen=True)
class Group:
    scope: str
    label: str
    lines: list

    @property
    def count(self):
        return len(self.lines)


@dataclass(frozen=True)
class Individual:
    name: str
    city: str = ""
    affiliation: str = ""

    @cached_property
    def key(self):
        return languages.sort_key(self.name)

    @property
    def initial(self):
        return _initial(self.key)


@dataclass(frozen=True)
class Withdrawal:
    """Who stood under the text when it was handed over, and no longer does (G7)."""

    name: str
    at: datetime
    individual: bool = False


@dataclass(frozen=True)
class Roll:
    """Everybody under one text, in one language. `count` holds the addendum too: the parts sum up to it."""

    version: Version
    language: str
    groups: list
    addendum: list
    withdrawals: list
    supporters: int
    individuals: list
    disclaimer: str
    delivered_at: datetime | None = None
    lines: list = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "lines", [line for group in self.groups for line in group.lines] + self.addendum)

    @property
    def count(self):
        return len(self.lines)

    @property
    def logos(self):
        """The lines that stand with their logo."""
        return [line for line in self.lines if line.logo]


def _initial(key):
    first = key[:1].upper()
    return first if first.isalpha() else "#"


def of(version, language=None, *, at=None):
    """The roll of a version in a language; `at` a moment, as it was then (an aware datetime). At most six queries."""
    language = language or get_language()
    publication = version.publication
    chain, family = _same_text(version)
    handovers = Handover.objects.filter(version__in=family)
    handed = sorted((handovers.filter(at__lte=at) if at else handovers).values_list("at", flat=True))
    signed, left, supporters = _where_they_stand(_said(publication, at), chain)
    on_time, addendum = {scope: [] for scope in Organization.Scope}, []
    for decision, in_time in signed:
        line = _line(decision, publication, language)
        (on_time[decision.organization.scope] if in_time else addendum).append(line)
    # One note for each, the latest: who signed once more after a note and left again is named once.
    noted = {row[0].organization_id: row for row in left if _handed_between(handed, *row[1:])}
    withdrawals = [
        Withdrawal(decision.organization.name_in(language), until) for decision, _since, until in noted.values()
    ]
    individuals, gone = _individuals(chain, handed, at)
    with override(language):
        groups = [
            Group(str(scope), str(scope.label), _alphabetical(lines)) for scope, lines in on_time.items() if lines
        ]
        disclaimer = _disclaimer(publication, language)
    return Roll(
        version=version,
        language=language,
        groups=groups,
        addendum=_alphabetical(addendum),
        withdrawals=sorted(withdrawals + gone, key=lambda note: (note.at, note.name)),
        supporters=supporters,
        individuals=individuals,
        disclaimer=disclaimer,
        delivered_at=handed[0] if handed else None,
    )


def _alphabetical(lines):
    return sorted(lines, key=lambda line: (line.key, line.name))


def counts(publication):
    """{version id: how many organizations stand under it} of every version, with two queries."""
    said, chain, found = _said(publication), set(), {}
    for version in publication.versions.order_by("number"):
        chain = {version.pk} if version.material else chain | {version.pk}
        found[version.pk] = len(_where_they_stand(said, chain)[0])
    return found


def _same_text(version):
    """Ids of the versions whose signatures stand under this one, and of all that say the same in substance: back to the
    last material one, and on to the next. Handed over was the text, whichever small correction it had (G7).
    """
    chain, family = set(), set()
    for pk, number, material in version.publication.versions.order_by("number").values_list("pk", "number", "material"):
        if material and number > version.number:
            break
        if material:
            chain, family = set(), set()
        family.add(pk)
        if number <= version.number:
            chain.add(pk)
    return chain, family


def _said(publication, at=None):
    """What organizations said on a publication, by organization and in its order."""
    said = Decision.objects.counted().filter(publication=publication).select_related("organization__logo").only(*READ)
    if at:
        said = said.filter(at__lte=at).exclude(late=True, choice=Choice.SIGN, settled_at__gt=at)
    return list(said.order_by("organization_id", "pk"))


def _where_they_stand(said, chain):
    """Of what was said on the text of these versions: who signs [(the signature, in time)], who signed and left
    [(the signature, since, until)], how many support it quietly.

    A withdrawal counts on every version (G7); any other answer only on the text that it was given on.
    """
    signed, left, supporters = [], [], 0
    for _organization, theirs in groupby(said, key=attrgetter("organization_id")):
        standing, since, in_time, gone, last = None, None, False, [], None
        for decision in theirs:
            if decision.version_id not in chain and decision.choice != Choice.WITHDRAW:
                continue
            last = decision.choice
            if last == Choice.SIGN:
                # Signing once more after the deadline, to add a logo, does not make an early signature late.
                in_time = in_time or not decision.late
                since = since or (decision.settled_at if decision.late else decision.at)
                standing = decision
            elif standing is not None:
                gone.append((standing, since, decision.at))
                standing, since, in_time = None, None, False
        if standing is not None:
            signed.append((standing, in_time))
        else:
            left += gone
        supporters += last == Choice.SUPPORT
    return signed, left, supporters


def _line(decision, publication, language):
    organization, named = decision.organization, publication.prints_signers
    logo = getattr(organization, "logo", None) if decision.with_logo else None
    return Line(
        organization=organization,
        name=organization.name_in(language),
        signed_at=decision.at,
        logo=logo if logo and logo.may_be_used else None,
        signer=decision.signer_name if named else "",
        title=decision.signer_title if named else "",
    )


def _handed_between(handed, since, until):
    return any(since <= moment < until for moment in handed)


def _individuals(chain, handed, at):
    """Individuals who confirmed and still stand, in alphabetical order, and the notes of those who left."""
    confirmed = Endorsement.objects.filter(version__in=chain, late=False, confirmed_at__isnull=False).exclude(name="")
    confirmed = confirmed.exclude(person__is_minor=True)  # rule P2
    if at:
        confirmed = confirmed.filter(confirmed_at__lte=at)
    standing, gone = [], []
    for name, city, affiliation, since, until in confirmed.values_list(
        "name", "city", "affiliation", "confirmed_at", "withdrawn_at"
    ):
        if until is None or (at and until > at):
            standing.append(Individual(name, city, affiliation))
        elif _handed_between(handed, since, until):
            gone.append(Withdrawal(name, until, individual=True))
    return _alphabetical(standing), gone


def _disclaimer(publication, language):
    own = publication.disclaimer.localize(language) if publication.disclaimer else ""
    if own.strip():
        return own
    general = Installation.get().disclaimer
    usual = general.localize(language) if general else ""
    return usual.strip() or gettext(
        "Each partner decides, publication by publication, whether to sign. Not every partner endorses every word."
    )


STATE = """
SELECT md5(concat_ws('/', %(day)s::text, p.kind, p.bill, p.public_url, p.prints_signers, p.disclaimer,
  (SELECT max(v.number) FROM coalition_version v WHERE v.publication_id = p.id),
  (SELECT i.disclaimer FROM coalition_installation i),
  (SELECT string_agg(concat_ws(',', h.id, h.version_id, h.at), ';' ORDER BY h.id)
     FROM coalition_handover h WHERE h.publication_id = p.id),
  (SELECT string_agg(concat_ws(',', d.id, d.accepted, d.settled_at, d.signer_name, d.signer_title, o.id, o.name,
                               o.printed_name, o.scope, o.binned_at, o.stage, l.image, l.permitted_by, l.permitted_on,
                               l.expires_on), ';' ORDER BY d.id)
     FROM coalition_decision d JOIN coalition_organization o ON o.id = d.organization_id
     LEFT JOIN coalition_logo l ON l.organization_id = o.id AND d.with_logo WHERE d.publication_id = p.id),
  (SELECT string_agg(concat_ws(',', e.id, e.version_id, e.name, e.city, e.affiliation, e.confirmed_at, e.withdrawn_at,
                               i.is_minor), ';' ORDER BY e.id)
     FROM coalition_endorsement e LEFT JOIN coalition_person i ON i.id = e.person_id
     WHERE e.publication_id = p.id AND e.confirmed_at IS NOT NULL)))
FROM coalition_publication p WHERE p.id = %(publication)s
"""


def state(publication):
    """A short word that is another one whenever a roll of this publication would read otherwise: what caches go by.

    One query, and no list is built. The day is part of it, because permissions for logos begin and end by days (G6).
    """
    with connection.cursor() as cursor:
        cursor.execute(STATE, {"day": timezone.localdate(), "publication": publication.pk})
        return cursor.fetchone()[0][:16]
