"""Erasure leaves numbers and keyed hashes, and nothing that says who it was; the download leaves nothing out."""

import io
import json
import zipfile
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.db import connection, models
from django.utils import timezone

from campaigns import receiving, registering, reporting, results, sending
from campaigns.models import Answer, Choice, Click, Delivery, Enrolment, Link, Opening, Registration, Series
from coalition import audit, consent, holdings, notices, people, privacy, publishing, signing_on, timeline
from coalition.models import (
    Address,
    Ask,
    AuditLine,
    BulkAction,
    Consent,
    Decision,
    EmailCode,
    Endorsement,
    Entry,
    Erasure,
    ExternalId,
    FollowUp,
    Import,
    ImportedRow,
    Invitation,
    LinkDevice,
    Merge,
    Muting,
    Notice,
    OrganizationMerge,
    PeopleList,
    Person,
    Policy,
    Remark,
    Review,
    RoleChange,
    SavedView,
    Sensitive,
    StandingAuthorization,
    Suppression,
    Topic,
)
from tests import factories
from tests.coalition.signons import open_round, texts

EMAIL, PHONE = "zoe.q@quebracho.example", "+14135550143"
NEEDLES = ["zoraida", "quintañilla", "quinta\\u00f1illa", "quebracho", "4135550143", "555-0143", "calle del sol"]
PERSON, STAFF = Erasure.Source.PERSON, Erasure.Source.STAFF


def traces():
    """[(table, row)] of everything in the database that still says who it was."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            found += [(table, row) for (row,) in cursor.fetchall() if any(n in row.casefold() for n in NEEDLES)]
    return found


@pytest.fixture
def zoraida(installation):
    return factories.PersonFactory(
        given_name="Zoraida",
        family_name="Quintañilla",
        street="12 Calle del Sol",
        language="es",
        email=EMAIL,
        phone=PHONE,
        opted_in=True,
    )


def at_her_desk(person, representative, invitation):
    """All that a sign-on may hold of somebody: what she asked, allowed, changed, signed, and who names her."""
    organization, version, now = representative.organization, invitation.version, timezone.now()
    colleague = factories.RepresentativeFactory(organization=organization)
    LinkDevice.objects.create(representative=representative, key="k" * 64)
    EmailCode.objects.create(person=person, digest="d", expires_at=now)
    Policy.objects.create(organization=organization, changed_by=person, approvers="Zoraida Quintañilla, each Monday")
    question = Remark.objects.create(
        round=invitation.round, organization=organization, version=version, kind="question", language="es", at=now,
        person=person, body="Ask Zoraida Quintañilla why.", proposal=f"Write to {EMAIL}",
    )  # fmt: skip
    Remark.objects.create(
        round=invitation.round, organization=organization, version=version, kind="answer", language="es", at=now,
        about=question, body="Because it says so.", shared_as="Zoraida Quintañilla asks why.",
    )  # fmt: skip
    Review.objects.create(
        invitation=invitation, version=version, name="Zoraida Quintañilla", email=EMAIL.title(), language="es",
        nonce="review-1", note="Zoraida, what do you say?", recommendation="yes",
        comment="Zoraida says yes", asked_at=now,
    )  # fmt: skip
    StandingAuthorization.objects.create(
        organization=organization, signer=person, signer_name="Zoraida T. Quintañilla", language="es", given_at=now,
        attestation="I, Zoraida T. Quintañilla, may sign.", expires_on=now.date() + timedelta(days=9),
    )  # fmt: skip
    person.entries.create(organization=organization, kind="signature", text="Zoraida T. Quintañilla said so", at=now)
    RoleChange.objects.create(
        organization=organization, what="add", name="Zoraida Quintañilla", email=EMAIL, asked_by=colleague.person,
        state="confirmed", settled_by_person=person, title={"en": "Zoraida's deputy"}, note="Zoraida leaves in May",
    )  # fmt: skip
    RoleChange.objects.create(
        organization=organization, what="change", representative=colleague, asked_by=person, note=f"Write to {EMAIL}"
    )
    Endorsement.objects.create(
        round=invitation.round, publication=version.publication, version=version, name="Zoraida Q.", email=EMAIL,
        affiliation="Quebracho School", language="es", wording="I, Zoraida, sign.", nonce="endorsed-1", at=now,
        confirmed_at=now,
    )  # fmt: skip
    OrganizationMerge.objects.create(kept=organization, other=factories.OrganizationFactory(), record={"was": EMAIL})
    person.colleague = colleague.person


@pytest.fixture
def full(zoraida):
    """Somebody in every corner of the coalition; beside her somebody of whom nothing may change."""
    staff, other = factories.UserFactory(), factories.PersonFactory(email=True, opted_in=True)
    publication = factories.PublicationFactory()
    publishing.freeze(publication, texts(), by=staff)
    round_ = open_round(publication, staff)
    representative = factories.RepresentativeFactory(person=zoraida)
    invited = signing_on.invite(round_, [representative], by=staff).asked[0]
    signing_on.decide(
        invited,
        version=publication.current_version,
        choice="sign",
        signer_name="Zoraida Quintañilla",
        attested=True,
        language="es",
        reason="Zoraida believes in it.",
    )
    message = factories.MessageFactory()
    sending.start(message, by=staff)
    sending.send_next_batch(message)
    answer = Choice.objects.create(message=message, label={"en": "Yes"}, words="YES")
    Answer.objects.create(message=message, person=zoraida, choice=answer, at=message.started_at)
    link = Link.objects.create(message=message, url="https://example.org/vote")
    Click.objects.create(link=link, delivery=Delivery.objects.get(person=zoraida))
    Opening.objects.create(delivery=Delivery.objects.get(person=zoraida), at=timezone.now())
    series = Series.objects.create(name="Welcome", campaign=message.campaign, trigger=Series.Trigger.JOINED)
    Enrolment.objects.create(series=series, person=zoraida, began_at=message.started_at)
    Delivery.objects.filter(person=zoraida).update(state=Delivery.State.DELIVERED)
    receiving.receive(sid="SM1", number=PHONE, body="This is Zoraida")
    registering.register(
        factories.WebinarFactory(),
        name="Zoraida Quintañilla",
        email=EMAIL,
        language="es",
        access_needs="Zoraida's ramp",
    )
    organization = representative.organization
    people.write_note(organization, f"Met Zoraida Quintañilla, write to {EMAIL}.", by=staff)
    people.write_note(other, "Sister of zoraida quintañilla.", by=staff)
    FollowUp.objects.create(organization=organization, text="Call Zoraida Quintañilla", due="2026-12-01")
    FollowUp.objects.create(person=zoraida, text="Call her", due="2026-12-01")
    batch = Import.objects.create(name="people.csv", state=Import.State.DONE)
    ImportedRow.objects.create(
        batch=batch, line=1, outcome="changed", person=zoraida, data={"was": {"name": "Zoraida"}}
    )
    refused = [["Name", "Zoraida"], ["Last", "QUINTAÑILLA"], ["Phone", "(413) 555-0143"]]
    ImportedRow.objects.create(batch=batch, line=2, outcome="refused", data={"row": refused})
    ImportedRow.objects.create(batch=batch, line=3, outcome="refused", data={"row": [["Name", "Ana"]]})
    twin = factories.PersonFactory(given_name="Zoraida", family_name="Q. Quintañilla", merged_into=zoraida)
    Merge.objects.create(kept=zoraida, record={"name": "Zoraida"})
    Merge.objects.create(kept=other, record={"email": EMAIL}, undone_at=message.started_at)
    Muting.objects.create(topic=Topic.objects.create(slug="schools", name={"en": "Schools"}), person=zoraida)
    ExternalId.objects.create(person=zoraida, system="civicrm", value="zoraida-1")
    PeopleList.objects.create(name="Callers").people.add(zoraida)
    Sensitive.objects.create(person=zoraida, constituencies=["families"], marks=["x"])
    BulkAction.objects.create(kind="tag", query=f"q={EMAIL}")
    at_her_desk(zoraida, representative, invited)
    log = apps.get_model("wagtailcore", "ModelLogEntry").objects
    log.log_action(zoraida, "wagtail.edit", user=staff)
    log.log_action(representative, "wagtail.edit", user=staff)
    zoraida.other, zoraida.message, zoraida.twin, zoraida.publication = other, message, twin, publication
    return zoraida


def test_P4_after_erasing_no_table_says_who_it_was(full):
    assert len(traces()) > 20  # there was something that could stay
    privacy.erase(full, source=STAFF, why="Asked by phone")
    last_word = Notice.objects.get(kind="erased")
    assert traces() == [("coalition_notice", row) for table, row in traces() if table == "coalition_notice"]
    assert (last_word.value, last_word.language, last_word.person) == (EMAIL, "es", None)
    notices.send_due()
    last_word.refresh_from_db()
    assert (last_word.state, last_word.value, last_word.text) == ("sent", "", "")
    # The demo's outbox stands for her own mailbox.
    assert {table for table, _row in traces()} - {"coalition_simulatedemail"} == set()


@pytest.mark.parametrize("written", ["(413) 555-0143", "413.555.0143", "413-555-0143", "4135550143"])
def test_P4_her_number_goes_from_what_is_said_of_others_however_it_is_written(zoraida, written):
    staff, other = factories.UserFactory(), factories.PersonFactory()
    people.write_note(other, f"His neighbour answers at {written}.", by=staff)
    SavedView.objects.create(owner=staff, screen="people", name="Her", query=urlencode({"q": written}))
    privacy.erase(zoraida, source=STAFF, by=staff)
    assert [table for table, _row in traces() if table != "coalition_notice"] == []  # she is told that it is done
    assert str(other.entries.get(kind="note").text).startswith("His neighbour answers at somebody")


def said_of(message):
    return results.figures_of([message]), reporting.count(message)["language"], results.answers(message)


def test_P4_what_she_did_with_others_still_counts(full):
    before = said_of(full.message)
    assert [figures["acted"] for language, figures in before[1] if language == "es"] == [1]
    privacy.erase(full, source=PERSON)
    assert said_of(full.message) == before
    decision = Decision.objects.get()
    assert (decision.live, decision.attested, decision.signer, decision.signer_name) == (True, True, None, "")
    assert decision.version.publication == full.publication
    invitation = Invitation.objects.get()
    assert (invitation.representative, invitation.revoked_at is None) == (None, False)


def test_P4_a_seat_in_what_is_to_come_is_free_again_and_the_links_are_dead(full):
    seat = Registration.objects.get()
    privacy.erase(full, source=PERSON)
    after = Registration.objects.get()
    assert (after.state, after.person, after.email, after.access_needs) == ("cancelled", None, "", "—")
    assert after.nonce != seat.nonce


def test_P4_what_she_signed_herself_is_withdrawn_and_what_she_allowed_ends(full):
    privacy.erase(full, source=PERSON)
    endorsement, authorization = Endorsement.objects.get(), StandingAuthorization.objects.get()
    assert (endorsement.name, endorsement.email, endorsement.withdrawn_at is None) == ("", "", False)
    assert endorsement.nonce != "endorsed-1"
    assert (authorization.signer_name, authorization.is_in_force) == ("", False)
    assert OrganizationMerge.objects.get().record == {}
    review, remark = Review.objects.get(), Remark.objects.get(kind="question")
    assert (review.recommendation, review.revoked_at is None) == ("yes", False)
    assert (remark.person, remark.body) == (None, "Ask somebody who was erased why.")
    assert list(RoleChange.objects.values_list("what", "asked_by")) == [
        ("change", None),
        ("add", full.colleague.pk),
    ]
    assert (EmailCode.objects.count(), LinkDevice.objects.count(), Ask.objects.count()) == (0, 0, 1)


def test_P4_a_letter_with_her_hand_goes_and_the_answer_stands(full, private_files, django_capture_on_commit_callbacks):
    decision = Decision.objects.get()
    decision.signer, decision.via = None, "letter"
    decision.proof.save("letter.pdf", ContentFile(b"%PDF-"))
    name = decision.proof.name
    Decision.objects.update(invitation=None)
    with django_capture_on_commit_callbacks(execute=True):
        privacy.erase(full, source=PERSON)
    decision.refresh_from_db()
    assert (decision.live, decision.signer_name, bool(decision.proof)) == (True, "", False)
    assert not private_files.exists(name)


def test_P4_an_address_that_two_share_gives_away_nothing_of_the_other(full):
    relative = factories.PersonFactory(email=EMAIL)
    told = {kind["key"] for kind in privacy.everything(relative)}
    assert told.isdisjoint({"endorsements", "reviews", "role_changes"})
    privacy.erase(relative, source=PERSON)
    assert Endorsement.objects.get().name == "Zoraida Q."
    assert Review.objects.get().email == EMAIL.title()


def test_P4_nobody_else_loses_anything(full):
    other = full.other
    before = Consent.objects.filter(person=other).count()
    privacy.erase(full, source=PERSON)
    assert Consent.objects.filter(person=other).count() == before
    assert [a.consent for a in other.addresses.all()] == ["granted"]
    assert Delivery.objects.get(person=other).value == other.primary_email.value
    assert ImportedRow.objects.get(line=3).data == {"row": [["Name", "Ana"]]}
    told = Entry.objects.get(person=other, kind="note").text
    assert (told.localize("en"), told.localize("es") != "") == ("Sister of somebody who was erased.", True)


def test_P5_an_erasure_is_recorded_without_who_it_was(full):
    staff = factories.UserFactory(first_name="Ida", last_name="Wells")
    erasure = privacy.erase(full, source=STAFF, by=staff, why="Asked by phone")
    line = AuditLine.objects.get(action=audit.Action.ERASE)
    assert (line.by, line.by_name, line.why, line.subject_id) == (staff, "Ida Wells", "Asked by phone", str(full.pk))
    assert (erasure.source, erasure.by, erasure.removed["coalition.address"]) == (STAFF, staff, 2)


def test_P4_her_addresses_stay_closed_and_a_list_cannot_open_them(zoraida):
    privacy.erase(zoraida, source=PERSON)
    assert sorted(Suppression.objects.values_list("pk", flat=True)) == sorted(
        [consent.digest("email", EMAIL), consent.digest("phone", PHONE)]
    )
    again = factories.PersonFactory(email=EMAIL, phone=PHONE)
    for address in again.addresses.all():
        assert consent.grant(address, wording="Yes.", language="es", source=Consent.Source.IMPORT) is None
    assert (
        consent.grant_many(
            [(address, "row 1", None) for address in again.addresses.all()],
            wording="Yes.",
            source=Consent.Source.IMPORT,
        )
        == 0
    )
    assert {address.consent for address in again.addresses.all()} == {Address.Consent.NONE}


def test_P4_who_shares_her_address_keeps_it(zoraida):
    relative = factories.PersonFactory(phone=PHONE, opted_in=True)
    receiving.receive(sid="SM1", number=PHONE, body="Hello")
    apps.get_model("campaigns", "Conversation").objects.update(person=relative)
    privacy.erase(zoraida, source=PERSON)
    assert relative.addresses.get().consent == Address.Consent.GRANTED
    assert apps.get_model("campaigns", "Conversation").objects.get().person == relative


def test_P6_who_is_anonymised_leaves_no_hash_and_gets_no_message(full):
    privacy.anonymise(full, why="inactive")
    assert traces() == []
    assert (Suppression.objects.count(), Notice.objects.filter(kind="erased").count()) == (0, 0)
    assert Erasure.objects.get().source == Erasure.Source.RETENTION


def test_erasing_twice_erases_once(zoraida):
    privacy.erase(zoraida, source=PERSON)
    with pytest.raises(privacy.Gone):
        privacy.erase(zoraida.__class__(pk=zoraida.pk or 1), source=PERSON)
    assert Erasure.objects.count() == 1


def test_two_erased_people_of_one_message_do_not_collide(installation):
    both = [factories.PersonFactory(email=True, opted_in=True) for _n in range(2)]
    message = factories.MessageFactory()
    sending.start(message)
    sending.send_next_batch(message)
    for person in both:
        privacy.erase(person, source=PERSON)
    assert list(message.deliveries.values_list("person", "value", "state")) == [(None, "", "sent")] * 2


def test_what_is_queued_for_her_does_not_leave(zoraida):
    message = factories.MessageFactory()
    sending.start(message)
    privacy.erase(zoraida, source=PERSON)
    sending.send_next_batch(message)
    assert list(message.deliveries.values_list("state", "reason")) == [("held", "removed")]


def test_a_criterion_is_not_confused_by_the_rows_of_nobody(full):
    """`NOT IN (…, NULL)` finds nobody at all: whoever asks who did *not* act must still find the others."""
    privacy.erase(full, source=PERSON)
    for held in (Answer, Delivery, Registration):
        assert held.objects.filter(person=None).exists()
        acted = held.objects.filter(person=models.OuterRef("pk"))
        assert Person.objects.filter(~models.Exists(acted), pk=full.other.pk).exists() is (held is not Delivery)


# Nothing is forgotten to be forgotten


def pointing_at_people():
    """Every relation that leads from some model to a person."""
    return [relation for relation in Person._meta.related_objects if relation.related_model._meta.app_label != "tests"]


# What says nothing about a person beyond that a search or a bulk action went over them; deleted with them.
UNTOLD = {"bulkchange", "lookalike", "matchkey", "person", "peoplelist", "conversation"}


def test_P4_every_kind_that_hangs_on_a_person_is_told_to_them_or_named_as_saying_nothing():
    told = {holding.model for holding in holdings.HOLDINGS if holding.label}
    silent = [r.related_model._meta.model_name for r in pointing_at_people() if r.related_model not in told]
    assert sorted(set(silent) - UNTOLD) == []


def test_P4_every_model_with_an_email_address_is_told_or_named():
    """Not everybody who is named is a person on record: whatever keeps an address is found by its value."""
    own = [model for model in apps.get_models() if model._meta.app_label in ("coalition", "campaigns")]
    named = {m._meta.model_name for m in own if any(isinstance(f, models.EmailField) for f in m._meta.get_fields())}
    told = {holding.model._meta.model_name for holding in holdings.HOLDINGS if holding.model}
    assert named - told == {"user", "organization", "installation"}


def test_P4_every_row_that_outlives_a_person_is_emptied():
    emptied = {type(holding).forget.__qualname__.split(".")[0]: holding.model for holding in holdings.HOLDINGS}
    emptied.pop("Holding", None)
    outliving = {r.related_model for r in pointing_at_people() if r.on_delete is models.SET_NULL} - {Person}
    assert sorted(m.__name__ for m in outliving if m not in emptied.values() and m.__name__ != "Conversation") == []


# Everything, told


def test_P4_the_download_holds_everything_in_their_language(full):
    timeline.note(full, Entry.Kind.NOTE, "%(note)s", {"note": "Likes mornings."})
    packed = zipfile.ZipFile(io.BytesIO(privacy.archive(full, "es")))
    assert sorted(packed.namelist()) == ["data.json", "index.html"]
    data = json.loads(packed.read("data.json"))
    assert data["person"][0]["street"] == "12 Calle del Sol"
    assert [a["value"] for a in data["addresses"]] == [EMAIL, PHONE]
    assert {c["state"] for c in data["consents"]} == {"granted"}
    assert data["decisions"][0]["signer_name"] == "Zoraida Quintañilla"
    assert data["messages"][0]["subject"] == "La votación es el martes"
    assert [row["name"] for row in data["role_changes"]] == ["Zoraida Quintañilla", ""]
    assert data["endorsements"][0]["affiliation"] == "Quebracho School"
    assert [row["body"] for row in data["remarks"]] == ["Ask Zoraida Quintañilla why.", "Because it says so."]
    assert data["reviews"][0]["comment"] == "Zoraida says yes"
    assert data["sensitive"][0]["constituencies"] == ["families"]
    assert sorted(data) == sorted(
        [
            holding.key
            for holding in holdings.HOLDINGS
            if holding.label and holding.key != "memberships" and holding.key != "tags"
        ]
    )
    page = packed.read("index.html").decode()
    for said in ("Zoraida Quintañilla", EMAIL, "This is Zoraida", "Likes mornings."):
        assert said in page
    assert '<html lang="es"' in page
    assert not any(tag in page for tag in ("src=", "<link", "<script", "url("))  # it reads well without a network


def test_P4_the_download_tells_nothing_of_others(full):
    page = zipfile.ZipFile(io.BytesIO(privacy.archive(full, "en"))).read("index.html").decode()
    assert full.other.primary_email.value not in page
    assert "staff" not in page
