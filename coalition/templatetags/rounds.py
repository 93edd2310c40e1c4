"""What the board of a round asks of its template."""

from django import template
from django.urls import reverse

register = template.Library()


@register.filter
def lookup(mapping, key):
    """{{ tones|lookup:line.state }}: the value of a key, or nothing."""
    return mapping.get(key, "")


@register.filter
def inspect_url(row, namespace):
    """{{ organization|inspect_url:"organizations" }}: its page in the back office."""
    return reverse(f"{namespace}:inspect", args=[row.pk])
