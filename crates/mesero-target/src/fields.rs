//! The fields that templates need.

use std::sync::Arc;

use mesero_config::template::Template;

pub(super) fn missing_field(name: &str) -> String {
    format!("the item has no field `{name}`, for which the target has a placeholder")
}

/// The names of all placeholders in templates, each once.
pub(super) fn field_names<'a>(templates: impl Iterator<Item = &'a Template>) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for (name, _) in templates.flat_map(Template::names) {
        if !names.iter().any(|known| **known == *name) {
            names.push(name.into());
        }
    }
    names
}
