//! The page: files that are compiled in, compressed once, and named by what is in them.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;

use crate::app::{App, body, gzip, takes_gzip};
use crate::problem::Problem;
use crate::rest;

/// The pages, each with its name in the document.
pub(crate) const PAGES: [(&str, &str); 6] = [
    ("/", "board"),
    ("/t/{mint}", "token"),
    ("/w/{address}", "wallet"),
    ("/smart", "smart"),
    ("/alerts", "alerts"),
    ("/docs", "docs"),
];

/// What every answer carries: nothing of elsewhere is loaded, nobody frames the page. The hash is that of the one style
/// that the charts bring, for the mark of their maker.
pub(crate) const HEADERS: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self' \
         'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
];

const HTML: &str = include_str!("../page/index.html");
const ICON: &[u8] = include_bytes!("../page/icon.svg");

const JS: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// The files beside the document.
const FILES: &[(&str, &str, &[u8])] = &[
    ("app.css", "text/css; charset=utf-8", include_bytes!("../page/app.css")),
    ("app.js", JS, include_bytes!("../page/app.js")),
    ("token.js", JS, include_bytes!("../page/token.js")),
    ("pages.js", JS, include_bytes!("../page/pages.js")),
    ("icon.svg", "image/svg+xml", ICON),
    (
        "vendor/lightweight-charts.mjs",
        JS,
        include_bytes!("../page/vendor/lightweight-charts.standalone.production.mjs"),
    ),
    ("vendor/LICENSE", TEXT, include_bytes!("../page/vendor/LICENSE")),
    ("vendor/NOTICE", TEXT, include_bytes!("../page/vendor/NOTICE")),
];

/// Files by name.
struct Assets {
    /// Changes whenever a file does, so that browsers may keep what they have for ever.
    version: String,
    files: BTreeMap<&'static str, File>,
}

/// A file: what it is, its bytes, and the same compressed.
struct File {
    kind: &'static str,
    bytes: &'static [u8],
    compressed: Option<Vec<u8>>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let mut files = BTreeMap::new();
    for (name, kind, bytes) in FILES {
        digest.update(name.as_bytes());
        digest.update(bytes);
        files.insert(*name, File { kind, bytes, compressed: gzip(bytes, Compression::best()) });
    }
    let hash = digest.finish();
    let version = URL_SAFE_NO_PAD.encode(hash.as_ref().get(..9).unwrap_or_default());
    Assets { version, files }
});

/// The document of a page; on the board with its first rows, so that they show with it.
pub(crate) async fn html(State(app): State<Arc<App>>, name: &'static str, headers: HeaderMap) -> Response {
    let rows = if name == "board" { first_rows(&app).await } else { None };
    let text = HTML
        .replace("{{version}}", &ASSETS.version)
        .replace("{{page}}", name)
        // Last: what is in the rows is not replaced any more.
        .replace("{{first}}", &rows.unwrap_or_else(|| "null".to_owned()));
    let takes = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).is_some_and(takes_gzip);
    let mut response = body(text.into_bytes(), "text/html; charset=utf-8", takes);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The first rows of the board as JSON that can stand in a document.
async fn first_rows(app: &Arc<App>) -> Option<String> {
    let reader = Arc::clone(app);
    let found = app.read(move |moment| rest::first_tokens(moment, &reader)).await;
    let data = found.ok()?.ok()?;
    // Within a script element only this could end it.
    Some(String::from_utf8(data).ok()?.replace('<', "\\u003c"))
}

/// A file of the page.
pub(crate) async fn asset(Path((version, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(File { kind, bytes, compressed }) = ASSETS.files.get(name.as_str()) else {
        return Problem::not_found("file", &name).response("/static");
    };
    let takes = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).is_some_and(takes_gzip);
    let mut response = match compressed.as_ref().filter(|_| takes) {
        Some(compressed) => {
            let mut response = Response::new(Body::from(compressed.clone()));
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        None => Response::new(Body::from(*bytes)),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // A file of another version may be another file.
    let cache = if version == ASSETS.version { "public, max-age=31536000, immutable" } else { "no-store" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// The icon, where browsers look for it.
pub(crate) async fn icon() -> Response {
    ([(header::CONTENT_TYPE, "image/svg+xml")], ICON).into_response()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn the_style_of_the_charts_is_the_one_that_is_let_in() {
        let (_, _, bytes) = FILES.iter().find(|(name, ..)| name.ends_with(".mjs")).unwrap();
        let text = std::str::from_utf8(bytes).unwrap();
        let (_, after) = text.split_once("createElement(\"style\"),").unwrap();
        let style = after.split('"').nth(1).unwrap();
        let hash = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, style.as_bytes()));
        assert!(HEADERS[0].1.contains(&format!("'sha256-{hash}'")), "{hash}");
    }

    #[test]
    fn the_page_is_within_its_budget() {
        let size = |name: &str| ASSETS.files[name].compressed.as_ref().unwrap().len();
        let scripts = size("app.js") + size("token.js") + size("pages.js");
        assert!(scripts <= 30 << 10, "{scripts} bytes of scripts, compressed");
        assert!(size("app.css") <= 8 << 10);
        let first =
            gzip(HTML.as_bytes(), Compression::fast()).unwrap().len() + size("app.js") + size("app.css");
        assert!(first <= 45 << 10, "{first} bytes, without the rows");
    }
}
