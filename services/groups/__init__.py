"""Group chats: who is in them and was, as WeCom shows it and as events told it (GRP-1)."""
