//! `#[main]` and `#[test]`: an `async fn` becomes one that builds a runtime and blocks on the body.
//!
//! A mistake gives one message, at its place: the function is still expanded, so that no error follows from it.

use crate::arguments::{Arguments, Flavor};
use crate::crate_name;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Error, ItemFn, Path, ReturnType, Type};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Main,
    Test,
}

/// Where freewheel is, unless the `crate` argument says so.
pub(crate) fn default_crate() -> Path {
    let name = Ident::new(&crate_name::find().replace('-', "_"), Span::call_site());
    syn::parse_quote!(::#name)
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream, kind: Kind) -> TokenStream {
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            // Not a function, or one that is still being typed: keep it, for the editor's sake.
            let error = error.into_compile_error();
            return quote!(#item #error);
        }
    };
    if function.sig.asyncness.is_none() {
        let error = Error::new(function.sig.fn_token.span, "the function must be `async`").into_compile_error();
        return quote!(#error #function);
    }
    let checked = check(&function, kind).and_then(|()| Arguments::parse(arguments, kind));
    match checked {
        Ok(arguments) => expand_function(function, &arguments, kind),
        Err(error) => {
            let error = error.into_compile_error();
            let function = expand_function(without_arguments(function), &Arguments::default_for(kind), kind);
            quote!(#error #function)
        }
    }
}

fn check(function: &ItemFn, kind: Kind) -> syn::Result<()> {
    let inputs = &function.sig.inputs;
    match kind {
        Kind::Main if function.sig.ident == "main" && !inputs.is_empty() => {
            Err(Error::new(inputs.span(), "`main` cannot take arguments; `std::env::args` has those of the program"))
        }
        Kind::Test if !inputs.is_empty() => Err(Error::new(inputs.span(), "a test cannot take arguments")),
        Kind::Test => match function.attrs.iter().find(|attribute| is_test(attribute)) {
            Some(second) => {
                Err(Error::new(second.span(), "this is a test already: remove this attribute, or the one above"))
            }
            None => Ok(()),
        },
        Kind::Main => Ok(()),
    }
}

/// `#[test]`, by its short name or its full path in `core` or `std`.
fn is_test(attribute: &Attribute) -> bool {
    let names: Vec<String> = attribute.path().segments.iter().map(|segment| segment.ident.to_string()).collect();
    match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => true,
        ["core" | "std", "prelude", _, "test"] => true,
        [_, "test"] => matches!(names[0].as_str(), "freewheel" | "tokio"),
        _ => false,
    }
}

/// So that a mistake that was reported does not bring others in its wake.
fn without_arguments(mut function: ItemFn) -> ItemFn {
    if function.sig.ident == "main" {
        function.sig.inputs.clear();
    }
    function.attrs.retain(|attribute| !is_test(attribute));
    function
}

fn expand_function(mut function: ItemFn, arguments: &Arguments, kind: Kind) -> TokenStream {
    function.sig.asyncness = None;
    let Arguments { krate, .. } = arguments;
    let constructor = match arguments.flavor {
        Flavor::CurrentThread => quote!(new_current_thread()),
        Flavor::MultiThread => quote!(new_multi_thread()),
    };
    let threads = arguments.worker_threads.map(|number| quote!(.worker_threads(#number)));
    let test = (kind == Kind::Test).then(|| quote!(#[::core::prelude::v1::test]));
    let body = body(&function);
    let ItemFn { attrs, vis, sig, .. } = &function;
    let call = quote_spanned! {Span::mixed_site()=>
        #krate::runtime::Builder::#constructor
            #threads
            .enable_all()
            .build()
            .expect("the freewheel runtime could not be built")
            .block_on(body)
    };
    quote_spanned! {Span::mixed_site()=>
        #test
        #(#attrs)*
        #vis #sig {
            let body = #body;
            #[allow(clippy::expect_used, clippy::diverging_sub_expression, clippy::needless_return)]
            {
                return #call;
            }
        }
    }
}

/// The body as an `async` block which knows what it must give.
///
/// Without that, a wrong type would be reported at the attribute; so it is where the value is.
fn body(function: &ItemFn) -> TokenStream {
    let block = &function.block;
    let output: Type = match &function.sig.output {
        ReturnType::Default => syn::parse_quote_spanned!(block.span()=> ()),
        ReturnType::Type(_, output) => (**output).clone(),
    };
    if !can_be_written(&output) {
        return quote_spanned!(Span::mixed_site()=> async #block);
    }
    quote_spanned! {Span::mixed_site()=>
        async {
            #[allow(unreachable_code)]
            if let ::core::option::Option::Some(value) = ::core::option::Option::None::<#output> {
                return value;
            }
            #[allow(clippy::let_unit_value, clippy::no_effect_underscore_binding)]
            let value: #output = #block;
            #[allow(unreachable_code)]
            value
        }
    }
}

/// `impl Trait` and `!` stand in a signature only.
fn can_be_written(output: &Type) -> bool {
    fn has_impl(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(ident) => ident == "impl",
            proc_macro2::TokenTree::Group(group) => has_impl(group.stream()),
            _ => false,
        })
    }
    !matches!(output, Type::Never(_)) && !has_impl(quote!(#output))
}
