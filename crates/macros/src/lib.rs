//! The macros of freewheel that need the compiler's own tokens: `#[main]`, `#[test]`, and what is behind `select!`.
//!
//! Not to be used by itself: freewheel exports all of it under the names that are documented there.
#![forbid(unsafe_code)]

mod arguments;
mod crate_name;
mod entry;
mod join;
mod pattern;
mod select;

use proc_macro::TokenStream;

/// Runs an `async fn main` on a runtime.
///
/// The function becomes an ordinary one that builds a runtime and blocks on the body. Attributes, visibility and return
/// type stay; any function can be so treated, not only `main`.
///
/// # Arguments
/// * `flavor = "multi_thread"` (unless told otherwise) or `"current_thread"`;
/// * `worker_threads = 4`: how many threads run tasks; for `multi_thread` only. Unless given, one per CPU;
/// * `crate = "path"`: where freewheel is, if your `Cargo.toml` does not tell.
///
/// # What freewheel cannot help here
/// The body is the future of a `block_on`, and no task: it stays on the calling thread, whose place nobody can take. What blocks in it
/// delays what else runs in it, such as the siblings of a `join!`. With `multi_thread` spawned tasks go on, and **no stall of
/// the body is reported**. With `current_thread` everything waits; there it is reported, if you ask for reports. So let `main`
/// do little but spawn and await: `spawn(serve()).await` in place of `serve().await` has its stalls helped and told. See
/// `Handle::block_on`.
///
/// # Panics
/// The function panics if the runtime cannot be built: the operating system refuses a thread or a descriptor.
///
/// # Examples
/// ```
/// #[freewheel::main]
/// async fn main() {
///     println!("runs on all CPUs");
/// }
/// ```
///
/// On the calling thread only, with an error to return:
///
/// ```
/// #[freewheel::main(flavor = "current_thread")]
/// async fn main() -> std::io::Result<()> {
///     println!("runs on one thread");
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(arguments.into(), item.into(), entry::Kind::Main).into()
}

/// Runs an `async fn` as a test, on a runtime of its own.
///
/// # Arguments
/// * `flavor = "current_thread"` (unless told otherwise) or `"multi_thread"`;
/// * `worker_threads = 2`: how many threads run tasks; for `multi_thread` only. Unless given, one per CPU;
/// * `crate = "path"`: where freewheel is, if your `Cargo.toml` does not tell.
///
/// # Examples
/// ```no_run
/// #[freewheel::test]
/// async fn one_and_one() {
///     assert_eq!(1 + 1, 2);
/// }
///
/// #[freewheel::test(flavor = "multi_thread", worker_threads = 2)]
/// #[should_panic]
/// async fn on_two_threads() {
///     panic!("as expected");
/// }
/// ```
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(arguments.into(), item.into(), entry::Kind::Test).into()
}

#[doc(hidden)]
#[proc_macro]
pub fn __select(input: TokenStream) -> TokenStream {
    select::expand(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

#[doc(hidden)]
#[proc_macro]
pub fn __join(input: TokenStream) -> TokenStream {
    join::expand(input.into(), join::Kind::All).unwrap_or_else(syn::Error::into_compile_error).into()
}

#[doc(hidden)]
#[proc_macro]
pub fn __try_join(input: TokenStream) -> TokenStream {
    join::expand(input.into(), join::Kind::UntilError).unwrap_or_else(syn::Error::into_compile_error).into()
}
