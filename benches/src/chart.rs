//! The ratios as an SVG bar chart.

use crate::row::Peer;
use crate::stats::Spread;
use crate::suite::Outcome;

const LABELS: f64 = 165.0;
const PLOT: f64 = 520.0;
const FIGURES: f64 = 60.0;
const BAR: f64 = 14.0;
const GAP: f64 = 14.0;
const TOP: f64 = 56.0;

pub(crate) fn render(outcomes: &[Outcome]) -> String {
    let groups: Vec<(String, Vec<Bar>)> = outcomes
        .iter()
        .map(|outcome| (label(outcome), bars(outcome)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let all = || groups.iter().flat_map(|(_, bars)| bars);
    // One wild round must not flatten all bars: whiskers that go beyond the plot are cut.
    let longest = all().map(|bar| bar.ratio.median).fold(1.0, f64::max);
    let scale = PLOT / (longest * 1.15);
    let heights = groups.iter().map(|(_, bars)| group_height(bars));
    let bottom = TOP + heights.sum::<f64>();

    let mut svg = head(LABELS + PLOT + FIGURES, bottom + 8.0);
    svg += &legend(&all().map(|bar| bar.peer).collect::<Vec<_>>());
    svg += &axis(scale, bottom);
    let mut y = TOP;
    for (label, bars) in &groups {
        svg += &group(label, bars, y, scale);
        y += group_height(bars);
    }
    svg + "</svg>\n"
}

struct Bar {
    peer: Peer,
    ratio: Spread,
}

fn label(outcome: &Outcome) -> String {
    match outcome.row.baseline {
        Peer::Tokio => outcome.row.name.to_owned(),
        other => format!("{} (1 = {})", outcome.row.name, other.name()),
    }
}

/// The bars of a row. The baseline needs none: it is the line at 1.
fn bars(outcome: &Outcome) -> Vec<Bar> {
    let others = outcome.peers.iter();
    let others = others.filter(|peer| peer.peer != outcome.row.baseline);
    others
        .filter_map(|peer| {
            let ratio = outcome.ratio(peer)?;
            Some(Bar {
                peer: peer.peer,
                ratio,
            })
        })
        .collect()
}

fn group_height(bars: &[Bar]) -> f64 {
    bars.len() as f64 * BAR + GAP
}

fn colour(peer: Peer) -> &'static str {
    match peer {
        Peer::Weftwork => "#0b7285",
        Peer::Tokio => "#adb5bd",
        Peer::Smol => "#f08c00",
        Peer::Flume => "#9c36b5",
        Peer::Kanal => "#2f9e44",
        Peer::Rayon => "#1971c2",
        Peer::Floor => "#495057",
        Peer::FloorOne => "#868e96",
    }
}

fn head(width: f64, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"16\" font-size=\"13\">Time or memory relative to tokio (the line \
         at 1), shorter is better; whiskers: min..max</text>\n"
    )
}

fn legend(shown: &[Peer]) -> String {
    let mut svg = String::new();
    let mut x = 8.0;
    for peer in Peer::ALL.into_iter().filter(|peer| shown.contains(peer)) {
        let (name, colour) = (peer.name(), colour(peer));
        svg += &format!(
            "<rect x=\"{x:.0}\" y=\"26\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\n\
             <text x=\"{:.0}\" y=\"35\">{name}</text>\n",
            x + 14.0
        );
        x += 90.0;
    }
    svg
}

fn axis(scale: f64, bottom: f64) -> String {
    let x = LABELS + scale;
    format!(
        "<line x1=\"{LABELS:.1}\" x2=\"{LABELS:.1}\" y1=\"{TOP:.1}\" y2=\"{bottom:.1}\" \
         stroke=\"#868e96\"/>\n\
         <line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{bottom:.1}\" stroke=\"#868e96\" \
         stroke-dasharray=\"4 3\"/>\n\
         <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">1</text>\n",
        TOP - 4.0,
        TOP - 8.0
    )
}

fn group(label: &str, bars: &[Bar], y: f64, scale: f64) -> String {
    let middle = y + bars.len() as f64 * BAR / 2.0 + 4.0;
    let mut svg = format!(
        "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{label}</text>\n",
        LABELS - 8.0
    );
    for (i, bar) in bars.iter().enumerate() {
        let top = y + i as f64 * BAR;
        let Spread { median, min, max } = bar.ratio;
        let [median_x, min_x, max_x] =
            [median, min, max].map(|ratio| LABELS + (ratio * scale).min(PLOT));
        svg += &format!(
            "<rect x=\"{LABELS:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>\n\
             <line x1=\"{min_x:.1}\" x2=\"{max_x:.1}\" y1=\"{3:.1}\" y2=\"{3:.1}\" \
             stroke=\"black\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\">{median:.2}</text>\n",
            top + 1.0,
            median_x - LABELS,
            BAR - 2.0,
            colour(bar.peer),
            LABELS + PLOT + 8.0,
            top + BAR - 3.0,
        );
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::tests::outcome;

    #[test]
    fn whiskers_stay_in_the_plot_and_the_baseline_has_no_bar() {
        let outcome = outcome(&[
            (Peer::Weftwork, &[25, 50]),
            (Peer::Tokio, &[100, 100]),
            (Peer::Smol, &[900, 100, 100]),
        ]);
        let svg = render(&[outcome]);
        assert_eq!(svg.matches(colour(Peer::Tokio)).count(), 0);
        assert_eq!(svg.matches(colour(Peer::Smol)).count(), 2, "legend and bar");
        let ends = svg.split("x2=\"").skip(1);
        let ends = ends.map(|rest| rest.split('"').next().unwrap().parse::<f64>().unwrap());
        let furthest = ends.fold(0.0, f64::max);
        assert!(
            furthest > LABELS + 0.99 * PLOT && furthest <= LABELS + PLOT,
            "{svg}"
        );
    }

    #[test]
    fn elements_are_closed() {
        let outcome = outcome(&[(Peer::Weftwork, &[25]), (Peer::Tokio, &[100])]);
        let svg = render(&[outcome]);
        let opened = svg.matches('<').count() - svg.matches("</").count();
        let closed = svg.matches("/>").count() + svg.matches("</").count();
        assert_eq!(opened, closed, "{svg}");
        assert_eq!(svg.matches('"').count() % 2, 0);
    }
}
