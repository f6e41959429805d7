//! Conversations made to fit.

use crate::chat::{Content, Message, Role};
use crate::error::{Error, ErrorKind, Result};

use super::Tokenizer;
use super::prompt::Tally;

/// What stands where text was taken out.
const GAP: &str = "..";
/// A message of which fewer bytes than these could be left is left out.
const LEAST: usize = 16;

/// Leaves out of a conversation what is oldest, so that it has at most `max_tokens` as
/// [`token_counter`](super::token_counter) counts it.
///
/// What fits already is given back unchanged. Otherwise instructions (`system`, `developer`) stay, and of the rest the
/// newest messages that fit; a tool's result stays with its call, or goes with it. The first message that does not fit is
/// shortened in the middle of its longest text, where that leaves something of it. Nothing older is kept.
///
/// ```
/// use anymodel::{system, trim_messages, user};
///
/// let long = "one two three four five ".repeat(1000);
/// let messages = [system("Be terse."), user(long), user("Hi")];
/// let kept = trim_messages("gpt-4o", &messages, 100)?;
/// assert_eq!(kept.len(), 3);
/// assert!(anymodel::token_counter("gpt-4o", &kept).tokens <= 100);
/// assert_eq!(kept[2], messages[2]);
/// # Ok::<(), anymodel::Error>(())
/// ```
///
/// # Errors
///
/// [`ErrorKind::ContextWindowExceeded`](crate::ErrorKind) where the instructions and a beginning and end of the newest
/// message are more than that already.
pub fn trim_messages(tokenizer: impl Into<Tokenizer>, messages: &[Message], max_tokens: u64) -> Result<Vec<Message>> {
    let tokenizer = tokenizer.into();
    let reply = Tally::reply();
    let tallies: Vec<Tally> = messages.iter().map(|message| tokenizer.tally(message)).collect();
    let fits = |tally: Tally| tally.total(&tokenizer).tokens <= max_tokens;
    if fits(tallies.iter().copied().fold(reply, Tally::plus)) {
        return Ok(messages.to_vec());
    }
    let counted = || messages.iter().zip(&tallies);
    let kept_anyway = counted().filter(|(message, _)| message.role.is_instruction());
    let mut sum = kept_anyway.fold(reply, |sum, (_, tally)| sum.plus(*tally));
    if !fits(sum) {
        return Err(too_small(max_tokens));
    }
    // From the newest on: whole turns as long as they fit, then one that is shortened.
    let turns = turns(messages);
    let mut from = messages.len();
    let mut shortened = None;
    for turn in turns.iter().rev() {
        let inside = messages.get(turn.clone()).unwrap_or_default();
        let tally = tallies.get(turn.clone()).unwrap_or_default().iter().copied();
        let with = tally.zip(inside).filter(|(_, message)| !message.role.is_instruction());
        let with = with.fold(sum, |sum, (tally, _)| sum.plus(tally));
        if fits(with) {
            (sum, from) = (with, turn.start);
            continue;
        }
        shortened = shorten(&tokenizer, inside, sum, &fits).map(|inside| (turn.clone(), inside));
        break;
    }
    if shortened.is_none() && from == messages.len() && !turns.is_empty() {
        return Err(too_small(max_tokens));
    }
    let mut kept = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        match &shortened {
            Some((turn, inside)) if turn.contains(&at) => {
                let place = at.saturating_sub(turn.start);
                kept.extend(inside.get(place).cloned());
            }
            _ if at >= from || message.role.is_instruction() => kept.push(message.clone()),
            _ => {}
        }
    }
    Ok(kept)
}

fn too_small(max_tokens: u64) -> Error {
    Error::new(
        ErrorKind::ContextWindowExceeded,
        format!("{max_tokens} tokens are too few for the instructions and the newest message; allow more"),
    )
}

/// The stretches of messages that are kept or left out as one: a message alone, or calls with their results.
fn turns(messages: &[Message]) -> Vec<std::ops::Range<usize>> {
    let mut turns: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let end = at.saturating_add(1);
        let is_result = matches!(message.role, Role::Tool | Role::Function);
        match turns.last_mut() {
            Some(last) if is_result => last.end = end,
            _ if message.role.is_instruction() => {}
            _ => turns.push(at..end),
        }
    }
    turns
}

/// The same turn with the middle of its longest text left out, as much of it as fits beside `sum`.
fn shorten(tokenizer: &Tokenizer, turn: &[Message], sum: Tally, fits: &impl Fn(Tally) -> bool) -> Option<Vec<Message>> {
    let mut turn = turn.to_vec();
    let (message, part) = longest(&turn)?;
    let text = text_of(&mut turn, message, part)?.clone();
    text_of(&mut turn, message, part)?.clear();
    let rest = turn.iter().filter(|message| !message.role.is_instruction());
    let rest = rest.fold(sum, |sum, message| sum.plus(tokenizer.tally(message)));
    let fitting = |kept: usize| {
        let short = middle_out(&text, kept);
        let mut with = rest;
        with.add(tokenizer.unscaled(&short));
        fits(with).then_some(short)
    };
    let (mut least, mut most) = (LEAST, text.len().checked_sub(1).filter(|most| *most >= LEAST)?);
    let mut best = fitting(least)?;
    while least < most {
        let middle = most.saturating_sub(most.saturating_sub(least) / 2);
        match fitting(middle) {
            Some(short) => (least, best) = (middle, short),
            None => most = middle.saturating_sub(1),
        }
    }
    *text_of(&mut turn, message, part)? = best;
    Some(turn)
}

fn longest(turn: &[Message]) -> Option<(usize, usize)> {
    let mut found = None;
    let mut length = 0;
    for (at, message) in turn.iter().enumerate().filter(|(_, message)| !message.role.is_instruction()) {
        for (place, part) in message.parts.iter().enumerate() {
            if let Some(text) = part.as_text()
                && text.len() > length
            {
                (found, length) = (Some((at, place)), text.len());
            }
        }
    }
    found
}

fn text_of(turn: &mut [Message], message: usize, part: usize) -> Option<&mut String> {
    match &mut turn.get_mut(message)?.parts.get_mut(part)?.content {
        Content::Text(text) => Some(text),
        _ => None,
    }
}

/// The beginning and the end of a text, together at most so many bytes.
fn middle_out(text: &str, kept: usize) -> String {
    let half = kept / 2;
    let head = (0..=kept.saturating_sub(half)).rev().find_map(|at| text.get(..at)).unwrap_or_default();
    let from = text.len().saturating_sub(half);
    let tail = (from..=text.len()).find_map(|at| text.get(at..)).unwrap_or_default();
    format!("{head}{GAP}{tail}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chat::{Part, assistant, system, tool_result, user};
    use crate::tokenizer::token_counter;

    fn texts(messages: &[Message]) -> Vec<String> {
        messages.iter().map(Message::text).collect()
    }

    fn trim(messages: &[Message], most: u64) -> Vec<Message> {
        let kept = trim_messages("gpt-4o", messages, most).unwrap();
        assert!(token_counter("gpt-4o", &kept).tokens <= most);
        kept
    }

    #[test]
    fn what_fits_is_unchanged() {
        let messages = [system("Be terse."), user("Hi"), assistant("Hello!")];
        let exactly = token_counter("gpt-4o", &messages).tokens;
        assert_eq!(trim(&messages, exactly), messages);
        assert!(trim(&messages, exactly - 1).len() < 3);
        assert_eq!(trim_messages("gpt-4o", &[], 3).unwrap(), []);
    }

    #[test]
    fn instructions_and_the_newest_stay() {
        let messages = [user("one"), system("Be terse."), user("two"), assistant("three"), user("four")];
        let most = token_counter("gpt-4o", &[system("Be terse."), user("four")]).tokens + 3;
        assert_eq!(texts(&trim(&messages, most)), ["Be terse.", "four"]);
    }

    #[test]
    fn a_tool_s_result_stays_with_its_call_or_goes_with_it() {
        let call = assistant([Part::tool_call("call_1", "f", "{\"city\": \"Paris\"}")]);
        let messages = [user("Weather?"), call.clone(), tool_result("call_1", "21 C"), user("And?")];
        let all = token_counter("gpt-4o", &messages).tokens;
        let kept = trim(&messages, all - 1);
        assert_eq!(kept, messages[1..]);
        for most in 9..all {
            let kept = trim(&messages, most);
            assert_eq!(kept.contains(&call), kept.iter().any(|message| message.role == Role::Tool), "{most}");
        }
    }

    #[test]
    fn a_message_that_is_too_long_loses_its_middle() {
        let text = format!("begin {} end", "word ".repeat(500));
        let kept = trim(&[user("old"), user(text), user("new")], 60);
        assert_eq!(kept.len(), 2);
        let short = kept[0].text();
        assert!(short.starts_with("begin") && short.contains("..") && short.ends_with("end"), "{short}");
        assert!(token_counter("gpt-4o", &kept).tokens >= 55);
    }

    #[test]
    fn a_limit_below_the_instructions_is_an_error() {
        for messages in [vec![system("Be terse, please."), user("Hi")], vec![user("Hi")]] {
            let error = trim_messages("gpt-4o", &messages, 6).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ContextWindowExceeded);
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_fits_and_keeps_its_order(lengths in prop::collection::vec((0_usize..200, 0_u8..4), 0..12), most in 3_u64..400) {
            let messages: Vec<Message> = lengths.iter().enumerate().map(|(at, (length, role))| {
                let text = format!("{at}:{}", "é text ".repeat(*length / 7));
                match role { 0 => system(text), 1 => tool_result("call", text), 2 => assistant(text), _ => user(text) }
            }).collect();
            if let Ok(kept) = trim_messages("claude-sonnet-4-5", &messages, most) {
                prop_assert!(token_counter("claude-sonnet-4-5", &kept).tokens <= most);
                let places: Vec<usize> = kept.iter().map(|message| message.text().split(':').next().unwrap().parse().unwrap()).collect();
                prop_assert!(places.is_sorted());
                let instructions = |all: &[Message]| all.iter().filter(|message| message.role.is_instruction()).count();
                prop_assert_eq!(instructions(&kept), instructions(&messages));
            }
        }
    }
}
