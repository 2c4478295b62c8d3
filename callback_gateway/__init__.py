"""The gateway: takes WeCom's callbacks, stores each one durably, then answers. It knows nothing of what they mean."""
