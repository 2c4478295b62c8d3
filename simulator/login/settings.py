"""What WeCom does not publish about login and the tickets of pages."""

from dataclasses import dataclass


@dataclass
class LoginSettings:
    # The page says 40029 for a code that cannot be used; the table of codes has 42003 (expired) and 42022 (used) too.
    expired_code: int = 40029
    used_code: int = 40029
    # Whether another app of the corp may exchange a code is not said: here it may not.
    code_bound_to_app: bool = True
    # Who grants nothing, or gives a field that the administrator did not select, shows this picture.
    default_avatar: str = "https://wwcdn.example.com/default_avatar.png"
    # The code for a signature that does not fit is in the table of codes, the page shows texts only.
    wrong_signature_code: int = 40093
    # Published, and here so that a test can reach them. Source: WeCom server API, frequency limits (page 90454).
    tickets_per_corp_hour: int = 400
    tickets_per_app_hour: int = 100
