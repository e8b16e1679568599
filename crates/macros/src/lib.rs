//! The attribute macros of freewheel.
