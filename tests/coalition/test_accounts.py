"""Roles: who may do what, proven on the rows that could leak."""

import pytest
from django.contrib.auth.models import Group

from coalition import accounts
from coalition.accounts import Role
from tests import factories

pytestmark = pytest.mark.django_db


def staff(role):
    return accounts.give_role(factories.UserFactory(is_superuser=False), role)


def test_roles_stand_after_a_migration_and_making_them_again_changes_nothing():
    assert sorted(Group.objects.values_list("name", flat=True)) == sorted(Role.values)
    before = {group.name: sorted(group.permissions.values_list("pk", flat=True)) for group in Group.objects.all()}
    accounts.ensure_roles()
    after = {group.name: sorted(group.permissions.values_list("pk", flat=True)) for group in Group.objects.all()}
    assert before == after


def test_what_an_administrator_added_to_a_role_stays():
    analysts = Group.objects.get(name=Role.ANALYST)
    organizers = Group.objects.get(name=Role.ORGANIZER)
    extra = organizers.permissions.get(codename="view_import")
    analysts.permissions.add(extra)
    accounts.ensure_roles()
    assert analysts.permissions.filter(pk=extra.pk).exists()


@pytest.mark.parametrize(
    ("role", "sees", "sends", "publishes"),
    [
        (Role.ADMINISTRATOR, True, True, True),
        (Role.ORGANIZER, True, True, False),
        (Role.EDITOR, False, False, True),
        (Role.TRANSLATOR, False, False, False),
        (Role.ANALYST, False, False, False),
    ],
)
def test_each_role_holds_what_is_its_own(role, sees, sends, publishes):
    user = staff(role)
    assert user.has_perm("wagtailadmin.access_admin")
    assert accounts.sees_people(user) is sees
    assert user.has_perm("campaigns.send_message") is sends
    pages = Group.objects.get(name=role).page_permissions.values_list("permission__codename", flat=True)
    assert ("publish_page" in pages) is publishes


def test_nobody_but_an_administrator_may_touch_staff():
    assert [role for role in Role if staff(role).has_perm("coalition.change_user")] == [Role.ADMINISTRATOR]


def test_no_role_but_an_administrator_may_rewrite_trust():
    """Consent and decisions are appended, never edited (rules P5, G4)."""
    rewriting = ["coalition.change_consent", "coalition.delete_consent", "coalition.change_decision"]
    for role in [Role.ORGANIZER, Role.EDITOR, Role.TRANSLATOR, Role.ANALYST]:
        assert [name for name in rewriting if staff(role).has_perm(name)] == []


def test_a_staff_member_has_one_role_at_a_time():
    user = staff(Role.ANALYST)
    accounts.give_role(user, Role.EDITOR)
    assert list(user.groups.values_list("name", flat=True)) == [Role.EDITOR]
