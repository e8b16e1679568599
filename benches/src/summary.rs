//! The summary for the README: what has a target, with everything a figure must never be quoted without.

use std::fmt::Write;

use crate::figures::Figures;
use crate::options::Options;
use crate::peers::Name;
use crate::rows::Scale;

/// The summary as Markdown.
pub(crate) fn markdown(options: &Options, facts: &[(&'static str, String)], rows: &[Figures]) -> String {
    let peers = &options.peers;
    let mut text = head(options, facts);
    text.push_str("| row |");
    peers.iter().for_each(|peer| write!(text, " {} |", peer.text()).expect("a string"));
    text.push_str(" ÷ tokio | p25–p75 | verdict | target | |\n| --- |");
    text.push_str(&" --- |".repeat(peers.len() + 5));
    text.push('\n');
    let aimed: Vec<&Figures> = rows.iter().filter(|figures| figures.metric.target.is_some()).collect();
    aimed.iter().for_each(|figures| text.push_str(&line(figures, peers)));
    text.push_str(&count(&aimed, peers));
    text
}

fn head(options: &Options, facts: &[(&'static str, String)]) -> String {
    let fact = |name: &str| facts.iter().find(|(known, _)| *known == name).map_or("?", |(_, value)| value);
    format!(
        "{}, {} cores, Linux {}; {}. {} workers each; medians of {}{} rounds in turns; {}; load average before: {}.\n\n",
        fact("cpu"),
        fact("cores"),
        fact("kernel"),
        fact("versions"),
        options.workers,
        options.rounds,
        if options.scale == Scale::Full { "" } else { " short" },
        fact("date"),
        fact("load before").split(' ').next().unwrap_or("?"),
    )
}

fn line(figures: &Figures, peers: &[Name]) -> String {
    let mut line = format!("| {} |", figures.name);
    for peer in 0..peers.len() {
        write!(line, " {} |", figures.cell(peer)).expect("a string");
    }
    let tokio = peers.iter().position(|&peer| peer == Name::Tokio);
    let ratio = tokio.and_then(|tokio| figures.ratio(tokio)).map_or_else(
        || " - | - | - |".to_owned(),
        |ratio| {
            let verdict = ratio.verdict(figures.metric.better);
            format!(" {:.2} | {:.2}–{:.2} | {verdict} |", ratio.median, ratio.p25, ratio.p75)
        },
    );
    let judgement = match figures.judgement(peers) {
        Some(missed) if missed.starts_with("missed") => format!("**{missed}**"),
        other => other.unwrap_or("-").to_owned(),
    };
    line + &ratio + &format!(" {} | {judgement} |\n", figures.target())
}

/// How many targets are met, those in doubt named as such.
fn count(aimed: &[&Figures], peers: &[Name]) -> String {
    let judged: Vec<&str> = aimed.iter().filter_map(|figures| figures.judgement(peers)).collect();
    let of = |word: &str| judged.iter().filter(|judgement| **judgement == word).count();
    format!(
        "\n{} of {} targets are met, {} more by the median alone; {} are missed, {} of them by the median alone.\n",
        of("met"),
        judged.len(),
        of("met?"),
        of("missed") + of("missed?"),
        of("missed?")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Request, parse};
    use crate::rows::Metric;

    #[test]
    fn only_what_has_a_target_is_in_the_summary_and_a_missed_one_stands_out() {
        let Ok(Request::Compare(options)) = parse(&["--bench".to_owned()]) else { panic!("no comparison") };
        let figures = |name: &str, metric, ours: f64| Figures {
            name: name.to_owned(),
            metric,
            samples: vec![vec![Some(ours); 3], vec![Some(100.0); 3], vec![None; 3], vec![None; 3]],
            failures: vec![None; 4],
        };
        let rows = [
            figures("aimed", Metric::TIME.ratio(0.5), 60.0),
            figures("reached", Metric::TIME.ratio(0.5), 40.0),
            figures("plain", Metric::TIME, 1.0),
        ];
        let text = markdown(&options, &[], &rows);
        assert!(
            text.contains("| aimed | 60.0 ns | 100 ns | - | - | 0.60 | 0.60–0.60 | better | ≤ 0.5 | **missed** |\n")
        );
        assert!(text.contains("| reached |") && !text.contains("plain"));
        assert!(text.contains("1 of 2 targets are met, 0 more by the median alone; 1 are missed"));
    }
}
