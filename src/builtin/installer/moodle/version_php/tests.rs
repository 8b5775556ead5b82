use proptest::prelude::*;

use super::*;

fn read(body: &str) -> PluginVersion {
    plugin(format!("<?php\n{body}\n").as_bytes())
}

#[test]
fn a_usual_plugin() {
    let read = plugin(
        br#"<?php
// $plugin->version = 1999010100; in a comment
/* $plugin->component = 'mod_wrong'; */
# $plugin->requires = 1;
defined('MOODLE_INTERNAL') || die();
$plugin = new stdClass();
$plugin->component = "tool_objectfs"; // trailing
$plugin->version   = 2024_0205_00;  /* odd */ $plugin->requires = 2025041400.00;
$plugin->supported = array(402, 405);
$plugin->incompatible = '501';
$plugin->maturity  = MATURITY_RC;
$plugin->release   = "4.3	(tab)";
$plugin->cron = 60 * 5;
$plugin->dependencies = [
    'mod_forum' => ANY_VERSION,
    'local_aws' => 2020061500, 'block_x' => 'any', "block_y" => '2019010100', 'local_z' => self::Z, 4 => 5,
];
"#,
    );
    let any = |component: &str| (component.to_owned(), None);
    let at = |component: &str, version: &str| (component.to_owned(), Some(version.to_owned()));
    assert_eq!(
        read,
        PluginVersion {
            component: Some("tool_objectfs".into()),
            version: Some("2024020500".into()),
            requires: Some("2025041400".into()),
            supported: Some((402, 405)),
            incompatible: Some(501),
            maturity: Some(150),
            release: Some("4.3\t(tab)".into()),
            dependencies: IndexMap::from([any("mod_forum"), at("local_aws", "2020061500"), any("block_x"), at("block_y", "2019010100"), any("local_z")]),
            legacy: false,
            faults: vec![],
        }
    );
}

#[test]
fn the_core_in_every_shape() {
    let read =
        core(b"<?php\n$version  = 2024100706.05;  // YYYYMMDD\n$release  = '4.5.6+ (Build: 20250811)';\n$branch   = '405';\n$maturity = MATURITY_STABLE;\n");
    assert_eq!(
        read,
        CoreVersion {
            version: Some("2024100706.05".into()),
            release: Some("4.5.6+ (Build: 20250811)".into()),
            branch: Some("405".into()),
            maturity: Some(STABLE)
        }
    );
}

#[test]
fn old_modules_are_read_and_marked() {
    let old = read("$module->version = 2012120300; $module->requires = 2012112900; $module->component = 'mod_attendance'; $module->cron = 0;");
    assert_eq!((old.legacy, old.version.as_deref(), old.component.as_deref()), (true, Some("2012120300"), Some("mod_attendance")));
    let both = read(
        "if (!isset($plugin)) { $plugin = new stdClass(); }\n$plugin->version = 2014010100; $plugin->component = 'mod_vpl'; $module->version = $plugin->version;",
    );
    assert_eq!((both.legacy, both.version.as_deref()), (false, Some("2014010100")));
    let copied = read("$new->version = 2014010100; $module->version = $new->version;");
    assert_eq!((copied.legacy, copied.version.as_deref()), (true, Some("2014010100")));
}

#[test]
fn numbers_and_texts_in_every_form() {
    for (text, expected) in [
        ("2018051700", Some("2018051700")),
        ("'2018051700'", Some("2018051700")),
        ("\"2018051700\"", Some("2018051700")),
        ("2018051700.05", Some("2018051700.05")),
        ("2018051700.5", Some("2018051700.5")),
        ("2018051700.00", Some("2018051700")),
        ("(int) '2018051700'", Some("2018051700")),
        ("2018 . '0517' . \"00\"", Some("2018051700")),
        ("(2018051700)", Some("2018051700")),
        ("0x784A1D54", Some("2018123092")),
        ("2018051700 + 1", None),
        ("time()", None),
        ("\"$other\"", None),
        ("$CFG->version", None),
        ("true", None),
        ("-5", None),
        ("1e9", None),
        ("'v1'", None),
    ] {
        assert_eq!(read(&format!("$plugin->version = {text};")).version.as_deref(), expected, "{text}");
    }
    for (text, expected) in
        [("2023041800", "2023041800"), ("'v1.' . 2", "v1.2"), ("'it\\'s'", "it's"), ("\"a\\\"b\\$c\"", "a\"b$c"), ("<<<X\nno\nX . 'x'", "?")]
    {
        assert_eq!(read(&format!("$plugin->release = {text}; $plugin->version = 2020010100;")).release.as_deref().unwrap_or("?"), expected, "{text}");
    }
}

#[test]
fn dependencies_one_by_one_and_at_once() {
    let read = read("$plugin->dependencies = array('a_b' => 1); $plugin->dependencies['mod_x'] = 2020010100; $plugin->dependencies[\"mod_y\"] = ANY_VERSION;");
    let found: Vec<(&str, Option<&str>)> = read.dependencies.iter().map(|(component, minimum)| (component.as_str(), minimum.as_deref())).collect();
    assert_eq!(found, [("a_b", Some("1")), ("mod_x", Some("2020010100")), ("mod_y", None)]);
}

#[test]
fn what_would_stop_moodle_is_found() {
    for fine in ["[310, 310]", "[26, 403]", "[39, 311]", "array(400, 500)", "[404, 501,]", "[]"] {
        assert!(read(&format!("$plugin->supported = {fine};")).faults.is_empty(), "{fine}");
    }
    for bad in ["[404]", "[404, 405, 500]", "['404', '405']", "404", "[501, 404]", "[4.4, 5.0]", "[311, 39]"] {
        assert_eq!(read(&format!("$plugin->supported = {bad};")).faults.len(), 1, "{bad}");
    }
    assert!(read("$plugin->incompatible = 405; $plugin->supported = [401, 404];").faults.is_empty());
    assert_eq!(read("$plugin->incompatible = [405];").faults.len(), 1);
}

#[test]
fn what_follows_the_end_is_text_and_a_second_opening_is_code() {
    let read = plugin(b"junk $plugin->version = 1; <?php $plugin->version = 2020010100 ?> $plugin->version = 3; <?= $plugin->release = 'x' ?>");
    assert_eq!((read.version.as_deref(), read.release.as_deref()), (Some("2020010100"), Some("x")));
    let read = plugin(b"\xef\xbb\xbf<?php // caf\xe9 ?>\n<?php\n$plugin->version = 2020010100;");
    assert_eq!(read.version.as_deref(), Some("2020010100"));
    assert_eq!(plugin(b""), PluginVersion::default());
    assert_eq!(plugin(b"\x00\xff\xfe"), PluginVersion::default());
}

const SAMPLE: &str = "<?php\n$plugin->component = 'mod_x'; $plugin->version = 2024010100.05;\n$plugin->dependencies = ['a_b' => [1, (2), array('x' => \"q$z\")], <<<E\nE\n];\n/* x */ $m->r = -(int)'4' . f(1, [2]) ?: 3; // end\n# x ?> <?= '";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn mutated_files_never_stop_the_reader(cuts in proptest::collection::vec((0usize..400, 0u8..4, any::<char>()), 1..12)) {
        let mut text: Vec<char> = SAMPLE.chars().collect();
        for (at, what, c) in cuts {
            let at = at % text.len().max(1);
            match what {
                0 if at < text.len() => { text.remove(at); }
                1 => text.insert(at.min(text.len()), c),
                2 => text.truncate(at),
                _ => { let part: Vec<char> = text[at.min(text.len())..].to_vec(); text.extend(part); text.truncate(4000); }
            }
        }
        let text: String = text.into_iter().collect();
        let _ = plugin(text.as_bytes());
        let _ = core(text.as_bytes());
    }

    #[test]
    fn any_bytes_never_stop_the_reader(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        bytes.splice(0..0, *b"<?php $plugin->x = ");
        let _ = plugin(&bytes);
    }
}

#[test]
fn deep_nesting_ends() {
    for open in ["[", "(", "array(", "f(", "-", "{", "$x=", "(int)"] {
        let _ = plugin(format!("<?php $plugin->version = {}", open.repeat(60_000)).as_bytes());
    }
}
