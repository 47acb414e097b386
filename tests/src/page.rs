//! What a browser without scripts does with a page: follows links, fills forms, sends them, goes where it is sent.

use std::collections::BTreeMap;

use http::header::{CONTENT_TYPE, ORIGIN};
use http::{Method, StatusCode};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::actor::{Actor, Call, Reply};

/// How often a browser lets itself be sent on.
const MOST_REDIRECTS: usize = 10;

/// A page as a person sees it, or the place outside of the site that the browser was sent to.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where the browser is.
    pub url: Url,
    /// The answer that is shown; the redirect, when it leads out of the site.
    pub reply: Reply,
    tags: Vec<Tag>,
    actor: Actor,
}

/// The start of an element, its attributes, and the text up to the next tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The name of the element; `/form` for its end.
    pub name: String,
    /// Its attributes, decoded.
    pub attributes: BTreeMap<String, String>,
    /// The text that follows, decoded.
    pub text: String,
}

impl Tag {
    /// An attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// Whether it has an attribute.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }
}

impl Actor {
    /// Opens a page and follows the redirects inside the site.
    pub async fn visits(&self, address: &str) -> Page {
        let url = self.base().join(address).expect("an address of a page");
        let reply = self.opens(&path_of(&url)).await;
        self.arrives(url, reply).await
    }

    /// Follows redirects inside the site, as a browser does after any request.
    async fn arrives(&self, mut url: Url, mut reply: Reply) -> Page {
        for _ in 0..MOST_REDIRECTS {
            let location = reply.header("location").filter(|_| reply.status.is_redirection());
            let Some(location) = location.map(str::to_owned) else { break };
            url = url.join(&location).expect("a redirect leads somewhere");
            if url.origin() != self.base().origin() {
                break;
            }
            assert_ne!(reply.status, StatusCode::TEMPORARY_REDIRECT, "a form would be sent on");
            reply = self.opens(&path_of(&url)).await;
        }
        let html = reply.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        let tags = if html { parse(&reply.text()) } else { Vec::new() };
        Page { url, reply, tags, actor: self.clone() }
    }

    fn base(&self) -> Url {
        Url::parse(self.base_url()).expect("the base URL is one")
    }
}

fn path_of(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

impl Page {
    /// The elements in order.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// The element with an id.
    #[must_use]
    pub fn id(&self, id: &str) -> Option<&Tag> {
        self.tags.iter().find(|tag| tag.get("id") == Some(id))
    }

    /// The path of the page.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// A parameter of its address.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// All the text on it, in one line.
    #[must_use]
    pub fn text(&self) -> String {
        let all = self.tags.iter().fold(String::new(), |mut all, tag| {
            let inline = ["a", "strong", "span", "code"].contains(&tag.name.trim_start_matches('/'));
            all.push_str(if inline { "" } else { " " });
            all + &tag.text
        });
        all.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Checks the status, and shows the text when it is another.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.reply.status.as_u16(), status, "{}: {}", self.url, self.text());
        self
    }

    /// Checks that it is the page at a path.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        assert_eq!((self.reply.status.as_u16(), self.url.path()), (200, path), "{}: {}", self.url, self.text());
        self
    }

    /// Follows the link whose text this is.
    ///
    /// # Panics
    /// When there is none.
    pub async fn follow(&self, label: &str) -> Self {
        let link = self.tags.iter().find(|tag| tag.name == "a" && tag.text.trim() == label);
        let link = link.unwrap_or_else(|| panic!("a link {label:?} on {}: {}", self.url, self.text()));
        let target = self.url.join(link.get("href").expect("a link leads somewhere")).expect("a link is an address");
        self.actor.visits(target.as_str()).await
    }

    /// The form with the button that has this id, filled as it is shown.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn form(&self, button: &str) -> Form {
        let at = self.tags.iter().position(|tag| tag.get("id") == Some(button));
        let at = at.unwrap_or_else(|| panic!("a button {button:?} on {}: {}", self.url, self.text()));
        let (before, after) = self.tags.split_at(at);
        let start = before.iter().rposition(|tag| tag.name == "form").expect("a button stands in a form");
        let end = after.iter().position(|tag| tag.name == "/form").expect("a form ends");
        let form = before.get(start).expect("it was found");
        let inside = self.tags.get(start..at + end).unwrap_or_default().iter();
        let inputs = inside.filter(|tag| tag.name == "input" || tag.name == "textarea");
        let sent = inputs.filter(|tag| tag.get("type") != Some("checkbox") || tag.has("checked"));
        let fields =
            sent.filter_map(|tag| Some((tag.get("name")?.to_owned(), tag.get("value").unwrap_or_default().to_owned())));
        let mut fields: Vec<(String, String)> = fields.collect();
        let pressed = after.first().expect("it was found");
        fields.extend(
            pressed.get("name").map(|name| (name.to_owned(), pressed.get("value").unwrap_or_default().to_owned())),
        );
        let action =
            form.get("action").map_or_else(|| self.url.clone(), |action| self.url.join(action).expect("an action"));
        assert_eq!(form.get("method"), Some("post"), "the form of {button}");
        Form { action, fields, actor: self.actor.clone() }
    }
}

/// A form that is being filled.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it goes.
    pub action: Url,
    /// What is in it.
    pub fields: Vec<(String, String)>,
    actor: Actor,
}

impl Form {
    /// Fills a field, in place of what it had.
    #[must_use]
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(found, _)| found != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Empties a box, or leaves a field out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(found, _)| found != name);
        self
    }

    /// What is in a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The request as a browser sends it, to be shaped before it leaves.
    #[must_use]
    pub fn call(&self) -> Call {
        let body = Serializer::new(String::new()).extend_pairs(&self.fields).finish();
        let call = self.actor.request_at(Method::POST, &path_of(&self.action));
        call.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
    }

    /// Sends it and goes where the answer leads.
    pub async fn submit(self) -> Page {
        let reply = self.actor.send(self.call()).await;
        self.actor.arrives(self.action, reply).await
    }

    /// Sends it as the form of another site.
    pub async fn submit_from(self, origin: &str) -> Page {
        let reply = self.actor.send(self.call().header(ORIGIN, origin)).await;
        self.actor.arrives(self.action, reply).await
    }
}

/// Takes HTML apart, strictly: what a template of ours would never write fails the test.
fn parse(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = html.strip_prefix("<!doctype html>").expect("a page begins with its type");
    while let Some((_, from)) = rest.split_once('<') {
        let end = from.find(|c: char| c.is_whitespace() || c == '>').expect("a tag ends");
        let (name, mut inside) = from.split_at(end);
        let mut attributes = BTreeMap::new();
        loop {
            inside = inside.trim_start();
            if let Some(after) = inside.strip_prefix("/>").or_else(|| inside.strip_prefix('>')) {
                rest = after;
                break;
            }
            let end = inside.find(|c: char| c.is_whitespace() || c == '=' || c == '>').expect("an attribute ends");
            let (key, after) = inside.split_at(end);
            assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-/".contains(&byte)), "attribute {key:?}");
            let value = if let Some(quoted) = after.strip_prefix("=\"") {
                let (value, after) = quoted.split_once('"').expect("a value is closed");
                inside = after;
                decode(value)
            } else {
                assert!(!after.starts_with('='), "{key} has a value without quotes");
                inside = after;
                String::new()
            };
            assert!(attributes.insert(key.to_owned(), value).is_none(), "{name} has {key} twice");
        }
        assert!(name.trim_start_matches('/').bytes().all(|byte| byte.is_ascii_alphanumeric()), "element {name:?}");
        let text = rest.split('<').next().unwrap_or_default();
        tags.push(Tag { name: name.to_owned(), attributes, text: decode(text) });
    }
    tags
}

fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('&') {
        decoded.push_str(before);
        let (entity, after) = from.split_once(';').expect("an entity is closed");
        decoded.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            other => {
                let number = other.strip_prefix('#').and_then(|number| number.parse().ok()).and_then(char::from_u32);
                number.unwrap_or_else(|| panic!("an entity &{other};"))
            }
        });
        rest = after;
    }
    decoded.push_str(rest);
    decoded
}
