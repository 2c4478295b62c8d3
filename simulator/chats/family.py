"""Customer group chats, their members, their inheritance and their join ways."""

from simulator.chats.acts import ACTS
from simulator.chats.api import ENDPOINTS
from simulator.chats.looks import LOOKS
from simulator.chats.settings import ChatSettings
from simulator.family import Family

FAMILY = Family("chats", ENDPOINTS, ACTS, settings=ChatSettings, looks=LOOKS)
