"""What pages say of the fields a coalition defined for itself."""

from django import template

from coalition import custom

register = template.Library()


@register.inclusion_tag("coalition/fields/values.html")
def own_fields(record):
    """{% own_fields person %} inside a `<dl class="bo-facts">`: a row for each value that is not sensitive."""
    return {"values": custom.shown(record)}


@register.filter
def own_values(record):
    """{% if person|own_values %}: [(field, words)] of a person or an organization."""
    return custom.shown(record)
