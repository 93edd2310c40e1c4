"""What the public reads of a publication: a text as it was frozen, who stands under it, and where all of it is found.

A page of the site shows a publication, or it stands alone at an address of its own; both read the same, from here.
"""

from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import override

from coalition import logos, papers, quilt, rasterising, roll
from coalition.models import Publication, Round, Version, VersionText

SHORT = 24  # as many names stand beside the text; more get a place of their own below it
LETTERS = 60  # from so many names on, a group is set letter by letter
SHARED = (1200, 600)  # pixels of the picture that goes with a shared link
CONTEXT = "https://schema.org"


@dataclass
class Reading:
    """One frozen version, as it is read in one language. The roll is called only when somebody looks at it."""

    publication: Publication
    version: Version
    versions: list  # newest first, without their texts
    language: str
    letters_from = LETTERS

    @cached_property
    def text(self):
        return self.version.text_in(self.language)

    @cached_property
    def roll(self):
        return roll.of(self.version, self.language)

    @cached_property
    def state(self):
        """What a kept copy of the list is kept under: see `roll.state`."""
        return roll.state(self.publication)

    @property
    def newest(self):
        return self.versions[0]

    @property
    def current(self):
        return self.version == self.newest

    @property
    def replaced_materially(self):
        """Whether a later version asks for signatures of its own (rule G2)."""
        return any(later.material for later in self.versions if later.number > self.version.number)

    @property
    def is_short(self):
        """Whether the names find room beside the text."""
        found = self.roll
        return len(found.lines) + len(found.individuals) <= SHORT and not found.logos

    @property
    def is_marked(self):
        """Whether everybody has a mark: where some stand with their logo, the others have a quilt of their own."""
        return bool(self.roll.logos) and self.roll.count <= LETTERS

    @cached_property
    def for_individuals(self):
        """The round in which people sign for themselves, or None."""
        return for_individuals(self.publication) if self.current else None

    @cached_property
    def address(self):
        """Where the newest version is read, absolute."""
        return address(self.publication, self.language)

    @property
    def picture_address(self):
        """The quilt as a picture, absolute: what a shared link shows."""
        return settings.PUBLIC_URL + reverse("publication_picture", args=[self.publication.pk, self.version.number])

    @cached_property
    def version_address(self):
        return address(self.publication, self.language, None if self.current else self.version.number)


def of(publication, language, number=None):
    """A version as it is read: the newest, or the one of this number. None where there is no such version."""
    versions = list(publication.versions.order_by("-number"))
    for version in versions:
        version.publication = publication
    version = next((each for each in versions if number in (None, each.number)), None)
    return Reading(publication, version, versions, language) if version else None


def for_individuals(publication, at=None):
    """The open round in which individuals may sign, or None. After its deadline they no longer can."""
    at = at or timezone.now()
    open_now = Round.objects.filter(publication=publication, individuals=True, closed_at=None, deadline__gte=at)
    return open_now.first()


def slug_of(publication, language):
    """What stands in an address beside the number, for readers."""
    return slugify(publication.title.localize(language))[:60].strip("-") or publication.kind


def path(publication, language, number=None):
    """The path of a publication that stands alone, or of one version of it."""
    with override(language):
        base = reverse("publication_page", args=[publication.pk, slug_of(publication, language)])
    return f"{base}versions/{number}/" if number else base


def address(publication, language, number=None):
    """Where the world reads a publication, or one version of it, in a language; empty while it is not public."""
    if publication.stand_alone:
        return settings.PUBLIC_URL + path(publication, language, number) if publication.shown_at else ""
    base = publication.public_url.localize(language) if publication.public_url else ""
    return f"{base}versions/{number}/" if base and number else base


def newest_stand_alone(language, limit=None):
    """Publications that stand alone and are public, newest first, each with `cover` (its text in a language), `url`
    and `date`; for the lists of the site. Two queries.
    """
    shown = list(Publication.objects.public().filter(stand_alone=True).order_by("-shown_at", "-pk")[:limit])
    texts = (
        VersionText.objects.filter(language=language, version__publication__in=shown)
        .select_related("version")
        .defer("html", "canonical", "sketch")
        .order_by("version__publication_id", "-version__number")
        .distinct("version__publication_id")
    )
    covers = {text.version.publication_id: text for text in texts}
    for publication in shown:
        publication.cover = covers.get(publication.pk)
        publication.url = path(publication, language)
        publication.date = timezone.localdate(publication.shown_at)
    return [publication for publication in shown if publication.cover]


# Papers


def kept_paper(version, language):
    """The PDF of a version as it was drawn for what the list says now, or None where it has to be drawn."""
    try:
        with storages["private"].open(_name_of_paper(version, language)) as file:
            return file.read()
    except FileNotFoundError:  # never drawn, or outdated by the next one a moment ago
        return None


def paper(version, language):
    """Draw the PDF of a version with who stands under it now, and keep it for the next reader. Raises Unavailable."""
    kept, name = storages["private"], _name_of_paper(version, language)
    pdf = papers.publication_pdf(version, language)
    folder = name.rpartition("/")[0]
    outdated = kept.listdir(folder)[1] if kept.exists(folder) else []
    kept.save(name, ContentFile(pdf))
    for other in outdated:
        kept.delete(f"{folder}/{other}")
    return pdf


def _name_of_paper(version, language):
    return f"papers/{version.pk}-{language}/{roll.state(version.publication)}.pdf"


def picture(version):
    """The quilt of a version as PNG bytes of SHARED pixels, drawn once. Raises rasterising.Failed."""
    key = f"quilt-{version.digest}"
    if (kept := cache.get(key)) is None:
        width, height = SHARED
        svg = quilt.quilt_svg(version.digest, 16, 8).replace("<svg ", f'<svg width="{width}" height="{height}" ', 1)
        kept = rasterising.png_of(svg)
        cache.set(key, kept, 30 * 86400)
    return kept


# For machines


def signers(reading):
    """Who stands under a version, for a page elsewhere: plain values, in the reader's language."""
    found, version = reading.roll, reading.version

    def said(line):
        more = {"logo": settings.PUBLIC_URL + logos.url_of(line.logo)} if line.logo else {}
        more |= {"signer": line.signer, "title": line.title} if line.signer else {}
        return {"name": line.name, **more}

    return {
        "publication": {
            "title": reading.text.title,
            "kind": str(reading.publication.get_kind_display()),
            "url": reading.version_address,
        },
        "version": {
            "number": version.number,
            "sha256": version.digest,
            "frozen": version.frozen_at.isoformat(),
            "current": reading.current,
        },
        "language": reading.language,
        "count": found.count,
        "groups": [
            {
                "scope": group.scope,
                "label": group.label,
                "count": group.count,
                "signers": [said(line) for line in group.lines],
            }
            for group in found.groups
        ],
        "addendum": [said(line) for line in found.addendum],
        "withdrawn": [{"name": note.name, "on": note.at.isoformat()} for note in found.withdrawals],
        "supporters": found.supporters,
        "individuals": [
            {"name": each.name, "city": each.city, "for_identification_only": each.affiliation}
            for each in found.individuals
        ],
        "disclaimer": found.disclaimer,
    }


def structured(reading, publisher):
    """The page for search engines, as JSON-LD: the text, and an EndorseAction of all who signed it.

    schema.org knows no list of signatories; https://schema.org/EndorseAction is what it says of who stands behind a
    text.
    """
    publication, version, found = reading.publication, reading.version, reading.roll
    reports = (Publication.Kind.BRIEF, Publication.Kind.REPORT)
    kind = "Report" if publication.kind in reports else "CreativeWork"
    work = {
        "@type": kind,
        "@id": reading.version_address,
        "url": reading.version_address,
        "name": reading.text.title,
        "abstract": reading.text.summary,
        "inLanguage": reading.text.language,
        "version": version.number,
        "datePublished": version.frozen_at.isoformat(),
        "identifier": {"@type": "PropertyValue", "propertyID": "SHA-256", "value": version.digest},
        "publisher": {"@type": "Organization", "name": publisher, "url": settings.PUBLIC_URL},
        "interactionStatistic": {
            "@type": "InteractionCounter",
            "interactionType": {"@type": "EndorseAction"},
            "userInteractionCount": found.count + len(found.individuals),
        },
    }
    others = [code for code, _name in settings.LANGUAGES if code != reading.text.language]
    number = None if reading.current else version.number
    if translations := [(code, address(publication, code, number)) for code in others]:
        work["workTranslation"] = [{"@type": kind, "@id": url, "inLanguage": code} for code, url in translations if url]
    agents = [{"@type": "Organization", "name": line.name} for line in found.lines]
    agents += [{"@type": "Person", "name": each.name} for each in found.individuals]
    signed = {"@type": "EndorseAction", "agent": agents, "object": {"@id": reading.version_address}}
    return {"@context": CONTEXT, "@graph": [work, signed] if agents else [work]}
