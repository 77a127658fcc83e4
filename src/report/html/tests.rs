//! The page as structure: what is on it, that nothing gets through as markup, that it stays small.

use super::*;
use crate::model::{
    BrokerIdx, Criterion, Excuse, Goal, LogDirIdx, PartitionIdx, Placement, Policy, Rule, Seat, Snapshot,
};
use crate::report::sample;

/// The page without what the style sheet and the pictures hold: words and tables.
fn words(page: &str) -> String {
    let body = page.split_once("</style>").unwrap().1;
    let mut text = String::new();
    for part in body.split("<svg") {
        text.push_str(part.split_once("</svg>").map_or(part, |(_, after)| after));
    }
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn page(snapshot: &Snapshot) -> String {
    plan_page(snapshot, &Policy::default(), &sample::plan(snapshot))
}

#[test]
fn the_words_and_tables_of_a_small_plan() {
    insta::assert_snapshot!(words(&page(&sample::contract_example())));
}

#[test]
fn every_chart_has_a_role_a_title_a_description_and_a_table() {
    let page = page(&sample::contract_example());
    let charts = page.matches("class=\"chart\"").count();
    assert_eq!(charts, 9, "heat map, four resources, log dirs, reasons, batches, throttles");
    for part in ["role=\"img\"", "<title id=", "<desc id=", "<figcaption>", "The figures as a table"] {
        assert_eq!(page.matches(part).count(), charts, "{part}");
    }
    let bars = ["bars-disk", "bars-network-in", "bars-network-out", "bars-cpu", "bars-log-dir"];
    for id in bars.into_iter().chain(["heat", "reasons", "gantt", "sweep"]) {
        assert_eq!(page.matches(&format!("aria-labelledby=\"{id}-title {id}-desc\"")).count(), 1, "{id}");
    }
}

#[test]
fn a_scatter_width_brings_a_section_with_the_sets_before_and_after() {
    let snapshot = sample::contract_example();
    let plan = sample::plan(&snapshot);
    let mut policy = Policy::default();
    assert!(!plan_page(&snapshot, &policy, &plan).contains("Copysets"), "no word of it where the goal is off");
    policy.bands.scatter_width = 1.0;
    let page = plan_page(&snapshot, &policy, &plan);
    assert_eq!(page.matches("<h2>Copysets</h2>").count(), 1);
    assert_eq!(page.matches("aria-labelledby=\"scatter-widths-title scatter-widths-desc\"").count(), 1);
    let words = words(&page);
    let section = words.split("<h2>").find(|part| part.starts_with("Copysets")).unwrap();
    insta::assert_snapshot!(section.split("</section>").next().unwrap());
}

#[test]
fn names_from_the_cluster_are_text_wherever_they_stand() {
    let snapshot = sample::hostile();
    let mut plan = sample::plan(&snapshot);
    plan.moves[0].reason = "disk: <script>alert(4)</script>".to_owned();
    plan.excuses[0].subject = "<script>alert(5)</script>".to_owned();
    let page = plan_page(&snapshot, &Policy::default(), &plan);
    for markup in ["<script", "<img", "<svg onload", "</title><"] {
        assert!(!page.contains(markup), "{markup} got through");
    }
    for text in ["alert(1)", "alert(2)", "alert(3)", "alert(&#x27;orders&#x27;)", "alert(4)", "alert(5)"] {
        assert!(page.contains(text), "{text} is to be read");
    }
    assert_eq!(page.matches("</title>").count(), 1 + 9, "the page's own and the charts'");
}

#[test]
fn nothing_is_loaded_from_outside_and_nothing_runs() {
    let page = page(&sample::contract_example());
    for word in ["<script", "<link", "<img", "<iframe", "@import", "url(", "src=", "href="] {
        assert!(!page.contains(word), "{word}");
    }
    // The one address is SVG's namespace, which nobody fetches.
    assert_eq!(page.matches("http").count(), page.matches("http://www.w3.org/2000/svg").count());
}

#[test]
fn a_plan_that_moves_nothing_still_makes_a_page() {
    let snapshot = Snapshot::default();
    let page = page(&snapshot);
    assert!(page.contains("Every hard rule holds, before and after."));
    assert!(page.contains("Nothing is copied."));
    assert!(page.contains("Not drawn: disk: no active broker has both figures and a capacity."));
}

#[test]
fn a_page_of_three_hundred_brokers_stays_small() {
    let snapshot = sample::wide(300);
    let page = page(&snapshot);
    assert!(page.len() < 600_000, "{} bytes", page.len());
    assert!(page.contains("the 10 fullest of 300 brokers"));
}

#[test]
fn figures_of_the_page_are_the_judges() {
    let snapshot = sample::contract_example();
    let plan = sample::plan(&snapshot);
    let page = words(&page(&snapshot));
    let (before, after) = (plan.before.hard_total(), plan.after.hard_total());
    assert!(page.contains(&format!("<span class=\"value\">{before} → {after}</span>")), "{page}");
}

#[test]
fn reasons_are_counted_by_what_they_begin_with() {
    let snapshot = sample::contract_example();
    let mut plan = sample::plan(&snapshot);
    plan.moves[0].reason = "no such rule: x".to_owned();
    let view = figures::reasons(&plan).unwrap();
    assert!(view.rows.iter().any(|row| row[0] == "other"), "{:?}", view.rows);
    plan.moves.clear();
    assert!(figures::reasons(&plan).is_none());
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let snapshot = sample::contract_example();
    let mut plan = sample::plan(&snapshot);
    let first = plan.moves[0].clone();
    plan.moves.extend(std::iter::repeat_n(first, 60));
    let excuse = Excuse {
        subject: "broker 1".to_owned(),
        criterion: Some(Criterion::Goal(Goal::Disk)),
        value: None,
        limit: None,
        why: "why".to_owned(),
        remedy: "a remedy of its own".to_owned(),
    };
    plan.excuses.extend(std::iter::repeat_n(excuse, 20));
    let page = plan_page(&snapshot, &Policy::default(), &plan);
    let copying = plan.moves.iter().filter(|m| m.to.is_some() && m.bytes > 0).count();
    assert!(page.contains(&format!("{} more in moves.csv.", copying - 50)));
    assert!(page.contains("and 8 more in plan.json"));
}

#[test]
fn the_sample_plan_is_what_it_says() {
    let snapshot = sample::contract_example();
    let plan = sample::plan(&snapshot);
    assert_ne!(plan.placement, Placement::of(&snapshot));
    let orders_2 = plan.placement.seats(PartitionIdx::new(5));
    assert_eq!(orders_2[1], Seat { broker: BrokerIdx::new(1), log_dir: Some(LogDirIdx::new(2)) });
    assert_eq!(plan.after.hard_count(Rule::InactiveBroker), 0);
}
