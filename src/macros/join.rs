//! `join!`: several futures at once in one task.

/// Waits for several futures at once and gives all their outputs, as a tuple in the order written.
///
/// The futures are polled by this task, **one after the other on one thread**: they wait at the same time, but do not run
/// at the same time.
///
/// To share the task's time fairly, each poll begins with another future. `join!(biased; a, b)` always begins with the
/// first; then one that is always ready can keep the later ones waiting.
///
/// If the outputs are `Result`s and the first error should end the others, use [`try_join!`](crate::try_join).
///
/// # What freewheel cannot help here
/// If one of the futures blocks its thread, its siblings stand still until it comes back: only whole tasks go on elsewhere.
/// The stall is reported, with the name and place of this task, the one that was spawned. The cure: spawn what may block,
/// or what should use several CPUs, and join the handles, as in the second example.
///
/// # Cancel safety
/// Cancel safe if all the futures are: dropping it drops them.
///
/// # Examples
/// ```
/// async fn add(a: u32, b: u32) -> u32 {
///     a + b
/// }
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() {
/// let (three, seven) = freewheel::join!(add(1, 2), add(3, 4));
/// assert_eq!((three, seven), (3, 7));
/// # }
/// ```
///
/// On several threads:
///
/// ```
/// # #[freewheel::main]
/// # async fn main() {
/// let first = freewheel::spawn(async { 1 });
/// let second = freewheel::spawn(async { 2 });
/// let (first, second) = freewheel::join!(first, second);
/// assert_eq!(first.unwrap() + second.unwrap(), 3);
/// # }
/// ```
#[macro_export]
macro_rules! join {
    ($($tokens:tt)*) => {
        $crate::macros::support::join! { ($crate) $($tokens)* }
    };
}
