"""The pages about tags: who may do what, counts, a confirmation before what cannot be undone, and the picker."""

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from coalition import accounts, people, segments, tags
from coalition.accounts import Role
from coalition.forms.people import PersonForm
from coalition.models import Segment, Tag, TagGroup
from tests import factories

pytestmark = pytest.mark.django_db


def staff(client, role):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), role)
    client.force_login(client.user)
    return client


@pytest.fixture
def organizer(client):
    return staff(client, Role.ORGANIZER)


def tagged(*names):
    person = factories.PersonFactory()
    people.set_tags(person, names)
    return person


def test_the_list_shows_counts_in_as_many_queries_for_one_tag_as_for_thirty(organizer):
    tagged("tag 0")

    def asked():
        with CaptureQueriesContext(connection) as queries:
            response = organizer.get(reverse("tags:index"))
        assert response.status_code == 200
        return len(queries)

    asked()
    one = asked()
    tagged(*(f"tag {n}" for n in range(30)))
    assert asked() == one
    page = organizer.get(reverse("tags:index")).content.decode()
    assert f'href="{reverse("people:list")}?tag={Tag.objects.get(name="tag 0").pk}"' in page


def test_an_analyst_sees_numbers_and_changes_nothing(client):
    tagged("parents")
    tag = Tag.objects.get()
    staff(client, Role.ANALYST)
    page = client.get(reverse("tags:index")).content.decode()
    assert "parents" in page
    assert reverse("people:list") + "?tag" not in page
    for name in ("edit", "merge", "delete"):
        url = reverse(f"tags:{name}", args=[tag.pk])
        assert client.get(url).status_code in (302, 403)
        client.post(url, {"name": "changed", "into": tag.pk})
    assert client.get(reverse("tags:add_group")).status_code in (302, 403)
    assert Tag.objects.get().name == "parents"


@pytest.mark.parametrize("role", [Role.EDITOR, Role.TRANSLATOR])
def test_others_do_not_get_in(client, role):
    assert staff(client, role).get(reverse("tags:index")).status_code in (302, 403)


def test_adding_renaming_and_moving(organizer):
    group = tags.add_group(name={"en": "Roles"})
    organizer.post(reverse("tags:add"), {"name": "Parents", "group": group.pk})
    tag = Tag.objects.get()
    assert (tag.name, tag.group) == ("Parents", group)
    organizer.post(reverse("tags:edit", args=[tag.pk]), {"name": "Families", "group": ""})
    tag.refresh_from_db()
    assert (tag.name, tag.slug, tag.group) == ("Families", "families", None)
    other = tags.add(name="Teachers")
    response = organizer.post(reverse("tags:edit", args=[other.pk]), {"name": "FAMILIES", "group": ""})
    assert "There is a tag “Families” already" in response.content.decode()


def test_merging_is_told_with_numbers_and_done_at_the_second_press(organizer):
    tagged("old"), tagged("old"), tagged("new")
    old, new = Tag.objects.get(name="old"), Tag.objects.get(name="new")
    url = reverse("tags:merge", args=[old.pk])
    page = organizer.get(url, {"into": new.pk}).content.decode()
    assert "2 people have “old” and will have “new” instead." in page
    assert "1 person has “new” today." in page
    assert Tag.objects.count() == 2
    response = organizer.post(url, {"into": new.pk})
    kept = Tag.objects.get()
    assert (kept.name, response.url) == ("new", reverse("tags:edit", args=[kept.pk]))
    assert tags.counts() == {kept.pk: 3}
    assert organizer.post(url, {"into": new.pk}).status_code in (200, 404)  # pressed twice
    assert tags.counts() == {kept.pk: 3}


def test_a_tag_is_not_merged_into_itself_or_nothing(organizer):
    tagged("old")
    tag = Tag.objects.get()
    for into in (tag.pk, "", 99999, "x"):
        assert organizer.post(reverse("tags:merge", args=[tag.pk]), {"into": into}).status_code == 200
    assert Tag.objects.count() == 1


def test_deleting_is_asked_once_more_with_the_count(organizer):
    tagged("old"), tagged("old")
    tag = Tag.objects.get()
    url = reverse("tags:delete", args=[tag.pk])
    assert "2 people have this tag and will lose it." in organizer.get(url).content.decode()
    assert organizer.post(url).status_code == 302
    assert not Tag.objects.exists()
    assert organizer.post(url).status_code == 404


def test_a_tag_in_use_says_by_what_and_stays(organizer):
    tagged("old")
    tag = Tag.objects.get()
    segments.keep(Segment(), name="Who reads", tree={"all": [{"is": "tag", "value": [tag.pk]}]})
    url = reverse("tags:delete", args=[tag.pk])
    assert "Who reads" in organizer.get(url).content.decode()
    assert organizer.post(url).status_code == 409
    assert Tag.objects.exists()


def test_groups(organizer):
    organizer.post(reverse("tags:add_group"), {"name_en": "Roles", "name_es": "Papeles"})
    organizer.post(reverse("tags:add_group"), {"name_en": "Places", "name_es": ""})
    roles, places = TagGroup.objects.all()
    assert organizer.post(reverse("tags:add_group"), {"name_en": "papeles"}).status_code == 200
    assert organizer.get(reverse("tags:move_group", args=[places.pk, "up"])).status_code == 405
    organizer.post(reverse("tags:move_group", args=[places.pk, "up"]))
    assert list(TagGroup.objects.all()) == [places, roles]
    organizer.post(reverse("tags:group", args=[roles.pk]), {"name_en": "Jobs", "name_es": ""})
    roles.refresh_from_db()
    assert str(roles) == "Jobs"
    organizer.post(reverse("tags:delete_group", args=[roles.pk]))
    assert list(TagGroup.objects.all()) == [places]


def test_the_picker_shows_tags_by_group_and_takes_ticks_and_words():
    group = tags.add_group(name={"en": "Roles at school"})
    tags.add(name="parent", group=group), tags.add(name="Teacher", group=group), tags.add(name="loose")
    person = tagged("Teacher")
    page = str(PersonForm(instance=person)["tags"])
    assert "Roles at school" in page
    assert page.count("checked") == 1
    form = PersonForm(_data(["parent", "New One, loose", "parent"]), instance=person)
    assert form.is_valid()
    assert form.cleaned_data["tags"] == ["parent", "New One", "loose"]


def _data(said):
    data = QueryDict(mutable=True)
    data.update({"name": "Ana", "language": "en"})
    data.setlist("tags", said)
    return data
