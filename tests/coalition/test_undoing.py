"""Undoing an import: what came with it goes, what it changed goes back, and what people did since stays."""

from datetime import timedelta

import pytest
from django.utils import timezone

from coalition import consent, importing, people, publishing, tasks, timeline, uniting
from coalition.models import (
    Address,
    AuditLine,
    Consent,
    Endorsement,
    Entry,
    ExternalId,
    Import,
    ImportedRow,
    Listing,
    Membership,
    Merge,
    PeopleList,
    Person,
    Remark,
    StandingAuthorization,
    Suppression,
    Tagging,
)
from tests import factories
from tests.coalition.signons import open_round, texts
from tests.coalition.test_importing import bring_in, nationbuilder, private_files  # noqa: F401

pytestmark = pytest.mark.django_db
PROVED = {"email_consent": "column", "email_wording": "Yes, write to me."}


@pytest.fixture
def staff():
    return factories.UserFactory()


def undo(batch, by=None):
    assert importing.undo(batch, by=by)
    batch.refresh_from_db()
    assert importing.run_undo(batch) is False
    batch.refresh_from_db()
    return batch


def counted(batch):
    return {key: batch.undo[key] for key in ("removed", "restored", "consents", "values", "addresses", "kept")}


def everything():
    """What is known of everybody, but for the moments."""
    return {
        "people": list(Person.objects.order_by("pk").values("pk", "name", "city", "zip", "county", "custom", "search")),
        "addresses": list(
            Address.objects.order_by("pk").values("pk", "person", "value", "primary", "consent", "fault")
        ),
        "tags": list(Tagging.objects.order_by("pk").values_list("person", "tag")),
        "ids": list(ExternalId.objects.order_by("pk").values_list("person", "value")),
        "members": list(Membership.objects.order_by("pk").values_list("person", "organization")),
    }


def test_undoing_leaves_everything_as_it_was_before(staff):
    organization = factories.OrganizationFactory()
    factories.PersonFactory(name="Bea Solís", email="bea@people.example.org", opted_in=True)
    known = factories.PersonFactory(name="Ana Pérez 1", city="", zip="", state="", email="ana.1@people.example.org")
    before = everything()
    options = PROVED | {"tags": ["Spring fair"], "organization": organization.pk}
    batch = bring_in(*[nationbuilder(n) for n in range(1, 8)], nationbuilder(2, tag_list="late"), options=options)
    assert Person.objects.count() == 8
    assert Address.objects.get(value="ana.1@people.example.org").consent == "granted"
    seen = importing.undo_preview(batch)
    undo(batch, by=staff)
    assert everything() == before
    assert counted(batch) == {"removed": 6, "restored": 1, "consents": 1, "values": 0, "addresses": 0, "kept": {}}
    assert (seen.as_dict(), seen.rows, seen.partial) == (counted(batch), 8, False)
    assert (batch.state, batch.undone_by, batch.undone_at is not None) == ("undone", staff, True)
    assert set(batch.results.values_list("person", flat=True)) == {None, known.pk}
    line = AuditLine.objects.get(action="undo")
    assert (line.subject_id, line.by, line.details) == (str(batch.pk), staff, counted(batch))
    assert known.entries.filter(kind="import").latest("pk").text.localize("en") == "An import was undone: people.csv"


def test_an_import_is_undone_once_and_only_when_it_is_over():
    batch = bring_in(nationbuilder(1))
    Import.objects.filter(pk=batch.pk).update(state="running")
    batch.refresh_from_db()
    assert importing.undo(batch) is False
    Import.objects.filter(pk=batch.pk).update(state="done")
    batch.refresh_from_db()
    stale = Import.objects.get(pk=batch.pk)
    assert [importing.undo(batch), importing.undo(stale)] == [True, False]
    batch.refresh_from_db()
    importing.run_undo(batch)
    importing.run_undo(batch)
    batch.refresh_from_db()
    assert importing.undo(batch) is False
    assert AuditLine.objects.filter(action="undo").count() == 1


def acted(person, staff):
    consent.grant(person.primary_email, wording="Yes.", language="es", source=Consent.Source.FORM)


def made_signatory(person, staff):
    factories.RepresentativeFactory(person=person)


def edited(person, staff):
    people.change(person, details={"city": "Boston"}, by=staff)


def noted(person, staff):
    people.write_note(person, "Called her", by=staff)


def tagged(person, staff):
    people.set_tags(person, ["housing", "volunteer", "phone bank"])


def listed(person, staff):
    Listing.objects.create(person=person, people_list=PeopleList.objects.create(name="Friends"))


def written_to(person, staff):
    message = factories.MessageFactory()
    message.deliveries.create(person=person, value=person.primary_email.value, language="es")


def replied(person, staff):
    timeline.note(person, Entry.Kind.REPLY, "Sí")


def found_elsewhere(person, staff):
    bring_in(nationbuilder(1))


def got_another_phone(person, staff):
    people.add_address(person, "phone", "+14135550999")


def merged(person, staff):
    Merge.objects.create(kept=person)


@pytest.mark.parametrize(
    ("since", "why"),
    [
        (acted, "acted"),
        (made_signatory, "edited"),
        (edited, "edited"),
        (noted, "edited"),
        (tagged, "edited"),
        (listed, "edited"),
        (written_to, "used"),
        (replied, "acted"),
        (found_elsewhere, "imported"),
        (got_another_phone, "edited"),
        (merged, "merged"),
    ],
)
def test_whoever_did_something_or_was_worked_with_since_stays(since, why, staff):
    batch = bring_in(nationbuilder(1), nationbuilder(2))
    person = Person.objects.get(family_name="Pérez 1")
    since(person, staff)
    assert importing.undo_preview(batch).kept == {why: 1}
    undo(batch)
    assert list(Person.objects.filter(family_name__startswith="Pérez")) == [person]
    assert (batch.undo["removed"], batch.undo["kept"]) == (1, {why: 1})


def test_S4_a_stop_is_never_undone_and_outlives_the_person():
    batch = bring_in(nationbuilder(1, email_opt_in="false"), nationbuilder(2), options=PROVED)
    consent.withdraw("email", "ana.2@people.example.org", source=Consent.Source.ONE_CLICK)
    undo(batch)
    assert not Person.objects.exists()
    assert Suppression.objects.count() == 2
    bring_in(nationbuilder(1), nationbuilder(2), options=PROVED)
    assert set(Address.objects.filter(channel="email").values_list("consent", flat=True)) == {"withdrawn"}


def test_S4_a_stop_on_somebody_known_before_stays_a_stop():
    known = factories.PersonFactory(name="Ana Pérez 1", email="ana.1@people.example.org", opted_in=True)
    batch = bring_in(nationbuilder(1, email_opt_in="false"))
    undo(batch)
    assert known.addresses.get().consent == "withdrawn"


def test_S1_a_yes_that_only_the_import_brought_counts_no_more_even_where_the_person_stays(staff):
    batch = bring_in(nationbuilder(1), nationbuilder(2), options=PROVED)
    edited(Person.objects.get(family_name="Pérez 1"), staff)
    undo(batch)
    address = Address.objects.get(channel="email")
    assert (address.consent, address.is_open) == ("none", False)
    assert list(address.history.order_by("pk").values_list("state", flat=True)) == ["granted", "none"]
    assert consent.grant(address, wording="Yes.", language="es", source=Consent.Source.FORM)
    assert importing.undo(batch) is False


def test_each_field_goes_back_only_where_it_still_holds_what_the_import_wrote(staff):
    known = factories.PersonFactory(
        name="Ana P.",
        given_name="Ana",
        family_name="P.",
        street="",
        city="Boston",
        zip="02108",
        email="ana.1@people.example.org",
        custom={"shirt": "M"},
    )
    batch = bring_in(nationbuilder(1), options={"existing": "overwrite"})
    known.refresh_from_db()
    assert (known.city, known.zip, known.county, known.language) == ("Springfield", "01103", "Hampden County", "es")
    people.change(known, details={"city": "Holyoke"}, by=staff)
    undo(batch)
    known.refresh_from_db()
    assert (known.name, known.search, known.city, known.zip, known.county) == (
        "Ana P.",
        "ana p",
        "Holyoke",
        "02108",
        "",
    )
    assert (known.language, known.custom) == ("en", {"shirt": "M"})
    assert (batch.undo["restored"], batch.undo["values"]) == (1, 1)


def test_two_rows_about_one_person_are_undone_in_reverse():
    known = factories.PersonFactory(name="Ana Pérez 1", city="Boston", email="ana.1@people.example.org")
    rows = [nationbuilder(1, primary_city="Lowell"), nationbuilder(1, primary_city="Lynn")]
    batch = bring_in(*rows, options={"existing": "overwrite"})
    known.refresh_from_db()
    assert known.city == "Lynn"
    undo(batch)
    known.refresh_from_db()
    assert known.city == "Boston"


def test_what_was_used_or_given_again_by_hand_stays_and_the_rest_of_it_goes(staff):
    known = factories.PersonFactory(name="Ana Pérez 1", zip="01103")
    ExternalId.objects.create(person=known, system="nationbuilder", value="9001")
    batch = bring_in(nationbuilder(1, email2="", phone_number="4135550199"))
    assert known.addresses.count() == 3
    written_to(known, staff)
    known.taggings.filter(tag__slug="housing").delete()
    people.set_tags(known, ["housing"])
    assert known.tags.count() == 1
    undo(batch)
    assert list(known.addresses.values_list("value", "primary")) == [("ana.1@people.example.org", True)]
    assert list(known.tags.values_list("slug", flat=True)) == ["housing"]
    assert known.external_ids.count() == 1
    assert batch.undo["addresses"] == 1


def test_the_next_address_becomes_primary_when_the_imported_one_goes():
    known = factories.PersonFactory(name="Ana Pérez 1", zip="01103")
    ExternalId.objects.create(person=known, system="nationbuilder", value="9001")
    batch = bring_in(nationbuilder(1))
    people.add_address(known, "phone", "+14135550999")
    undo(batch)
    assert list(known.addresses.values_list("value", "primary")) == [("+14135550999", True)]


def test_faults_that_the_import_marked_are_cleared():
    known = factories.PersonFactory(name="Ana Pérez 1", email="ana.1@people.example.org", opted_in=True)
    batch = bring_in(nationbuilder(1, is_email1_bad="true"))
    assert known.addresses.get(channel="email").fault == "bounced"
    undo(batch)
    assert known.addresses.get().is_open


def test_a_cancelled_import_can_be_undone_as_far_as_it_came(monkeypatch):
    batch = bring_in(nationbuilder(1), nationbuilder(2))
    Import.objects.filter(pk=batch.pk).update(state="cancelled")
    batch.refresh_from_db()
    undo(batch)
    assert (batch.state, Person.objects.count()) == ("undone", 0)


def test_the_report_of_an_undone_import_names_nobody():
    batch = bring_in(nationbuilder(1, primary_zip="ABC"))
    undo(batch)
    assert list(batch.results.values_list("reason", "data", "person")) == [("bad_zip", {"row": []}, None)]


def test_a_worker_that_dies_leaves_whole_chunks_and_the_sweep_goes_on(monkeypatch):
    batch = bring_in(*[nationbuilder(n) for n in range(5)])
    monkeypatch.setattr(importing.undoing, "CHUNK", 2)
    importing.undo(batch)
    batch.refresh_from_db()
    assert importing.run_undo(batch, chunks=1) is True
    assert Person.objects.count() == 3

    class Killed(BaseException):
        pass

    def killed(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(importing.undoing.timeline, "note_many", killed)
        with pytest.raises(Killed):
            importing.run_undo(batch)
    assert Person.objects.count() == 3
    queued = []
    monkeypatch.setattr(tasks.undo_import, "delay", queued.append)
    assert importing.stalled_undos() == []
    Import.objects.filter(pk=batch.pk).update(touched_at=timezone.now() - timedelta(minutes=2))
    assert importing.stalled_undos() == [batch.pk]
    monkeypatch.setattr(tasks, "IMPORT_CHUNKS", 1)
    tasks.undo_import(batch.pk)
    assert (queued, Person.objects.count()) == ([batch.pk], 1)
    tasks.undo_import(batch.pk)
    tasks.undo_import(batch.pk)
    batch.refresh_from_db()
    assert (batch.state, batch.undo["removed"], batch.undo["done"], Person.objects.count()) == ("undone", 5, 5, 0)


def test_what_goes_wrong_can_be_tried_again(monkeypatch):
    batch = bring_in(nationbuilder(1))
    importing.undo(batch)
    batch.refresh_from_db()

    def broken(*args, **kwargs):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(importing.undoing.unpicking.Plan, "carry_out", broken)
        with pytest.raises(RuntimeError):
            importing.run_undo(batch)
    batch.refresh_from_db()
    assert (batch.state, batch.error, Person.objects.count()) == ("done", "undo", 1)
    undo(batch)
    assert Person.objects.count() == 0


def test_people_of_other_imports_are_left_alone():
    other = bring_in(nationbuilder(7))
    batch = bring_in(nationbuilder(1))
    undo(batch)
    assert list(Person.objects.values_list("family_name", flat=True)) == ["Pérez 7"]
    assert ImportedRow.objects.filter(batch=other, person__isnull=False).count() == 1


@pytest.mark.parametrize("signed", ["endorsement", "authorization", "remark"])
def test_whoever_signed_or_spoke_since_stays(installation, signed):
    batch = bring_in(nationbuilder(2), nationbuilder(3))
    person, publication = Person.objects.earliest("pk"), factories.PublicationFactory()
    version = publishing.freeze(publication, texts(), by=None)
    round_, now = open_round(publication, None), timezone.now()
    organization = factories.OrganizationFactory()
    if signed == "endorsement":
        Endorsement.objects.create(
            round=round_, publication=publication, version=version, person=person, name=person.name, language="en",
            email="else@people.example.org", wording="I sign", nonce="n", at=now,
        )  # fmt: skip
    elif signed == "authorization":
        StandingAuthorization.objects.create(
            organization=organization, signer=person, signer_name=person.name, language="en", given_at=now,
            expires_on=now.date(), attestation="I may",
        )  # fmt: skip
    else:
        Remark.objects.create(
            round=round_, organization=organization, version=version, kind="question", language="en", at=now,
            person=person,
        )  # fmt: skip
    undo(batch)
    assert list(Person.objects.all()) == [person]
    assert counted(batch)["kept"] == {"acted": 1}


def test_members_of_an_organization_that_was_merged_since_are_undone_all_the_same():
    organization, kept = factories.OrganizationFactory(), factories.OrganizationFactory()
    known = factories.PersonFactory(name="Ana Pérez 1", email="ana.1@people.example.org")
    batch = bring_in(nationbuilder(1), nationbuilder(2), options={"organization": organization.pk})
    uniting.merge(kept, organization)
    assert kept.memberships.count() == 2
    undo(batch)
    assert (list(Person.objects.all()), kept.memberships.count()) == ([known], 0)
