"""Phone numbers as people write them."""

from django import template

from coalition import people

register = template.Library()


@register.filter
def phone(value):
    """{{ conversation.number|phone }}: "(413) 555-0100"."""
    return people.display_phone(value) if value else ""
