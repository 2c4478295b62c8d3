"""WeCom's corp tags, in their groups (TAG)."""
