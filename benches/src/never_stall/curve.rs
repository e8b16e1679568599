//! The curve of T14 as an SVG: the longest delay against the number of blockers, both logarithmic.

use super::contenders::Name;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;

/// Blockers, and milliseconds.
const LOWEST: (f64, f64) = (10.0, 1.0);
const HIGHEST: (f64, f64) = (1000.0, 30_000.0);

/// One contender's points: blockers, and the delay in milliseconds, or none where it never came about.
type Line = (Name, Vec<(f64, Option<f64>)>);

/// Draws all lines; what never came about is an arrow at the upper edge.
pub(super) fn draw(lines: &[Line], limit_seconds: u64) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    svg.push_str(&text(
        LEFT,
        26.0,
        "start",
        "#222222",
        "Longest delay of ticker, echo and new tasks behind K tasks that block for 1 s",
    ));
    grid(&mut svg, limit_seconds);
    let mut labels: Vec<(f64, Name)> = Vec::new();
    for (name, points) in lines.iter().filter(|(_, points)| !points.is_empty()) {
        line(&mut svg, *name, points);
        let last = points.last().and_then(|point| point.1).map_or(TOP, height);
        labels.push((last, *name));
    }
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lowest = f64::NEG_INFINITY;
    for (wanted, name) in labels {
        // Names one above the other even where lines end together.
        lowest = wanted.max(lowest + 17.0);
        svg.push_str(&text(WIDTH - RIGHT + 12.0, lowest + 4.0, "start", colour(name), name.heading()));
    }
    svg.push_str("</svg>\n");
    svg
}

fn grid(svg: &mut String, limit_seconds: u64) {
    for blockers in [10.0, 30.0, 100.0, 300.0, 1000.0] {
        let x = place(blockers);
        svg.push_str(&stroke(x, TOP, x, HEIGHT - BOTTOM, "#e4e4e4"));
        svg.push_str(&text(x, HEIGHT - BOTTOM + 20.0, "middle", "#555555", &format!("{blockers}")));
    }
    for (millis, label) in [(1.0, "1 ms"), (10.0, "10 ms"), (100.0, "100 ms"), (1e3, "1 s"), (1e4, "10 s")] {
        let y = height(millis);
        svg.push_str(&stroke(LEFT, y, WIDTH - RIGHT, y, "#e4e4e4"));
        svg.push_str(&text(LEFT - 10.0, y + 4.0, "end", "#555555", label));
    }
    let middle = (LEFT + WIDTH - RIGHT) / 2.0;
    svg.push_str(&text(
        middle,
        HEIGHT - 16.0,
        "middle",
        "#555555",
        &format!("K, on 2 workers; ▲ not within {limit_seconds} s"),
    ));
}

fn line(svg: &mut String, name: Name, points: &[(f64, Option<f64>)]) {
    let at = |(blockers, millis): &(f64, Option<f64>)| (place(*blockers), millis.map_or(TOP, height));
    let path: Vec<String> = points.iter().map(at).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let colour = colour(name);
    svg.push_str(&format!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
        path.join(" ")
    ));
    for point in points {
        let (x, y) = at(point);
        svg.push_str(&match point.1 {
            Some(_) => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>\n"),
            None => text(x, y + 5.0, "middle", colour, "▲"),
        });
    }
}

fn place(blockers: f64) -> f64 {
    LEFT + (WIDTH - RIGHT - LEFT) * share(blockers, LOWEST.0, HIGHEST.0)
}

fn height(millis: f64) -> f64 {
    HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share(millis, LOWEST.1, HIGHEST.1)
}

fn share(value: f64, low: f64, high: f64) -> f64 {
    ((value.clamp(low, high) / low).ln()) / (high / low).ln()
}

fn colour(name: Name) -> &'static str {
    match name {
        Name::Freewheel => "#1a7f37",
        Name::NoHandOff => "#9a6700",
        Name::Tokio => "#cf222e",
        Name::TokioAsDocumented => "#0969da",
        Name::Smol => "#8250df",
    }
}

fn text(x: f64, y: f64, anchor: &str, colour: &str, content: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{content}</text>\n")
}

fn stroke(x1: f64, y1: f64, x2: f64, y2: f64, colour: &str) -> String {
    format!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_delay_is_higher_and_what_never_comes_is_at_the_top() {
        assert!(height(1000.0) < height(10.0) && place(1000.0) > place(10.0));
        let svg = draw(&[(Name::Freewheel, vec![(10.0, Some(2.0)), (100.0, None)])], 20);
        assert!(svg.contains("<circle") && svg.contains("▲</text>") && svg.ends_with("</svg>\n"));
    }
}
