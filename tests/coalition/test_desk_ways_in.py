"""Ways to a partner's desk: whose link it is, on which device, and the code that proves an address."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from coalition import notices, signing_on
from coalition.models import Decision, EmailCode, Invitation, LinkDevice, Notice
from coalition.signing_on import codes, devices
from coalition.signing_on import desk as desks
from tests import factories

from .signons import amend, sign

Choice = Decision.Choice
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"


def address(name, *args, language="en"):
    with translation.override(language):
        return reverse(name, args=args)


def answer(version, **more):
    return {"version": version.pk, "seen": "", "signer_name": "Carmen Iris", "signer_title": "Director", **more}


@pytest.fixture(autouse=True)
def nothing_counted_yet():
    cache.clear()


@pytest.fixture
def invitation(round_):
    carmen = factories.PersonFactory(given_name="Carmen", family_name="Maldonado", email="carmen@harbor.example.org")
    organization = factories.OrganizationFactory(name="Harbor Mentors")
    representative = factories.RepresentativeFactory(organization=organization, person=carmen)
    return signing_on.invite(round_, [representative]).asked[0]


@pytest.fixture
def representative(invitation):
    return invitation.representative


@pytest.fixture
def token(invitation):
    return signing_on.token_for(invitation)


def browser(page="", **more):
    """Somebody's browser; with an address, one that opened it and fetched its pictures."""
    client = Client(headers={"user-agent": PHONE}, **more)
    if page:
        shown = client.get(page)
        if picture := re.search(r'<img src="([^"]+)" alt="" hidden>', shown.text):
            client.get(picture[1].replace("&amp;", "&"))
    return client


def code_sent():
    return re.search(r"\b\d{6}\b", Notice.objects.filter(kind="desk_code").latest("pk").text)[0]


# Devices, and a link that was forwarded


def test_a_first_press_that_meets_an_error_makes_no_device_the_persons_own(token, representative):
    program = Client()
    assert program.post(address("sign_colleague_revoke", token, 999)).status_code == 404
    assert ("device" in program.cookies, LinkDevice.objects.count()) == (False, 0)
    client = browser(address("sign", token))
    assert (LinkDevice.objects.get().trusted_at is not None, "device" in client.cookies) == (True, True)


def test_the_first_browser_that_brings_its_cookie_back_is_the_persons_own(token, representative):
    client = browser(address("sign", token))
    cookie = client.cookies["device"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 365 * 24 * 3600)
    device = LinkDevice.objects.get()
    assert (device.representative, device.trusted_at is not None) == (representative, True)
    assert cookie.value not in device.key


def test_programs_that_check_links_are_never_taken_for_the_person(token):
    for agent in ("Mozilla/5.0 (compatible; SafeLinks scanner)", "curl/8.5", "Slackbot-LinkExpanding 1.0", PHONE):
        Client(headers={"user-agent": agent}).get(address("sign", token))
    Client(headers={"user-agent": PHONE}).head(address("sign", token))
    robot = Client(headers={"user-agent": "Mozilla/5.0 HeadlessChrome/140"})
    robot.get(address("sign", token))
    robot.get(address("sign_device", token))
    ahead = browser()
    ahead.get(address("sign", token))
    ahead.get(address("sign", token), headers={"sec-purpose": "prefetch"})
    assert not LinkDevice.objects.exists()


def test_a_robot_does_not_count_as_seen_and_a_person_does(token, invitation):
    Client(headers={"user-agent": "curl/8.5"}).get(address("sign", token))
    invitation.refresh_from_db()
    assert (invitation.seen_at, invitation.seen_version) == (None, None)
    browser(address("sign", token))
    invitation.refresh_from_db()
    assert (invitation.seen_at is not None, invitation.seen_version) == (True, invitation.version)


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_forwarded_link_says_whose_it_is_reads_and_decides_nothing(token, invitation, publication, language):
    browser(address("sign", token))
    colleague = browser()
    page = colleague.get(address("sign", token, language=language))
    assert page.status_code == 200
    assert "C••• M•••" in page.text
    assert "c•••@harbor.example.org" in page.text
    assert "carmen@harbor.example.org" not in page.text
    assert "Carmen" not in page.text
    assert {"en": "<p>Ten steps.</p>", "es": "<p>Diez pasos.</p>"}[language] in page.text
    assert 'name="choice"' not in page.text
    posted = colleague.post(address("sign", token), answer(publication.current_version, choice="sign", attested="on"))
    assert posted.status_code == 302
    assert posted.url.startswith("/en/desk/")
    for door in ("sign_recorded", "sign_certificate", "sign_withdraw"):
        assert colleague.get(address(door, token)).status_code == 302
    assert not Decision.objects.exists()


def test_a_forwarded_desk_link_opens_nothing_of_the_organization(client, token, representative, invitation):
    sign(invitation, choice=Choice.DECLINE, reason="Our board is split", reason_private=True)
    desk = signing_on.desk_token(representative)
    own = browser(address("desk", desk))
    own.get(address("desk", desk))
    colleague = browser()
    for door in (address("desk", desk), address("desk_history", desk)):
        page = colleague.get(door, follow=True)
        assert page.redirect_chain[0][0].startswith(address("desk_prove", desk))
        assert "Our board is split" not in page.text
    assert "Our board is split" in own.get(address("desk_history", desk)).text


def test_the_person_is_told_of_the_other_device_and_can_make_the_links_useless(token, representative, invitation):
    own = browser(address("sign", token))
    browser(address("sign", token))
    desk = signing_on.desk_token(representative)
    page = own.get(address("desk", desk))
    assert "opened on another device" in page.text
    done = own.post(address("desk_make_useless", desk), follow=True)
    assert done.status_code == 200
    assert "opened on another device" not in done.text
    assert browser().get(address("sign", token)).status_code == 410
    assert browser().get(address("desk", desk)).status_code == 410
    notice = Notice.objects.get(kind="desk_link")
    assert (notice.value, notice.person) == ("carmen@harbor.example.org", representative.person)
    fresh = re.search(r"/en/desk/(\S+)/", notice.text)[1]
    assert own.get(address("desk", fresh)).status_code == 200
    invitation.refresh_from_db()
    assert signing_on.open_link(signing_on.token_for(invitation)) == invitation


def test_another_device_proves_the_address_once_and_comes_back(token, representative, publication):
    browser(address("sign", token))
    phone = browser()
    prove = phone.post(address("sign", token), {"choice": "decline"}).url
    sent = phone.post(prove, {"send": "1"})
    assert (sent.status_code, "c•••@harbor.example.org" in sent.text) == (200, True)
    wrong = phone.post(prove, {"code": "000000" if code_sent() != "000000" else "111111"})
    assert (wrong.status_code, "This code is wrong" in wrong.text) == (422, True)
    right = phone.post(prove, {"code": code_sent()})
    assert (right.status_code, right.url) == (302, address("sign", token))
    assert 'name="choice"' in phone.get(right.url).text
    phone.post(right.url, answer(publication.current_version, choice="sign", attested="on"))
    assert Decision.objects.get().signer == representative.person
    assert LinkDevice.objects.filter(trusted_at=None).count() == 0


def test_the_way_back_leads_to_no_other_site(token, representative):
    browser(address("sign", token))
    desk = signing_on.desk_token(representative)
    phone = browser()
    phone.get(address("desk_prove", desk))
    codes.send_code(representative.person, language="en")
    for back in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "desk_way_in", "elsewhere"):
        devices.trust([representative], phone.cookies["device"].value)
        assert phone.get(address("desk_prove", desk), {"next": back}).url == address("desk", desk)


def test_a_browser_without_cookies_is_told_so(token, representative):
    browser(address("sign", token))
    desk = signing_on.desk_token(representative)
    codes.send_code(representative.person, language="en")
    page = Client().post(address("desk_prove", desk), {"code": code_sent()})
    assert (page.status_code, "keeps no cookies" in page.text) == (422, True)
    assert EmailCode.objects.get().used_at is None


def test_the_first_to_answer_is_the_person_also_without_cookies(token, publication):
    shy = Client()
    shy.cookies.clear()
    page = shy.post(address("sign", token), answer(publication.current_version, choice="decline"))
    assert (page.status_code, page.url) == (302, address("sign_recorded", token))
    assert LinkDevice.objects.get().trusted_at is not None


# Codes


def test_a_code_is_kept_as_a_digest_works_once_and_for_a_quarter_of_an_hour(representative):
    person = representative.person
    notice = codes.send_code(person, language="es")
    code = code_sent()
    kept = EmailCode.objects.get()
    assert (code in kept.digest, notice.language, notice.expires_at) == (False, "es", kept.expires_at)
    assert codes.check(person, f" {code[:3]} {code[3:]} ") is True
    assert codes.check(person, code) is False
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        codes.send_code(person, language="en")
    with time_machine.travel(timezone.now() + timedelta(minutes=18)):
        assert codes.check(person, code_sent()) is False


def test_five_wrong_tries_end_a_code_and_a_new_one_ends_the_one_before(representative):
    person = representative.person
    codes.send_code(person, language="en")
    first = code_sent()
    wrong = "111111" if first != "111111" else "222222"
    assert [codes.check(person, wrong) for _try in range(5)] == [False] * 5
    assert codes.check(person, first) is False
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        codes.send_code(person, language="en")
        second = code_sent()
    with time_machine.travel(timezone.now() + timedelta(minutes=4)):
        codes.send_code(person, language="en")
        assert codes.check(person, second) is False
        assert codes.check(person, code_sent()) is True


def test_nobodys_mailbox_is_flooded_with_codes(representative):
    person, start = representative.person, timezone.now()
    for minute in range(0, 60, 2):
        with time_machine.travel(start + timedelta(minutes=minute)):
            codes.send_code(person, language="en")
    assert Notice.objects.filter(kind="desk_code").count() == 5


def test_a_code_is_forgotten_once_it_left(representative, settings):
    codes.send_code(representative.person, language="en")
    notices.send_due()
    notice = Notice.objects.get(kind="desk_code")
    assert (notice.value, notice.subject, notice.text, notice.html) == ("", "", "", "")


# Without a link


def test_the_door_says_the_same_to_a_known_and_an_unknown_address(client, representative):
    known, unknown, partner_of_none = (
        client.post(address("desk_way_in"), {"email": email}, headers={"user-agent": PHONE})
        for email in ("Carmen@Harbor.example.org", "nobody@else.example.org", factories_email())
    )
    bare = [re.sub(r'value="[^"]*"', "", page.text) for page in (known, unknown, partner_of_none)]
    assert bare[0] == bare[1] == bare[2]
    assert [n.value for n in Notice.objects.filter(kind="desk_code")] == ["carmen@harbor.example.org"]


def factories_email():
    return factories.PersonFactory(email=True).primary_email.value


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_code_opens_the_desk_without_link_account_or_password(representative, language):
    client = browser()
    door = address("desk_way_in", language=language)
    client.get(door)
    asked_for = client.post(door, {"email": "carmen@harbor.example.org"})
    assert 'name="email" value="carmen@harbor.example.org"' in asked_for.text
    assert Notice.objects.get(kind="desk_code").language == language
    opened = client.post(door, {"email": "carmen@harbor.example.org", "code": code_sent()})
    assert opened.status_code == 302
    assert opened.url.startswith(f"/{language}/desk/")
    assert "carmen" not in opened.url
    assert client.get(opened.url).status_code == 200
    assert LinkDevice.objects.get().trusted_at is not None
    with time_machine.travel(timezone.now() + timedelta(hours=9)):
        assert client.get(opened.url).status_code == 410


def test_who_speaks_for_several_organizations_chooses(representative):
    other = factories.RepresentativeFactory(person=representative.person)
    client = browser()
    client.post(address("desk_way_in"), {"email": "carmen@harbor.example.org"})
    page = client.post(address("desk_way_in"), {"email": "carmen@harbor.example.org", "code": code_sent()})
    assert page.status_code == 200
    assert sorted(one.pk for one, _door in page.context["doors"]) == sorted([representative.pk, other.pk])
    for one, door in page.context["doors"]:
        assert client.get(door).context["desk"].organization == one.organization


def test_an_address_that_two_people_share_opens_the_desk_of_whose_code_it_is(representative):
    other = factories.RepresentativeFactory(person=factories.PersonFactory(email="carmen@harbor.example.org"))
    codes.ask("carmen@harbor.example.org", language="en")
    theirs = Notice.objects.get(kind="desk_code", person=other.person)
    code = re.search(r"\b\d{6}\b", theirs.text)[0]
    assert codes.enter("carmen@harbor.example.org", code) == other.person


def test_too_many_tries_from_one_connection_wait(representative):
    client = browser()
    for _try in range(60):
        client.post(address("desk_way_in"), {"email": "nobody@else.example.org", "code": "123456"})
    page = client.post(address("desk_way_in"), {"email": "nobody@else.example.org", "code": "123456"})
    assert (page.status_code, "Too many tries" in page.text) == (422, True)


def test_the_way_in_keeps_the_check_against_forged_forms(representative):
    client = Client(enforce_csrf_checks=True)
    assert client.post(address("desk_way_in"), {"email": "carmen@harbor.example.org"}).status_code == 403


# Desk links


def test_an_expired_desk_link_says_so_and_a_new_one_goes_to_the_address_on_record(client, representative, installation):
    with time_machine.travel(timezone.now() - timedelta(days=installation.personal_link_days + 1)):
        stale = signing_on.desk_token(representative)
    for language in ("en", "es"):
        page = client.get(address("desk", stale, language=language))
        assert page.status_code == 410
        assert address("desk_renew", stale, language=language) in page.text
        assert "Harbor Mentors" not in page.text
    with time_machine.travel(timezone.now(), tick=False):
        for _press in range(2):
            assert client.post(address("desk_renew", stale)).status_code == 200
    assert Notice.objects.get(kind="desk_link").value == "carmen@harbor.example.org"


def test_a_desk_link_altered_revoked_or_of_another_organization_opens_nothing(client, representative):
    token = signing_on.desk_token(representative)
    _pk, _dot, rest = token.partition(".")
    other = factories.RepresentativeFactory()
    for altered in (token[:-1], f"{other.pk}.{rest}", "nonsense"):
        assert client.get(address("desk", altered)).status_code == 404
    representative.nonce = "another"
    representative.save()
    page = client.get(address("desk", token))
    assert (page.status_code, "no longer valid" in page.text) == (410, True)


def test_a_link_made_at_the_desk_lives_no_longer_than_the_desk(representative, round_, installation):
    start = timezone.now()
    by_link = signing_on.desk_token(representative, start - timedelta(days=installation.personal_link_days - 1))
    by_code = signing_on.desk_token(representative, by_code=True)
    old, short = (desks.link_to_text(representative, token, round_) for token in (by_link, by_code))
    with time_machine.travel(start + timedelta(hours=7)):
        assert signing_on.open_link(old).representative == signing_on.open_link(short).representative
    with time_machine.travel(start + timedelta(hours=9)):
        assert signing_on.open_link(old)
        with pytest.raises(signing_on.ExpiredLink):
            signing_on.open_link(short)
    with time_machine.travel(start + timedelta(days=2)), pytest.raises(signing_on.ExpiredLink):
        signing_on.open_link(old)


def test_the_desk_of_a_text_is_no_younger_than_its_link(token, installation):
    client = browser()
    with time_machine.travel(timezone.now() + timedelta(days=installation.personal_link_days - 1)):
        desk = client.get(address("sign", token)).context["desk"]
        assert client.get(desk.url("desk")).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=installation.personal_link_days + 1)):
        assert client.get(desk.url("desk")).status_code == 410


def test_every_page_of_the_desk_is_kept_by_nobody(client, representative):
    token = signing_on.desk_token(representative)
    for name in ("desk", "desk_history", "desk_prove"):
        page = client.get(address(name, token), follow=True)
        assert page["Referrer-Policy"] == "no-referrer"
        assert page["X-Robots-Tag"] == "noindex, nofollow"
        assert "no-store" in page["Cache-Control"]


def test_the_version_seen_on_a_forwarded_link_is_not_the_persons(token, invitation, publication, editor):
    own = browser(address("sign", token))
    second = amend(publication, editor)
    browser(address("sign", token))
    assert Invitation.objects.get().seen_version == invitation.version
    page = own.get(address("sign", token))
    assert "What changed from version 1 to version 2" in page.text
    assert Invitation.objects.get().seen_version == second


def test_each_version_that_was_opened_stands_once_on_the_timelines(token, invitation, publication, editor):
    own = browser(address("sign", token))
    for _again in range(2):
        own.get(address("sign", token))
    amend(publication, editor)
    own.get(address("sign", token))
    own.get(address("sign_device", token), {"read": "1"})  # an old page, left open
    for whose in (invitation.organization, invitation.representative.person):
        lines = whose.entries.filter(text__contains="opened").order_by("pk")
        said = f"{invitation.organization.name} opened “Every reader by third grade”, version"
        name = invitation.representative.person.name
        assert [str(line.text) for line in lines] == [f"{said} {number} ({name})" for number in (1, 2)]


@pytest.mark.parametrize("number", ["²", "99999999999999999999", "x"])
def test_a_version_that_cannot_be_is_not_noted(token, invitation, number):
    own = browser(address("sign", token))
    seen = Invitation.objects.get().seen_version
    assert own.get(address("sign_device", token), {"read": number}).status_code == 200
    assert Invitation.objects.get().seen_version == seen


def test_old_codes_and_devices_are_forgotten(representative):
    start = timezone.now()
    codes.send_code(representative.person, language="en")
    devices.trust([representative], "a value")
    with time_machine.travel(start + timedelta(days=3)):
        assert (codes.forget_old(), devices.forget_old()) == (1, 0)
    with time_machine.travel(start + timedelta(days=400)):
        assert devices.forget_old() == 1
