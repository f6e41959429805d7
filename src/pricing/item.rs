//! What can have a price: tokens of many kinds, searches, seconds, pages.

use crate::money::{Cost, Usd};

/// What the number in a price file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// USD per million.
    Million,
    /// USD for one.
    One,
}

/// How an [`Item`] is written, and what it costs where it has no price of its own.
struct Row {
    name: &'static str,
    per: Per,
    otherwise: Option<Item>,
    litellm: &'static str,
    into: fn(&mut Cost) -> &mut Usd,
}

/// One line an item: what it is, its name in our files, the unit of its price, the item whose price it takes where it
/// has none, its name in LiteLLM's list, and where in a [`Cost`] it is counted.
macro_rules! items {
    ($($(#[$meta:meta])* $item:ident $name:literal $per:ident $otherwise:expr, $litellm:literal => $into:ident;)*) => {
        /// Something that can have a price.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Item {
            $($(#[$meta])* $item,)*
        }

        const ALL: &[Item] = &[$(Item::$item,)*];

        impl Item {
            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$item => {
                        const ROW: &Row = &Row {
                            name: $name,
                            per: Per::$per,
                            otherwise: $otherwise,
                            litellm: $litellm,
                            into: |cost| &mut cost.$into,
                        };
                        ROW
                    })*
                }
            }
        }
    };
}

items! {
    /// A token of text in the request.
    Input "input" Million None, "input_cost_per_token" => input;
    /// A token read from the prompt cache.
    CacheRead "cache_read" Million Some(Item::Input), "cache_read_input_token_cost" => cached;
    /// A token of sound read from the prompt cache.
    CacheReadAudio "cache_read_audio" Million Some(Item::CacheRead), "cache_read_input_audio_token_cost" => cached;
    /// A token of a picture read from the prompt cache.
    CacheReadImage "cache_read_image" Million Some(Item::CacheRead), "cache_read_input_image_token_cost" => cached;
    /// A token written to the prompt cache, for five minutes where the provider has several times.
    CacheWrite "cache_write" Million Some(Item::Input), "cache_creation_input_token_cost" => written;
    /// A token written to the prompt cache for one hour.
    CacheWrite1h "cache_write_1h" Million Some(Item::CacheWrite), "cache_creation_input_token_cost_above_1hr" => written;
    /// A token written to the prompt cache for twelve hours.
    CacheWrite12h "cache_write_12h" Million Some(Item::CacheWrite), "cache_creation_input_token_cost_above_12hr" => written;
    /// A token of sound written to the prompt cache.
    CacheWriteAudio "cache_write_audio" Million Some(Item::CacheWrite), "cache_creation_input_audio_token_cost" => written;
    /// A token of sound in the request.
    InputAudio "input_audio" Million Some(Item::Input), "input_cost_per_audio_token" => input_audio;
    /// A token of a picture in the request.
    InputImage "input_image" Million Some(Item::Input), "input_cost_per_image_token" => input_media;
    /// A token of video in the request.
    InputVideo "input_video" Million Some(Item::Input), "input_cost_per_video_token" => input_media;
    /// A token of text in the reply.
    Output "output" Million None, "output_cost_per_token" => output;
    /// A token of reasoning.
    Reasoning "reasoning" Million Some(Item::Output), "output_cost_per_reasoning_token" => reasoning;
    /// A token of sound in the reply.
    OutputAudio "output_audio" Million Some(Item::Output), "output_cost_per_audio_token" => output_audio;
    /// A token of a picture in the reply.
    OutputImage "output_image" Million Some(Item::Output), "output_cost_per_image_token" => output_media;
    /// A token of video in the reply.
    OutputVideo "output_video" Million Some(Item::Output), "output_cost_per_video_token" => output_media;
    /// A token of a cited source.
    Citation "citation" Million None, "citation_cost_per_token" => searches;
    /// A character of the request.
    InputCharacter "input_characters" Million None, "input_cost_per_character" => units;
    /// A character of the reply.
    OutputCharacter "output_characters" Million None, "output_cost_per_character" => units;
    /// A web search with little context.
    SearchLow "search_low" One Some(Item::SearchMedium), "search_context_size_low" => searches;
    /// A web search.
    SearchMedium "search" One None, "search_context_size_medium" => searches;
    /// A web search with much context.
    SearchHigh "search_high" One Some(Item::SearchMedium), "search_context_size_high" => searches;
    /// A search of a map.
    MapsSearch "maps_search" One None, "google_maps_grounding_cost_per_query" => searches;
    /// A session of a code interpreter.
    CodeInterpreter "code_interpreter_session" One None, "code_interpreter_cost_per_session" => tools;
    /// A request, whatever its length.
    Request "per_request" One None, "input_cost_per_request" => units;
    /// A query, as search and rerank models count them.
    Query "per_query" One None, "input_cost_per_query" => units;
    /// A text message to a voice model.
    TextMessage "per_text_message" One None, "input_cost_per_text_message" => units;
    /// A picture in the request.
    InputImageEach "per_input_image" One None, "input_cost_per_image" => input_media;
    /// A picture made.
    ImageEach "per_image" One None, "output_cost_per_image" => output_media;
    /// A megapixel (1,048,576 pixels) made.
    Megapixel "per_megapixel" One None, "output_cost_per_pixel" => output_media;
    /// A second of the request: of sound heard, or of time worked.
    InputSecond "per_input_second" One None, "input_cost_per_second" => units;
    /// A second of sound in the request.
    InputAudioSecond "per_input_audio_second" One None, "input_cost_per_audio_per_second" => input_audio;
    /// A second of video in the request.
    InputVideoSecond "per_input_video_second" One None, "input_cost_per_video_per_second" => input_media;
    /// A second of the reply: of sound or video made, or of time worked.
    Second "per_second" One None, "output_cost_per_second" => units;
    /// A second of video made.
    VideoSecond "per_video_second" One None, "output_cost_per_video_per_second" => output_media;
    /// A second of capacity that is paid for whether it is used or not.
    CapacitySecond "per_capacity_second" One None, "cost_per_second" => units;
    /// A page read.
    Page "per_page" One None, "ocr_cost_per_page" => units;
    /// A page annotated.
    AnnotatedPage "per_annotated_page" One None, "annotation_cost_per_page" => units;
    /// A provider's own credit.
    Credit "per_credit" One None, "ocr_cost_per_credit" => units;
}

impl Item {
    /// All of them, in the order in which files list them.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().copied()
    }

    /// Its name in a price file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The item of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|item| item.name() == name)
    }

    /// The unit of its price.
    #[must_use]
    pub const fn per(self) -> Per {
        self.row().per
    }

    /// The item whose price it takes where it has none of its own.
    #[must_use]
    pub const fn otherwise(self) -> Option<Self> {
        self.row().otherwise
    }

    /// Its name in LiteLLM's list, where its price is of one.
    #[must_use]
    pub const fn litellm_name(self) -> &'static str {
        self.row().litellm
    }

    /// The item that has this name in LiteLLM's list.
    pub(super) fn from_litellm(name: &str) -> Option<Self> {
        Self::all().find(|item| item.litellm_name() == name)
    }

    /// The amount of a [`Cost`] that it belongs to.
    pub(super) fn amount(self, cost: &mut Cost) -> &mut Usd {
        (self.row().into)(cost)
    }
}
