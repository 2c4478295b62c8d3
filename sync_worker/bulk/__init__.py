"""Carries out bulk jobs: a run that first keeps an intent for each change, then walks the associates' pages twice.

A page of WeCom's list shows a hundred relations at once: it is the read before their pushes and, in the second walk,
the read back. What the pages leave open is looked at contact by contact, as any intent is (see writeback.py).
"""
