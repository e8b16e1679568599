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

/// Which direction of a figure is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
}

/// Ratios of one runtime to another, round by round, so that what disturbed a whole round cancels out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) p25: f64,
    pub(crate) p75: f64,
    rounds: usize,
}

impl Ratio {
    /// Pairs the samples of the same round; rounds that one of the two lacks are left out.
    pub(crate) fn of(subject: &[Option<f64>], against: &[Option<f64>]) -> Option<Self> {
        let ratios: Vec<f64> = subject
            .iter()
            .zip(against)
            .filter_map(|(a, b)| Some(a.as_ref()? / b.as_ref()?))
            .filter(|ratio| ratio.is_finite())
            .collect();
        Some(Self {
            median: median(&ratios)?,
            p25: quantile(&ratios, 0.25)?,
            p75: quantile(&ratios, 0.75)?,
            rounds: ratios.len(),
        })
    }

    /// One word for the reader, see the README: `better`, `worse`, `even`, `unclear`; `?` after a wide spread.
    pub(crate) fn verdict(&self, better: Better) -> &'static str {
        const WIDE: f64 = 0.25;
        const EVEN: f64 = 0.10;
        let spread = (self.p75 - self.p25) / self.median;
        let below = self.p75 < 1.0;
        let above = self.p25 > 1.0;
        let good = if better == Better::Less { below } else { above };
        if self.rounds < 3 {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_interpolates_between_neighbours() {
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 1.0), Some(4.0));
        assert_eq!(quantile(&[f64::NAN], 0.5), None);
    }

    #[test]
    fn a_spread_across_one_is_never_called_better_or_worse() {
        let ones = vec![Some(1.0); 4];
        let narrow = Ratio::of(&[Some(0.98), Some(0.99), Some(1.01), Some(1.02)], &ones).unwrap();
        assert_eq!(narrow.verdict(Better::Less), "even");
        let wide = Ratio::of(&[Some(0.5), Some(0.6), Some(1.5), Some(1.6)], &ones).unwrap();
        assert_eq!(wide.verdict(Better::Less), "unclear");
    }

    #[test]
    fn more_is_better_where_the_metric_says_so() {
        let ones = vec![Some(1.0); 3];
        let ratio = Ratio::of(&[Some(1.2), None, Some(1.21), Some(1.22)], &[Some(1.0); 4]).unwrap();
        assert_eq!(ratio.verdict(Better::More), "better");
        assert_eq!(Ratio::of(&[Some(1.2), Some(1.2), Some(1.2)], &ones).unwrap().verdict(Better::Less), "worse");
    }
}
