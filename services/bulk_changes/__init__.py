"""Changes of all customers whom a filter finds: asked for once, carried out in pages, undone where that can be (CUS-8).

model.py says what can be asked for, plan.py what it takes; asking.py freezes whom it is about; carrying_out.py does a
page; kinds/ has a file for each kind of change.
"""
