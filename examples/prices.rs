//! Brings `pricing/` up to date from a list in LiteLLM's format:
//! `cargo run --example prices -- model_prices_and_context_window.json`
//!
//! What `pricing/corrections.json` says stands over the list, where the provider's own page says otherwise than it.
//! A model that the new list no longer has is kept and marked as retired, because calls of it may still have to be
//! priced. What a file says of all its models stays. The files are written so that a change of one price is a change of
//! one line. `pricing/README.md` describes them.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anymodel::ModelInfo;
use anymodel::pricing::PriceList;
use serde_json::{Map, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let list = arguments.next().ok_or("give the path of a list in LiteLLM's format")?;
    let folder = arguments.next().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("pricing"));
    let list = PriceList::from_litellm(&fs::read_to_string(list)?)?;

    let corrections: Value = serde_json::from_str(&fs::read_to_string(folder.join("corrections.json"))?)?;

    let mut providers: BTreeMap<&str, BTreeMap<&str, &ModelInfo>> = BTreeMap::new();
    for model in list.models() {
        providers.entry(&model.provider).or_default().insert(&model.model, model);
    }
    for (provider, models) in providers {
        let path = folder.join(format!("{provider}.json"));
        let before = fs::read_to_string(&path).unwrap_or_default();
        let mut file: Map<String, Value> = if before.is_empty() {
            Map::from_iter([("provider".to_owned(), provider.into())])
        } else {
            serde_json::from_str(&before)?
        };
        let old = file.remove("models").and_then(|old| old.as_object().cloned()).unwrap_or_default();
        let mut new = BTreeMap::new();
        for (name, model) in &models {
            new.insert((*name).to_owned(), serde_json::to_value(model)?);
        }
        for (name, correction) in corrections.get(provider).and_then(Value::as_object).into_iter().flatten() {
            correct(new.entry(name.clone()).or_insert_with(|| Value::Object(Map::new())), correction);
        }
        let mut retired = 0;
        for (name, old) in &old {
            new.entry(name.clone()).or_insert_with(|| {
                let mut model = old.clone();
                retired += u32::from(model.get("retired").is_none());
                model["retired"] = true.into();
                model
            });
        }
        let added = new.keys().filter(|name| !old.contains_key(*name)).count();
        let changed = new.iter().filter(|(name, model)| old.get(*name).is_some_and(|old| old != *model)).count();
        let text = lay_out(&file, &new)?;
        if text != before {
            println!("{provider}: {added} new, {changed} changed, {retired} retired, {} in all", new.len());
            fs::write(path, text)?;
        }
    }
    Ok(())
}

/// Puts the fields of a correction over those of a model.
fn correct(model: &mut Value, correction: &Value) {
    match (model, correction) {
        (Value::Object(model), Value::Object(correction)) => {
            for (field, value) in correction {
                correct(model.entry(field.clone()).or_insert(Value::Null), value);
            }
        }
        (model, correction) => *model = correction.clone(),
    }
}

/// The file: a line for each field, what is inside a field on that line.
fn lay_out(file: &Map<String, Value>, models: &BTreeMap<String, Value>) -> Result<String, Box<dyn Error>> {
    let mut text = String::from("{\n");
    for (field, value) in file {
        writeln!(text, "  {}: {},", Value::from(field.as_str()), in_line(value))?;
    }
    text.push_str("  \"models\": {");
    for (number, (name, model)) in models.iter().enumerate() {
        text.push_str(if number == 0 { "\n" } else { ",\n" });
        write!(text, "    {}: {{", Value::from(name.as_str()))?;
        for (number, (field, value)) in model.as_object().into_iter().flatten().enumerate() {
            text.push_str(if number == 0 { "\n" } else { ",\n" });
            match value.as_array().filter(|_| field == "when") {
                Some(list) => {
                    let lines: Vec<String> = list.iter().map(|when| format!("        {}", in_line(when))).collect();
                    write!(text, "      \"when\": [\n{}\n      ]", lines.join(",\n"))?;
                }
                None => write!(text, "      {}: {}", Value::from(field.as_str()), in_line(value))?,
            }
        }
        text.push_str("\n    }");
    }
    text.push_str("\n  }\n}\n");
    Ok(text)
}

/// A value on one line, with spaces for the eye.
fn in_line(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(in_line).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let fields = map.iter().map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), in_line(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}
