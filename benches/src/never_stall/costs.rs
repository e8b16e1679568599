//! What the watch costs when nobody blocks: rows of the comparison on two runtimes, with the hand-off and without.
//!
//! Both live in one process and take turns, A B, then B A; the one that does not run is asleep.

use super::child::{Unit, Values};
use super::contenders::{Contender, Ours, Setup};
use super::scenarios::WORKERS;
use crate::peers::freewheel::Freewheel;
use crate::rows::{self, Body, Scale};
use crate::statistics::{Spread, median};

/// What is measured here alone: *spawn from inside* has a poll of ten milliseconds, and there the watch steps in, as it should.
pub(super) const SPAWNS: &str = "spawn from inside, a thousand at a time";

/// The medians of both, and of each round's difference and ratio.
pub(super) fn play(row: &str, quick: bool) -> Result<Values, String> {
    let (rounds, scale) = if quick { (9, Scale::Quick) } else { (31, Scale::Full) };
    let found = rows::all::<Freewheel>().into_iter().find(|known| known.name == row);
    let measure = match found.and_then(|row| row.body) {
        Some(Body::Kept(measure)) => measure,
        _ if row == SPAWNS => rows::spawn::inside_by_thousands,
        _ => return Err(format!("no row `{row}`")),
    };
    let setup = Setup { workers: WORKERS, blockers: None, keep_alive: None };
    let (on, off) = (Ours::<true>::start(setup), Ours::<false>::start(setup));
    let sample = |peer: &Freewheel| measure(peer, scale).values[0];
    // The first of each warms up, and is thrown away.
    sample(&on);
    sample(&off);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        if round % 2 == 0 {
            with.push(sample(&on));
            without.push(sample(&off));
        } else {
            without.push(sample(&off));
            with.push(sample(&on));
        }
    }
    let differences: Vec<f64> = with.iter().zip(&without).map(|(on, off)| on - off).collect();
    let some = |samples: &[f64]| samples.iter().copied().map(Some).collect::<Vec<_>>();
    let ratio = Spread::of_ratios(&some(&with), &some(&without)).ok_or("no rounds")?;
    let middle = |samples: &[f64]| median(samples).unwrap_or(f64::NAN);
    Ok(vec![
        (Unit::Time, "hand-off on".to_owned(), middle(&with)),
        (Unit::Time, "hand-off off".to_owned(), middle(&without)),
        (Unit::Time, "difference".to_owned(), middle(&differences)),
        (Unit::Share, "ratio".to_owned(), ratio.median),
        (Unit::Share, "ratio p25".to_owned(), ratio.p25),
        (Unit::Share, "ratio p75".to_owned(), ratio.p75),
    ])
}
