//! `pin!`: pins values where they stand.

/// Pins futures, or other values, to the stack: each name then stands for a `Pin<&mut _>`.
///
/// Needed to poll by reference what is not `Unpin`: to await `&mut future` in a loop with [`select!`](crate::select), for
/// one. Unlike [`std::pin::pin!`], it takes names and gives them their new meaning; `let` forms are taken too.
///
/// # Examples
/// ```
/// async fn work() -> u32 {
///     7
/// }
///
/// # #[freewheel::main(flavor = "current_thread")]
/// # async fn main() {
/// let first = work();
/// freewheel::pin!(first);
/// assert_eq!((&mut first).await, 7);
///
/// freewheel::pin! {
///     let second = work();
///     let third = work();
/// }
/// assert_eq!(second.await + third.await, 14);
/// # }
/// ```
#[macro_export]
macro_rules! pin {
    ($($name:ident),* $(,)?) => {$(
        let mut $name = ::core::pin::pin!($name);
    )*};
    ($(let $name:ident = $value:expr;)*) => {$(
        let mut $name = ::core::pin::pin!($value);
    )*};
}
