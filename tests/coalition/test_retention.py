"""Retention: off until somebody decides, seen before it counts, gentle with who answers (rule P6)."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from coalition import accounts, merging, publishing, retention, signing_on, timeline
from coalition.accounts import Role
from coalition.models import AuditLine, Erasure, Installation, Notice, Person, Suppression
from tests import factories
from tests.coalition.signons import open_round, texts

LONG_AGO = timezone.now() - timedelta(days=5 * 365)
RULES = {"inactive_months": 36, "inactive_then": "ask", "answer_days": 30, "bin_days": 90}


def quiet(**kwargs):
    person = factories.PersonFactory(**{"email": True, "opted_in": True} | kwargs)
    Person.objects.filter(pk=person.pk).update(created_at=LONG_AGO, last_active_at=None)
    return person


@pytest.fixture
def rules(installation):
    Installation.objects.update(**RULES)


def kept():
    return set(Person.objects.values_list("pk", flat=True))


def test_P6_nothing_happens_until_somebody_decides(installation):
    quiet()
    Person.objects.update(binned_at=LONG_AGO)
    assert retention.run() == 0
    assert Notice.objects.count() == 0


def test_P6_who_was_quiet_for_long_is_asked_once_and_forgotten_without_an_answer(rules):
    silent, active = quiet(language="es"), quiet()
    fresh = factories.PersonFactory(email=True)
    Person.objects.filter(pk=active.pk).update(last_active_at=timezone.now() - timedelta(days=300))
    assert [retention.run(), retention.run()] == [1, 0]
    notice = Notice.objects.get(kind="stay")
    assert (notice.person, notice.language) == (silent, "es")
    with time_machine.travel(timezone.now() + timedelta(days=29)):
        assert retention.run() == 0
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert retention.run() == 1
    assert kept() == {active.pk, fresh.pk}
    assert (Erasure.objects.get().source, Suppression.objects.count()) == ("retention", 0)
    assert AuditLine.objects.get(action="anonymise").why == "retention: no sign of life"


def test_P6_who_answers_stays(rules, client, settings):
    silent = quiet()
    retention.run()
    link = next(line for line in Notice.objects.get(kind="stay").text.splitlines() if "/stay/" in line)
    path = link.removeprefix(settings.PUBLIC_URL)
    assert "@" not in path
    assert client.get(path).status_code == 200
    silent.refresh_from_db()
    assert silent.asked_to_stay_at is not None  # scanners follow links
    assert client.post(path).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert retention.run() == 0
    assert kept() == {silent.pk}
    assert client.get("/en/stay/forged/").status_code == 302


def test_P6_who_answers_after_a_merge_stays_as_whom_they_became(rules, client, settings):
    asked, kept_record = quiet(email="ana@x.example.org"), quiet(email="ana@x.example.org")
    link = retention.url(asked.addresses.get(), "en").removeprefix(settings.PUBLIC_URL)
    merging.merge(kept_record, [asked])
    assert client.post(link).status_code == 200
    kept_record.refresh_from_db()
    assert timezone.now() - kept_record.last_active_at < timedelta(minutes=1)
    Person.objects.filter(pk=kept_record.pk).update(binned_at=timezone.now())
    assert client.post(link).status_code == 302


def test_P6_who_answered_by_doing_something_is_asked_anew_years_later(rules):
    """A text, a signature: any sign of life answers the question. It does not stand against them for ever."""
    person = quiet()
    assert retention.run() == 1
    with time_machine.travel(timezone.now() + timedelta(days=5)):
        timeline.seen_alive([person.pk])
    with time_machine.travel(timezone.now() + timedelta(days=4 * 365)):
        assert [retention.run(), retention.run()] == [1, 0]
        assert (kept(), Notice.objects.filter(kind="stay").count()) == ({person.pk}, 2)
    with time_machine.travel(timezone.now() + timedelta(days=4 * 365 + 31)):
        assert retention.run() == 1
    assert kept() == set()


def test_P6_at_once_means_without_asking(rules):
    quiet()
    Installation.objects.update(inactive_then="anonymise")
    retention.run()
    assert (kept(), Notice.objects.count()) == (set(), 0)


def test_P6_whom_no_email_reaches_is_forgotten_without_being_asked(rules):
    quiet(email=False, phone=True)
    assert retention.run() == 1
    assert kept() == set()


def test_P6_the_bin_is_emptied_after_its_days_and_a_merge_stays_whole(rules):
    old, new, into = (factories.PersonFactory() for _n in range(3))
    shell = factories.PersonFactory(merged_into=into, binned_at=LONG_AGO)
    Person.objects.filter(pk=old.pk).update(binned_at=LONG_AGO)
    Person.objects.filter(pk=new.pk).update(binned_at=timezone.now() - timedelta(days=89))
    assert retention.run() == 1
    assert kept() == {new.pk, into.pk, shell.pk}


def test_P6_who_speaks_for_an_organization_that_is_asked_just_now_is_never_touched(rules):
    staff, publication = factories.UserFactory(), factories.PublicationFactory()
    publishing.freeze(publication, texts(), by=staff)
    person = quiet()
    representative = factories.RepresentativeFactory(person=person)
    round_ = open_round(publication, staff)
    signing_on.invite(round_, [representative], by=staff)
    Person.objects.filter(pk=person.pk).update(last_active_at=None)
    Installation.objects.update(inactive_then="anonymise")
    assert retention.run() == 0
    signing_on.close_round(round_)
    assert retention.run() == 1


def test_it_goes_in_chunks_and_twice_is_once(rules):
    for _n in range(5):
        quiet()
    assert [retention.run(limit=2) for _n in range(4)] == [2, 2, 1, 0]
    assert Notice.objects.filter(kind="stay").count() == 5


# The screen


@pytest.fixture
def boss(client, installation):
    user = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ADMINISTRATOR)
    client.force_login(user)
    return user


def test_P6_an_administrator_sees_whom_it_would_touch_before_it_counts(boss, client):
    silent = quiet(given_name="Zoraida")
    answer = client.post("/admin/retention/", RULES)
    assert [(line["kind"], line["number"]) for line in answer.context["preview"]] == [
        ("ask", 1),
        ("anonymise", 0),
        ("erase", 0),
    ]
    assert "Zoraida" in answer.content.decode()
    assert Installation.get().inactive_months is None
    client.post("/admin/retention/", RULES | {"step": "keep"})
    assert Installation.get().inactive_months == 36
    line = AuditLine.objects.get(action="setting")
    assert (line.by, line.details["rules"]) == (boss, RULES)
    assert kept() == {silent.pk}


@pytest.mark.parametrize("wrong", [{"inactive_months": 1}, {"answer_days": 0}, {"bin_days": 0}, {"inactive_then": "x"}])
def test_rules_that_would_forget_everybody_are_refused(boss, client, wrong):
    assert client.post("/admin/retention/", RULES | wrong | {"step": "keep"}).status_code == 422
    assert Installation.get().inactive_months is None


@pytest.mark.parametrize("role", [Role.ORGANIZER, Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_nobody_else_decides(client, installation, role):
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    client.post("/admin/retention/", RULES | {"step": "keep"})
    assert Installation.get().inactive_months is None


# Erased by staff


def test_P4_staff_erase_who_asked_with_the_name_typed_and_a_reason(client, installation):
    organizer = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    client.force_login(organizer)
    person = factories.PersonFactory(given_name="Zoraida", family_name="Ñandú", email=True)
    path = f"/admin/people/erase/{person.pk}/"
    assert f'href="{path}"' in client.get(f"/admin/people/inspect/{person.pk}/").content.decode()
    assert client.get(path).status_code == 200
    for wrong in ({"typed": "Somebody", "why": "Asked"}, {"typed": "Zoraida Ñandú", "why": ""}):
        assert client.post(path, wrong).status_code == 422
    client.post(path, {"typed": " zoraida nandu ", "why": "Asked by phone"})
    assert not Person.objects.filter(pk=person.pk).exists()
    line = AuditLine.objects.get(action="erase")
    assert (line.by, line.why, Erasure.objects.get().source) == (organizer, "Asked by phone", "staff")
    assert client.post(path, {"typed": "Zoraida Ñandú", "why": "Again"}).status_code == 404


@pytest.mark.parametrize("role", [Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_P4_who_may_not_see_people_erases_nobody(client, installation, role):
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    person = factories.PersonFactory()
    client.post(f"/admin/people/erase/{person.pk}/", {"typed": person.name, "why": "x"})
    assert Person.objects.filter(pk=person.pk).exists()
