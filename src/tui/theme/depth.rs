//! How many colours the terminal shows.

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    True,
    Ansi256,
    Ansi16,
    /// `NO_COLOR` or a terminal without colours: attributes only.
    None,
}

/// Terminals that name themselves in `TERM` and have true colour. Over ssh `COLORTERM` is not there to say it.
const TRUE_COLOUR: [&str; 8] =
    ["direct", "kitty", "alacritty", "foot", "wezterm", "ghostty", "contour", "truecolor"];

impl Depth {
    /// From the environment alone: asking the terminal would delay the first frame.
    ///
    /// `NO_COLOR` (no-color.org) and `CLICOLOR=0` (bixense.com/clicolors) take all colours away; what forces colours
    /// into a pipe means nothing on a terminal.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let unwanted = set("NO_COLOR").is_some() || set("CLICOLOR").is_some_and(|value| value == "0");
        if unwanted
            || term == "dumb"
            || term.contains("mono")
            || term.starts_with("vt1")
            || term.starts_with("vt2")
        {
            return Self::None;
        }
        // The kernel's console has sixteen, whatever a variable from elsewhere says.
        if term == "linux" {
            return Self::Ansi16;
        }
        // GNU screen passes the variable on and takes true colours for something else; tmux, which may have the same
        // name, translates them.
        let screen = term.starts_with("screen") && set("TMUX").is_none();
        let said = set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit");
        if said && !screen || TRUE_COLOUR.iter().any(|name| term.contains(name)) {
            Self::True
        } else if term.contains("256") || said {
            Self::Ansi256
        } else {
            Self::Ansi16
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(pairs: &[(&str, &str)]) -> Depth {
        Depth::detect(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn colours_follow_the_environment() {
        assert_eq!(detect(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), Depth::True);
        assert_eq!(detect(&[("TERM", "xterm-256color")]), Depth::Ansi256);
        assert_eq!(detect(&[("TERM", "tmux-256color")]), Depth::Ansi256);
        assert_eq!(detect(&[("TERM", "xterm")]), Depth::Ansi16);
        assert_eq!(detect(&[]), Depth::Ansi16);
        for term in ["xterm-kitty", "alacritty", "foot-extra", "xterm-ghostty", "xterm-direct"] {
            assert_eq!(detect(&[("TERM", term)]), Depth::True, "{term}");
        }
    }

    #[test]
    fn a_variable_from_elsewhere_does_not_make_colours() {
        assert_eq!(detect(&[("TERM", "linux"), ("COLORTERM", "truecolor")]), Depth::Ansi16);
        assert_eq!(detect(&[("TERM", "screen-256color"), ("COLORTERM", "truecolor")]), Depth::Ansi256);
        let tmux =
            [("TERM", "screen-256color"), ("COLORTERM", "truecolor"), ("TMUX", "/tmp/tmux-0/default,1,0")];
        assert_eq!(detect(&tmux), Depth::True);
    }

    #[test]
    fn colours_can_be_refused() {
        let term = ("TERM", "xterm-256color");
        assert_eq!(detect(&[term, ("NO_COLOR", "1"), ("FORCE_COLOR", "3")]), Depth::None);
        assert_eq!(detect(&[term, ("CLICOLOR", "0")]), Depth::None);
        assert_eq!(detect(&[term, ("CLICOLOR", "1"), ("NO_COLOR", "")]), Depth::Ansi256);
        assert_eq!(detect(&[("TERM", "dumb"), ("COLORTERM", "truecolor")]), Depth::None);
        assert_eq!(detect(&[("TERM", "xterm-mono")]), Depth::None);
        assert_eq!(detect(&[("TERM", "vt100")]), Depth::None);
    }
}
