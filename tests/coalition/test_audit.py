"""The audit: appended by whatever screen, held by the database, read by administrators only (rule P5)."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django.utils.translation import override

from coalition import accounts, audit
from coalition.accounts import Role
from coalition.models import AuditLine, Installation, User
from coalition.views.audit import details_of
from tests.coalition.searches import led_through, naming
from tests.factories import PersonFactory, UserFactory

Action = audit.Action


@pytest.fixture
def boss(installation, client):
    user = UserFactory(is_superuser=False, first_name="Ida", last_name="Wells")
    client.force_login(accounts.give_role(user, Role.ADMINISTRATOR))
    return user


@pytest.mark.parametrize(
    "act",
    [
        lambda line: AuditLine.objects.filter(pk=line.pk).update(why="never"),
        lambda line: AuditLine.objects.filter(pk=line.pk).delete(),
        lambda line: line.save(),
        lambda line: line.delete(),
        lambda line: AuditLine.objects.bulk_update([line], ["why"]),
    ],
)
def test_P5_the_database_itself_refuses_to_change_or_delete_a_line(db, act):
    line = audit.record(Action.EXPORT, why="For the board")
    with pytest.raises(DatabaseError, match=r"Cannot (update|delete)"), transaction.atomic():
        act(line)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE coalition_auditline SET why = ''")
    assert AuditLine.objects.get(pk=line.pk).why == "For the board"


def test_P5_a_line_stands_when_its_user_has_gone(boss):
    gone = UserFactory(first_name="Rosa", last_name="Luz")
    line = audit.record(Action.EXPORT, by=gone)
    gone.delete()
    line = AuditLine.objects.get(pk=line.pk)
    assert (line.by_name, AuditLine.objects.filter(action="account", details={"did": "deleted"}).count()) == (
        "Rosa Luz",
        1,
    )


def lines(action):
    return [(x.subject, x.subject_id, x.details) for x in AuditLine.objects.filter(action=action).order_by("pk")]


def test_P5_roles_given_by_any_way_are_recorded_with_who_did_it(boss, db):
    user = UserFactory(is_superuser=False)
    before = AuditLine.objects.latest("pk").pk
    with audit.acting(by=boss, origin="203.0.113.9"):
        accounts.give_role(user, Role.EDITOR)
        accounts.give_role(user, Role.ANALYST)
        user.groups.clear()
        Group.objects.get(name="Analyst").user_set.add(user)
        user.user_permissions.add(Permission.objects.get(codename="view_import"))
        user.is_superuser = True
        user.save()
    new = AuditLine.objects.filter(pk__gt=before, action="role").order_by("pk")
    assert [line.details for line in new] == [
        {"did": "added", "what": ["Editor"]},
        {"did": "removed", "what": ["Editor"]},
        {"did": "added", "what": ["Analyst"]},
        {"did": "removed", "what": ["Analyst"]},
        {"did": "added", "what": ["Analyst"]},
        {"did": "added", "what": ["coalition.view_import"]},
        {"did": "made superuser"},
    ]
    assert {(line.subject_id, line.by, line.origin) for line in new} == {(str(user.pk), boss, "203.0.113.9")}


def test_P5_what_a_role_may_do_is_recorded(db):
    group = Group.objects.get(name="Analyst")
    group.permissions.add(Permission.objects.get(codename="view_import"))
    group.permissions.add(Permission.objects.get(codename="view_import"))  # nothing new
    assert lines("role") == [
        ("auth.group", str(group.pk), {"did": "added", "what": ["coalition.view_import"]}),
    ]


def test_a_migration_that_tops_up_the_roles_is_nobodys_act(db):
    with audit.acting(origin="migrate"):
        Group.objects.get(name="Analyst").permissions.clear()
        accounts.ensure_roles()
    assert lines("role") == []


def test_P5_a_user_made_and_changed_through_the_back_office_is_recorded(boss, client):
    role = Group.objects.get(name="Editor")
    given = {"email": "new@riverbend.example.org", "first_name": "New", "last_name": "One", "groups": [role.pk]}
    password = {"password1": "a long enough horse", "password2": "a long enough horse"}
    client.post("/admin/users/new/", given | password)
    made = User.objects.get(email="new@riverbend.example.org")
    about = AuditLine.objects.filter(subject="coalition.user", subject_id=str(made.pk)).order_by("pk")
    assert [(line.action, line.details, line.by) for line in about] == [
        ("account", {"did": "added"}, boss),
        ("role", {"did": "added", "what": ["Editor"]}, boss),
    ]
    client.post(f"/admin/users/edit/{made.pk}/", given | {"groups": []})
    assert [line.details["did"] for line in about.all()][2:] == ["disabled", "removed"]


def test_P5_a_changed_setting_is_recorded_by_its_name(boss, client):
    page = client.get("/admin/coalition-settings/").context["form"]
    given = {}
    for bound in page:
        value = bound.value()
        if hasattr(value, "data"):
            for at, code in enumerate(("en", "es")):
                given[f"{bound.html_name}_{at}"] = value.data.get(code, "") if isinstance(value.data, dict) else ""
        elif value is not None and value is not False:
            given[bound.html_name] = value
    client.post("/admin/coalition-settings/", given | {"texts_a_month": 9})
    assert Installation.get().texts_a_month == 9
    line = AuditLine.objects.get(action="setting")
    assert (line.by, line.details) == (boss, {"did": "changed", "what": ["texts_a_month"]})


# The screen


@pytest.fixture
def held(boss):
    person = PersonFactory(given_name="Zoraida", family_name="Quintanilla")
    with audit.acting(by=boss, origin="203.0.113.9"):
        audit.record(Action.MERGE, person, details={"people": 2})
        audit.record(Action.EXPORT, why="For the yearly report")
    with audit.acting(origin="worker"):
        audit.record(Action.IMPORT, details={"rows": 12})
    return person


def page(client, **asked):
    return client.get("/admin/audit/", asked).content.decode()


def test_a_line_says_who_what_when_from_where_and_why_and_leads_to_its_subject(held, client):
    shown = page(client)
    for said in ("Ida Wells", "203.0.113.9", "For the yearly report", "people: 2", "rows: 12", "worker"):
        assert said in shown
    assert f'href="/admin/people/inspect/{held.pk}/"' in shown
    number = held.pk
    held.delete()
    assert f"person {number}" in page(client)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"action": "merge"}, ["merge"]),
        ({"words": "yearl"}, ["export"]),
        ({"words": "wells ida", "action": "export"}, ["export"]),
        ({"words": "nobody"}, []),
        ({"words": "'; drop & | !"}, []),
        ({"subject": "coalition.person"}, ["merge"]),
        ({"until": "2020-01-01"}, []),
        ({"action": "nonsense"}, []),
        ({"since": "not a day"}, []),
    ],
)
def test_the_audit_is_searched_and_filtered(held, client, asked, found):
    answer = client.post("/admin/audit/", asked, follow=True)
    for word in asked.get("words", "").split():
        assert naming(word, led_through(answer)) == []
    assert [
        line.action for line, *_rest in answer.context["lines"] if line.action in ("merge", "export", "import")
    ] == found


def test_it_is_paged_by_the_line_a_page_begins_after(boss, client):
    AuditLine.objects.bulk_create([audit.line(Action.EDIT, details={"n": n}) for n in range(120)])
    seen, before = [], ""
    for _n in range(4):
        context = client.get("/admin/audit/", {"action": "edit", "before": before}).context
        seen += [line.details["n"] for line, *_rest in context["lines"]]
        before = context["older"] or "0"
    assert seen == list(range(119, -1, -1))
    assert client.get("/admin/audit/", {"before": "x"}).status_code == 200
    assert client.get("/admin/audit/", {"before": "9" * 40}).status_code == 200


def test_the_screen_costs_a_fixed_number_of_queries(held, boss, client, django_assert_max_num_queries):
    for _n in range(30):
        audit.record(Action.MERGE, PersonFactory(), by=boss)
    client.get("/admin/audit/")
    with django_assert_max_num_queries(22):
        client.get("/admin/audit/")


def test_the_file_holds_what_is_shown_without_formulas_and_is_recorded(held, boss, client):
    audit.record(Action.EXPORT, why="=1+1")
    answer = client.get("/admin/audit/file/", {"action": "export"})
    rows = b"".join(answer.streaming_content).decode()
    assert "For the yearly report" in rows
    assert "'=1+1" in rows
    assert "merge" not in rows.lower()
    assert AuditLine.objects.filter(action="export", details={"what": "audit"}, by=boss).count() == 1


@pytest.mark.parametrize("role", [Role.ORGANIZER, Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_P5_nobody_else_reads_it(held, client, role):
    client.force_login(accounts.give_role(UserFactory(is_superuser=False), role))
    for path in ("/admin/audit/", "/admin/audit/file/"):
        assert client.get(path).status_code == 302
        assert "yearly" not in client.get(path, follow=True).content.decode()


def test_dates_mean_whole_days_of_the_coalitions_zone(held, client):
    today = timezone.localdate()
    assert len(audit.find(since=today, until=today, action="merge")) == 1
    assert len(audit.find(since=today + timedelta(days=1))) == 0


def test_the_details_are_said_in_words_of_the_reader(db):
    merged = AuditLine(action=Action.MERGE, details={"merge": 1, "people": [5262], "automatic": False})
    read = AuditLine(action=Action.IMPORT, details={"rows": {"new": 2, "refused": 1}, "state": "done"})
    given = AuditLine(action=Action.ROLE, details={"did": "added", "what": ["Administrator", "Readers"]})
    assert [details_of(line) for line in (merged, read, given)] == [
        "merge: 1 · people: #5262 · automatic: no",
        "rows: New 2, Refused 1 · state: Done",
        "added · what: Administrator, Readers",
    ]
    with override("es"):
        assert details_of(merged) == "unión: 1 · personas: #5262 · automático: no"
        assert details_of(read) == "filas: Nueva 2, Rechazada 1 · estado: Terminado"
