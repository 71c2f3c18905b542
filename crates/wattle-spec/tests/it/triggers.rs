//! What a trigger may lead to: a component or the files of a folder.

use crate::manifest::check_lines;

/// The faults of a manifest with a component, and one HTTP trigger that has `lines`.
fn check_trigger(lines: &str) -> String {
    check_lines(&format!("[[triggers.http]]\n{lines}"))
}

#[test]
fn files_in_place_of_a_component() {
    insta::assert_snapshot!(check_trigger("path = '/a/...'\nfiles = 'public'"), @"ok");
    insta::assert_snapshot!(check_trigger("path = '/a/...'\nfiles = 'public'\ncomponent = 'cart'"), @"
    6:1 `files` and `component` exclude each other in `triggers.http`
      5:1 the first is here
      hint: remove one of the two
    ");
    insta::assert_snapshot!(check_trigger("component = 'crat'\npath = '/a/...'\nfiles = 'public'"), @"
    6:1 `component` and `files` exclude each other in `triggers.http`
      4:1 the first is here
      hint: remove one of the two
    ");
    insta::assert_snapshot!(check_trigger("path = '/a/...'\nfiles = ''"), @r#"
    5:9 a path must not be empty nor contain a NUL
      hint: as in `"public"`
    "#);
    insta::assert_snapshot!(check_trigger("path = '/a/...'\nfiles = ['public']"), @r#"
    5:9 `triggers.http.files` must be a string, not an array
      hint: write it in quotes, as in "public"
    "#);
    insta::assert_snapshot!(check_trigger("path = '/a/b'\nfiles = 'public'"), @"
    4:8 a folder is served below a path, and `/a/b` has nothing below it
      hint: write `/a/b/...`
    ");
    insta::assert_snapshot!(check_trigger("path = '/'\nfiles = 'public'"), @"
    4:8 a folder is served below a path, and `/` has nothing below it
      hint: write `/...`
    ");
    let twice = "path = '/a/...'\ncomponent = 'cart'\n[[triggers.http]]\npath = '/a/...'\nfiles = 'public'";
    insta::assert_snapshot!(check_trigger(twice), @"
    7:8 the route `/a/...` is there twice, for component `cart` and for the files of `public`
      4:8 the first is here
      hint: give each route a path or a host of its own
    ");
}
