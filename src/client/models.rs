//! What can be asked of a provider beside a conversation: its list of models, and whether a model answers.

use super::pipeline::Clock;
use super::{CallOptions, Client, Complete};
use crate::chat::{CallMeta, ChatRequest, user};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{ListModels, ListedModel, ModelPage, Operation};

/// The most pages of a list that are asked for: a list that goes on beyond them has no end.
const PAGES: usize = 100;

impl Client {
    /// The models that a provider lists, by its prefix: with the key that is used, where the list depends on it.
    ///
    /// ```no_run
    /// # async fn run(client: anymodel::Client) -> anymodel::Result<()> {
    /// for model in client.list_models("groq", &Default::default()).await? {
    ///     println!("groq/{}", model.id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] for a provider whose list the crate does not know to ask for, and what a call can fail
    /// by: a provider without such a list answers with [`ErrorKind::NotFound`].
    pub async fn list_models(&self, provider: &str, options: &CallOptions) -> Result<Vec<ListedModel>> {
        let endpoint = self.endpoint(&format!("{provider}/*"), options)?;
        let located = |error: Error| error.with_provider(provider.to_owned());
        let codec = ListModels::codec(endpoint.provider.as_ref());
        let codec = codec.ok_or_else(|| located(ListModels::missing(provider)))?;
        let clock = Clock::start(&self.0.deadlines, options);
        let found = clock.within_call(endpoint.located()).await.map_err(located)?;
        let endpoint = found.as_deref().unwrap_or(&endpoint);
        let policy = self.policy(options);
        let (mut models, mut page) = (Vec::new(), ModelPage::default());
        for _ in 0..PAGES {
            let encoded = codec.encode(&page, &endpoint.target());
            let encoded = encoded.and_then(|encoded| endpoint.with_query(encoded)).map_err(located)?;
            let ask = || self.ask::<ListModels>(endpoint, &page, &encoded, &clock);
            let (list, _) = self.retry(&policy, &clock, &mut 0, ask).await.map_err(located)?;
            models.extend(list.models);
            match list.next {
                None => return Ok(models),
                Some(next) if page.after.as_ref() == Some(&next) => break,
                Some(next) => page.after = Some(next),
            }
        }
        Err(located(Error::new(ErrorKind::InvalidResponse, "the list of models has no end")))
    }

    /// Whether a model answers: the shortest call that can be made of it, tried once, and told as the call that it was.
    ///
    /// It costs what the call costs; [`CallMeta::cost`] says it.
    ///
    /// # Errors
    ///
    /// The error of the call, by which the model cannot be used as things are.
    pub async fn health_check(&self, model: &str, options: &CallOptions) -> Result<CallMeta> {
        let mut request = ChatRequest::new(model, user("Hi"));
        // Some providers refuse a limit below 16 tokens.
        request.params.max_tokens = Some(16);
        request.params.drop_params = true;
        let options = CallOptions { num_retries: Some(0), fallbacks: Vec::new(), ..options.clone() };
        Ok(*self.complete(request, options).await?.meta)
    }
}
