"""People come in from three systems; an import is undone, a merge is undone, and who was erased stays closed."""

import re
from email import message_from_string, policy
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils.translation import override

from coalition import people
from coalition.models import Address, AuditLine, Import, Merge, Person, SimulatedEmail, Tag
from tests import factories
from tests.browser.conftest import wait_for

# What is peculiar to a language or to a width shows in one walk of each.
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ORGANIZER = "organizer@riverbend.example.org"

FILES = Path(__file__).parent / "files"  # in the layouts of other systems; the people are invented
NATION_BUILDER_COLUMNS = {
    "nationbuilder_id": "external_id",
    "first_name": "given_name",
    "last_name": "family_name",
    "email": "email",
    "email_opt_in": "email_yes",
    "is_email1_bad": "email_bad",
    "mobile_number": "mobile",
    "do_not_contact": "no_contact",
    "primary_city": "city",
    "primary_state": "state",
    "primary_zip": "zip",
    "tag_list": "tags",
    "language": "language",
}


@pytest.fixture(autouse=True)
def private_files(settings, tmp_path):
    files = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"private": files}


@pytest.fixture
def organizer(visit, staff):
    visitor = visit()
    visitor.enter_as(staff(ORGANIZER))
    return visitor


def figures(page):
    """What became of the rows: new, changed, unchanged, repeated, refused."""
    return [int(words) for words in page.locator("dl.bo-stats").first.locator(".bo-stat__figure").all_inner_texts()]


def read(organizer, say, file, columns):
    """Choose a file, and see that its columns are suggested rightly. Returns to the page of the columns."""
    organizer.go(reverse("imports:add"))
    page = organizer.page
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name=say("Read the file")).click()
    page.wait_for_url("**/columns/")
    assert {name: page.get_by_label(name, exact=True).input_value() for name in columns} == columns


def bring_in(organizer, say):
    """From the columns to the report. Returns the figures of the preview and of the report."""
    page = organizer.page
    page.get_by_role("button", name=say("See what would happen")).click()
    page.wait_for_url("**/preview/")
    expected = figures(page)
    page.get_by_role("button", name=say("Bring them in")).click()
    wait_for(lambda: Import.objects.latest("pk").state == "done")
    organizer.go(reverse("imports:inspect", args=[Import.objects.latest("pk").pk]))
    return expected, figures(page)


def test_three_systems_and_an_import_undone(organizer, office, worker, say):
    page = organizer.page

    read(organizer, say, FILES / "nationbuilder.csv", NATION_BUILDER_COLUMNS)
    organizer.check()
    assert bring_in(organizer, say) == ([4, 0, 0, 0, 0], [4, 0, 0, 0, 0])
    organizer.check()
    first = Import.objects.get()

    # Everybody on this list has left it, whatever its columns say of them.
    read(
        organizer,
        say,
        FILES / "mailchimp_unsubscribed.csv",
        {"Email Address": "email", "First Name": "given_name", "UNSUB_TIME": "left_at", "TAGS": "tags"},
    )
    organizer.check()
    assert bring_in(organizer, say) == ([1, 1, 0, 0, 0], [1, 1, 0, 0, 0])
    left = Address.objects.filter(value__in=["grace@people.example.org", "ñandú@people.example.org"])
    assert [address.consent for address in left] == ["withdrawn", "withdrawn"]

    # The table of a webinar's report begins below other sections; two joins of one person are one attendance.
    read(
        organizer,
        say,
        FILES / "zoom_attendees.csv",
        {"First Name": "given_name", "Email": "email", "Phone": "phone"},
    )
    organizer.check()
    before, after = bring_in(organizer, say)
    assert before == after == [1, 1, 0, 1, 0]
    kwame = Person.objects.get(given_name="Kwame")
    assert [line.text.localize("en") for line in kwame.entries.filter(kind="attendance")] == [
        "At “Vivienda digna, ahora” for 50 minutes"
    ]
    assert not Person.objects.get(given_name="Rosa").entries.filter(kind="attendance").exists()

    # Weeks later: what people changed since stays, the rest goes as if it had never come.
    people.change(Person.objects.get(given_name="Zoë"), details={"city": "Chelsea"})
    organizer.go(reverse("imports:inspect", args=[first.pk]))
    page.get_by_role("link", name=say("Undo this import")).click()
    organizer.check()
    page.locator("[name=why]").fill("The wrong list")
    page.get_by_role("button", name=say("Undo the import")).click()
    wait_for(lambda: Import.objects.get(pk=first.pk).state == "undone")
    organizer.go(reverse("imports:inspect", args=[first.pk]))
    organizer.check()
    assert set(Person.objects.values_list("given_name", flat=True)) == {"Zoë", "Kwame", "Grace", "Inés", "Rosa"}
    assert AuditLine.objects.filter(action="undo").count() == 1


def test_a_merge_and_its_undoing(organizer, office, worker, say):
    page = organizer.page
    kept = factories.PersonFactory(
        given_name="José", family_name="García", name="José García", email="jose@people.example.org", zip="02108"
    )
    other = factories.PersonFactory(
        given_name="Jose", family_name="Garcia", name="Jose Garcia", phone="+16175550177", zip="02108"
    )
    people.set_tags(other, ["volunteer"])

    organizer.go(reverse("duplicates:index"))
    organizer.check()
    page.get_by_role("button", name=say("Search now")).click()
    page.locator("[data-merge]").first.wait_for()
    organizer.check()
    page.locator("[data-merge]").first.click()
    page.wait_for_url("**/compare/**")
    page.locator(f"input[name=keep][value='{kept.pk}']").check()
    organizer.check()
    page.locator("button[form=merge]").click()
    page.wait_for_url(re.compile(r"/merges/\d+/"))
    organizer.check()
    other.refresh_from_db()
    assert other.merged_into == kept
    assert {a.value for a in kept.addresses.all()} == {"jose@people.example.org", "+16175550177"}
    assert [tag.name for tag in kept.tags.all()] == ["volunteer"]

    page.get_by_role("button", name=say("Undo the merge")).click()
    page.get_by_role("button", name=say("Undo the merge")).wait_for(state="detached")
    organizer.check()
    other.refresh_from_db()
    assert (other.merged_into, other.binned_at) == (None, None)
    assert [a.value for a in kept.addresses.all()] == ["jose@people.example.org"]
    assert [a.value for a in other.addresses.all()] == ["+16175550177"]
    assert (kept.tags.count(), other.tags.count()) == (0, 1)
    assert Merge.objects.get().undone_at is not None


def test_somebody_is_found_as_one_types_and_their_name_is_in_no_address(organizer, office, say):
    factories.PersonFactory.create_batch(31, given_name="Zoraida", family_name="Quiroga", language="es")
    factories.PersonFactory(name="Zoraida Last", language="en")
    factories.PersonFactory(name="Ben Ortiz", language="es")
    page, asked = organizer.page, []
    page.on("request", lambda request: asked.append(request.url))
    page.on("framenavigated", lambda frame: asked.append(frame.url))
    rows, count = page.locator("#listing-results tbody tr"), page.locator(".bo-listing__count")

    organizer.go(reverse("people:list") + "?ordering=name")
    box = page.locator("[data-search-form] input[name=q]")
    box.press_sequentially("zoraida")
    count.filter(has_text=re.compile(r"^32 ")).wait_for()
    page.wait_for_url(re.compile(r"\?find=.*&ordering=name$"))
    organizer.check()
    assert rows.count() == 30

    page.locator("#filters-drilldown [data-w-dropdown-target=toggle]").click()
    page.locator("#filters-drilldown [aria-controls='drilldown-id_language']").click()
    page.locator("#filters-drilldown [name=language][value=es]").check()
    count.filter(has_text=re.compile(r"^31 ")).wait_for()
    page.wait_for_url(re.compile(r"\?find=.*&language=es&ordering=name$"))
    organizer.check()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")

    page.goto(page.url + "&p=2")
    assert (rows.count(), box.input_value()) == (1, "zoraida")
    organizer.check()
    page.get_by_role("link", name=say("Clear the search")).click()
    count.filter(has_text=re.compile(r"^32 ")).wait_for()
    assert (box.input_value(), page.url.partition("?")[2]) == ("", "language=es&ordering=name")

    box.fill("ortiz")
    box.press("Enter")
    count.filter(has_text=re.compile(r"^1 ")).wait_for()
    page.reload()
    assert (rows.count(), box.input_value()) == (1, "ortiz")
    assert [url for url in asked if "zoraida" in url.casefold() or "ortiz" in url.casefold()] == []


def test_everybody_who_was_found_is_tagged_and_untagged(organizer, office, worker, say):
    page = organizer.page
    factories.PersonFactory.create_batch(35, city="Holyoke")
    factories.PersonFactory.create_batch(3, city="Boston", name="Linh Tran")

    organizer.go(reverse("people:list") + "?q=marisol")
    page.locator("input[name=pk]").first.check()
    page.locator("[data-tick-all]").check()
    organizer.check()
    page.locator("select[name=what]").select_option("tag")
    page.get_by_role("button", name=say("Go on")).click()
    page.locator("input[name=name]").fill("valley")
    organizer.check()
    page.locator("form.bo-form button").click()
    page.locator("[data-state=done]").wait_for()
    organizer.check()
    tagged = Person.objects.filter(tags__name="valley")
    assert (tagged.count(), tagged.filter(city="Holyoke").count()) == (35, 35)

    page.get_by_role("button", name=say("Undo it")).click()
    page.locator("[data-state=undone]").wait_for()
    organizer.check()
    assert tagged.count() == 0


def test_P4_erased_people_stay_closed_when_a_list_brings_them_back(visit, organizer, office, worker, say, language):
    person = factories.PersonFactory(
        given_name="Kwame", name="Kwame Núñez", email="kwame@people.example.org", language=language, opted_in=True
    )

    # The person asks on the preference page: a link to their own address shows what is held.
    supporter = visit()
    page = supporter.page
    with override(language):
        supporter.go(reverse("preferences_link"))
    page.locator("input[type=email], input[name=email]").first.fill("kwame@people.example.org")
    page.locator("form button").last.click()
    mail = wait_for(lambda: SimulatedEmail.objects.filter(to="kwame@people.example.org").first())
    words = message_from_string(mail.raw, policy=policy.default).get_body(("plain",)).get_content()
    link = re.search(r"http://\S+", words).group()
    supporter.go(link)
    supporter.check()
    page.locator("a[href$='/download/']").click()
    supporter.check()
    page.go_back()
    page.locator("a[href$='/erase/']").click()
    supporter.check()
    page.locator("form input[type=checkbox]").first.check()
    page.get_by_role("button", name=say("Forget me now")).click()
    page.wait_for_url("**/erased/")
    supporter.check()
    assert not Person.objects.filter(name=person.name).exists()
    assert not Address.objects.filter(value="kwame@people.example.org").exists()

    # A list that says yes for them brings them in, and not one address of theirs opens.
    rows = "First name,Last name,Email,email_opt_in\nKwame,Núñez,kwame@people.example.org,yes\n"
    again = {"name": "again.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    read(organizer, say, again, {"Email": "email", "email_opt_in": "email_yes"})
    organizer.page.locator("input[name=email_consent][value=column]").check()
    organizer.page.locator("textarea[name=email_wording]").fill("Write to me about schools.")
    before, after = bring_in(organizer, say)
    assert before == after
    assert [address.consent for address in Address.objects.filter(value="kwame@people.example.org")] == ["withdrawn"]
    assert Tag.objects.count() == 0
