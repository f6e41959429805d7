//! A conversation in turns that alternate, with what the system says apart: what Anthropic's messages and Bedrock's
//! Converse have in common.

use serde::Serialize;

use crate::chat::{Message, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::json::Object;

/// What stands before a system message that a model takes only as a user's: LiteLLM's words.
pub(super) const OPERATOR_NOTE: &str =
    "Operator note (not from the user): the following was originally a mid-conversation system-role reminder.";

/// The messages of a request, as blocks of content.
#[derive(Default)]
pub(super) struct Conversation {
    pub(super) system: Vec<Object>,
    pub(super) turns: Vec<Turn>,
}

/// What one side says before the other speaks.
#[derive(Serialize)]
pub(super) struct Turn {
    role: &'static str,
    pub(super) content: Vec<Object>,
    /// How many blocks at the beginning are results of tools.
    #[serde(skip)]
    results: usize,
}

impl Conversation {
    /// Adds what a message says, in this role. `late_system` says whether the model takes a system message in the
    /// middle, before the messages `after` it; else it becomes a user's, behind `note`.
    pub(super) fn add(
        &mut self,
        role: Role,
        blocks: Vec<Object>,
        after: &[Message],
        late_system: bool,
        note: impl FnOnce() -> Result<Object>,
    ) -> Result<()> {
        match role {
            Role::Assistant => self.push("assistant", blocks),
            Role::Tool | Role::Function => self.push_result(blocks),
            Role::User => self.push("user", blocks),
            Role::System | Role::Developer if self.turns.is_empty() => self.system.extend(blocks),
            Role::System | Role::Developer if blocks.is_empty() => {}
            Role::System | Role::Developer if late_system && self.takes_system(after) => self.push("system", blocks),
            Role::System | Role::Developer => {
                self.push("user", vec![note()?]);
                self.push("user", blocks);
            }
        }
        Ok(())
    }

    /// The conversation when all is said. A beginning of the reply that ends in white space is refused by the provider,
    /// so it is cut off; `is_text` tells a block of text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] where nobody but the system says anything.
    pub(super) fn end(mut self, provider: &str, is_text: impl Fn(&Object) -> bool) -> Result<Self> {
        let Some(turn) = self.turns.last_mut() else {
            let message = format!("{provider} needs a message beside those of the system, and one that is not empty");
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        };
        let prefill = turn.content.last_mut().filter(|block| turn.role == "assistant" && is_text(block));
        if let Some(block) = prefill
            && let Some(text) = block.get("text").and_then(|raw| serde_json::from_str::<String>(raw.get()).ok())
        {
            block.set("text", text.trim_end())?;
        }
        Ok(self)
    }

    fn push(&mut self, role: &'static str, blocks: Vec<Object>) {
        if blocks.is_empty() {
            return;
        }
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => turn.content.extend(blocks),
            _ => self.turns.push(Turn { role, content: blocks, results: 0 }),
        }
    }

    /// Results of tools go before everything else that the user says: they are taken only at the beginning of the turn
    /// after the calls.
    fn push_result(&mut self, results: Vec<Object>) {
        if self.turns.last().is_none_or(|turn| turn.role != "user") {
            self.turns.push(Turn { role: "user", content: Vec::new(), results: 0 });
        }
        if let Some(turn) = self.turns.last_mut() {
            let count = results.len();
            turn.content.splice(turn.results..turn.results, results);
            turn.results = turn.results.saturating_add(count);
        }
    }

    /// Whether a system message may stand here: after a user's turn, and before the assistant's or at the end.
    /// Source: <https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages>.
    fn takes_system(&self, after: &[Message]) -> bool {
        let next = after.iter().map(|message| message.role).find(|role| !role.is_instruction());
        let before = self.turns.last().is_some_and(|turn| matches!(turn.role, "user" | "system"));
        before && next.is_none_or(|role| role == Role::Assistant)
    }
}
