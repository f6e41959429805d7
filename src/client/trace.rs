//! A `tracing` span for each call, in OpenTelemetry's names.
//!
//! Source: OpenTelemetry semantic conventions for generative AI, `gen_ai.*` span attributes.

use tracing::field::{Empty, display};
use tracing::{Span, info_span};

use super::{Outcome, Question};
use crate::model::ModelName;

/// The span of a call. Where nobody listens it costs nothing.
pub(super) fn span(name: &ModelName, operation: &'static str, request: &impl Question, stream: bool) -> Span {
    let (temperature, top_p, max_tokens) = request.sampling();
    info_span!(
        target: "anymodel",
        "gen_ai.call",
        otel.name = %format_args!("{operation} {}", name.model()),
        otel.kind = "client",
        otel.status_code = Empty,
        gen_ai.operation.name = operation,
        gen_ai.provider.name = name.provider(),
        gen_ai.request.model = name.model(),
        gen_ai.request.temperature = temperature,
        gen_ai.request.top_p = top_p,
        gen_ai.request.max_tokens = max_tokens,
        gen_ai.request.stream = stream,
        gen_ai.response.id = Empty,
        gen_ai.response.model = Empty,
        gen_ai.response.finish_reasons = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
        gen_ai.response.time_to_first_chunk = Empty,
        error.r#type = Empty,
        anymodel.attempts = Empty,
        anymodel.cost_usd = Empty,
    )
}

/// Fills in what the end tells.
pub(super) fn end(span: &Span, outcome: &Outcome<'_>) {
    if span.is_disabled() {
        return;
    }
    match outcome {
        Outcome::Answered { id, model, finish_reasons, usage, cost, time_to_first_token, attempts, .. } => {
            // Some providers give a reply no id, or do not say which model it is of.
            for (field, told) in [("gen_ai.response.id", id), ("gen_ai.response.model", model)] {
                if !told.is_empty() {
                    span.record(field, told);
                }
            }
            let reasons: Vec<&str> = finish_reasons.iter().map(|reason| reason.as_str()).collect();
            span.record("gen_ai.response.finish_reasons", display(reasons.join(",")));
            if let Some(usage) = usage {
                span.record("gen_ai.usage.input_tokens", usage.prompt_tokens);
                span.record("gen_ai.usage.output_tokens", usage.completion_tokens);
                span.record("gen_ai.usage.cache_read.input_tokens", usage.cached_tokens());
            }
            if let Some(cost) = cost {
                span.record("anymodel.cost_usd", cost.total().as_f64());
            }
            if let Some(time) = time_to_first_token {
                span.record("gen_ai.response.time_to_first_chunk", time.as_secs_f64());
            }
            span.record("anymodel.attempts", attempts);
        }
        Outcome::Counted { attempts, .. } => {
            span.record("anymodel.attempts", attempts);
        }
        Outcome::Failed { error, .. } => {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", error.kind().as_str());
            span.record("anymodel.attempts", error.attempts());
        }
        Outcome::Cancelled { .. } => {
            span.record("error.type", "cancelled");
        }
    }
}
