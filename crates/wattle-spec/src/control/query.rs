//! The parameters of a question: names and numbers, read strictly.

use std::str::FromStr;

use super::Refusal;
use crate::fault::{listed, nearest};
use crate::name::{AppId, ComponentName};

/// What may be said beside a path.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Which app.
    pub app: Option<AppId>,
    /// Which of its components.
    pub component: Option<ComponentName>,
    /// How many of the last lines.
    pub tail: Option<usize>,
    /// Whether what comes later is wanted, too.
    pub follow: Option<bool>,
    /// Whether it is told how far an action is.
    pub progress: Option<bool>,
}

impl Query {
    /// Reads `text`, in which there may be the parameters `known`. No value needs an escape.
    ///
    /// # Errors
    ///
    /// If there are others, or values that cannot be read.
    pub fn read(text: &str, known: &[&str]) -> Result<Self, Refusal> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !known.contains(&name) {
                return Err(unknown(name, known));
            }
            match name {
                "app" => set(&mut query.app, name, value)?,
                "component" => set(&mut query.component, name, value)?,
                "tail" => set(&mut query.tail, name, value)?,
                "progress" => set(&mut query.progress, name, value)?,
                _ => set(&mut query.follow, name, value)?,
            }
        }
        if query.component.is_some() && query.app.is_none() {
            return Err(Refusal::bad("the parameter `component` needs `app`"));
        }
        Ok(query)
    }
}

fn set<T: FromStr<Err: std::fmt::Display>>(place: &mut Option<T>, name: &str, value: &str) -> Result<(), Refusal> {
    let read =
        value.parse().map_err(|error| Refusal::bad(format!("the parameter `{name}` cannot be read: {error}")))?;
    match place.replace(read) {
        None => Ok(()),
        Some(_) => Err(Refusal::bad(format!("the parameter `{name}` is given twice"))),
    }
}

fn unknown(name: &str, known: &[&str]) -> Refusal {
    let shown: String = name.chars().take(64).collect();
    let refusal = Refusal::bad(format!("there is no parameter {shown:?} here"));
    match nearest(name, known.iter().copied()) {
        Some(near) => refusal.hint(format!("did you mean `{near}`?")),
        None => refusal.hint(format!("there are {}", listed(known))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let known = ["app", "component", "tail", "follow"];
        let check = |text: &str, expected: &str| {
            let told = match Query::read(text, &known) {
                Ok(query) => format!("{:?} {:?} {:?}", query.app.map(|app| app.to_string()), query.tail, query.follow),
                Err(refusal) => refusal.message,
            };
            assert_eq!(told, expected, "{text}");
        };
        check("", "None None None");
        check("app=shop&component=cart&tail=3&follow=true", "Some(\"default/shop\") Some(3) Some(true)");
        check("app=a/b&", "Some(\"a/b\") None None");
        check("app=shop&app=shop", "the parameter `app` is given twice");
        check("component=cart", "the parameter `component` needs `app`");
        check("tail=-1", "the parameter `tail` cannot be read: invalid digit found in string");
        check("tial=1", "there is no parameter \"tial\" here");
        check(
            "app=%2e",
            "the parameter `app` cannot be read: a name is made of lower-case letters, digits and inner hyphens, '%' is not",
        );
    }
}
