"""What events tell of acquisition links and their quota (获客助手)."""
