"""Standing policies: recorded by the partner or for it, read by the organizer before asking."""

import datetime

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import override

from coalition import policies
from coalition.models import AuditLine, Policy
from tests import factories

pytestmark = pytest.mark.django_db
NONE = {"favours": [], "never": []}


def said(organization):
    return [str(entry.text) for entry in organization.entries.order_by("pk")]


def test_a_policy_its_changes_and_who_made_them(topics):
    organization, person = factories.OrganizationFactory(), factories.PersonFactory()
    reading, language, _third = topics
    policy = policies.keep(
        organization, favours=[reading], never=[language], approvers="  The  board ", lead_days=10, person=person
    )
    assert (list(policy.favours.all()), list(policy.never.all())) == ([reading], [language])
    kept = (policy.approvers, policy.lead_days, policy.asks_a_month, policy.changed_by)
    assert kept == (
        "The board",
        10,
        None,
        person,
    )
    policies.keep(organization, favours=[reading], never=[language], approvers="The board", lead_days=10, person=person)
    policies.keep(organization, favours=[reading], never=[], approvers="The board", asks_a_month=2, person=person)
    assert said(organization) == [
        f"{person} changed how it decides: who must approve, days we need to decide, topics we favor, "
        "topics we never sign",
        f"{person} changed how it decides: days we need to decide, at most this many emails a month that ask us to "
        "sign, topics we never sign",
    ]
    lines = AuditLine.objects.filter(subject="coalition.policy").order_by("pk")
    assert [line.details for line in lines] == [
        {"fields": ["approvers", "lead_days", "favours", "never"], "source": "self"},
        {"fields": ["lead_days", "asks_a_month", "never"], "source": "self"},
    ]


def test_staff_record_it_only_with_who_said_so(editor, topics):
    organization = factories.OrganizationFactory()
    with pytest.raises(ValidationError) as refused:
        policies.keep(organization, **NONE, lead_days=5, by=editor)
    assert list(refused.value.message_dict) == ["who"]
    policies.keep(organization, **NONE, lead_days=5, by=editor, who="Ana Ruiz, by phone")
    assert said(organization) == ["How it decides was recorded as Ana Ruiz, by phone told us: days we need to decide"]
    line = AuditLine.objects.get(subject="coalition.policy")
    assert (line.by, line.details) == (editor, {"fields": ["lead_days"], "source": "staff"})  # and no name of anybody


def test_a_topic_is_favored_or_never_signed(topics):
    with pytest.raises(ValidationError) as refused:
        policies.keep(factories.OrganizationFactory(), favours=topics[:2], never=topics[1:])
    assert list(refused.value.message_dict) == ["never"]
    assert not Policy.objects.exists()


def test_what_the_organizer_reads_before_asking(publication, topics):
    one, two, three = topics
    publication.topics.set([one, two])
    now = datetime.datetime(2026, 5, 5, 16, tzinfo=datetime.UTC)
    organizations = [factories.OrganizationFactory() for _ in range(4)]
    policies.keep(organizations[0], favours=[one], never=[two, three], approvers="the board", lead_days=10)
    policies.keep(organizations[1], favours=[three], never=[], lead_days=9)
    policies.keep(organizations[2], favours=[two, one], never=[])
    deadline = datetime.datetime(2026, 5, 14, 23, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=-4)))
    found = policies.warnings(publication, deadline=deadline, organizations=organizations, at=now)
    assert found == {
        organizations[0].pk: [
            ("never", f"It never signs on {two}."),
            ("lead", "It needs 10 days to decide; days left: 9."),
            ("approvers", "Must approve: the board"),
            ("favours", f"It favors {one}."),
        ],
        organizations[2].pk: [("favours", f"It favors {one} and {two}.")],
    }
    assert [warning.kind.is_good for warning in found[organizations[0].pk]] == [False, False, False, True]
    with override("es"):
        spoken = policies.warnings(publication, deadline=None, organizations=organizations[2:3], at=now)
    assert str(one.name.localize("es")) in spoken[organizations[2].pk][0].text


@pytest.mark.parametrize("number", [1, 30])
def test_the_organizer_reads_them_with_four_queries(publication, topics, number, django_assert_num_queries):
    publication.topics.set(topics)
    organizations = [factories.OrganizationFactory() for _ in range(number)]
    for organization in organizations:
        policies.keep(organization, favours=topics[:1], never=topics[1:], approvers="x", lead_days=3)
    deadline = timezone.now() + datetime.timedelta(days=1)
    with django_assert_num_queries(4):
        found = policies.warnings(publication, deadline=deadline, organizations=organizations)
    assert {len(warnings) for warnings in found.values()} == {4}
    assert len(found) == number
