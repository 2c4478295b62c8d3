"""A WeChat official account (公众号): served under /wechat, with followers, callbacks and quotas of its own."""
