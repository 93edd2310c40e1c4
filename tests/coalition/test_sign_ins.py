"""Sessions of staff: listed, ended for real; and the door that closes after failures and tells nothing."""

import logging
from datetime import timedelta

import pytest
import time_machine
from axes.models import AccessAttempt, AccessLog
from django.contrib.sessions.models import Session
from django.utils import timezone

from coalition import accounts, sign_ins
from coalition.accounts import Role
from coalition.models import AuditLine, SignIn
from tests.factories import UserFactory

PASSWORD = "correct horse battery"
EMAIL = "ida@riverbend.example.org"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def ida(installation):
    user = accounts.give_role(UserFactory(is_superuser=False, email=EMAIL), Role.ORGANIZER)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def boss(installation):
    return accounts.give_role(UserFactory(is_superuser=False), Role.ADMINISTRATOR)


def enter(client, password=PASSWORD, email=EMAIL, **extra):
    return client.post("/admin/login/", {"username": email, "password": password}, **extra)


def is_in(client):
    return client.get("/admin/people/").status_code == 200


def test_a_sign_in_is_listed_with_its_device_and_where_it_came_from(ida, client):
    enter(client, HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="203.0.113.9")
    held = SignIn.objects.get()
    assert (held.user, held.device, held.origin) == (ida, "Firefox · Windows", "203.0.113.9")
    page = client.get("/admin/my-sign-in/").content.decode()
    assert "Firefox · Windows" in page
    assert "This one" in page
    line = AuditLine.objects.get(action="sign_in")
    assert (line.by, line.origin, line.details) == (ida, "203.0.113.9", {"did": "signed in"})


def test_last_seen_is_written_at_most_once_a_minute(ida, client, django_assert_num_queries):
    enter(client)
    held = SignIn.objects.get()
    client.get("/admin/my-sign-in/")
    with time_machine.travel(timezone.now() + timedelta(seconds=30)):
        client.get("/admin/my-sign-in/")
    assert SignIn.objects.get().seen_at - held.seen_at < timedelta(seconds=20)


def test_an_ended_session_is_really_out(ida, client):
    other = type(client)()
    for each in (client, other):
        enter(each)
    theirs = SignIn.objects.order_by("-pk").first()
    client.post(f"/admin/my-sign-in/end/{theirs.pk}/")
    assert (is_in(client), is_in(other)) == (True, False)
    assert Session.objects.filter(pk=theirs.session_key).count() == 0


def test_all_others_are_ended_at_once(ida, client):
    others = [type(client)() for _n in range(3)]
    for each in (client, *others):
        enter(each)
    client.post("/admin/my-sign-in/end/")
    assert [is_in(each) for each in (client, *others)] == [True, False, False, False]
    assert SignIn.objects.filter(ended_at=None).count() == 1


def test_nobody_ends_a_session_of_somebody_else(ida, boss, client):
    other = type(client)()
    enter(other)
    theirs = SignIn.objects.get()
    client.force_login(accounts.give_role(UserFactory(is_superuser=False), Role.ORGANIZER))
    assert client.post(f"/admin/my-sign-in/end/{theirs.pk}/").status_code == 404
    client.post(f"/admin/staff-sign-ins/{ida.pk}/end/")
    assert is_in(other)
    client.force_login(boss)
    assert "Firefox" not in client.get(f"/admin/staff-sign-ins/{ida.pk}/").content.decode()
    client.post(f"/admin/staff-sign-ins/{ida.pk}/end/{theirs.pk}/")
    assert not is_in(other)
    assert AuditLine.objects.filter(action="sign_in", by=boss, details={"did": "session ended"}).exists()


def test_a_new_password_ends_the_others_and_keeps_this_one(ida, client):
    other = type(client)()
    for each in (client, other):
        enter(each)
    new = {"password-old_password": PASSWORD, "password-new_password1": "a new horse battery"}
    new["password-new_password2"] = new["password-new_password1"]
    profile = {"name_email-first_name": "Ida", "name_email-last_name": "Wells", "name_email-email": EMAIL}
    rest = {"locale-preferred_language": "", "locale-current_time_zone": "", "theme-theme": "system"}
    more = {"theme-density": "default", "theme-contrast": "system", "theme-keyboard_shortcuts": "on"}
    client.post("/admin/account/", new | profile | rest | more)
    ida.refresh_from_db()
    assert ida.check_password("a new horse battery")
    assert (is_in(client), is_in(other)) == (True, False)
    assert [held.ended_at is None for held in SignIn.objects.order_by("pk")] == [True, False]
    assert "This one" in client.get("/admin/my-sign-in/").content.decode()


def test_a_disabled_account_is_out_at_once(ida, client):
    enter(client)
    ida.is_active = False
    ida.save()
    assert not is_in(client)
    assert AuditLine.objects.filter(action="account", details={"did": "disabled"}).exists()


def test_signing_out_ends_the_session(ida, client):
    enter(client)
    client.post("/admin/logout/")
    assert SignIn.objects.get().ended_at is not None


def test_what_ended_long_ago_is_dropped(ida, client):
    enter(client)
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        assert sign_ins.forget_old() == 1


# The door closes


def fail(client, times, email=EMAIL, **extra):
    return [enter(client, "wrong", email, **extra).status_code for _n in range(times)]


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.org"])
def test_the_door_closes_after_failures_and_says_the_same_for_a_name_we_do_not_know(ida, client, settings, email):
    assert fail(client, settings.AXES_FAILURE_LIMIT + 1, email) == [200] * 4 + [429] * 2
    answer = enter(client, PASSWORD, email)
    page = answer.content.decode()
    assert answer.status_code == 429
    assert "The door stays closed for 15 minutes" in page
    assert not is_in(client)


def test_the_way_a_name_is_written_does_not_count(ida, client):
    for n, written in enumerate([EMAIL, EMAIL.upper(), f" {EMAIL} ", EMAIL.title(), EMAIL]):
        assert (enter(client, "wrong", written).status_code == 429) is (n == 4)


def test_others_and_other_places_are_not_locked_out(ida, client, boss):
    fail(client, 6)
    assert enter(client, REMOTE_ADDR="203.0.113.9").status_code == 302
    boss.set_password(PASSWORD)
    boss.save()
    assert enter(type(client)(), email=boss.email).status_code == 302


def test_behind_a_proxy_the_visitors_own_address_counts(ida, client, settings):
    settings.USE_X_FORWARDED_HOST = True
    forged = {"HTTP_X_FORWARDED_FOR": "1.2.3.4, 203.0.113.9", "HTTP_X_FORWARDED_HOST": "testserver"}
    fail(client, 6, **forged)
    assert {attempt.ip_address for attempt in AccessAttempt.objects.all()} == {"203.0.113.9"}
    assert enter(client, HTTP_X_FORWARDED_FOR="203.0.113.10", HTTP_X_FORWARDED_HOST="testserver").status_code == 302


def test_the_door_opens_again_by_itself(ida, client, settings):
    fail(client, 6)
    with time_machine.travel(timezone.now() + settings.AXES_COOLOFF_TIME + timedelta(seconds=1)):
        assert enter(client).status_code == 302


def test_P5_a_lock_out_is_recorded_once_and_an_administrator_opens_the_door(ida, boss, client):
    fail(client, 8, REMOTE_ADDR="203.0.113.77")
    line = AuditLine.objects.get(action="lock_out")
    assert (line.subject, line.subject_id, line.origin) == ("coalition.user", str(ida.pk), "203.0.113.77")
    door = type(client)()
    door.force_login(boss)
    assert "Locked out" in door.get("/admin/staff-sign-ins/").content.decode()
    door.post(f"/admin/staff-sign-ins/{ida.pk}/unlock/")
    assert enter(client, REMOTE_ADDR="203.0.113.77").status_code == 302
    assert AuditLine.objects.filter(action="lock_out", by=boss, details={"did": "unlocked"}).count() == 1


def test_no_name_is_kept_or_logged(ida, client, caplog):
    caplog.set_level(logging.DEBUG)
    fail(client, 6)
    enter(client, REMOTE_ADDR="203.0.113.9")
    kept = str([list(model.objects.values()) for model in (AccessAttempt, AccessLog)])
    assert "ida@" not in kept
    assert "wrong" not in kept
    assert "ida@" not in "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith("django.db"))


def test_the_list_of_staff_costs_a_fixed_number_of_queries(boss, client, django_assert_max_num_queries):
    client.force_login(boss)
    client.get("/admin/staff-sign-ins/")
    with django_assert_max_num_queries(20):
        client.get("/admin/staff-sign-ins/")
    for _n in range(30):
        accounts.give_role(UserFactory(is_superuser=False), Role.EDITOR)
    with django_assert_max_num_queries(20):
        client.get("/admin/staff-sign-ins/")
