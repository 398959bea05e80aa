//! Chance that is the same each time.

/// `SplitMix64`.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.unit() * limit as f64) as usize
    }

    pub(crate) fn chance(&mut self, of: f64) -> bool {
        self.unit() < of
    }

    /// Around `middle`, never far below it and now and then far above: how long things take.
    pub(crate) fn duration(&mut self, middle: f64) -> i64 {
        let sum: f64 = (0..6).map(|_| self.unit()).sum::<f64>() - 3.0;
        (middle * (0.55 * sum).exp()) as i64
    }

    /// An index, as often as its weight says.
    pub(crate) fn weighted(&mut self, weights: &[u32]) -> usize {
        let sum: u32 = weights.iter().sum();
        let mut at = self.below(sum as usize) as u32;
        for (index, weight) in weights.iter().enumerate() {
            if at < *weight {
                return index;
            }
            at -= weight;
        }
        weights.len() - 1
    }

    /// An index whose share falls with its rank.
    pub(crate) fn zipf(&mut self, cumulative: &[f64]) -> usize {
        let all = cumulative.last().copied().unwrap_or(1.0);
        let at = self.unit() * all;
        cumulative.partition_point(|sum| *sum <= at).min(cumulative.len() - 1)
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            let random = self.next().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
        bytes
    }
}

/// Sums of `1 / rank^exponent`.
pub(crate) fn zipf_sums(length: usize, exponent: f64) -> Vec<f64> {
    let mut sum = 0.0;
    (1..=length)
        .map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        })
        .collect()
}
