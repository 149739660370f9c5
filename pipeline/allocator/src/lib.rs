//! The memory allocator of the binaries: mimalloc, asked for plain memory, and told to keep what it has.
//!
//! What a run holds swells with every second that is taken in and shrinks when that second is closed, and the next
//! one needs as much again. Unasked, mimalloc gives pages back that were free for a second, and the kernel has to
//! find and clear others: in the closed loop of the market bench, one worker, that cost a sixth of the throughput
//! (11,405 trades a second against 13,561) and two fifths of the kernel's time. So pages are kept: resident memory
//! stays at its high-water mark. And unasked it looks through all pages of a thread again and again, which with
//! gigabytes of them takes milliseconds: a p99 of 3.9 ms where it is 3.6 without, at 10,000 trades a second.
//!
//! The crate `mimalloc` asks for alignment always, and mimalloc 3 then adds it to every size that is not a power of
//! two: 48 bytes take a block of 64, and not by the short way. Plain memory is aligned to sixteen bytes by itself,
//! which is enough for nearly everything.
//!
//! This is the one crate with `unsafe`: an allocator cannot be without, and the settings have no safe binding (their
//! environment variables are read before `main`). It does not bound memory.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{c_int, c_long};

use libmimalloc_sys as mi;

/// Events are many small allocations, made on one thread and freed on another.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// mimalloc's `MI_MAX_ALIGN_SIZE`: so far plain memory is aligned by itself, if it is no smaller than that.
const ALIGNED: usize = 16;

/// True if plain memory of this size is aligned enough.
const fn is_plain(size: usize, align: usize) -> bool {
    align <= ALIGNED && align <= size
}

// SAFETY: each call goes to the function of mimalloc that does what the method promises. What they give is aligned: the
// plain ones by `is_plain`, the others because they are told. All of them give memory that `mi_free` takes and that
// either realloc may move, and null if there is none.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: any size and any power of two.
        unsafe {
            if is_plain(size, align) { mi::mi_malloc(size) } else { mi::mi_malloc_aligned(size, align) }
        }
        .cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: any size and any power of two.
        unsafe {
            if is_plain(size, align) { mi::mi_zalloc(size) } else { mi::mi_zalloc_aligned(size, align) }
        }
        .cast()
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, _: Layout) {
        // SAFETY: the caller has it from here, and gives it back once.
        unsafe { mi::mi_free(memory.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (memory, align) = (memory.cast(), layout.align());
        // SAFETY: the caller has it from here, and not given it back.
        let moved = unsafe {
            if is_plain(size, align) {
                mi::mi_realloc(memory, size)
            } else {
                mi::mi_realloc_aligned(memory, size, align)
            }
        };
        moved.cast()
    }
}

/// An option of mimalloc. The bindings do not name them; a test holds the numbers.
struct Setting {
    number: c_int,
    /// Says otherwise if it is set.
    variable: &'static str,
    value: c_long,
}

const SETTINGS: [Setting; 2] = [
    // After how many milliseconds free pages go back: never.
    Setting { number: 15, variable: "MIMALLOC_PURGE_DELAY", value: -1 },
    // After how many allocations that take the long way all pages are looked through: mimalloc's most.
    Setting { number: 34, variable: "MIMALLOC_GENERIC_COLLECT", value: 1_000_000 },
];

/// Keeps pages from now on, unless the environment says otherwise. To be called first in `main`, while there is one
/// thread.
pub fn keep_pages() {
    for Setting { number, variable, value } in SETTINGS {
        if std::env::var_os(variable).is_none() {
            // SAFETY: the option exists in the mimalloc that is linked (its version is locked, and the test reads the
            // options' defaults); it is one word, which no other thread reads or writes before `main` has started any.
            unsafe { mi::mi_option_set(number, value) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_options() {
        // SAFETY: reads one word.
        let values = || SETTINGS.map(|setting| unsafe { mi::mi_option_get(setting.number) });
        assert_eq!(values(), [1_000, 10_000], "mimalloc 3's defaults, which no other options have");
        keep_pages();
        assert_eq!(values(), [-1, 1_000_000]);
    }

    /// Every size up to some pages with every alignment, many of each at once, so that they do not all stand first on
    /// their pages.
    #[test]
    fn memory_is_aligned_keeps_what_is_in_it_and_is_zero_where_asked() {
        for size in (1..=300).chain((304..5_000).step_by(97)).chain([70_000, 3_000_000]) {
            for align in (0..9).map(|power| 1 << power) {
                let (layout, larger) = (Layout::from_size_align(size, align).unwrap(), size * 2 + 1);
                let grown = Layout::from_size_align(larger, align).unwrap();
                // SAFETY: within its size, and given back as what it has become.
                unsafe {
                    let zeroed: Vec<_> = (0..5).map(|_| ALLOCATOR.alloc_zeroed(layout)).collect();
                    for memory in zeroed {
                        assert_eq!(memory.addr() % align, 0, "{layout:?}");
                        let bytes = std::slice::from_raw_parts_mut(memory, size);
                        assert!(bytes.iter().all(|byte| *byte == 0), "{layout:?}");
                        bytes.fill(7);
                        let memory = ALLOCATOR.realloc(memory, layout, larger);
                        assert_eq!(memory.addr() % align, 0, "{grown:?}");
                        assert!(std::slice::from_raw_parts(memory, size).iter().all(|byte| *byte == 7));
                        ALLOCATOR.dealloc(memory, grown);
                    }
                    let plain: Vec<_> = (0..5).map(|_| ALLOCATOR.alloc(layout)).collect();
                    for memory in plain {
                        assert_eq!(memory.addr() % align, 0, "{layout:?}");
                        ALLOCATOR.dealloc(memory, layout);
                    }
                }
            }
        }
    }
}
