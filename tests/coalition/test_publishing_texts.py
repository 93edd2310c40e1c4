"""Texts without a page: written, kept, cleaned, settled, shown; nothing of two writers is lost."""

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError

from coalition import publishing
from coalition.models import AuditLine, Publication, Topic
from tests import factories

from . import reports
from .signons import asked, open_round, sign

DRAFT = {
    "en": {"title": "Letter on coaches", "summary": "Fund them", "html": "<h2>Why</h2><p>One per school.</p>"},
    "es": {"title": "Carta sobre asesores", "summary": "Páguenlos", "html": "<h2>Por qué</h2><p>Uno por escuela.</p>"},
}
CLERICAL = {"material": False, "note": {"en": "A year.", "es": "Un año."}}


def changed(**html):
    return {code: parts | ({"html": html[code]} if code in html else {}) for code, parts in DRAFT.items()}


@pytest.fixture
def letter(installation, editor):
    return publishing.add(DRAFT, by=editor, kind="letter", bill="H. 512")


@pytest.fixture
def signed(letter, editor):
    """The letter, frozen and signed by one organization."""
    publishing.freeze_draft(letter, by=editor)
    sign(asked(open_round(letter, editor)))
    return letter


def fresh(publication):
    return Publication.objects.get(pk=publication.pk)


def lines(publication):
    held = AuditLine.objects.filter(subject="coalition.publication", subject_id=str(publication.pk)).order_by("pk")
    return [(line.action, line.details) for line in held]


# Cleaning

WORD = """<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><title>Doc</title>
<style>p.x{color:red}</style></head><body lang=ES-US><h1 style='mso-outline-level:1'>What we ask<o:p></o:p></h1>
<p class=MsoNormal style='margin:0cm'><span lang=EN-US style='font-family:"Comic Sans MS"'>One <b
style='mso-bidi'>coach</b> each</span></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><!--[if gte mso 9]><xml>settings</xml>
<![endif]--><div>And <i>so</i> on</div><script>alert(1)</script><p onclick="x()"><img src=x onerror=y>See
<a href="javascript:z()">this</a>, <a href="#top">that</a>, <a href="/en/briefs/">ours</a></p><ul><li></li></ul></body>
</html>"""


def test_what_word_puts_around_the_words_goes_and_the_words_stay():
    assert " ".join(publishing.written(WORD).split()) == (
        "<h2>What we ask</h2> <p>One <b>coach</b> each</p><p>And <i>so</i> on</p>"
        '<p>See <a rel="noopener">this</a>, <a rel="noopener">that</a>, '
        f'<a href="{settings.PUBLIC_URL}/en/briefs/" rel="noopener">ours</a></p>'
    )


def test_cleaning_twice_changes_nothing():
    once = publishing.written(WORD)
    assert publishing.written(once) == once


# Writing


def test_a_draft_is_kept_in_every_language_and_nothing_is_frozen(letter):
    kept = fresh(letter)
    assert (kept.draft, kept.stand_alone, kept.shown_at) == (DRAFT, True, None)
    assert (kept.kind, kept.bill, kept.title.data) == (
        "letter",
        "H. 512",
        {"en": "Letter on coaches", "es": "Carta sobre asesores"},
    )
    assert kept.current_version is None
    assert lines(letter) == [("edit", {"did": "added"})]


def test_a_language_can_wait_but_a_title_cannot(installation, editor):
    half = publishing.add({"es": DRAFT["es"]}, by=editor)
    assert fresh(half).title.data == {"es": "Carta sobre asesores"}
    assert publishing.unfinished(publishing.texts_of(half), "en") == ["en"]
    with pytest.raises(ValidationError, match="Write a title"):
        publishing.add({"en": {"html": "<p>Words</p>"}}, by=editor)


def test_two_writers_at_once_lose_nothing(letter, editor):
    mark = publishing.mark_of(letter.draft)
    assert publishing.edit(letter, by=editor, draft=changed(en="<p>Theirs.</p>"), seen=mark) == ["text"]
    with pytest.raises(publishing.Overtaken) as overtaken:
        publishing.edit(letter, by=editor, draft=changed(en="<p>Mine.</p>"), seen=mark)
    assert overtaken.value.draft["en"]["html"] == "<p>Theirs.</p>"
    assert fresh(letter).draft["en"]["html"] == "<p>Theirs.</p>"
    publishing.edit(letter, by=editor, draft=changed(en="<p>Mine.</p>"), seen=publishing.mark_of(overtaken.value.draft))
    assert fresh(letter).draft["en"]["html"] == "<p>Mine.</p>"


def test_keeping_what_is_there_already_says_and_records_nothing(letter, editor):
    assert publishing.edit(letter, by=editor, draft=DRAFT, kind="letter", bill="H. 512", topics=[]) == []
    assert lines(letter) == [("edit", {"did": "added"})]


def test_the_text_of_a_page_is_not_written_here(publication, editor):
    with pytest.raises(ValueError, match="on its page"):
        publishing.edit(publication, by=editor, draft=DRAFT)
    assert publishing.edit(publication, by=editor, kind="letter", bill="H. 1") == []


def test_settings_are_kept_and_the_audit_names_them_without_their_words(letter, editor):
    topic = Topic.objects.create(slug="reading", name={"en": "Reading", "es": "Lectura"})
    said = {"en": "Not every word.", "es": "No cada palabra."}
    assert publishing.edit(letter, by=editor, topics=[topic], disclaimer=said, prints_signers=True) == [
        "disclaimer",
        "prints_signers",
        "topics",
    ]
    kept = fresh(letter)
    assert (kept.disclaimer.data, kept.prints_signers, list(kept.topics.all())) == (said, True, [topic])
    assert lines(letter)[-1] == (
        "edit",
        {"did": "changed", "fields": ["disclaimer", "prints_signers", "topics"]},
    )


def test_G8_names_of_people_are_not_printed_behind_the_back_of_who_signed(signed, editor):
    with pytest.raises(ValidationError) as refused:
        publishing.edit(signed, by=editor, prints_signers=True, authoritative_language="es", bill="H. 600")
    assert set(refused.value.error_dict) == {"prints_signers", "authoritative_language"}
    assert (fresh(signed).prints_signers, fresh(signed).bill) == (False, "H. 512")
    publishing.edit(signed, by=editor, draft=changed(en="<p>Two per school.</p>"))
    publishing.freeze_draft(signed, by=editor, note="More")  # everybody is asked again, and told what is printed
    assert publishing.edit(signed, by=editor, prints_signers=True) == ["prints_signers"]
    assert publishing.edit(signed, by=editor, prints_signers=False) == ["prints_signers"]


# Freezing a draft


def test_a_draft_is_frozen_as_it_stands_and_named_after_its_text(letter, editor):
    publishing.freeze_draft(letter, by=editor)
    publishing.edit(letter, by=editor, draft=DRAFT | {"en": DRAFT["en"] | {"title": "Letter on reading coaches"}})
    assert fresh(letter).title.data["en"] == "Letter on coaches"  # what is frozen is what it is called
    second = publishing.freeze_draft(letter, by=editor, **CLERICAL)
    assert fresh(letter).title.data["en"] == "Letter on reading coaches"
    assert [(t.language, t.title, t.html) for t in second.texts.order_by("language")] == [
        ("en", "Letter on reading coaches", DRAFT["en"]["html"]),
        ("es", "Carta sobre asesores", DRAFT["es"]["html"]),
    ]
    assert second.note.data == CLERICAL["note"]


@pytest.mark.parametrize(
    ("spanish", "why"),
    [
        (None, "not complete in Spanish"),
        ({"title": "Carta", "summary": "", "html": ""}, "not complete in Spanish"),
        ({"title": "", "summary": "", "html": "<p>Uno por escuela.</p>"}, "not complete in Spanish"),
        (DRAFT["en"], "not complete in Spanish"),
    ],
    ids=["none", "a title only", "no title", "a copy of the English"],
)
def test_L2_every_language_is_whole_or_freezing_is_refused(installation, editor, spanish, why):
    letter = publishing.add({"en": DRAFT["en"]} | ({"es": spanish} if spanish else {}), by=editor)
    with pytest.raises(ValidationError, match=why):
        publishing.freeze_draft(letter, by=editor)
    assert not letter.versions.exists()


def test_G2_what_was_judged_is_what_gets_frozen(letter, editor):
    seen = (0, publishing.digest_of(publishing.texts_of(letter)))
    publishing.edit(letter, by=editor, draft=changed(en="<p>Two per school.</p>"))
    with pytest.raises(ValidationError) as refused:
        publishing.freeze_draft(letter, by=editor, seen=seen)
    assert refused.value.code == "changed"
    seen = (0, publishing.digest_of(publishing.texts_of(fresh(letter))))
    publishing.freeze_draft(letter, by=editor, seen=seen)
    publishing.edit(letter, by=editor, draft=changed(en="<p>Three per school.</p>"))
    seen = (1, publishing.digest_of(publishing.texts_of(fresh(letter))))
    publishing.freeze_draft(letter, by=editor, seen=seen, **CLERICAL)
    with pytest.raises(ValidationError) as refused:
        publishing.freeze_draft(letter, by=editor, seen=seen)
    assert (refused.value.code, letter.versions.count()) == ("overtaken", 2)


def test_freezing_is_in_the_audit_with_its_number(signed, editor):
    publishing.edit(signed, by=editor, draft=changed(en="<p>Two per school.</p>"))
    publishing.freeze_draft(signed, by=editor, **CLERICAL)
    publishing.edit(signed, by=editor, draft=changed(en="<p>Three per school.</p>"))
    publishing.freeze_draft(signed, by=editor, note="More")
    assert [details for action, details in lines(signed) if action == "freeze"] == [
        {"number": 1, "material": True},
        {"number": 2, "material": False},
        {"number": 3, "material": True, "fell_away": 1},
    ]


# Before the public


def test_showing_needs_a_frozen_text_and_taking_down_loses_nothing(letter, editor):
    with pytest.raises(ValidationError, match="Freeze the text first"):
        publishing.show(letter, by=editor)
    publishing.freeze_draft(letter, by=editor)
    assert [publishing.show(letter, by=editor), publishing.show(letter, by=editor)] == [True, False]
    shown = fresh(letter)
    assert shown.shown_at is not None
    assert shown.public_url.data == {
        code: f"{settings.PUBLIC_URL}/{code}/publications/{letter.pk}/" for code in ("en", "es")
    }
    assert [publishing.take_down(letter, by=editor), publishing.take_down(letter, by=editor)] == [True, False]
    hidden = fresh(letter)
    assert (hidden.shown_at, bool(hidden.public_url), hidden.versions.count()) == (None, False, 1)
    assert [details["did"] for action, details in lines(letter) if action == "edit"] == ["added", "shown", "taken down"]


# At report size


def test_a_report_of_60_pages_is_written_frozen_and_amended(installation, editor, django_assert_max_num_queries):
    def draft(change=list):
        return {
            code: {"title": text.title, "summary": text.summary, "html": text.html}
            for code, text in reports.texts(change).items()
        }

    report = publishing.add(draft(), by=editor, kind="report")
    first = publishing.freeze_draft(report, by=editor)
    assert first.digest == publishing.digest_of(reports.texts())
    publishing.edit(report, by=editor, draft=draft(reports.amended))
    second = publishing.freeze_draft(fresh(report), by=editor, **CLERICAL)
    first, second = (report.versions.prefetch_related("texts").get(pk=v.pk) for v in (first, second))
    found = publishing.between(first, second)
    assert {code: sum(row.changed for s in stretches for row in s.rows) > 40 for code, stretches in found.items()} == {
        "en": True,
        "es": True,
    }
    with django_assert_max_num_queries(0):
        assert publishing.between(first, second) == found  # kept under both digests


def test_a_difference_of_versions_is_kept_and_one_of_drafts_never(letter, editor, monkeypatch):
    first = publishing.freeze_draft(letter, by=editor)
    publishing.edit(letter, by=editor, draft=changed(en="<p>Two per school.</p>"))
    second = publishing.freeze_draft(letter, by=editor, **CLERICAL)
    found = publishing.between(first, second)
    assert [row.changed for stretch in found["es"] for row in stretch.rows] == []
    words = {"en": "Another text altogether", "es": "Otro texto"}
    assert publishing.against(second, words) != found
    assert publishing.between(first, second) == found


# What an amendment would mean


def test_what_follows_is_foreseen_in_numbers(installation, editor, django_assert_max_num_queries):
    letter = publishing.add(DRAFT, by=editor)
    assert publishing.foresee(letter) is None
    publishing.freeze_draft(letter, by=editor)
    round_ = open_round(letter, editor)
    for choice in ("sign", "sign", "support", "decline"):
        sign(asked(round_), choice)
    asked(round_)
    mute = asked(round_)
    sign(mute)
    mute.representative.person.addresses.all().delete()
    with django_assert_max_num_queries(14):
        foreseen = publishing.foresee(letter)
    assert (foreseen.signed, foreseen.supporters, foreseen.individuals, foreseen.open_round) == (3, 1, 0, round_)
    assert (foreseen.clerical.reached, foreseen.clerical.silent) == (3, 1)
    assert (foreseen.material.reached, foreseen.material.silent) == (5, 1)
    for _more in range(10):
        sign(asked(round_))
    with django_assert_max_num_queries(14):
        assert publishing.foresee(letter).signed == 13


def test_without_a_round_nobody_is_asked(signed, editor):
    signed.rounds.update(closed_at="2026-01-01T00:00:00Z")
    foreseen = publishing.foresee(signed)
    assert (foreseen.signed, foreseen.open_round) == (1, None)
    assert (foreseen.clerical.reached, foreseen.material.reached, foreseen.material.silent) == (1, 0, 0)


def test_one_that_comes_from_a_page_has_no_draft_to_freeze(db, editor):
    publication = factories.PublicationFactory()
    with pytest.raises(ValidationError, match="English first"):
        publishing.freeze_draft(publication, by=editor)
