"""Doors for signals of libraries: sign-ins, lock-outs, changes of staff and roles, whatever screen makes them (P5)."""

from axes.signals import user_locked_out
from django.contrib.auth.models import Group, Permission
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.dispatch import receiver

from coalition import audit, sign_ins
from coalition.middleware import origin_of
from coalition.models import User

WATCHED = {"is_active", "is_superuser", "email", "password"}


@receiver(user_logged_in)
def signed_in(sender, request, user, **kwargs):
    if request is not None and origin_of(request):  # from nowhere comes who steps over the threshold in a test
        sign_ins.begin(user, request.session, agent=request.headers.get("User-Agent", ""), origin=origin_of(request))


@receiver(user_logged_out)
def signed_out(sender, request, user, **kwargs):
    if request is not None:
        sign_ins.signed_out(request.session.session_key)


@receiver(user_locked_out)
def locked_out(sender, request, username, ip_address, **kwargs):
    """django-axes says it at each further try; it is recorded once for each lock-out."""
    if not getattr(request, "axes_locked_out_noted", False) and sign_ins.is_news(username, ip_address):
        request.axes_locked_out_noted = True
        sign_ins.note_lock_out(username, ip_address or "")


@receiver(pre_save, sender=User)
def before_a_user_changes(sender, instance, update_fields=None, **kwargs):
    watched = WATCHED & set(update_fields) if update_fields is not None else WATCHED
    instance._before = (
        User.objects.filter(pk=instance.pk).values(*sorted(watched)).first() if instance.pk and watched else None
    )


@receiver(post_save, sender=User)
def a_user_changed(sender, instance, created, **kwargs):
    if created:
        audit.record(audit.Action.ACCOUNT, instance, details={"did": "added"})
        if instance.is_superuser:
            audit.record(audit.Action.ROLE, instance, details={"did": "made superuser"})
        return
    before = getattr(instance, "_before", None) or {}
    changed = {name for name, value in before.items() if getattr(instance, name) != value}
    if instance._password is None:
        changed.discard("password")  # the same one, kept under a newer hash
    if "is_active" in changed:
        audit.record(audit.Action.ACCOUNT, instance, details={"did": "enabled" if instance.is_active else "disabled"})
    if "is_superuser" in changed:
        did = "made superuser" if instance.is_superuser else "no superuser any more"
        audit.record(audit.Action.ROLE, instance, details={"did": did})
    if "email" in changed:
        audit.record(audit.Action.ACCOUNT, instance, details={"did": "email changed"})
    if "password" in changed:
        audit.record(audit.Action.ACCOUNT, instance, details={"did": "password changed"})
    if "password" in changed or ("is_active" in changed and not instance.is_active):
        sign_ins.end_all(instance)


@receiver(post_delete, sender=User)
def a_user_went(sender, instance, **kwargs):
    audit.record(audit.Action.ACCOUNT, instance, details={"did": "deleted"})


@receiver(post_save, sender=Group)
def a_role_was_kept(sender, instance, created, **kwargs):
    if not audit.is_migrating():
        audit.record(audit.Action.ROLE, instance, details={"did": "role added" if created else "role changed"})


@receiver(post_delete, sender=Group)
def a_role_went(sender, instance, **kwargs):
    if not audit.is_migrating():
        audit.record(audit.Action.ROLE, instance, details={"did": "role deleted"})


def _names(model, pks):
    if model is Permission:
        found = Permission.objects.filter(pk__in=pks).values_list("content_type__app_label", "codename")
        return sorted(f"{app}.{codename}" for app, codename in found)
    return sorted(model.objects.filter(pk__in=pks).values_list("name", flat=True))


def _held(through, instance, model, pks):
    """Which of these (all, where None) the instance has now."""
    mine, theirs = (
        next(field.name for field in through._meta.fields if field.related_model is kind)
        for kind in (type(instance), model)
    )
    rows = through.objects.filter(**{mine: instance.pk})
    rows = rows if pks is None else rows.filter(**{f"{theirs}__in": pks})
    return set(rows.values_list(theirs, flat=True))


@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def rights_changed(sender, instance, action, reverse, model, pk_set, **kwargs):
    """Roles of a user, permissions of a user or of a role; from either side."""
    if audit.is_migrating() or action not in ("post_add", "pre_remove", "pre_clear"):
        return
    did = "added" if action == "post_add" else "removed"
    if action != "post_add":  # what is taken away may never have been there
        pk_set = _held(sender, instance, model, pk_set)
    if not pk_set:
        return
    if reverse:
        for one in model.objects.filter(pk__in=pk_set):
            audit.record(audit.Action.ROLE, one, details={"did": did, "what": _names(type(instance), [instance.pk])})
    else:
        audit.record(audit.Action.ROLE, instance, details={"did": did, "what": _names(model, pk_set)[:50]})
