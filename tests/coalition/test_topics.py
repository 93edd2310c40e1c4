"""Topics: an administrator says what messages can be about, and sees how many muted each."""

import pytest

from coalition import accounts
from coalition.accounts import Role
from coalition.models import AuditLine, Muting, Topic
from tests import factories

GIVEN = {
    "name_0": "Housing",
    "name_1": "Vivienda",
    "description_0": "Rents",
    "description_1": "Alquileres",
    "position": "1",
}


@pytest.fixture
def administrator(client, installation):
    user = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ADMINISTRATOR)
    client.force_login(user)
    return user


def test_a_topic_is_added_retired_and_offered_again(administrator, client):
    assert "No topic yet" in client.get("/admin/topics/").content.decode()
    client.post("/admin/topics/add/", GIVEN)
    topic = Topic.objects.get()
    assert (topic.slug, topic.name.localize("es"), topic.retired_at) == ("housing", "Vivienda", None)
    client.post(f"/admin/topics/{topic.pk}/retire/")
    topic.refresh_from_db()
    assert topic.retired_at is not None
    client.post(f"/admin/topics/{topic.pk}/retire/", {"again": "1"})
    assert Topic.objects.filter(retired_at=None).count() == 1
    lines = AuditLine.objects.filter(subject="coalition.topic").order_by("pk")
    assert [line.details["did"] for line in lines] == ["added", "retired", "offered again"]


def test_the_list_says_how_many_muted_it_with_a_fixed_number_of_queries(
    administrator, client, django_assert_max_num_queries
):
    topic = Topic.objects.create(slug="housing", name={"en": "Housing", "es": "Vivienda"})
    for _n in range(3):
        Muting.objects.create(topic=topic, person=factories.PersonFactory())
    for n in range(30):
        Topic.objects.create(slug=f"t{n}", name={"en": f"T{n}", "es": f"T{n}"})
    client.get("/admin/topics/")
    with django_assert_max_num_queries(20):
        page = client.get("/admin/topics/").content.decode()
    assert '<td class="bo-number">3</td>' in page.replace("\n", "")


@pytest.mark.parametrize("role", [Role.ORGANIZER, Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_nobody_else_changes_topics(client, installation, role):
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    client.post("/admin/topics/add/", GIVEN)
    assert Topic.objects.count() == 0
