"""The endpoints of the address book. All are reads: this simulator has no writes of members or departments by API.

Source: WeCom server API, members (pages 96255, 96259, 96260, 96067), departments (pages 90344, 95406, 95407).
"""

from simulator.address_book import departments, lookups, members, open_ids
from simulator.api.calls import Endpoint

ENDPOINTS = {
    "user/get": Endpoint("GET", members.user_get, details=True),
    "user/simplelist": Endpoint("GET", members.user_simplelist, {"userlist": []}, details=True),
    "user/list": Endpoint("GET", members.user_list, {"userlist": []}, details=True),
    "user/list_id": Endpoint("POST", members.user_list_id, {"dept_user": []}, only=frozenset({"directory"})),
    "user/getuserid": Endpoint("POST", lookups.by_mobile),
    "user/get_userid_by_email": Endpoint("POST", lookups.by_email),
    "user/convert_to_openid": Endpoint("POST", lookups.to_openid),
    "user/convert_to_userid": Endpoint("POST", lookups.to_userid),
    "batch/userid_to_openuserid": Endpoint("POST", open_ids.to_open, only=frozenset({"suite"})),
    "batch/openuserid_to_userid": Endpoint("POST", open_ids.to_plain, only=frozenset({"app"})),
    "department/list": Endpoint("GET", departments.department_list, {"department": []}, details=True),
    "department/simplelist": Endpoint("GET", departments.department_simplelist, {"department_id": []}),
    "department/get": Endpoint("GET", departments.department_get, details=True),
    "getcallbackip": Endpoint("GET", lookups.callback_addresses, {"ip_list": []}),
    "get_api_domain_ip": Endpoint("GET", lookups.api_addresses, {"ip_list": []}),
}
