"""Importing people: what goes in, what is refused and why, and what a list can never do."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.utils import timezone

from coalition import consent, importing
from coalition.models import (
    Address,
    Consent,
    Entry,
    ExternalId,
    Import,
    ImportedRow,
    Person,
    Suppression,
    Tag,
    Tagging,
)
from tests import factories

pytestmark = pytest.mark.django_db

NATIONBUILDER = (
    "nationbuilder_id,external_id,prefix,first_name,middle_name,last_name,suffix,email,email_opt_in,is_email1_bad,"
    "phone_number,mobile_number,is_mobile_bad,mobile_opt_in,do_not_call,do_not_contact,primary_address1,primary_city,"
    "primary_state,primary_zip,primary_country_code,tag_list,support_level,is_volunteer,employer,language,created_at,"
    "unsubscribed_at"
)


@pytest.fixture(autouse=True)
def private_files(settings, tmp_path):
    settings.STORAGES = settings.STORAGES | {
        "private": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    }


def nationbuilder(number, **cells):
    """One row in NationBuilder's layout."""
    row = {
        "nationbuilder_id": 9000 + number,
        "first_name": "Ana",
        "last_name": f"Pérez {number}",
        "email": f"ana.{number}@people.example.org",
        "email_opt_in": "true",
        "is_email1_bad": "false",
        "mobile_number": f"413{5550000 + number:07d}",
        "is_mobile_bad": "false",
        "mobile_opt_in": "false",
        "do_not_call": "false",
        "do_not_contact": "false",
        "primary_address1": f"{number} Main St",
        "primary_city": "Springfield",
        "primary_state": "MA",
        "primary_zip": "01103",
        "tag_list": '"housing, volunteer"',
        "language": "es",
        **cells,
    }
    return ",".join(str(row.get(name, "")) for name in NATIONBUILDER.split(","))


def file_of(*lines, header=NATIONBUILDER, encoding="utf-8"):
    return ContentFile("\r\n".join([header, *lines]).encode(encoding), name="people.csv")


def upload(*lines, options=None, mapping=None, **kwargs):
    batch = importing.upload(file_of(*lines, **kwargs), "people.csv", by=factories.UserFactory())
    batch.options |= options or {}
    batch.mapping |= mapping or {}
    batch.save()
    return batch


def bring_in(*lines, **kwargs):
    batch = upload(*lines, **kwargs)
    importing.start(batch)
    assert importing.run(batch) is False
    batch.refresh_from_db()
    return batch


def outcomes(batch):
    return list(batch.results.values_list("line", "outcome", "reason"))


def test_a_file_without_a_usable_column_cannot_be_started():
    batch = importing.upload(ContentFile(b"shoe size,colour\n9,red\n"), "people.csv")
    assert set(batch.mapping.values()) == {""}
    with pytest.raises(ValidationError) as refused:
        importing.start(batch)
    assert refused.value.messages == [
        "Choose the column that says who each person is: an email, a phone, an id, or a name with a ZIP code."
    ]


def test_mailchimp_people_who_left_stay_closed():
    batch = bring_in(
        'Zoe@Example.org,Zoë,García,6175550100,ma,2025-02-03 04:05:06,0,eu0,"""housing"",""es"""',
        header="Email Address,First Name,Last Name,Phone Number,REGION,UNSUB_TIME,LEID,EUID,TAGS",
    )
    person = Person.objects.get()
    assert (person.name, person.state) == ("Zoë García", "MA")
    assert (person.primary_email.value, person.primary_email.consent) == ("zoe@example.org", "withdrawn")
    assert sorted(person.tags.values_list("name", flat=True)) == ["es", "housing"]
    assert batch.layout == "mailchimp"
    assert list(ExternalId.objects.values_list("system", "value")) == [("mailchimp", "eu0")]


# Matching


def test_a_new_person_comes_in_whole():
    batch = bring_in(nationbuilder(1, middle_name="de", primary_zip="1103", phone_number="413-555-0199"))
    person = Person.objects.get()
    assert (person.name, person.given_name, person.family_name) == ("Ana de Pérez 1", "Ana", "Pérez 1")
    assert (person.language, person.city, person.state, person.zip) == ("es", "Springfield", "MA", "01103")
    assert person.search == "ana de perez 1"
    assert list(person.addresses.order_by("pk").values_list("channel", "value", "primary", "consent")) == [
        ("email", "ana.1@people.example.org", True, "none"),
        ("phone", "+14135550001", True, "none"),
        ("phone", "+14135550199", False, "none"),
    ]
    assert sorted(person.tags.values_list("name", flat=True)) == ["housing", "volunteer"]
    assert outcomes(batch) == [(2, "new", "")]
    assert (batch.state, batch.done, batch.rows) == ("done", 1, 1)
    entry = Entry.objects.get()
    assert (entry.text.localize("en"), entry.link) == (
        "Added by an import: people.csv",
        f"/admin/imports/inspect/{batch.pk}/",
    )


def test_importing_the_same_file_again_changes_nothing():
    rows = [nationbuilder(n) for n in range(20)]
    bring_in(*rows)
    again = bring_in(*rows)
    assert {outcome for _line, outcome, _reason in outcomes(again)} == {"unchanged"}
    assert (Person.objects.count(), Address.objects.count(), ExternalId.objects.count()) == (20, 40, 20)
    assert Entry.objects.filter(kind="import").count() == 0


def test_people_are_found_by_id_by_address_and_by_name_with_zip():
    ana = factories.PersonFactory(name="Ana Ruiz", given_name="Ana", family_name="Ruiz", email="ana@x.example.org")
    ben = factories.PersonFactory(name="Ben Ruiz", given_name="Ben", family_name="Ruiz", phone="+14135550777")
    cam = factories.PersonFactory(name="Cam Ruiz", given_name="Cam", family_name="Ruiz", zip="55407")
    dia = factories.PersonFactory(name="Dia Ruiz", given_name="Dia", family_name="Ruiz")
    ExternalId.objects.create(person=dia, system="nationbuilder", value="77")
    batch = bring_in(
        nationbuilder(1, first_name="Ana", last_name="Ruiz", email="ANA@x.example.org"),
        nationbuilder(2, first_name="Ben", last_name="Ruiz", email="", mobile_number="(413) 555-0777"),
        nationbuilder(3, first_name="Cam", last_name="Ruíz", email="cam@x.example.org", primary_zip="55407"),
        nationbuilder(4, nationbuilder_id="77", first_name="Dia", last_name="Solís"),
        nationbuilder(
            5, nationbuilder_id="77", first_name="Diana", last_name="Solís", email="ana.4@people.example.org"
        ),
    )
    assert list(batch.results.values_list("person", flat=True)) == [ana.pk, ben.pk, cam.pk, dia.pk, dia.pk]
    assert Person.objects.count() == 4


def test_a_family_may_share_an_email():
    ana = factories.PersonFactory(name="Ana Ruiz", email="family@x.example.org")
    bring_in(nationbuilder(1, first_name="Luis", last_name="Ruiz", email="family@x.example.org", mobile_number=""))
    assert sorted(Person.objects.values_list("name", flat=True)) == ["Ana Ruiz", "Luis Ruiz"]
    ana.refresh_from_db()
    assert ana.name == "Ana Ruiz"
    assert Address.objects.filter(value="family@x.example.org").count() == 2


def test_name_and_zip_never_join_two_people_who_can_be_told_apart():
    factories.PersonFactory(name="Ana Pérez 1", zip="01103", email="another@x.example.org")
    bring_in(nationbuilder(1))
    assert Person.objects.count() == 2


def test_blanks_are_filled_and_what_is_known_stays():
    known = factories.PersonFactory(
        name="Ana P.", given_name="Ana", family_name="", city="", zip="", state="", email="ana.1@people.example.org"
    )
    batch = bring_in(nationbuilder(1))
    known.refresh_from_db()
    assert (known.name, known.family_name, known.language, known.city) == ("Ana P.", "Pérez 1", "en", "Springfield")
    assert outcomes(batch) == [(2, "changed", "")]
    assert batch.results.get().data["was"] == {
        "family_name": "",
        "street": "",
        "city": "",
        "county": "",
        "state": "",
        "zip": "",
    }


def test_an_address_of_another_place_is_not_mixed_in():
    known = factories.PersonFactory(name="Ana Pérez 1", street="", zip="55407", state="MN", city="Minneapolis")
    ExternalId.objects.create(person=known, system="nationbuilder", value="9001")
    bring_in(nationbuilder(1))
    known.refresh_from_db()
    assert (known.street, known.city, known.zip) == ("", "Minneapolis", "55407")


def test_overwriting_replaces_what_is_known_and_keeps_what_it_was():
    known = factories.PersonFactory(name="Ana P.", city="Boston", email="ana.1@people.example.org")
    batch = bring_in(nationbuilder(1), options={"existing": "overwrite"})
    known.refresh_from_db()
    assert (known.name, known.city, known.language) == ("Ana Pérez 1", "Springfield", "es")
    assert batch.results.get().data["was"]["city"] == "Boston"


def test_a_person_twice_in_the_file_is_one_person():
    batch = bring_in(nationbuilder(1), nationbuilder(1, tag_list="late"), nationbuilder(2))
    assert outcomes(batch) == [(2, "new", ""), (3, "duplicate", ""), (4, "new", "")]
    assert Person.objects.count() == 2
    assert Tagging.objects.filter(tag__slug="late").count() == 1


def test_a_person_in_the_bin_is_not_brought_back():
    factories.PersonFactory(name="Ana Pérez 1", email="ana.1@people.example.org", binned_at=timezone.now())
    batch = bring_in(nationbuilder(1))
    assert outcomes(batch) == [(2, "refused", "binned")]
    assert Person.objects.count() == 1


def test_two_installations_of_one_system_may_give_one_id_to_two_people():
    bring_in(nationbuilder(1, first_name="Ana", last_name="Ruiz", email="ana@x.example.org", mobile_number=""))
    bring_in(nationbuilder(1, first_name="Ben", last_name="Solís", email="ben@x.example.org", mobile_number=""))
    assert sorted(Person.objects.values_list("name", flat=True)) == ["Ana Ruiz", "Ben Solís"]
    assert ExternalId.objects.get().person.name == "Ana Ruiz"


def test_rows_that_cannot_come_in_say_why_and_others_come_in_with_a_note():
    batch = bring_in(
        nationbuilder(1, email="ana at example"),
        nationbuilder(2, email="not-an-email", mobile_number="12"),
        nationbuilder(3, email="", mobile_number="", nationbuilder_id="", first_name="", last_name=""),
        nationbuilder(4, primary_zip="ABC", primary_state="Ontario", language="tlh"),
        nationbuilder(5) + ",one too many",
        nationbuilder(6, first_name="x" * 101),
        nationbuilder(7, nationbuilder_id="", email="nope", mobile_number=""),
    )
    assert outcomes(batch) == [
        (2, "new", "bad_email"),
        (3, "new", "bad_email,bad_phone"),
        (4, "refused", "nobody"),
        (5, "new", "bad_state,bad_zip,bad_language"),
        (6, "refused", "ragged"),
        (7, "refused", "too_long"),
        (8, "new", "bad_email"),
    ]
    assert dict(batch.results.get(line=4).data["row"])["primary_city"] == "Springfield"
    counts, reasons = importing.report(batch)
    assert {key: n for key, n in counts.items() if n} == {"new": 4, "refused": 3}
    assert reasons == {
        "bad_email": 3,
        "bad_phone": 1,
        "bad_zip": 1,
        "bad_state": 1,
        "bad_language": 1,
        "nobody": 1,
        "ragged": 1,
        "too_long": 1,
    }


# What a list can and cannot say about consent


@pytest.mark.parametrize(
    ("cell", "minor"),
    [("yes", True), ("Sí", True), ("x", True), ("13–17", True), ("Menor de edad", True), ("no", False), ("", False)],
)
def test_P2_a_list_says_who_is_under_age(cell, minor):
    header = "Full name,Email,Under 18"
    bring_in(f"Ana Pérez,ana@people.example.org,{cell}", header=header)
    assert Person.objects.get().is_minor is minor


def test_P2_no_list_takes_back_that_somebody_is_under_age_and_undoing_one_does():
    header = "Full name,Email,Menor de edad"
    told = factories.PersonFactory(name="Ana Pérez", email="ana@people.example.org", is_minor=True)
    new = factories.PersonFactory(name="Bea Solís", email="bea@people.example.org")
    lines = "Ana Pérez,ana@people.example.org,no", "Bea Solís,bea@people.example.org,sí"
    batch = bring_in(*lines, header=header, options={"existing": "overwrite"})
    for person, minor in ((told, True), (new, True)):
        person.refresh_from_db()
        assert person.is_minor is minor
    importing.undo(batch)
    batch.refresh_from_db()
    importing.run_undo(batch)
    for person, minor in ((told, True), (new, False)):
        person.refresh_from_db()
        assert person.is_minor is minor


def test_S1_a_list_opens_no_address_without_proof_and_wording():
    bring_in(nationbuilder(1, mobile_opt_in="true"), nationbuilder(2, mobile_opt_in="true"))
    assert set(Address.objects.values_list("consent", flat=True)) == {"none"}
    assert not Consent.objects.exists()


@pytest.mark.parametrize(
    ("options", "at"),
    [
        ({"text_consent": "attest", "text_wording": "They all said yes."}, "text_consent"),
        ({"text_consent": "column", "text_wording": "  "}, "text_wording"),
        ({"email_consent": "attest"}, "email_wording"),
        ({"email_consent": "column"}, "email_wording"),
    ],
)
def test_S1_an_import_without_its_proof_does_not_start(options, at):
    batch = upload(nationbuilder(1), options=options)
    with pytest.raises(ValidationError) as refused:
        importing.start(batch)
    assert list(refused.value.message_dict) == [at]
    batch.refresh_from_db()
    assert batch.state == "uploaded"


def test_S1_texts_need_a_column_that_says_who_agreed():
    batch = upload(
        nationbuilder(1), options={"text_consent": "column", "text_wording": "Yes."}, mapping={"mobile_opt_in": ""}
    )
    with pytest.raises(ValidationError):
        importing.start(batch)


def test_S1_proof_opens_exactly_those_who_agreed():
    batch = bring_in(
        nationbuilder(1, mobile_opt_in="true"),
        nationbuilder(2, mobile_opt_in="false", email_opt_in=""),
        options={
            "text_consent": "column",
            "text_wording": "Yes, text me.",
            "email_consent": "column",
            "email_wording": "Yes, write to me.",
        },
    )
    assert list(Address.objects.open().order_by("value").values_list("value", flat=True)) == [
        "+14135550001",
        "ana.1@people.example.org",
    ]
    line = Consent.objects.get(address__channel="phone")
    assert (line.state, line.wording, line.language, line.source, line.evidence, line.by) == (
        "granted",
        "Yes, text me.",
        "es",
        "import",
        f"people.csv · #{batch.pk} · 2",
        batch.created_by,
    )
    assert line.at == batch.created_at


def test_S1_the_day_they_agreed_is_kept_and_never_lies_ahead():
    ahead = (timezone.now() + timedelta(days=400)).strftime("%Y-%m-%d")
    bring_in(
        "ana@x.example.org,2024-03-10 02:30:00",
        f"ben@x.example.org,{ahead}",
        header="email,opt in date",
        mapping={"opt in date": "email_yes_at"},
        options={"email_consent": "column", "email_wording": "Yes."},
    )
    first, second = Consent.objects.order_by("at")
    assert first.at == datetime(2024, 3, 10, 2, 30, tzinfo=UTC)
    assert second.at <= timezone.now()


@pytest.mark.parametrize(
    ("cells", "closed"),
    [
        ({"email_opt_in": "false"}, ["ana.1@people.example.org"]),
        ({"unsubscribed_at": "2025-01-02 10:00"}, ["ana.1@people.example.org"]),
        ({"do_not_contact": "true"}, ["+14135550001", "ana.1@people.example.org"]),
        ({"do_not_call": "true"}, ["+14135550001"]),
        ({"mobile_opt_in": "false"}, []),
    ],
)
def test_S6_every_stop_in_the_file_counts(cells, closed):
    consents = {"email_consent": "attest", "email_wording": "Yes.", "text_consent": "column", "text_wording": "Yes."}
    bring_in(nationbuilder(1, **cells), options=consents)
    held = Address.objects.filter(consent="withdrawn")
    assert sorted(held.values_list("value", flat=True)) == closed
    assert Suppression.objects.count() == len(closed)


def test_S4_a_stop_in_the_file_closes_every_record_that_holds_the_address():
    other = factories.PersonFactory(name="Luis Ruiz", email="ana.1@people.example.org", opted_in=True)
    bring_in(nationbuilder(1, email_opt_in="false"))
    assert set(Address.objects.filter(channel="email").values_list("consent", flat=True)) == {"withdrawn"}
    assert other.consents.first().state == "withdrawn"


def test_S4_a_stop_counts_even_on_a_row_that_is_refused():
    person = factories.PersonFactory(name="Ana Pérez 1", email="ana.1@people.example.org", opted_in=True)
    Person.objects.filter(pk=person.pk).update(binned_at=timezone.now())
    bring_in(nationbuilder(1, do_not_contact="true"))
    assert person.addresses.get().consent == "withdrawn"


def test_P4_what_said_stop_or_was_erased_stays_closed_whatever_a_list_says():
    consent.withdraw("email", "ana.1@people.example.org", source=Consent.Source.PREFERENCES)
    known = factories.PersonFactory(name="Ana Pérez 2", email="ana.2@people.example.org", opted_in=True)
    consent.withdraw("email", "ana.2@people.example.org", source=Consent.Source.ONE_CLICK)
    consents = {"email_consent": "attest", "email_wording": "Yes.", "text_consent": "column", "text_wording": "Yes."}
    bring_in(nationbuilder(1, mobile_opt_in="true"), nationbuilder(2), nationbuilder(3), options=consents)
    assert list(Address.objects.open().order_by("value").values_list("value", flat=True)) == [
        "+14135550001",
        "ana.3@people.example.org",
    ]
    closed = Address.objects.filter(channel="email", consent="withdrawn").order_by("value")
    assert [a.value for a in closed] == ["ana.1@people.example.org", "ana.2@people.example.org"]
    assert closed[0].history.get().evidence.startswith("suppression list · people.csv")
    assert known.consents.first().source == "one_click"


def test_addresses_that_do_not_work_are_marked_and_not_opened():
    bring_in(
        nationbuilder(1, is_email1_bad="true", is_mobile_bad="true"),
        options={"email_consent": "attest", "email_wording": "Yes."},
    )
    assert list(Address.objects.order_by("channel").values_list("fault", "consent")) == [
        ("bounced", "granted"),
        ("unable", "none"),
    ]
    assert not Address.objects.open().exists()


def test_tags_of_the_batch_go_to_everybody_who_comes_in():
    Tag.objects.create(name="Housing")
    bring_in(nationbuilder(1), nationbuilder(2, tag_list=""), options={"tags": ["Spring fair"]})
    assert sorted(Tagging.objects.values_list("person__family_name", "tag__name")) == [
        ("Pérez 1", "Housing"),
        ("Pérez 1", "Spring fair"),
        ("Pérez 1", "volunteer"),
        ("Pérez 2", "Spring fair"),
    ]


# Running


def test_a_preview_says_what_the_import_then_does_and_writes_nothing():
    factories.PersonFactory(name="Ana Pérez 1", email="ana.1@people.example.org")
    rows = [nationbuilder(1), nationbuilder(2), nationbuilder(2), nationbuilder(3, email="x"), "just,two"]
    batch = upload(*rows, options={"email_consent": "column", "email_wording": "Yes."})
    people, addresses = Person.objects.count(), Address.objects.count()
    seen = importing.preview(batch)
    assert (Person.objects.count(), Address.objects.count(), ImportedRow.objects.count()) == (people, addresses, 0)
    for model in (Consent, Tag, Suppression):
        assert not model.objects.exists()
    importing.start(batch)
    importing.run(batch)
    counts, reasons = importing.report(batch)
    assert seen.counts == counts == {"new": 2, "changed": 1, "unchanged": 0, "duplicate": 1, "refused": 1}
    assert seen.reasons == reasons == {"bad_email": 1, "ragged": 1}
    assert (seen.opened, seen.stops, seen.partial) == ({"email": 2}, 0, False)
    assert Consent.objects.filter(state="granted").count() == 2


def test_starting_twice_starts_once():
    batch = upload(nationbuilder(1))
    assert [importing.start(batch), importing.start(batch)] == [True, False]


def test_cancelling_stops_before_the_next_chunk(monkeypatch):
    monkeypatch.setattr(importing.rows, "CHUNK", 2)
    batch = upload(*[nationbuilder(n) for n in range(5)])
    importing.start(batch)
    assert importing.run(batch, chunks=1) is True
    assert importing.cancel(batch) is True
    assert importing.run(batch) is False
    batch.refresh_from_db()
    assert (batch.state, batch.done, Person.objects.count()) == ("cancelled", 2, 2)
    assert importing.cancel(batch) is False


def test_a_chunk_whose_worker_died_goes_in_once(monkeypatch):
    monkeypatch.setattr(importing.rows, "CHUNK", 2)
    batch = upload(*[nationbuilder(n) for n in range(5)])
    importing.start(batch)
    importing.run(batch, chunks=1)

    class Killed(BaseException):
        pass

    def killed(*args):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(importing.writing, "_write_history", killed)
        with pytest.raises(Killed):
            importing.run(batch)
    assert (Person.objects.count(), batch.results.count()) == (2, 2)
    assert importing.run(batch) is False
    assert list(batch.results.values_list("line", "outcome")) == [(n, "new") for n in range(2, 7)]
    assert Person.objects.count() == 5


def test_two_workers_on_one_import_share_it_without_doubling(monkeypatch):
    monkeypatch.setattr(importing.rows, "CHUNK", 2)
    batch = upload(*[nationbuilder(n) for n in range(7)])
    importing.start(batch)
    other = Import.objects.get(pk=batch.pk)
    while importing.run(batch, chunks=1) | importing.run(other, chunks=1):
        pass
    assert [line for line, _o, _r in outcomes(batch)] == list(range(2, 9))
    assert Person.objects.count() == 7


def test_the_sweep_finds_an_import_whose_worker_is_gone():
    batch = upload(nationbuilder(1))
    importing.start(batch)
    assert importing.stalled() == []
    Import.objects.filter(pk=batch.pk).update(touched_at=timezone.now() - timedelta(minutes=2))
    assert importing.stalled() == [batch.pk]
    assert importing.stalled() == []


def test_what_was_said_of_a_file_stands_once_it_is_confirmed():
    batch = upload(nationbuilder(1))
    assert importing.describe_columns(batch, mapping=batch.mapping, options={"language": "es"}) is True
    importing.start(batch)
    assert importing.describe_columns(batch, mapping={}, options={}) is False
    batch.refresh_from_db()
    assert (batch.options, batch.mapping["email"]) == ({"language": "es"}, "email")


def test_a_file_that_nobody_confirmed_is_thrown_away(django_capture_on_commit_callbacks):
    old, new = upload(nationbuilder(1)), upload(nationbuilder(2))
    Import.objects.filter(pk=old.pk).update(touched_at=timezone.now() - timedelta(days=15))
    with django_capture_on_commit_callbacks(execute=True):
        importing.discard_abandoned()
    assert [batch.file.storage.exists(batch.file.name) for batch in (old, new)] == [False, True]
    assert list(Import.objects.order_by("pk").values_list("state", flat=True)) == ["cancelled", "uploaded"]


def test_what_goes_wrong_leaves_the_chunks_before_it_and_says_so(monkeypatch):
    monkeypatch.setattr(importing.rows, "CHUNK", 2)
    batch = upload(*[nationbuilder(n) for n in range(4)])
    importing.start(batch)
    importing.run(batch, chunks=1)

    def broken(*args):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(importing.writing, "_write_tags", broken)
        with pytest.raises(RuntimeError):
            importing.run(batch)
    batch.refresh_from_db()
    assert (batch.state, batch.done, Person.objects.count()) == ("failed", 2, 2)


def test_the_file_is_not_kept_once_it_is_in(django_capture_on_commit_callbacks):
    batch = upload(nationbuilder(1))
    importing.start(batch)
    with django_capture_on_commit_callbacks(execute=True):
        importing.run(batch)
    assert not batch.file.storage.exists(batch.file.name)


def test_five_thousand_rows_in_nationbuilders_layout(django_assert_max_num_queries):
    rows = []
    for n in range(5000):
        cells = {"email_opt_in": "false", "unsubscribed_at": "2025-01-02 10:00"} if n % 4 == 0 else {}
        if n % 50 == 1:
            cells["email"] = f"zoë.{n} at people.example.org"
        if n % 500 == 2:
            cells |= {"nationbuilder_id": "", "email": "", "mobile_number": "", "first_name": "", "last_name": ""}
        rows.append(nationbuilder(n, **cells))
    rows[100] = rows[99]
    batch = upload(*rows, options={"email_consent": "column", "email_wording": "Yes.", "tags": ["NationBuilder"]})
    importing.start(batch)
    with django_assert_max_num_queries(600):
        importing.run(batch)
    counts, reasons = importing.report(batch)
    assert counts == {"new": 4989, "changed": 0, "unchanged": 0, "duplicate": 1, "refused": 10}
    assert reasons == {"bad_email": 100, "nobody": 10}
    assert Person.objects.count() == 4989
    assert Address.objects.filter(channel="email", consent="withdrawn").count() == 1249
    assert Address.objects.open().count() == 5000 - 10 - 100 - 1 - 1249
