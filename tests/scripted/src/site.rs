//! A website whose pages a test writes, changes and takes away.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A page of a [`ScriptedSite`].
#[derive(Debug, Clone)]
pub struct SitePage {
    pub status: u16,
    /// `ETag` and `Last-Modified` of it are honoured in conditional requests.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl SitePage {
    /// A page of HTML without validators.
    pub fn html(body: impl Into<String>) -> Self {
        Self::of("text/html; charset=utf-8", body.into())
    }

    /// A page of any kind without validators.
    pub fn of(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    /// An answer without a body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A redirect (302).
    pub fn redirect(to: &str) -> Self {
        Self::status(302).with("location", to)
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRequest {
    /// Path and query.
    pub path: String,
    /// Whether it named an ETag or a date.
    pub conditional: bool,
    pub authorization: Option<String>,
    /// What it was answered with.
    pub status: u16,
}

#[derive(Default)]
struct Shared {
    pages: Mutex<BTreeMap<String, SitePage>>,
    requests: Mutex<Vec<SiteRequest>>,
}

/// A running site; what it has no page for is 404. It stops when it is dropped.
pub struct ScriptedSite {
    url: String,
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl ScriptedSite {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Panics
    /// Where no port can be had.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port on the loopback interface");
        let address = listener.local_addr().expect("an address that was bound");
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self {
            url: format!("http://{address}"),
            shared,
            task: task.abort_handle(),
        }
    }

    /// `http://127.0.0.1:PORT`, without a closing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Puts a page at a path (with its query, where it has one), or takes it away.
    pub fn set(&self, path: &str, page: impl Into<Option<SitePage>>) {
        let mut pages = self.shared.pages.lock();
        match page.into() {
            Some(page) => {
                pages.insert(path.to_owned(), page);
            }
            None => {
                pages.remove(path);
            }
        }
    }

    /// What was asked since this was last called, in order.
    pub fn take_requests(&self) -> Vec<SiteRequest> {
        std::mem::take(&mut *self.shared.requests.lock())
    }
}

impl Drop for ScriptedSite {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request
        .uri()
        .path_and_query()
        .map_or_else(String::new, ToString::to_string);
    let headers = request.headers();
    let page = shared.pages.lock().get(&path).cloned();
    let page = page.unwrap_or_else(|| SitePage::status(404));
    let asked = text(headers, header::IF_NONE_MATCH);
    let since = text(headers, header::IF_MODIFIED_SINCE);
    let unchanged = match (&asked, &since) {
        (Some(etag), _) => page.header("etag") == Some(etag),
        (None, Some(date)) => page.header("last-modified") == Some(date),
        (None, None) => false,
    };
    let status = if unchanged { 304 } else { page.status };
    shared.requests.lock().push(SiteRequest {
        path,
        conditional: asked.is_some() || since.is_some(),
        authorization: text(headers, header::AUTHORIZATION),
        status,
    });
    let mut response = Response::new(if unchanged {
        Body::empty()
    } else {
        Body::from(page.body)
    });
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    for (name, value) in &page.headers {
        if let (Ok(name), Ok(value)) = (
            name.parse::<header::HeaderName>(),
            value.parse::<header::HeaderValue>(),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
