"""Everything that talks to WeCom's server API."""
