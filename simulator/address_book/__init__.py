"""Members and departments."""

from simulator.address_book.acts import ACTS
from simulator.address_book.api import ENDPOINTS
from simulator.address_book.settings import AddressBookSettings
from simulator.family import Family

FAMILY = Family("address_book", ENDPOINTS, ACTS, AddressBookSettings)
