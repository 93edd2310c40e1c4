"""The second factor: nobody passes half-way, a code works once, wrong ones wait, a lost phone is no end."""

import re
import time

import pytest
import time_machine
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from wagtail.users.models import UserProfile

from coalition import accounts, second_factor
from coalition.accounts import Role
from coalition.models import AuditLine, Installation, User
from tests.factories import UserFactory

PASSWORD = "correct horse battery"


@pytest.fixture
def ida(installation):
    user = accounts.give_role(UserFactory(is_superuser=False, email="ida@riverbend.example.org"), Role.ORGANIZER)
    user.set_password(PASSWORD)
    user.save()
    return user


def code_of(user, offset=0):
    device = TOTPDevice.objects.filter(user=user).order_by("-pk").first()
    return f"{totp(device.bin_key, t0=device.t0 - offset * 30):06d}"


@pytest.fixture
def protected(ida):
    """Ida with a second factor; her recovery codes."""
    second_factor.begin(ida)
    _device, codes = second_factor.confirm(ida, code_of(ida))
    TOTPDevice.objects.update(last_t=-1)  # a later day
    return codes


def enter(client, password=PASSWORD, **more):
    return client.post("/admin/login/", {"username": "ida@riverbend.example.org", "password": password} | more)


def is_in(client):
    return client.get("/admin/people/").status_code == 200


def test_without_one_the_password_opens_the_door(ida, client):
    assert enter(client)["Location"] == "/admin/"
    assert is_in(client)


def test_P5_after_the_password_nobody_is_in_until_the_code(protected, ida, client):
    answer = enter(client, next="/admin/segments/")
    assert answer["Location"] == "/admin/login/code/"
    assert "_auth_user_id" not in client.session
    for path in ("/admin/", "/admin/people/", "/admin/account/", "/admin/my-sign-in/", "/admin/login/set-up/"):
        assert client.get(path).status_code == 302
    assert client.get("/admin/login/code/").status_code == 200
    answer = client.post("/admin/login/code/", {"code": code_of(ida)})
    assert answer["Location"] == "/admin/segments/"
    assert is_in(client)


def test_P5_a_code_works_once(protected, ida, client):
    code = code_of(ida)
    enter(client)
    client.post("/admin/login/code/", {"code": code})
    client.post("/admin/logout/")
    enter(client)
    assert client.post("/admin/login/code/", {"code": code}).status_code == 422
    assert not is_in(client)


def test_P5_wrong_codes_make_the_next_one_wait_even_if_it_is_right(protected, ida, client):
    enter(client)
    with time_machine.travel(time.time(), tick=False) as clock:
        for _n in range(4):
            client.post("/admin/login/code/", {"code": "000000"})
            clock.shift(20)
        client.post("/admin/login/code/", {"code": "000000"})
        answer = client.post("/admin/login/code/", {"code": code_of(ida)})
        assert (answer.status_code, "Wait " in answer.content.decode()) == (422, True)
        clock.shift(60)
        assert client.post("/admin/login/code/", {"code": code_of(ida)}).status_code == 302


def test_the_half_way_state_lapses_and_falls_with_the_password(protected, ida, client):
    enter(client)
    with time_machine.travel(time.time() + 700):
        assert client.get("/admin/login/code/")["Location"] == "/admin/login/"
    enter(client)
    ida.set_password("another horse battery")
    ida.save()
    assert client.post("/admin/login/code/", {"code": code_of(ida)})["Location"] == "/admin/login/"


def test_a_recovery_code_opens_the_door_once_and_is_kept_as_a_hash(protected, ida, client):
    plain = protected[0]
    assert not StaticToken.objects.filter(token__in=[code.replace("-", "") for code in protected]).exists()
    enter(client)
    assert client.post("/admin/login/code/?recovery", {"code": plain.upper()}).status_code == 302
    assert is_in(client)
    assert second_factor.codes_left(ida) == second_factor.CODES - 1
    client.post("/admin/logout/")
    enter(client)
    assert client.post("/admin/login/code/?recovery", {"code": plain}).status_code == 422
    details = [line.details for line in AuditLine.objects.filter(action="account", subject_id=str(ida.pk))]
    assert {"did": "recovery code used", "left": 9} in details


def test_P5_where_it_is_asked_of_all_staff_the_password_leads_to_setting_it_up(ida, client):
    Installation.objects.update(second_factor=True)
    assert enter(client)["Location"] == "/admin/login/set-up/"
    assert not is_in(client)
    page = client.get("/admin/login/set-up/").content.decode()
    key = re.search(r'bo-door__key">([A-Z2-7 ]+)<', page)[1]
    assert key.replace(" ", "") == second_factor.key_of(TOTPDevice.objects.get()).replace(" ", "")
    assert "<svg" in page
    assert client.post("/admin/login/set-up/", {"code": "123"}).status_code == 422
    TOTPDevice.objects.update(throttling_failure_count=0)
    done = client.post("/admin/login/set-up/", {"code": code_of(ida)}).content.decode()
    assert len(re.findall(r"<li><code>[a-z2-9]{5}-[a-z2-9]{5}</code>", done)) == second_factor.CODES
    assert is_in(client)


def test_P5_who_is_signed_in_when_it_begins_is_asked_at_the_next_page(ida, client, settings):
    client.force_login(ida)
    assert is_in(client)
    settings.REQUIRE_SECOND_FACTOR = True
    assert client.get("/admin/people/")["Location"] == "/admin/login/set-up/"
    assert client.get("/admin/people/", headers={"HX-Request": "true"}).status_code == 403
    assert client.post("/admin/people/add/", {}).status_code == 302
    assert client.get("/documents/1/minutes.txt")["Location"] == "/admin/login/set-up/"
    client.get("/admin/login/set-up/")
    client.post("/admin/login/set-up/", {"code": code_of(ida)})
    assert is_in(client)


def test_another_session_is_asked_for_the_code_once_it_is_set_up(ida, client):
    other = type(client)()
    for each in (client, other):
        enter(each)
    client.get("/admin/login/set-up/")
    client.post("/admin/login/set-up/", {"code": code_of(ida)})
    assert (is_in(client), is_in(other)) == (True, False)
    assert other.get("/admin/people/")["Location"] == "/admin/login/code/"


def test_a_foreign_device_in_the_session_opens_nothing(protected, ida, client):
    somebody = UserFactory()
    second_factor.begin(somebody)
    device, _codes = second_factor.confirm(somebody, code_of(somebody))
    client.force_login(ida)
    session = client.session
    session["otp_device_id"] = device.persistent_id
    session.save()
    assert not is_in(client)


def test_switching_off_and_new_codes_need_a_code_of_the_app(protected, ida, client):
    enter(client)
    client.post("/admin/login/code/", {"code": code_of(ida)})
    for path in ("switch-off", "codes"):
        assert client.post(f"/admin/my-sign-in/{path}/", {"code": "000000"}).status_code == 422
        TOTPDevice.objects.update(throttling_failure_count=0, last_t=-1)
    client.post("/admin/my-sign-in/codes/", {"code": code_of(ida)})
    assert second_factor.check(ida, protected[0], recovery=True) is None
    TOTPDevice.objects.update(last_t=-1)
    client.post("/admin/my-sign-in/switch-off/", {"code": code_of(ida)})
    assert (second_factor.of(ida), second_factor.codes_left(ida)) == (None, 0)
    assert is_in(client)


def test_an_administrator_resets_it_with_a_reason_and_nobody_else_can(protected, ida, client):
    path = f"/admin/staff-sign-ins/{ida.pk}/reset/"
    client.force_login(accounts.give_role(UserFactory(is_superuser=False), Role.ORGANIZER))
    client.post(path, {"why": "mine"})
    assert second_factor.of(ida) is not None
    boss = accounts.give_role(UserFactory(is_superuser=False), Role.ADMINISTRATOR)
    client.force_login(boss)
    assert client.post(path, {"why": ""}).status_code == 422
    client.post(path, {"why": "Lost her phone, I saw her."})
    assert second_factor.of(ida) is None
    line = AuditLine.objects.filter(action="account", by=boss).latest("pk")
    assert (line.details, line.why) == ({"did": "second factor reset"}, "Lost her phone, I saw her.")


def test_the_demo_doors_ask_for_none(ida, client, settings):
    settings.DEMO, settings.REQUIRE_SECOND_FACTOR = True, True
    client.force_login(ida)
    session = client.session
    session["demo_door"] = True
    session.save()
    assert is_in(client)
    settings.DEMO = False
    assert not is_in(client)


def test_a_new_password_does_not_get_round_the_code(protected, ida, client, mailoutbox):
    client.post("/admin/password_reset/", {"email": ida.email})
    link = re.search(r"http://[^/]+(/admin/password_reset/confirm/\S+)", mailoutbox[0].body)[1]
    form = client.get(link, follow=True)
    new = {"new_password1": "a brand new horse", "new_password2": "a brand new horse"}
    client.post(form.redirect_chain[-1][0], new)
    assert User.objects.get(pk=ida.pk).check_password("a brand new horse")
    assert enter(client, "a brand new horse")["Location"] == "/admin/login/code/"
    assert not is_in(client)


def test_the_key_and_the_codes_stand_in_no_audit_line(protected, ida):
    said = " ".join(str(line.details) for line in AuditLine.objects.all())
    assert second_factor.key_of(TOTPDevice.objects.get()) not in said
    assert not any(code in said for code in protected)


def test_setting_it_up_speaks_the_language_of_whoever_does_it_not_that_of_the_browser(ida, client):
    profile = UserProfile.get_for_user(ida)
    profile.preferred_language = "es"
    profile.save()
    client.force_login(ida)
    page = client.get("/admin/login/set-up/", headers={"Accept-Language": "en"}).content.decode()
    assert ("Configure su segundo factor" in page, "Set up your second factor" in page) == (True, False)
