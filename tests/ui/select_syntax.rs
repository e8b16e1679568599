//! Mistakes in the branches of `select!`.

async fn no_branch() {
    freewheel::select! {}
}

async fn no_pattern() {
    freewheel::select! { async { 1 } => {} }
}

async fn no_handler() {
    freewheel::select! { _ = async { 1 } }
}

async fn no_comma() {
    freewheel::select! {
        _ = async { 1 } => 1
        _ = async { 2 } => 2
    };
}

async fn else_is_not_last() {
    freewheel::select! {
        else => 1,
        _ = async { 2 } => 2,
    };
}

async fn no_future() {
    freewheel::select! { _ = 1 => {} }
}

async fn handlers_of_two_types() {
    freewheel::select! {
        _ = async { 1 } => 1,
        _ = async { 2 } => "two",
    };
}

async fn pattern_of_another_type() {
    freewheel::select! { Some(_) = async { 1 } => {} else => {} }
}

fn main() {}
