"""Two records of one organization become one, also in the middle of a round, and two again."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone

from coalition import merging, moving, organizations, people, signing_on, uniting
from coalition.models import (
    Agreement,
    Ask,
    AuditLine,
    CustomField,
    Decision,
    Entry,
    FollowUp,
    Handover,
    Invitation,
    LinkDevice,
    Logo,
    Membership,
    Organization,
    OrganizationMerge,
    Policy,
    Region,
    Remark,
    Representative,
    RoleChange,
    StandingAuthorization,
)
from coalition.signing_on import desk
from tests import factories
from tests.coalition.signons import Choice, amend, asked, board, sign

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept(installation):
    return factories.OrganizationFactory(name="Teachers United", city="Lowell", created_at=timezone.now())


@pytest.fixture
def other(installation):
    return factories.OrganizationFactory(name="Teachers United of Lowell", website="https://tu.example.org")


def token(invitation):
    return signing_on.token_for(invitation)


def everything():
    """Every row that points at an organization, every organization, and which decisions are live."""
    state = {
        (model._meta.label, field.name): sorted(model._base_manager.values_list("pk", field.attname))
        for model, field in uniting.links()
        if model is not Entry
    }
    held = ["pk", "name", "printed_name", "city", "website", "stage", "custom", "binned_at", "merged_into"]
    state["organizations"] = sorted(map(str, Organization.objects.values_list(*held)))
    state["live"] = sorted(Decision.objects.live().values_list("pk", flat=True))
    state["speaks"] = sorted(Representative.objects.values_list("pk", "position", "may_sign"))
    state["invitations"] = sorted(Invitation.objects.values_list("pk", "representative"))
    state["entries"] = sorted(Entry.objects.exclude(kind="merge").values_list("pk", "organization"), key=str)
    return state


def test_every_link_to_an_organization_is_known():
    """Whoever adds a model that points at organizations decides what a merge does with it."""
    known = {f"{model._meta.label}.{field.name}" for model, field in uniting.links()}
    pointing = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.get_fields()
        if (getattr(field, "many_to_one", False) or getattr(field, "one_to_one", False))
        and field.concrete
        and field.related_model is Organization
    }
    assert pointing - known == {
        "coalition.Organization.merged_into",
        "coalition.OrganizationMerge.kept",
        "coalition.OrganizationMerge.other",
    }


def test_everything_moves_and_an_undo_gives_exactly_that_back(kept, other, round_, editor):
    invitation = asked(round_, organization=other)
    representative, person, version = invitation.representative, invitation.representative.person, invitation.version
    asked(round_, organization=kept)
    now, regions = timezone.now(), [Region.objects.create(name={"en": n}, slug=n) for n in ("north", "south")]
    kept.regions.set(regions[:1])
    other.regions.set(regions)
    CustomField.objects.create(subject="organization", key="mascot", kind="text", label={"en": "Mascot"})
    Organization.objects.filter(pk=other.pk).update(custom={"mascot": "Owl"}, printed_name={"en": "TU Lowell"})
    sign(invitation)
    Membership.objects.create(organization=other, person=person)
    Agreement.objects.create(organization=other, kind="data", title="Data", signed_on=now.date())
    FollowUp.objects.create(organization=other, text="Call", due=now.date())
    Logo.objects.bulk_create([Logo(organization=other, image="logos/a.png", width=10, height=10)])
    Policy.objects.create(organization=other, lead_days=5)
    Ask.objects.create(organization=other, invitation=invitation, kind="invitation", at=now)
    Remark.objects.create(
        round=round_, organization=other, version=version, kind="question", body="?", language="en", at=now
    )
    StandingAuthorization.objects.create(
        organization=other, signer=person, signer_name="A", attestation="I may", language="en", given_at=now,
        expires_on=now.date() + timedelta(days=30),
    )  # fmt: skip
    RoleChange.objects.create(organization=other, what="change", representative=representative)
    people.write_note(other, "Met at the fair", by=editor)
    before = everything()

    done = uniting.merge(kept, other, by=editor)

    left = {f"{m._meta.label}.{f.name}" for m, f in uniting.links() if m._base_manager.filter(**{f.name: other})}
    assert left == {"coalition.Entry.organization", "coalition.Organization_regions.organization"}
    assert [str(entry.text) for entry in other.entries.all()] == ["Merged into “Teachers United”"]
    kept.refresh_from_db()
    other.refresh_from_db()
    assert (other.merged_into, other.is_binned, other.name) == (kept, True, "Teachers United of Lowell")
    assert (kept.name, kept.city, kept.website) == ("Teachers United", "Lowell", "https://tu.example.org")
    assert (kept.custom, str(kept.printed_name)) == ({"mascot": "Owl"}, "TU Lowell")
    assert list(kept.regions.order_by("slug")) == regions
    assert (kept.logo.width, kept.policy.lead_days) == (10, 5)
    assert list(kept.representatives.values_list("position", flat=True)) == [0, 1]
    assert kept.decisions.live().get().choice == Choice.SIGN
    line = AuditLine.objects.get(action="merge")
    assert (line.subject_id, line.by, line.details["organizations"]) == (str(kept.pk), editor, [other.pk])

    assert uniting.undo(done, by=editor)
    assert everything() == before
    assert not uniting.undo(done, by=editor)  # pressing twice undoes once
    assert AuditLine.objects.filter(action="undo").count() == 1
    assert kept.entries.filter(kind="merge").count() == other.entries.filter(kind="merge").count() == 2


def test_G4_the_newer_of_two_live_answers_counts_and_both_stay_in_the_history(kept, other, round_, publication):
    first, second = asked(round_, organization=kept), asked(round_, organization=other)
    older, newer = sign(first), sign(second, choice=Choice.DECLINE)
    conflict, *others = uniting.Plan(kept, other).conflicts()
    assert (conflict.counts, conflict.gives_way, others) == (newer, older, [])
    before = everything()
    done = uniting.merge(kept, other)
    assert list(publication.decisions.live()) == [newer]
    assert set(kept.decisions.all()) == {older, newer}
    assert [(line.organization, line.state) for line in board(round_)] == [(kept, "decline")]
    assert done.record["gave_way"] == [older.pk]
    uniting.undo(done)
    assert everything() == before
    assert set(publication.decisions.live()) == {older, newer}


def test_G4_an_older_letter_that_was_written_down_later_does_not_count(kept, other, round_, publication):
    online = sign(asked(round_, organization=kept), choice=Choice.DECLINE)
    letter = sign(asked(round_, organization=other))
    Decision.objects.filter(pk=letter.pk).update(at=online.at - timedelta(days=2))
    (conflict,) = uniting.Plan(kept, other).conflicts()
    assert (conflict.counts, conflict.gives_way) == (online, letter)
    uniting.merge(kept, other)
    assert list(publication.decisions.live()) == [online]


def test_G7_an_older_letter_that_was_written_down_later_takes_no_dated_note_away(kept, other, round_, publication):
    online = sign(asked(round_, organization=kept))
    letter = sign(asked(round_, organization=other), choice=Choice.DECLINE)
    Decision.objects.filter(pk=letter.pk).update(at=online.at - timedelta(days=2))
    uniting.merge(kept, other)
    handover = Handover.objects.create(
        publication=publication, version=online.version, way="email", to="The committee", at=timezone.now()
    )
    assert signing_on.handed_over_with(publication, kept) == handover
    withdrawn = signing_on.withdraw(online.invitation, language="en")
    assert signing_on.handed_over_with(publication, kept, before=withdrawn) == handover


def test_G4_links_of_both_go_on_to_work_and_answers_count_for_the_kept_one(kept, other, round_, publication):
    first, second = asked(round_, organization=kept), asked(round_, organization=other, language="es")
    tokens = [token(first), token(second)]
    uniting.merge(kept, other)
    opened = [signing_on.open_link(each) for each in tokens]
    assert [invitation.organization for invitation in opened] == [kept, kept]
    sign(opened[1])
    sign(opened[0], choice=Choice.ABSTAIN)
    assert publication.decisions.live().get().choice == Choice.ABSTAIN
    assert Decision.objects.filter(organization=kept).count() == 2
    assert desk.open_desk(desk.desk_token(second.representative)).organization == kept


def test_a_form_that_was_open_while_they_merged_loses_nothing(kept, other, round_):
    """What the page held is an invitation of the record that gave way, read before the merge."""
    first, second = asked(round_, organization=kept), asked(round_, organization=other)
    older = sign(first)
    uniting.merge(kept, other)
    decision = sign(second)
    assert (decision.organization, decision.live) == (kept, True)
    older.refresh_from_db()
    assert not older.live


def test_one_person_who_spoke_for_both_is_one_representative_and_both_links_open_one_invitation(kept, other, round_):
    person = factories.PersonFactory(email=True)
    silent = factories.RepresentativeFactory(organization=kept, person=person, may_sign=False)
    signs = factories.RepresentativeFactory(organization=other, person=person)
    first, second = signing_on.invite(round_, [silent, signs]).asked
    LinkDevice.objects.create(representative=silent, key="k")
    RoleChange.objects.create(organization=kept, what="change", representative=silent)
    RoleChange.objects.create(organization=other, what="change", representative=signs)
    tokens, desks = [token(first), token(second)], [desk.desk_token(silent), desk.desk_token(signs)]
    before = everything()
    done = uniting.merge(kept, other)
    assert kept.representatives.get() == signs  # the one who may sign stands (G1)
    opened = [signing_on.open_link(each) for each in tokens]
    assert [(i.pk, i.organization, i.representative) for i in opened] == [(second.pk, kept, signs)] * 2
    assert [desk.open_desk(each) for each in desks] == [signs, signs]
    assert signs.devices.get().key == "k"
    sign(first)  # a form that was open holds the other one
    assert Decision.objects.get().invitation == second
    desk.make_useless(signs)
    for each in desks:
        with pytest.raises(signing_on.LinkError):
            desk.open_desk(each)
    for each in tokens:
        with pytest.raises(signing_on.LinkError):
            signing_on.open_link(each)
    uniting.undo(done)
    after = everything()
    for state in (before, after):  # what was decided since stays
        del state["live"], state["coalition.Decision", "organization"], state["entries"]
    assert after == before


def test_links_open_one_invitation_where_two_records_of_a_person_became_one(kept, round_):
    both = [factories.RepresentativeFactory(organization=kept) for _n in range(2)]
    first, second = signing_on.invite(round_, both).asked
    merging.merge(both[0].person, [both[1].person])
    assert signing_on.open_link(token(second)) == signing_on.open_link(token(first)) == first


def test_G2_after_a_material_amendment_the_merged_one_is_asked_once_and_answers(
    kept, other, round_, publication, editor
):
    sign(asked(round_, organization=other))
    uniting.merge(kept, other)
    amend(publication, editor)
    line, *others = board(round_)
    assert (line.organization, line.state, others) == (kept, "again", [])


def test_G3_a_late_signature_that_waits_stays_one_while_nothing_newer_was_said(kept, other, round_, publication):
    early = asked(round_, organization=kept)
    sign(early, choice=Choice.ABSTAIN)
    late = sign(asked(round_, organization=other), at=round_.deadline + timedelta(hours=1))
    uniting.merge(kept, other)
    assert list(Decision.objects.waiting()) == [late]
    assert signing_on.accept(late, by=factories.UserFactory())
    assert publication.decisions.live().get() == late


def test_what_was_chosen_stands_and_the_printed_name_stays_the_kept_ones(kept, other):
    Organization.objects.filter(pk=kept.pk).update(printed_name={"en": "Teachers United"}, stage="contacted")
    Organization.objects.filter(pk=other.pk).update(printed_name={"en": "TU Lowell"}, city="Boston", state="MA")
    kept.refresh_from_db()
    other.refresh_from_db()
    Policy.objects.create(organization=kept, lead_days=1)
    theirs = Policy.objects.create(organization=other, lead_days=9)
    plan = uniting.Plan(kept, other)
    assert {part.key: part.chosen == kept.pk for part in plan.to_decide} == dict.fromkeys(
        ["printed_name", "stage", "place", "policy"], True
    )
    done = uniting.merge(
        kept, other, choices={"policy": str(other.pk), "place": other.pk, "stage": "no"}, seen=plan.seen
    )
    kept.refresh_from_db()
    assert (str(kept.printed_name), kept.city, kept.stage) == ("Teachers United", "Boston", "contacted")
    assert (kept.policy, Policy.objects.get(organization=other).lead_days) == (theirs, 1)
    organizations.keep(kept, by=None)
    Organization.objects.filter(pk=kept.pk).update(city="Salem")
    look = uniting.look(done)
    assert (look.restored, look.stay) == (["state", "website"], ["city"])
    uniting.undo(done)
    kept.refresh_from_db()
    assert (kept.city, kept.state, Organization.objects.get(pk=kept.pk).policy.lead_days) == ("Salem", "", 1)


def test_answers_given_since_stay_with_the_kept_one_and_are_named(kept, other, round_):
    first, second = asked(round_, organization=kept), asked(round_, organization=other)
    sign(first)
    before = sign(second)
    done = uniting.merge(kept, other)
    since = sign(second, choice=Choice.DECLINE)
    assert uniting.look(done).since == [since]
    uniting.undo(done)
    assert dict(Decision.objects.order_by("pk").values_list("pk", "organization"))[since.pk] == kept.pk
    assert list(kept.decisions.live()) == [since]
    before.refresh_from_db()
    assert (before.organization, before.live) == (other, False)


def test_a_stale_page_and_a_second_press_do_nothing(kept, other, round_):
    seen = uniting.Plan(kept, other).seen
    sign(asked(round_, organization=other))
    with pytest.raises(uniting.Refused):
        uniting.merge(kept, other, seen=seen)
    done = uniting.merge(kept, other)
    assert uniting.merge(kept, other, seen="whatever") == done
    assert OrganizationMerge.objects.count() == 1
    with pytest.raises(uniting.Refused):
        uniting.merge(other, kept)
    with pytest.raises(uniting.Refused):
        uniting.merge(kept, kept)


def test_merged_records_leave_the_bin_by_an_undo_alone_and_in_the_right_order(kept, other):
    third = factories.OrganizationFactory(name="United Teachers")
    first = uniting.merge(kept, other)
    second = uniting.merge(third, kept)
    assert uniting.current(Organization.objects.get(pk=other.pk)) == third
    assert not organizations.restore(Organization.objects.get(pk=other.pk))
    assert uniting.look(first).refusal
    with pytest.raises(uniting.Refused):
        uniting.undo(first)
    assert uniting.undo(second)
    assert uniting.undo(first)
    assert Organization.objects.present().count() == 3


def test_a_merge_whose_record_was_erased_stays(kept, other):
    done = uniting.merge(kept, other)
    OrganizationMerge.objects.update(record={})
    done.refresh_from_db()
    assert uniting.look(done).refusal
    with pytest.raises(moving.Refused):
        uniting.undo(done)
