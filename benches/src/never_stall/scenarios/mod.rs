//! The scenarios: what happens, what is measured of it, and what freewheel means to reach.

use std::time::Duration;

use super::child::Values;
use super::contenders::{Contender, Setup};
use super::costs;

mod attention;
mod clean;
mod descriptors;
mod idle;
mod limits;
mod many;
mod resolving;
mod stage;
mod turning;

/// Worker threads of each contender.
pub(super) const WORKERS: usize = 2;

/// One line of the outcome.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// Freewheel's target in words.
    pub(super) target: &'static str,
    /// The target as bounds on figures, in their units (times in nanoseconds).
    pub(super) bounds: &'static [(&'static str, f64)],
    /// The figures that stand in the README.
    pub(super) headline: &'static [&'static str],
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sleepers,
    AfterIo,
    WakesThenWaits,
    Barrier,
    HeldLock,
    Hogs,
    Nested,
    Pipes,
    Thousand,
    ManyShort,
    Idle,
    Cap,
    Refused,
    FalseReports,
    /// So many blockers ahead of a good task; and whether the runtime was told of them.
    Ahead(usize, Limits),
    Descriptors,
    Shutdown,
    Attention,
    ReactorThread,
    /// A row of the comparison, with the hand-off and without.
    Cost(&'static str),
}

/// Whether a runtime's limit of threads was raised to what the scenario needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limits {
    Default,
    Raised,
}

const MS: f64 = 1e6;

const fn scenario(
    name: &'static str,
    target: &'static str,
    bounds: &'static [(&'static str, f64)],
    headline: &'static [&'static str],
    kind: Kind,
) -> Scenario {
    Scenario { name, target, bounds, headline, kind }
}

/// By what share T9 is slower than without hand-offs.
pub(super) const SLOWER: &str = "slower than without";

const WORST: &[&str] = &["worst p99.9", "worst max"];

const fn ahead(name: &'static str, target: &'static str, bounds: &'static [(&'static str, f64)], k: usize) -> Scenario {
    scenario(name, target, bounds, &["worst max"], Kind::Ahead(k, Limits::Raised))
}

const fn cost(
    name: &'static str,
    target: &'static str,
    bounds: &'static [(&'static str, f64)],
    row: &'static str,
) -> Scenario {
    scenario(name, target, bounds, &["hand-off on", "hand-off off"], Kind::Cost(row))
}

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        "T1 both workers' tasks sleep 1 s in a loop",
        "p99.9 ≤ 5 ms, max ≤ 10 ms",
        &[("worst p99.9", 5.0 * MS), ("worst max", 10.0 * MS)],
        WORST,
        Kind::Sleepers,
    ),
    scenario(
        "T2 tasks that I/O has just woken block for 200 ms",
        "p99.9 ≤ 5 ms, max ≤ 10 ms",
        &[("worst p99.9", 5.0 * MS), ("worst max", 10.0 * MS)],
        WORST,
        Kind::AfterIo,
    ),
    scenario(
        "T3 a task wakes another, then blocks until that has run",
        "≤ 3 ms",
        &[("resolved max", 3.0 * MS)],
        &["resolved p50", "resolved max"],
        Kind::WakesThenWaits,
    ),
    scenario(
        "T4 four tasks meet at a std barrier",
        "completes",
        &[("resolved max", 1000.0 * MS)],
        &["resolved p50", "resolved max"],
        Kind::Barrier,
    ),
    scenario(
        "T4 a lock held across a sleep of 20 ms while all workers wait for it",
        "completes",
        &[("resolved max", 1000.0 * MS)],
        &["resolved p50", "resolved max"],
        Kind::HeldLock,
    ),
    scenario(
        "T5 a task on every core computes for 200 ms per poll",
        "p99 ≤ 15 ms",
        &[("worst p99", 15.0 * MS)],
        &["worst p99", "worst max"],
        Kind::Hogs,
    ),
    scenario(
        "T6 four tasks block on futures that other tasks complete",
        "completes",
        &[("resolved", 1000.0 * MS)],
        &["resolved"],
        Kind::Nested,
    ),
    scenario(
        "T7 both workers open a FIFO that nobody writes; then a shutdown within 300 ms",
        "max ≤ 10 ms, returns",
        &[("ticker max", 10.0 * MS), ("shut down in", 400.0 * MS)],
        &["ticker max", "shut down in"],
        Kind::Pipes,
    ),
    scenario(
        "T8 1,000 tasks that sleep 5 ms",
        "bounded threads",
        &[("threads, most", 520.0)],
        &["all done", "threads, most", "ticker max"],
        Kind::Thousand,
    ),
    scenario(
        "T9 many tasks that block for 0.5 ms each",
        "hand-offs ≤ 1 %, not over 2 % slower than without",
        &[("hand-offs", 0.01), (SLOWER, 0.02)],
        &["tasks", "blocks", "hand-offs"],
        Kind::ManyShort,
    ),
    scenario(
        "T10 idle, before and after a stall",
        "no wake-ups",
        &[("wake-ups before", 0.0), ("wake-ups after", 0.0)],
        &["wake-ups before", "wake-ups after"],
        Kind::Idle,
    ),
    scenario(
        "T11 stuck for ever up to the most threads, and one more",
        "progress, a report, recovery",
        &[
            ("a task below the cap", 100.0 * MS),
            ("told of the cap", 2000.0 * MS),
            ("a task once one is back", 100.0 * MS),
        ],
        &["a task below the cap", "told of the cap", "a task once one is back"],
        Kind::Cap,
    ),
    scenario(
        "T12 threads refused while 20 tasks block",
        "no task lost",
        &[("tasks lost", 0.0), ("the next task", 100.0 * MS)],
        &["tasks lost", "all done"],
        Kind::Refused,
    ),
    scenario(
        "T13 no stall, and the machine clean, over-committed, the process stopped and continued",
        "no false report",
        &[("false reports", 0.0)],
        &["clean", "over-committed", "stopped and continued"],
        Kind::FalseReports,
    ),
    ahead("T14 10 blockers of 1 s ahead of a good task", "", &[], 10),
    ahead("T14 30 blockers of 1 s ahead of a good task", "", &[], 30),
    ahead("T14 100 blockers of 1 s ahead of a good task", "≤ 15 ms", &[("worst max", 15.0 * MS)], 100),
    ahead("T14 300 blockers of 1 s ahead of a good task", "", &[], 300),
    ahead("T14 1000 blockers of 1 s ahead of a good task", "≤ 120 ms", &[("worst max", 120.0 * MS)], 1000),
    scenario(
        "T14 1000 blockers, all limits left at their defaults",
        "",
        &[],
        &["worst max"],
        Kind::Ahead(1000, Limits::Default),
    ),
    scenario(
        "T15 descriptors opened, 70,000 where the limit allows",
        "max ≤ 5 ms",
        &[("worst max", 5.0 * MS)],
        &["descriptors", "worst p99.9", "worst max"],
        Kind::Descriptors,
    ),
    scenario(
        "T16 a shutdown within 300 ms, three tasks stuck",
        "returns in its timeout",
        &[("shut down in", 400.0 * MS)],
        &["shut down in"],
        Kind::Shutdown,
    ),
    scenario(
        "an event, one worker idle, the other in polls of 0.5 to 5 ms",
        "≤ 100 µs more at p99",
        &[("more at p99", 100_000.0)],
        &["a thread computes p99", "a task computes p50", "a task computes p99"],
        Kind::Attention,
    ),
    scenario(
        "reactor thread",
        "≤ 0.5 % of a core when busy, 0 when idle",
        &[("CPU, workers busy", 0.005), ("CPU, idle", 0.0)],
        &["CPU, workers busy", "CPU, bare ticks", "CPU, idle"],
        Kind::ReactorThread,
    ),
    cost("cost of a yield", "≤ 2 ns more", &[("difference", 2.0), ("ratio", 1.02)], "yield, 1 task"),
    cost("cost of a yield among 200", "≤ 2 ns more", &[("difference", 2.0), ("ratio", 1.02)], "yield, 200 tasks"),
    cost("cost of a spawn", "≤ 2 % more", &[("ratio", 1.02)], super::costs::SPAWNS),
    cost("cost of a ping-pong", "≤ 2 % more", &[("ratio", 1.02)], "ping-pong, 2 oneshots"),
];

impl Scenario {
    /// Whether an echo load takes part.
    pub(super) fn has_echo(&self) -> bool {
        use Kind::{AfterIo, Ahead, Descriptors, Hogs, Sleepers};
        matches!(self.kind, Sleepers | AfterIo | Hogs | Ahead(..) | Descriptors)
    }

    /// How long a run may last; what has not come about by then counts as never.
    pub(super) fn limit(&self, quick: bool) -> Duration {
        Duration::from_secs(match self.kind {
            Kind::WakesThenWaits | Kind::Barrier | Kind::HeldLock | Kind::Nested | Kind::Cap if quick => 5,
            Kind::WakesThenWaits | Kind::Barrier | Kind::HeldLock | Kind::Nested | Kind::Cap => 10,
            Kind::FalseReports => 120,
            Kind::Ahead(..) if quick => 6,
            Kind::Ahead(..) => 20,
            _ => 60,
        })
    }

    /// No more rounds than this: some have their rounds inside, or hardly vary.
    pub(super) fn most_rounds(&self) -> usize {
        match self.kind {
            Kind::Cost(_) | Kind::Idle | Kind::FalseReports | Kind::ReactorThread => 1,
            _ => usize::MAX,
        }
    }

    /// Whether it makes sense for freewheel alone.
    pub(super) fn is_ours_alone(&self) -> bool {
        matches!(self.kind, Kind::ReactorThread | Kind::Cost(_))
    }
}

impl Setup {
    fn plain() -> Self {
        Self { workers: WORKERS, blockers: None, keep_alive: None }
    }
}

/// Plays a scenario, in a process of its own, and returns its figures.
pub(super) fn play<C: Contender>(name: &str, quick: bool) -> Result<Values, String> {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name);
    match scenario.ok_or_else(|| format!("no scenario is named `{name}`"))?.kind {
        Kind::Sleepers => turning::sleepers::<C>(quick),
        Kind::AfterIo => turning::after_io::<C>(quick),
        Kind::Hogs => turning::hogs::<C>(quick),
        Kind::Ahead(blockers, limits) => turning::ahead::<C>(blockers, limits),
        Kind::WakesThenWaits => resolving::wakes_then_waits::<C>(quick),
        Kind::Barrier => resolving::barrier::<C>(quick),
        Kind::HeldLock => resolving::held_lock::<C>(quick),
        Kind::Thousand => many::thousand::<C>(),
        Kind::ManyShort => many::short::<C>(quick),
        Kind::Idle => idle::wake_ups::<C>(quick),
        Kind::Nested => limits::nested::<C>(),
        Kind::Pipes => limits::pipes::<C>(),
        Kind::Cap => limits::cap::<C>(),
        Kind::Refused => limits::refused::<C>(),
        Kind::Shutdown => limits::shutdown::<C>(),
        Kind::FalseReports => clean::false_reports::<C>(quick),
        Kind::Descriptors => descriptors::open_many::<C>(),
        Kind::Attention => attention::beside_long_polls::<C>(quick),
        Kind::ReactorThread => idle::reactor_thread::<C>(quick),
        Kind::Cost(row) => costs::play(row, quick),
    }
}
