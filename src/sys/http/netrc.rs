//! netrc: logins by machine, as curl and git read them.

/// The logins of one file.
#[derive(Clone, Default)]
pub(crate) struct Netrc(Vec<Login>);

#[derive(Clone)]
struct Login {
    /// `None`: `default`, for machines that have no entry before it.
    machine: Option<String>,
    user: String,
    secret: String,
}

impl Netrc {
    /// Reads a file's text. What is not understood is passed over, as every reader of these files does.
    pub(crate) fn parse(text: &str) -> Self {
        let mut words = Words { rest: text };
        let mut logins = Vec::new();
        let mut current: Option<Login> = None;
        while let Some(word) = words.next() {
            match word.as_str() {
                "machine" => {
                    logins.extend(current.take());
                    current = words.next().map(|machine| Login { machine: Some(machine), user: String::new(), secret: String::new() });
                }
                "default" => {
                    logins.extend(current.take());
                    current = Some(Login { machine: None, user: String::new(), secret: String::new() });
                }
                "login" => {
                    if let (Some(login), Some(user)) = (&mut current, words.next()) {
                        login.user = user;
                    }
                }
                "password" => {
                    if let (Some(login), Some(secret)) = (&mut current, words.next()) {
                        login.secret = secret;
                    }
                }
                "account" => {
                    words.next();
                }
                "macdef" => words.skip_macro(),
                _ => {}
            }
        }
        logins.extend(current);
        Self(logins)
    }

    /// User and password of a host: the first entry that names it, else a `default` entry.
    pub(crate) fn find(&self, host: &str) -> Option<(&str, &str)> {
        let named = self.0.iter().find(|login| login.machine.as_deref().is_some_and(|machine| machine.eq_ignore_ascii_case(host)));
        let login = named.or_else(|| self.0.iter().find(|login| login.machine.is_none()))?;
        (!login.user.is_empty() || !login.secret.is_empty()).then_some((login.user.as_str(), login.secret.as_str()))
    }
}

struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    fn next(&mut self) -> Option<String> {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                break;
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
        let mut characters = self.rest.char_indices();
        let quoted = self.rest.starts_with('"');
        let mut word = String::new();
        if quoted {
            characters.next();
        }
        let mut end = self.rest.len();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' if quoted => match characters.next() {
                    Some((_, 'n')) => word.push('\n'),
                    Some((_, 't')) => word.push('\t'),
                    Some((_, 'r')) => word.push('\r'),
                    Some((_, other)) => word.push(other),
                    None => {}
                },
                '"' if quoted => {
                    end = at + 1;
                    break;
                }
                _ if !quoted && character.is_whitespace() => {
                    end = at;
                    break;
                }
                _ => word.push(character),
            }
        }
        let found = !self.rest.is_empty();
        self.rest = &self.rest[end..];
        found.then_some(word)
    }

    /// A macro goes on to the next empty line.
    fn skip_macro(&mut self) {
        while let Some((line, rest)) = self.rest.split_once('\n') {
            self.rest = rest;
            if line.trim().is_empty() {
                return;
            }
        }
        self.rest = "";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_quotes_macros_comments_and_default() {
        let netrc = Netrc::parse(
            "# a comment machine no.example\n\
             machine one.example login ann password p1\n\
             machine two.example\n  login \"bob \\\"b\\\"\"\n  account x\n  password \"with space\\\\\"\n\
             macdef init\nmachine trap.example login t password t\n\n\
             machine three.example password only\n\
             default login anonymous password guest\n",
        );
        assert_eq!(netrc.find("one.example"), Some(("ann", "p1")));
        assert_eq!(netrc.find("ONE.example"), Some(("ann", "p1")));
        assert_eq!(netrc.find("two.example"), Some(("bob \"b\"", "with space\\")));
        assert_eq!(netrc.find("three.example"), Some(("", "only")));
        assert_eq!(netrc.find("trap.example"), Some(("anonymous", "guest")));
        assert_eq!(Netrc::parse("machine a login b password c").find("d"), None);
        assert_eq!(Netrc::parse("").find("d"), None);
        assert_eq!(Netrc::parse("machine").find("d"), None);
        assert_eq!(Netrc::parse("machine a login \"open").find("a"), Some(("open", "")));
    }
}
