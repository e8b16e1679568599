//! Mistakes in `join!` and `try_join!`.

async fn no_results() {
    let _ = freewheel::try_join!(async { 1 });
}

async fn errors_of_two_types() {
    let _: Result<_, u8> = freewheel::try_join!(async { Err::<(), u8>(1) }, async { Err::<(), &str>("two") });
}

fn main() {}
