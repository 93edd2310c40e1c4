"""Who speaks for a partner, changed by the partner itself: what holds at once, what waits, and who is told (G1)."""

import pytest
from django.core.exceptions import ValidationError

from coalition import organizations, signing_on, speaking
from coalition.models import AuditLine, Notice, Representative, RoleChange
from tests import factories

from .signons import asked

pytestmark = pytest.mark.django_db
State = RoleChange.State
ROLE = {"role": "signatory", "title": {"en": "Chair", "es": "Presidenta"}, "may_sign": True}
NEW = {"name": "Ana Ruiz", "email": "ana@people.example.org", "language": "es"} | ROLE


@pytest.fixture
def partner():
    return factories.OrganizationFactory(name="Teachers United")


def speaker(partner, name, **more):
    person = factories.PersonFactory(
        given_name=name, name=name, email=f"{name.lower()}@partner.example.org", language=more.pop("language", "en")
    )
    return factories.RepresentativeFactory(organization=partner, person=person, **more)


@pytest.fixture
def carmen(partner):
    return speaker(partner, "Carmen")


@pytest.fixture
def luis(partner):
    return speaker(partner, "Luis", language="es")


@pytest.fixture
def joy(partner):
    """Speaks for it, and may not sign."""
    return speaker(partner, "Joy", may_sign=False, role="communications")


def told(kind="role_change"):
    """{(who, event)} of the emails of a kind."""
    return {(n.value, n.key.split("-")[2]) for n in Notice.objects.filter(kind=kind)}


def names(partner):
    return [(s.person.name, s.may_sign) for s in speaking.speakers(partner)]


def test_G1_what_a_signatory_asks_holds_at_once_and_every_other_signatory_is_told(partner, carmen, luis, joy):
    change = speaking.propose(carmen, "add", **NEW)
    assert (change.state, change.settled_by_person) == (State.CONFIRMED, carmen.person)
    assert names(partner) == [("Carmen", True), ("Luis", True), ("Joy", False), ("Ana Ruiz", True)]
    assert told() == {("luis@partner.example.org", "holds")}
    assert Notice.objects.get(kind="speaks_now").value == "ana@people.example.org"
    letter = Notice.objects.get(kind="role_change")
    assert letter.language == "es"
    assert f"/organization/changes/{change.pk}/" in letter.text  # where he may object
    lines = AuditLine.objects.filter(subject="coalition.rolechange")
    assert [line.details for line in lines] == [{"what": "add", "state": "confirmed", "source": "self"}]
    assert "Ana Ruiz" in str(partner.entries.order_by("pk").first().text)


def test_G1_what_anybody_else_asks_waits_for_a_signatory(partner, carmen, luis, joy):
    change = speaking.propose(joy, "add", note="She chairs us now", **NEW)
    assert (change.state, names(partner)[-1]) == (State.WAITING, ("Joy", False))
    assert told() == {("carmen@partner.example.org", "asked"), ("luis@partner.example.org", "asked")}
    assert speaking.waiting_for(carmen) == [change]
    assert speaking.waiting_for(joy) == []
    with pytest.raises(speaking.MayNotSettle):
        speaking.confirm(change, representative=joy)
    with pytest.raises(speaking.MayNotSettle):
        speaking.confirm(change, representative=factories.RepresentativeFactory())
    speaking.confirm(change, representative=luis)
    assert names(partner)[-1] == ("Ana Ruiz", True)
    assert told() >= {("joy@partner.example.org", "confirmed"), ("carmen@partner.example.org", "holds")}
    with pytest.raises(speaking.SettledAlready):
        speaking.refuse(change, representative=carmen)


def test_a_refusal_changes_nothing_and_is_told(partner, carmen, joy):
    change = speaking.propose(joy, "change", representative=joy, **ROLE)
    assert speaking.refuse(change, representative=carmen).state == State.REFUSED
    assert names(partner) == [("Carmen", True), ("Joy", False)]
    assert ("joy@partner.example.org", "refused") in told()


def test_staff_settle_it_too(partner, carmen, joy, editor):
    change = speaking.propose(joy, "change", representative=joy, **ROLE)
    speaking.confirm(change, by=editor)
    change.refresh_from_db()
    assert (change.state, change.settled_by, change.settled_by_person) == (State.CONFIRMED, editor, None)
    assert names(partner) == [("Carmen", True), ("Joy", True)]
    assert told() == {
        ("carmen@partner.example.org", "asked"),
        ("carmen@partner.example.org", "holds"),
        ("joy@partner.example.org", "confirmed"),
    }


def test_one_change_at_a_time_waits_for_a_person(carmen, joy):
    speaking.propose(joy, "change", representative=joy, **ROLE)
    with pytest.raises(speaking.AlreadyAsked):
        speaking.propose(joy, "remove", representative=joy)
    assert RoleChange.objects.count() == 1


def test_somebody_who_speaks_for_it_is_not_added_twice(carmen, joy):
    same = NEW | {"name": "Joy", "email": "joy@partner.example.org"}
    with pytest.raises(ValidationError):
        speaking.propose(carmen, "add", **same)
    speaking.propose(carmen, "add", **(same | {"name": "Rosa", "email": "joy@partner.example.org"}))  # one shared inbox


def test_G1_the_last_who_may_sign_names_another_or_leaves_it_to_staff(partner, carmen, joy, editor):
    for what in ({"what": "remove"}, {"what": "change", **ROLE, "may_sign": False}):
        with pytest.raises(speaking.LastSignatory):
            speaking.propose(carmen, representative=carmen, **what)
    assert not RoleChange.objects.exists()
    change = speaking.propose(carmen, "remove", representative=carmen, to_staff=True)
    assert (change.state, speaking.for_staff(change)) == (State.WAITING, True)
    assert names(partner) == [("Carmen", True), ("Joy", False)]
    with pytest.raises(speaking.MayNotSettle):
        speaking.confirm(change, representative=carmen)
    speaking.confirm(change, by=editor)
    assert names(partner) == [("Joy", False)]


def test_G1_nor_can_a_colleague_make_the_last_one_leave_without_staff(partner, carmen, joy):
    change = speaking.propose(joy, "remove", representative=carmen)
    assert speaking.waiting_for(carmen) == []
    with pytest.raises(speaking.MayNotSettle):
        speaking.confirm(change, representative=carmen)


def test_once_another_may_sign_the_first_one_goes(partner, carmen, luis):
    change = speaking.propose(carmen, "remove", representative=carmen)
    assert (change.state, names(partner)) == (State.CONFIRMED, [("Luis", True)])
    change.refresh_from_db()
    assert (change.representative, change.name) == (None, "Carmen")  # the record stays when the representative goes


def test_who_was_removed_is_told_and_their_links_close(round_, partner, carmen, luis):
    invitation = asked(round_, organization=partner)
    token = signing_on.token_for(invitation)
    gone = invitation.representative
    speaking.propose(carmen, "remove", representative=gone)
    value = gone.person.primary_email.value
    assert told() == {(value, "holds"), ("luis@partner.example.org", "holds")}
    letter = Notice.objects.get(kind="role_change", value=value)
    assert "/desk/" not in letter.text
    assert "hello@riverbend.example.org" in letter.text
    with pytest.raises(signing_on.RevokedLink):
        signing_on.open_link(token)


def test_an_objection_asks_staff_to_undo_it(partner, carmen, luis, editor):
    change = speaking.propose(carmen, "change", representative=luis, **(ROLE | {"may_sign": False}))
    luis.refresh_from_db()
    assert not luis.may_sign
    with pytest.raises(speaking.MayNotSettle):
        speaking.object_to(change, carmen)
    objection = speaking.object_to(change, luis, note="Nobody asked me")
    assert speaking.object_to(change, luis) == objection  # pressed twice
    assert (objection.what, objection.may_sign, objection.undoes) == ("change", True, change)
    assert objection.title == {"en": "Director", "es": "Directora"}  # as it was before
    with pytest.raises(speaking.MayNotSettle):
        speaking.confirm(objection, representative=carmen)  # for staff alone
    speaking.confirm(objection, by=editor)
    luis.refresh_from_db()
    assert luis.may_sign
    assert ("luis@partner.example.org", "confirmed") in told()


@pytest.mark.parametrize(("what", "back"), [("add", "remove"), ("remove", "add")])
def test_an_objection_to_a_new_or_a_lost_name(partner, carmen, luis, joy, editor, what, back):
    before = names(partner)
    said = NEW if what == "add" else {"representative": joy}
    change = speaking.propose(carmen, what, **said)
    objection = speaking.object_to(change, luis)
    assert objection.what == back
    speaking.confirm(objection, by=editor)
    assert names(partner) == before


def test_staff_keep_what_was_objected_to_by_refusing(partner, carmen, luis, joy, editor):
    change = speaking.propose(carmen, "remove", representative=joy)
    speaking.refuse(speaking.object_to(change, luis), by=editor)
    assert names(partner) == [("Carmen", True), ("Luis", True)]
    assert ("luis@partner.example.org", "refused") in told()


def test_the_order_of_asking(partner, carmen, luis, joy):
    assert speaking.move(joy, up=True)
    assert [name for name, _may in names(partner)] == ["Carmen", "Joy", "Luis"]
    assert not speaking.move(carmen, up=True)
    assert speaking.move(carmen, up=False)
    assert [name for name, _may in names(partner)] == ["Joy", "Carmen", "Luis"]
    assert list(Representative.objects.order_by("position").values_list("position", flat=True)) == [1, 2, 3]
    added = organizations.add_representative(partner, **NEW)
    assert added.position == 4  # asked after the others


def test_the_record_outlives_a_representative_that_staff_remove(partner, carmen, luis):
    change = speaking.propose(carmen, "change", representative=luis, **ROLE)
    waiting = speaking.propose(speaker(partner, "Rosa", may_sign=False), "remove", representative=luis)
    organizations.remove_representative(luis)
    change.refresh_from_db()
    assert change.representative is None
    assert not RoleChange.objects.filter(pk=waiting.pk).exists()  # there is nothing left to ask
