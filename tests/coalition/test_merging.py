"""Merging: everything that hangs on a person comes along, whatever app it is of, and all of it can be taken back."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone

from campaigns import registering
from campaigns.models import Answer, Choice, Delivery, Registration
from coalition import (
    belonging,
    consent,
    custom,
    merging,
    people,
    preferences,
    publishing,
    signing_on,
    timeline,
    unmerging,
)
from coalition.models import (
    Address,
    AuditLine,
    Consent,
    Constituency,
    CustomField,
    Decision,
    EmailCode,
    Endorsement,
    Entry,
    ExternalId,
    FollowUp,
    Import,
    ImportedRow,
    Installation,
    LinkDevice,
    Listing,
    Lookalike,
    Membership,
    Merge,
    Muting,
    PeopleList,
    Person,
    Policy,
    Remark,
    Representative,
    RoleChange,
    Sensitive,
    StandingAuthorization,
    Tagging,
    Topic,
)
from tests import factories
from tests.coalition.signons import open_round, texts

pytestmark = pytest.mark.django_db
EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE


def person(**details):
    return factories.PersonFactory(**{"given_name": "Ana", "family_name": "Núñez"} | details)


@pytest.fixture
def ana(installation):
    return person(email="ana@x.example.org")


@pytest.fixture
def other(installation):
    return person(email="ana@y.example.org", phone="+14135550142")


def everything():
    """Every row that points at a person, and every person, address and consent as it stands."""
    state = {}
    for model, field in [*merging.links(), (Person, Person._meta.pk)]:
        if model not in (Entry, Person):
            key = (model._meta.label, field.name)
            state[key] = sorted(model._base_manager.values_list("pk", field.attname), key=str)
    state["people"] = sorted(
        Person.objects.values_list("pk", "name", "city", "zip", "language", "custom", "binned_at", "merged_into"),
        key=str,
    )
    state["addresses"] = sorted(Address.objects.values_list("pk", "value", "primary", "consent", "consent_at", "fault"))
    state["entries"] = sorted(Entry.objects.exclude(kind="merge").values_list("pk", "person"))
    state["sensitive"] = [merging.sealed_state(row) for row in Sensitive.objects.order_by("pk")]
    return state


def test_everything_moves_and_an_undo_gives_exactly_that_back(ana, other):
    staff, tag, topic = factories.UserFactory(), factories.TagFactory(), Topic.objects.create(slug="t", name="T")
    organization, webinar = factories.OrganizationFactory(), factories.WebinarFactory()
    batch = Import.objects.create(name="people.csv", state="done")
    Tagging.objects.create(person=other, tag=tag)
    Listing.objects.create(person=other, people_list=PeopleList.objects.create(name="Phone bank"))
    Muting.objects.create(person=other, topic=topic)
    Membership.objects.create(person=other, organization=organization)
    factories.RepresentativeFactory(person=other)
    ExternalId.objects.create(person=other, system="civicrm", value="7")
    FollowUp.objects.create(person=other, text="Call", due=timezone.localdate())
    ImportedRow.objects.create(batch=batch, line=2, outcome="new", person=other)
    consent.grant(other.addresses.get(channel=EMAIL), wording="Yes.", language="en", source="form")
    timeline.note(other, Entry.Kind.NOTE, "Loves reading")
    Delivery.objects.create(message=factories.MessageFactory(), person=other, value="ana@y.example.org", language="en")
    registering.register(webinar, name=other.name, email="ana@y.example.org", language="en")
    before = everything()

    done = merging.merge(ana, [other], by=staff)

    assert {
        f"{m._meta.label}.{f.name}" for m, f in merging.links() if m._base_manager.filter(**{f.name: other}).exists()
    } == {
        "coalition.Entry.person"  # the line that says where the record went
    }
    assert ana.addresses.count() == 3
    assert [a.primary for a in ana.addresses.filter(channel=EMAIL).order_by("value")].count(True) == 1
    assert Delivery.objects.get().person == ana
    assert Registration.objects.get().person == ana
    assert ImportedRow.objects.get().person == ana
    assert ana.consents.get().wording == "Yes."
    assert Person.objects.present().get() == ana
    other.refresh_from_db()
    assert (other.merged_into, other.binned_by) == (ana, staff)
    assert list(AuditLine.objects.filter(action="merge").values_list("subject_id", "by")) == [(str(ana.pk), staff.pk)]

    assert unmerging.undo(done, by=staff)
    assert everything() == before
    assert list(ana.entries.filter(kind="merge").order_by("pk").values_list("by", flat=True)) == [staff.pk, staff.pk]
    assert other.entries.filter(kind="merge").count() == 2
    assert AuditLine.objects.filter(action="undo").count() == 1
    assert not unmerging.undo(done, by=staff)  # pressing twice undoes once
    assert AuditLine.objects.filter(action="undo").count() == 1


def test_every_link_to_a_person_is_known(ana):
    """Whoever adds a model that points at people decides what a merge does with it."""
    known = {f"{model._meta.label}.{field.name}" for model, field in merging.links()}
    skipped = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if getattr(field, "many_to_one", False) and field.related_model is Person
    } - known
    assert skipped == {
        "coalition.BulkChange.person",
        "coalition.Lookalike.first",
        "coalition.Lookalike.second",
        "coalition.MatchKey.person",
        "coalition.Merge.kept",
        "coalition.Person.merged_into",
    }


def test_what_cannot_stand_twice_stays_and_the_one_that_says_more_stands(ana, other):
    message = factories.MessageFactory()
    mine = Delivery.objects.create(message=message, person=ana, value="ana@x.example.org", language="en", state="held")
    theirs = Delivery.objects.create(
        message=message, person=other, value="ana@y.example.org", language="en", state="delivered"
    )
    choices = [Choice.objects.create(message=message, label=label, words=label) for label in ("YES", "NO")]
    now = timezone.now()
    late = Answer.objects.create(message=message, person=ana, choice=choices[0], at=now)
    early = Answer.objects.create(message=message, person=other, choice=choices[1], at=now - timedelta(1))
    tag = factories.TagFactory()
    tagged = [Tagging.objects.create(person=p, tag=tag) for p in (ana, other)]
    before = everything()
    done = merging.merge(ana, [other])
    assert dict(Delivery.objects.values_list("pk", "person")) == {mine.pk: other.pk, theirs.pk: ana.pk}
    assert dict(Answer.objects.values_list("pk", "person")) == {late.pk: ana.pk, early.pk: other.pk}
    assert dict(Tagging.objects.values_list("pk", "person")) == {tagged[0].pk: ana.pk, tagged[1].pk: other.pk}
    assert sorted(done.record["left"]) == sorted(
        [
            ["campaigns.delivery", mine.pk, theirs.pk],
            ["campaigns.answer", early.pk, late.pk],
            ["coalition.tagging", tagged[1].pk, tagged[0].pk],
        ]
    )
    unmerging.undo(done)
    assert everything() == before


def test_G1_the_role_that_may_sign_stands_and_a_personal_link_goes_on_to_work(ana, other):
    staff, publication = factories.UserFactory(), factories.PublicationFactory()
    publishing.freeze(publication, texts(), by=staff)
    round_ = open_round(publication, staff)
    organization = factories.OrganizationFactory()
    silent = factories.RepresentativeFactory(person=ana, organization=organization, may_sign=False)
    signs = factories.RepresentativeFactory(person=other, organization=organization)
    invitation = signing_on.invite(round_, [signs], by=staff).asked[0]
    before = everything()
    done = merging.merge(ana, [other])
    assert dict(Representative.objects.values_list("pk", "person")) == {silent.pk: other.pk, signs.pk: ana.pk}
    token = signing_on.link(invitation, "en").rstrip("/").rpartition("/")[2]
    assert signing_on.open_link(token).representative.person == ana
    signing_on.decide(
        signing_on.open_link(token),
        version=publication.current_version,
        choice="sign",
        signer_name="Ana Núñez",
        attested=True,
        language="en",
    )
    decision = Decision.objects.get()
    assert decision.signer == ana
    unmerging.undo(done)
    decision.refresh_from_db()
    assert decision.signer == ana  # what happened since stays
    after = everything()
    for state in (before, after):
        del state["coalition.Decision", "signer"], state["coalition.Notice", "person"], state["entries"]
    assert after == before


def test_the_stricter_consent_wins_for_one_address_and_says_why(installation):
    yes = person(email="ana@x.example.org", opted_in=True)
    stop = person(email="ana@x.example.org")
    consent.withdraw("email", "ana@x.example.org", source="reply")
    consent.grant(yes.addresses.get(), wording="Yes again.", language="en", source="form")
    assert [yes.addresses.get().consent, stop.addresses.get().consent] == ["granted", "withdrawn"]
    before = everything()
    done = merging.merge(yes, [stop])
    address = yes.addresses.get()
    newest = address.history.first()
    assert (address.consent, newest.state, newest.evidence) == ("withdrawn", "withdrawn", "merge")
    assert address.history.count() == 5  # yes, stop and yes; the other record's stop; what the merge says
    unmerging.undo(done)
    assert everything() == before
    assert [yes.addresses.get().consent, stop.addresses.get().consent] == ["granted", "withdrawn"]


def test_a_yes_with_proof_counts_where_nobody_else_was_asked(installation):
    asked = person(email="ana@x.example.org", opted_in=True)
    kept = person(email="ana@x.example.org", created_at=timezone.now() - timedelta(9))
    Person.objects.filter(pk=kept.pk).update(created_at=timezone.now() - timedelta(9))
    merging.merge(kept, [asked])
    assert kept.addresses.get().consent == "granted"
    assert kept.addresses.get().history.get().person == kept


def test_a_preference_link_of_the_other_record_opens_who_stands_for_it(ana, installation):
    twin = person(email="ana@x.example.org", phone="+14135550142")
    tokens = [preferences.token_for(address.pk) for address in twin.addresses.order_by("channel")]
    done = merging.merge(ana, [twin])
    for token, channel in zip(tokens, (EMAIL, PHONE), strict=True):
        address = preferences.opened_by(token)
        assert (address.person, address.channel) == (ana, channel)
    unmerging.undo(done)
    assert preferences.opened_by(tokens[0]).person == twin


@pytest.mark.parametrize(
    ("names", "proposed"),
    [
        (["José García", "Jose Garcia"], 0),
        (["Jose Garcia", "José Garcia", "José García"], 2),
        (["José García", "Jose Garcia Lopez"], 1),
        (["Jo Garcia", "Joseph Garcia"], 1),
        (["Joseph Garcia", "Jo Garcia"], 0),
        (["Jose Garcia", "Jose Garcia"], 1),
    ],
)
def test_proposes_the_name_with_its_accents_then_the_longer_then_the_newer(installation, names, proposed):
    held = []
    for name in names:
        given, family = name.split(" ", 1)
        held.append(person(name=name, given_name=given, family_name=family))
    assert merging.Plan(held).part("name").chosen == held[proposed].pk


def test_proposes_the_fuller_and_the_newer_and_takes_what_is_chosen(installation):
    field = CustomField.objects.create(key="school", kind="text", label={"en": "School"})
    one = person(
        given_name="A.", family_name="Núñez", city="Springfield", zip="", street="", custom={"school": "North"}
    )
    two = person(
        given_name="Ana", language="es", city="Holyoke", zip="01040", street="5 Elm", custom={"school": "East"}
    )
    plan = merging.Plan([one, two])
    assert {p.key: p.chosen for p in plan.parts} == {
        "name": two.pk,
        "language": two.pk,
        "place": two.pk,
        "custom.school": two.pk,
    }
    assert [p.key for p in plan.to_decide] == ["name", "language", "place", "custom.school"]
    done = merging.merge(one, [two], choices={"language": one.pk, "custom.school": str(one.pk), "place": "nobody"})
    one.refresh_from_db()
    assert (one.name, one.language, one.city, one.zip, one.custom) == (
        "Ana Núñez",
        "en",
        "Holyoke",
        "01040",
        {"school": "North"},
    )
    assert set(Person.objects.search("ana nunez")) == {one, two}
    people.change(one, details={"city": "Chicopee"})
    assert unmerging.look(done).stay == ["city"]
    unmerging.undo(done)
    one.refresh_from_db()
    assert (one.name, one.city, one.zip) == ("A. Núñez", "Chicopee", "")  # what somebody changed since stays
    assert custom.show(field, one.custom["school"]) == "North"


def test_sealed_details_unite_and_come_apart_again(ana, other):
    groups = [Constituency.objects.create(slug=s, name={"en": s}) for s in ("latino", "families")]
    belonging.declare(ana, groups[:1], source="told")
    belonging.declare(other, groups, source="told")
    done = merging.merge(ana, [other])
    assert sorted(belonging.of(ana), key=lambda c: c.pk) == groups
    assert "latino" not in str(done.record)
    unmerging.undo(done)
    assert sorted(c.slug for c in belonging.of(other)) == ["families", "latino"]
    assert [c.slug for c in belonging.of(ana)] == ["latino"]


def test_several_at_once_and_who_was_told_apart_stays_apart(installation):
    a, b, c, third = (person(email=f"p{n}@x.example.org") for n in range(4))
    Lookalike.objects.create(first=a, second=b, score=90)
    Lookalike.objects.create(first=c, second=third, score=70, state=Lookalike.State.DIFFERENT)
    done = merging.merge(a, [b, c])
    assert set(Person.objects.present()) == {a, third}
    assert a.addresses.filter(primary=True).count() == 1
    assert list(Lookalike.objects.order_by("pk").values_list("first", "second", "state")) == [
        (a.pk, b.pk, "merged"),
        (c.pk, third.pk, "different"),
        (a.pk, third.pk, "different"),
    ]
    unmerging.undo(done)
    states = dict(Lookalike.objects.values_list("first", "state").filter(second__in=[b, c]))
    assert states == {a.pk: "different"}


def test_a_second_press_and_a_stale_page_do_nothing(ana, other):
    third = person()
    seen = merging.Plan([ana, other]).seen
    people.change(other, details={"city": "Holyoke"})
    with pytest.raises(merging.Refused):
        merging.merge(ana, [other], seen=seen)
    first = merging.merge(ana, [other])
    assert merging.merge(ana, [other]) == first
    with pytest.raises(merging.Refused):
        merging.merge(third, [other])
    assert Merge.objects.count() == 1


@pytest.mark.parametrize("number", [1, 6])
def test_one_and_six_people_are_refused(installation, number):
    rows = [person() for _ in range(number)]
    with pytest.raises(merging.Refused):
        merging.merge(rows[0], rows[1:])


def test_an_undo_that_is_not_possible_says_why(ana, other):
    third = person()
    first = merging.merge(ana, [other])
    second = merging.merge(third, [ana])
    with pytest.raises(merging.Refused, match="Undo that merge first"):
        unmerging.undo(first)
    assert "Undo that merge first" in unmerging.look(first).refusal
    unmerging.undo(second)
    other.delete()
    with pytest.raises(merging.Refused, match="erased"):
        unmerging.undo(first)


def test_an_erased_record_of_a_merge_keeps_its_page_and_refuses_the_undo(ana, client):
    done = Merge.objects.create(kept=ana)
    with pytest.raises(merging.Refused, match="erased"):
        unmerging.undo(done)
    client.force_login(factories.UserFactory())
    assert "stays" in client.get(merging.page_of(done)).content.decode()


def test_consent_given_since_goes_home_with_its_address(ana, other):
    done = merging.merge(ana, [other])
    moved = Address.objects.get(value="ana@y.example.org")
    consent.grant(moved, wording="Yes.", language="en", source="form")
    unmerging.undo(done)
    line = Consent.objects.get()
    assert (line.person, line.address.person) == (other, other)


def test_the_record_holds_no_sealed_words_and_the_audit_no_names(ana, other):
    merging.merge(ana, [other], by=factories.UserFactory())
    line = AuditLine.objects.get(action="merge")
    assert "Ana" not in str(line.details)
    assert set(line.details) == {"merge", "people", "automatic"}
    assert Installation.get().merge_certain is False


def test_S4_a_stop_said_between_a_merge_and_its_undo_closes_both(installation):
    """The kept address is closed by the merge already, so the stop changes nothing on it that an undo could see."""
    yes = person(email="ana@x.example.org", opted_in=True)
    stop = person(email="ana@x.example.org")
    consent.withdraw("email", "ana@x.example.org", source="reply")
    consent.grant(yes.addresses.get(), wording="Yes again.", language="en", source="form")
    done = merging.merge(yes, [stop])
    consent.withdraw("email", "ana@x.example.org", source="reply")
    unmerging.undo(done)
    assert [yes.addresses.get().consent, stop.addresses.get().consent] == ["withdrawn", "withdrawn"]


def at_a_desk(person, organization, round_, key="k"):
    """Whatever a sign-on holds of somebody who speaks for an organization."""
    now, version = timezone.now(), round_.publication.current_version
    representative = factories.RepresentativeFactory(person=person, organization=organization)
    LinkDevice.objects.create(representative=representative, key=key)
    EmailCode.objects.create(person=person, digest="d", expires_at=now)
    RoleChange.objects.create(
        organization=organization, what="change", representative=representative, asked_by=person,
        settled_by_person=person,
    )  # fmt: skip
    Remark.objects.create(
        round=round_, organization=organization, version=version, kind="question", language="en", at=now, person=person
    )
    StandingAuthorization.objects.create(
        organization=organization, signer=person, signer_name="Ana", attestation="I may", language="en", given_at=now,
        expires_on=now.date(),
    )  # fmt: skip
    Endorsement.objects.create(
        round=round_, publication=round_.publication, version=version, person=person, name="Ana", language="en",
        email=f"ana{person.pk}@x.example.org", wording="I sign", nonce=f"nonce-{person.pk}", at=now,
    )  # fmt: skip
    return representative


def test_what_a_desk_holds_of_somebody_moves_and_comes_back(ana, other):
    publication, organization = factories.PublicationFactory(), factories.OrganizationFactory()
    publishing.freeze(publication, texts(), by=factories.UserFactory())
    round_ = open_round(publication, factories.UserFactory())
    kept = at_a_desk(ana, organization, round_)
    twin = at_a_desk(other, organization, round_)  # of the same organization, on the same device
    LinkDevice.objects.create(representative=twin, key="another")
    Policy.objects.create(organization=organization, changed_by=other)
    before = everything()
    below = sorted(LinkDevice.objects.values_list("pk", "representative"))
    done = merging.merge(ana, [other])
    for model, name in (
        (EmailCode, "person"), (RoleChange, "asked_by"), (RoleChange, "settled_by_person"), (Remark, "person"),
        (StandingAuthorization, "signer"), (Endorsement, "person"),
    ):  # fmt: skip
        assert list(model.objects.values_list(name, flat=True)) == [ana.pk] * 2, (model, name)
    assert Policy.objects.get().changed_by == ana
    assert organization.representatives.filter(person=ana).get() == kept
    assert sorted(kept.devices.values_list("key", flat=True)) == ["another", "k"]
    assert kept.role_changes.count() == 1  # of two that wait, one waits for whom stands
    unmerging.undo(done)
    assert everything() == before
    assert sorted(LinkDevice.objects.values_list("pk", "representative")) == below
