"""All families; a new one is a package with a FAMILY and a line here.

Where other families use a package's modules, FAMILY is in its `family.py`: importing a package must not import what
uses it.
"""

from simulator import (
    address_book,
    appchats,
    login,
    media,
    member_tags,
    messages,
    robots,
    suites,
)
from simulator.broadcasts import family as broadcasts
from simulator.chats import family as chats
from simulator.contact_ways import family as contact_ways
from simulator.customers import family as customers
from simulator.family import Family
from simulator.moments import family as moments
from simulator.statistics import family as statistics
from simulator.tags import family as tags
from simulator.transfers import family as transfers
from simulator.welcome import family as welcome

FAMILIES: tuple[Family, ...] = (
    address_book.FAMILY,
    customers.FAMILY,
    tags.FAMILY,
    transfers.FAMILY,
    chats.FAMILY,
    contact_ways.FAMILY,
    welcome.FAMILY,
    broadcasts.FAMILY,
    moments.FAMILY,
    statistics.FAMILY,
    messages.FAMILY,
    appchats.FAMILY,
    robots.FAMILY,
    media.FAMILY,
    member_tags.FAMILY,
    login.FAMILY,
    suites.FAMILY,
)

ENDPOINTS = {path: endpoint for family in FAMILIES for path, endpoint in family.endpoints.items()}
ACTS = {name: act for family in FAMILIES for name, act in family.acts.items()}
LOOKS = {name: look for family in FAMILIES for name, look in family.looks.items()}
SETTINGS = {family.name: family.settings for family in FAMILIES if family.settings is not None}
