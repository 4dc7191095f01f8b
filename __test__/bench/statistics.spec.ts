import test from 'ava'
import { fairness, median, ratio, spread } from '../../bench/statistics.ts'

test('the median is the middle value, or between the two in the middle, in whatever order', (t) => {
  t.is(median([]), undefined)
  t.is(median([7]), 7)
  t.is(median([9, 1, 5]), 5)
  t.is(median([4, 10, 1, 2]), 3)
  t.is(median([100, 20, 3]), 20, 'by value, not as text')
})

test('the spread is half the range as a part of the median', (t) => {
  t.is(spread([]), undefined)
  t.is(spread([8]), 0)
  t.is(spread([9, 10, 13]), 0.2)
  t.is(spread([0, 0]), undefined)
})

test('a ratio needs both values, and something to be compared with', (t) => {
  t.is(ratio(6, 4), 1.5)
  t.is(ratio(undefined, 4), undefined)
  t.is(ratio(6, undefined), undefined)
  t.is(ratio(6, 0), undefined)
  t.is(ratio(0, 4), 0)
})

test('fairness is 1 for equal shares, and 1 / count if one has everything', (t) => {
  t.is(fairness({ count: 4, sum: 8, squares: 4 * 2 ** 2 }), 1)
  t.is(fairness({ count: 4, sum: 8, squares: 8 ** 2 }), 0.25)
  t.is(fairness({ count: 2, sum: 4, squares: 1 + 9 }), 0.8)
  t.is(fairness({ count: 2, sum: 0, squares: 0 }), undefined)
})
