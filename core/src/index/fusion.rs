//! Fusing the two arms of a search into one list.

use std::collections::HashMap;

use uuid::Uuid;

/// A point as one arm found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    pub id: Uuid,
    /// The arm's own: a cosine, or a sum of BM25 weights.
    pub score: f32,
}

/// What each arm found, best first. An arm that was not searched is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arms {
    pub dense: Vec<Scored>,
    pub sparse: Vec<Scored>,
}

/// Where a point stands in an arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// From 1.
    pub rank: usize,
    pub score: f32,
}

/// A point after fusion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused {
    pub id: Uuid,
    pub score: f32,
    pub dense: Option<Place>,
    pub sparse: Option<Place>,
}

/// What the arms weigh, and how soon a lower rank counts for less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    pub dense: f32,
    pub sparse: f32,
    pub rrf_k: usize,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            dense: 1.0,
            sparse: 1.0,
            rrf_k: 2,
        }
    }
}

