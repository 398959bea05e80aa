//! Sitemaps: lists of a site's pages, and lists of such lists.
//! Source: <https://www.sitemaps.org/protocol.html>.

use std::io::Read as _;

/// Longest sitemap, unpacked: the protocol's own limit is 50 MB.
pub(super) const MAX_BYTES: u64 = 52_428_800;

/// What a sitemap lists, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sitemap {
    /// Addresses of pages, and when they were changed.
    pub(super) pages: Vec<(String, Option<String>)>,
    /// Addresses of further sitemaps.
    pub(super) sitemaps: Vec<String>,
}

/// Reads a sitemap: XML or one address a line, packed by gzip or not. Entities are not expanded but
/// for the five of XML itself, so nothing grows while it is read.
pub(super) fn parse(bytes: &[u8]) -> Result<Sitemap, String> {
    let unpacked;
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes)
            .take(MAX_BYTES + 1)
            .read_to_end(&mut text)
            .map_err(|error| format!("cannot be unpacked: {error}"))?;
        if text.len() as u64 > MAX_BYTES {
            return Err(format!("unpacks to more than {MAX_BYTES} bytes"));
        }
        unpacked = text;
        &unpacked
    } else {
        bytes
    };
    let text = String::from_utf8_lossy(bytes);
    if !text.contains("<urlset") && !text.contains("<sitemapindex") {
        let pages: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("http://") || line.starts_with("https://"))
            .map(|line| (line.to_owned(), None))
            .collect();
        if pages.is_empty() && !text.trim().is_empty() {
            return Err("it is no sitemap".to_owned());
        }
        return Ok(Sitemap {
            pages,
            sitemaps: Vec::new(),
        });
    }
    let mut sitemap = Sitemap::default();
    for entry in elements(&text, "url") {
        if let Some(address) = elements(entry, "loc").next() {
            let changed = elements(entry, "lastmod").next().map(plain);
            sitemap.pages.push((plain(address), changed));
        }
    }
    for entry in elements(&text, "sitemap") {
        if let Some(address) = elements(entry, "loc").next() {
            sitemap.sitemaps.push(plain(address));
        }
    }
    Ok(sitemap)
}

/// What stands inside each `<name>…</name>`.
fn elements<'a>(text: &'a str, name: &'static str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = &rest[rest.find(&open)? + open.len()..];
            // `<url` also begins `<urlset`.
            if rest.starts_with(|c: char| c == '>' || c.is_whitespace()) {
                break;
            }
        }
        let inside = &rest[rest.find('>')? + 1..];
        let end = inside.find(&close)?;
        rest = &inside[end + close.len()..];
        Some(&inside[..end])
    })
}

fn plain(text: &str) -> String {
    let text = text
        .trim()
        .trim_start_matches("<![CDATA[")
        .trim_end_matches("]]>")
        .trim();
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn pages_and_further_sitemaps_are_listed() {
        let xml = "<?xml version=\"1.0\"?><urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\
            <url>\n<loc> https://example.com/a?x=1&amp;y=2 </loc><lastmod>2026-03-01</lastmod>\
            <image:image><image:loc>https://example.com/i.png</image:loc></image:image></url>\
            <url><loc><![CDATA[https://example.com/b]]></loc></url></urlset>";
        let sitemap = parse(xml.as_bytes()).unwrap();
        let changed = Some("2026-03-01".to_owned());
        let pages = vec![
            ("https://example.com/a?x=1&y=2".to_owned(), changed),
            ("https://example.com/b".to_owned(), None),
        ];
        assert_eq!(
            sitemap,
            Sitemap {
                pages: pages.clone(),
                sitemaps: Vec::new()
            }
        );
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(xml.as_bytes()).unwrap();
        assert_eq!(parse(&packed.finish().unwrap()).unwrap().pages, pages);

        let index = "<sitemapindex><sitemap><loc>https://example.com/1.xml.gz</loc></sitemap></sitemapindex>";
        assert_eq!(
            parse(index.as_bytes()).unwrap().sitemaps,
            ["https://example.com/1.xml.gz"]
        );
        let lines = parse(b"https://example.com/a\nhttps://example.com/b\n").unwrap();
        assert_eq!(lines.pages.len(), 2);
        assert!(parse(b"<html>Not found</html>").is_err());
    }

    #[test]
    fn a_sitemap_that_unpacks_without_end_is_refused() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for _ in 0..60 {
            packed.write_all(&vec![b' '; 1 << 20]).unwrap();
        }
        assert!(
            parse(&packed.finish().unwrap())
                .unwrap_err()
                .contains("more than")
        );
    }
}
