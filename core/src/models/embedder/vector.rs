//! Arithmetic on vectors: unit length, means, and fair shares of a request's tokens.

use rust_decimal::Decimal;

/// Scales to length 1. The error says what is wrong with a vector that has no direction.
pub(super) fn normalised(mut vector: Vec<f32>) -> Result<Vec<f32>, &'static str> {
    let length = vector
        .iter()
        .map(|x| f64::from(*x).powi(2))
        .sum::<f64>()
        .sqrt();
    if !length.is_finite() {
        return Err("a vector holds NaN or infinity");
    }
    if length < 1e-12 {
        return Err("a vector is all zeros");
    }
    for x in &mut vector {
        *x = (f64::from(*x) / length) as f32;
    }
    Ok(vector)
}

/// The mean of vectors of one length, each with its weight (its part's tokens), scaled to length 1.
pub(super) fn weighted_mean(parts: &[(Vec<f32>, u64)]) -> Result<Vec<f32>, &'static str> {
    let dimensions = parts.first().map_or(0, |(vector, _)| vector.len());
    let mut sum = vec![0.0_f32; dimensions];
    for (vector, weight) in parts {
        for (total, x) in sum.iter_mut().zip(vector) {
            *total += x * (*weight).max(1) as f32;
        }
    }
    normalised(sum)
}

/// Shares `total` out in proportion to `weights`; the shares add up to `total`.
pub(super) fn shares(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let mut seen: u128 = 0;
    let mut given: u64 = 0;
    let share = |weight: &u64| {
        seen += u128::from(*weight);
        let up_to_here = (u128::from(total) * seen / sum.max(1)) as u64;
        let share = up_to_here - given;
        given = up_to_here;
        share
    };
    weights.iter().map(share).collect()
}

/// The part of `cost` that `tokens` of `total` account for.
pub(super) fn cost_share(cost: Option<Decimal>, tokens: u64, total: u64) -> Option<Decimal> {
    cost.map(|cost| cost * Decimal::from(tokens) / Decimal::from(total.max(1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shares_add_up_to_the_total(
            total in 0u64..1_000_000,
            weights in prop::collection::vec(1u64..10_000, 1..70),
        ) {
            let shares = shares(total, &weights);
            prop_assert_eq!(shares.len(), weights.len());
            prop_assert_eq!(shares.iter().sum::<u64>(), total);
        }
    }

    #[test]
    fn a_vector_without_direction_is_refused() {
        assert_eq!(normalised(vec![0.0, 0.0]), Err("a vector is all zeros"));
        assert_eq!(
            normalised(vec![f32::NAN, 1.0]),
            Err("a vector holds NaN or infinity")
        );
        assert_eq!(normalised(vec![3.0, 4.0]), Ok(vec![0.6, 0.8]));
    }

    #[test]
    fn a_longer_part_weighs_more() {
        let mean = weighted_mean(&[(vec![1.0, 0.0], 30), (vec![0.0, 1.0], 10)]).unwrap();
        assert!((mean[0] / mean[1] - 3.0).abs() < 1e-5, "{mean:?}");
    }
}
