"""Userids of members who have others by now, in statements about rows that keep what they said."""


def current_userid(userid: str, *, at: str, tenant_id: str) -> str:
    """The expression for the userid that a member has by now whom `userid` (a column) meant `at` that time.

    Somebody else may have got the old one since; see services/associates/model.py for the same of values.
    """
    return (
        f"coalesce((select a.new_userid from userid_alias a where a.tenant_id = {tenant_id} "  # noqa: S608
        f"and a.old_userid = {userid} and (a.ended_at is null or a.ended_at > {at}) "
        f"order by a.renamed_at limit 1), {userid})"
    )
