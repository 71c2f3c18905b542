//! Subjects and their patterns.

use proptest::prelude::*;
use wattle_spec::subject::{Subject, SubjectError, SubjectPattern};

fn pattern(text: &str) -> SubjectPattern {
    text.parse().expect("a pattern")
}

fn subject(text: &str) -> Subject {
    text.parse().expect("a subject")
}

#[test]
fn patterns_match_as_in_nats() {
    let cases = [
        ("orders", "orders", true),
        ("orders", "orders.eu", false),
        ("orders.eu", "orders", false),
        ("orders.*", "orders.eu", true),
        ("orders.*", "orders", false),
        ("orders.*", "orders.eu.new", false),
        ("orders.>", "orders.eu.new", true),
        ("orders.>", "orders.eu", true),
        ("orders.>", "orders", false),
        (">", "orders.eu", true),
        ("*.eu.>", "orders.eu.new", true),
        ("*.eu.>", "orders.us.new", false),
        ("Orders", "orders", false),
    ];
    for (wanted, about, expected) in cases {
        assert_eq!(pattern(wanted).matches(&subject(about)), expected, "{wanted} {about}");
    }
}

#[test]
fn what_is_no_subject_is_told_why() {
    let cases = [
        ("", SubjectError::Empty),
        ("a..b", SubjectError::EmptyToken("a..b".into())),
        (".a", SubjectError::EmptyToken(".a".into())),
        ("a.", SubjectError::EmptyToken("a.".into())),
        ("a b", SubjectError::BadCharacter(' ')),
        ("a\0", SubjectError::BadCharacter('\0')),
        ("a.*", SubjectError::Wildcard("a.*".into())),
        ("a.>", SubjectError::Wildcard("a.>".into())),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse::<Subject>(), Err(expected), "{text:?}");
    }
    assert_eq!("a.>.b".parse::<SubjectPattern>(), Err(SubjectError::RestInside("a.>.b".into())));
    assert_eq!("a.b*".parse::<SubjectPattern>(), Err(SubjectError::PartOfToken("a.b*".into())));
    assert_eq!("a".repeat(1025).parse::<SubjectPattern>(), Err(SubjectError::TooLong(1025)));
}

proptest! {
    #[test]
    fn a_subject_matches_itself_and_everything_matches_the_rest(text in "[a-c*>]{1,2}(\\.[a-c]{1,2}){0,3}") {
        let Ok(subject) = text.parse::<Subject>() else { return Ok(()) };
        prop_assert!(SubjectPattern::from(subject.clone()).matches(&subject));
        prop_assert!(pattern(">").matches(&subject));
    }
}
