//! The figures of one metric of one row, and how they are written.

use crate::peers::Name;
use crate::rows::{Metric, Target, Unit};
use crate::statistics::{Better, Spread, median};

/// All samples of one metric of one row.
pub(crate) struct Figures {
    /// The row's and the metric's.
    pub(crate) name: String,
    pub(crate) metric: Metric,
    /// By runtime, then by round.
    pub(crate) samples: Vec<Vec<Option<f64>>>,
    /// By runtime: why it has no, or not all, samples.
    pub(crate) failures: Vec<Option<String>>,
}

impl Figures {
    pub(crate) fn median(&self, peer: usize) -> Option<f64> {
        median(&self.samples.get(peer)?.iter().copied().flatten().collect::<Vec<_>>())
    }

    /// Of the subject, the first runtime, to another one.
    pub(crate) fn ratio(&self, against: usize) -> Option<Spread> {
        Spread::of_ratios(self.samples.first()?, self.samples.get(against)?)
    }

    /// A runtime's median, or why there is none.
    pub(crate) fn cell(&self, peer: usize) -> String {
        match (self.median(peer), self.failures.get(peer)) {
            (_, Some(Some(reason))) => reason.clone(),
            (Some(median), _) => show(median, self.metric.unit),
            (None, _) => "-".to_owned(),
        }
    }

    /// The metric's target in words; empty if it has none.
    pub(crate) fn target(&self) -> String {
        match (self.metric.target, self.metric.better) {
            (None, _) => String::new(),
            (Some(Target::Ratio(bound)), Better::Less) => format!("≤ {bound}"),
            (Some(Target::Ratio(bound)), Better::More) => format!("≥ {bound}"),
            (Some(Target::Figure(bound)), _) => format!("≤ {}", show(bound, self.metric.unit)),
        }
    }

    /// Whether the subject has reached its target. `None`: there is none, or it is freewheel's and the subject is another,
    /// or nothing was measured.
    pub(crate) fn judgement(&self, peers: &[Name]) -> Option<&'static str> {
        if peers.first() != Some(&Name::Freewheel) {
            return None;
        }
        match self.metric.target? {
            Target::Ratio(bound) => {
                let tokio = peers.iter().position(|&peer| peer == Name::Tokio)?;
                Some(self.ratio(tokio)?.judged_by(bound, self.metric.better))
            }
            Target::Figure(bound) => Some(Spread::of(self.samples.first()?)?.judged_by(bound, self.metric.better)),
        }
    }
}

/// Three digits that matter, with the unit.
pub(crate) fn show(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds if value < 999.5 => format!("{} ns", three_digits(value)),
        Unit::Nanoseconds if value < 999_500.0 => format!("{} µs", three_digits(value / 1e3)),
        Unit::Nanoseconds => format!("{} ms", three_digits(value / 1e6)),
        Unit::Bytes => format!("{value:.0} B"),
        Unit::PerSecond => format!("{value:.0}"),
        Unit::Count => three_digits(value),
        Unit::Times => format!("{} ×", three_digits(value)),
    }
}

fn three_digits(value: f64) -> String {
    match value {
        value if value >= 99.95 => format!("{value:.0}"),
        value if value >= 9.995 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_shows_three_digits_and_a_fitting_unit() {
        assert_eq!(show(42.42, Unit::Nanoseconds), "42.4 ns");
        assert_eq!(show(999.7, Unit::Nanoseconds), "1.00 µs");
        assert_eq!(show(1_160_000.0, Unit::Nanoseconds), "1.16 ms");
        assert_eq!(show(456.4, Unit::Bytes), "456 B");
        assert_eq!(show(1.304, Unit::Times), "1.30 ×");
    }

    #[test]
    fn a_target_is_for_freewheel_and_a_ratio_is_to_tokio() {
        let figures = Figures {
            name: String::new(),
            metric: Metric::TIME.ratio(0.5),
            samples: [1.0, 10.0, 1.5].map(|figure| vec![Some(figure); 3]).to_vec(),
            failures: vec![None, None, None],
        };
        let judged = |peers: [Name; 3]| figures.judgement(&peers);
        assert_eq!(figures.target(), "≤ 0.5");
        assert_eq!(judged([Name::Freewheel, Name::Tokio, Name::Smol]), Some("met"));
        assert_eq!(judged([Name::Freewheel, Name::Smol, Name::Tokio]), Some("missed"));
        assert_eq!(judged([Name::Tokio, Name::Freewheel, Name::Smol]), None);
    }
}
