//! A look at memory of this process that may change or go while one looks: asked of the system, so it never faults.
//!
//! What is read may be torn or stale. Nothing is concluded from it but what a report says, after checks of its own.

use std::mem::MaybeUninit;

/// The finest grain in which memory is mapped, in bytes.
const PAGE: usize = 4096;

/// Copies from `address` on into `buffer`; how many bytes could be read, up to the first page that is not there.
///
/// Makes nothing but system calls: it may be used in a signal handler, but for `errno`.
pub(super) fn read(address: u64, buffer: &mut [u8]) -> usize {
    let mut done = 0;
    while done < buffer.len() {
        let Some(from) = address.checked_add(done as u64).and_then(|from| usize::try_from(from).ok()) else { break };
        // Page by page: a call that meets a page which is not there may give nothing of those before it.
        let part = (PAGE - from % PAGE).min(buffer.len() - done);
        let local = libc::iovec { iov_base: buffer[done..].as_mut_ptr().cast(), iov_len: part };
        let remote = libc::iovec { iov_base: from as *mut libc::c_void, iov_len: part };
        // SAFETY: `local` is the part of `buffer` from `done` on, which holds at least `part` bytes. `remote` is followed by
        // the system alone, which refuses what is not there. The vectors outlive the call.
        let read = unsafe { libc::process_vm_readv(libc::getpid(), &raw const local, 1, &raw const remote, 1, 0) };
        let read = usize::try_from(read).unwrap_or(0);
        done += read;
        if read < part {
            break;
        }
    }
    done
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
    fn reading_stops_at_a_hole() {
        // SAFETY: a new mapping of two pages; the second is taken away again; both are this test's own.
        let map = unsafe {
            let map = libc::mmap(
                std::ptr::null_mut(),
                2 * PAGE,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(map, libc::MAP_FAILED);
            assert_eq!(libc::mprotect(map.byte_add(PAGE), PAGE, libc::PROT_NONE), 0);
            map
        };
        assert_eq!(read(map as u64 + 96, &mut vec![1; 2 * PAGE - 96]), PAGE - 96);
        // SAFETY: mapped above, and nobody refers to it.
        unsafe { libc::munmap(map, 2 * PAGE) };
    }
}
