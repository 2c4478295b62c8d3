"""What nobody does and the clock brings about: days that go by in a stage or without contact, digests, last days."""
