//! For those who run the server: probes, metrics and a status page over HTTP, on a port of their own.
//!
//! It reads and changes nothing, and tells nothing that a parcel states.

mod config;
mod recent;
mod status;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use config::AdminConfig;

use crate::serve::Standing;
use crate::telemetry::{MEDIA_TYPE, fields, unix_seconds};
use recent::{NOTE_EVERY, Recent};

/// Connections at once: a scraper, probes, and some people.
const MAX_CONNECTIONS: usize = 16;
/// Longest that one may take, from its beginning to the end of its answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// Most that is read of a request's head, in bytes.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// How long accepting rests after it failed.
const PAUSE: Duration = Duration::from_millis(100);

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
/// The page loads nothing and runs nothing, whatever could be written into it.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers on `listener` for as long as it is polled.
pub async fn serve(listener: TcpListener, standing: Arc<Standing>) -> Infallible {
    let recent = Recent::new(standing.metrics().totals(), unix_seconds());
    let admin = Arc::new(Admin { standing, recent: Mutex::new(recent) });
    let notes = Arc::clone(&admin);
    let noting = async move {
        loop {
            tokio::time::sleep(NOTE_EVERY).await;
            notes.note();
        }
    };
    let accepting = async move {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { continue };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let admin = Arc::clone(&admin);
                    tokio::spawn(async move {
                        let _place = place;
                        let answer = service_fn(|request: Request<Incoming>| {
                            let answer = admin.answer(request.method(), request.uri().path());
                            async { Ok::<_, Infallible>(answer) }
                        });
                        let connection = http1::Builder::new()
                            .timer(TokioTimer::new())
                            .header_read_timeout(CONNECTION_TIMEOUT)
                            .max_buf_size(MAX_HEAD_BYTES)
                            // So that nobody holds a place by saying nothing.
                            .keep_alive(false)
                            .serve_connection(TokioIo::new(stream), answer);
                        // Whoever hangs up or is late gets no answer, and nobody else is concerned.
                        let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
                    });
                }
                Err(error) => {
                    tracing::warn!({ fields::ERROR } = %error, "accepting connections to the admin port pauses");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        never = noting => never,
        never = accepting => never,
    }
}

#[derive(Debug)]
struct Admin {
    standing: Arc<Standing>,
    recent: Mutex<Recent>,
}

impl Admin {
    fn note(&self) {
        let totals = self.standing.metrics().totals();
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).note(totals, unix_seconds());
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            let mut refused = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n".to_owned());
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match path {
            "/" => {
                let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
                respond(StatusCode::OK, HTML, status::page(&self.standing, &recent))
            }
            "/metrics" => respond(StatusCode::OK, MEDIA_TYPE, self.standing.metrics_text()),
            // Whoever answers lives. What it can't do is no reason to start it anew.
            "/livez" => respond(StatusCode::OK, TEXT, "alive\n".to_owned()),
            "/readyz" => self.readiness(),
            _ => respond(StatusCode::NOT_FOUND, TEXT, "/, /metrics, /livez and /readyz are here\n".to_owned()),
        }
    }

    fn readiness(&self) -> Response<Full<Bytes>> {
        let troubles = self.standing.troubles();
        let is_ready = troubles.iter().all(|trouble| !trouble.stops_serving);
        let (code, mut text) = if is_ready {
            (StatusCode::OK, "ready\n".to_owned())
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n".to_owned())
        };
        text.extend(troubles.iter().map(|trouble| format!("{}: {}\n", trouble.part, trouble.means)));
        respond(code, TEXT, text)
    }
}

fn respond(status: StatusCode, media_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, media_type),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
