//! One colour for each contestant, the same in all plots, on light paper and on dark.
//!
//! Drawings are made in colours that stand for a slot; [`Palette::dress`] puts classes in their place, and the style sheet decides. Greys
//! are the limit, strong lines are ours. The colours are those that Okabe and Ito, and Tol, have made for all eyes.

use std::fmt::Write;

use plotters::style::RGBColor;

use super::data::Report;

/// Dark on light, and light on dark.
type Shades = (&'static str, &'static str);

const KNOWN: [(&str, Shades); 24] = [
    ("hand", ("#555555", "#bbbbbb")),
    ("hand-poll", ("#777777", "#999999")),
    ("hand-select", ("#999999", "#777777")),
    ("ringmq epoll", ("#0072b2", "#56b4e9")),
    ("ringmq kqueue", ("#0072b2", "#56b4e9")),
    ("ringmq poll", ("#d55e00", "#ff8c42")),
    ("ringmq select", ("#00805c", "#2fc99a")),
    ("ringmq framed", ("#7a3ea8", "#c79bf0")),
    ("ringmq loop", ("#0072b2", "#56b4e9")),
    ("ringmq loop ring", ("#00805c", "#2fc99a")),
    ("ringmq blocking", ("#d55e00", "#ff8c42")),
    ("ringmq blocking ring", ("#7a3ea8", "#c79bf0")),
    ("ringmq", ("#0072b2", "#56b4e9")),
    ("mio", ("#882255", "#e08ab4")),
    ("polling", ("#117733", "#6cc28a")),
    ("calloop", ("#a0741c", "#ddcc77")),
    ("tokio", ("#b8405a", "#f08a97")),
    ("libuv", ("#2a8fa8", "#88ccee")),
    ("libevent", ("#6f6f1f", "#c4c45a")),
    ("libev", ("#332288", "#a79bf5")),
    ("tokio-util", ("#b8405a", "#f08a97")),
    ("libzmq", ("#882255", "#e08ab4")),
    ("nng", ("#117733", "#6cc28a")),
    ("copy", ("#777777", "#999999")),
];
/// What is not known is told from the others by its dashes too.
const OTHERS: [Shades; 3] = [("#aa4499", "#dd88cc"), ("#44757a", "#7fb8bd"), ("#8b5a2b", "#c99a6b")];

pub struct Palette {
    names: Vec<String>,
}

/// What is drawn in the colour of text, of what is less important, and of lines that guide the eye.
pub const INK: RGBColor = RGBColor(2, 0, 254);
pub const MUTED: RGBColor = RGBColor(2, 1, 254);
pub const GRID: RGBColor = RGBColor(2, 2, 254);

const PAPERS: [(&str, Shades); 4] = [
    ("ink", ("#1c1c1c", "#ececec")),
    ("muted", ("#5c5c5c", "#a8a8a8")),
    ("grid", ("#dddddd", "#3a3a3a")),
    ("paper", ("#ffffff", "#16181b")),
];

impl Palette {
    /// Known contestants have their place, others one behind them, in the order of the figures.
    pub fn of(report: &Report) -> Palette {
        let mut names: Vec<String> = KNOWN.iter().map(|(name, _)| name.to_string()).collect();
        for figure in &report.figures {
            if !names.contains(&figure.contestant) {
                names.push(figure.contestant.clone());
            }
        }
        Palette { names }
    }

    /// What stands for the contestant's colour while it is drawn.
    pub fn colour(&self, contestant: &str) -> RGBColor {
        RGBColor(1, self.slot(contestant) as u8, 254)
    }

    /// As tables and drawings order them.
    pub fn slot(&self, contestant: &str) -> usize {
        self.names.iter().position(|name| name == contestant).unwrap_or(0)
    }

    fn shades(&self, slot: usize) -> Shades {
        match KNOWN.get(slot) {
            Some((_, shades)) => *shades,
            None => OTHERS[(slot - KNOWN.len()) % OTHERS.len()],
        }
    }

    /// A drawing whose colours are classes of [`style`](Self::style), with the light ones for who knows no style sheets.
    pub fn dress(&self, svg: &str) -> String {
        let mut svg = svg.to_string();
        let mut put = |code: String, class: &str, light: &str, dashes: &str| {
            svg = svg
                .replace(
                    &format!("stroke=\"{code}\""),
                    &format!("stroke=\"{light}\" class=\"s-{class}\"{dashes}"),
                )
                .replace(&format!("fill=\"{code}\""), &format!("fill=\"{light}\" class=\"f-{class}\""));
        };
        for (slot, name) in self.names.iter().enumerate() {
            let dashes = match name {
                name if is_limit(name) => " stroke-dasharray=\"7 4\"",
                _ if slot >= KNOWN.len() => " stroke-dasharray=\"2 3\"",
                _ => "",
            };
            put(format!("#01{slot:02X}FE"), &format!("c{slot}"), self.shades(slot).0, dashes);
        }
        for (at, (name, shades)) in PAPERS.iter().enumerate() {
            put(format!("#02{at:02X}FE"), name, shades.0, "");
        }
        svg
    }

    /// The style sheet of page and drawings.
    pub fn style(&self) -> String {
        let (mut light, mut dark, mut classes) = (String::new(), String::new(), String::new());
        let slots = (0..self.names.len()).map(|slot| (format!("c{slot}"), self.shades(slot)));
        for (name, shades) in slots.chain(PAPERS.iter().map(|(name, shades)| (name.to_string(), *shades))) {
            let _ = write!(light, "--{name}:{};", shades.0);
            let _ = write!(dark, "--{name}:{};", shades.1);
            let _ = write!(classes, ".s-{name}{{stroke:var(--{name})}}.f-{name}{{fill:var(--{name})}}");
            let _ = write!(classes, ".b-{name}{{background:var(--{name})}}");
        }
        format!(
            ":root{{color-scheme:light dark;{light}}}\n@media(prefers-color-scheme:dark){{:root{{{dark}}}}}\n{classes}\n"
        )
    }
}

pub fn is_ours(contestant: &str) -> bool {
    contestant.starts_with("ringmq")
}

pub fn is_limit(contestant: &str) -> bool {
    contestant.starts_with("hand") || contestant == "copy"
}
