//! Why a request has no answer, and which status says so.
//!
//! | status | why |
//! |---|---|
//! | 400, 413 | the body is no text, or no plugin; it is too long |
//! | 422 | the plugin's own error |
//! | 500 | the service failed |
//! | 502 | the plugin trapped, or reached a limit |
//! | 503 | as many calls run and wait as may, or the service ends; `Retry-After` says when to come again |
//! | 504 | the plugin was not done at its deadline |

use std::fmt;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use wasm_pool::{Error, ErrorKind, FutureError, Outcome};

/// Why a request has no answer.
#[derive(Debug)]
pub enum Failure {
    /// The request cannot be read.
    Request(StatusCode, String),
    /// The plugin says that the text cannot be changed.
    Declined(String),
    /// What was put is no plugin.
    Plugin(String),
    /// The call did not come to its end.
    Call(FutureError),
    /// There was no call.
    Service(Error),
}

/// In seconds. A waiting line is gone after a few deadlines.
const RETRY_AFTER: &str = "1";

impl Failure {
    /// Whose fault it is, in HTTP's words.
    pub fn status(&self) -> StatusCode {
        match self {
            Failure::Request(status, _) => *status,
            Failure::Declined(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Failure::Plugin(_) => StatusCode::BAD_REQUEST,
            Failure::Call(FutureError::Ended(outcome)) => status_of(outcome),
            Failure::Call(FutureError::Closed(_) | FutureError::Cancelled) => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Call(FutureError::Broken(_) | FutureError::Timeout) => StatusCode::INTERNAL_SERVER_ERROR,
            Failure::Service(error) => match error.kind() {
                ErrorKind::Saturated | ErrorKind::Closed => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }
}

fn status_of(outcome: &Outcome) -> StatusCode {
    match outcome {
        Outcome::Deadline(_) => StatusCode::GATEWAY_TIMEOUT,
        Outcome::HostError(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Outcome::Exited(_)
        | Outcome::Failed(_)
        | Outcome::Trapped(_)
        | Outcome::Limit(_)
        | Outcome::Deadlock(_)
        | Outcome::Killed
        | Outcome::OutputClosed
        | Outcome::OutputFailed(_) => StatusCode::BAD_GATEWAY,
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = self.status();
        let line = format!("{}\n", serde_json::json!({ "error": self.to_string() }));
        let response = (status, [(header::CONTENT_TYPE, "application/json")], line);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            ([(header::RETRY_AFTER, RETRY_AFTER)], response).into_response()
        } else {
            response.into_response()
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Request(_, why) | Failure::Declined(why) | Failure::Plugin(why) => f.write_str(why),
            Failure::Call(error) => error.fmt(f),
            Failure::Service(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl From<FutureError> for Failure {
    fn from(error: FutureError) -> Failure {
        Failure::Call(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Service(error)
    }
}
