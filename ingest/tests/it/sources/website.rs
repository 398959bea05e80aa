//! Websites, served on the loopback interface.

use docent_scripted::site::{ScriptedSite, SitePage};
use insta::assert_snapshot;

use super::{check, documents, given, list, paths, problems, source};

fn article(title: &str, text: &str, links: &str) -> SitePage {
    SitePage::html(format!(
        "<!DOCTYPE html><html lang=\"en\"><head><title>{title} | Tandemoor</title></head><body>\
         <nav><a href=\"/docs/\">Home</a></nav><main><h1>{title}</h1><p>{text}</p>{links}</main>\
         <footer>All rights reserved</footer></body></html>"
    ))
}

fn settings(site: &ScriptedSite, more: &str) -> String {
    let host = site.url().trim_start_matches("http://");
    format!(
        "kind = \"website\"\nurl = \"{}/docs/\"\nallow_hosts = [\"{host}\"]\n{more}",
        site.url()
    )
}

#[tokio::test]
async fn a_crawl_reads_the_main_content_of_every_page_that_links_lead_to() {
    let site = ScriptedSite::start().await;
    let folder = tempfile::tempdir().unwrap();
    site.set(
        "/robots.txt",
        SitePage::of("text/plain", "User-agent: *\nDisallow: /docs/drafts/\n"),
    );
    site.set(
        "/docs/",
        article(
            "Data handbook",
            "Start here.",
            "<ul><li><a href=\"trips?utm_source=home#top\">Trips</a></li><li><a href=\"riders.html\">Riders</a></li>\
             <li><a href=\"/docs/drafts/x\">Draft</a></li><li><a href=\"/blog\">Blog</a></li>\
             <li><a href=\"logo.png\">Logo</a></li><li><a href=\"missing\">Missing</a></li>\
             <li><a href=\"broken\">Broken</a></li><li><a href=\"https://example.com/docs/\">Elsewhere</a></li></ul>",
        ),
    );
    site.set(
        "/docs/trips",
        article(
            "Trips",
            "fct_trips has one row a trip.",
            "<a href=\"old-trips\">Old</a>",
        )
        .with("last-modified", "Sat, 14 Mar 2026 09:12:00 GMT"),
    );
    // The same page under another address, which it disowns.
    let copy = article("Trips", "fct_trips has one row a trip.", "");
    let mut copy_text = String::from_utf8(copy.body.clone()).unwrap();
    copy_text = copy_text.replace(
        "<head>",
        "<head><link rel=\"canonical\" href=\"/docs/trips\">",
    );
    site.set("/docs/old-trips", SitePage::html(copy_text));
    // In EUC-KR, and says so.
    let (korean, _, _) = encoding_rs::EUC_KR.encode(
        "<html><head><title>라이더</title></head><body><main><h1>라이더</h1><p>주간 활성 라이더의 정의입니다.</p>\
         <a href=\"hidden\">x</a></main></body></html>",
    );
    site.set(
        "/docs/riders.html",
        SitePage::of("text/html; charset=euc-kr", korean.into_owned()),
    );
    site.set(
        "/docs/hidden",
        SitePage::html("<html><head><meta name=\"robots\" content=\"noindex\"></head><body>Secret<a href=\"notes.md\">n</a></body></html>"),
    );
    site.set(
        "/docs/notes.md",
        SitePage::of("text/markdown", "---\ntitle: Notes\ngroups: [everyone]\n---\nPlain *notes*. {{#include ../../docent.toml}}\n"),
    );
    site.set("/docs/broken", SitePage::status(500));
    let source = source(folder.path(), &settings(&site, "groups = [\"staff\"]"));
    assert!(check(folder.path(), &source).await.is_ok());
    site.take_requests();

    let listing = list(folder.path(), &source).await.unwrap();
    let hidden = [(site.url(), "SITE")];
    assert_snapshot!(documents(&listing, &hidden));
    assert_snapshot!(problems(&listing), @"failed docs/broken: the server answered 500 Internal Server Error");
    let asked = site.take_requests();
    assert!(
        !asked
            .iter()
            .any(|request| request.path.contains("drafts") || request.path == "/blog")
    );
    let trips = asked.iter().filter(|request| request.path == "/docs/trips");
    assert_eq!(trips.count(), 1);
}

#[tokio::test]
async fn unchanged_pages_cost_one_conditional_request_and_their_links_are_still_known() {
    let site = ScriptedSite::start().await;
    let folder = tempfile::tempdir().unwrap();
    site.set(
        "/docs/",
        article("Home", "Start.", "<a href=\"a\">a</a><a href=\"b\">b</a>").with("etag", "\"1\""),
    );
    site.set(
        "/docs/a",
        article("A", "Text of a.", "<a href=\"c\">c</a>").with("etag", "\"2\""),
    );
    site.set(
        "/docs/b",
        article("B", "Text of b.", "").with("last-modified", "Sat, 14 Mar 2026 09:12:00 GMT"),
    );
    site.set(
        "/docs/c",
        article("C", "Text of c.", "").with("etag", "\"4\""),
    );
    let source = source(folder.path(), &settings(&site, "sitemap = \"none\""));
    let first = list(folder.path(), &source).await.unwrap();
    assert_eq!(paths(&first), ["docs/", "docs/a", "docs/b", "docs/c"]);
    site.take_requests();

    let second = list(folder.path(), &source).await.unwrap();
    assert_eq!(second.found, first.found);
    let asked = site.take_requests();
    let pages: Vec<_> = asked
        .iter()
        .filter(|request| request.path != "/robots.txt")
        .collect();
    assert_eq!(pages.len(), 4);
    assert!(
        pages
            .iter()
            .all(|request| request.conditional && request.status == 304),
        "{pages:?}"
    );

    // A page that does not answer keeps its links; one that is gone goes, with what only it led to.
    site.set("/docs/a", SitePage::status(502));
    site.set("/docs/b", None);
    let third = list(folder.path(), &source).await.unwrap();
    assert_eq!(paths(&third), ["docs/", "docs/c"]);
    assert_snapshot!(problems(&third), @"failed docs/a: the server answered 502 Bad Gateway");

    // A lost cache is only slower.
    site.set(
        "/docs/a",
        article("A", "Text of a.", "<a href=\"c\">c</a>").with("etag", "\"2\""),
    );
    std::fs::remove_dir_all(folder.path().join("cache")).unwrap();
    let fourth = list(folder.path(), &source).await.unwrap();
    assert_eq!(paths(&fourth), ["docs/", "docs/a", "docs/c"]);
}

#[tokio::test]
async fn a_sitemap_says_which_pages_there_are() {
    let site = ScriptedSite::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = site.url();
    site.set(
        "/robots.txt",
        SitePage::of("text/plain", format!("Sitemap: {url}/maps/index.xml\n")),
    );
    site.set(
        "/maps/index.xml",
        SitePage::of(
            "application/xml",
            format!(
                "<sitemapindex><sitemap><loc>{url}/maps/docs.xml</loc></sitemap></sitemapindex>"
            ),
        ),
    );
    site.set(
        "/maps/docs.xml",
        SitePage::of(
            "application/xml",
            format!(
                "<urlset><url><loc>{url}/docs/a</loc><lastmod>2026-03-14</lastmod></url>\
                 <url><loc>{url}/docs/b</loc></url><url><loc>{url}/blog/c</loc></url></urlset>"
            ),
        ),
    );
    site.set(
        "/docs/a",
        article("A", "Text.", "<a href=\"unlisted\">u</a>"),
    );
    site.set("/docs/b", article("B", "Text.", ""));
    site.set("/docs/unlisted", article("Unlisted", "Text.", ""));
    let source = source(folder.path(), &settings(&site, ""));
    let listing = list(folder.path(), &source).await.unwrap();
    assert_eq!(paths(&listing), ["docs/a", "docs/b"]);
    assert_eq!(
        given(&listing, 0).updated_at.unwrap().to_rfc3339(),
        "2026-03-14T00:00:00+00:00"
    );

    // A sitemap that cannot be read says nothing about what is gone.
    site.set(
        "/maps/docs.xml",
        SitePage::status(503).with("retry-after", "0"),
    );
    let error = list(folder.path(), &source).await.unwrap_err().to_string();
    assert_snapshot!(error.replace(url, "SITE"), @r#"source "source": SITE/maps/docs.xml: the server answered 503 Service Unavailable"#);
}

#[tokio::test]
async fn limits_leave_the_rest_alone() {
    let site = ScriptedSite::start().await;
    let folder = tempfile::tempdir().unwrap();
    let links: String = (0..20)
        .map(|number| format!("<a href=\"{number}\">x</a>"))
        .collect();
    site.set("/docs/", article("Home", "Start.", &links));
    for number in 0..20 {
        site.set(&format!("/docs/{number}"), article("Page", "Text.", ""));
    }
    site.set("/docs/3", SitePage::of("text/html", vec![b'x'; 6_000_000]));
    let few = source(folder.path(), &settings(&site, "max_pages = 7"));
    let listing = list(folder.path(), &few).await.unwrap();
    assert_eq!(listing.found.len() + listing.problems.len(), 7);
    assert_snapshot!(listing.incomplete.unwrap(), @"it has more than 7 pages (max_pages)");
    let small = source(folder.path(), &settings(&site, "max_bytes = 2000"));
    let listing = list(folder.path(), &small).await.unwrap();
    assert_snapshot!(listing.incomplete.unwrap(), @"2000 bytes were fetched (max_bytes)");
    let slow = source(
        folder.path(),
        &settings(&site, "timeout_seconds = 1\ndelay_ms = 300"),
    );
    let listing = list(folder.path(), &slow).await.unwrap();
    assert_snapshot!(listing.incomplete.unwrap(), @"1 seconds were over (timeout_seconds)");
    let all = source(folder.path(), &settings(&site, ""));
    let listing = list(folder.path(), &all).await.unwrap();
    assert_eq!(
        (listing.found.len(), listing.incomplete.clone()),
        (20, None)
    );
    assert_snapshot!(problems(&listing), @"failed docs/3: larger than 5000000 bytes");
}

#[tokio::test]
async fn only_public_addresses_and_allowed_hosts_are_reached() {
    let site = ScriptedSite::start().await;
    let inside = ScriptedSite::start().await;
    let folder = tempfile::tempdir().unwrap();
    inside.set("/docs/", article("Secret", "Of the inside.", ""));
    let port = inside.url().rsplit(':').next().unwrap().to_owned();

    // As the source's own address, in every spelling, also through a name.
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "2130706433",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
    ] {
        let settings = format!("kind = \"website\"\nurl = \"http://{host}:{port}/docs/\"");
        let source = source(folder.path(), &settings);
        let error = list(folder.path(), &source).await.unwrap_err().to_string();
        assert!(
            error.contains("is not on the public internet"),
            "{host}: {error}"
        );
    }
    // Through a redirect of an allowed host, and through its links and its sitemap.
    let here = site.url();
    site.set(
        "/robots.txt",
        SitePage::redirect(&format!("http://localhost:{port}/robots.txt")),
    );
    let walled = source(folder.path(), &settings(&site, ""));
    let error = list(folder.path(), &walled).await.unwrap_err().to_string();
    assert!(error.contains("is not on the public internet"), "{error}");
    site.set("/robots.txt", SitePage::status(404));
    site.set(
        "/docs/",
        article("Home", "Start.", "<a href=\"away\">a</a>"),
    );
    site.set(
        "/docs/away",
        SitePage::redirect(&format!("{}/docs/", inside.url())),
    );
    let listing = list(folder.path(), &walled).await.unwrap();
    assert_eq!(paths(&listing), ["docs/"]);
    site.set(
        "/sitemap.xml",
        SitePage::of(
            "text/plain",
            format!("{}/docs/\n{here}/docs/\n", inside.url()),
        ),
    );
    let listing = list(folder.path(), &walled).await.unwrap();
    assert_eq!(paths(&listing), ["docs/"]);
    site.set(
        "/sitemap.xml",
        SitePage::redirect(&format!("{}/sitemap.xml", inside.url())),
    );
    let error = list(folder.path(), &walled).await.unwrap_err().to_string();
    assert!(error.contains("is not on the public internet"), "{error}");
    assert_eq!(inside.take_requests(), []);
}

#[tokio::test]
async fn a_token_goes_to_its_own_host_only_and_an_expired_one_removes_nothing() {
    let site = ScriptedSite::start().await;
    let other = ScriptedSite::start().await;
    let folder = tempfile::tempdir().unwrap();
    site.set("/docs/", article("Home", "Start.", ""));
    other.set("/robots.txt", SitePage::status(404));
    site.set(
        "/robots.txt",
        SitePage::redirect(&format!("{}/robots.txt", other.url())),
    );
    let hosts = format!(
        "kind = \"website\"\nurl = \"{}/docs/\"\nallow_hosts = [\"127.0.0.1\"]\ntoken_env = \"SOURCE_TOKEN\"",
        site.url()
    );
    let source = source(folder.path(), &hosts);
    list(folder.path(), &source).await.unwrap();
    let bearer = Some("Bearer s3cret".to_owned());
    assert!(
        site.take_requests()
            .iter()
            .all(|request| request.authorization == bearer)
    );
    assert!(
        other
            .take_requests()
            .iter()
            .all(|request| request.authorization.is_none())
    );
    assert!(!format!("{source:?}").contains("s3cret"));

    site.set("/docs/", SitePage::status(401));
    let error = list(folder.path(), &source).await.unwrap_err().to_string();
    assert_snapshot!(error.replace(site.url(), "SITE"), @r#"source "source": SITE/docs/: refused (401 Unauthorized); give it a token (token_env, token_file), or another if it has expired"#);
    assert!(check(folder.path(), &source).await.is_err());
}
