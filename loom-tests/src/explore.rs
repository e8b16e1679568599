//! How a model is run: bounded, to completion, and failing on any panic, even one that the code under test caught.

use std::cell::Cell;
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};

use crate::primitives::{clock, ids, thread};

/// What a file of models offers: each model's name and body.
pub type Models = &'static [(&'static str, fn())];

/// Declares models: functions, and a constant `MODELS` that lists them under `subject::name`.
macro_rules! models {
    ($subject:literal; $($(#[$attribute:meta])* fn $name:ident() $body:block)*) => {
        $($(#[$attribute])* fn $name() $body)*

        pub const MODELS: $crate::explore::Models = &[$((concat!($subject, "::", stringify!($name)), $name as fn())),*];
    };
}
pub(crate) use models;

/// A model that has taken so much of a core and not ended is too large, and counts as failed.
const LIMIT: Duration = Duration::from_secs(120);

/// How many interleavings lie between two looks at the time.
const LOOK_EVERY: u64 = 256;

std::thread_local! {
    static PANICKED: Cell<bool> = const { Cell::new(false) };
    static ITERATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Runs `body` under every interleaving with at most two preemptions (`LOOM_MAX_PREEMPTIONS` overrides).
///
/// # Panics
/// When an assertion of the model or of loom fails; when any thread panics at all, also where the code under test catches
/// it, as the task cell does; when the model does not get to its end: too many branches, or too long.
pub fn model(body: impl Fn() + Send + Sync + 'static) {
    bounded(2, body);
}

/// [`model`] with at most `preemptions` preemptions, for what is cheap enough for three, or needs only one.
pub fn bounded(preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    watch_for_panics();
    PANICKED.set(false);
    ITERATIONS.set(0);
    let begun = spent();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = builder.max_branches.max(20_000);
    // Neither limit may cut a model short: loom would call that a success.
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.check(move || {
        clock::reset();
        ids::reset();
        thread::reset();
        ITERATIONS.set(ITERATIONS.get() + 1);
        body();
        assert!(!PANICKED.get(), "a thread of the model panicked (see above), and something caught it");
        if ITERATIONS.get() % LOOK_EVERY == 0 {
            assert!(spent() - begun < LIMIT, "the model did not get to its end within {LIMIT:?}: split it");
        }
    });
    assert!(!PANICKED.get(), "a thread of the model panicked (see above), and something caught it");
}

/// How much of a core this thread has had, where the system tells; else how much time has passed. A machine that does much
/// else fails no model.
pub fn spent() -> Duration {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let on_core = line.split(' ').next().and_then(|nanos| nanos.parse().ok());
    on_core.map_or_else(|| ORIGIN.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}

/// How many interleavings the last model of this thread went through.
pub fn iterations() -> u64 {
    ITERATIONS.get()
}

/// Loom runs a whole model on one thread of the system, so a thread-local tells which model a panic belongs to.
fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICKED.set(true);
            report(panic);
        }));
    });
}
