//! The index: what is promised of every engine (`contract`), of the embedded one (`building`, `durability`),
//! and of the sparse side (`lexical`, `rarity`).

mod backend;
mod building;
mod contract;
mod durability;
mod lexical;
mod quantization;
mod rarity;
mod search;
mod speed;
