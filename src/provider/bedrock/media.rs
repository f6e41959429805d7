//! Pictures, documents, videos and sound: as bytes, or where they lie in S3.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::tools::union;
use crate::chat::{Audio, Extra, Media, Source};
use crate::error::{Error, Result};
use crate::wire::json::Object;

/// The formats of documents, and their media types. Source: AWS's model of the API, `DocumentFormat`.
const DOCUMENTS: [(&str, &str); 9] = [
    ("pdf", "application/pdf"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("html", "text/html"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
];
/// `ImageFormat`.
const IMAGES: [&str; 4] = ["png", "jpeg", "gif", "webp"];
/// `VideoFormat`.
const VIDEOS: [&str; 9] = ["mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"];

/// Members of a document that Converse knows beside these.
const DOCUMENT_MEMBERS: [&str; 2] = ["context", "citations"];

/// The longest name of a document.
const LONGEST_NAME: usize = 200;

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn image(source: &Source, format: Option<&str>, extra: &Extra, provider: &str) -> Result<Object> {
    let format = match format_of(source, format, None) {
        Some("jpg") => Some("jpeg"),
        other => other,
    };
    let known = format.and_then(|format| IMAGES.iter().find(|known| **known == format));
    let format = known.ok_or_else(|| unknown("a picture", format, provider))?;
    block("image", format, source, extra, provider)
}

pub(super) fn video(video: &Media, extra: &Extra, provider: &str) -> Result<Object> {
    let format = match format_of(&video.source, video.format.as_deref(), video.name.as_deref()) {
        Some("quicktime") => Some("mov"),
        Some("x-matroska") => Some("mkv"),
        Some("3gpp" | "3gp") => Some("three_gp"),
        Some("x-ms-wmv") => Some("wmv"),
        Some("x-flv") => Some("flv"),
        other => other,
    };
    let known = format.and_then(|format| VIDEOS.iter().find(|known| **known == format));
    let format = known.ok_or_else(|| unknown("a video", format, provider))?;
    block("video", format, &video.source, extra, provider)
}

pub(super) fn audio(audio: &Audio) -> Result<Object> {
    let mut sound = Object::new();
    sound.set("format", audio.format.as_deref().unwrap_or("wav"))?;
    sound.set("source", &union("bytes", &audio.data)?)?;
    union("audio", &sound)
}

/// A file: a picture or a video by its media type, else a document.
pub(super) fn file(file: &Media, extra: &Extra, documents: &mut Documents, provider: &str) -> Result<Object> {
    let media_type = match &file.source {
        Source::Base64 { media_type, .. } => file.format.as_deref().unwrap_or(media_type),
        Source::Url(_) | Source::FileId(_) => file.format.as_deref().unwrap_or_default(),
    };
    if media_type.starts_with("image/") {
        return image(&file.source, Some(media_type), extra, provider);
    }
    if media_type.starts_with("video/") {
        return video(file, extra, provider);
    }
    let known = |word: &str| DOCUMENTS.iter().find(|(format, kind)| *format == word || *kind == word);
    let by_name = file.name.as_deref().or_else(|| address(&file.source)).and_then(extension);
    let found = if media_type.is_empty() { by_name.or(Some("pdf")).and_then(known) } else { known(media_type) };
    let (format, _) = found.ok_or_else(|| unknown("a document", Some(media_type), provider))?;
    let mut document = Object::new();
    document.set("format", format)?;
    document.set("name", &documents.name(file.name.as_deref()))?;
    document.set("source", &place(&file.source, extra, provider)?)?;
    for member in DOCUMENT_MEMBERS {
        document.set_some(member, extra.get(member))?;
    }
    union("document", &document)
}

/// The names of a request's documents, of which Bedrock takes no two alike.
#[derive(Default)]
pub(super) struct Documents(Vec<String>);

impl Documents {
    /// A name of the characters that Bedrock takes: letters, digits, single spaces, hyphens, parentheses and square
    /// brackets.
    fn name(&mut self, file: Option<&str>) -> String {
        let stem = file.and_then(|file| Path::new(file).file_stem()?.to_str()).unwrap_or_default();
        let good = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '(' | ')' | '[' | ']');
        let words: String = stem.chars().map(|letter| if good(letter) { letter } else { ' ' }).collect();
        let joined = words.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let base: String = joined.chars().take(LONGEST_NAME.saturating_sub(8)).collect();
        let base = if base.is_empty() { "document".to_owned() } else { base };
        let number = self.0.iter().filter(|used| **used == base).count();
        self.0.push(base.clone());
        if number == 0 { base } else { format!("{base} ({})", number.saturating_add(1)) }
    }
}

fn block(kind: &'static str, format: &str, source: &Source, extra: &Extra, provider: &str) -> Result<Object> {
    let mut inner = Object::new();
    inner.set("format", format)?.set("source", &place(source, extra, provider)?)?;
    union(kind, &inner)
}

/// Where the bytes are: here, or in S3.
fn place(source: &Source, extra: &Extra, provider: &str) -> Result<Object> {
    match source {
        Source::Base64 { data, .. } => union("bytes", data),
        Source::Url(uri) | Source::FileId(uri) if uri.starts_with("s3://") => {
            let mut location = Object::new();
            location.set("uri", uri)?.set_some("bucketOwner", extra.get("bucketOwner"))?;
            union("s3Location", &location)
        }
        Source::Url(url) => {
            let scheme = url.split(':').next().unwrap_or_default();
            let what = format!("messages: a file at a `{scheme}:` address; give its bytes, or an `s3:` address");
            Err(Error::unsupported(&what, provider))
        }
        Source::FileId(_) => Err(Error::not_taken("a file by its id", provider)),
    }
}

/// The format by its media type, else by the name of the file.
fn format_of<'a>(source: &'a Source, given: Option<&'a str>, name: Option<&'a str>) -> Option<&'a str> {
    let of_bytes = match source {
        Source::Base64 { media_type, .. } => Some(media_type.as_str()),
        Source::Url(_) | Source::FileId(_) => None,
    };
    let kind = given.or(of_bytes).filter(|kind| !kind.is_empty());
    let kind = kind.map(|kind| kind.split_once('/').map_or(kind, |(_, format)| format));
    kind.or_else(|| name.or_else(|| address(source)).and_then(extension))
}

fn address(source: &Source) -> Option<&str> {
    match source {
        Source::Url(uri) | Source::FileId(uri) => Some(uri),
        Source::Base64 { .. } => None,
    }
}

fn extension(name: &str) -> Option<&str> {
    Path::new(name).extension()?.to_str()
}

fn unknown(what: &str, format: Option<&str>, provider: &str) -> Error {
    let format = format.filter(|format| !format.is_empty()).unwrap_or("unknown");
    Error::not_taken(&format!("{what} of type `{format}`"), provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_names_that_bedrock_takes_and_no_two_alike() {
        let mut documents = Documents::default();
        for (file, name) in [
            (Some("annual_report.2025 (final).pdf"), "annual report 2025 (final)"),
            (Some("annual_report.2025 (final).pdf"), "annual report 2025 (final) (2)"),
            (Some("../été  à.txt"), "t"),
            (Some("…"), "document"),
            (None, "document (2)"),
        ] {
            assert_eq!(documents.name(file), name);
        }
        assert!(documents.name(Some(&"x".repeat(900))).len() <= LONGEST_NAME);
    }
}
