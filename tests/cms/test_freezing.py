"""Freezing: both languages or none, exactly what the public reads, and nothing that runs."""

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse
from wagtail_localize.models import StringTranslation, Translation, TranslationSource

from cms import freezing
from cms.models import BriefPage
from coalition import publishing
from coalition.models import Publication, Version
from tests import factories


def refreshed(page):
    return BriefPage.objects.get(pk=page.pk)


def test_the_canonical_text_is_plain_and_free_of_the_interfaces_words(site):
    assert freezing.texts_of(site.en.brief)["en"].canonical == "\n\n".join(
        [
            "Reading coaches",
            "Summary en",
            "What districts can do",
            "Begin with families.",
            "1. Hire coaches",
            "One per school.",
            "“She came in September.” — A teacher",
            "- By January: coaches\n- By June: results",
            "Coached schools are ahead (percent)",
            "Statewide: 62\nWith a coach: 70.5",
            "State files",
        ]
    )


def test_G2_the_first_freezing_makes_one_publication_for_all_translations(site, editor):
    version = freezing.freeze(site.en.brief, by=editor, material=True)
    english, spanish = refreshed(site.en.brief), refreshed(site.es.brief)
    assert english.publication == spanish.publication == version.publication
    assert version.number == 1
    assert version.publication.title.data == {"en": "Reading coaches", "es": "Asesores"}
    assert version.publication.public_url.data == {
        "en": f"{settings.PUBLIC_URL}/en/briefs/reading-coaches/",
        "es": f"{settings.PUBLIC_URL}/es/informes/asesores/",
    }
    assert {text.language: text.title for text in version.texts.all()} == {"en": "Reading coaches", "es": "Asesores"}


def test_freezing_needs_every_language(site, editor):
    site.es.brief.delete()
    with pytest.raises(ValidationError, match="Spanish"):
        freezing.freeze(site.en.brief, by=editor, material=True)
    assert Publication.objects.count() == 0


def test_a_copy_in_the_wrong_language_is_no_translation(site, editor):
    spanish = site.es.brief
    spanish.title, spanish.summary, spanish.body = site.en.brief.title, site.en.brief.summary, site.en.brief.body
    spanish.save_revision()
    assert freezing.missing(site.en.brief, freezing.texts_of(site.en.brief)) == ["es"]


def test_a_half_done_translation_waits_for_its_last_sentence(site, editor):
    """The way of the translation editor: the Spanish page comes from the strings of the English one."""
    spanish, english = site.es.brief.locale, refreshed(site.en.brief)
    site.es.brief.delete()
    source, _new = TranslationSource.update_or_create_from_instance(english)
    work = Translation.objects.create(source=source, target_locale=spanish)
    segments = list(source.stringsegment_set.order_by("pk"))
    for segment in segments[:-1]:
        translate(segment, spanish)
    work.save_target(publish=True)
    assert freezing.missing(english, freezing.texts_of(english)) == ["es"]
    translate(segments[-1], spanish)
    work.save_target(publish=True)
    version = freezing.freeze(english, by=editor, material=True)
    assert version.text_in("es").title == "es: Reading coaches"
    page = english.get_translation(spanish)
    assert (page.publication, page.slug) == (version.publication, "es-reading-coaches")


def translate(segment, locale):
    StringTranslation.objects.create(
        translation_of=segment.string, context=segment.context, locale=locale, data=f"es: {segment.string.data}"
    )


def test_a_draft_is_what_gets_frozen(site, editor):
    page = refreshed(site.en.brief)
    page.summary = "Amended."
    page.save_revision()
    version = freezing.freeze(page, by=editor, material=True)
    assert version.text_in("en").summary == "Amended."


def test_nothing_new_makes_no_version(site, editor):
    freezing.freeze(site.en.brief, by=editor, material=True)
    with pytest.raises(ValidationError, match="Nothing changed"):
        freezing.freeze(refreshed(site.en.brief), by=editor, material=True, note="again")
    assert Version.objects.count() == 1


def test_an_older_draft_keeps_the_publication(site, editor):
    page = refreshed(site.en.brief)
    page.summary = "Written before the freezing."
    draft = page.save_revision()
    version = freezing.freeze(site.en.brief, by=editor, material=True)
    draft.publish()
    assert refreshed(page).publication == version.publication


def test_a_copied_brief_has_a_publication_of_its_own(site, editor):
    freezing.freeze(site.en.brief, by=editor, material=True)
    copy = refreshed(site.en.brief).copy(update_attrs={"slug": "another", "title": "Another"})
    assert copy.publication is None


def test_frozen_html_holds_nothing_that_runs(site):
    page = site.en.brief
    page.body = [
        {
            "type": "paragraph",
            "value": '<p onclick="x()">Read <a href="javascript:x()">this</a></p><script>1</script>',
        },
        {"type": "quote", "value": {"text": "<img src=x onerror=alert(1)>", "attribution": ""}},
    ]
    html = freezing.rendered(page.body, "en")
    assert html == (
        '<p>Read <a rel="noopener">this</a></p>\n'
        "<blockquote>\n  <p>&lt;img src=x onerror=alert(1)&gt;</p>\n</blockquote>"
    )


def test_figures_carry_their_table_and_their_file(site):
    html = freezing.texts_of(site.en.brief)["en"].html
    assert '<rect width="70.5%" height="100%">' in html
    assert '<th scope="row">With a coach</th><td class="number">70.5</td>' in html
    assert "data:text/csv;charset=utf-8,%EF%BB%BFCoached%20schools%20are%20ahead%2Cpercent%0D%0A" in html


def test_the_difference_names_what_changed(site, editor):
    version = freezing.freeze(site.en.brief, by=editor, material=True)
    page = refreshed(site.en.brief)

    def changed():
        texts = {code: text.canonical for code, text in freezing.texts_of(page).items()}
        found = publishing.against(version, texts)
        return {code: [row for stretch in stretches for row in stretch.rows] for code, stretches in found.items()}

    assert changed() == {"en": [], "es": []}
    page.summary = "Summary changed"
    page.save_revision()
    assert [(row.before, row.after) for row in changed()["en"] if row.changed] == [
        ([("same", "Summary"), ("gone", "en")], [("same", "Summary"), ("new", "changed")])
    ]


def test_a_publication_leads_to_the_pages_where_its_text_is_written(site, client, editor):
    version = freezing.freeze(site.en.brief, by=editor, material=True)
    client.force_login(editor)
    page = client.get(reverse("publications:inspect", args=[version.publication_id])).text
    for address in (
        reverse("wagtailadmin_pages:edit", args=[site.en.brief.pk]),
        reverse("wagtailadmin_pages:edit", args=[site.es.brief.pk]),
        reverse("cms_freeze", args=[site.en.brief.pk]),
        reverse("publications:settings", args=[version.publication_id]),
    ):
        assert f'href="{address}"' in page
    for name in ("write", "freeze", "show"):  # a text that has a page is written, frozen and shown there
        assert client.get(reverse(f"publications:{name}", args=[version.publication_id])).status_code == 404


# The door


def test_an_editor_freezes_and_amends(site, client, editor):
    client.force_login(editor)
    address = reverse("cms_freeze", args=[site.en.brief.pk])
    assert b"Freeze as version 1" in client.get(address).content
    response = client.post(address)
    version = Version.objects.get()
    assert response.status_code == 302
    assert response.url == reverse("publications:inspect", args=[version.publication_id])
    page = refreshed(site.en.brief)
    page.summary = "Summary changed"
    page.save_revision()
    assert "<del>en</del>" in client.get(address).content.decode()
    refused = client.post(address, {})
    assert refused.status_code == 200
    assert set(refused.context["form"].errors) == {"change", "note_en", "note_es"}
    client.post(address, {"change": "clerical", "note_en": "A word.", "note_es": "Una palabra."})
    assert list(Version.objects.values_list("number", "material").order_by("number")) == [(1, True), (2, False)]
    assert Version.objects.get(number=2).note.data == {"en": "A word.", "es": "Una palabra."}


def test_what_was_judged_is_what_gets_frozen(site, client, editor):
    """Between the look and the press somebody went on writing: nothing is frozen unseen."""
    client.force_login(editor)
    address = reverse("cms_freeze", args=[site.en.brief.pk])
    seen = client.get(address).context["seen"]
    page = refreshed(site.en.brief)
    page.summary = "Summary changed"
    page.save_revision()
    refused = client.post(address, {"seen": seen})
    assert "The text changed while you were reading." in refused.text
    assert Version.objects.count() == 0
    assert client.post(address, {"seen": refused.context["seen"]}).status_code == 302
    assert Version.objects.get().text_in("en").summary == "Summary changed"


def test_the_door_says_what_is_missing(site, client, editor):
    client.force_login(editor)
    site.es.brief.delete()
    address = reverse("cms_freeze", args=[site.en.brief.pk])
    content = client.get(address).content.decode()
    assert "The text in Spanish is not complete yet." in content
    assert "Freeze as version" not in content
    assert client.post(address).status_code == 200
    assert Version.objects.count() == 0


def test_who_may_not_publish_may_not_freeze(site, client):
    client.force_login(factories.UserFactory(is_superuser=False))
    assert client.post(reverse("cms_freeze", args=[site.en.brief.pk])).status_code == 302
    assert Version.objects.count() == 0
