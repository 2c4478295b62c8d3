"""Messages of an app to members, and what members do with them."""

from simulator.family import Family
from simulator.messages.acts import ACTS
from simulator.messages.api import ENDPOINTS
from simulator.messages.looks import LOOKS
from simulator.messages.settings import MessageSettings

FAMILY = Family("messages", ENDPOINTS, ACTS, MessageSettings, LOOKS)
