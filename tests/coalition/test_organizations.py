"""Organizations: their order, the pipeline, who speaks and belongs, agreements, the bin, and names that look alike."""

import datetime

import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from coalition import languages, organizations, roll, signing_on
from coalition.models import Agreement, AuditLine, Entry, Notice, Organization, Representative
from coalition.organizations import MovedMeanwhile
from tests import factories

from .signons import Choice, amend, asked, sign

pytestmark = pytest.mark.django_db
Stage = Organization.Stage


def said(whose):
    return [str(entry.text) for entry in whose.entries.order_by("pk")]


NAMES = [
    "Ñandú Arts",
    "The Zebra Fund",
    "El Faro",
    "La Casa",
    "Las Comadres",
    "Los Puentes",
    "The",
    "O'Brien & Sons",
    "Ándale",
    "Theater",
    "Bridge-Fund, Inc.",
    "LA",
    " The  Last",
    "Łódź Club",
]


def test_L3_the_order_folds_accents_and_ignores_articles_as_the_printed_list_does():
    for name in NAMES:
        factories.OrganizationFactory(name=name)
    held = list(Organization.objects.values_list("name", "alphabetical"))
    assert [key for _name, key in held] == [languages.sort_key(name) for name, _key in held]
    assert [name for name, _key in held] == sorted(NAMES, key=languages.sort_key)


def test_a_name_that_folds_to_more_letters_than_fit_is_kept():
    assert Organization.objects.get(pk=factories.OrganizationFactory(name="ß" * 200).pk).search == "s" * 200


def test_a_move_stands_on_the_timeline_and_says_since_when(editor):
    organization = factories.OrganizationFactory(stage=Stage.CONTACTED)
    before = organization.stage_at
    moved = organizations.move(organization, Stage.PARTNER, expected=Stage.CONTACTED, by=editor)
    organization.refresh_from_db()
    assert (moved.before, moved.since, moved.after) == (Stage.CONTACTED, before, Stage.PARTNER)
    assert organization.stage == Stage.PARTNER
    assert organization.stage_at > before
    assert said(organization) == ["Partnership: from “Contacted” to “Partner”"]
    assert organization.entries.get().text.localize("es")


def test_moving_twice_moves_once_and_a_stale_page_changes_nothing():
    organization = factories.OrganizationFactory(stage=Stage.CONTACTED)
    organizations.move(organization, Stage.PAUSED)
    assert organizations.move(organization, Stage.PAUSED) is None
    with pytest.raises(MovedMeanwhile), transaction.atomic():
        organizations.move(organization, Stage.PARTNER, expected=Stage.CONTACTED)
    assert Organization.objects.get().stage == Stage.PAUSED
    assert len(said(organization)) == 1


def test_an_undo_gives_back_the_day_it_had():
    then = timezone.now() - datetime.timedelta(days=40)
    organization = factories.OrganizationFactory(stage=Stage.CONTACTED, stage_at=then)
    organizations.move(organization, Stage.PAUSED)
    organizations.move(organization, Stage.CONTACTED, expected=Stage.PAUSED, at=then)
    assert Organization.objects.get().stage_at == then


def test_a_change_names_the_details_and_not_what_stood_there():
    organization = factories.OrganizationFactory(city="Lowell")
    organization.city, organization.phone, organization.stage = "Lynn", "+14135550101", Stage.PAUSED
    organizations.keep(organization)
    assert said(organization) == ["Changed: city, phone", "Partnership: from “Partner” to “Paused”"]
    organizations.keep(organization)
    assert len(said(organization)) == 2


@pytest.mark.parametrize(
    ("name", "alike"),
    [
        ("Teachers United", True),  # all its words
        ("The Téachers United of Lowel", True),
        ("United Teachers of Lowell", True),
        ("Teachers", False),
        ("Union of Teachers", False),
        ("Lowell Readers", False),
        ("—", False),
    ],
)
def test_names_that_look_alike(name, alike):
    held = factories.OrganizationFactory(name="Teachers United of Lowell")
    factories.OrganizationFactory(name="Educators for Worcester")
    assert organizations.alike(name) == ([held] if alike else [])
    assert organizations.alike(name, but=held.pk) == []


def test_the_bin_keeps_everything_and_leaves_a_line_in_the_audit(editor):
    organization = factories.OrganizationFactory()
    representative = factories.RepresentativeFactory(organization=organization)
    assert organizations.discard(organization, by=editor)
    assert not organizations.discard(organization, by=editor)
    assert list(Organization.objects.partners()) == []
    assert list(Representative.objects.all()) == [representative]
    assert organizations.restore(organization, by=editor)
    assert not organizations.restore(organization, by=editor)
    assert list(Organization.objects.partners()) == [organization]
    lines = AuditLine.objects.filter(subject="coalition.organization", subject_id=str(organization.pk))
    assert list(lines.order_by("pk").values_list("action", "by")) == [("bin", editor.pk), ("restore", editor.pk)]
    assert said(organization) == ["Moved to the bin", "Taken out of the bin"]


@pytest.fixture
def invitation(round_):
    return asked(round_)


def another(organization):
    return factories.RepresentativeFactory(organization=organization)


def test_one_in_the_bin_is_neither_asked_nor_reminded_and_its_link_rests(invitation, round_):
    token, organization = signing_on.token_for(invitation), invitation.organization
    assert len(signing_on.undecided(round_)) == 1
    organizations.discard(organization)
    assert signing_on.undecided(round_) == []
    assert signing_on.invite(round_, [another(organization)]).asked == []
    with pytest.raises(signing_on.RevokedLink):
        signing_on.open_link(token)
    organizations.restore(organization)
    assert signing_on.open_link(token) == invitation


def test_what_one_in_the_bin_signed_stands(invitation, round_):
    sign(invitation)
    organizations.discard(invitation.organization)
    version = round_.publication.current_version
    assert [line.name for line in roll.of(version, "en").lines] == [invitation.organization.name]


def test_G7_one_that_left_is_asked_nothing_more_and_may_still_withdraw(invitation, round_, editor):
    sign(invitation)
    organizations.move(invitation.organization, Stage.LEFT)
    amend(round_.publication, editor)
    assert signing_on.undecided(round_) == []
    assert signing_on.invite(round_, [another(invitation.organization)]).asked == []
    assert round_.invitations.count() == 1
    assert not Notice.objects.filter(kind="amended").exists()
    held = signing_on.open_link(signing_on.token_for(round_.invitations.get()))
    assert signing_on.withdraw(held, language="en").choice == Choice.WITHDRAW


def test_what_leaving_touches_is_said_in_numbers(invitation):
    organization = invitation.organization
    today = timezone.localdate()
    for ends_on in (None, today, today - datetime.timedelta(days=1)):
        Agreement.objects.create(organization=organization, kind="other", title="x", signed_on=today, ends_on=ends_on)
    assert organizations.on_leaving(organization) == {"asked": 1, "signed": 0, "agreements": 2, "logo": False}
    assert organizations.needs_a_yes(organization, Stage.LEFT)
    assert not organizations.needs_a_yes(organization, Stage.PAUSED)


def test_who_may_sign_is_on_the_timeline():
    representative = factories.RepresentativeFactory(may_sign=False)
    kept = {"role": "designee", "title": {"en": "Chair", "es": "Presidenta"}}
    organizations.change_representative(representative, may_sign=False, **kept)
    assert said(representative.organization) == []
    organizations.change_representative(representative, may_sign=True, **kept)
    assert said(representative.organization) == [f"{representative.person} may sign for it now"]


def test_a_person_belongs_once(person):
    organization = factories.OrganizationFactory()
    organizations.add_member(organization, person)
    membership = organizations.add_member(organization, person, role="Parent")
    assert organization.memberships.get().role == "Parent"
    assert [str(e.text) for e in person.entries.filter(kind=Entry.Kind.EDIT)] == [f"Belongs to {organization}"]
    organizations.remove_member(membership)
    assert not organization.memberships.exists()


def test_a_replaced_or_removed_file_is_deleted(private_files, django_capture_on_commit_callbacks):
    organization = factories.OrganizationFactory()
    agreement = Agreement(organization=organization, kind="data", title="Data", signed_on=timezone.localdate())
    agreement.file = ContentFile(b"%PDF-1", name="a.pdf")
    organizations.keep_agreement(agreement)
    first = agreement.file.name
    agreement.file = ContentFile(b"%PDF-2", name="b.pdf")
    with django_capture_on_commit_callbacks(execute=True):
        organizations.keep_agreement(agreement)
    assert not private_files.exists(first)
    with agreement.file.open("rb") as kept:
        assert kept.read() == b"%PDF-2"
    second = agreement.file.name
    with django_capture_on_commit_callbacks(execute=True):
        organizations.remove_agreement(agreement)
    assert not private_files.exists(second)
    assert said(organization) == ["Agreement added: Data", "Agreement changed: Data", "Agreement removed: Data"]
