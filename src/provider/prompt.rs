//! A conversation as one text, for models that are asked by a prompt.

use super::params::Limits;
use crate::chat::{Content, Message, Role, Warning};
use crate::error::Result;

/// What a model that takes a prompt is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    /// How it should behave: the system messages.
    pub(super) system: String,
    /// What it should go on with. One message of the user is its text alone; a conversation is written turn by turn.
    pub(super) text: String,
}

impl Prompt {
    /// The prompt of a conversation. That it is flattened is told by a warning.
    pub(super) fn new(messages: &[Message], limits: &mut Limits<'_>) -> Result<Self> {
        let (mut system, mut turns) = (Vec::new(), Vec::new());
        for message in messages {
            let text = text(message, limits)?;
            match message.role {
                Role::System | Role::Developer => system.push(text),
                Role::User => turns.push(("User", text)),
                Role::Assistant => turns.push(("Assistant", text)),
                Role::Tool | Role::Function => limits.refuse("messages", "results of tools are not taken")?,
            }
        }
        let text = match turns.as_slice() {
            [("User", only)] => only.clone(),
            [] => String::new(),
            several => {
                let message = format!("{} takes one prompt: the turns are written into it one by one", limits.provider);
                limits.warnings.push(Warning::new("messages", message));
                // A last turn of the model is the beginning of its answer.
                let (last, open) = match several {
                    [.., ("Assistant", _)] => ("", false),
                    _ => ("\n\nAssistant:", true),
                };
                let lines: Vec<String> = several.iter().map(|(who, said)| format!("{who}: {said}")).collect();
                let joined = lines.join("\n\n");
                if open { format!("{joined}{last}") } else { joined }
            }
        };
        Ok(Self { system: system.join("\n\n"), text })
    }
}

fn text(message: &Message, limits: &mut Limits<'_>) -> Result<String> {
    let mut text = String::new();
    for part in &message.parts {
        match &part.content {
            Content::Text(more) | Content::Refusal(more) => text.push_str(more),
            Content::Reasoning(_) | Content::Native(_) => {}
            Content::ToolCall(_) => limits.refuse("messages", "calls of tools are not taken")?,
            Content::Image(_) => limits.refuse("image_url", "pictures are not taken in a conversation")?,
            Content::File(_) => limits.refuse("file", "documents are not taken in a conversation")?,
            Content::Audio(_) => limits.refuse("input_audio", "sound is not taken in a conversation")?,
            Content::Video(_) => limits.refuse("video_url", "video is not taken in a conversation")?,
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{assistant, system, tool_result, user};
    use crate::error::ErrorKind;

    fn prompt(messages: &[Message]) -> (Result<Prompt>, usize) {
        let mut warnings = Vec::new();
        let prompt = Prompt::new(messages, &mut Limits { provider: "acme", drop: false, warnings: &mut warnings });
        (prompt, warnings.len())
    }

    #[test]
    fn a_lone_question_is_the_prompt_itself() {
        let (found, warned) = prompt(&[system("Be brief."), system("Be kind."), user("Why?")]);
        assert_eq!(found.unwrap(), Prompt { system: "Be brief.\n\nBe kind.".to_owned(), text: "Why?".to_owned() });
        assert_eq!(warned, 0);
    }

    #[test]
    fn a_conversation_is_written_turn_by_turn_with_a_warning() {
        let (found, warned) = prompt(&[user("A?"), assistant("B."), user("C?")]);
        assert_eq!((found.unwrap().text.as_str(), warned), ("User: A?\n\nAssistant: B.\n\nUser: C?\n\nAssistant:", 1));
        let (found, _) = prompt(&[user("A?"), assistant("B")]);
        assert_eq!(found.unwrap().text, "User: A?\n\nAssistant: B");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let picture = user(crate::chat::Part::image_url("https://a.example/x.png"));
        for message in [picture, tool_result("a", "b")] {
            assert_eq!(prompt(&[message]).0.unwrap_err().kind(), ErrorKind::Unsupported);
        }
    }
}
