"""Whether an answer is right: what a text's answer is, what it says, and whether that equals the gold one.

`verdict` is the way in. An answer goes through `thinking` (what stands behind the thinking), `final` (the answer in the
text), `notation` (one way of writing), `tokens` and `expression` (mathematics), `values` (number, set, interval, ...)
and `compare`. What is not understood in full is compared as text: a wrong answer that counts as right is worse than a
right one that counts as wrong.
"""
