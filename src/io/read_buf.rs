//! `ReadBuf`: a buffer that knows how much of it is filled and how much was ever initialised.
//!
//! ```text
//!  [            capacity               ]
//!  [ filled |        unfilled          ]
//!  [     initialized     | uninit      ]
//! ```
//!
//! Invariants: `filled <= initialized <= memory.len()`, and the first `initialized` bytes of `memory` hold values.
//! Every unsafe block of `io` is in this file, and each rests on these:
//! * **R1** bytes below `initialized` are initialised;
//! * **R2** nobody de-initialises them: `memory` is handed out as `MaybeUninit` only by `unsafe` functions.

use bytes::BufMut;
use bytes::buf::UninitSlice;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::task::{Poll, ready};

/// The buffer that [`AsyncRead::poll_read`](super::AsyncRead::poll_read) fills.
///
/// It may be made of memory that was never written, and saves the reader from zeroing what it will overwrite anyway.
/// Three parts: `filled` (data), initialised but not filled, and never initialised.
///
/// # Examples
/// ```
/// use freewheel::io::ReadBuf;
///
/// let mut memory = [0; 8];
/// let mut buf = ReadBuf::new(&mut memory);
/// buf.put_slice(b"abc");
/// buf.initialize_unfilled()[0] = b'd';
/// buf.advance(1);
/// assert_eq!(buf.filled(), b"abcd");
/// assert_eq!((buf.capacity(), buf.remaining()), (8, 4));
/// ```
pub struct ReadBuf<'a> {
    memory: &'a mut [MaybeUninit<u8>],
    filled: usize,
    initialized: usize,
}

impl<'a> ReadBuf<'a> {
    /// A buffer over memory that is initialised; nothing is filled.
    #[inline]
    pub fn new(memory: &'a mut [u8]) -> Self {
        let initialized = memory.len();
        let memory: *mut [u8] = memory;
        // SAFETY: `u8` and `MaybeUninit<u8>` have one layout, and the exclusive borrow for 'a goes over. Through the new
        // type somebody could write uninitialised bytes that the owner of `memory` reads later: R2 rules that out.
        let memory = unsafe { &mut *(memory as *mut [MaybeUninit<u8>]) };
        Self { memory, filled: 0, initialized }
    }

    /// A buffer over memory that need not be initialised; nothing is filled.
    #[inline]
    pub fn uninit(memory: &'a mut [MaybeUninit<u8>]) -> Self {
        Self { memory, filled: 0, initialized: 0 }
    }

    /// The size of the whole buffer in bytes.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// The number of bytes that can still be filled.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.memory.len() - self.filled
    }

    /// The data.
    #[inline]
    pub fn filled(&self) -> &[u8] {
        // SAFETY: R1, and `filled <= initialized`.
        unsafe { assume_bytes(&self.memory[..self.filled]) }
    }

    /// The data, to be changed.
    #[inline]
    pub fn filled_mut(&mut self) -> &mut [u8] {
        // SAFETY: R1, and `filled <= initialized`.
        unsafe { assume_bytes_mut(&mut self.memory[..self.filled]) }
    }

    /// What is known to be initialised: the data and what comes after it.
    #[inline]
    pub fn initialized(&self) -> &[u8] {
        // SAFETY: R1.
        unsafe { assume_bytes(&self.memory[..self.initialized]) }
    }

    /// What is known to be initialised, to be changed.
    #[inline]
    pub fn initialized_mut(&mut self) -> &mut [u8] {
        // SAFETY: R1.
        unsafe { assume_bytes_mut(&mut self.memory[..self.initialized]) }
    }

    /// A buffer over the first `n` unfilled bytes, or all if there are fewer. This one does not move: follow up with
    /// [`advance`](Self::advance), and with [`assume_init`](Self::assume_init) before it if needed.
    #[inline]
    pub fn take(&mut self, n: usize) -> ReadBuf<'_> {
        let end = self.filled + self.remaining().min(n);
        let initialized = self.initialized.clamp(self.filled, end) - self.filled;
        ReadBuf { memory: &mut self.memory[self.filled..end], filled: 0, initialized }
    }

    /// The whole memory.
    ///
    /// # Safety
    /// The caller must not write uninitialised bytes over initialised ones.
    #[inline]
    pub unsafe fn inner_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        self.memory
    }

    /// The unfilled part.
    ///
    /// # Safety
    /// The caller must not write uninitialised bytes over initialised ones.
    #[inline]
    pub unsafe fn unfilled_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        &mut self.memory[self.filled..]
    }

    /// The unfilled part; what was never initialised of it is zeroed.
    #[inline]
    pub fn initialize_unfilled(&mut self) -> &mut [u8] {
        self.initialize_unfilled_to(self.remaining())
    }

    /// The first `n` unfilled bytes; what was never initialised of them is zeroed.
    ///
    /// # Panics
    /// If `n` is more than [`remaining`](Self::remaining).
    #[inline]
    #[track_caller]
    pub fn initialize_unfilled_to(&mut self, n: usize) -> &mut [u8] {
        let remaining = self.remaining();
        assert!(n <= remaining, "cannot initialise {n} unfilled bytes: the ReadBuf has room for {remaining} more");
        let end = self.filled + n;
        if self.initialized < end {
            self.memory[self.initialized..end].fill(MaybeUninit::new(0));
            self.initialized = end;
        }
        // SAFETY: R1, and `end <= initialized` by the lines above.
        unsafe { assume_bytes_mut(&mut self.memory[self.filled..end]) }
    }

    /// Forgets the data; the memory stays as it is.
    #[inline]
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Counts `n` more bytes as filled.
    ///
    /// # Panics
    /// If they are not known to be initialised.
    #[inline]
    #[track_caller]
    pub fn advance(&mut self, n: usize) {
        let filled = self.filled.checked_add(n).expect("the filled part of a ReadBuf would overflow");
        self.set_filled(filled);
    }

    /// Sets how many bytes are filled: more or fewer than before.
    ///
    /// # Panics
    /// If `n` is beyond what is known to be initialised.
    #[inline]
    #[track_caller]
    pub fn set_filled(&mut self, n: usize) {
        let initialized = self.initialized;
        assert!(n <= initialized, "filled must not pass what is initialised: {n} of {initialized} bytes");
        self.filled = n;
    }

    /// Counts the first `n` unfilled bytes as initialised.
    ///
    /// # Safety
    /// They must be.
    #[inline]
    pub unsafe fn assume_init(&mut self, n: usize) {
        self.initialized = self.initialized.max(self.filled + n);
    }

    /// Lets `read` fill at most `limit` of the unfilled bytes and counts them as filled. Gives their number.
    pub(crate) fn poll_within(
        &mut self,
        limit: usize,
        read: impl FnOnce(&mut ReadBuf<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<usize>> {
        let mut part = self.take(limit);
        let start = part.memory.as_ptr();
        ready!(read(&mut part))?;
        assert!(std::ptr::eq(start, part.memory.as_ptr()), "poll_read replaced the ReadBuf that it was given");
        let (filled, initialized) = (part.filled, part.initialized);
        // SAFETY: the part lies over our first unfilled bytes (its start is the same), and says that it has initialised
        // so many (R1).
        unsafe { self.assume_init(initialized) };
        self.advance(filled);
        Poll::Ready(Ok(filled))
    }

    /// Fills itself from a socket, without zeroing first what the system will overwrite. Gives the number of bytes.
    pub(crate) fn receive(&mut self, socket: &socket2::Socket) -> io::Result<usize> {
        // SAFETY: `recv` writes nothing but bytes that it has received (R2).
        let unfilled = unsafe { self.unfilled_mut() };
        let amount = socket.recv(unfilled)?;
        // SAFETY: it has written so many, from the start.
        unsafe { self.assume_init(amount) };
        self.advance(amount);
        Ok(amount)
    }

    /// Appends a copy of `bytes`.
    ///
    /// # Panics
    /// If there is no room for all of them.
    #[inline]
    #[track_caller]
    pub fn put_slice(&mut self, bytes: &[u8]) {
        let remaining = self.remaining();
        assert!(bytes.len() <= remaining, "{} bytes do not fit: the ReadBuf has room for {remaining}", bytes.len());
        let end = self.filled + bytes.len();
        // SAFETY: one layout, and initialised bytes may be read as `MaybeUninit`.
        let source = unsafe { &*(bytes as *const [u8] as *const [MaybeUninit<u8>]) };
        self.memory[self.filled..end].copy_from_slice(source);
        self.filled = end;
        self.initialized = self.initialized.max(end);
    }
}

impl fmt::Debug for ReadBuf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBuf")
            .field("filled", &self.filled)
            .field("initialized", &self.initialized)
            .field("capacity", &self.capacity())
            .finish()
    }
}

// SAFETY: `remaining_mut` and `chunk_mut` speak of the same unfilled part, and `chunk_mut` is empty only when nothing
// remains. `advance_mut`'s caller vouches for having initialised what it advances over.
unsafe impl BufMut for ReadBuf<'_> {
    fn remaining_mut(&self) -> usize {
        self.remaining()
    }

    unsafe fn advance_mut(&mut self, n: usize) {
        // SAFETY: the caller has initialised the next `n` bytes: it is the contract of `advance_mut`.
        unsafe { self.assume_init(n) };
        self.advance(n);
    }

    fn chunk_mut(&mut self) -> &mut UninitSlice {
        let filled = self.filled;
        UninitSlice::uninit(&mut self.memory[filled..])
    }
}

/// Views initialised memory as bytes.
///
/// # Safety
/// All of `memory` must be initialised.
unsafe fn assume_bytes(memory: &[MaybeUninit<u8>]) -> &[u8] {
    // SAFETY: one layout, and the caller vouches for the values.
    unsafe { &*(memory as *const [MaybeUninit<u8>] as *const [u8]) }
}

/// Views initialised memory as bytes that can be changed.
///
/// # Safety
/// All of `memory` must be initialised.
unsafe fn assume_bytes_mut(memory: &mut [MaybeUninit<u8>]) -> &mut [u8] {
    // SAFETY: one layout, the caller vouches for the values, and bytes written through it are initialised.
    unsafe { &mut *(memory as *mut [MaybeUninit<u8>] as *mut [u8]) }
}

/// Lets `read` fill at most `limit` bytes of `target`'s spare room and appends them. Gives their number.
///
/// The room is `target`'s next chunk: a `Vec` makes some if it has none; the caller checks that there is any.
pub(crate) fn append<B: BufMut + ?Sized>(
    target: &mut B,
    limit: usize,
    read: impl FnOnce(&mut ReadBuf<'_>) -> Poll<io::Result<()>>,
) -> Poll<io::Result<usize>> {
    let chunk = target.chunk_mut();
    // SAFETY: the memory goes into a `ReadBuf` only, which never de-initialises (R2).
    let memory = unsafe { chunk.as_uninit_slice_mut() };
    let end = memory.len().min(limit);
    let mut buf = ReadBuf::uninit(&mut memory[..end]);
    let start = buf.memory.as_ptr();

    ready!(read(&mut buf))?;

    // The reader had `&mut ReadBuf` and could have put another one in its place, which says nothing of our memory.
    assert!(std::ptr::eq(start, buf.memory.as_ptr()), "poll_read replaced the ReadBuf that it was given");
    let amount = buf.filled;
    // SAFETY: `amount` bytes from `start` are filled, so initialised (R1), and they lie within `chunk`.
    unsafe { target.advance_mut(amount) };
    Poll::Ready(Ok(amount))
}

/// As [`append`], for a call that does not wait. A `target` without room reads as 0 bytes.
pub(crate) fn read_into<B: BufMut + ?Sized>(
    target: &mut B,
    read: impl FnOnce(&mut ReadBuf<'_>) -> io::Result<usize>,
) -> io::Result<usize> {
    if !target.has_remaining_mut() {
        return Ok(0);
    }
    match append(target, usize::MAX, |buf| Poll::Ready(read(buf).map(drop))) {
        Poll::Ready(result) => result,
        Poll::Pending => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_parts_follow_each_other() {
        let mut memory = [MaybeUninit::uninit(); 8];
        let mut buf = ReadBuf::uninit(&mut memory);
        assert_eq!((buf.capacity(), buf.remaining(), buf.initialized().len()), (8, 8, 0));
        buf.put_slice(b"ab");
        assert_eq!(buf.initialize_unfilled_to(3), [0, 0, 0]);
        assert_eq!((buf.filled(), buf.initialized()), (&b"ab"[..], &b"ab\0\0\0"[..]));
        buf.advance(3);
        assert_eq!(buf.remaining(), 3);
        buf.filled_mut()[0] = b'x';
        buf.set_filled(1);
        assert_eq!((buf.filled(), buf.initialized().len()), (&b"x"[..], 5));
        buf.clear();
        assert_eq!(buf.remaining(), 8);
    }

    #[test]
    fn a_part_taken_knows_what_is_initialised() {
        let mut memory = [MaybeUninit::uninit(); 8];
        let mut buf = ReadBuf::uninit(&mut memory);
        buf.put_slice(b"abcd");
        buf.set_filled(2);
        assert_eq!(buf.take(1).initialized(), b"c");
        let mut part = buf.take(4);
        assert_eq!((part.capacity(), part.initialized()), (4, &b"cd"[..]));
        part.put_slice(b"xyz");
        // SAFETY: the part has written three bytes.
        unsafe { buf.assume_init(3) };
        buf.advance(3);
        assert_eq!(buf.filled(), b"abxyz");
    }

    #[test]
    #[should_panic(expected = "filled must not pass what is initialised")]
    fn advancing_over_uninitialised_memory_panics() {
        ReadBuf::uninit(&mut [MaybeUninit::uninit(); 2]).advance(1);
    }

    #[test]
    #[should_panic(expected = "3 bytes do not fit")]
    fn too_long_a_slice_panics() {
        ReadBuf::new(&mut [0; 2]).put_slice(b"abc");
    }

    #[test]
    fn appending_stays_within_the_limit() {
        let mut target = Vec::with_capacity(64);
        let read = |buf: &mut ReadBuf<'_>| {
            buf.initialize_unfilled().fill(7);
            buf.advance(buf.capacity());
            Poll::Ready(Ok(()))
        };
        assert!(matches!(append(&mut target, 5, read), Poll::Ready(Ok(5))));
        assert_eq!(target, [7; 5]);
    }

    #[test]
    #[should_panic(expected = "replaced the ReadBuf")]
    fn a_reader_that_swaps_the_buffer_is_caught() {
        let _ = append(&mut Vec::with_capacity(8), 8, |buf| {
            *buf = ReadBuf::new(Box::leak(Box::new([1; 8])));
            buf.set_filled(8);
            Poll::Ready(Ok(()))
        });
    }
}
