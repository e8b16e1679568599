//! What is behind `join!` and `try_join!`.

use proc_macro2::{Group, Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Result, Token};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    All,
    UntilError,
}

/// `(path of freewheel) [biased;] future, future, …`
struct Input {
    krate: TokenStream,
    biased: bool,
    futures: Vec<Expr>,
}

/// Eats `biased;` if it comes next.
pub(crate) fn biased(input: ParseStream<'_>) -> Result<bool> {
    let ahead = input.fork();
    if let (Ok(word), true) = (ahead.parse::<syn::Ident>(), ahead.peek(Token![;])) {
        if word == "biased" {
            input.parse::<syn::Ident>()?;
            input.parse::<Token![;]>()?;
            return Ok(true);
        }
    }
    Ok(false)
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let krate = input.parse::<Group>()?.stream();
        let biased = biased(input)?;
        let futures = Punctuated::<Expr, Token![,]>::parse_terminated(input)?.into_iter().collect();
        Ok(Self { krate, biased, futures })
    }
}

/// `IntoFuture::into_future`, placed at the expression: that is where a value that is no future is reported.
pub(crate) fn into_future(expression: &Expr) -> TokenStream {
    quote_spanned!(expression.span()=> ::core::future::IntoFuture::into_future)
}

pub(crate) fn expand(input: TokenStream, kind: Kind) -> Result<TokenStream> {
    let Input { krate, biased, futures } = syn::parse2(input)?;
    let here = Span::mixed_site();
    if futures.is_empty() {
        return Ok(match kind {
            Kind::All => quote_spanned!(here=> ()),
            Kind::UntilError => quote_spanned!(here=> ::core::result::Result::Ok(())),
        });
    }
    let count = futures.len();
    let names: Vec<_> = (0..count).map(|index| format_ident!("future_{index}", span = here)).collect();
    let indices = 0..count;
    let into_future = futures.iter().map(into_future);
    // Whoever is polled first may use up the budget of the task: so the first place goes round.
    let go_round = (!biased && count > 1).then(|| quote_spanned!(here=> first = (first + 1) % #count;));
    let (after_poll, result) = match kind {
        Kind::All => (
            names.iter().map(|_| TokenStream::new()).collect::<Vec<_>>(),
            quote_spanned!(here=> (#(#names.as_mut().take_output(),)*)),
        ),
        Kind::UntilError => (
            names
                .iter()
                .map(|name| {
                    quote_spanned! {here=>
                        if let ::core::option::Option::Some(error) = __freewheel_support::take_error(#name.as_mut()) {
                            return ::core::task::Poll::Ready(::core::result::Result::Err(error));
                        }
                    }
                })
                .collect(),
            quote_spanned!(here=> ::core::result::Result::Ok((#(__freewheel_support::take_ok(#names.as_mut()),)*))),
        ),
    };
    Ok(quote_spanned! {here=> {
        use #krate::macros::support as __freewheel_support;
        #(let #names = #futures;)*
        #(let mut #names = ::core::pin::pin!(__freewheel_support::MaybeDone::new(#into_future(#names)));)*
        #[allow(unused_mut)]
        let mut first = 0usize;
        __freewheel_support::poll_fn(move |context| {
            #[allow(unused_mut)]
            let mut waiting = false;
            for turn in __freewheel_support::round(first, #count) {
                match turn {
                    #(#indices => {
                        if #names.as_mut().poll_done(context).is_pending() {
                            waiting = true;
                        } else {
                            #after_poll
                        }
                    })*
                    _ => ::core::unreachable!(),
                }
            }
            #go_round
            if waiting {
                return ::core::task::Poll::Pending;
            }
            ::core::task::Poll::Ready(#result)
        })
        .await
    }})
}
