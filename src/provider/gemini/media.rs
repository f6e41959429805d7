//! Pictures, documents, sound and video: `inlineData` by their bytes, `fileData` by their address.
//!
//! Source: <https://ai.google.dev/gemini-api/docs/file-input-methods>. Gemini fetches `https:` addresses and files of
//! Cloud Storage (`gs:`) and of its own Files API itself, so nothing is downloaded here.

use std::borrow::Cow;

use serde::Serialize;

use crate::chat::{Audio, Content, Media, Part, Source};
use crate::error::{Error, ErrorKind, Result};

/// Where the Files API keeps what was uploaded.
const FILES: &str = "https://generativelanguage.googleapis.com/v1beta/";

/// Media types by the extension of a file's name, of the kinds that the guides on images, documents, audio and video
/// list.
const MEDIA_TYPES: [(&str, &str); 34] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("pdf", "application/pdf"),
    ("json", "application/json"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("html", "text/html"),
    ("htm", "text/html"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("xml", "text/xml"),
    ("rtf", "text/rtf"),
    ("wav", "audio/wav"),
    ("mp3", "audio/mp3"),
    ("aiff", "audio/aiff"),
    ("aac", "audio/aac"),
    ("ogg", "audio/ogg"),
    ("flac", "audio/flac"),
    ("m4a", "audio/mp4"),
    ("mp4", "video/mp4"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpg"),
    ("mov", "video/mov"),
    ("avi", "video/avi"),
    ("flv", "video/x-flv"),
    ("webm", "video/webm"),
    ("wmv", "video/wmv"),
    ("3gp", "video/3gpp"),
    ("3gpp", "video/3gpp"),
];

/// The data of a part.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Data<'a> {
    InlineData(Blob<'a>),
    FileData(FileData<'a>),
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    mime_type: Cow<'a, str>,
    data: &'a str,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<Cow<'a, str>>,
    file_uri: Cow<'a, str>,
}

/// The data of a part that is a picture, document, sound or video; `None` of any other.
pub(super) fn data<'a>(part: &'a Part, provider: &str) -> Result<Option<Data<'a>>> {
    let format = part.extra.get("format").and_then(|format| format.as_str());
    match &part.content {
        Content::Image(image) => from_source(&image.source, format, None, provider).map(Some),
        Content::File(Media { source, name, format: own }) | Content::Video(Media { source, name, format: own }) => {
            from_source(source, own.as_deref().or(format), name.as_deref(), provider).map(Some)
        }
        Content::Audio(audio) => from_audio(audio, provider).map(Some),
        _ => Ok(None),
    }
}

fn from_source<'a>(
    source: &'a Source,
    format: Option<&'a str>,
    name: Option<&str>,
    provider: &str,
) -> Result<Data<'a>> {
    let guess = |address: &str| format.map(Cow::Borrowed).or_else(|| guess(name.unwrap_or(address)).map(Cow::Borrowed));
    Ok(match source {
        Source::Base64 { media_type, data } => {
            let mime_type =
                if media_type.is_empty() { guess("").unwrap_or_default() } else { Cow::Borrowed(media_type.as_str()) };
            Data::InlineData(Blob { mime_type, data })
        }
        Source::FileId(id) => {
            let file_uri =
                if id.starts_with("files/") { Cow::Owned(format!("{FILES}{id}")) } else { Cow::Borrowed(id.as_str()) };
            Data::FileData(FileData { mime_type: guess(id), file_uri })
        }
        Source::Url(url) if url.starts_with("https://") || url.starts_with("gs://") => {
            Data::FileData(FileData { mime_type: guess(url), file_uri: Cow::Borrowed(url) })
        }
        Source::Url(url) => {
            let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
            let what = format!("content at an address of `{scheme}:`; use `https:`, `gs:` or the bytes themselves");
            return Err(Error::new(ErrorKind::Unsupported, format!("{provider} does not take {what}")));
        }
    })
}

fn from_audio<'a>(audio: &'a Audio, provider: &str) -> Result<Data<'a>> {
    if audio.data.is_empty() {
        let what = format!("{provider} takes sound only by its bytes, not by the id of an earlier reply");
        return Err(Error::new(ErrorKind::Unsupported, what));
    }
    let mime_type = match audio.format.as_deref() {
        None => Cow::Borrowed("audio/wav"),
        Some("pcm16") => Cow::Borrowed("audio/L16;codec=pcm;rate=24000"),
        Some(format) if format.contains('/') => Cow::Borrowed(format),
        Some(format) => Cow::Owned(format!("audio/{format}")),
    };
    Ok(Data::InlineData(Blob { mime_type, data: &audio.data }))
}

/// The media type that the extension of a name or address says.
fn guess(name: &str) -> Option<&'static str> {
    let path = name.split(['?', '#']).next().unwrap_or_default();
    let extension = path.rsplit('/').next()?.rsplit_once('.')?.1;
    MEDIA_TYPES.iter().find(|(known, _)| extension.eq_ignore_ascii_case(known)).map(|(_, media_type)| *media_type)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sent(part: &Part) -> Value {
        serde_json::to_value(data(part, "gemini").unwrap().unwrap()).unwrap()
    }

    #[test]
    fn bytes_go_inline() {
        assert_eq!(
            sent(&Part::image([1, 2], "image/png")),
            json!({"inlineData": {"mimeType": "image/png", "data": "AQI="}})
        );
        assert_eq!(sent(&Part::audio([1, 2], "mp3")), json!({"inlineData": {"mimeType": "audio/mp3", "data": "AQI="}}));
    }

    #[test]
    fn addresses_go_as_files_with_the_type_that_their_name_says() {
        let file = |url: &str| sent(&Part::file_url(url));
        let pdf = json!({"fileData": {"mimeType": "application/pdf", "fileUri": "https://a.example/x.PDF?sig=1.2"}});
        assert_eq!(file("https://a.example/x.PDF?sig=1.2"), pdf);
        assert_eq!(
            file("gs://bucket/v.mp4"),
            json!({"fileData": {"mimeType": "video/mp4", "fileUri": "gs://bucket/v.mp4"}})
        );
        let watch = "https://www.youtube.com/watch?v=x";
        assert_eq!(file(watch), json!({"fileData": {"fileUri": watch}}));
    }

    #[test]
    fn an_uploaded_file_gets_its_whole_address() {
        let uri = "https://generativelanguage.googleapis.com/v1beta/files/abc";
        assert_eq!(sent(&Part::file_id("files/abc")), json!({"fileData": {"fileUri": uri}}));
    }

    #[test]
    fn an_address_that_gemini_does_not_fetch_is_an_error_that_says_what_to_do() {
        let part = Part::image_url("http://a.example/x.png");
        let error = data(&part, "gemini").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("`http:`") && error.message().contains("bytes"), "{error}");
    }
}
