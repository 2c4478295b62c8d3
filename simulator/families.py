"""All families; a new one is a package with a FAMILY and a line here."""

from simulator import (
    address_book,
    appchats,
    broadcasts,
    chats,
    contact_ways,
    customers,
    login,
    media,
    member_tags,
    messages,
    moments,
    robots,
    statistics,
    suites,
    tags,
    transfers,
    welcome,
)
from simulator.family import Family

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
