//! Medians and quantiles, and what may be concluded from the ratios of two runtimes.

/// The value below which the fraction `q` of `values` lies, interpolated; `None` when there are none.
pub(crate) fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if sorted.is_empty() {
        return None;
    }
    sorted.sort_by(f64::total_cmp);
    let place = q * (sorted.len() - 1) as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    Some(sorted[low] + (sorted[high] - sorted[low]) * (place - low as f64))
}

/// The middle of `values`.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// With fewer rounds than this nothing is concluded.
const FEWEST: usize = 3;

/// Which direction of a figure is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
}

/// The middle half of one value per round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) p25: f64,
    pub(crate) p75: f64,
    rounds: usize,
}

impl Spread {
    /// Of a figure. `None` if no round has one.
    pub(crate) fn of(samples: &[Option<f64>]) -> Option<Self> {
        let values: Vec<f64> = samples.iter().copied().flatten().filter(|value| value.is_finite()).collect();
        Some(Self {
            median: median(&values)?,
            p25: quantile(&values, 0.25)?,
            p75: quantile(&values, 0.75)?,
            rounds: values.len(),
        })
    }

    /// Of the ratios of one runtime to another, round by round, so that what disturbed a whole round cancels out. Rounds
    /// that one of the two lacks are left out.
    pub(crate) fn of_ratios(subject: &[Option<f64>], against: &[Option<f64>]) -> Option<Self> {
        let pairs = subject.iter().zip(against);
        Self::of(&pairs.map(|(a, b)| Some(a.as_ref()? / b.as_ref()?)).collect::<Vec<_>>())
    }

    /// Of a ratio, one word for the reader, see the README: `better`, `worse`, `even`, `unclear`; `?` after a wide spread.
    pub(crate) fn verdict(&self, better: Better) -> &'static str {
        const WIDE: f64 = 0.25;
        const EVEN: f64 = 0.10;
        let spread = (self.p75 - self.p25) / self.median;
        let below = self.p75 < 1.0;
        let above = self.p25 > 1.0;
        let good = if better == Better::Less { below } else { above };
        if self.rounds < FEWEST {
            return "unclear";
        }
        match (below || above, good, spread > WIDE) {
            (true, true, false) => "better",
            (true, true, true) => "better?",
            (true, false, false) => "worse",
            (true, false, true) => "worse?",
            (false, _, _) if spread <= EVEN => "even",
            (false, _, _) => "unclear",
        }
    }

    /// Whether a bound is kept, `met` or `missed`; `?` where the middle half of the rounds lies on both sides of it, or where
    /// there were too few to tell.
    pub(crate) fn judged_by(&self, bound: f64, better: Better) -> &'static str {
        let within = |value: f64| if better == Better::Less { value <= bound } else { value >= bound };
        let clear = self.rounds >= FEWEST && within(self.p25) == within(self.p75);
        match (within(self.median), clear) {
            (true, true) => "met",
            (true, false) => "met?",
            (false, false) => "missed?",
            (false, true) => "missed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratios(subject: &[Option<f64>]) -> Spread {
        Spread::of_ratios(subject, &vec![Some(1.0); subject.len()]).unwrap()
    }

    #[test]
    fn a_quantile_interpolates_between_neighbours() {
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 1.0), Some(4.0));
        assert_eq!(quantile(&[f64::NAN], 0.5), None);
    }

    #[test]
    fn a_spread_across_one_is_never_called_better_or_worse() {
        assert_eq!(ratios(&[Some(0.98), Some(0.99), Some(1.01), Some(1.02)]).verdict(Better::Less), "even");
        assert_eq!(ratios(&[Some(0.5), Some(0.6), Some(1.5), Some(1.6)]).verdict(Better::Less), "unclear");
    }

    #[test]
    fn more_is_better_where_the_metric_says_so() {
        assert_eq!(ratios(&[Some(1.2), None, Some(1.21), Some(1.22)]).verdict(Better::More), "better");
        assert_eq!(ratios(&[Some(1.2), Some(1.2), Some(1.2)]).verdict(Better::Less), "worse");
    }

    #[test]
    fn a_bound_within_the_spread_is_only_perhaps_met() {
        let spread = ratios(&[Some(0.4), Some(0.5), Some(0.6), Some(0.7)]);
        let judged = |bound| spread.judged_by(bound, Better::Less);
        assert_eq!([0.45, 0.54, 0.56, 0.65].map(judged), ["missed", "missed?", "met?", "met"]);
        assert_eq!(spread.judged_by(0.45, Better::More), "met");
        assert_eq!(spread.judged_by(0.65, Better::More), "missed");
        assert_eq!(ratios(&[Some(0.4), Some(0.4)]).judged_by(0.5, Better::Less), "met?");
    }
}
