//! `try_join!`: several futures at once in one task, until one fails.

/// Waits for several futures at once: for all of them to succeed, or the first to fail.
///
/// Gives `Ok` with a tuple of all values in the order written, or the first `Err`; the other futures are dropped then.
/// All errors must be of one type.
///
/// The futures are polled by this task, **one after the other on one thread**. See [`join!`](crate::join), also for
/// `biased;`.
///
/// # What freewheel cannot help here
/// If one of the futures blocks its thread, its siblings stand still until it comes back, and an error of theirs is not
/// seen until then. The cure: spawn what may block, and join the handles.
///
/// # Cancel safety
/// Cancel safe if all the futures are: dropping it drops them.
///
/// # Examples
/// ```
/// async fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
///     text.parse()
/// }
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(freewheel::try_join!(parse("1"), parse("2")), Ok((1, 2)));
///
/// async fn never() -> Result<u32, std::num::ParseIntError> {
///     std::future::pending().await
/// }
/// assert!(freewheel::try_join!(never(), parse("two")).is_err());
/// # }
/// ```
#[macro_export]
macro_rules! try_join {
    ($($tokens:tt)*) => {
        $crate::macros::support::try_join! { ($crate) $($tokens)* }
    };
}
