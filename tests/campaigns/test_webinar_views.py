"""The doors of a webinar: the public form, the page behind the personal link, and the back office."""

import csv
import io
import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from icalendar import Calendar

from campaigns import registering
from campaigns.forms.webinars import WebinarForm
from campaigns.models import Registration, Webinar
from coalition.models import Consent, Notice, Person
from tests.coalition.searches import led_through, naming
from tests.factories import UserFactory, WebinarFactory

pytestmark = pytest.mark.django_db
Access = Registration.Access


def planned(**details):
    made = WebinarFactory(**{"join_url": "https://meet.example.org/j/1", **details})
    made.refresh_from_db()
    return made


@pytest.fixture
def webinar(installation):
    installation.email_wording = {"en": "Send me news by email.", "es": "Quiero noticias por correo."}
    installation.save()
    return planned()


def to(name, *args, language="es"):
    with override(language):
        return reverse(f"campaigns:{name}", args=args)


def typed(**changes):
    return {
        "name": "Ana Peña",
        "email": "Ana@People.example.org",
        "language": "es",
        "interpretation": "es",
        "access_needs": "Letra grande",
        **changes,
    }


def register(webinar, name="Ana Peña", email="ana@people.example.org", language="es", **needs):
    return registering.register(webinar, name=name, email=email, language=language, **needs)


def main_of(response):
    """What the page says, without the token that differs each time."""
    body = response.content.decode()
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", body[body.index("<main") : body.index("</main>")])


# The public form


def test_the_form_begins_in_the_language_of_the_page_with_nothing_ticked(client, webinar):
    page = client.get(to("register", webinar.uid))
    form = page.context["form"]
    assert '<html lang="es">' in page.content.decode()
    assert form["language"].value() == "es"
    assert form["updates"].label == "Quiero noticias por correo."
    assert 'type="checkbox"' in str(form["updates"])
    assert "checked" not in str(form["updates"])
    assert page.context["webinar"].recorded
    assert f'href="/en/register/{webinar.uid}/"' in page.content.decode()


def test_W2_only_what_the_webinar_offers_can_be_chosen(client, webinar):
    Webinar.objects.update(asl_interpretation=False)
    page = client.get(to("register", webinar.uid, language="en"))
    assert [code for code, _label in page.context["form"].fields["interpretation"].choices] == ["none", "es"]
    answer = client.post(to("register", webinar.uid), typed(interpretation="asl"))
    assert (answer.status_code, Registration.objects.count()) == (422, 0)
    Webinar.objects.update(spanish_interpretation=False)
    assert "interpretation" not in client.get(to("register", webinar.uid)).context["form"].fields
    client.post(to("register", webinar.uid), typed())
    assert Registration.objects.get().interpretation == ""


def test_W2_the_recording_is_announced_only_where_there_is_one(client, webinar):
    with override("en"):
        said = "This webinar is recorded."
        assert said in client.get(to("register", webinar.uid, language="en")).content.decode()
        Webinar.objects.update(recorded=False)
        assert said not in client.get(to("register", webinar.uid, language="en")).content.decode()


def test_registering_stores_what_was_typed_and_answers_with_it(client, webinar, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as queued:
        answer = client.post(to("register", webinar.uid), typed(captions="on", updates="on"))
    assert len(queued) == 1
    assert answer.headers["Location"] == to("registered", webinar.uid)
    held = Registration.objects.get()
    assert (held.email, held.language, held.interpretation) == ("ana@people.example.org", "es", "es")
    assert (held.captions, held.access_needs, held.access_state) == (True, "Letra grande", Access.ASKED)
    assert Consent.objects.get().wording == "Quiero noticias por correo."
    page = client.get(answer.headers["Location"])
    assert "Ana Peña" in main_of(page)
    assert "ana@people.example.org" in main_of(page)
    assert held.nonce not in page.content.decode()


def test_a_form_with_mistakes_keeps_what_was_typed_and_stores_nothing(client, webinar):
    page = client.post(to("register", webinar.uid), typed(email="ana at home"))
    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["email"]
    said = page.content.decode()
    assert 'role="alert"' in said
    assert 'href="#id_email"' in said
    assert 'value="Ana Peña"' in said
    assert 'value="ana at home"' in said
    assert "Letra grande" in said
    assert not Person.objects.exists()


@pytest.mark.parametrize("name", ["Win at https://spam.example", "www.spam.example", "x@spam.example", "  "])
def test_a_name_carries_no_link_to_somebody_elses_mailbox(client, webinar, name):
    page = client.post(to("register", webinar.uid), typed(name=name))
    assert list(page.context["form"].errors) == ["name"]
    assert not Notice.objects.exists()


def test_pressing_twice_or_going_back_is_harmless(client, webinar):
    for _press in range(3):
        assert client.post(to("register", webinar.uid), typed()).status_code == 302
    assert (Registration.objects.count(), Notice.objects.count()) == (1, 1)


def test_nobody_learns_from_the_form_who_is_registered(webinar):
    held = register(webinar, access_needs="I am blind", interpretation="asl")
    stranger, newcomer = Client(), Client()
    known = stranger.post(to("register", webinar.uid), typed(access_needs=""))
    other = newcomer.post(to("register", webinar.uid), typed(email="other@people.example.org", access_needs=""))
    assert known.headers["Location"] == other.headers["Location"]
    one = main_of(stranger.get(known.headers["Location"])).replace("ana@people", "x@people")
    two = main_of(newcomer.get(other.headers["Location"])).replace("other@people", "x@people")
    assert one == two
    assert "blind" not in one
    assert held.nonce not in one
    held.refresh_from_db()
    assert (held.access_needs, held.interpretation) == ("I am blind", "asl")


def test_nobody_learns_from_a_full_webinar_who_is_registered(webinar):
    Webinar.objects.update(capacity=1)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        register(webinar)
        clock.shift(timedelta(hours=2))
        known = Client().post(to("register", webinar.uid), typed())
        other = Client().post(to("register", webinar.uid), typed(email="other@people.example.org"))
    assert (known.status_code, other.status_code) == (409, 409)
    assert main_of(known) == main_of(other)
    assert Person.objects.count() == 1
    assert Notice.objects.count() == 2  # the link again, to the one who has the seat


def test_the_answer_belongs_to_this_browser(client, webinar):
    client.post(to("register", webinar.uid), typed())
    stranger = Client().get(to("registered", webinar.uid))
    assert stranger.headers["Location"] == to("register", webinar.uid)
    other = planned()
    assert client.get(to("registered", other.uid)).status_code == 302


def test_a_full_webinar_offers_the_others_and_keeps_what_was_typed(client, webinar):
    Webinar.objects.update(capacity=1)
    full_too = planned(capacity=1)
    for each in (webinar, full_too):
        register(each, name="Luz Vega", email="luz@people.example.org")
    free = planned(title={"en": "Free", "es": "Con lugar"}, capacity=5)
    page = client.post(to("register", webinar.uid), typed())
    assert page.status_code == 409
    assert list(page.context["others"]) == [free]
    assert not Person.objects.filter(name="Ana Peña").exists()
    form = client.get(to("register", free.uid)).context["form"]
    assert (form["name"].value(), form["email"].value()) == ("Ana Peña", "ana@people.example.org")
    assert (form["interpretation"].value(), form["access_needs"].value()) == ("es", "Letra grande")
    client.post(to("register", free.uid), typed())
    assert client.get(to("register", planned().uid)).context["form"]["name"].value() is None


def test_a_full_webinar_shows_no_form(client, webinar):
    Webinar.objects.update(capacity=0)
    page = client.get(to("register", webinar.uid))
    assert (page.status_code, page.context["form"]) == (200, None)


@pytest.mark.parametrize("how", ["over", "cancelled"])
def test_a_closed_webinar_says_so_and_takes_nobody(client, webinar, how):
    if how == "over":
        past = timezone.now() - timedelta(days=2)
        Webinar.objects.update(starts_at=past, ends_at=past + timedelta(hours=1))
    else:
        registering.call_off(webinar)
    for answer in (client.get(to("register", webinar.uid)), client.post(to("register", webinar.uid), typed())):
        assert (answer.status_code, answer.context["state"]) == (410, how)
    assert not Person.objects.exists()


def test_an_address_that_names_no_webinar_is_404(client, webinar):
    assert client.get(to("register", "00000000-0000-4000-8000-000000000000")).status_code == 404
    assert client.get(to("calendar", "00000000-0000-4000-8000-000000000000")).status_code == 404


def test_a_form_from_elsewhere_is_refused(webinar):
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(to("register", webinar.uid), typed()).status_code == 403
    assert not Person.objects.exists()


def test_W1_the_public_calendar_file(client, webinar):
    answer = client.get(to("calendar", webinar.uid))
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8; method=PUBLISH"
    [event] = Calendar.from_ical(answer.content).walk("VEVENT")
    assert event["SUMMARY"] == "Voces de la comunidad"
    assert b"meet.example.org" not in answer.content


# Behind the personal link


def test_the_personal_page_is_kept_by_nobody(client, webinar):
    held = register(webinar)
    for name in ("registration", "registration_change", "registration_cancel", "registration_calendar"):
        headers = client.get(to(name, held.nonce)).headers
        assert {"no-store", "private"} <= set(headers["Cache-Control"].replace(" ", "").split(","))
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"


def test_a_wrong_link_is_404(client, webinar):
    register(webinar)
    for name in ("registration", "registration_change", "registration_cancel", "registration_calendar"):
        assert client.get(to(name, "not-a-token")).status_code == 404
    assert client.post(to("registration_cancel", "not-a-token")).status_code == 404
    assert Registration.objects.get().state == Registration.State.REGISTERED


def test_the_personal_page_shows_only_this_person(client, webinar):
    held = register(webinar, interpretation="es", access_needs="Letra grande")
    register(webinar, name="Luz Vega", email="luz@people.example.org", access_needs="Silla de ruedas")
    said = main_of(client.get(to("registration", held.nonce)))
    assert "Letra grande" in said
    assert "https://meet.example.org/j/1" in said
    assert "Luz Vega" not in said
    assert "Silla" not in said


def test_W1_the_personal_calendar_file_holds_the_link(client, webinar):
    held = register(webinar)
    answer = client.get(to("registration_calendar", held.nonce))
    assert Calendar.from_ical(answer.content).walk("VEVENT")[0]["LOCATION"] == "https://meet.example.org/j/1"
    registering.cancel(held)
    answer = client.get(to("registration_calendar", held.nonce))
    assert "method=CANCEL" in answer.headers["Content-Type"]
    assert b"meet.example.org" not in answer.content


def test_changing_what_one_needs(client, webinar):
    held = register(webinar, interpretation="es", captions=True)
    form = client.get(to("registration_change", held.nonce)).context["form"]
    assert (form["interpretation"].value(), form["captions"].value()) == ("es", True)
    answer = client.post(to("registration_change", held.nonce), {"language": "en", "interpretation": "none"})
    assert answer.headers["Location"] == to("registration", held.nonce)
    held.refresh_from_db()
    assert (held.language, held.interpretation, held.captions) == ("en", "", False)
    assert client.post(to("registration_change", held.nonce), {"language": "xx"}).status_code == 422


def test_what_a_person_was_promised_stays_on_the_form_when_the_offer_ends(client, webinar):
    held = register(webinar, interpretation="asl")
    Webinar.objects.update(asl_interpretation=False)
    form = client.get(to("registration_change", held.nonce)).context["form"]
    assert [code for code, _label in form.fields["interpretation"].choices] == ["none", "es", "asl"]


def test_cancelling_asks_first_and_coming_back_is_one_press(client, webinar):
    held = register(webinar)
    assert client.get(to("registration_cancel", held.nonce)).status_code == 200
    held.refresh_from_db()
    assert held.state == Registration.State.REGISTERED
    for _press in range(2):
        client.post(to("registration_cancel", held.nonce))
    held.refresh_from_db()
    assert held.state == Registration.State.CANCELLED
    assert "https://meet.example.org" not in main_of(client.get(to("registration", held.nonce)))
    assert client.get(to("registration_change", held.nonce)).status_code == 302
    assert client.get(to("registration_again", held.nonce)).status_code == 405
    client.post(to("registration_again", held.nonce))
    held.refresh_from_db()
    assert held.state == Registration.State.REGISTERED
    assert Notice.objects.count() == 3


def test_coming_back_to_a_full_webinar_says_so(client, webinar):
    held = register(webinar)
    registering.cancel(held)
    Webinar.objects.update(capacity=0)
    page = client.post(to("registration_again", held.nonce), follow=True)
    assert [m.level_tag for m in page.context["messages"]] == ["error"]
    assert page.context["full"]


# The back office


@pytest.fixture
def staff(client):
    user = UserFactory()
    client.force_login(user)
    return client


def sees_only(client, *codenames):
    user = UserFactory(is_superuser=False)
    user.user_permissions.set(Permission.objects.filter(codename__in=["access_admin", *codenames]))
    client.force_login(user)
    return client


def plan(**changes):
    return {
        "title_en": "A new one",
        "title_es": "Uno nuevo",
        "summary_en": "",
        "summary_es": "",
        "campaign": "",
        "day": "2030-07-09",
        "start": "18:00",
        "end": "19:15",
        "zone": "America/Chicago",
        "language": "en",
        "recorded": "on",
        "capacity": "40",
        "join_url": "",
        **changes,
    }


def as_planned(webinar, **changes):
    there = webinar.starts_at.astimezone(UTC)
    said = plan(
        title_en=webinar.title.localize("en"),
        title_es=webinar.title.localize("es"),
        day=there.date().isoformat(),
        start=there.time().isoformat("minutes"),
        end=webinar.ends_at.astimezone(UTC).time().isoformat("minutes"),
        zone="UTC",
        join_url=webinar.join_url,
        spanish_interpretation="on",
        asl_interpretation="on",
        captions="on",
    )
    return said | changes


@pytest.fixture
def noon(installation):
    """A webinar on the hour, in UTC, so that a form can say it again exactly."""
    starts = datetime.combine(date.today() + timedelta(days=9), time(12), tzinfo=UTC)
    return planned(starts_at=starts, zone="UTC", capacity=40)


def test_the_back_office_is_for_staff(client, webinar):
    for name, args in (("index", []), ("inspect", [webinar.pk]), ("export", [webinar.pk]), ("call_off", [webinar.pk])):
        assert client.get(reverse(f"webinars:{name}", args=args)).status_code == 302


def test_the_list_asks_as_often_for_thirty_rows_as_for_one(staff, installation, django_assert_num_queries):
    register(planned(), captions=True)
    staff.get(reverse("webinars:index"))
    with CaptureQueriesContext(
        connection,
    ) as one:
        assert staff.get(reverse("webinars:index")).status_code == 200
    for number in range(29):
        register(planned(), name=f"P{number}", email=f"p{number}@people.example.org", captions=True)
    with django_assert_num_queries(len(one)):
        page = staff.get(reverse("webinars:index"))
    assert len(page.context["object_list"]) == 30


def test_the_list_is_searched_in_both_languages_and_filtered(staff, installation):
    soon = planned(title={"en": "The lesson", "es": "La lección"})
    later = planned(title={"en": "The exam", "es": "El examen"}, starts_at=timezone.now() + timedelta(days=40))
    past = planned(title={"en": "Long ago", "es": "Hace tiempo"}, starts_at=timezone.now() - timedelta(days=40))
    off = planned(title={"en": "Never", "es": "Nunca"}, starts_at=timezone.now() + timedelta(days=50))
    registering.call_off(off)

    def found(**query):
        return list(staff.get(reverse("webinars:index"), query).context["object_list"])

    assert found() == [soon, later, off, past]
    assert found(q="leccion") == [soon]
    assert found(q="EXAM") == [later]
    assert found(q="nothing") == []
    assert found(when="upcoming") == [soon, later]
    assert found(when="past") == [past]
    assert found(when="cancelled") == [off]


def test_a_row_leads_to_the_webinar_and_its_menu_to_the_form(staff, webinar):
    said = staff.get(reverse("webinars:index")).content.decode()
    assert f'<a href="{reverse("webinars:inspect", args=[webinar.pk])}">' in said
    assert reverse("webinars:edit", args=[webinar.pk]) in said


def test_an_empty_list_says_what_to_do(staff, installation):
    assert reverse("webinars:add") in staff.get(reverse("webinars:index")).content.decode()


def test_planning_keeps_the_time_on_the_clock_that_was_named(staff, installation):
    answer = staff.post(reverse("webinars:add"), plan())
    made = Webinar.objects.get()
    assert answer.headers["Location"] == reverse("webinars:inspect", args=[made.pk])
    assert made.title.data == {"en": "A new one", "es": "Uno nuevo"}
    assert made.starts_at == datetime(2030, 7, 9, 23, 0, tzinfo=UTC)
    assert made.ends_at - made.starts_at == timedelta(minutes=75)
    assert (made.zone, made.capacity, made.recorded, made.captions) == ("America/Chicago", 40, True, False)
    form = staff.get(reverse("webinars:edit", args=[made.pk])).context["form"]
    assert (form["start"].value(), form["day"].value()) == (time(18), date(2030, 7, 9))


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"title_es": ""}, ["title_es"]),
        ({"summary_en": "Come."}, ["summary_es"]),
        ({"end": "17:00"}, ["end"]),
        ({"day": "2030-03-10", "start": "02:30", "end": "04:00"}, ["start"]),
        ({"zone": "Mars/Base"}, ["zone"]),
        ({"day": "soon"}, ["day"]),
        ({"join_url": "javascript:alert(1)"}, ["join_url"]),
    ],
)
def test_what_cannot_be_planned(installation, changes, wrong):
    assert list(WebinarForm(plan(**changes)).errors) == wrong


def test_seats_cannot_fall_below_the_people_who_have_them(staff, noon):
    register(noon)
    register(noon, name="Luz", email="luz@people.example.org")
    page = staff.post(reverse("webinars:edit", args=[noon.pk]), as_planned(noon, capacity="1"))
    assert list(page.context["form"].errors) == ["capacity"]


def test_a_change_of_time_asks_with_the_number_before_it_tells(staff, noon, django_capture_on_commit_callbacks):
    for number in range(3):
        register(noon, name=f"P{number}", email=f"p{number}@people.example.org")
    url = reverse("webinars:edit", args=[noon.pk])
    page = staff.post(url, as_planned(noon, start="11:30"))
    assert (page.status_code, page.context["to_tell"]) == (200, 3)
    noon.refresh_from_db()
    assert (noon.starts_at.hour, noon.sequence) == (12, 0)
    with django_capture_on_commit_callbacks() as queued:
        assert staff.post(url, as_planned(noon, start="11:30") | {"tell": "3"}).status_code == 302
    assert len(queued) == 1
    noon.refresh_from_db()
    assert (noon.starts_at.hour, noon.starts_at.minute, noon.sequence) == (11, 30, 1)
    assert registering.tell_changes() == 3


def test_more_seats_are_saved_without_a_question(staff, noon):
    register(noon)
    assert staff.post(reverse("webinars:edit", args=[noon.pk]), as_planned(noon, capacity="90")).status_code == 302
    noon.refresh_from_db()
    assert (noon.capacity, noon.sequence) == (90, 0)


def test_the_detail_page_shows_seats_and_requests(staff, noon):
    register(noon, interpretation="es", captions=True)
    register(noon, name="Pat Lee", email="pat@people.example.org", language="en", access_needs="Large print")
    gone = register(noon, name="Gone Away", email="gone@people.example.org", captions=True)
    registering.cancel(gone)
    page = staff.get(reverse("webinars:inspect", args=[noon.pk]))
    assert (page.context["taken"], page.context["left"]) == (2, 38)
    assert page.context["figures"] == {"cancelled": 1, "waiting": 2, "asking": 2, "total": 3}
    assert [(row["kind"], row["asked"]) for row in page.context["requests"]] == [
        ("interpretation", 1),
        ("captions", 1),
        ("access_needs", 1),
    ]
    assert [str(line.person) for line, _asked in page.context["lines"]] == ["Pat Lee", "Ana Peña"]


def test_the_detail_page_asks_as_often_for_thirty_people_as_for_one(staff, noon, django_assert_num_queries):
    register(noon, captions=True)
    url = reverse("webinars:inspect", args=[noon.pk])
    staff.get(url)
    with CaptureQueriesContext(connection) as one:
        staff.get(url)
    for number in range(29):
        register(noon, name=f"P{number}", email=f"p{number}@people.example.org", captions=True)
    with django_assert_num_queries(len(one)):
        staff.get(url)


def test_the_people_of_a_webinar_are_filtered(staff, noon):
    ana = register(noon, interpretation="es")
    pat = register(noon, name="Pat Lee", email="pat@people.example.org", language="en")
    gone = register(noon, name="Gone Away", email="gone@people.example.org")
    registering.cancel(gone)
    registering.answer_request(ana, Access.CONFIRMED)

    def found(**query):
        page = staff.post(reverse("webinars:inspect", args=[noon.pk]), query, follow=True)
        assert naming("pena", led_through(page)) == []
        lines = page.context["lines"]
        return [line for line, _asked in lines]

    assert found() == [pat, ana]
    assert found(show="asked") == []
    assert found(show="requests") == [ana]
    assert found(show="cancelled") == [gone]
    assert found(language="en") == [pat]
    assert found(q="pena") == [ana]
    assert found(q="pat@people") == [pat]
    assert found(show="nonsense") == [pat, ana]


def test_who_may_not_see_registrations_sees_no_name(client, noon):
    held = register(noon, access_needs="Large print")
    editor = sees_only(client, "view_webinar", "change_webinar")
    said = editor.get(reverse("webinars:inspect", args=[noon.pk])).content.decode()
    assert "Ana Peña" not in said
    assert "Large print" not in said
    assert "ana@people.example.org" not in said
    assert editor.get(reverse("webinars:export", args=[noon.pk])).status_code == 302
    answer = reverse("webinars:answer", args=[noon.pk, held.pk])
    editor.post(answer, {"kind": "access_needs", "state": Access.CONFIRMED})
    editor.post(reverse("webinars:cancel_registration", args=[noon.pk, held.pk]))
    held.refresh_from_db()
    assert (held.access_state, held.state) == (Access.ASKED, Registration.State.REGISTERED)


def test_W2_staff_answer_a_request_and_stay_on_the_line(staff, noon):
    held = register(noon, interpretation="es", captions=True)
    url = reverse("webinars:answer", args=[noon.pk, held.pk])
    answer = staff.post(f"{url}?show=asked", {"kind": "captions", "state": Access.CONFIRMED})
    assert answer.headers["Location"] == f"{reverse('webinars:inspect', args=[noon.pk])}?show=asked#r{held.pk}"
    staff.post(url, {"kind": "interpretation", "state": "nonsense"})
    staff.post(url, {"kind": "email", "state": Access.CONFIRMED})
    held.refresh_from_db()
    assert (held.captions_state, held.interpretation_state) == (Access.CONFIRMED, Access.ASKED)
    other = reverse("webinars:answer", args=[planned().pk, held.pk])
    assert staff.post(other, {"kind": "captions", "state": Access.PROVIDED}).status_code == 404
    assert staff.get(url).status_code == 405


def test_W2_staff_answer_everybody_at_once(staff, noon):
    for number in range(3):
        register(noon, name=f"P{number}", email=f"p{number}@people.example.org", interpretation="es")
    url = reverse("webinars:answer_all", args=[noon.pk])
    staff.post(url, {"kind": "interpretation", "value": "es", "state": Access.CONFIRMED})
    staff.post(url, {"kind": "access_needs", "value": "", "state": Access.CONFIRMED})
    assert set(Registration.objects.values_list("interpretation_state", "access_state")) == {(Access.CONFIRMED, "")}


def test_the_export_is_what_the_list_shows_and_runs_no_formula(staff, noon):
    register(noon, name="=HYPERLINK(1)", email="a@people.example.org", access_needs="+1 413", captions=True)
    register(noon, name="Ángel Güereña", email="b@people.example.org")
    url = reverse("webinars:export", args=[noon.pk])
    answer = staff.get(url)
    assert answer.content.startswith(b"\xef\xbb\xbf")
    header, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert len(header) == 11
    assert [row[0] for row in rows] == ["Ángel Güereña", "'=HYPERLINK(1)"]
    assert rows[1][7] == "'+1 413"
    assert len(list(csv.reader(io.StringIO(staff.get(url, {"show": "requests"}).content.decode("utf-8-sig"))))) == 2


def test_calling_off_asks_with_the_number_and_tells_once(staff, noon):
    register(noon)
    url = reverse("webinars:call_off", args=[noon.pk])
    assert staff.get(url).context["taken"] == 1
    noon.refresh_from_db()
    assert noon.cancelled_at is None
    for _press in range(2):
        staff.post(url)
    noon.refresh_from_db()
    assert noon.sequence == 1
    assert registering.tell_changes() == 1


def test_staff_cancel_a_registration_after_asking(staff, noon):
    held = register(noon)
    url = reverse("webinars:cancel_registration", args=[noon.pk, held.pk])
    assert "Ana Peña" in staff.get(url).content.decode()
    held.refresh_from_db()
    assert held.state == Registration.State.REGISTERED
    staff.post(url)
    staff.post(url)
    held.refresh_from_db()
    assert held.state == Registration.State.CANCELLED
    assert Notice.objects.filter(kind="registration_cancelled").count() == 1


def test_a_webinar_with_people_is_not_thrown_away(staff, noon):
    register(noon)
    answer = staff.post(reverse("webinars:delete", args=[noon.pk]))
    assert answer.headers["Location"] == reverse("webinars:inspect", args=[noon.pk])
    assert Webinar.objects.count() == 1
    empty = planned()
    staff.post(reverse("webinars:delete", args=[empty.pk]))
    assert list(Webinar.objects.all()) == [noon]
