"""Carries out imports and exports, in a process of their own beside the worker's.

What they take of memory and time is taken from no event; a file that brings its reader down brings down nobody else.
"""
