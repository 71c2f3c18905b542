//! The HTML page. Everything that a visitor wrote goes through `escape`.

use crate::book::Entry;
use crate::draft::Draft;

const STYLE: &str = include_str!("page.css");

/// Renders the page; a draft that was refused comes with the complaint about it.
pub fn render(title: &str, visits: u64, entries: &[Entry], refused: Option<(&Draft, &str)>) -> String {
    let (name, text, complaint) = match refused {
        Some((draft, complaint)) => (
            escape(&draft.name),
            escape(&draft.text),
            format!(r#"<p class="complaint" id="complaint" role="alert">{}</p>"#, escape(complaint)),
        ),
        None => Default::default(),
    };
    format!(
        include_str!("page.html"),
        style = STYLE,
        title = escape(title),
        visits = visits,
        visits_word = if visits == 1 { "visit" } else { "visits" },
        complaint = complaint,
        name = name,
        text = text,
        entries = list(entries),
    )
}

fn list(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return r#"<p class="empty">Nobody has signed yet. Be the first!</p>"#.to_owned();
    }
    let items: String = entries.iter().map(item).collect();
    format!("<ol>\n{items}</ol>")
}

fn item(entry: &Entry) -> String {
    let time = escape(&entry.time);
    // "2026-11-21T04:05:06Z" is read more easily as "2026-11-21 04:05 UTC".
    let short = time.get(..16).map_or_else(|| time.clone(), |minutes| minutes.replace('T', " ") + " UTC");
    format!(
        "<li><article><p class=\"text\">{}</p><footer><cite>{}</cite> <time datetime=\"{time}\">{short}</time></footer></article></li>\n",
        escape(&entry.text),
        escape(&entry.name),
    )
}

/// Makes text safe between tags and in quoted attributes.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    safe
}
