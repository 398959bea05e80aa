//! How sure a figure is: intervals of rates, and whether two runs differ by more than chance.

/// 1.96: two-sided 95% of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;
/// Resamples of a bootstrap.
const RESAMPLES: usize = 10_000;

/// The 95% interval of a mean of `n` values between 0 and 1 (Wilson 1927, *Probable inference, the
/// law of succession, and statistical inference*). For shares that are not just 0 or 1 it is wider
/// than need be: no distribution on [0, 1] with the same mean varies more.
pub fn wilson(mean: f64, n: usize) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let n = n as f64;
    let square = Z * Z;
    let centre = (mean + square / (2.0 * n)) / (1.0 + square / n);
    let spread = (mean * (1.0 - mean) / n + square / (4.0 * n * n))
        .max(0.0)
        .sqrt();
    let spread = spread * Z / (1.0 + square / n);
    ((centre - spread).max(0.0), (centre + spread).min(1.0))
}

/// The mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().sum::<f64>() / values.len() as f64
}

/// The value that a share `p` of the sorted values does not exceed (nearest rank).
pub fn percentile(values: &[f64], p: f64) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let rank = (p * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied()
}

/// The chance that a positive scores higher than a negative, equals counting half: the area under
/// the ROC curve (Mann and Whitney 1947). `None` where one of them is empty.
pub fn area_under_curve(positive: &[f64], negative: &[f64]) -> Option<f64> {
    if positive.is_empty() || negative.is_empty() {
        return None;
    }
    let mut wins = 0.0;
    for high in positive {
        for low in negative {
            wins += match high.total_cmp(low) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
        }
    }
    Some(wins / (positive.len() * negative.len()) as f64)
}

/// The 95% interval of [`area_under_curve`] (Hanley and `McNeil` 1982, *The meaning and use of the
/// area under a receiver operating characteristic curve*).
pub fn area_interval(area: f64, positive: usize, negative: usize) -> (f64, f64) {
    let (p, n) = (positive as f64, negative as f64);
    let q1 = area / (2.0 - area);
    let q2 = 2.0 * area * area / (1.0 + area);
    let variance =
        area * (1.0 - area) + (p - 1.0) * (q1 - area * area) + (n - 1.0) * (q2 - area * area);
    let spread = Z * (variance / (p * n)).max(0.0).sqrt();
    ((area - spread).max(0.0), (area + spread).min(1.0))
}

/// A mean difference with its 95% interval and the chance of one as large where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
    /// Two-sided.
    pub p: f64,
}

/// Paired bootstrap (Efron and Tibshirani 1993, *An Introduction to the Bootstrap*; for rankings
/// Sakai 2006, *Evaluating evaluation metrics based on the bootstrap*): the questions are drawn
/// again and again, each with both of its values. The interval is of the drawn means; `p` is the
/// share of draws of the centred differences that lie as far from zero as the one observed.
pub fn paired_bootstrap(differences: &[f64], seed: u64) -> Difference {
    let observed = mean(differences);
    let n = differences.len();
    if n == 0 || differences.iter().all(|difference| *difference == 0.0) {
        return Difference {
            mean: observed,
            low: observed,
            high: observed,
            p: 1.0,
        };
    }
    let mut random = Random(seed);
    let mut means = Vec::with_capacity(RESAMPLES);
    let mut as_far = 0;
    for _ in 0..RESAMPLES {
        let mut sum = 0.0;
        for _ in 0..n {
            sum += differences[random.below(n)];
        }
        let drawn = sum / n as f64;
        // A little is left for rounding: equal sums in another order are equal.
        if (drawn - observed).abs() >= observed.abs() - 1e-12 {
            as_far += 1;
        }
        means.push(drawn);
    }
    Difference {
        mean: observed,
        low: percentile(&means, 0.025).unwrap_or(observed),
        high: percentile(&means, 0.975).unwrap_or(observed),
        p: f64::from(as_far) / RESAMPLES as f64,
    }
}

/// `SplitMix64` (Steele, Lea and Flood 2014, *Fast splittable pseudorandom number generators*): the
/// same numbers for the same seed, in every release.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, by the high half of a product: no bias that matters for small `n`.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64, within: f64) {
        assert!((left - right).abs() < within, "{left} is not {right}");
    }

    #[test]
    fn wilson_intervals_are_the_published_ones() {
        // Newcombe 1998, *Two-sided confidence intervals for the single proportion*, table I,
        // method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (hits, n, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let interval = wilson(f64::from(hits) / f64::from(n), n as usize);
            close(interval.0, low, 5e-5);
            close(interval.1, high, 5e-5);
        }
        assert_eq!(wilson(0.0, 0), (0.0, 1.0));
    }

    #[test]
    fn the_area_under_the_curve_counts_pairs() {
        // Of the six pairs four are in order, one is equal.
        let area = area_under_curve(&[0.9, 0.5], &[0.1, 0.5, 0.7]).unwrap();
        close(area, 4.5 / 6.0, 1e-12);
        assert_eq!(area_under_curve(&[1.0], &[]), None);
        // Hanley and McNeil 1982, table II: area 0.893 of 51 and 58 has a standard error of 0.032.
        let (low, high) = area_interval(0.893, 51, 58);
        close((high - low) / 2.0 / Z, 0.032, 0.001);
    }

    #[test]
    fn a_bootstrap_tells_a_difference_from_chance_and_repeats_itself() {
        let clear = [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0];
        let first = paired_bootstrap(&clear, 7);
        assert_eq!(first, paired_bootstrap(&clear, 7));
        close(first.mean, 0.7, 1e-12);
        assert!(first.p < 0.01 && first.low > 0.3, "{first:?}");
        let chance = [1.0, -1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 1.0];
        let second = paired_bootstrap(&chance, 7);
        assert!(
            second.p > 0.3 && second.low < 0.0 && second.high > 0.0,
            "{second:?}"
        );
        close(paired_bootstrap(&[0.0; 5], 7).p, 1.0, 1e-12);
    }

    #[test]
    fn percentiles_are_values_that_were_there() {
        let values = [5.0, 1.0, 3.0, 2.0, 4.0];
        assert_eq!(percentile(&values, 0.5), Some(3.0));
        assert_eq!(percentile(&values, 0.95), Some(5.0));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
