//! An entry as a visitor sent it, before it is known to be good.

use serde::Deserialize;

use crate::fault::Fault;
use crate::http::Request;

const NAME_MAX_CHARS: usize = 60;
const TEXT_MAX_CHARS: usize = 1000;

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    pub name: String,
    pub text: String,
}

impl Draft {
    pub fn from_form(request: &Request) -> Result<Draft, Fault> {
        if request.media_type != "application/x-www-form-urlencoded" {
            return Err(Fault::MediaType);
        }
        let mut draft = Draft::default();
        for (field, value) in form_urlencoded::parse(&request.body) {
            match &*field {
                "name" => draft.name = value.into_owned(),
                "text" => draft.text = value.into_owned(),
                _ => {}
            }
        }
        Ok(draft)
    }

    pub fn from_json(request: &Request) -> Result<Draft, Fault> {
        if request.media_type != "application/json" {
            return Err(Fault::MediaType);
        }
        serde_json::from_slice(&request.body)
            .map_err(|_| Fault::Invalid("a JSON object of the strings `name` and `text` is expected"))
    }

    /// Tidies what was sent, or says what is wrong with it.
    pub fn check(self) -> Result<Draft, &'static str> {
        let name = tidy(&self.name).replace('\n', " ");
        let text = tidy(&self.text);
        if name.is_empty() {
            Err("Please tell us your name.")
        } else if name.chars().count() > NAME_MAX_CHARS {
            Err("The name is too long: 60 characters are the most.")
        } else if text.is_empty() {
            Err("Please write something.")
        } else if text.chars().count() > TEXT_MAX_CHARS {
            Err("The text is too long: 1,000 characters are the most.")
        } else {
            Ok(Draft { name, text })
        }
    }
}

/// Drops control characters except line feeds, and the white space around.
fn tidy(text: &str) -> String {
    text.chars().filter(|&c| c == '\n' || !c.is_control()).collect::<String>().trim().to_owned()
}
