"""The back office's pages about people: found, shown with reasons, corrected; and closed to who may not see people."""

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse
from django.utils import timezone
from wagtail.log_actions import log

from coalition import accounts, consent, people, timeline
from coalition.accounts import Role
from coalition.models import Address, AuditLine, Consent, Entry, ExternalId, Person, Suppression, Tag, Tagging
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_role(client):
    """Enter as a staff member of a role."""

    def enter(role):
        user = accounts.give_role(factories.UserFactory(is_superuser=False, first_name=role.value), role)
        client.force_login(user)
        client.user = user
        return client

    return enter


@pytest.fixture
def organizer(as_role):
    return as_role(Role.ORGANIZER)


def names(response):
    return [person.name for person in response.context["object_list"]]


# The list


def test_the_list_takes_as_many_queries_for_one_person_as_for_thirty(organizer, django_assert_num_queries):
    def add(number):
        person = factories.PersonFactory(given_name=f"P{number}", email=True, phone=True, opted_in=True)
        Tagging.objects.create(person=person, tag=tag)

    tag = factories.TagFactory()
    add(0)
    organizer.get(reverse("people:list"))  # permissions and the site are looked up once
    with CaptureQueriesContext(connection) as one:
        organizer.get(reverse("people:list"))
    for number in range(1, 30):
        add(number)
    with django_assert_num_queries(len(one)):
        response = organizer.get(reverse("people:list"))
    assert len(names(response)) == 30


def test_the_list_searches_and_filters(organizer):
    make = factories.PersonFactory
    tag = Tag.objects.create(name="Educator")
    ana = make(name="Ana Núñez", language="es", state="MA", email="ana@x.example.org", opted_in=True)
    ben = make(name="Ben Ortiz", language="en", state="MN", phone="+14135550142", opted_in=True)
    make(name="Cam Núñez", language="es", state="MA", email="cam@x.example.org")
    make(name="Gone Núñez", binned_at=timezone.now())
    Tagging.objects.create(person=ana, tag=tag)
    consent.withdraw("phone", "+14135550142", source=Consent.Source.REPLY)

    def found(**query):
        return sorted(names(organizer.get(reverse("people:list"), query, follow=True)))

    assert found() == ["Ana Núñez", "Ben Ortiz", "Cam Núñez"]
    assert found(q="nunez") == ["Ana Núñez", "Cam Núñez"]
    assert found(q="555-0142") == [ben.name]
    assert found(language="es") == ["Ana Núñez", "Cam Núñez"]
    assert found(state="MN") == ["Ben Ortiz"]
    assert found(tag=tag.pk) == ["Ana Núñez"]
    assert found(email="open") == ["Ana Núñez"]
    assert found(text="withdrawn") == ["Ben Ortiz"]
    assert found(q="nunez", email="open") == ["Ana Núñez"]
    assert found(q="zzz") == []


# One person


def test_a_persons_page_says_how_and_why_or_why_not(organizer):
    person = factories.PersonFactory(name="Ana Núñez", email="ana@x.example.org", opted_in=True)
    people.add_address(person, "phone", "413-555-0142")
    consent.withdraw("phone", "+14135550142", source=Consent.Source.REPLY, evidence="SM123")
    factories.RepresentativeFactory(person=person, organization__name="Teachers United")
    ExternalId.objects.create(person=person, system="nationbuilder", value="9001")
    html = organizer.get(reverse("people:inspect", args=[person.pk])).content.decode()
    for words in ("Said yes", "Yes, write to me.", "(413) 555-0142", "Said stop", "SM123", "Teachers United", "9001"):
        assert words in html


def test_P4_a_suppressed_address_shows_that_it_stays_closed(organizer):
    consent.withdraw("email", "ana@x.example.org", source=Consent.Source.PREFERENCES)
    person = factories.PersonFactory(email="ana@x.example.org")
    html = organizer.get(reverse("people:inspect", args=[person.pk])).content.decode()
    assert "On the list of those who stay closed" in html


def test_the_timeline_is_newest_first_filtered_and_paged(organizer, django_assert_max_num_queries):
    person = factories.PersonFactory()
    for number in range(30):
        timeline.note(person, Entry.Kind.NOTE, f"Note {number}")
    timeline.note(person, Entry.Kind.REPLY, "A reply")
    page = reverse("people:inspect", args=[person.pk])
    shown = organizer.get(page).context["page_obj"]
    assert [str(entry.text) for entry in shown][:2] == ["A reply", "Note 29"]
    assert shown.paginator.count == 31
    assert [str(e.text) for e in organizer.get(page, {"kind": "reply"}).context["page_obj"]] == ["A reply"]
    with django_assert_max_num_queries(40):
        second = organizer.get(page, {"kind": "note", "p": "2"}).context["page_obj"]
    assert [str(entry.text) for entry in second] == [f"Note {n}" for n in range(4, -1, -1)]
    assert organizer.get(page, {"kind": "nothing", "p": "99"}).status_code == 200


def test_a_note_stands_on_the_timeline_whatever_its_signs(organizer):
    person = factories.PersonFactory()
    organizer.post(reverse("people:note", args=[person.pk]), {"text": "Gives 100% & <b>cares</b> %(x)s"})
    entry = person.entries.get(kind="note")
    assert (str(entry.text), entry.by) == ("Gives 100% & <b>cares</b> %(x)s", organizer.user)
    html = organizer.get(reverse("people:inspect", args=[person.pk])).content.decode()
    assert "Gives 100% &amp; &lt;b&gt;cares&lt;/b&gt; %(x)s" in html


def test_P1_a_note_that_holds_a_number_we_never_keep_is_refused(organizer):
    person = factories.PersonFactory()
    response = organizer.post(reverse("people:note", args=[person.pk]), {"text": "Her number is 219-09-9999"})
    assert "a Social Security number" in response.content.decode()
    assert not person.entries.exists()


def test_nobody_gets_ten_thousand_tags_at_once(organizer):
    person = factories.PersonFactory()
    typed = ", ".join(f"tag {number}" for number in range(10_000))
    assert organizer.post(reverse("people:tags", args=[person.pk]), {"tags": typed}).status_code == 200
    assert not Tag.objects.exists()


def test_an_empty_note_is_not_kept(organizer):
    person = factories.PersonFactory()
    response = organizer.post(reverse("people:note", args=[person.pk]), {"text": "  "})
    assert response.status_code == 200
    assert not person.entries.exists()


def test_S6_a_stop_heard_by_phone_closes_the_address_for_everybody_who_holds_it(organizer):
    person = factories.PersonFactory(phone="+14135550142", email="ana@x.example.org", opted_in=True)
    other = factories.PersonFactory(phone="+14135550142", opted_in=True)
    phone = person.addresses.get(channel="phone")
    url = reverse("people:stop", args=[person.pk])
    assert organizer.post(url, {"heard": "phone"}).status_code == 200  # nothing was ticked
    assert not Suppression.objects.exists()
    organizer.post(url, {"addresses": [phone.pk], "heard": "phone", "words": "Please take me off"})
    assert set(Address.objects.filter(channel="phone").values_list("consent", flat=True)) == {"withdrawn"}
    assert person.addresses.get(channel="email").consent == "granted"
    line = other.consents.first()
    assert (line.source, line.by, line.evidence) == ("staff", organizer.user, "phone: Please take me off")
    assert Suppression.objects.filter(pk=consent.digest("phone", "+14135550142")).exists()
    lines = AuditLine.objects.filter(action="consent").order_by("pk")  # P5: one for each record it closed
    assert [(line.subject_id, line.by) for line in lines] == [
        (str(person.pk), organizer.user),
        (str(other.pk), organizer.user),
    ]
    assert [line.details for line in lines] == [{"did": "phone withdrawn"}] * 2  # neither the number nor their words


def test_a_stop_for_an_address_of_somebody_else_is_refused(organizer):
    person = factories.PersonFactory(email="ana@x.example.org", opted_in=True)
    other = factories.PersonFactory(email="ben@x.example.org", opted_in=True).addresses.get()
    organizer.post(reverse("people:stop", args=[person.pk]), {"addresses": [other.pk], "heard": "phone"})
    assert set(Address.objects.values_list("consent", flat=True)) == {"granted"}


# Adding and changing


FORM = {
    "name": "",
    "given_name": "",
    "family_name": "",
    "language": "es",
    "street": "",
    "city": "",
    "state": "",
    "zip": "",
}


def test_adding_a_person(organizer):
    entered = FORM | {"name": "Ana Núñez", "email": "ANA@x.example.org", "phone": "413 555 0142", "zip": "1103"}
    response = organizer.post(reverse("people:add"), entered | {"tags": "Educator, educator , Valley"})
    person = Person.objects.get()
    assert response.url == reverse("people:inspect", args=[person.pk])
    assert (person.name, person.language, person.zip) == ("Ana Núñez", "es", "01103")
    assert sorted(person.addresses.values_list("value", "consent")) == [
        ("+14135550142", "none"),
        ("ana@x.example.org", "none"),
    ]
    assert list(person.tags.values_list("slug", flat=True)) == ["educator", "valley"]
    assert [(str(e.text), e.by) for e in person.entries.order_by("pk")] == [
        ("Added by staff", organizer.user),
        ("Tagged: Educator, Valley", organizer.user),
    ]


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({}, "Enter a name, an email or a phone number."),
        ({"name": "Ana", "email": "ana at x"}, "Enter an email address such as name@example.org"),
        ({"name": "Ana", "phone": "12"}, "Enter a phone number with its area code"),
        ({"name": "Ana", "zip": "ABC"}, "Enter a ZIP code of five digits"),
        ({"name": "Ana", "tags": "x" * 81}, "is too long for a tag."),
    ],
)
def test_what_is_wrong_is_said_and_what_was_entered_stays(organizer, entered, said):
    response = organizer.post(reverse("people:add"), FORM | entered)
    html = response.content.decode()
    assert said in html
    assert all(value[:20] in html for value in entered.values())
    assert not Person.objects.exists()


def test_editing_a_person_keeps_consent_with_the_address_it_was_given_for(organizer):
    person = factories.PersonFactory(name="Ana", email="ana@x.example.org", phone="+14135550142", opted_in=True)
    people.add_address(person, "email", "old@x.example.org")
    email, old = person.addresses.get(value="ana@x.example.org"), person.addresses.get(value="old@x.example.org")
    entered = FORM | {"name": "Ana Núñez", "city": "Holyoke", "email": "new@x.example.org", "tags": "Valley"}
    organizer.post(reverse("people:edit", args=[person.pk]), entered | {"remove": [email.pk], "primary_email": old.pk})
    person.refresh_from_db()
    assert (person.name, person.city, person.search) == ("Ana Núñez", "Holyoke", "ana nunez")
    assert sorted(person.addresses.values_list("value", "primary", "consent")) == [
        ("+14135550142", True, "granted"),
        ("new@x.example.org", False, "none"),
        ("old@x.example.org", True, "none"),
    ]
    edits = [str(entry.text) for entry in person.entries.filter(kind="edit").order_by("pk")]
    assert edits == [
        "Changed: full name, first name, last name, language, city, state, ZIP code",
        "An email was removed",
        "Tagged: Valley",
    ]


# Who may see people


ADDRESSES = ["people:list", "people:list_results", "people:add"]
OF_ONE = ["people:inspect", "people:edit", "people:stop", "people:history"]


@pytest.mark.parametrize("role", [Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_who_may_not_see_people_sees_nobody_anywhere(as_role, role):
    person = factories.PersonFactory(name="Zoraida Secreta", email="zoraida@x.example.org", opted_in=True)
    timeline.note(person, Entry.Kind.NOTE, "Zoraida told us")
    client = as_role(role)
    pages = [reverse(name) for name in ADDRESSES] + [reverse(name, args=[person.pk]) for name in OF_ONE]
    for page in [*pages, reverse("imports:index"), reverse("imports:add")]:
        response = client.get(page, follow=True)
        assert "Zoraida" not in response.content.decode()
        assert response.redirect_chain or response.status_code == 403
    assert client.post(reverse("people:note", args=[person.pk]), {"text": "x"}).status_code == 302
    assert person.entries.filter(kind="note").count() == 1
    for page in (reverse("wagtailadmin_home"), reverse("people:list") + "?q=zoraida"):
        assert "Zoraida" not in client.get(page, follow=True).content.decode()


@pytest.mark.parametrize("role", [Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_the_log_names_people_only_to_those_who_may_see_them(as_role, role):
    person = factories.PersonFactory(name="Zoraida Secreta")
    log(instance=person, action="wagtail.edit", user=factories.UserFactory())
    page = reverse("wagtailadmin_reports:site_history")
    assert "Zoraida" in as_role(Role.ORGANIZER).get(page).content.decode()
    assert "Zoraida" not in as_role(role).get(page, follow=True).content.decode()


def test_no_chooser_lists_people():
    chooser = [str(p.pattern) for p in get_resolver().url_patterns if "choose/coalition/person" in str(p.pattern)]
    assert chooser == []


def test_who_may_only_look_cannot_change(as_role):
    person = factories.PersonFactory(email="ana@x.example.org", opted_in=True)
    client = as_role(Role.ANALYST)
    client.user.user_permissions.add(Permission.objects.get(codename="view_person"))
    html = client.get(reverse("people:inspect", args=[person.pk])).content.decode()
    assert reverse("people:edit", args=[person.pk]) not in html
    assert reverse("people:stop", args=[person.pk]) not in html
    client.post(reverse("people:edit", args=[person.pk]), FORM | {"name": "Changed"})
    client.post(reverse("people:stop", args=[person.pk]), {"addresses": [person.addresses.get().pk], "heard": "phone"})
    client.post(reverse("people:note", args=[person.pk]), {"text": "Changed"})
    person.refresh_from_db()
    assert person.name != "Changed"
    assert person.addresses.get().consent == "granted"
    assert not person.entries.filter(kind="note").exists()
