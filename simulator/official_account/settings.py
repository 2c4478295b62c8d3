"""What WeChat does not publish about official accounts, or publishes in conflicting ways."""

from dataclasses import dataclass


@dataclass
class OfficialSettings:
    # A classic token dies this long after the next one was fetched. Reported, not published.
    classic_overlap_s: int = 300
    # The current pages say 5; the rules of 2021-06 said 20.
    kf_after_message: int = 5
    kf_after_message_s: int = 48 * 3600
    kf_after_action: int = 3
    kf_after_action_s: int = 60
    # A paying user may be written to without a count for so long (service accounts).
    kf_after_payment_s: int = 48 * 3600
    # The most bytes of a kf text. Not published.
    kf_text_bytes: int = 2048
    # Calls per minute and API before 45011; 0 switches it off. Not published.
    burst_per_minute: int = 0
    # How long after the call the result of a template message and of a mass send is told. Not published.
    template_report_after_s: int = 2
    mass_report_after_s: int = 5
    # Template messages to one follower in a day before `failed:freq limit`; 0 = no limit. Not published.
    template_per_user_per_day: int = 0
    # How long a client_msg_id is remembered. About ten minutes; not published.
    client_msg_id_s: int = 600
    # Whether values must fit the kind in their key (thing ≤ 20 characters). The rules are not published in full.
    check_template_values: bool = True
    # A tag of more followers than this cannot be deleted (published: 100,000; smaller for tests).
    tag_delete_most: int = 100_000
    # The most conditional menus. Not published.
    conditional_menus_most: int = 100
    # Whether user/info still has the empty keys nickname, headimgurl, sex, city, province and country.
    empty_profile_keys: bool = False
    # How long a web-login code lives. Not in the pages that this follows.
    oauth_code_s: int = 300
    # Calls of unionid_to_external_userid in an hour, a day and 30 days (published; smaller for tests).
    conversions_per_hour: int = 100_000
    conversions_per_day: int = 480_000
    conversions_per_month: int = 7_500_000
