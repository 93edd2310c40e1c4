"""Individuals sign where the round allows it: confirmed by email, asked again, withdrawn at any time."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from coalition import endorsing, reading, roll, signing_on
from coalition.models import Address, Consent, Endorsement, Notice, Person, Publication, Round

from .signons import amend, open_round
from .test_roll import hand_over


@pytest.fixture(autouse=True)
def counted_afresh():
    cache.clear()


@pytest.fixture
def round_(publication, editor):
    Publication.objects.update(stand_alone=True, shown_at=timezone.now())
    round_ = open_round(Publication.objects.get(pk=publication.pk), editor)
    Round.objects.update(individuals=True)
    return Round.objects.select_related("publication").get(pk=round_.pk)


def fill_in(client, publication, language="en", **said):
    entered = {
        "version": publication.current_version.pk,
        "name": "Marisol Ibáñez",
        "email": "marisol@people.example.org",
        "city": "Springfield",
        "affiliation": "Teacher, Elm School",
        "agreed": "on",
    }
    return client.post(f"/{language}/publications/{publication.pk}/sign/", {**entered, **said})


def last_link(kind="endorsement"):
    text = Notice.objects.filter(kind=kind).latest("pk").text
    return re.search(r"http\S+(/e[ns]/my-signature/\S+)", text).group(1)


def press(client, link, **more):
    row = Endorsement.objects.get(nonce=link.rstrip("/").rpartition("/")[2])
    return client.post(link, {"version": row.publication.current_version.pk, **more})


def listed(publication, number=None):
    version = publication.versions.get(number=number) if number else publication.current_version
    return [each.name for each in roll.of(version, "en").individuals]


def signed(client, publication, **said):
    fill_in(client, publication, **said)
    link = last_link()
    press(client, link)
    return link


def test_a_name_counts_only_once_the_button_behind_the_link_was_pressed(round_, client):
    publication = round_.publication
    assert fill_in(client, publication).status_code == 302
    assert listed(publication) == []
    link = last_link()
    client.get(link)
    client.head(link)
    assert listed(publication) == []
    page = client.get(link).content.decode()
    assert "I sign “Every reader”, version 1, for myself." in page
    assert "I am 18 or older" in page
    press(client, link)
    press(client, link)
    row = Endorsement.objects.get()
    assert listed(publication) == ["Marisol Ibáñez"]
    assert (row.wording, row.language) == (endorsing.wording(row.version, "en"), "en")
    assert row.person.primary_email.value == "marisol@people.example.org"
    assert Notice.objects.filter(kind="endorsed").count() == 1


def test_the_spanish_reader_gets_everything_in_spanish(round_, client):
    fill_in(client, round_.publication, language="es")
    assert "/es/my-signature/" in last_link()
    press(client, last_link())
    assert {notice.language for notice in Notice.objects.all()} == {"es"}
    assert Endorsement.objects.get().language == "es"


def test_the_form_comes_back_with_what_was_entered_and_says_what_to_fix(round_, client):
    publication = round_.publication
    for field, wrong in {
        "name": "Visit http://spam.example",
        "email": "not an address",
        "agreed": "",
        "city": "www.spam.example",
        "affiliation": "a@b.example",
    }.items():
        response = fill_in(client, publication, **{field: wrong})
        html = response.content.decode()
        assert (field, response.status_code) == (field, 422)
        assert f'href="#sign_{field}"' in html
        assert 'value="Marisol Ibáñez"' in html or field == "name"
    assert not Endorsement.objects.exists()
    assert fill_in(client, publication, name="12").status_code == 422


def test_names_with_markup_and_line_breaks_stay_names(round_, client):
    publication = round_.publication
    signed(client, publication, name="Ana <b>Ríos</b>\r\nBcc: x", affiliation="<script>alert(1)</script>")
    html = client.get(reading.path(publication, "en")).content.decode()
    assert "<b>Ríos" not in html
    assert "<script>alert" not in html
    notice = Notice.objects.get(kind="endorsement")
    assert "\n" not in notice.subject


def test_signing_again_tells_nothing_and_changes_nothing_that_was_confirmed(round_, client):
    publication = round_.publication
    signed(client, publication)
    new = fill_in(client, publication, name="Somebody Else")
    first_time = fill_in(client, publication, email="other@people.example.org")
    assert (new.status_code, new["Location"]) == (first_time.status_code, first_time["Location"])
    assert listed(publication) == ["Marisol Ibáñez"]
    assert Endorsement.objects.filter(email="marisol@people.example.org").count() == 1
    assert "You signed. Thank you" in client.get(last_link_to("marisol@people.example.org")).content.decode()


def last_link_to(email):
    text = Notice.objects.filter(kind="endorsement", value=email).latest("pk").text
    return re.search(r"http\S+(/e[ns]/my-signature/\S+)", text).group(1)


def test_an_earlier_link_confirms_nothing_that_was_entered_after_it(round_, client):
    fill_in(client, round_.publication)
    first = last_link()
    fill_in(client, round_.publication, name="Marisol Ibáñez Rivera")
    assert client.get(first).status_code == 404
    press(client, last_link())
    assert listed(round_.publication) == ["Marisol Ibáñez Rivera"]


def test_an_address_is_written_to_only_a_few_times_an_hour(round_, client):
    for _time in range(6):
        assert fill_in(client, round_.publication).status_code == 302
    assert Notice.objects.filter(kind="endorsement").count() == endorsing.LINKS_AN_HOUR
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        fill_in(client, round_.publication)
    assert Notice.objects.filter(kind="endorsement").count() == endorsing.LINKS_AN_HOUR + 1


def test_very_many_forms_from_one_place_are_refused(round_, client, monkeypatch):
    monkeypatch.setattr("coalition.views.endorsing.FORMS_AN_HOUR", 2)
    answers = [fill_in(client, round_.publication, email=f"p{n}@people.example.org").status_code for n in range(4)]
    assert answers == [302, 302, 429, 429]


def test_news_by_email_is_a_yes_of_its_own(round_, client, installation):
    installation.email_wording = {"en": "Yes, write to me.", "es": "Sí, escríbanme."}
    installation.save()
    fill_in(client, round_.publication)
    page = client.get(last_link()).content.decode()
    assert re.search(r'<input type="checkbox" name="updates"[^>]*>', page)
    assert "checked" not in page
    press(client, last_link())
    assert not Consent.objects.exists()
    fill_in(client, round_.publication, email="zoe@people.example.org")
    press(client, last_link(), updates="on")
    line = Consent.objects.get()
    assert (line.address.value, line.state, line.wording) == (
        "zoe@people.example.org",
        Address.Consent.GRANTED,
        "Yes, write to me.",
    )


def test_G3_after_the_deadline_and_where_the_round_does_not_allow_it_nobody_is_taken(round_, client):
    publication = round_.publication
    fill_in(client, publication)
    link = last_link()
    with time_machine.travel(round_.deadline + timedelta(minutes=1)):
        late = fill_in(client, publication, email="late@people.example.org")
        assert (late.status_code, "The time to sign it as a person is over" in late.content.decode()) == (409, True)
        assert press(client, link).status_code == 409
        assert "Sign it yourself" not in client.get(reading.path(publication, "en")).content.decode()
    Round.objects.update(individuals=False)
    assert fill_in(client, publication, email="no@people.example.org").status_code == 409
    assert listed(publication) == []
    assert Endorsement.objects.count() == 1


def test_G2_a_text_amended_while_the_form_was_open_is_shown_and_nothing_lost(round_, client, editor):
    publication = round_.publication
    old = publication.current_version
    amend(publication, editor)
    response = fill_in(client, publication, version=old.pk)
    html = response.content.decode()
    assert response.status_code == 409
    assert "version 2 is the text now" in html
    assert 'value="marisol@people.example.org"' in html
    assert "checked" not in html
    assert not Endorsement.objects.exists()


def test_G2_a_material_amendment_asks_everybody_again_and_the_old_list_stays(round_, client, editor):
    publication = round_.publication
    signed(client, publication)
    amend(publication, editor)
    assert (listed(publication, 1), listed(publication, 2)) == (["Marisol Ibáñez"], [])
    assert (endorsing.tell_of_amendments(), endorsing.tell_of_amendments()) == (1, 0)
    link = last_link("endorsement_amended")
    page = client.get(link).content.decode()
    assert "You signed version 1." in page
    assert re.findall(r"</span>(Ten|Eleven)<span", page) == ["Ten", "Eleven"]
    press(client, link)
    press(client, link)
    assert (listed(publication, 1), listed(publication, 2)) == (["Marisol Ibáñez"], ["Marisol Ibáñez"])
    assert endorsing.tell_of_amendments() == 0


def test_G2_a_clerical_one_is_told_and_the_signature_stands(round_, client, editor):
    publication = round_.publication
    signed(client, publication)
    amend(publication, editor, material=False)
    assert listed(publication) == ["Marisol Ibáñez"]
    assert (endorsing.tell_of_amendments(), endorsing.tell_of_amendments()) == (1, 0)
    assert Notice.objects.latest("pk").kind == "endorsement_corrected"
    assert endorsing.open_link(Endorsement.objects.get().nonce).signed


def test_a_superseded_page_behind_the_link_signs_nothing(round_, client, editor):
    publication = round_.publication
    fill_in(client, publication)
    link, old = last_link(), publication.current_version
    amend(publication, editor)
    response = client.post(link, {"version": old.pk})
    assert (response.status_code, listed(publication, 1), listed(publication, 2)) == (409, [], [])
    press(client, link)
    assert (listed(publication, 1), listed(publication, 2)) == ([], ["Marisol Ibáñez"])


def withdraw(client, link):
    page = client.get(link + "withdraw/")
    assert page.status_code == 200
    return client.post(link + "withdraw/")


def test_G7_withdrawing_before_delivery_leaves_nothing_after_it_a_dated_note(round_, client):
    publication = round_.publication
    early = signed(client, publication)
    stays = signed(client, publication, email="zoe@people.example.org", name="Zoe Álvarez")
    withdraw(client, early)
    hand_over(publication)
    found = roll.of(publication.current_version, "en")
    assert ([each.name for each in found.individuals], found.withdrawals) == (["Zoe Álvarez"], [])
    withdraw(client, stays)
    found = roll.of(publication.current_version, "en")
    assert ([each.name for each in found.individuals], [note.name for note in found.withdrawals]) == (
        [],
        ["Zoe Álvarez"],
    )
    press(client, stays)
    found = roll.of(publication.current_version, "en")
    assert ([each.name for each in found.individuals], found.withdrawals) == (["Zoe Álvarez"], [])


def test_G7_withdrawing_is_possible_after_the_round_is_closed_and_counts_for_every_version(round_, client, editor):
    publication = round_.publication
    link = signed(client, publication)
    amend(publication, editor)
    press(client, link)
    signing_on.close_round(round_)
    withdraw(client, link)
    assert (listed(publication, 1), listed(publication, 2)) == ([], [])
    assert client.get(link).status_code == 200


def test_who_did_not_fill_it_in_deletes_it(round_, client):
    fill_in(client, round_.publication)
    link = last_link()
    withdraw(client, link)
    assert not Endorsement.objects.exists()
    assert not Person.objects.filter(addresses__value="marisol@people.example.org").exists()
    assert not Notice.objects.filter(value="marisol@people.example.org").exists()
    assert client.get(link).status_code == 404


def test_P4_what_nobody_confirmed_is_forgotten(round_, client):
    fill_in(client, round_.publication)
    signed(client, round_.publication, email="zoe@people.example.org")
    with time_machine.travel(timezone.now() + endorsing.UNCONFIRMED_FOR + timedelta(hours=1)):
        assert endorsing.forget_unconfirmed() == 1
    assert [row.email for row in Endorsement.objects.all()] == ["zoe@people.example.org"]
    assert {(notice.value, notice.person.name) for notice in Notice.objects.all()} == {
        ("zoe@people.example.org", "Marisol Ibáñez")
    }


def test_no_page_of_an_individual_sets_a_cookie_or_is_kept(round_, client):
    fill_in(client, round_.publication)
    response = client.get(last_link())
    assert not response.cookies
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]
    assert client.get(reverse("endorsement", args=["x"])).status_code == 404
