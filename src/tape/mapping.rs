//! The only memory mapping in the product.
#![expect(
    unsafe_code,
    reason = "a mapping of a file that another process could change is unsafe by nature; the \
              proofs stand at each block"
)]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, fallocate};

/// A writable window of a file, its blocks reserved.
#[derive(Debug)]
pub(super) struct Mapping {
    map: MmapRaw,
}

impl Mapping {
    /// Reserves `range` of `file` and maps it.
    ///
    /// The blocks are allocated first: touching a page that the file system has no room for
    /// would be a SIGBUS, and the end of every connection.
    pub(super) fn new(file: &File, range: Range<u64>) -> io::Result<Self> {
        let len = range.end - range.start;
        fallocate(file, FallocateFlags::empty(), range.start, len)?;
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let map = MmapOptions::new().offset(range.start).len(len).populate().map_raw(file)?;
        Ok(Self { map })
    }

    /// Size in bytes.
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// Copies `bytes` to `at`; `false`, and nothing done, if they do not fit.
    pub(super) fn copy_in(&mut self, at: usize, bytes: &[u8]) -> bool {
        if at.checked_add(bytes.len()).is_none_or(|end| end > self.map.len()) {
            return false;
        }
        // SAFETY: `at + bytes.len()` is inside the mapping (checked above) and `bytes` cannot
        // overlap it: no reference into the mapping is ever handed out, and `&mut self` makes
        // this the only writer in the process. The pages exist: their blocks were allocated
        // and the file, in a directory that only its owner may enter, is never made shorter.
        // Other processes read it by `pread` alone, and only below `committed`.
        unsafe {
            std::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                self.map.as_mut_ptr().add(at),
                bytes.len(),
            );
        }
        true
    }

    /// Stores `value` at `at` for readers in any process; what was copied in before is seen
    /// by whoever sees the value.
    pub(super) fn publish(&mut self, at: usize, value: u64) {
        debug_assert!(at.is_multiple_of(8) && at + 8 <= self.map.len());
        if !at.is_multiple_of(8) || at + 8 > self.map.len() {
            return;
        }
        // SAFETY: `at` is inside the mapping and a multiple of 8, a mapping begins at a page,
        // so the pointer is aligned for a u64; this word is only ever written here, as an
        // atomic, and read by other processes through the kernel.
        let word = unsafe { AtomicU64::from_ptr(self.map.as_mut_ptr().add(at).cast()) };
        word.store(value, Ordering::Release);
    }
}
