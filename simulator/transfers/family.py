"""Inheritance of customers: in service, resigned, and the waiting list of those who left."""

from simulator.family import Family
from simulator.transfers.acts import ACTS
from simulator.transfers.api import ENDPOINTS
from simulator.transfers.looks import LOOKS
from simulator.transfers.settings import TransferSettings

FAMILY = Family("transfers", ENDPOINTS, ACTS, settings=TransferSettings, looks=LOOKS)
