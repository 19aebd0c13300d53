"""The zero indicators, the time standards and the fleet's duties, from the event log alone.

`computation` reads the log once, in its order; each family of indicators is a module beside it.
Nothing is typed in: every figure names the events behind it. Definitions: docs/indicators.md.
"""
