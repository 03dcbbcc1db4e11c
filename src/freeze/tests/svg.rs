//! Drawings: one that was looked at and kept, and what holds for the drawing of any plan.
//!
//! `BLESS=1 cargo test -p preroot-freeze --test svg` rewrites the drawing; look at it before it is
//! committed.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use preroot_freeze::svg::svg;
use preroot_freeze::{Config, Messages, Root, freeze};
use preroot_plan::{
    Argument, Draft, DraftDropped, DraftEdge, DraftRunlevel, DraftScript, Plan, ScriptMode, Weight,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use roxmltree::{Document, Node};

const CONFIG: &str = "name = \"small\"\n[root]\nfind = \"LABEL=root\"\n\
    [script.slow]\ndeadline = \"1h\"\n[script.vital]\ncritical = true\n\
    [script.skipped]\nskip = \"not on <this> machine\"\n";

#[test]
fn a_small_order_is_drawn_as_it_was_looked_at() {
    let drawings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drawings");
    let tree = fs::read_to_string(drawings.join("small.tree")).expect("tree");
    let directory = tempfile::tempdir().expect("scratch directory");
    support::write(&tree, directory.path());
    let mut messages = Messages::default();
    let config = Config::parse(CONFIG, Path::new("x.toml"), &mut messages).expect("config");
    let root = Root::new(directory.path());
    let request = support::request(&config, &root);
    let draft = freeze(&request, &mut messages).expect("a good tree");
    let bytes = draft.freeze().expect("a good draft");
    let drawing = svg(&Plan::check(&bytes).expect("plan"), None).expect("runlevels");
    let path = drawings.join("small.svg");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &drawing).expect("drawing");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        drawing == expected,
        "differs from small.svg (BLESS=1 rewrites it):\n{drawing}"
    );
    Picture::read(&drawing).check();
}

/// What a drawing has, read back.
struct Picture {
    boxes: Vec<Drawn>,
    /// By id: the path.
    lines: BTreeMap<String, Vec<(f64, f64)>>,
    rails: usize,
}

/// A box.
struct Drawn {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    title: String,
    /// The lines that light up with it.
    lines: Vec<String>,
}

impl Picture {
    /// Reads a drawing of one runlevel, or of several of which all but one are empty.
    fn read(drawing: &str) -> Picture {
        let document = Document::parse(drawing).expect("well-formed");
        let mut picture = Picture {
            boxes: Vec::new(),
            lines: BTreeMap::new(),
            rails: 0,
        };
        for node in document.descendants().filter(Node::is_element) {
            if let Some(id) = node.attribute("id") {
                let course = points(node.attribute("d").expect("d"));
                picture.lines.insert(id.to_string(), course);
            }
            let class = node.attribute("class").unwrap_or_default();
            picture.rails += usize::from(class == "stem" && is_titled(node));
            if class.split(' ').next() == Some("box") && is_titled(node) {
                picture.boxes.push(drawn(node));
            }
        }
        picture
    }

    /// No line touches a box that is not its own, and no box another.
    fn check(&self) {
        for (id, course) in &self.lines {
            let ends = self.boxes.iter().filter(|drawn| drawn.lines.contains(id));
            assert_eq!(ends.count(), 2, "{id}");
            for drawn in self.boxes.iter().filter(|drawn| !drawn.lines.contains(id)) {
                let inside = |(x, y): &&(f64, f64)| drawn.holds(*x, *y);
                assert!(
                    !course.iter().any(|at| inside(&at)),
                    "{id} over {}",
                    drawn.title
                );
            }
        }
        for (at, one) in self.boxes.iter().enumerate() {
            for other in &self.boxes[..at] {
                let apart = one.right < other.left
                    || other.right < one.left
                    || one.bottom < other.top
                    || other.bottom < one.top;
                assert!(apart, "{} over {}", one.title, other.title);
            }
        }
    }
}

impl Drawn {
    fn holds(&self, x: f64, y: f64) -> bool {
        self.left < x && x < self.right && self.top < y && y < self.bottom
    }
}

fn is_titled(node: Node<'_, '_>) -> bool {
    node.children().any(|child| child.has_tag_name("title"))
}

fn drawn(node: Node<'_, '_>) -> Drawn {
    let child = |name: &str| {
        let is_it = |child: &Node<'_, '_>| child.tag_name().name() == name;
        node.children().find(is_it).expect("child")
    };
    let rect = child("rect");
    let number = |name: &str| {
        let text = rect.attribute(name).expect("attribute");
        text.parse::<f64>().expect("number")
    };
    let (left, top) = (number("x"), number("y"));
    let uses = node
        .children()
        .filter(|child| child.tag_name().name() == "use");
    Drawn {
        left,
        top,
        right: left + number("width"),
        bottom: top + number("height"),
        title: child("title").text().unwrap_or_default().to_string(),
        lines: uses
            .map(|line| line.attribute("href").expect("href")[1..].to_string())
            .collect(),
    }
}

/// Points along a path of M, H, V, Q and C.
fn points(path: &str) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    let mut rest = path;
    while let Some(command) = rest.chars().next() {
        let end = rest[1..]
            .find(char::is_alphabetic)
            .map_or(rest.len(), |end| end + 1);
        let numbers = rest[1..end]
            .split(' ')
            .map(|text| text.parse().expect("number"));
        let numbers: Vec<f64> = numbers.collect();
        rest = &rest[end..];
        let from = points.last().copied().unwrap_or_default();
        let controls = match (command, numbers.as_slice()) {
            ('M', [x, y]) => vec![(*x, *y)],
            ('H', [x]) => vec![from, (*x, from.1)],
            ('V', [y]) => vec![from, (from.0, *y)],
            ('Q', [a, b, x, y]) => vec![from, (*a, *b), (*x, *y)],
            ('C', [a, b, c, d, x, y]) => vec![from, (*a, *b), (*c, *d), (*x, *y)],
            other => panic!("{other:?}"),
        };
        points.extend((0..=24).map(|step| bezier(&controls, f64::from(step) / 24.0)));
    }
    points
}

/// A point of a curve, by de Casteljau.
fn bezier(controls: &[(f64, f64)], at: f64) -> (f64, f64) {
    if let [point] = controls {
        return *point;
    }
    let between = |pair: &[(f64, f64)]| {
        let along = |a: f64, b: f64| a + (b - a) * at;
        (along(pair[0].0, pair[1].0), along(pair[0].1, pair[1].1))
    };
    let inner: Vec<(f64, f64)> = controls.windows(2).map(between).collect();
    bezier(&inner, at)
}

/// A script of a random plan.
type Seed = (String, bool, bool, bool, Vec<Index>);

/// A plan of these scripts, each on the level that its edges give it.
fn plan(seeds: &[Seed]) -> Vec<u8> {
    let mut levels: Vec<u16> = Vec::new();
    let mut waits: Vec<Vec<usize>> = Vec::new();
    for (number, (.., picks)) in seeds.iter().enumerate() {
        let mut own: Vec<usize> = Vec::new();
        if number > 0 {
            own.extend(picks.iter().map(|pick| pick.index(number)));
        }
        own.sort_unstable();
        own.dedup();
        levels.push(1 + own.iter().map(|other| levels[*other]).max().unwrap_or(0));
        waits.push(own);
    }
    let mut order: Vec<usize> = (0..seeds.len()).collect();
    order.sort_by_key(|number| levels[*number]);
    let place = |number: &usize| order.iter().position(|other| other == number);
    let script = |number: &usize| {
        let (name, alone, critical, own, _) = &seeds[*number];
        let reason = |other: &usize| format!("Required-Start {} (\"{name}\":4)", seeds[*other].0);
        let edge = |other: &usize| DraftEdge {
            awaited: place(other).expect("script") as u32,
            reason: reason(other),
        };
        DraftScript {
            name: name.clone(),
            level: levels[*number],
            mode: if *alone {
                ScriptMode::Interactive
            } else {
                ScriptMode::Parallel
            },
            weight: if *critical {
                Weight::Critical
            } else {
                Weight::Normal
            },
            link: 1,
            deadline_ms: if *own { 1500 } else { 300_000 },
            edges: waits[*number].iter().map(edge).collect(),
        }
    };
    let dropped = DraftDropped {
        name: seeds[0].0.clone(),
        reason: seeds[seeds.len() - 1].0.clone(),
        runlevel: b'2',
    };
    let runlevel = |name, scripts| DraftRunlevel {
        name,
        argument: Argument::Start,
        scripts,
    };
    let draft = Draft {
        name: seeds[0].0.clone(),
        runlevels: vec![
            runlevel(b'S', Vec::new()),
            runlevel(b'2', order.iter().map(script).collect()),
        ],
        dropped: vec![dropped],
        ..Draft::default()
    };
    draft.freeze().expect("a good draft")
}

fn seed() -> impl Strategy<Value = Seed> {
    let name = prop_oneof![
        "[a-z][a-z.-]{0,12}",
        "[a&<>\"' \\PC\u{1}\u{1b}\u{7f}\n]{1,12}",
        Just("]]>".to_string()),
        Just("&amp;<script>".to_string()),
        Just("n".repeat(60)),
    ];
    let rare = || prop::bool::weighted(0.1);
    (name, rare(), rare(), rare(), vec(any::<Index>(), 0..4))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_plan_gives_a_drawing_that_can_be_read(seeds in vec(seed(), 1..60)) {
        let bytes = plan(&seeds);
        let plan = Plan::check(&bytes).expect("plan");
        let drawing = svg(&plan, None).expect("runlevels");
        prop_assert_eq!(&drawing, &svg(&plan, None).expect("runlevels"));
        let picture = Picture::read(&drawing);
        picture.check();
        prop_assert_eq!(picture.boxes.len(), seeds.len());
        // What is not drawn is said to be left out, or stands behind a rail.
        let edges: usize = plan.scripts().iter().map(|script| script.edge_count.get() as usize).sum();
        prop_assert!(picture.lines.len() <= edges);
        let implied = drawing.split("the upper; ").nth(1).and_then(|rest| rest.split(' ').next());
        let implied: usize = implied.map_or(0, |number| number.parse().expect("number"));
        if picture.rails == 0 && edges > 0 {
            prop_assert_eq!(picture.lines.len() + implied, edges);
        }
    }
}

#[test]
fn a_runlevel_that_the_plan_does_not_have_is_named() {
    let bytes = plan(&[("a".to_string(), false, false, false, Vec::new())]);
    let plan = Plan::check(&bytes).expect("plan");
    let error = svg(&plan, Some(b'4')).expect_err("no runlevel 4");
    assert_eq!(error, "the plan has no runlevel 4; it has S, 2");
    assert!(
        svg(&plan, Some(b'S'))
            .expect("S")
            .contains("runlevel S: start; no scripts")
    );
}

#[test]
fn a_large_order_is_drawn_in_time() {
    let seeds: Vec<Seed> = (0..1024)
        .map(|number: usize| (format!("s{number}"), false, false, false, Vec::new()))
        .collect();
    let bytes = plan(&seeds);
    let drawing = svg(&Plan::check(&bytes).expect("plan"), None).expect("runlevels");
    assert_eq!(Picture::read(&drawing).boxes.len(), 1024);
}
