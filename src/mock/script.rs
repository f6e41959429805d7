//! A response as a plan: its head, then what is sent, waited and broken off, step by step.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use super::fault::{Fault, Trouble};
use super::format::{Event, Format, Wire};
use super::reply::{Answer, Content, Reply};
use super::requests::Shape;

/// A response from its head to its end.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) opening: Opening,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Opening {
    Now,
    After(Duration),
    /// No response at all: the connection is reset.
    Reset,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Send(Bytes),
    Pause(Duration),
    /// Nothing more, for ever.
    Stall,
    /// The connection is closed without an end of the response.
    Cut,
    /// The connection is reset.
    Reset,
}

impl Script {
    /// A response of one piece.
    pub(super) fn whole(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let mut script = Self::streamed(content_type, vec![Step::Send(body.clone())]);
        script.status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        script.headers.insert(CONTENT_LENGTH, body.len().into());
        script
    }

    fn streamed(content_type: &str, steps: Vec<Step>) -> Self {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(content_type) {
            headers.insert(CONTENT_TYPE, value);
        }
        Self { opening: Opening::Now, status: StatusCode::OK, headers, steps }
    }

    /// The response that gives this reply in this format and shape.
    pub(super) fn of(reply: &Reply, format: Format, shape: &Shape) -> Self {
        let wire = format.wire();
        let answer = &reply.answer;
        let shape = &Shape {
            model: answer.model.clone().unwrap_or_else(|| shape.model.clone()),
            choices: answer.choices.unwrap_or(shape.choices).clamp(1, 128),
            ..shape.clone()
        };
        let refusal = wire.refusal().filter(|_| reply.fault == Some(Fault::ContentPolicy));
        let trouble = reply.fault.as_ref().and_then(Fault::trouble);
        let mut script = match (trouble, &refusal, &reply.content) {
            (Some(_), Some(refusal), _) => Self::answer(wire, shape, refusal, reply),
            (Some(trouble), None, _) => Self::trouble(wire, trouble, shape),
            (None, _, Content::Raw { .. }) => Self::raw_body(reply).unwrap_or_else(Self::nothing),
            (None, _, _) => Self::answer(wire, shape, answer, reply),
        };
        script.open(reply.fault.as_ref());
        if let Ok(id) = HeaderValue::from_str(&format!("req_mock{}", answer.serial)) {
            script.headers.insert(HeaderName::from_static(wire.request_id()), id);
        }
        script.headers.extend(reply.headers.iter().cloned());
        script
    }

    /// An answer, whole or streamed, with what goes wrong with it.
    fn answer(wire: &dyn Wire, shape: &Shape, answer: &Answer, reply: &Reply) -> Self {
        if shape.streamed {
            return Self::stream(wire, shape, answer, reply);
        }
        let body = Bytes::from(wire.whole(shape, answer).to_string());
        let mut script = Self::whole(200, "application/json", body.clone());
        match &reply.fault {
            Some(Fault::ErrorAfter(_)) => {
                script = Self::trouble(wire, Trouble::Status(500), shape);
                script.status = StatusCode::OK;
            }
            Some(fault) => script.break_body(&body, fault),
            None => {}
        }
        script
    }

    /// The response that gives a raw reply to a request that is in none of the formats.
    pub(super) fn raw(reply: &Reply) -> Option<Self> {
        let mut script = Self::raw_body(reply)?;
        script.open(reply.fault.as_ref());
        script.headers.extend(reply.headers.iter().cloned());
        Some(script)
    }

    fn raw_body(reply: &Reply) -> Option<Self> {
        let Content::Raw { status, content_type, body } = &reply.content else { return None };
        let mut script = Self::whole(*status, content_type, body.clone());
        match (&reply.fault, reply.answer.pieces) {
            (Some(fault), _) => script.break_body(body, fault),
            (None, Some(pieces)) => script.divide(body, pieces, reply.pace),
            (None, None) => {}
        }
        Some(script)
    }

    fn nothing() -> Self {
        Self::whole(200, "text/plain", Bytes::new())
    }

    /// An error reply.
    fn trouble(wire: &dyn Wire, trouble: Trouble, shape: &Shape) -> Self {
        let (status, body) = wire.error(trouble, &shape.model);
        if status == 200 && shape.streamed {
            let event = wire.frame(shape, None, &body.to_string());
            return Self::streamed(wire.stream_type(shape), vec![Step::Send(event)]);
        }
        let mut script = Self::whole(status, "application/json", body.to_string());
        if let Some((name, value)) = wire.error_header(status)
            && let Ok(value) = HeaderValue::try_from(value)
        {
            script.headers.insert(HeaderName::from_static(name), value);
        }
        if let Trouble::RateLimited(after) = trouble {
            let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0));
            script.headers.insert(RETRY_AFTER, seconds.into());
            if after.subsec_nanos() > 0 {
                let milliseconds = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                script.headers.insert(HeaderName::from_static("retry-after-ms"), milliseconds.into());
            }
        }
        script
    }

    /// A stream, with what goes wrong in its middle.
    fn stream(wire: &dyn Wire, shape: &Shape, answer: &Answer, reply: &Reply) -> Self {
        let mut events: VecDeque<Event> = wire.events(shape, answer).into();
        let mut steps = Vec::new();
        let after = match reply.fault {
            Some(
                Fault::ResetAfter(n)
                | Fault::StallAfter(n)
                | Fault::CutAfter(n)
                | Fault::EndAfter(n)
                | Fault::MalformedAfter(n)
                | Fault::ErrorAfter(n),
            ) => n.min(events.iter().filter(|event| event.content).count()),
            _ => usize::MAX,
        };
        let mut sent = 0usize;
        while let Some(event) = events.pop_front() {
            if sent >= after && (event.content || events.iter().all(|event| !event.content)) {
                events.push_front(event);
                break;
            }
            if event.content {
                if sent > 0 && !reply.pace.is_zero() {
                    steps.push(Step::Pause(reply.pace));
                }
                sent = sent.saturating_add(1);
            }
            steps.push(Step::Send(event.bytes));
        }
        match reply.fault {
            Some(Fault::MalformedAfter(_)) => {
                events.pop_front();
                steps.push(Step::Send(wire.frame(shape, None, r#"{"this is not"#)));
                steps.extend(events.into_iter().map(|event| Step::Send(event.bytes)));
            }
            Some(Fault::ErrorAfter(_)) => steps.push(Step::Send(wire.error_event(shape))),
            Some(Fault::ResetAfter(_)) => steps.extend([Step::Pause(READING), Step::Reset]),
            Some(Fault::StallAfter(_)) => steps.push(Step::Stall),
            Some(Fault::CutAfter(_)) => steps.push(Step::Cut),
            Some(Fault::CutAfterBytes(bytes)) => {
                steps = within(steps, bytes);
                steps.push(Step::Cut);
            }
            Some(Fault::HugeLine(bytes)) => {
                steps = vec![Step::Send(wire.opening(shape, bytes.saturating_add(BEGUN.len()))), Step::Send(BEGUN)];
                steps.extend(flood(bytes));
            }
            _ => {}
        }
        Self::streamed(wire.stream_type(shape), steps)
    }

    /// Breaks a reply of one piece in its middle.
    fn break_body(&mut self, body: &Bytes, fault: &Fault) {
        let half = body.slice(..body.len().div_euclid(2));
        let broken = |end| vec![Step::Send(half.clone()), end];
        match fault {
            Fault::ResetAfter(_) => self.steps = vec![Step::Send(half), Step::Pause(READING), Step::Reset],
            Fault::StallAfter(_) => self.steps = broken(Step::Stall),
            Fault::CutAfter(_) => self.steps = broken(Step::Cut),
            Fault::CutAfterBytes(bytes) => {
                self.steps = within(std::mem::take(&mut self.steps), *bytes);
                self.steps.push(Step::Cut);
            }
            Fault::EndAfter(_) | Fault::MalformedAfter(_) => {
                self.headers.insert(CONTENT_LENGTH, half.len().into());
                self.steps = vec![Step::Send(half)];
            }
            Fault::HugeLine(bytes) => {
                self.headers.remove(CONTENT_LENGTH);
                self.steps = vec![Step::Send(BEGUN)];
                self.steps.extend(flood(*bytes));
            }
            _ => {}
        }
    }

    /// Sends a body in so many pieces, of about the same number of bytes.
    fn divide(&mut self, body: &Bytes, pieces: usize, pace: Duration) {
        self.headers.remove(CONTENT_LENGTH);
        self.steps.clear();
        let size = body.len().div_ceil(pieces.max(1)).max(1);
        for piece in body.chunks(size) {
            if !self.steps.is_empty() && !pace.is_zero() {
                self.steps.push(Step::Pause(pace));
            }
            self.steps.push(Step::Send(body.slice_ref(piece)));
        }
    }

    /// What the fault does to the head, or to all of the response.
    fn open(&mut self, fault: Option<&Fault>) {
        match fault {
            Some(Fault::Reset) => self.opening = Opening::Reset,
            Some(Fault::SlowHead(pause)) => self.opening = Opening::After(*pause),
            Some(Fault::Html) => *self = Self::whole(200, "text/html; charset=utf-8", PAGE),
            Some(Fault::EmptyBody) => {
                self.headers.insert(CONTENT_LENGTH, 0.into());
                self.steps.clear();
            }
            Some(Fault::WrongContentType) => {
                self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            }
            _ => {}
        }
    }

    /// The reply to a request that is in none of the formats.
    pub(super) fn unknown(what: &str) -> Self {
        let message = format!("the simulator has no {what}");
        let body: Value = serde_json::json!({"error": {"message": message, "type": "invalid_request_error"}});
        Self::whole(404, "application/json", body.to_string())
    }
}

const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n";

/// How long a client has to read what came before a reset, which discards the rest.
const READING: Duration = Duration::from_millis(20);

/// The steps as far as their first `bytes` bytes go.
fn within(steps: Vec<Step>, bytes: usize) -> Vec<Step> {
    let mut left = bytes;
    let mut kept = Vec::new();
    for step in steps {
        match step {
            _ if left == 0 => break,
            Step::Send(sent) => {
                kept.push(Step::Send(sent.slice(..sent.len().min(left))));
                left = left.saturating_sub(sent.len());
            }
            other => kept.push(other),
        }
    }
    kept
}

/// How a JSON object begins.
const BEGUN: Bytes = Bytes::from_static(b"{\"");

/// So many bytes without a line's end.
fn flood(bytes: usize) -> impl Iterator<Item = Step> {
    const BLOCK: &[u8] = &[b'x'; 64 * 1024];
    let mut left = bytes;
    std::iter::from_fn(move || {
        let block = BLOCK.get(..left).unwrap_or(BLOCK);
        left = left.saturating_sub(block.len());
        (!block.is_empty()).then(|| Step::Send(Bytes::from_static(block)))
    })
}
