//! Loom models over the real sources of freewheel, mounted by `#[path]`.
