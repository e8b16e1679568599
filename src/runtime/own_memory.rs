//! A look at memory of this process that may change or go while one looks: asked of the system, so it never faults.
//!
//! What is read may be torn or stale. Nothing is concluded from it but what a report says, after checks of its own.

use std::mem::MaybeUninit;
use std::ptr;

/// The finest grain in which memory is mapped, in bytes.
const PAGE: usize = 4096;

/// How many pages one call asks for. Their list lies on the stack, which in a signal handler may be short.
const BATCH: usize = 32;

/// Copies from `address` on into `buffer`; how many bytes could be read, up to the first page that is not there.
///
/// Makes nothing but system calls, few of them: it may be used in a signal handler, but for `errno`.
pub(super) fn read(address: u64, buffer: &mut [u8]) -> usize {
    // SAFETY: takes nothing and cannot fail.
    let process = unsafe { libc::getpid() };
    let mut done = 0;
    while done < buffer.len() {
        let Some(from) = address.checked_add(done as u64).and_then(|from| usize::try_from(from).ok()) else { break };
        let (pages, count, length) = pages(from, buffer.len() - done);
        let local = libc::iovec { iov_base: buffer[done..].as_mut_ptr().cast(), iov_len: length };
        // SAFETY: `local` is the part of `buffer` from `done` on, of which `pages` left at least `length` bytes. What the first
        // `count` of `pages` name is followed by the system alone, which refuses what is not there. All outlive the call.
        let read =
            unsafe { libc::process_vm_readv(process, &raw const local, 1, pages.as_ptr(), count as libc::c_ulong, 0) };
        let read = usize::try_from(read).unwrap_or(0);
        done += read;
        if read < length {
            break;
        }
    }
    done
}

/// The pages from `from` on, for `most` bytes or as many as fit into the list; how many they are, and how many bytes. Each
/// stands for itself there: of one entry across several pages nothing is given if one of them is not there.
fn pages(mut from: usize, most: usize) -> ([libc::iovec; BATCH], usize, usize) {
    let mut pages = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; BATCH];
    let (mut count, mut length) = (0, 0);
    while count < BATCH && length < most {
        let part = (PAGE - from % PAGE).min(most - length);
        pages[count] = libc::iovec { iov_base: from as *mut libc::c_void, iov_len: part };
        (count, length) = (count + 1, length + part);
        match from.checked_add(part) {
            Some(next) => from = next,
            // The end of all addresses.
            None => break,
        }
    }
    (pages, count, length)
}

/// The bytes at `address` as a value of plain numbers.
pub(super) fn read_value<T: Plain>(address: u64) -> Option<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: the bytes of `value`, initialized by `zeroed`, for as long as the slice lives.
    let bytes = unsafe { std::slice::from_raw_parts_mut(value.as_mut_ptr().cast::<u8>(), size_of::<T>()) };
    let whole = read(address, bytes) == size_of::<T>();
    // SAFETY: any bytes are a value of a `Plain` type, and all of them are initialized.
    whole.then(|| unsafe { value.assume_init() })
}

/// The text at `address` up to its zero byte, if it has one within the most bytes a path has.
pub(super) fn read_text(address: u64) -> Option<String> {
    let mut bytes = [0; libc::PATH_MAX as usize];
    let length = read(address, &mut bytes);
    let text = bytes[..length].split(|&byte| byte == 0).next()?;
    (!text.is_empty() && text.len() < length).then(|| String::from_utf8_lossy(text).into_owned())
}

/// Types of which any bytes are a value, and which have no bytes between their fields.
///
/// # Safety
/// That is what an implementation promises.
pub(super) unsafe trait Plain: Copy {}

// SAFETY: three integers, eight bytes together, without a gap.
unsafe impl Plain for libc::pollfd {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_read_and_what_is_not_there_is_refused() {
        let text = c"a path";
        assert_eq!(read_text(text.as_ptr() as u64).as_deref(), Some("a path"));
        assert_eq!(read_text(8), None);
        let polled = libc::pollfd { fd: 7, events: 1, revents: 0 };
        assert_eq!(read_value::<libc::pollfd>(&raw const polled as u64).unwrap().fd, 7);
        assert_eq!(read(u64::MAX - 3, &mut [0; 16]), 0);
    }

    #[test]
    fn reading_stops_at_a_hole_and_goes_on_beyond_one_batch() {
        const PAGES: usize = 3 * BATCH;
        const WHOLE: usize = 2 * BATCH + 5;
        // SAFETY: a new mapping, of which a page is taken away again; both are this test's own.
        let map = unsafe {
            let map = libc::mmap(
                std::ptr::null_mut(),
                PAGES * PAGE,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(map, libc::MAP_FAILED);
            assert_eq!(libc::mprotect(map.byte_add(WHOLE * PAGE), PAGE, libc::PROT_NONE), 0);
            map
        };
        let mut bytes = vec![1; PAGES * PAGE - 96];
        assert_eq!(read(map as u64 + 96, &mut bytes), WHOLE * PAGE - 96);
        assert!(bytes[..WHOLE * PAGE - 96].iter().all(|&byte| byte == 0) && bytes[WHOLE * PAGE - 96..].contains(&1));
        assert_eq!(read(map as u64, &mut bytes[..BATCH * PAGE]), BATCH * PAGE);
        // SAFETY: mapped above, and nobody refers to it.
        unsafe { libc::munmap(map, PAGES * PAGE) };
    }
}
