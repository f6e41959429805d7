//! Which deployments of a group can take a call: those that suit it, and of these those that can take one now.

use std::time::Duration;

use super::health::Standing;
use super::limits::Denied;
use super::rules::{Rules, TagMatch};
use super::slot::Slot;
use super::strategy::Pick;
use super::table::Group;
use crate::chat::{ChatRequest, Content, ResponseFormat};
use crate::error::{Error, ErrorKind};
use crate::pricing::Capability;

/// The tag of deployments that take calls without tags.
const DEFAULT: &str = "default";

/// What a call asks for, beside its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Demand {
    pub(super) pick: Pick,
    pub(super) tags: Vec<String>,
    pub(super) region: Option<String>,
    pub(super) capabilities: Vec<Capability>,
    /// How many times to try again, where it says so.
    pub(super) num_retries: Option<u32>,
    /// Whether the conversation ends with the beginning of the reply.
    pub(super) prefill: bool,
}

/// Whether a deployment can take a call of so many tokens now.
#[inline]
pub(super) fn room(slot: &Slot, tokens: u64, now: Duration) -> Result<(), Denied> {
    if slot.is_removed() {
        return Err(Denied::Never);
    }
    match slot.state.health.standing(now) {
        Standing::Healthy | Standing::Probation { taken: false } => {}
        Standing::Probation { taken: true } => return Err(Denied::Busy),
        Standing::Cooling(until) => return Err(Denied::For(until.saturating_sub(now))),
    }
    slot.state.usage.room(&slot.deployment, tokens, now)
}

/// The places of a group that suit a call, in their order; `None` for all of them.
///
/// # Errors
///
/// What the call asks for and no deployment of the group has.
pub(super) fn suiting(group: &Group, demand: &Demand, rules: &Rules) -> Result<Option<Vec<usize>>, Error> {
    let mut places: Option<Vec<usize>> = None;
    let mut keep = |suits: &dyn Fn(&Slot) -> bool| {
        let slots = group.slots.iter().enumerate();
        let earlier = |place: &usize| places.as_ref().is_none_or(|places| places.binary_search(place).is_ok());
        let left: Vec<usize> =
            slots.filter(|(place, slot)| earlier(place) && suits(slot)).map(|(place, _)| place).collect();
        let any = !left.is_empty();
        places = Some(left);
        any
    };
    let region = demand.region.as_deref().or(rules.region.as_deref());
    if let Some(region) = region
        && !keep(&|slot| slot.deployment.region.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(region)))
    {
        return Err(Error::new(ErrorKind::InvalidRequest, "no deployment of this model is in the region asked for"));
    }
    for capability in &demand.capabilities {
        if !keep(&|slot| slot.info().and_then(|info| info.supports(*capability)) != Some(false)) {
            let what = capability.as_ref();
            let message = format!("no deployment of this model can do what the request needs: `{what}`");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
    }
    if demand.prefill
        && !keep(&|slot| slot.info().and_then(|info| info.supports(Capability::AssistantPrefill)) == Some(true))
    {
        let message = "no other deployment of this model can go on from the text so far";
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    if rules.check_context && !keep(&|slot| fits(slot, demand.pick.prompt_tokens)) {
        let message = "the prompt is longer than any deployment of this model takes";
        return Err(Error::new(ErrorKind::ContextWindowExceeded, message));
    }
    if let Some(how) = rules.tags {
        let tagged = by_tags(group, &demand.tags, how)?;
        keep(&|slot| tagged.iter().any(|tagged| std::ptr::eq(*tagged, slot)));
    }
    Ok(places)
}

fn fits(slot: &Slot, tokens: u64) -> bool {
    slot.max_input_tokens().is_none_or(|most| tokens <= most)
}

/// The deployments that a call's tags choose. `!t` keeps away from a tag, `&t` asks for it without fail.
fn by_tags<'a>(group: &'a Group, tags: &[String], how: TagMatch) -> Result<Vec<&'a Slot>, Error> {
    let has = |slot: &Slot, tag: &str| slot.deployment.tags.iter().any(|own| own == tag);
    let signed = |sign: char| tags.iter().filter_map(move |tag| tag.strip_prefix(sign));
    let plain: Vec<&str> = tags.iter().map(String::as_str).filter(|tag| !tag.starts_with(['!', '&'])).collect();
    let allowed: Vec<&Slot> = group
        .slots
        .iter()
        .map(AsRef::as_ref)
        .filter(|slot| !signed('!').any(|tag| has(slot, tag)) && signed('&').all(|tag| has(slot, tag)))
        .collect();
    let matching = |slot: &&Slot| match how {
        TagMatch::Any => plain.iter().any(|tag| has(slot, tag)),
        TagMatch::All => plain.iter().all(|tag| has(slot, tag)),
    };
    let required = signed('&').next().is_some();
    let mut chosen: Vec<&Slot> = if plain.is_empty() {
        if required { allowed.clone() } else { Vec::new() }
    } else {
        allowed.iter().copied().filter(matching).collect()
    };
    // Calls without tags, and with tags that nobody knows, go to those that are there for all.
    let known = plain.iter().any(|tag| group.slots.iter().any(|slot| has(slot, tag)));
    if chosen.is_empty() && !known && (!required || plain.is_empty()) {
        chosen = allowed.iter().copied().filter(|slot| has(slot, DEFAULT)).collect();
        if chosen.is_empty() && !required {
            chosen = allowed.into_iter().filter(|slot| slot.deployment.tags.is_empty()).collect();
        }
    }
    if chosen.is_empty() {
        return Err(Error::new(ErrorKind::InvalidRequest, "no deployment of this model takes calls with these tags"));
    }
    Ok(chosen)
}

/// What a request cannot do without.
pub(super) fn capabilities(request: &ChatRequest) -> Vec<Capability> {
    let params = &request.params;
    let mut needs = Vec::new();
    let mut need = |capability, needed: bool| {
        if needed && !needs.contains(&capability) {
            needs.push(capability);
        }
    };
    need(Capability::FunctionCalling, params.tools.as_ref().is_some_and(|tools| !tools.is_empty()));
    need(Capability::ResponseSchema, matches!(params.response_format, Some(ResponseFormat::JsonSchema(_))));
    need(Capability::WebSearch, params.web_search_options.is_some());
    for part in request.messages.iter().flat_map(|message| &message.parts) {
        match part.content {
            Content::Image(_) => need(Capability::Vision, true),
            Content::Audio(_) => need(Capability::AudioInput, true),
            Content::Video(_) => need(Capability::VideoInput, true),
            Content::File(_) => need(Capability::PdfInput, true),
            _ => {}
        }
    }
    needs
}

/// About how many tokens a prompt has: a quarter of its bytes, and 800 for each picture, document or sound.
pub(super) fn estimate(request: &ChatRequest) -> u64 {
    const MEDIA: usize = 800 * 4;
    const MESSAGE: usize = 4 * 4;
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let content = parts.map(|part| match &part.content {
        Content::Text(text) | Content::Refusal(text) => text.len(),
        Content::Reasoning(reasoning) => reasoning.text.len(),
        Content::ToolCall(call) => call.name.len().saturating_add(call.arguments.len()),
        _ => MEDIA,
    });
    let tools = request.params.tools.iter().flatten().map(|tool| serde_json::to_string(tool).map_or(0, |t| t.len()));
    let bytes = content.chain(tools).fold(request.messages.len().saturating_mul(MESSAGE), usize::saturating_add);
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::Deployment;
    use super::super::table::tests::table;
    use super::*;
    use crate::chat::{Part, user};

    fn chosen(deployments: Vec<Deployment>, demand: &Demand, rules: &Rules) -> Result<Vec<String>, ErrorKind> {
        let table = table(deployments);
        let group = table.group("a").unwrap();
        let places = suiting(group, demand, rules).map_err(|error| error.kind())?;
        let places = places.unwrap_or_else(|| (0..group.slots.len()).collect());
        Ok(places.into_iter().map(|place| group.slots[place].id.to_string()).collect())
    }

    fn named(id: &str) -> Deployment {
        Deployment::new("a", "openai/gpt-4o").id(id)
    }

    fn tags(tags: &[&str], how: TagMatch) -> Result<Vec<String>, ErrorKind> {
        let deployments = vec![
            named("free").tag("free"),
            named("paid").tag("paid").tag("eu"),
            named("all").tag(DEFAULT),
            named("bare"),
        ];
        let demand = Demand { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..Demand::default() };
        chosen(deployments, &demand, &Rules { tags: Some(how), ..Rules::default() })
    }

    #[test]
    fn tags_choose_deployments() {
        let some = |ids: &[&str]| Ok(ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        assert_eq!(tags(&["free"], TagMatch::Any), some(&["free"]));
        assert_eq!(tags(&["free", "paid"], TagMatch::Any), some(&["free", "paid"]));
        assert_eq!(tags(&["eu", "paid"], TagMatch::All), some(&["paid"]));
        assert_eq!(tags(&["free", "paid"], TagMatch::All), Err(ErrorKind::InvalidRequest));
        assert_eq!(tags(&[], TagMatch::Any), some(&["all"]));
        assert_eq!(tags(&["unheard of"], TagMatch::Any), some(&["all"]));
        assert_eq!(tags(&["free", "paid", "!eu"], TagMatch::Any), some(&["free"]));
        assert_eq!(tags(&["&eu"], TagMatch::Any), some(&["paid"]));
        assert_eq!(tags(&["free", "!free"], TagMatch::Any), Err(ErrorKind::InvalidRequest));
    }

    #[test]
    fn without_a_default_untagged_deployments_take_untagged_calls() {
        let rules = Rules { tags: Some(TagMatch::Any), ..Rules::default() };
        let ids = chosen(vec![named("x").tag("x"), named("bare")], &Demand::default(), &rules);
        assert_eq!(ids, Ok(vec!["bare".to_owned()]));
    }

    #[test]
    fn a_prompt_goes_where_it_fits_if_that_is_asked_for() {
        let deployments = vec![named("small").max_input_tokens(10), named("large").max_input_tokens(1000)];
        let demand = |tokens| {
            let mut demand = Demand::default();
            demand.pick.prompt_tokens = tokens;
            demand
        };
        let rules = Rules { check_context: true, ..Rules::default() };
        assert_eq!(chosen(deployments.clone(), &demand(11), &rules), Ok(vec!["large".to_owned()]));
        assert_eq!(chosen(deployments.clone(), &demand(5000), &rules), Err(ErrorKind::ContextWindowExceeded));
        assert_eq!(chosen(deployments, &demand(5000), &Rules::default()).map(|ids| ids.len()), Ok(2));
    }

    #[test]
    fn a_region_and_a_beginning_of_the_reply_are_asked_for_without_fail() {
        let deployments = vec![named("us").region("us"), named("eu").region("EU"), named("nowhere")];
        let demand = Demand { region: Some("eu".to_owned()), ..Demand::default() };
        assert_eq!(chosen(deployments.clone(), &demand, &Rules::default()), Ok(vec!["eu".to_owned()]));
        let prefill = Demand { prefill: true, ..Demand::default() };
        assert_eq!(chosen(deployments, &prefill, &Rules::default()), Err(ErrorKind::Unsupported));
        let claude = vec![Deployment::new("a", "anthropic/claude-sonnet-4-5").id("claude"), named("gpt")];
        assert_eq!(chosen(claude, &prefill, &Rules::default()), Ok(vec!["claude".to_owned()]));
    }

    #[test]
    fn what_a_request_needs_is_seen_in_its_parts() {
        let mut request =
            ChatRequest::new("a", [user([Part::text("What?"), Part::image_url("https://a.example/b.png")])]);
        assert_eq!(capabilities(&request), [Capability::Vision]);
        request.params.tools = Some(vec![crate::chat::Tool::function("f", "")]);
        assert_eq!(capabilities(&request), [Capability::FunctionCalling, Capability::Vision]);
        assert!((800..850).contains(&estimate(&request)), "{}", estimate(&request));
    }
}
