"""Addresses that hide what was typed to find somebody, for tests."""

import re
from html import unescape
from urllib.parse import unquote_plus

from django.http import QueryDict

from coalition.views import searching

TOKEN = re.compile(r"gAAAA[\w=-]*")


def in_the_open(address):
    """The same address, with the words that it hides as `q`."""
    path, _mark, query = address.partition("?")
    query, mark, anchor = query.partition("#")
    return "?".join(filter(None, [path, searching.asked(QueryDict(query)).urlencode()])) + mark + anchor


def addresses_in(html):
    """Every address that a page links to, posts to, fetches or puts into the browser's bar."""
    named = r'(?:href|action|src|hx-[a-z]+|data-[a-z-]+-(?:src|url)-value|data-here)="([^"]*)"'
    return [unescape(address) for address in re.findall(named, html)]


def led_through(response):
    """The addresses that led to a page, and those that lead on from it."""
    return [*(address for address, _status in response.redirect_chain), *addresses_in(response.content.decode())]


def naming(word, addresses):
    """Those of the addresses in which somebody's name can be read; the letters of what is encrypted are chance."""
    read = ((address, TOKEN.sub("", unquote_plus(address)).casefold()) for address in addresses)
    return [address for address, said in read if word.casefold() in said]
