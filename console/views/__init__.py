"""Pages for people: what messages to associates lead to. They sign in with WeCom; nothing of it needs a script."""
