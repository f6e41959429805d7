//! A reply of chat as one of the Responses API: what the events of its steps add up to.

use std::collections::VecDeque;

use super::{EventWriter, Request, Response};
use crate::chat::{ChatChunk, ChatResponse, Content, Delta, Part, Start};

impl Response {
    /// The reply to a request that was asked in chat.
    #[must_use]
    pub fn from_chat(reply: &ChatResponse, request: &Request) -> Self {
        let (mut writer, mut events) = (EventWriter::new(request), VecDeque::new());
        for delta in deltas(reply) {
            writer.write(&ChatChunk::new(delta), &mut events);
            events.clear();
        }
        writer.end(&mut events);
        let last = events.pop_back().and_then(|event| event.response);
        last.map_or_else(Self::default, |response| Self { meta: reply.meta.clone(), ..*response })
    }
}

/// The steps that a reply could have come in.
pub(crate) fn deltas(reply: &ChatResponse) -> Vec<Delta> {
    let mut deltas = vec![Delta::Start(Box::new(Start {
        id: reply.id.clone(),
        model: reply.model.clone(),
        created: reply.created,
        system_fingerprint: None,
        service_tier: reply.service_tier.clone(),
    }))];
    if let Some(choice) = reply.choices.first() {
        for part in &choice.message.parts {
            step(part, &mut deltas);
        }
        let annotations = choice.message.annotations.iter();
        deltas.extend(annotations.map(|annotation| Delta::Annotation(Box::new(annotation.clone()))));
        deltas.extend(choice.logprobs.as_ref().map(|logprobs| Delta::Logprobs(Box::new(logprobs.clone()))));
        deltas.extend(reply.usage.as_ref().map(|usage| Delta::Usage(Box::new(usage.clone()))));
        if let Some(reason) = &choice.finish_reason {
            deltas.push(Delta::Finish { reason: reason.clone(), native: choice.native_finish_reason.clone() });
        }
    }
    deltas
}

fn step(part: &Part, deltas: &mut Vec<Delta>) {
    match &part.content {
        Content::Text(text) => deltas.push(Delta::Text(text.clone())),
        Content::Refusal(text) => deltas.push(Delta::Refusal(text.clone())),
        Content::Reasoning(reasoning) if !reasoning.redacted && !reasoning.text.is_empty() => {
            deltas.push(Delta::Reasoning(reasoning.text.clone()));
        }
        _ => return deltas.push(Delta::Part(Box::new(part.clone()))),
    }
    deltas.extend(part.seal.as_ref().map(|seal| Delta::Seal(Box::new(seal.clone()))));
}
