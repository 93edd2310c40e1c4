"""Move whatever hangs on one record to another, in any app; each step is written down, and can be taken back.

What cannot stand twice (the same tag, an invitation of the same round) stays with the record that gives way. What
somebody changed since is left as it is when the steps are taken back.
"""

import secrets

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.utils import timezone


class Refused(Exception):
    """It cannot be done; the text says why, in words for staff."""


def links(model, *, besides=()):
    """[(model, field)] of everything that points to records of a model, in every app."""
    found = []
    for relation in model._meta.get_fields(include_hidden=True):
        if relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one):
            pointing = relation.related_model
            if pointing not in besides and not pointing._meta.proxy:
                found.append((pointing, relation.field))
    return sorted(found, key=lambda link: link[0]._meta.label)


class Moving:
    """One merge at work: it does a step and writes down how to take it back.

    `steps`: ["set", model, pk, {field: [was, now]}], ["move", model, field, from, to, [pks]],
    ["swap", model, field, from, to, own, other], ["new", model, pk]; more kinds are the caller's.
    `left`: [[model, pk, pk of the twin that stands instead, or None]].
    """

    # Where a row stays behind because its twin stands already, these go on to the twin: {model: [(model, field)]}.
    following = {}

    def __init__(self):
        self.steps, self.left = [], []

    def set(self, row, **values):
        """Change fields of one row."""
        changed = {}
        for name, value in values.items():
            was = getattr(row, name)
            if was != value:
                changed[name] = [plain(was), plain(value)]
                setattr(row, name, value)
        if changed:
            type(row)._base_manager.filter(pk=row.pk).update(**{name: getattr(row, name) for name in changed})
            self.steps.append(["set", row._meta.label_lower, row.pk, changed])

    def bring(self, model, field, source, target):
        """Move what points at `source` to `target`. Twins stay behind: the one that says more stands with `target`."""
        rows = model._base_manager
        pks = list(rows.filter(**{field.attname: source}).order_by("pk").values_list("pk", flat=True))
        if not pks:
            return
        twins = _twins(model, field, pks, target)
        stayed = self._move(model, field, [pk for pk in pks if pk not in twins], source, target)
        self.left += [[model._meta.label_lower, pk, None] for pk in stayed]
        for pk, twin in twins.items():
            self._settle_twins(model, field, pk, twin, source, target)

    def says_more(self, other, own):
        """Whether, of two twins, the one that comes stands instead of the one that is there."""
        return hasattr(own, "merge_rank") and other.merge_rank > own.merge_rank

    def _move(self, model, field, pks, source, target):
        """Move rows; what a constraint refuses stays. Returns the rows that stayed."""
        if not pks:
            return []
        rows, stayed = model._base_manager, []
        try:
            with transaction.atomic():
                rows.filter(pk__in=pks).update(**{field.attname: target})
        except IntegrityError:
            for pk in pks:
                try:
                    with transaction.atomic():
                        rows.filter(pk=pk).update(**{field.attname: target})
                except IntegrityError:
                    stayed.append(pk)
        moved = [pk for pk in pks if pk not in stayed]
        if moved:
            self.steps.append(["move", model._meta.label_lower, field.name, source, target, moved])
        return stayed

    def _settle_twins(self, model, field, pk, twin, source, target):
        rows, label = model._base_manager, model._meta.label_lower
        other, own = rows.get(pk=pk), rows.get(pk=twin)
        stands, stays = own, other
        if self.says_more(other, own):
            stands, stays = other, own
            _swap(model, field, own.pk, other.pk, source, target)
            self.steps.append(["swap", label, field.name, source, target, own.pk, other.pk])
        self.left.append([label, stays.pk, stands.pk])
        for child, name in self.following.get(label, []):
            following = apps.get_model(child)
            self.bring(following, following._meta.get_field(name), stays.pk, stands.pk)


def _twins(model, field, pks, target):
    """{row: the row of `target` it cannot stand beside}, by the unique constraints of the model."""
    found = {}
    constraints = [(list(names), None) for names in model._meta.unique_together]
    constraints += [(list(c.fields), c.condition) for c in model._meta.constraints if _is_unique(c)]
    if field.unique:
        constraints.append(([field.name], None))
    for names, condition in constraints:
        if field.name not in names:
            continue
        others = [model._meta.get_field(name).attname for name in names if name != field.name]
        rows = model._base_manager.filter(condition) if condition else model._base_manager
        standing = {
            tuple(values): pk for pk, *values in rows.filter(**{field.attname: target}).values_list("pk", *others)
        }
        for pk, *values in rows.filter(pk__in=pks).order_by("pk").values_list("pk", *others):
            if None not in values and pk not in found and tuple(values) in standing:
                found[pk] = standing[tuple(values)]
    return found


def _is_unique(constraint):
    return isinstance(constraint, models.UniqueConstraint) and constraint.fields


def _swap(model, field, own, other, source, target):
    """Two twins change places, by way of a third: a unique constraint allows no shorter one."""
    between = None
    if not field.null:
        between = field.related_model.objects.create(name=secrets.token_hex(16), binned_at=timezone.now())
    for pk, place in ((own, between and between.pk), (other, target), (own, source)):
        model._base_manager.filter(pk=pk).update(**{field.attname: place})
    if between:
        between.delete()


def plain(value):
    """As JSON can hold it."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.data if hasattr(value, "localize") else value


# One step back


def take_back(steps, more=None):
    """Take steps back, the last first. `more`: {kind of step: function of its values} beside or instead of our own."""
    ways = {"move": _move_back, "swap": _swap_back, "set": set_back, "new": _remove} | (more or {})
    for kind, *step in reversed(steps):
        ways[kind](*step)


def _move_back(label, name, source, target, pks):
    model = apps.get_model(label)
    field = model._meta.get_field(name)
    rows = model._base_manager.filter(**{field.attname: target})
    try:
        with transaction.atomic():
            rows.filter(pk__in=pks).update(**{field.attname: source})
    except IntegrityError:
        for pk in pks:
            try:
                with transaction.atomic():
                    rows.filter(pk=pk).update(**{field.attname: source})
            except IntegrityError:
                continue  # its place is taken since: it stays where it is


def _swap_back(label, name, source, target, own, other):
    model = apps.get_model(label)
    field = model._meta.get_field(name)
    standing = dict(model._base_manager.filter(pk__in=[own, other]).values_list("pk", field.attname))
    if standing != {own: source, other: target}:
        return  # one of them went elsewhere since
    _swap(model, field, other, own, source, target)


def set_back(label, pk, changed, *, but=()):
    """Give fields of a row back what they held, where nobody changed them since. Those in `but` stay."""
    model = apps.get_model(label)
    row = model._base_manager.filter(pk=pk).first()
    if row is None:
        return
    back = {
        name: model._meta.get_field(name).to_python(was)
        for name, (was, now) in changed.items()
        if name not in but and plain(getattr(row, name)) == now
    }
    if not back:
        return
    try:
        with transaction.atomic():
            model._base_manager.filter(pk=pk).update(**back)
    except IntegrityError:
        return


def custom_back(model, pk, changed):
    """The coalition's own fields: {key: [was, now]}, each where nobody changed it since."""
    row = model._base_manager.get(pk=pk)
    held = dict(row.custom or {})
    for key, (was, now) in changed.items():
        if held.get(key) == now:
            held[key] = was
    model._base_manager.filter(pk=pk).update(custom={key: value for key, value in held.items() if value is not None})


def _remove(label, pk):
    apps.get_model(label)._base_manager.filter(pk=pk).delete()
