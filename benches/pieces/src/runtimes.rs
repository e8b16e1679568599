//! The least whole: spawning and joining on a `current_thread` runtime, ours and tokio's in the same words.

use divan::Bencher;
use divan::counter::ItemsCount;

/// Tasks spawned before the first is awaited.
const TASKS: usize = 1_000;

macro_rules! current_thread {
    ($name:ident) => {
        mod $name {
            use super::*;
            use ::$name::runtime::{Builder, Runtime};

            fn runtime() -> Runtime {
                Builder::new_current_thread().build().expect("a runtime")
            }

            /// One task, awaited at once.
            #[divan::bench]
            fn spawn_and_join(bencher: Bencher<'_, '_>) {
                let runtime = runtime();
                bencher
                    .bench_local(|| runtime.block_on(async { ::$name::spawn(async { 1 }).await.expect("no panic") }));
            }

            /// Many tasks, then their handles: divided by their number in the line of items.
            #[divan::bench]
            fn spawn_and_join_many(bencher: Bencher<'_, '_>) {
                let runtime = runtime();
                bencher.counter(ItemsCount::new(TASKS)).bench_local(|| {
                    runtime.block_on(async {
                        let handles: Vec<_> = (0..TASKS).map(|_| ::$name::spawn(async {})).collect();
                        for handle in handles {
                            handle.await.expect("no panic");
                        }
                    });
                });
            }

            /// An empty future: what entering and leaving the runtime costs.
            #[divan::bench]
            fn block_on_nothing(bencher: Bencher<'_, '_>) {
                let runtime = runtime();
                bencher.bench_local(|| runtime.block_on(async {}));
            }

            #[divan::bench]
            fn yield_now(bencher: Bencher<'_, '_>) {
                let runtime = runtime();
                bencher.counter(ItemsCount::new(TASKS)).bench_local(|| {
                    runtime.block_on(async {
                        let task = ::$name::spawn(async {
                            for _ in 0..TASKS {
                                ::$name::task::yield_now().await;
                            }
                        });
                        task.await.expect("no panic");
                    });
                });
            }
        }
    };
}

current_thread!(freewheel);
current_thread!(tokio);
