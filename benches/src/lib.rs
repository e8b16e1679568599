//! freewheel measured beside tokio and smol.
