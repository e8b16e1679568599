//! What is behind `select!`: parses the branches, and writes the poll loop and the choice of the handler.
//!
//! Shape of what is written:
//!
//! ```text
//! {
//!     enum Selected { Branch0(..), Branch1(..), NoneLeft }
//!     let mut disabled = one bit for each precondition that is false;
//!     let selected = {
//!         futures, pinned here;                 // dropped at the end of this block, before any handler runs
//!         poll_fn(loop over the branches).await
//!     };
//!     match selected { Branch0(pattern) => handler, .. }
//! }
//! ```

use crate::join::{biased, into_future};
use crate::pattern;
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, Pat, Result, Token, token};

/// One bit each in a `u64`.
const MOST_BRANCHES: usize = 64;

/// `(path of freewheel) [biased;] branches`
struct Select {
    krate: TokenStream,
    biased: bool,
    branches: Vec<Branch>,
    otherwise: Option<TokenStream>,
}

/// `pattern = future [, if condition] => handler`
struct Branch {
    pattern: Pat,
    future: Expr,
    condition: Option<Expr>,
    handler: TokenStream,
}

impl Parse for Select {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let krate = input.parse::<Group>()?.stream();
        let mut select = Self { krate, biased: biased(input)?, branches: Vec::new(), otherwise: None };
        while !input.is_empty() {
            if let Some(word) = input.parse::<Option<Token![else]>>()? {
                input.parse::<Token![=>]>()?;
                select.otherwise = Some(handler(input)?);
                if !input.is_empty() {
                    return Err(Error::new(word.span, "`else` is the last branch of `select!`"));
                }
                break;
            }
            select.branches.push(input.parse()?);
        }
        if select.branches.is_empty() && select.otherwise.is_none() {
            return Err(Error::new(Span::call_site(), "`select!` needs at least one branch: `pattern = future => …`"));
        }
        if let Some(branch) = select.branches.get(MOST_BRANCHES) {
            let message = format!("`select!` takes at most {MOST_BRANCHES} branches");
            return Err(Error::new_spanned(&branch.pattern, message));
        }
        Ok(select)
    }
}

impl Parse for Branch {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let pattern = Pat::parse_multi_with_leading_vert(input).map_err(|error| {
            let message = format!("a branch of `select!` is `pattern = future => handler`: {error}");
            Error::new(error.span(), message)
        })?;
        if !input.peek(Token![=]) || input.peek(Token![=>]) {
            return Err(input.error("a branch of `select!` is `pattern = future => handler`: expected `=` here"));
        }
        input.parse::<Token![=]>()?;
        let future = input.parse()?;
        let condition = if input.peek(Token![,]) && input.peek2(Token![if]) {
            input.parse::<Token![,]>()?;
            input.parse::<Token![if]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        if !input.peek(Token![=>]) {
            return Err(input.error("expected `=> handler` or `, if condition => handler` after the branch's future"));
        }
        input.parse::<Token![=>]>()?;
        Ok(Self { pattern, future, condition, handler: handler(input)? })
    }
}

/// A block, after which a comma may stand; or an expression, which a comma ends.
fn handler(input: ParseStream<'_>) -> Result<TokenStream> {
    if input.peek(token::Brace) {
        // Taken as it is: what is being typed inside need not parse for an editor to help with it.
        let block = input.parse::<TokenTree>()?;
        input.parse::<Option<Token![,]>>()?;
        return Ok(block.into_token_stream());
    }
    let handler: Expr = input.parse()?;
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(quote!({ #handler }))
}

pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let Select { krate, biased, branches, otherwise } = syn::parse2(input)?;
    let here = Span::mixed_site();
    let count = branches.len();
    let otherwise = otherwise.unwrap_or_else(
        || quote_spanned!(here=> ::core::panic!("all branches are disabled and there is no else branch")),
    );
    if count == 0 {
        return Ok(otherwise);
    }
    let variants: Vec<Ident> = (0..count).map(|index| format_ident!("Branch{index}", span = here)).collect();
    let types: Vec<Ident> = (0..count).map(|index| format_ident!("T{index}", span = here)).collect();
    let patterns = branches.iter().map(|branch| &branch.pattern);
    let handlers = branches.iter().map(|branch| &branch.handler);
    let conditions = branches.iter().enumerate().filter_map(|(index, branch)| {
        let condition = branch.condition.as_ref()?;
        Some(quote_spanned!(here=> if !(#condition) { disabled |= 1u64 << #index; }))
    });
    let wait = wait(&branches, &variants, biased);
    Ok(quote_spanned! {here=> {
        use #krate::macros::support as __freewheel_support;
        #[allow(dead_code)]
        enum __FreewheelSelected<#(#types),*> {
            #(#variants(#types),)*
            NoneLeft,
        }
        #[allow(unused_mut)]
        let mut disabled = 0u64;
        #(#conditions)*
        let selected = #wait;
        #[allow(unreachable_patterns, unreachable_code)]
        match selected {
            #(__FreewheelSelected::#variants(#patterns) => #handlers)*
            __FreewheelSelected::NoneLeft => #otherwise,
            _ => ::core::unreachable!("the pattern matched a moment ago"),
        }
    }})
}

/// The block that owns the futures and polls them until one gives an output that its pattern matches.
fn wait(branches: &[Branch], variants: &[Ident], biased: bool) -> TokenStream {
    let here = Span::mixed_site();
    let count = branches.len();
    let names: Vec<Ident> = (0..count).map(|index| format_ident!("future_{index}", span = here)).collect();
    let futures = branches.iter().map(|branch| &branch.future);
    let pinned = branches.iter().zip(&names).map(|(branch, name)| {
        let into_future = into_future(&branch.future);
        quote_spanned!(here=> ::core::pin::pin!(#into_future(#name)))
    });
    let arms = branches.iter().zip(&names).zip(variants).enumerate().map(|(index, ((branch, name), variant))| {
        let pattern = pattern::by_reference(&branch.pattern);
        quote_spanned! {here=>
            #index => match ::core::future::Future::poll(#name.as_mut(), context) {
                ::core::task::Poll::Pending => waiting = true,
                #[allow(unreachable_code)]
                ::core::task::Poll::Ready(output) => {
                    // Whether it matches or not, this future is at its end.
                    disabled |= 1u64 << #index;
                    #[allow(unused_variables, unreachable_patterns, clippy::all, clippy::pedantic)]
                    let matches = match &output {
                        #pattern => true,
                        _ => false,
                    };
                    if matches {
                        return ::core::task::Poll::Ready(__FreewheelSelected::#variant(output));
                    }
                }
            }
        }
    });
    let first = if biased || count < 2 {
        quote_spanned!(here=> 0usize)
    } else {
        quote_spanned!(here=> __freewheel_support::random_below(#count))
    };
    quote_spanned! {here=> {
        #(let #names = #futures;)*
        #(let mut #names = #pinned;)*
        __freewheel_support::poll_fn(|context| {
            if __freewheel_support::poll_budget(context).is_pending() {
                return ::core::task::Poll::Pending;
            }
            #[allow(unused_mut)]
            let mut waiting = false;
            let first = #first;
            for branch in __freewheel_support::round(first, #count) {
                if disabled & (1u64 << branch) != 0 {
                    continue;
                }
                match branch {
                    #(#arms)*
                    _ => ::core::unreachable!(),
                }
            }
            if waiting {
                return ::core::task::Poll::Pending;
            }
            ::core::task::Poll::Ready(__FreewheelSelected::NoneLeft)
        })
        .await
    }}
}
