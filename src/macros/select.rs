//! `select!`: the first of several futures in one task.

/// Waits for several futures at once; when the first gives an output that its pattern matches, drops the others and runs
/// its handler.
///
/// ```text
/// select! {
///     biased;                                          // optional: poll from top to bottom
///     pattern = future => handler,
///     pattern = future, if condition => { handler }    // the comma may be missing after a block
///     else => handler,                                 // optional, last
/// }
/// ```
///
/// The value of the handler is the value of `select!`; all have one type. A handler can `.await`, and `?`, `break`,
/// `continue` and `return` in it mean the function around. Up to 64 branches.
///
/// What happens, in order:
/// 1. All conditions are evaluated; a branch whose condition is false is *disabled*.
/// 2. All `future` expressions are evaluated, those of disabled branches too; only their futures are not polled. (What
///    must not be evaluated can be wrapped: `async { option.unwrap().next().await }`.)
/// 3. The futures are polled by this task, one after the other, from a *random* branch on each time, so that one which
///    is always ready does not keep the others from their turn. With `biased;` from the top: use it when the order
///    matters, a shutdown signal before all else; then fairness is yours to see to.
/// 4. If an output matches the branch's pattern, all futures are dropped and the handler runs.
/// 5. If it does not match, the branch is disabled and the others are waited for. When all are disabled, `else` runs.
///
/// # What freewheel cannot help here
/// As with [`join!`](crate::join), all branches share **one task, so one thread**: a branch that blocks its thread stops
/// its siblings, and other threads cannot take them over. Above all, a timeout or a shutdown signal in another branch
/// does not come through until it returns. The cure: spawn what may block, and select over its handle.
///
/// # Panics
/// When all branches are disabled and there is no `else`.
///
/// # Cancel safety
/// In a loop, the branches that were not chosen are dropped each time: what a future had done until then is lost unless
/// it is *cancel safe*, or lives outside of the loop and is polled by reference (`&mut future`). The documentation of
/// each of freewheel's methods says which it is. Cancel safe are, among others, `TcpListener::accept`,
/// `AsyncReadExt::read` and `read_buf`, `AsyncWriteExt::write` and `write_buf`, `Lines::next_line`; *not* cancel safe are
/// `read_exact`, `read_to_string`, `read_line`, `write_all`.
///
/// # Examples
/// The first of two:
///
/// ```
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() {
/// let winner = freewheel::select! {
///     () = std::future::pending() => "never",
///     number = async { 7 } => {
///         assert_eq!(number, 7);
///         "ready"
///     }
/// };
/// assert_eq!(winner, "ready");
/// # }
/// ```
///
/// A loop which goes on with one future while it takes the lines of another:
///
/// ```
/// use freewheel::io::AsyncBufReadExt;
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let mut lines = (&b"one\ntwo\n"[..]).lines();
/// let work = async { 6 * 7 };
/// freewheel::pin!(work);
/// let (mut result, mut seen) = (None, 0);
/// loop {
///     freewheel::select! {
///         answer = &mut work, if result.is_none() => result = Some(answer),
///         Ok(Some(_line)) = lines.next_line() => seen += 1,
///         else => break,
///     }
/// }
/// assert_eq!((result, seen), (Some(42), 2));
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! select {
    ($($tokens:tt)*) => {
        $crate::macros::support::select! { ($crate) $($tokens)* }
    };
}
