"""Plans of batch transfers: who rides when, with which unit, into which bed.

`problem` and `plan` say what is asked and answered, `solve` answers, `process` does so elsewhere.
"""
