//! Calibrating abstention: the weights of [`Evidence`] that tell answerable from unanswerable questions
//! best, by logistic regression, from questions whose truth is known.

use docent_core::config::EvidenceWeights;

use crate::chat::probe::Evidence;

/// Pulls weights towards 0 (of standardised features), so that a few questions cannot make one huge.
const RIDGE: f64 = 10.0;
/// What each feature can only speak for: more of it for an answer (1), or against one (-1). One that
/// seems to speak the other way in a few examples is left out, or it would do so by chance.
const SIGNS: [f64; FEATURES] = [1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0];
/// What a feature weighs that is the same in all examples: questions about something else altogether
/// are seldom among them, and must be declined all the same.
const NEVER_SHOWN: [f64; FEATURES] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -4.0, 0.0];
/// A smaller deviation is none.
const CONSTANT: f64 = 1e-6;
/// Newton's method converges in fewer.
const STEPS: usize = 50;
const FEATURES: usize = 8;

/// A question whose truth is known, with what retrieval knew of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Example {
    pub(super) evidence: Evidence,
    pub(super) answerable: bool,
}

/// Weights with which a probability of 0.5 refuses at most `lost` (0 to 1) of the answerable examples.
/// Both classes count alike, however many examples each has. `None`: a class is missing.
pub(super) fn fit(examples: &[Example], lost: f64) -> Option<EvidenceWeights> {
    let answerable = examples.iter().filter(|example| example.answerable).count();
    let other = examples.len() - answerable;
    if answerable == 0 || other == 0 {
        return None;
    }
    let rows: Vec<[f64; FEATURES]> = examples
        .iter()
        .map(|example| example.evidence.features().map(f64::from))
        .collect();
    let (mean, deviation) = moments(&rows);
    let standard: Vec<[f64; FEATURES + 1]> = rows
        .iter()
        .map(|row| {
            let mut standard = [1.0; FEATURES + 1];
            for feature in 0..FEATURES {
                standard[feature + 1] = (row[feature] - mean[feature]) / deviation[feature];
            }
            standard
        })
        .collect();
    let share = |example: &Example| {
        let of_class = if example.answerable {
            answerable
        } else {
            other
        };
        examples.len() as f64 / (2.0 * of_class as f64)
    };
    let mut used = [true; FEATURES];
    let weights = loop {
        let weights = converged(&standard, examples, used, share);
        let wrong = |feature: &usize| weights[feature + 1] * SIGNS[*feature] < 0.0;
        let wrong: Vec<usize> = (0..FEATURES).filter(wrong).collect();
        if wrong.is_empty() {
            break weights;
        }
        for feature in wrong {
            used[feature] = false;
        }
    };
    // A feature that no example shows cannot be fitted, and keeps what is written down for it.
    let shown: Vec<bool> = deviation
        .iter()
        .map(|deviation| *deviation > CONSTANT)
        .collect();
    // Back to the features as they are.
    let mut plain = [0.0; FEATURES];
    let mut bias = weights[0];
    for feature in 0..FEATURES {
        plain[feature] = if shown[feature] {
            weights[feature + 1] / deviation[feature]
        } else {
            NEVER_SHOWN[feature]
        };
        bias -= plain[feature] * mean[feature];
    }
    // The highest threshold that refuses no more than it may becomes the probability of one half.
    let mut scores: Vec<f64> = rows
        .iter()
        .zip(examples)
        .filter(|(_, example)| example.answerable)
        .map(|(row, _)| row.iter().zip(plain).map(|(x, w)| x * w).sum::<f64>() + bias)
        .collect();
    scores.sort_by(f64::total_cmp);
    let refused = ((lost * scores.len() as f64) as usize).min(scores.len() - 1);
    bias -= scores[refused] - 1e-4;
    let [
        strength,
        support,
        coverage,
        cosine,
        agreement,
        missing_names,
        unknown,
        moment,
    ] = plain.map(|weight| weight as f32);
    Some(EvidenceWeights {
        bias: bias as f32,
        strength,
        support,
        coverage,
        cosine,
        agreement,
        missing_names,
        unknown,
        moment,
    })
}

/// The weights of the used features, after Newton's steps.
fn converged(
    rows: &[[f64; FEATURES + 1]],
    examples: &[Example],
    used: [bool; FEATURES],
    share: impl Fn(&Example) -> f64,
) -> [f64; FEATURES + 1] {
    let mut rows = rows.to_vec();
    for row in &mut rows {
        for feature in (0..FEATURES).filter(|feature| !used[*feature]) {
            row[feature + 1] = 0.0;
        }
    }
    let mut weights = [0.0; FEATURES + 1];
    for _ in 0..STEPS {
        let step = newton_step(&rows, examples, &weights, &share);
        for (weight, step) in weights.iter_mut().zip(step) {
            *weight -= step;
        }
        if step.iter().all(|step| step.abs() < 1e-9) {
            break;
        }
    }
    weights
}

fn moments(rows: &[[f64; FEATURES]]) -> ([f64; FEATURES], [f64; FEATURES]) {
    let count = rows.len() as f64;
    let (mut mean, mut deviation) = ([0.0; FEATURES], [0.0; FEATURES]);
    for feature in 0..FEATURES {
        let values = || rows.iter().map(move |row| row[feature]);
        mean[feature] = values().sum::<f64>() / count;
        let square = values().map(|value| (value - mean[feature]).powi(2));
        // A feature that is always the same says nothing, and must not be divided by 0.
        deviation[feature] = (square.sum::<f64>() / count).sqrt().max(CONSTANT);
    }
    (mean, deviation)
}

/// Hessian⁻¹ · gradient of the penalised log-likelihood (iteratively reweighted least squares).
fn newton_step(
    rows: &[[f64; FEATURES + 1]],
    examples: &[Example],
    weights: &[f64; FEATURES + 1],
    share: impl Fn(&Example) -> f64,
) -> [f64; FEATURES + 1] {
    const N: usize = FEATURES + 1;
    let mut gradient = [0.0; N];
    let mut hessian = [[0.0; N]; N];
    for (row, example) in rows.iter().zip(examples) {
        let sum: f64 = row.iter().zip(weights).map(|(x, w)| x * w).sum();
        let probability = 1.0 / (1.0 + (-sum).exp());
        let error = (probability - f64::from(u8::from(example.answerable))) * share(example);
        let curve = probability * (1.0 - probability) * share(example);
        for i in 0..N {
            gradient[i] += error * row[i];
            for j in 0..N {
                hessian[i][j] += curve * row[i] * row[j];
            }
        }
    }
    for i in 0..N {
        let ridge = if i == 0 { 1e-6 } else { RIDGE };
        gradient[i] += ridge * weights[i];
        hessian[i][i] += ridge;
    }
    solve(hessian, gradient)
}

/// Gaussian elimination with partial pivoting; the matrix is positive definite.
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> [f64; N] {
    for column in 0..N {
        let pivot = (column..N)
            .max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))
            .unwrap_or(column);
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..N {
            let factor = matrix[row][column] / matrix[column][column];
            let above = matrix[column];
            for (value, above) in matrix[row].iter_mut().zip(above).skip(column) {
                *value -= factor * above;
            }
            right[row] -= factor * right[column];
        }
    }
    for row in (0..N).rev() {
        let known: f64 = (row + 1..N).map(|k| matrix[row][k] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(strength: f32, cosine: f32, answerable: bool) -> Example {
        Example {
            evidence: Evidence {
                strength,
                cosine,
                ..Evidence::default()
            },
            answerable,
        }
    }

    #[test]
    fn what_tells_the_classes_apart_gets_the_weight() {
        let examples: Vec<Example> = (0..40)
            .flat_map(|number| {
                let noise = (number % 7) as f32 / 7.0;
                [
                    example(0.8 + 0.02 * noise, noise, true),
                    example(0.3 + 0.02 * noise, noise, false),
                ]
            })
            .collect();
        let weights = fit(&examples, 0.0).unwrap();
        assert!(weights.strength > 1.0 && weights.cosine.abs() < 0.1 * weights.strength);
        for example in &examples {
            let likely = example.evidence.probability(&weights) >= 0.5;
            assert_eq!(likely, example.answerable);
        }
    }

    #[test]
    fn no_more_answerable_questions_are_refused_than_allowed() {
        let examples: Vec<Example> = (0..100)
            .map(|number| example(number as f32 / 100.0, 0.0, number % 3 != 0))
            .collect();
        for lost in [0.0, 0.05, 0.2] {
            let weights = fit(&examples, lost).unwrap();
            let answerable = examples.iter().filter(|example| example.answerable);
            let refused = answerable
                .clone()
                .filter(|example| example.evidence.probability(&weights) < 0.5)
                .count();
            assert!(refused as f64 <= lost * answerable.count() as f64);
        }
    }

    #[test]
    fn a_class_without_examples_calibrates_nothing() {
        assert!(fit(&[example(0.5, 0.5, true)], 0.05).is_none());
        assert!(fit(&[], 0.05).is_none());
    }
}
