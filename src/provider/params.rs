//! Which parameters a provider takes.

use std::borrow::Cow;

use crate::chat::{ChatRequest, Effort, Params, ToolChoice, Warning};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Traits;
use crate::wire::json::Object;

/// How a reply comes is said by the call. In OpenAI's body it stands among the parameters, where it could say the
/// contrary.
const STREAM: &str = "stream";

/// Holds the parameters against what the provider supports.
///
/// An unsupported one is an error, or, with `drop_params`, left out with a warning. What the caller allowed by name
/// goes through, and so does `n: 1`, which asks for what every provider does anyway.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), naming all the parameters that are not;
/// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) for what is no number.
pub fn admit<'a>(
    params: &'a Params,
    provider: &str,
    supports: impl Fn(&str) -> bool,
    warnings: &mut Vec<Warning>,
) -> Result<Cow<'a, Params>> {
    if let Some(name) = not_a_number(params) {
        return Err(Error::new(ErrorKind::InvalidRequest, format!("`{name}` is not a number")));
    }
    let allowed = |name: &str| params.allowed_openai_params.iter().any(|allowed| allowed == name);
    let refused: Vec<&'static str> = params
        .names()
        .filter(|name| !(supports(name) || allowed(name) || *name == "n" && params.n == Some(1)))
        .collect();
    let says_stream = params.extra.get(STREAM).is_some();
    if refused.is_empty() && !says_stream {
        return Ok(Cow::Borrowed(params));
    }
    if !(refused.is_empty() || params.drop_params) {
        return Err(Error::unsupported(&refused.join("`, `"), provider));
    }
    let mut kept = params.clone();
    kept.extra.remove(STREAM);
    for name in refused {
        kept.unset(name);
        warnings.push(Warning::new(name, format!("dropped: {provider} does not support it")));
    }
    Ok(Cow::Owned(kept))
}

/// A parameter that JSON cannot say: it would be sent as `null`, and so be lost.
fn not_a_number(params: &Params) -> Option<&'static str> {
    let numbers = [
        ("temperature", params.temperature),
        ("top_p", params.top_p),
        ("presence_penalty", params.presence_penalty),
        ("frequency_penalty", params.frequency_penalty),
    ];
    numbers.into_iter().find(|(_, number)| number.is_some_and(|number| !number.is_finite())).map(|(name, _)| name)
}

/// Warns of something once, however many messages have it.
pub(super) fn warn_once(warnings: &mut Vec<Warning>, about: &'static str, message: &'static str) {
    if !warnings.iter().any(|known| known.parameter == about && known.message == message) {
        warnings.push(Warning::new(about, message));
    }
}

/// Warns of markers for the prompt cache where the provider takes none. They say nothing to the model, so that a request
/// is as good without.
pub(super) fn leave_out_cache_markers(request: &ChatRequest, provider: &str, warnings: &mut Vec<Warning>) {
    if request.has_cache_markers() {
        warnings
            .push(Warning::new("cache_control", format!("left out: {provider} takes no markers for its prompt cache")));
    }
}

/// Warns of a choice that a provider takes only beside tools, where there are none. Without one of them nothing would be
/// called by `auto` and `none` either.
pub(super) fn leave_out_choice(params: &Params, warnings: &mut Vec<Warning>) {
    if !matches!(params.tool_choice, None | Some(ToolChoice::Auto | ToolChoice::None)) {
        warnings.push(Warning::new("tool_choice", "left out: there are no tools to choose from"));
    }
}

/// Whether the model does not take a parameter, or not while it reasons as it is told to.
pub(super) fn refused_by_model(known: &Traits, params: &Params, name: &str) -> bool {
    let has = |list: &Option<Vec<Cow<'_, str>>>| list.iter().flatten().any(|refused| refused == name);
    let told = params.reasoning_effort.as_ref().is_some_and(|effort| effort.as_str() != Effort::None.as_str());
    has(&known.unsupported) || told && has(&known.unsupported_with_effort)
}

/// What becomes of something that a provider has no place for: an error, or with `drop_params` a warning.
pub(super) struct Limits<'a> {
    pub(super) provider: &'a str,
    pub(super) drop: bool,
    pub(super) warnings: &'a mut Vec<Warning>,
}

impl Limits<'_> {
    /// Refuses something of a parameter or of the conversation.
    pub(super) fn refuse(&mut self, what: &'static str, why: &str) -> Result<()> {
        if self.drop {
            self.warnings.push(Warning::new(what, format!("dropped: {why} by {}", self.provider)));
            return Ok(());
        }
        let message = format!("`{what}`: {why} by {}", self.provider);
        Err(Error::new(ErrorKind::Unsupported, message))
    }
}

/// Parameters that the caller allowed by name, though the provider is not known to have them, go out as they are.
pub(super) fn allowed(body: &mut Object, params: &Params, supports: impl Fn(&str) -> bool) -> Result<()> {
    let names: Vec<_> = params.names().filter(|name| !supports(name) && *name != "n").collect();
    if names.is_empty() {
        return Ok(());
    }
    let all = serde_json::to_value(params).unwrap_or_default();
    for name in names {
        body.set_some(name, all.get(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn params() -> Params {
        Params { temperature: Some(1.0), seed: Some(7), logprobs: Some(true), n: Some(1), ..Params::default() }
    }

    fn supports(name: &str) -> bool {
        name == "temperature"
    }

    #[test]
    fn an_unsupported_parameter_is_an_error_that_names_it() {
        let error = admit(&params(), "acme", supports, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("`seed`, `logprobs`"), "{error}");
        assert!(error.message().contains("drop_params"));
    }

    #[test]
    fn with_drop_params_it_is_left_out_with_a_warning() {
        let mut warnings = Vec::new();
        let params = Params { drop_params: true, ..params() };
        let kept = admit(&params, "acme", supports, &mut warnings).unwrap();
        assert_eq!(kept.names().collect::<Vec<_>>(), ["temperature", "n"]);
        assert_eq!(warnings.iter().map(|w| w.parameter.as_ref()).collect::<Vec<_>>(), ["seed", "logprobs"]);
    }

    #[test]
    fn how_the_reply_comes_is_no_parameter() {
        let mut params = Params::default();
        params.extra.insert("stream", true);
        params.extra.insert("top_k", 5);
        let kept = admit(&params, "acme", supports, &mut Vec::new()).unwrap();
        assert_eq!(kept.extra.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["top_k"]);
    }

    #[test]
    fn what_is_no_number_is_an_error_and_not_null() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let params = Params { top_p: Some(number), ..Params::default() };
            let error = admit(&params, "acme", |_| true, &mut Vec::new()).unwrap_err();
            assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidRequest, "`top_p` is not a number"));
        }
    }

    #[test]
    fn what_the_caller_allowed_goes_through() {
        let params = Params { allowed_openai_params: vec!["seed".into(), "logprobs".into()], ..params() };
        assert!(matches!(admit(&params, "acme", supports, &mut Vec::new()), Ok(Cow::Borrowed(_))));
    }
}
