//! Whether a rate has risen by more than chance.
//!
//! Questions come in bursts: one person asks five times, a team asks on the same morning. So counts are
//! first reduced to what independent questions would be worth: divided by how much more the days of the
//! past vary than a binomial would (Pearson's chi-squared over its degrees of freedom; Rao and Scott
//! 1992, *A simple method for the analysis of clustered binary data*). Then Fisher's exact test, one-sided.

/// `hits` of `all`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) hits: i64,
    pub(super) all: i64,
}

impl Count {
    pub(super) fn rate(self) -> f64 {
        if self.all == 0 {
            return 0.0;
        }
        self.hits as f64 / self.all as f64
    }

    fn reduced(self, by: f64) -> Self {
        Self {
            hits: (self.hits as f64 / by).floor() as i64,
            all: (self.all as f64 / by).ceil() as i64,
        }
    }
}

impl std::iter::Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, one| Self {
            hits: sum.hits + one.hits,
            all: sum.all + one.all,
        })
    }
}

/// The probability that `now` would be as high as it is, or higher, if it came from where `past` comes
/// from. `days` are the past's days, to tell how much they vary.
pub(super) fn chance_of_rise(now: Count, past: Count, days: &[Count]) -> f64 {
    let by = dispersion(days);
    fisher(now.reduced(by), past.reduced(by))
}

/// How many times more the rates of days vary than a binomial; at least 1.
pub(super) fn dispersion(days: &[Count]) -> f64 {
    let days: Vec<Count> = days.iter().copied().filter(|day| day.all > 0).collect();
    let rate = days.iter().copied().sum::<Count>().rate();
    if days.len() < 2 || rate <= 0.0 || rate >= 1.0 {
        return 1.0;
    }
    let chi: f64 = days
        .iter()
        .map(|day| {
            let expected = day.all as f64 * rate;
            (day.hits as f64 - expected).powi(2) / (expected * (1.0 - rate))
        })
        .sum();
    (chi / (days.len() - 1) as f64).max(1.0)
}

/// Fisher's exact test, one-sided: the hypergeometric probability of at least `now.hits` hits among
/// `now.all`, given the sums.
pub(super) fn fisher(now: Count, past: Count) -> f64 {
    let all = now.all + past.all;
    let hits = now.hits + past.hits;
    let ways = |of: i64, some: i64| ln_factorial(of) - ln_factorial(some) - ln_factorial(of - some);
    let total = ways(all, hits);
    let highest = hits.min(now.all);
    let chance: f64 = (now.hits..=highest)
        .filter(|some| hits - some <= past.all)
        .map(|some| (ways(now.all, some) + ways(past.all, hits - some) - total).exp())
        .sum();
    chance.min(1.0)
}

/// Stirling's series; exact to twelve digits from 10 on, and summed below.
fn ln_factorial(n: i64) -> f64 {
    if n < 10 {
        return (2..=n).map(|n| (n as f64).ln()).sum();
    }
    let x = n as f64 + 1.0;
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(hits: i64, all: i64) -> Count {
        Count { hits, all }
    }

    #[test]
    fn fishers_test_gives_the_values_that_r_gives() {
        // fisher.test(matrix(c(3, 1, 1, 3), 2), alternative = "greater"): the lady tasting tea.
        assert!((fisher(count(3, 4), count(1, 4)) - 0.242_857_142_857).abs() < 1e-9);
        // fisher.test(matrix(c(8, 2, 1, 5), 2), alternative = "greater")
        assert!((fisher(count(8, 10), count(1, 6)) - 0.024_475_524_476).abs() < 1e-9);
        assert!((fisher(count(0, 10), count(5, 10)) - 1.0).abs() < 1e-9);
        assert!((fisher(count(0, 0), count(5, 10)) - 1.0).abs() < 1e-9);
        // 1 / C(30, 10), all ten hits in the first ten.
        let only = fisher(count(10, 10), count(0, 20));
        assert!((only * 30_045_015.0 - 1.0).abs() < 1e-6, "{only}");
    }

    #[test]
    fn days_that_vary_by_themselves_make_a_rise_less_surprising() {
        let steady = vec![count(10, 100); 28];
        let wild: Vec<Count> = (0..28)
            .map(|day| count(if day % 2 == 0 { 0 } else { 20 }, 100))
            .collect();
        assert!((dispersion(&steady) - 1.0).abs() < 1e-9);
        assert!(dispersion(&wild) > 10.0);
        let past = count(280, 2800);
        let now = count(25, 100);
        assert!(chance_of_rise(now, past, &steady) < 1e-4);
        assert!(chance_of_rise(now, past, &wild) > 0.05);
    }
}
