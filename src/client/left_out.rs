//! What the caller wants left out of a request: parameters by their names, members of the body by their paths.

use serde_json::Value;

use super::Question;
use crate::error::{Error, ErrorKind, Result};
use crate::provider::Encoded;

/// The request without the parameters that are named, where it has any of them. A path says nothing of parameters.
pub(super) fn parameters<Q: Question>(request: &Q, names: &[String]) -> Result<Option<Box<Q>>> {
    let mut less = None;
    for name in names.iter().filter(|name| !is_path(name) && request.has(name)) {
        less.get_or_insert_with(|| Box::new(request.clone())).set(name, Value::Null)?;
    }
    Ok(less)
}

/// The encoded request without the members of its body that the paths lead to, such as `tools[*].function.strict`.
///
/// # Errors
///
/// [`ErrorKind::Configuration`], naming it, for what is no path.
pub(super) fn members(mut encoded: Encoded, names: &[String]) -> Result<Encoded> {
    let paths = names.iter().filter(|name| is_path(name)).map(|path| steps(path));
    let paths = paths.collect::<Result<Vec<_>>>()?;
    if !paths.is_empty()
        && let Ok(mut body) = serde_json::from_slice::<Value>(encoded.request.body())
    {
        paths.iter().for_each(|path| remove(&mut body, path));
        *encoded.request.body_mut() = body.to_string().into();
    }
    Ok(encoded)
}

/// A step into JSON.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    Member(&'a str),
    Item(usize),
    Every,
}

fn is_path(name: &str) -> bool {
    name.contains(['.', '['])
}

fn steps(path: &str) -> Result<Vec<Step<'_>>> {
    let wrong = || {
        let message =
            format!("`{path}` in `additional_drop_params` is no path; write it as `tools[*].function.strict`");
        Error::new(ErrorKind::Configuration, message)
    };
    let mut steps = Vec::new();
    for segment in path.split('.') {
        let (name, indices) = segment.split_at(segment.find('[').unwrap_or(segment.len()));
        if name.is_empty() {
            return Err(wrong());
        }
        steps.push(Step::Member(name));
        let mut rest = indices;
        while let Some(open) = rest.strip_prefix('[') {
            let (index, after) = open.split_once(']').ok_or_else(wrong)?;
            steps.push(match index {
                "*" => Step::Every,
                _ => Step::Item(index.parse().map_err(|_| wrong())?),
            });
            rest = after;
        }
        if !rest.is_empty() {
            return Err(wrong());
        }
    }
    Ok(steps)
}

/// Removes what the steps lead to, where there is such a thing.
fn remove(value: &mut Value, steps: &[Step<'_>]) {
    let Some((step, after)) = steps.split_first() else { return };
    match (value, step) {
        (Value::Object(fields), Step::Member(name)) if after.is_empty() => {
            fields.shift_remove(*name);
        }
        (Value::Array(items), Step::Every) if after.is_empty() => items.clear(),
        (Value::Array(items), Step::Item(index)) if after.is_empty() && *index < items.len() => {
            items.remove(*index);
        }
        (Value::Object(fields), Step::Member(name)) => {
            fields.get_mut(*name).into_iter().for_each(|inner| remove(inner, after));
        }
        (Value::Array(items), Step::Every) => items.iter_mut().for_each(|inner| remove(inner, after)),
        (Value::Array(items), Step::Item(index)) => {
            items.get_mut(*index).into_iter().for_each(|inner| remove(inner, after));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::ChatRequest;
    use serde_json::json;

    fn without(mut body: Value, path: &str) -> Value {
        remove(&mut body, &steps(path).unwrap());
        body
    }

    #[test]
    fn a_path_leads_through_objects_and_lists() {
        let tools = json!({"tools": [{"function": {"name": "a", "strict": true}}, {"function": {"strict": false}}, 3]});
        let loose = json!({"tools": [{"function": {"name": "a"}}, {"function": {}}, 3]});
        assert_eq!(without(tools.clone(), "tools[*].function.strict"), loose);
        assert_eq!(without(tools.clone(), "tools[2]"), json!({"tools": [tools["tools"][0], tools["tools"][1]]}));
        assert_eq!(without(tools.clone(), "tools[*]"), json!({"tools": []}));
        assert_eq!(without(json!({"a": {"b": [[1, 2], [3]]}}), "a.b[0][1]"), json!({"a": {"b": [[1], [3]]}}));
        for nothing in ["tools[7]", "tools.function", "tools[*].function.strict.deep", "none[0].at.all"] {
            assert_eq!(without(tools.clone(), nothing), tools, "{nothing}");
        }
    }

    #[test]
    fn what_is_no_path_is_told_by_its_text() {
        for wrong in ["a..b", ".a", "a[", "a[x]", "a[1]b", "a[-1]", "[0]"] {
            let error = steps(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.message().contains(wrong), "{error}");
        }
    }

    #[test]
    fn parameters_are_left_out_of_a_copy_and_only_where_they_are() {
        let mut request = ChatRequest::new("m", "Hi");
        (request.params.temperature, request.params.seed) = (Some(0.5), Some(1));
        request.params.extra.insert("top_k", 3);
        let names = ["temperature", "top_k", "user", "tools[*].strict"].map(str::to_owned);
        let less = parameters(&request, &names).unwrap().unwrap();
        assert_eq!((less.params.temperature, less.params.seed), (None, Some(1)));
        assert!(less.params.extra.is_empty());
        assert!(parameters(&request, &["user".to_owned()]).unwrap().is_none());
    }
}
