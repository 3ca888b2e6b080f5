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
    """Put runs of equal keys into the order of `a`, then of `b`, by position."""
    k = 0
    while k < len(order):
        end = k + 1
        in_order = True
        while end < len(order) and key[end] == key[k]:
            in_order = in_order and not _is_later(order[end - 1], order[end], a, b)
            end += 1
        step = 0 if in_order else (end - k) // 2 if end - k > _FEW else 1
        while step > 0:
            for i in range(k + step, end):
                one = order[i]
                j = i
                while j - step >= k and _is_later(order[j - step], one, a, b):
                    order[j] = order[j - step]
                    j -= step
                order[j] = one
            step //= 2
        k = end


@kernel
def _is_later(one: int, other: int, a: Shorts, b: Shorts) -> bool:
    return bool(a[one] > a[other] or (a[one] == a[other] and b[one] > b[other]))
