"""The endpoints of group chats."""

from simulator.api.calls import Endpoint
from simulator.chats.join_ways import add_join_way, del_join_way, get_join_way, update_join_way
from simulator.chats.passing_on import pass_on
from simulator.chats.reading import get_chat, list_chats, opengid_to_chatid

FAILED: dict[str, list[str]] = {"failed_chat_list": []}

ENDPOINTS = {
    "externalcontact/groupchat/list": Endpoint("POST", list_chats, {"group_chat_list": []}, True),
    "externalcontact/groupchat/get": Endpoint("POST", get_chat, {}, True),
    "externalcontact/opengid_to_chatid": Endpoint("POST", opengid_to_chatid, {}, True),
    "externalcontact/groupchat/onjob_transfer": Endpoint("POST", pass_on(resigned=False), FAILED, True),
    "externalcontact/groupchat/transfer": Endpoint("POST", pass_on(resigned=True), FAILED, True),
    "externalcontact/groupchat/add_join_way": Endpoint("POST", add_join_way, {}, True),
    "externalcontact/groupchat/get_join_way": Endpoint("POST", get_join_way, {}, True),
    "externalcontact/groupchat/update_join_way": Endpoint("POST", update_join_way, {}, True),
    "externalcontact/groupchat/del_join_way": Endpoint("POST", del_join_way, {}, True),
}
