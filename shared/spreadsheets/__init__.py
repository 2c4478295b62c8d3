"""Tables in files that people make with spreadsheets: CSV and XLSX, read and written as streams of rows of texts.

Nothing here trusts a file. Limits hold before anything is kept, formulas are never evaluated, entities never resolved.
"""
