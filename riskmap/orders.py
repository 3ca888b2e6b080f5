"""The order of many whole numbers: by their digits where these are few, which takes a third of a comparing sort."""

import numpy as np

from riskmap.compiled import kernel
from riskmap.shapes import Ints, Shorts, Wholes

_DIGIT = 11
"""bits of a digit: 2048 counters stay in the nearest cache"""
_LAST = 2**_DIGIT - 1
_MOST_DIGITS = 4
"""with more of them, comparing is quicker"""
_FEW = 16
"""so many are put in order one by one"""


def order_of(number: Wholes, most: int) -> Ints:
    """Positions of the numbers, 0 … `most`, by size; equal ones as they stand."""
    digits = -(-int(most).bit_length() // _DIGIT)
    if digits > _MOST_DIGITS:
        return np.argsort(number, kind="stable")
    return _by_digits(number, digits)


@kernel
def _by_digits(number: Wholes, digits: int) -> Ints:
    order, ordered = np.arange(len(number), dtype=np.int32), number.copy()
    next_order, next_ordered = np.empty_like(order), np.empty_like(ordered)
    for digit in range(digits):
        shift = digit * _DIGIT
        place = np.zeros(2**_DIGIT + 1, np.int64)
        for k in range(len(ordered)):
            place[((ordered[k] >> shift) & _LAST) + 1] += 1
        for value in range(2**_DIGIT):
            place[value + 1] += place[value]
        for k in range(len(ordered)):
            value = (ordered[k] >> shift) & _LAST
            at = place[value]
            place[value] = at + 1
            next_order[at], next_ordered[at] = order[k], ordered[k]
        order, next_order = next_order, order
        ordered, next_ordered = next_ordered, ordered
    return order.astype(np.int64)


@kernel
def order_ties(order: Wholes, key: Wholes, a: Shorts, b: Shorts) -> None:
    """Put runs of equal keys into the order of `a`, then of `b`, by position.

    What decides in a run is copied together first: `a` and `b` are met in no order, and each is far from the last.
    """
    ends = np.empty(_longest_run(key), np.int64)
    k = 0
    while k < len(order):
        n, in_order = 0, True
        while k + n < len(order) and key[k + n] == key[k]:
            at = order[k + n]
            ends[n] = (np.int64(a[at]) << 32) | b[at]
            in_order = in_order and (n == 0 or ends[n - 1] <= ends[n])
            n += 1
        step = 0 if in_order else n // 2 if n > _FEW else 1
        while step > 0:
            for i in range(step, n):
                one, end = order[k + i], ends[i]
                j = i
                while j >= step and ends[j - step] > end:
                    order[k + j], ends[j] = order[k + j - step], ends[j - step]
                    j -= step
                order[k + j], ends[j] = one, end
            step //= 2
        k += n


@kernel
def _longest_run(key: Wholes) -> int:
    longest = run = 0
    for k in range(len(key)):
        run = run + 1 if k and key[k] == key[k - 1] else 1
        longest = max(longest, run)
    return longest
