#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "scratch")]
use docent_core::{config, document::Chunk, models::TokenCounter};
use docent_ingest::{chunk, clean, extract, source};
use std::time::Instant;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let show = std::env::args().nth(2);
    let source = config::Source::folder("m".into(), path.into());
    let settings = config::Chunk {
        max_tokens: 320,
        overlap_tokens: 0,
    };
    for (name, counter) in [
        ("bytes", TokenCounter::named("bytes").unwrap()),
        ("cl100k", TokenCounter::named("cl100k_base").unwrap()),
        ("builtin", TokenCounter::builtin()),
    ] {
        counter.count("warm");
        for _ in 0..3 {
            let t = Instant::now();
            let listing = source::list(&source, 20_000_000).unwrap();
            let t_list = t.elapsed();
            let t = Instant::now();
            let raws: Vec<_> = listing
                .found
                .iter()
                .map(|f| source::read(f, &listing.root, 20_000_000).unwrap())
                .collect();
            let t_read = t.elapsed();
            let t = Instant::now();
            let ex: Vec<_> = raws
                .iter()
                .filter_map(|r| {
                    extract::extract(r)
                        .map_err(|e| println!("{} {e:?}", r.path))
                        .ok()
                        .map(|e| (r.path.clone(), e))
                })
                .collect();
            let t_ex = t.elapsed();
            let t = Instant::now();
            let cl: Vec<_> = ex
                .iter()
                .map(|(p, e)| (p, &e.title, clean::clean(&e.markdown)))
                .collect();
            let t_cl = t.elapsed();
            let t = Instant::now();
            let ch: Vec<Vec<Chunk>> = cl
                .iter()
                .map(|(_, t, m)| chunk::chunks(t, m, &counter, &settings))
                .collect();
            let t_ch = t.elapsed();
            let n: usize = ch.iter().map(Vec::len).sum();
            let all = t_list + t_read + t_ex + t_cl + t_ch;
            println!(
                "{name}: {} docs, {} problems, {n} chunks; list {t_list:?} read {t_read:?} extract {t_ex:?} clean {t_cl:?} chunk {t_ch:?}; {:.1} us/chunk",
                cl.len(),
                listing.problems.len(),
                all.as_secs_f64() * 1e6 / n as f64
            );
            if let Some(s) = &show {
                for ((p, t, _), chunks) in cl.iter().zip(&ch) {
                    if s == "titles" {
                        println!("{p} => {t} ({})", chunks.len());
                    } else if p.contains(s.as_str()) {
                        for c in chunks {
                            println!(
                                "=== {p} [{t}] {:?} ({} tok)\n{}",
                                c.heading,
                                counter.count(&c.embedded_text(t)),
                                c.text
                            );
                        }
                    }
                }
                return;
            }
        }
    }
}
