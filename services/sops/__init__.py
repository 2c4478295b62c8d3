"""SOPs: rules that tell the responsible associate what to do next about a customer or chat, step by step (SOP-1)."""
