//! The bench target `micro`: everything is in `benches/pieces`, where the library's private parts can be reached.

fn main() {
    freewheel_pieces::main();
}
