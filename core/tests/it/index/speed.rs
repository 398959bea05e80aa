//! Figures, not promises: `cargo test --test it speed -- --ignored --nocapture`. Those of searches are in
//! `benches/`.

use std::time::{Duration, Instant};

use docent_core::index::lexical;

#[test]
#[ignore = "measures"]
fn analysis_of_a_chunk() {
    let text = chunk(&mut Random(7), 300);
    let mut best = Duration::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        for _ in 0..50 {
            std::hint::black_box(lexical::passage_vector(std::hint::black_box(&text), 200.0));
        }
        best = best.min(start.elapsed() / 50);
    }
    println!(
        "{} bytes, {} terms: {best:?}",
        text.len(),
        lexical::terms(&text).len()
    );
}

/// Words with the skew of a language: the rarer, the longer.
fn chunk(random: &mut Random, words: usize) -> String {
    let mut text = String::new();
    for _ in 0..words {
        let rank = (1.0 / (f64::from(random.uniform()).abs() + 2e-5)).min(50_000.0) as u64;
        let mut word = Random(rank + 1);
        for _ in 0..(4 + rank % 6) {
            text.push(char::from(b'a' + (word.next() % 26) as u8));
        }
        text.push(if random.next().is_multiple_of(12) {
            '_'
        } else {
            ' '
        });
    }
    text
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From -1 to 1.
    fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }
}
