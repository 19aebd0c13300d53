"""How good the choice of units is: the same recorded calls under several rules, and a bound."""
