//! Adapters that let runtime-agnostic crates run on freewheel.
