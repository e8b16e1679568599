//! The table on the terminal, a line as soon as its row is measured.

use crate::figures::Figures;
use crate::peers::Name;

const NAME_WIDTH: usize = 42;
const CELL_WIDTH: usize = 11;

/// Prints the line of headings.
pub(crate) fn print_head(peers: &[Name]) {
    print!("{:NAME_WIDTH$}", "");
    peers.iter().for_each(|peer| print!("{:>CELL_WIDTH$}", peer.text()));
    if let Some(peer) = peers.get(1) {
        print!("{:>CELL_WIDTH$}  {:<12} {:<8}", format!("÷{}", peer.text()), "p25–p75", "");
    }
    peers.iter().skip(2).filter(|peer| **peer != Name::Floor).for_each(|peer| {
        print!("{:>CELL_WIDTH$}", format!("÷{}", peer.text()));
    });
    println!("  target");
}

/// Prints a metric's line.
pub(crate) fn print(figures: &Figures, peers: &[Name]) {
    print!("{:NAME_WIDTH$}", figures.name);
    for peer in 0..peers.len() {
        let cell: String = figures.cell(peer).chars().take(CELL_WIDTH - 1).collect();
        print!("{cell:>CELL_WIDTH$}");
    }
    if peers.len() > 1 {
        match figures.ratio(1) {
            Some(ratio) => print!(
                "{:>CELL_WIDTH$.2}  {:<12} {:<8}",
                ratio.median,
                format!("{:.2}–{:.2}", ratio.p25, ratio.p75),
                ratio.verdict(figures.metric.better)
            ),
            None => print!("{:>CELL_WIDTH$}  {:<21}", "-", ""),
        }
    }
    for (place, _) in peers.iter().enumerate().skip(2).filter(|(_, peer)| **peer != Name::Floor) {
        let ratio = figures.ratio(place).map_or_else(|| "-".to_owned(), |ratio| format!("{:.2}", ratio.median));
        print!("{ratio:>CELL_WIDTH$}");
    }
    match figures.judgement(peers) {
        Some(judgement) => println!("  {:<10}{judgement}", figures.target()),
        None => println!(),
    }
}
