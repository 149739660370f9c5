//! Lists that nearly always stay short.
//!
//! A list of the standard library begins with room for four and doubles it. Of some hundred thousand lists with one
//! large item each, that is three quarters of what they take.

/// Puts an item at a place, and makes room for half as many again if there is none.
pub(crate) fn insert<T>(list: &mut Vec<T>, at: usize, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 2 + 1);
    }
    list.insert(at, item);
}

/// Puts an item at the end in the same way.
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) {
    insert(list, list.len(), item);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_for_one_and_then_for_half_as_many() {
        let mut list: Vec<u64> = Vec::new();
        let mut rooms = Vec::new();
        for item in 0..10 {
            push(&mut list, item);
            rooms.push(list.capacity());
        }
        assert_eq!(list, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(rooms, [1, 2, 4, 4, 7, 7, 7, 11, 11, 11]);
    }
}
