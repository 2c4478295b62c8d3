"""The endpoints of inheritance."""

from simulator.api.calls import Endpoint
from simulator.transfers.asking import takeover_held, transfer_in_service, transfer_of_resigned
from simulator.transfers.reading import get_unassigned_list, transfer_result

ENDPOINTS = {
    "externalcontact/transfer_customer": Endpoint("POST", transfer_in_service, {"customer": []}, True),
    "externalcontact/transfer_result": Endpoint("POST", transfer_result(resigned=False), {"customer": []}, True),
    "externalcontact/get_unassigned_list": Endpoint("POST", get_unassigned_list, {"info": []}, True),
    "externalcontact/resigned/transfer_customer": Endpoint(
        "POST", transfer_of_resigned, {"customer": []}, True, holds=takeover_held
    ),
    "externalcontact/resigned/transfer_result": Endpoint(
        "POST", transfer_result(resigned=True), {"customer": []}, True
    ),
}
