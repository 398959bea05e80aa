//! The index: what is promised of every engine (`collections`, `points`, `filters`, `search`), of the embedded one
//! (`building`, `durability`), and of the sparse side (`lexical`, `rarity`).

mod backend;
mod building;
mod collections;
mod durability;
mod filters;
mod lexical;
mod points;
mod quantization;
mod rarity;
mod search;
mod speed;
