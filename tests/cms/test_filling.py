"""The demo's own words, laid down once however often it is asked for; and what comes back of its emails."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone
from i18nfield.strings import LazyI18nString

from campaigns import blocks, reporting
from campaigns.models import Click, Delivery, Enrolment, Message, Series, TrackingEvent
from campaigns.series import steering
from cms.demo.filling import alerts, fill_installation, fill_own_words
from cms.demo.filling import series as filling_series
from cms.demo.filling.people import TAG_NAMES, drawing
from cms.demo.filling.words import STAFF, organizer, read
from cms.demo.filling.work import numbered, query_of
from coalition import custom, lists, people, segments
from coalition.models import (
    Address,
    Consent,
    Constituency,
    CustomField,
    Entry,
    PeopleList,
    Region,
    Segment,
    Tag,
    TagGroup,
    Topic,
)
from tests import factories
from tests.campaigns.test_series import build


def test_own_words_are_bilingual_and_laid_down_once(db):
    fill_installation(None)
    fill_own_words(None)
    kinds = (CustomField, TagGroup, Region, Constituency, Topic)
    before = [list(kind.objects.values_list("pk", flat=True)) for kind in kinds]
    said = [(row.label if kind is CustomField else row.name).data for kind in kinds for row in kind.objects.all()]
    said += [choice["label"] for field in CustomField.objects.all() for choice in field.choices]
    assert [names for names in said if sorted(filter(names.get, names)) != ["en", "es"]] == []
    assert {field.kind for field in CustomField.objects.filter(subject="person")} == set(CustomField.Kind)
    fill_own_words(None)
    assert [list(kind.objects.values_list("pk", flat=True)) for kind in kinds] == before


def test_what_segments_and_views_ask_can_be_asked(db):
    fill_installation(None)
    fill_own_words(None)
    for name in TAG_NAMES:
        people.tag_named(name)
    for row in read("work")["list"]:
        lists.keep(PeopleList(), name=row["name"], by=organizer())
    for row in read("work")["segment"]:
        tree = numbered(row["criteria"])
        segments.keep(Segment(), name=row["name"], description=row["description"], tree=tree, by=organizer())
        assert segments.problems(tree) == []
        assert segments.people(Segment.objects.get(name=row["name"])).count() == 0
    families = Tag.objects.get(slug="families").pk
    assert query_of("email=open&tag={tag:families}") == f"email=open&tag={families}"


def test_drawn_values_are_what_the_database_keeps(db):
    fill_installation(None)
    fill_own_words(None)
    rows = [row for row in read("own_words")["field"] if row["subject"] == "person" and not row.get("sealed")]
    for row in rows:
        field = CustomField.objects.get(key=row["key"])
        value = drawing(field, row)(random.Random(7))
        assert custom.clean(field, value, "en") == value


@pytest.fixture
def told(db, installation):
    """A message of 60 people, 20 of them in Spanish, that left two days ago as the demo's do."""
    for n in range(60):
        at = "correo.example.net" if n % 4 == 0 else "people.example.org"
        factories.PersonFactory(email=f"reader{n}@{at}", opted_in=True, language="es" if n % 3 == 0 else "en")
    message = factories.MessageFactory(name="Alert")
    link = {"id": "b2", "type": "button", "value": {"label": "Read", "url": "https://riverbend.example.org/"}}
    for content in message.contents.all():
        content.blocks = blocks.cleaned([*content.blocks, link])
        content.save()
    factories.UserFactory(email=STAFF[0][0])
    return message


@pytest.mark.django_db(transaction=True)
def test_what_comes_back_is_what_the_story_says_spread_over_hours_and_always_the_same(told):
    moment = timezone.now() - timedelta(days=2)
    alerts.leave(told, moment)
    said = {"silent": 2, "deferred": 3, "bounced": 4, "soft": 2, "complained": 1, "stopped": 2, "followed": 9}
    alerts.hear(told, said | {"scanned": 3, "signed": 0}, random.Random(7))
    states = Counter(told.deliveries.values_list("state", flat=True))
    assert states == {"sent": 2, "deferred": 3, "bounced": 6, "complained": 1, "delivered": 48}
    total = reporting.count(told)["total"]
    assert [total[name] for name in ("sent", "followed", "acted", "stopped", "complained", "bounced")] == [
        54,
        9,
        0,
        3,  # whoever complains is closed, too
        1,
        6,
    ]
    assert Click.objects.filter(by=Click.By.SCANNER, why="trap").count() == 3
    assert Address.objects.filter(fault=Address.Fault.BOUNCED).count() == 4  # what bounces for now closes nothing (E4)
    assert (told.state, told.started_at) == (told.State.SENT, moment)
    happened = [*TrackingEvent.objects.values_list("at", flat=True), *Click.objects.values_list("at", flat=True)]
    happened += Consent.objects.filter(state=Address.Consent.WITHDRAWN).values_list("at", flat=True)
    assert moment < min(happened)
    assert max(happened) < timezone.now() - timedelta(minutes=20)


class BrokenOff(Exception):
    pass


class NoLot(random.Random):
    """The filling is broken off where something is drawn by lot for the first time."""

    def random(self):
        raise BrokenOff


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broken_off", [False, True])
def test_a_series_whose_filling_was_broken_off_goes_on_where_it_was(told, installation, broken_off):
    installation.email_wording = LazyI18nString({"en": "Yes, write to me.", "es": "Sí, escríbanme."})
    installation.save()
    welcome = build(0, 72)
    steering.start(welcome)
    began = timezone.now() - timedelta(days=9)
    Series.objects.update(since=began)
    Message.objects.update(started_at=began)
    Consent.objects.update(at=began - timedelta(days=1))
    welcome.refresh_from_db()
    joined = [("Ana Rosado", 5), ("Theodora Vance", 29), ("Nimo Warsame", 80)]
    said = {"bounced": 0, "soft": 0, "complained": 0, "stopped": 0, "followed": 0, "scanned": 0, "signed": 0}
    rows = {
        "joined": [{"name": name, "language": "en", "hours_ago": hours} for name, hours in joined],
        "step": [{"came_back": said}, {"came_back": said}],
        "signed": 0,
    }
    if broken_off:
        with pytest.raises(BrokenOff):
            filling_series.let_run(welcome, rows, NoLot())
        assert welcome.enrolments.count() == len(joined)
    filling_series.let_run(welcome, rows, random.Random(7))
    left = Delivery.objects.values_list("person__given_name", "message__name", "state").order_by("pk")
    assert sorted(left) == [
        ("Ana", "Step 1", "delivered"),
        ("Nimo", "Step 1", "delivered"),
        ("Nimo", "Step 2", "delivered"),
        ("Theodora", "Step 1", "delivered"),
    ]
    for enrolment in welcome.enrolments.all():
        at = list(enrolment.person.deliveries.order_by("sent_at").values_list("sent_at", flat=True))
        assert at == [enrolment.began_at, enrolment.began_at + timedelta(hours=72)][: len(at)]
        told_at = Entry.objects.filter(person=enrolment.person, kind=Entry.Kind.MESSAGE).values_list("at", flat=True)
        assert max(told_at) == at[-1]


def test_a_series_that_is_filled_is_left_as_its_people_changed_it(db, installation):
    welcome = build(0)
    began = {"position": 0, "began_at": timezone.now()}
    welcome.enrolments.create(person=factories.PersonFactory(), state=Enrolment.State.ACTED, **began)
    filling_series.fill_series(None)
    assert (welcome.enrolments.count(), Series.objects.get().steps.count()) == (1, 1)


def test_chosen_by_lot_they_leave_the_rows_and_are_the_same_every_time(db):
    rows = [factories.PersonFactory() for _n in range(9)]
    chosen = alerts.drawn(random.Random(3), left := list(rows), 4)
    assert sorted([*chosen, *left], key=lambda row: row.pk) == rows
    assert chosen == alerts.drawn(random.Random(3), list(rows), 4)


def test_emails_of_the_story_say_both_languages_and_every_number_that_is_asked():
    rows = read("messages")["email"]
    names = {"silent", "deferred", "bounced", "soft", "complained", "stopped", "followed", "scanned", "signed"}
    for row in rows:
        lines = [row, *row["blocks"], *([row["test"]] if "test" in row else [])]
        for line in lines:
            english = {name.removesuffix("_en") for name in line if name.endswith("_en")}
            assert {name.removesuffix("_es") for name in line if name.endswith("_es")} == english
        assert row["state"] not in ("sent", "paused") or row["came_back"].keys() <= names
    assert Counter(row["state"] for row in rows) == {
        "sent": 2,
        "paused": 1,
        "planned": 1,
        "read": 1,
        "draft": 1,
        "template": 2,
    }
