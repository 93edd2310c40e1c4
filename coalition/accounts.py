"""Staff and their roles: what each may see and do. An analyst sees numbers, never people.

The roles are groups, made after each migration and topped up, so that a new permission reaches the role it belongs to.
What an administrator adds to a role by hand stays.
"""

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    ADMINISTRATOR = "Administrator", _("Administrator")
    ORGANIZER = "Organizer", _("Organizer")
    EDITOR = "Editor", _("Editor")
    TRANSLATOR = "Translator", _("Translator")
    ANALYST = "Analyst", _("Analyst")


LOOK = "view"
WORK = "view add change"
OWN = "view add change delete"

# {app: {model: actions}}; what is not named is not allowed. Nobody may rewrite what carries trust (consent, decisions).
ALLOWED = {
    Role.ORGANIZER: {
        "wagtailadmin": {"admin": "access"},
        "coalition": {
            "person": OWN,
            "address": OWN,
            "consent": "view add",
            "tag": OWN,
            "tagging": OWN,
            "segment": OWN,
            "organization": WORK,
            "representative": OWN,
            "import": WORK,
            "importedrow": LOOK,
            "entry": "view add",
            "publication": WORK,
            "version": "view add",
            "versiontext": "view add",
            "round": WORK,
            "invitation": WORK,
            "decision": "view add",
            "notice": LOOK,
            "agreement": OWN,
            "bulkaction": WORK,
            "constituency": LOOK,
            "customfield": LOOK,
            "export": "view add",
            "followup": OWN,
            "handover": "view add",
            "handoverpaper": LOOK,
            "logo": OWN,
            "lookalike": WORK,
            "membership": OWN,
            "merge": WORK,
            "organizationmerge": WORK,
            "peoplelist": OWN,
            "region": OWN,
            "savedmapping": OWN,
            "savedview": OWN,
            "taggroup": OWN,
            "topic": LOOK,
        },
        "campaigns": {
            "campaign": WORK,
            "message": "view add change delete send",
            "messagecontent": OWN,
            "choice": OWN,
            "delivery": LOOK,
            "answer": LOOK,
            "conversation": WORK,
            "inboundtext": "view change",
            "keyword": WORK,
            "replytemplate": LOOK,
            "webinar": WORK,
            "registration": WORK,
            "quietday": WORK,
            "series": OWN,
            "pace": LOOK,
            "warmup": LOOK,
        },
        "wagtailimages": {"image": "choose add"},
        "wagtaildocs": {"document": "choose add"},
    },
    Role.EDITOR: {
        "wagtailadmin": {"admin": "access"},
        "coalition": {
            "organization": LOOK,
            "publication": WORK,
            "version": "view add",
            "versiontext": "view add",
            "round": LOOK,
            "handover": LOOK,
        },
        "campaigns": {
            "campaign": LOOK,
            "message": WORK,
            "messagecontent": WORK,
            "choice": WORK,
            "series": LOOK,
            "webinar": WORK,
        },
        "wagtailimages": {"image": "choose add change"},
        "wagtaildocs": {"document": "choose add change"},
        "wagtail_localize": {"translation": "submit"},
    },
    Role.TRANSLATOR: {
        "wagtailadmin": {"admin": "access"},
        "coalition": {"publication": LOOK, "version": LOOK, "versiontext": LOOK},
        "campaigns": {"campaign": LOOK, "message": LOOK, "messagecontent": "view change", "choice": "view change"},
        "wagtailimages": {"image": "choose"},
        "wagtaildocs": {"document": "choose"},
        "wagtail_localize": {"translation": "submit"},
    },
    Role.ANALYST: {
        "wagtailadmin": {"admin": "access"},
        "coalition": {
            "organization": LOOK,
            "segment": LOOK,
            "tag": LOOK,
            "publication": LOOK,
            "version": LOOK,
            "round": LOOK,
            "handover": LOOK,
        },
        "campaigns": {"campaign": LOOK, "message": LOOK, "webinar": LOOK},
    },
}
# What a role may do with the pages below the root of the site, and with the images and documents there.
PAGES = {
    Role.ADMINISTRATOR: ["add_page", "change_page", "publish_page", "bulk_delete_page", "lock_page", "unlock_page"],
    Role.EDITOR: ["add_page", "change_page", "publish_page"],
    Role.TRANSLATOR: ["change_page"],
}
COLLECTION = {
    Role.ADMINISTRATOR: [
        "add_image",
        "change_image",
        "choose_image",
        "add_document",
        "change_document",
        "choose_document",
    ],
    Role.ORGANIZER: ["add_image", "choose_image", "add_document", "choose_document"],
    Role.EDITOR: ["add_image", "change_image", "choose_image", "add_document", "change_document", "choose_document"],
    Role.TRANSLATOR: ["choose_image", "choose_document"],
}


def _wanted(role):
    if role == Role.ADMINISTRATOR:
        return Permission.objects.all()
    said = Q(pk__in=[])
    for app, allowed in ALLOWED[role].items():
        for model, actions in allowed.items():
            names = [f"{action}_{model}" for action in actions.split()]
            said |= Q(content_type__app_label=app, codename__in=names)
    return Permission.objects.filter(said)


@transaction.atomic
def ensure_roles():
    """Make the five roles and give each what is its own. Safe to run again and again."""
    made = []
    for role in Role:
        group, created = Group.objects.get_or_create(name=role.value)
        group.permissions.add(*_wanted(role))
        made += [group] if created else []
        _ensure_tree(group, "GroupPagePermission", "page", apps.get_model("wagtailcore", "Page"), PAGES.get(role, []))
        _ensure_tree(
            group,
            "GroupCollectionPermission",
            "collection",
            apps.get_model("wagtailcore", "Collection"),
            COLLECTION.get(role, []),
        )
    if made:
        # Wagtail's own two groups mean other things by nearly the same names.
        Group.objects.filter(name__in=["Editors", "Moderators"], user=None).delete()


def _ensure_tree(group, model, field, tree, codenames):
    """Permissions that hold for a tree, from its root down."""
    root = tree.objects.filter(depth=1).first()
    if root is None:
        return
    for permission in Permission.objects.filter(codename__in=codenames):
        apps.get_model("wagtailcore", model).objects.get_or_create(group=group, permission=permission, **{field: root})


@transaction.atomic
def give_role(user, role):
    """Put a staff member into a role, and into no other one of ours."""
    user.groups.remove(*Group.objects.filter(name__in=Role.values))
    user.groups.add(Group.objects.get(name=Role(role).value))
    return user


def sees_people(user):
    """Whether personal data may be shown to this user; the one question every screen with names or addresses asks."""
    return user.has_perm("coalition.view_person")
