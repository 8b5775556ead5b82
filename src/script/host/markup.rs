//! `xml` and `html`: documents of elements, read only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use html5ever::tendril::TendrilSink as _;
use rhai::{Array, Dynamic, FnPtr, FuncRegistration, ImmutableString, Map, NativeCallContext};
use scraper::{ElementRef, Html, HtmlTreeSink, Selector};

use super::doc::each;
use super::{Answer, Function, HostModule, Registrar, bounded};
use crate::error::{Error, ErrorKind, Result};
use crate::script::call::Call;

pub(super) const XML: HostModule = HostModule {
    name: "xml",
    about: "XML as read-only elements. Document types and their entities are refused.",
    needs: &[],
    functions: &[
        Function { signature: "parse(text) -> element", about: "the outermost element" },
        Function { signature: "element.name, element.text", about: "its name without prefix; all text in it" },
        Function { signature: "element.attribute(name) -> text", about: "an attribute, or `()`" },
        Function { signature: "element.attributes", about: "all attributes as a map" },
        Function { signature: "element.get(path) -> element", about: "the first at a path of names (`versions/version`), or `()`" },
        Function { signature: "element.all(path) -> list", about: "all at a path of names" },
        Function { signature: "element.children() -> list", about: "the elements in it" },
        Function { signature: "element.each(path, fn) -> number", about: "calls `fn(element)` for all at a path; `false` ends it" },
    ],
    example: "let info = xml::parse(`<info><name>Quiz</name><version number=\"1.2\"/><version number=\"1.3\"/></info>`);\n\
              log::info(info.get(\"name\").text);\n\
              let newest = ();\n\
              info.each(\"version\", |version| newest = version.attribute(\"number\"));\n\
              if newest != \"1.3\" { throw newest; }",
    register: register_xml,
};

pub(super) const HTML: HostModule = HostModule {
    name: "html",
    about: "Web pages, asked by CSS selectors. What is broken in them is mended as browsers do.",
    needs: &[],
    functions: &[
        Function { signature: "parse(text) -> page", about: "reads a page, 16 MiB at most" },
        Function { signature: "page.select(selector) -> list", about: "the matching parts, as pages of their own with the properties below" },
        Function { signature: "page.first(selector) -> page", about: "the first of them, or `()`" },
        Function { signature: "page.each(selector, fn) -> number", about: "calls `fn(part)` for each; `false` ends it" },
        Function { signature: "page.name, page.text, page.html", about: "a part's tag, its text with spaces made single, its HTML" },
        Function { signature: "page.attribute(name) -> text, page.attributes", about: "a part's attribute, or `()`; all of them as a map" },
    ],
    example: "let page = html::parse(`<ul><li><a href=\"quiz-1.2.zip\">Quiz</a></li><li><a href=\"forum-2.0.zip\">Forum</a></li></ul>`);\n\
              for link in page.select(\"li > a[href$='.zip']\") { log::info(`${link.text}: ${link.attribute(\"href\")}`); }",
    register: register_html,
};

const LARGEST: usize = 16 << 20;
/// So many elements or nodes of one document.
const MOST: u32 = 500_000;
/// Bytes of a page that are read at a time.
const PIECE: usize = 4096;
/// So many results of one question.
const RESULTS: usize = 20_000;

/// An element of an XML document.
#[derive(Debug, Clone)]
pub(super) struct Element(Arc<Node>);

#[derive(Debug)]
struct Node {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
    children: Vec<Arc<Node>>,
}

impl Answer for Element {
    fn give(self) -> Dynamic {
        Dynamic::from(self)
    }
}

impl Element {
    pub(super) fn parse(call: &Call, text: &str) -> Result<Self> {
        let failed = |what: String| Error::new(ErrorKind::Invalid, format!("this is no XML: {what}"));
        if text.len() > LARGEST {
            return Err(Error::new(ErrorKind::Invalid, format!("the XML is larger than {LARGEST} bytes")));
        }
        bounded::xml(text)?;
        let options = roxmltree::ParsingOptions { allow_dtd: false, nodes_limit: MOST, ..roxmltree::ParsingOptions::default() };
        let document = roxmltree::Document::parse_with_options(text, options).map_err(|error| failed(error.to_string()))?;
        Ok(Self(Arc::new(node(call, document.root_element(), 0)?)))
    }

    fn all(&self, path: &str) -> Vec<Self> {
        let mut found = vec![Arc::clone(&self.0)];
        for part in path.split('/').filter(|part| !part.is_empty()) {
            found = found.iter().flat_map(|one| one.children.iter().filter(|child| part == "*" || child.name == part).cloned()).collect();
        }
        found.into_iter().map(Self).collect()
    }

    fn some(&self, path: &str) -> Result<Vec<Self>> {
        bounded(self.all(path))
    }
}

fn bounded<T>(found: Vec<T>) -> Result<Vec<T>> {
    if found.len() > RESULTS {
        return Err(Error::new(ErrorKind::Invalid, format!("there are {} of them, more than the {RESULTS} of a list", found.len()))
            .hint("take them one by one, with `each`"));
    }
    Ok(found)
}

fn node(call: &Call, from: roxmltree::Node<'_, '_>, depth: usize) -> Result<Node> {
    if depth > 200 {
        return Err(Error::new(ErrorKind::Invalid, "this XML has more than 200 elements within each other"));
    }
    if depth < 3 {
        call.check()?;
    }
    // The text of everything in it is kept only where there is nothing else: else documents would grow with their depth.
    let own: String = from.children().filter(roxmltree::Node::is_text).filter_map(|child| child.text()).collect();
    let children = from.children().filter(roxmltree::Node::is_element).map(|child| node(call, child, depth + 1).map(Arc::new)).collect::<Result<_>>()?;
    Ok(Node {
        name: from.tag_name().name().to_owned(),
        attributes: from.attributes().map(|attribute| (attribute.name().to_owned(), attribute.value().to_owned())).collect(),
        text: own,
        children,
    })
}

fn whole_text(node: &Node, text: &mut String) {
    text.push_str(&node.text);
    for child in &node.children {
        whole_text(child, text);
    }
}

fn map(attributes: &BTreeMap<String, String>) -> Map {
    attributes.iter().map(|(name, value)| (name.as_str().into(), Dynamic::from(value.clone()))).collect()
}

fn listed<T: Answer>(found: Vec<T>) -> Array {
    found.into_iter().map(Answer::give).collect()
}

fn register_xml(module: &mut Registrar) {
    type Text = ImmutableString;
    module.one("parse", |call, text: Text| Element::parse(call, &text));
    module.module().set_custom_type::<Element>("element");
    getter!(module, "name", |_, own: &mut Element| Ok(own.0.name.clone()));
    getter!(module, "text", |_, own: &mut Element| {
        let mut text = String::new();
        whole_text(&own.0, &mut text);
        Ok(text.trim().to_owned())
    });
    getter!(module, "attributes", |_, own: &mut Element| Ok(map(&own.0.attributes)));
    method!(module, "attribute", |_, own: &mut Element, name: Text| Ok(own.0.attributes.get(name.as_str()).cloned()));
    method!(module, "get", |_, own: &mut Element, path: Text| Ok(own.all(&path).into_iter().next()));
    method!(module, "all", |_, own: &mut Element, path: Text| Ok(listed(own.some(&path)?)));
    method!(module, "children", |_, own: &mut Element| Ok(listed(own.some("*")?)));
    FuncRegistration::new("each").in_global_namespace().set_into_module(
        module.module(),
        |context: NativeCallContext<'_>, own: &mut Element, path: Text, function: FnPtr| {
            each(&context, own.all(&path).into_iter().map(|one| vec![one.give()]).collect(), &function)
        },
    );
}

/// A page, or a part of one. Pages cannot be shared between threads, but sent: hence the lock.
#[derive(Clone)]
pub(super) struct Page {
    whole: Arc<Mutex<Html>>,
    /// Where the part stands in it; `None`: the whole.
    part: Option<Find>,
}

/// Finds an element again by its number, whose type belongs to a crate that is only scraper's.
type Find = Arc<dyn for<'a> Fn(&'a Html) -> Option<ElementRef<'a>> + Send + Sync>;

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Page(…)")
    }
}

impl Answer for Page {
    fn give(self) -> Dynamic {
        Dynamic::from(self)
    }
}

impl Page {
    pub(super) fn parse(call: &Call, text: &str) -> Result<Self> {
        if text.len() > LARGEST {
            return Err(Error::new(ErrorKind::Invalid, format!("the page is larger than {LARGEST} bytes")));
        }
        // Some pages are read in a time that goes with the square of their length: in pieces, so that it can end in between.
        let mut parser = html5ever::driver::parse_document(HtmlTreeSink::new(Html::new_document()), html5ever::ParseOpts::default());
        let mut rest = text;
        while !rest.is_empty() {
            call.check()?;
            let (piece, after) = rest.split_at(boundary(rest));
            parser.process(piece.into());
            rest = after;
        }
        Ok(Self { whole: Arc::new(Mutex::new(parser.finish())), part: None })
    }

    fn with<T>(&self, work: impl FnOnce(ElementRef<'_>) -> T) -> T {
        let page = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        let element = self.part.as_ref().and_then(|find| find(&page)).unwrap_or_else(|| page.root_element());
        work(element)
    }

    /// What matches, up to so many.
    fn select(&self, call: &Call, selector: &str, most: usize) -> Result<Vec<Self>> {
        if selector.len() > 1000 {
            return Err(Error::new(ErrorKind::Invalid, "the selector is longer than 1000 letters"));
        }
        // Each looks through everything below an element, and within another through everything below each of those.
        if selector.to_ascii_lowercase().matches(":has(").nth(1).is_some() {
            return Err(Error::new(ErrorKind::Invalid, "a selector has `:has` once at most"));
        }
        let parsed =
            Selector::parse(selector).map_err(|error| Error::new(ErrorKind::Invalid, format!("`{}` is no CSS selector: {error}", selector.escape_debug())))?;
        self.with(|element| {
            let mut found = Vec::new();
            for candidate in element.descendent_elements() {
                call.check()?;
                if !parsed.matches_with_scope(&candidate, Some(element)) {
                    continue;
                }
                if found.len() >= most {
                    break;
                }
                let id = candidate.id();
                let part: Find = Arc::new(move |page| page.tree.get(id).and_then(ElementRef::wrap));
                found.push(Self { whole: Arc::clone(&self.whole), part: Some(part) });
            }
            Ok(found)
        })
    }
}

fn single<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let whole: String = texts.collect::<Vec<_>>().join(" ");
    whole.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn register_html(module: &mut Registrar) {
    type Text = ImmutableString;
    module.one("parse", |call, text: Text| Page::parse(call, &text));
    module.module().set_custom_type::<Page>("page");
    method!(module, "select", |call, own: &mut Page, selector: Text| Ok(listed(bounded(own.select(call, &selector, RESULTS + 1)?)?)));
    method!(module, "first", |call, own: &mut Page, selector: Text| Ok(own.select(call, &selector, 1)?.into_iter().next()));
    method!(module, "attribute", |_, own: &mut Page, name: Text| Ok(own.with(|element| element.value().attr(&name).map(str::to_owned))));
    getter!(module, "attributes", |_, own: &mut Page| {
        Ok(own.with(|element| element.value().attrs().map(|(name, value)| (name.into(), Dynamic::from(value.to_owned()))).collect::<Map>()))
    });
    getter!(module, "name", |_, own: &mut Page| Ok(own.with(|element| element.value().name().to_owned())));
    getter!(module, "text", |_, own: &mut Page| Ok(own.with(|element| single(element.text()))));
    getter!(module, "html", |_, own: &mut Page| Ok(own.with(|element| element.html())));
    FuncRegistration::new("each").in_global_namespace().set_into_module(
        module.module(),
        |context: NativeCallContext<'_>, own: &mut Page, selector: Text, function: FnPtr| {
            let call = Call::of(&context).ok_or_else(super::nobody)?;
            let found = super::give(own.select(&call, &selector, usize::MAX))?;
            each(&context, found.into_iter().map(|one| vec![one.give()]).collect(), &function)
        },
    );
}

/// Where a piece of a text ends: between letters, and at its end where the text is short.
fn boundary(text: &str) -> usize {
    let last = text.len().min(PIECE);
    (last.saturating_sub(3)..=last).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}
