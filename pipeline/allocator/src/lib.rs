//! The memory allocator of the binaries: mimalloc, told to keep the memory that it has.
//!
//! What a run holds swells with every second that is taken in and shrinks when that second is closed, and the next
//! one needs as much again. Unasked, mimalloc gives pages back that were free for a second, and the kernel has to
//! find and clear others: in the closed loop of the market bench, one worker, that cost a sixth of the throughput
//! (11,405 trades a second against 13,561) and two fifths of the kernel's time. So pages are kept: resident memory
//! stays at its high-water mark.
//!
//! This is the one crate with `unsafe`: the setting has no safe binding, and its environment variable is read
//! before `main`. It does not bound memory.

use std::ffi::c_int;

/// Events are many small allocations, made on one thread and freed on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mimalloc's `mi_option_purge_delay`: after how many milliseconds free pages go back, -1 for never. The bindings
/// do not name it; a test holds the number.
const PURGE_DELAY: c_int = 15;

/// Keeps free pages from now on, unless `MIMALLOC_PURGE_DELAY` says otherwise. To be called first in `main`, while
/// there is one thread.
pub fn keep_pages() {
    if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
        // SAFETY: the option exists in the mimalloc that is linked (its version is locked, and the test reads the
        // option's default); it is one word, which no other thread reads or writes before `main` has started any.
        unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_that_of_the_purge_delay() {
        // SAFETY: reads one word.
        let delay = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(delay(), 1_000, "mimalloc 3's default, which no other option has");
        keep_pages();
        assert_eq!(delay(), -1);
    }
}
