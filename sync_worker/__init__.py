"""The sync worker: routes the inbox, reconciles subjects with WeCom, walks first syncs."""
