//! What the coop example says when its nodes do not agree.

#[path = "../coop/cast.rs"]
mod cast;
#[path = "../coop/page.rs"]
mod page;
#[path = "../coop/scenario.rs"]
mod scenario;
#[path = "../coop/story/mod.rs"]
mod story;
#[path = "../coop/village.rs"]
mod village;

use std::path::Path;

use cast::Cast;
use page::Page;
use scenario::Scenario;
use story::{Disagreement, Story};
use village::Village;

/// A node whose link stays down hears of no vote, and the story ends with what
/// each node holds.
#[test]
fn nodes_that_do_not_agree_are_shown_row_by_row() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("coop-disagreement-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    let scenario = Scenario::parse(scenario::DEFAULT).unwrap();
    let cast = Cast::new(&scenario, 7).unwrap();
    let mut village = Village::open(&cast, &folder).unwrap();
    assert!(village.until(Village::is_confirmed).unwrap());
    village.link(2, false).unwrap();
    let story = Story::new(&scenario, &cast, Page::of_stdout(), village);
    let error = story.tell(&folder).unwrap_err();
    drop(std::fs::remove_dir_all(&folder));
    assert!(error.is::<Disagreement>(), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("nodes do not agree: "), "{text}");
    let rows_of = |name: &str| -> Vec<&str> {
        let rows = text.lines().filter(|row| row.starts_with("  topic "));
        rows.filter(|row| row.contains(name)).collect()
    };
    let (alice, charlie) = (rows_of(" Alice "), rows_of(" Charlie "));
    assert_eq!(alice.len(), charlie.len());
    let cells = |row: &&str| -> Vec<String> {
        let mut words = row
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        words.remove(3);
        words
    };
    let differs = alice
        .iter()
        .zip(&charlie)
        .any(|(a, c)| cells(a) != cells(c));
    assert!(differs, "{text}");
}
