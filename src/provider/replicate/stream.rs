//! The streamed output: events `output` of plain text, until `done` (<https://replicate.com/docs/streaming>).

use http::StatusCode;
use serde_json::Value;

use crate::chat::{ChatChunk, Delta, FinishReason};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::think::ThinkSplitter;
use crate::provider::{EventDecoder, Fault, Flow, Queue};
use crate::wire::Frame;

/// Decodes the events of one output.
#[derive(Debug, Default)]
pub(super) struct Events {
    started: bool,
    thinking: ThinkSplitter,
}

impl EventDecoder for Events {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        let text = std::str::from_utf8(frame.data).map_err(|source| {
            Error::new(ErrorKind::StreamInterrupted, "an event of the stream is not text").with_source(source)
        })?;
        let mut push = |delta| queue.push_back(ChatChunk::new(delta));
        match frame.event {
            Some("output") => {
                self.start(&mut push);
                self.thinking.push(text, &mut |piece| push(piece.into()));
                Ok(Flow::More)
            }
            Some("done") => {
                let end: Value = serde_json::from_str(text).unwrap_or_default();
                match end.get("reason").and_then(Value::as_str) {
                    Some("error") => return Err(failed("the model failed while it answered")),
                    Some("canceled") => return Err(failed("the prediction was canceled")),
                    _ => {}
                }
                self.start(&mut push);
                self.thinking.end(&mut |piece| push(piece.into()));
                push(Delta::Finish { reason: FinishReason::Stop, native: Some("succeeded".to_owned()) });
                Ok(Flow::Done)
            }
            Some("error") => {
                let said: Value = serde_json::from_str(text).unwrap_or_default();
                let words = ["detail", "error", "message"].iter().find_map(|name| said.get(name)?.as_str());
                Err(failed(words.unwrap_or(text)))
            }
            // `logs`, and what may come.
            _ => Ok(Flow::More),
        }
    }
}

impl Events {
    fn start(&mut self, push: &mut dyn FnMut(Delta)) {
        if !std::mem::replace(&mut self.started, true) {
            push(Delta::Start(Box::default()));
        }
    }
}

fn failed(words: &str) -> Error {
    let status = Some(StatusCode::INTERNAL_SERVER_ERROR);
    Fault { status, code: None, message: words.to_owned() }.into_error()
}
