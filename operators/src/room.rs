//! Lists that nearly always stay short, and nearly always grow at their end.
//!
//! A list of the standard library begins with room for four and doubles it. With some hundred thousand lists of one
//! large item each, that is three quarters of what they take.

use std::collections::VecDeque;

/// By how many items a list of `len` grows that has no room for `more`: half as many again.
fn growth(len: usize, more: usize) -> usize {
    more.max(len / 2 + 1)
}

/// Makes room for so many items more.
pub(crate) fn reserve<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(growth(list.len(), more));
    }
}

/// The place after the items that `is_before` holds for, which come first. Nearly always that is all of them.
pub(crate) fn place<T>(list: &[T], is_before: impl Fn(&T) -> bool) -> usize {
    if list.last().is_none_or(&is_before) { list.len() } else { list.partition_point(is_before) }
}

/// The same of a queue.
pub(crate) fn place_in<T>(queue: &VecDeque<T>, is_before: impl Fn(&T) -> bool) -> usize {
    if queue.back().is_none_or(&is_before) { queue.len() } else { queue.partition_point(is_before) }
}

/// Puts an item at a place.
pub(crate) fn insert<T>(list: &mut Vec<T>, at: usize, item: T) {
    reserve(list, 1);
    list.insert(at, item);
}

/// Puts an item at the end in the same way.
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) {
    insert(list, list.len(), item);
}

/// Puts an item at a place of a queue in the same way.
pub(crate) fn insert_at<T>(queue: &mut VecDeque<T>, at: usize, item: T) {
    if queue.len() == queue.capacity() {
        queue.reserve_exact(growth(queue.len(), 1));
    }
    queue.insert(at, item);
}

/// Puts an item at the end of a queue in the same way.
pub(crate) fn push_back<T>(queue: &mut VecDeque<T>, item: T) {
    insert_at(queue, queue.len(), item);
}

/// Gives back what a busier time has left behind.
pub(crate) fn shrink<T>(queue: &mut VecDeque<T>) {
    if queue.capacity() > 32 && queue.len() < queue.capacity() / 4 {
        queue.shrink_to(queue.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_at_the_end_and_between() {
        let list = [1, 3, 3, 7];
        let queue = VecDeque::from(list);
        for (item, before, upto) in [(0, 0, 0), (3, 1, 3), (5, 3, 3), (7, 3, 4), (9, 4, 4)] {
            assert_eq!((place(&list, |x| *x < item), place(&list, |x| *x <= item)), (before, upto));
            assert_eq!((place_in(&queue, |x| *x < item), place_in(&queue, |x| *x <= item)), (before, upto));
        }
        assert_eq!((place(&[], |x: &u8| *x < 1), place_in(&VecDeque::new(), |x: &u8| *x < 1)), (0, 0));
    }

    #[test]
    fn room_is_made_for_one_and_then_for_half_as_many() {
        let mut list: Vec<u64> = Vec::new();
        let mut queue = VecDeque::new();
        let (mut rooms, mut queue_rooms) = (Vec::new(), Vec::new());
        for item in 0..10 {
            push(&mut list, item);
            rooms.push(list.capacity());
            push_back(&mut queue, item);
            queue_rooms.push(queue.capacity());
        }
        assert_eq!((&list, &rooms), (&Vec::from(queue), &queue_rooms));
        assert_eq!(list, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(rooms, [1, 2, 4, 4, 7, 7, 7, 11, 11, 11]);
    }
}
