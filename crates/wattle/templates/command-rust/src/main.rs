//! A command: it reads its arguments, prints, and ends with an exit code.

use std::env;

fn main() {
    print!("{}", greeting(env::args().nth(1).as_deref().unwrap_or("world")));
}

fn greeting(name: &str) -> String {
    format!("Hello, {name}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_names_who_is_greeted() {
        assert_eq!(greeting("Ada"), "Hello, Ada\n");
    }
}
