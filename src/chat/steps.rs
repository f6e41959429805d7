//! A whole reply as the steps that it could have come in.

use super::{Annotation, ChatResponse, Content, Delta, Part, Start};

impl ChatResponse {
    /// The steps of its first choice.
    pub(crate) fn as_deltas(&self) -> Vec<Delta> {
        let mut deltas = vec![Delta::Start(Box::new(Start {
            id: self.id.clone(),
            model: self.model.clone(),
            created: self.created,
            system_fingerprint: None,
            service_tier: self.service_tier.clone(),
        }))];
        if let Some(choice) = self.choices.first() {
            let mut annotations = choice.message.annotations.iter().peekable();
            let mut length: u64 = 0;
            for part in &choice.message.parts {
                step(part, &mut deltas);
                // A citation comes behind the text that it is of.
                let Some(text) = part.as_text() else { continue };
                length = length.saturating_add(u64::try_from(text.chars().count()).unwrap_or(u64::MAX));
                let within = |annotation: &&Annotation| annotation.end_index.is_none_or(|end| end <= length);
                while let Some(annotation) = annotations.next_if(within) {
                    deltas.push(Delta::Annotation(Box::new(annotation.clone())));
                }
            }
            deltas.extend(annotations.map(|annotation| Delta::Annotation(Box::new(annotation.clone()))));
            deltas.extend(choice.logprobs.as_ref().map(|logprobs| Delta::Logprobs(Box::new(logprobs.clone()))));
            deltas.extend(self.usage.as_ref().map(|usage| Delta::Usage(Box::new(usage.clone()))));
            if let Some(reason) = &choice.finish_reason {
                deltas.push(Delta::Finish { reason: reason.clone(), native: choice.native_finish_reason.clone() });
            }
        }
        deltas
    }
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
