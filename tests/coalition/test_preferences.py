"""The preference page: a signed link opens it, every choice counts at once, nothing tells whom we know."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
import time_machine
from django.core import signing
from django.utils import timezone

from coalition import belonging, consent, preferences
from coalition.models import Address, Consent, Constituency, Erasure, Installation, Notice, Person, Topic
from tests.factories import PersonFactory, RepresentativeFactory

GRANTED, WITHDRAWN = Address.Consent.GRANTED, Address.Consent.WITHDRAWN


@pytest.fixture
def ana(installation):
    return PersonFactory(
        given_name="Ana", family_name="Peña", email="ana@example.org", phone="+14135550177", opted_in=True
    )


def url_of(person, language="en"):
    return f"/{language}/preferences/{preferences.token_for(person.primary_email.pk)}/"


def states(person):
    return {a.channel: a.consent for a in person.addresses.all()}


def choose(client, person, **choices):
    given = {"language": "en", "name": person.name, "email": "on", "phone": "on"} | choices
    return client.post(url_of(person), {k: v for k, v in given.items() if v is not None})


@pytest.mark.parametrize(("language", "said"), [("en", "What you get from us"), ("es", "</h1>")])
def test_the_page_shows_how_things_stand_and_no_whole_address(ana, client, language, said):
    page = client.get(url_of(ana, language)).content.decode()
    assert said in page
    assert page.count("checked") == 3  # both channels and the language
    assert "a•••@example.org" in page
    assert "0177" in page
    assert "ana@example.org" not in page
    assert "5550177" not in page
    assert 'name="robots" content="noindex"' in page


def test_the_page_is_never_kept_by_a_cache(ana, client):
    assert "no-store" in client.get(url_of(ana))["Cache-Control"]


def test_E3_a_box_that_is_emptied_counts_at_once_and_for_the_whole_address(ana, client):
    relative = PersonFactory(email="ana@example.org", opted_in=True)
    answer = choose(client, ana, email=None)
    assert answer.status_code == 302
    assert states(ana) == {"email": WITHDRAWN, "phone": GRANTED}
    assert states(relative) == {"email": WITHDRAWN}
    line = Consent.objects.filter(person=ana, state=WITHDRAWN).get()
    assert (line.source, line.language) == (Consent.Source.PREFERENCES, "en")


def test_S1_a_yes_keeps_the_words_that_stood_beside_the_box(installation, client):
    Installation.objects.update(email_wording={"en": "Yes to Riverbend news.", "es": "Sí a las noticias."})
    eva = PersonFactory(email=True, phone=True)
    client.post(url_of(eva, "es"), {"language": "es", "name": eva.name, "email": "on"})
    assert states(eva) == {"email": GRANTED, "phone": Address.Consent.NONE}
    line = Consent.objects.get(person=eva)
    assert (line.wording, line.source) == ("Sí a las noticias.", Consent.Source.PREFERENCES)


@pytest.mark.parametrize("stopped", [False, True])
def test_S1_who_reads_a_mailbox_cannot_say_yes_for_a_phone(installation, client, stopped):
    """Anybody can type somebody's phone beside their own email address: only the phone itself opens it (S4)."""
    eva = PersonFactory(email=True, phone="+14135550178")
    if stopped:
        consent.withdraw("phone", "+14135550178", source=Consent.Source.REPLY)
    before = states(eva)
    assert 'name="phone"' not in client.get(url_of(eva)).content.decode()
    client.post(url_of(eva), {"language": "en", "name": eva.name, "phone": "on"})
    assert states(eva) == before
    held = eva.primary_email
    preferences.change(held, channels={"phone": True}, language="en", name="", seen={"phone": "Yes."})
    assert (states(eva), consent.is_suppressed("phone", "+14135550178")) == (before, stopped)


def test_S1_no_box_is_ticked_for_who_never_said_yes(installation, client):
    eva = PersonFactory(email=True, phone=True)
    assert client.get(url_of(eva)).content.decode().count("checked") == 1  # the language


def test_a_person_may_correct_name_and_language(ana, client):
    answer = choose(client, ana, language="es", name="  Ana María   Peña ")
    ana.refresh_from_db()
    assert (ana.name, ana.given_name, ana.family_name, ana.language) == ("Ana María Peña", "Ana", "María Peña", "es")
    assert answer["Location"].startswith("/es/preferences/")
    assert Person.objects.search("maria").get() == ana


def test_leaving_everything_as_it_is_writes_nothing(ana, client):
    before = Consent.objects.count()
    choose(client, ana)
    assert Consent.objects.count() == before


@pytest.mark.parametrize("name", ["Win https://evil.example", "www.evil.example", "A\x1bB"])
def test_a_name_with_a_link_is_refused_and_nothing_is_changed(ana, client, name):
    answer = choose(client, ana, name=name, email=None)
    assert answer.status_code == 422
    assert "Enter a name without links or addresses" in answer.content.decode()
    assert states(ana) == {"email": GRANTED, "phone": GRANTED}


@pytest.mark.parametrize("language", ["xx", ""])
def test_an_unknown_language_is_refused(ana, client, language):
    assert choose(client, ana, language=language).status_code == 422


def test_E2_stop_everything_asks_once_and_closes_every_address(ana, client):
    stop = f"{url_of(ana)}stop/"
    assert client.get(stop).status_code == 200
    assert states(ana) == {"email": GRANTED, "phone": GRANTED}
    answer = client.post(stop, follow=True)
    assert states(ana) == {"email": WITHDRAWN, "phone": WITHDRAWN}
    assert "Done. You will get nothing more from us." in answer.content.decode()
    assert "You get no news from us just now." in answer.content.decode()


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("token", ["x", "MQ:1abcde:forged", "%00"])
def test_a_broken_link_says_so_and_offers_a_fresh_one(installation, client, language, token):
    for path in ("", "stop/"):
        answer = client.get(f"/{language}/preferences/{token}/{path}")
        assert answer.status_code == 404
        assert f'action="/{language}/preferences/"' in answer.content.decode()


def test_E2_a_link_is_valid_for_at_least_thirty_days(ana, client):
    Installation.objects.update(personal_link_days=1)
    url = url_of(ana)
    with time_machine.travel(timezone.now() + timedelta(days=29)):
        assert client.get(url).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert client.get(url).status_code == 404
        assert client.post(f"{url}stop/").status_code == 404
    assert states(ana) == {"email": GRANTED, "phone": GRANTED}


def test_a_token_of_another_kind_opens_nothing(ana, client):
    foreign = signing.dumps(ana.primary_email.pk, salt="something.else")
    assert client.get(f"/en/preferences/{foreign}/").status_code == 404


def test_somebody_in_the_bin_has_no_page(ana, client):
    url = url_of(ana)
    Person.objects.update(binned_at=timezone.now())
    assert client.get(url).status_code == 404


# A fresh link


def ask(client, email, language="en"):
    return client.post(f"/{language}/preferences/", {"email": email})


def test_a_fresh_link_is_owed_to_whoever_holds_the_address_in_the_language_of_the_page(ana, client, settings):
    assert ask(client, " Ana@Example.org ", "es").status_code == 200
    notice = Notice.objects.get()
    assert (notice.value, notice.person, notice.language) == ("ana@example.org", ana, "es")
    link = next(line for line in notice.text.splitlines() if "/es/preferences/" in line)
    assert client.get(link.removeprefix(settings.PUBLIC_URL)).status_code == 200


def test_the_answer_is_the_same_for_an_address_we_do_not_know(ana, client):
    known, unknown = ask(client, "ana@example.org"), ask(client, "nobody@example.org")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert Notice.objects.count() == 1


def test_nobody_can_flood_a_mailbox(ana, client):
    with time_machine.travel("2026-11-24T12:10:00Z", tick=False):
        for _n in range(5):
            ask(client, "ana@example.org")
    assert Notice.objects.count() == 1
    with time_machine.travel("2026-11-24T13:10:00Z", tick=False):
        ask(client, "ana@example.org")
    assert Notice.objects.count() == 2


@pytest.mark.parametrize("email", ["", "ana", "ana@", "a\r\nBcc: b@example.org"])
def test_what_is_no_address_is_refused_with_words(installation, client, email):
    answer = ask(client, email)
    assert (answer.status_code, Notice.objects.count()) == (422, 0)
    assert 'class="errors"' in answer.content.decode()


# Topics


@pytest.fixture
def topics(db):
    return [
        Topic.objects.create(slug=slug, name={"en": slug.title(), "es": slug.upper()}, position=n)
        for n, slug in enumerate(["schools", "housing"])
    ]


def test_every_topic_is_heard_of_until_it_is_muted_and_heard_again(ana, topics, client):
    assert client.get(url_of(ana)).content.decode().count("checked") == 5  # two channels, two topics, the language
    choose(client, ana, topics=[str(topics[0].pk)])
    assert [m.topic for m in ana.mutings.all()] == [topics[1]]
    assert states(ana) == {"email": GRANTED, "phone": GRANTED}
    choose(client, ana, topics=[str(topic.pk) for topic in topics])
    assert ana.mutings.count() == 0


def test_a_retired_topic_is_not_offered_and_a_forged_one_refused(ana, topics, client):
    Topic.objects.filter(pk=topics[1].pk).update(retired_at=timezone.now())
    assert "Housing" not in client.get(url_of(ana)).content.decode()
    assert choose(client, ana, topics=[str(topics[1].pk)]).status_code == 422
    assert ana.mutings.count() == 0


# What is held: a personal link only


BEHIND = ["details", "address", "communities", "download", "erase"]


def personal(person, path="", language="en"):
    return f"/{language}/preferences/{preferences.personal_token_for(person.primary_email.pk)}/{path}"


@pytest.mark.parametrize("path", BEHIND)
@pytest.mark.parametrize("method", ["get", "post"])
def test_P4_a_link_that_may_have_been_forwarded_opens_nothing_of_what_is_held(ana, client, path, method):
    url = url_of(ana)
    answer = getattr(client, method)(f"{url}{path}/", {"sure": "on", "name": "Eve", "zip": ""})
    assert (answer.status_code, answer["Location"]) == (302, f"{url}personal/")
    ana.refresh_from_db()
    assert ana.name == "Ana Peña"


@pytest.mark.parametrize("path", BEHIND)
def test_P4_a_personal_link_opens_it_for_a_day(ana, client, path):
    url = personal(ana, f"{path}/")
    assert client.get(url).status_code == 200
    assert client.get(url)["Referrer-Policy"] == "same-origin"
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        assert client.get(url).status_code == 302
        assert client.get(personal(ana)).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=61)):
        assert client.get(url).status_code == 404


def test_a_personal_link_goes_to_the_address_itself_and_at_most_one_in_ten_minutes(ana, client, settings):
    with time_machine.travel("2026-11-24T12:11:00Z", tick=False):
        for _n in range(3):
            assert client.post(f"{url_of(ana, 'es')}personal/").status_code == 200
        notice = Notice.objects.get(kind="personal_link")
        assert (notice.value, notice.person, notice.language) == ("ana@example.org", ana, "es")
        link = next(line for line in notice.text.splitlines() if "/es/preferences/" in line)
        assert client.get(f"{link.removeprefix(settings.PUBLIC_URL)}download/").status_code == 200


def test_a_personal_link_to_a_phone_is_a_text_and_none_goes_to_one_that_said_stop(ana, client):
    url = f"/en/preferences/{preferences.token_for(ana.primary_phone.pk)}/personal/"
    client.post(url)
    assert Notice.objects.get(kind="personal_link").channel == "phone"
    consent.withdraw("phone", "+14135550177", source=Consent.Source.REPLY)
    Notice.objects.all().delete()
    assert "No link can reach you there" in client.post(url).content.decode()
    assert Notice.objects.count() == 0


def test_P4_a_person_corrects_name_and_place_and_the_county_follows(ana, client):
    given = {
        "name": "Ana Peña Ruiz",
        "given_name": "Ana",
        "family_name": "Peña Ruiz",
        "street": "1  Elm St",
        "city": "Boston",
    }
    assert client.post(personal(ana, "details/"), given | {"zip": "02108"}).status_code == 302
    ana.refresh_from_db()
    assert (ana.name, ana.street, ana.city, ana.zip) == ("Ana Peña Ruiz", "1 Elm St", "Boston", "02108")
    assert (ana.county, ana.state) == ("Suffolk County", "MA")
    assert Person.objects.search("ruiz").get() == ana
    assert client.post(personal(ana, "details/"), given | {"zip": "x"}).status_code == 422


def test_a_person_says_which_communities_are_theirs_and_takes_it_back(ana, client):
    Constituency.objects.update_or_create(slug="families", defaults={"name": {"en": "Families", "es": "Familias"}})
    client.post(personal(ana, "communities/"), {"constituencies": ["families"]})
    assert [c.slug for c in belonging.of(ana)] == ["families"]
    assert "checked" in client.get(personal(ana, "communities/")).content.decode()
    client.post(personal(ana, "communities/"), {})
    assert belonging.of(ana) == []


# A new address


def confirm_path(settings):
    notice = Notice.objects.filter(kind="new_address").latest("pk")
    return next(word for word in notice.text.split() if "/new-address/" in word).removeprefix(settings.PUBLIC_URL)


def test_a_new_address_counts_only_when_whoever_reads_it_says_so(ana, client, settings):
    assert client.post(personal(ana, "address/"), {"email": " New@Example.org "}).status_code == 200
    assert ana.addresses.count() == 2
    path = confirm_path(settings)
    assert "new@" not in path
    assert client.get(path).status_code == 200
    assert ana.addresses.count() == 2  # scanners follow links
    answer = client.post(path)
    ana = Person.objects.get(pk=ana.pk)
    assert (ana.primary_email.value, ana.primary_email.consent) == ("new@example.org", Address.Consent.NONE)
    assert client.get(answer["Location"]).status_code == 200
    assert client.get(answer["Location"] + "download/").status_code == 302  # not a personal link
    client.post(path)  # twice does nothing twice
    assert ana.addresses.count() == 3


def test_S1_a_new_phone_opens_only_with_its_own_unticked_box(ana, client, settings):
    Installation.objects.update(text_wording={"en": "Texts, yes.", "es": "Textos, sí."})
    client.post(personal(ana, "address/", "es"), {"phone": "413 555 0199"})
    path = confirm_path(settings)
    assert path.startswith("/es/")
    assert "checked" not in client.get(path).content.decode()
    client.post(path, {"wants": "on"})
    held = Address.objects.get(value="+14135550199")
    assert (held.consent, held.primary) == (GRANTED, True)
    assert (held.history.get().wording, held.history.get().language) == ("Textos, sí.", "es")


def test_S4_a_number_that_said_stop_gets_no_text_and_the_page_does_not_tell(ana, client):
    consent.withdraw("phone", "+14135550199", source=Consent.Source.REPLY)
    answer = client.post(personal(ana, "address/"), {"phone": "413 555 0199"})
    assert (answer.status_code, Notice.objects.filter(kind="new_address").count()) == (200, 0)


def test_nobody_can_flood_others_with_links_for_new_addresses(ana, client):
    for n in range(preferences.NEW_ADDRESSES_A_DAY + 2):
        answer = client.post(personal(ana, "address/"), {"email": f"n{n}@example.org"})
    assert answer.status_code == 422
    assert Notice.objects.filter(kind="new_address").count() == preferences.NEW_ADDRESSES_A_DAY


@pytest.mark.parametrize(
    "given", [{}, {"email": "x"}, {"email": "a@example.org", "phone": "413 555 0199"}, {"phone": "1"}]
)
def test_a_new_address_that_is_none_is_refused_with_words(ana, client, given):
    answer = client.post(personal(ana, "address/"), given)
    assert answer.status_code == 422
    assert 'class="errors"' in answer.content.decode()


def test_P4_an_address_that_nobody_confirmed_is_dropped(ana, client, settings):
    client.post(personal(ana, "address/"), {"email": "new@example.org"})
    path = confirm_path(settings)
    with time_machine.travel(timezone.now() + timedelta(days=4)):
        assert client.get(path).status_code == 404
        assert preferences.forget_unconfirmed() == 1
    assert Notice.objects.count() == 0


# Download and erase


def test_P4_the_download_is_made_on_request_and_never_kept(ana, client):
    assert client.get(personal(ana, "download/"))["Content-Type"].startswith("text/html")
    answer = client.post(personal(ana, "download/"))
    assert (answer["Content-Type"], "no-store" in answer["Cache-Control"]) == ("application/zip", True)
    data = json.loads(zipfile.ZipFile(io.BytesIO(answer.content)).read("data.json"))
    assert data["person"][0]["name"] == "Ana Peña"


def test_P4_forgetting_asks_once_counts_at_once_and_kills_the_link(ana, client):
    url = personal(ana, "erase/")
    assert client.post(url).status_code == 422
    assert Person.objects.filter(pk=ana.pk).exists()
    answer = client.post(url, {"sure": "on"}, follow=True)
    assert "You are forgotten" in answer.content.decode()
    assert not Person.objects.filter(pk=ana.pk).exists()
    assert Erasure.objects.get().source == Erasure.Source.PERSON
    assert Notice.objects.get(kind="erased").value == "ana@example.org"
    assert client.post(url, {"sure": "on"}).status_code == 404
    assert Erasure.objects.count() == 1


def test_G8_who_speaks_for_an_organization_is_told_what_becomes_of_its_signature(ana, client):
    representative = RepresentativeFactory(person=ana)
    assert representative.organization.name in client.get(personal(ana, "erase/")).content.decode()


def test_a_token_made_for_many_is_what_django_signs():
    with time_machine.travel(timezone.now(), tick=False):
        ours = preferences.token_for(1234567)
        assert ours == signing.TimestampSigner(salt=preferences.SALT).sign_object(1234567)
    assert preferences.number_in(ours) == 1234567
    assert preferences.number_in(ours[:-1] + ("A" if ours[-1] != "A" else "B")) is None
