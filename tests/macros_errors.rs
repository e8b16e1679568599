//! What the compiler says to mistakes in our macros: the programs in `ui/`, and its words beside them.
//!
//! The words in the `.stderr` files are partly the compiler's own; `TRYBUILD=overwrite` writes them anew.

#[test]
fn mistakes_are_reported_where_they_are_and_name_the_cure() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
