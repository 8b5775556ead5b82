//! Which plugin it is that another tool's file names by a path or by a repository.
//!
//! The one place where folders of Moodle are known beforehand: such a file often comes without the core that could be asked.
//! Nothing is placed by it; the name alone is found.

use crate::builtin::installer::moodle::check_component;

/// Folder → plugin type, of every Moodle since 3.9, without `public/`.
const FOLDERS: [(&str, &str); 66] = [
    ("admin/tool", "tool"),
    ("admin/tool/lifecycle/step", "lifecyclestep"),
    ("admin/tool/lifecycle/trigger", "lifecycletrigger"),
    ("admin/tool/log/store", "logstore"),
    ("admin/tool/mfa/factor", "factor"),
    ("ai/placement", "aiplacement"),
    ("ai/provider", "aiprovider"),
    ("auth", "auth"),
    ("availability/condition", "availability"),
    ("blocks", "block"),
    ("cache/locks", "cachelock"),
    ("cache/stores", "cachestore"),
    ("calendar/type", "calendartype"),
    ("communication/provider", "communication"),
    ("contentbank/contenttype", "contenttype"),
    ("course/format", "format"),
    ("course/report", "coursereport"),
    ("customfield/field", "customfield"),
    ("dataformat", "dataformat"),
    ("enrol", "enrol"),
    ("files/converter", "fileconverter"),
    ("filter", "filter"),
    ("grade/export", "gradeexport"),
    ("grade/grading/form", "gradingform"),
    ("grade/import", "gradeimport"),
    ("grade/penalty", "gradepenalty"),
    ("grade/report", "gradereport"),
    ("h5p/h5plib", "h5plib"),
    ("lib/antivirus", "antivirus"),
    ("lib/editor", "editor"),
    ("lib/editor/atto/plugins", "atto"),
    ("lib/editor/tiny/plugins", "tiny"),
    ("lib/mlbackend", "mlbackend"),
    ("local", "local"),
    ("media/player", "media"),
    ("message/output", "message"),
    ("mnet/service", "mnetservice"),
    ("mod", "mod"),
    ("mod/assign/feedback", "assignfeedback"),
    ("mod/assign/submission", "assignsubmission"),
    ("mod/bigbluebuttonbn/extension", "bbbext"),
    ("mod/book/tool", "booktool"),
    ("mod/customcert/element", "customcertelement"),
    ("mod/data/field", "datafield"),
    ("mod/data/preset", "datapreset"),
    ("mod/forum/report", "forumreport"),
    ("mod/lti/service", "ltiservice"),
    ("mod/lti/source", "ltisource"),
    ("mod/quiz/accessrule", "quizaccess"),
    ("mod/quiz/report", "quiz"),
    ("mod/scorm/report", "scormreport"),
    ("mod/workshop/allocation", "workshopallocation"),
    ("mod/workshop/eval", "workshopeval"),
    ("mod/workshop/form", "workshopform"),
    ("payment/gateway", "paygw"),
    ("plagiarism", "plagiarism"),
    ("portfolio", "portfolio"),
    ("question/bank", "qbank"),
    ("question/behaviour", "qbehaviour"),
    ("question/format", "qformat"),
    ("question/type", "qtype"),
    ("report", "report"),
    ("repository", "repository"),
    ("search/engine", "search"),
    ("sms/gateway", "smsgateway"),
    ("theme", "theme"),
];
/// Two whose folders say little.
const MORE: [(&str, &str); 2] = [("user/profile/field", "profilefield"), ("webservice", "webservice")];

fn fitting(name: String) -> Option<String> {
    check_component(&name).is_ok().then_some(name)
}

/// The plugin whose place this is, below a Moodle's root or its `public/`.
pub(super) fn at(path: &str) -> Option<String> {
    let path = path.trim_start_matches("./").trim_matches('/');
    let path = path.strip_prefix("public/").unwrap_or(path);
    let (folder, name) = path.rsplit_once('/')?;
    let (_, kind) = FOLDERS.iter().chain(&MORE).find(|(known, _)| *known == folder)?;
    fitting(format!("{kind}_{name}"))
}

/// The plugin whose place this is below some folder: `htdocs/mod/attendance`.
pub(super) fn at_end(path: &str) -> Option<String> {
    let path = path.trim_matches('/');
    path.match_indices('/').find_map(|(slash, _)| at(&path[slash + 1..]))
}

/// The plugin that a repository's name says: `https://h/x/moodle-mod_attendance.git`.
pub(super) fn of_url(url: &str) -> Option<String> {
    let last = url.trim_end_matches('/').rsplit(['/', ':']).next()?;
    of_name(last.strip_suffix(".git").unwrap_or(last))
}

/// The plugin that a name says, with or without `moodle-` before it.
pub(super) fn of_name(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let own = name.strip_prefix("moodle-").or_else(|| name.strip_prefix("moodle_"));
    let name = own.unwrap_or(&name);
    let (kind, _) = name.split_once('_')?;
    let known = FOLDERS.iter().chain(&MORE).any(|(_, known)| *known == kind);
    // Types of subplugins are not all known here: `moodle-` before the name vouches for them.
    (known || own.is_some()).then(|| fitting(name.to_owned())).flatten()
}

/// Whether a repository is Moodle itself.
pub(super) fn is_core(url: &str) -> bool {
    let url = url.trim_end_matches('/').trim_end_matches(".git").to_ascii_lowercase();
    ["/moodle/moodle", ":moodle/moodle", "/moodle.git", "/moodlehq/moodle", "git.moodle.org/moodle"].iter().any(|end| url.ends_with(end))
        || url.rsplit(['/', ':']).next() == Some("moodle")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_known_by_its_place_or_its_repository() {
        let places = [
            ("mod/attendance", Some("mod_attendance")),
            ("/local/mailtest", Some("local_mailtest")),
            ("./public/blocks/xp/", Some("block_xp")),
            ("mod/customcert/element/mobile", Some("customcertelement_mobile")),
            ("lib/editor/tiny/plugins/c4l", Some("tiny_c4l")),
            ("htdocs/mod/attendance", None),
            ("mod", None),
            ("mod/../x", None),
            ("mod/Bad", None),
        ];
        for (path, expected) in places {
            assert_eq!(at(path).as_deref(), expected, "{path}");
        }
        assert_eq!(at_end("htdocs/mod/attendance").as_deref(), Some("mod_attendance"));
        let urls = [
            ("https://github.com/danmarsden/moodle-mod_attendance.git", Some("mod_attendance")),
            ("git@github.com:x/moodle-tool_redis", Some("tool_redis")),
            ("https://h/moodle-customcertelement_x", Some("customcertelement_x")),
            ("https://h/davosmith/moodle-checklist", None),
            ("https://h/quizaccess_delayed", Some("quizaccess_delayed")),
            ("https://h/some_thing", None),
        ];
        for (url, expected) in urls {
            assert_eq!(of_url(url).as_deref(), expected, "{url}");
        }
        assert!(
            is_core("https://github.com/moodle/moodle.git") && is_core("git://git.moodle.org/moodle.git") && is_core("git@git.example.org:ours/moodle.git")
        );
        assert!(!is_core("https://github.com/davosmith/moodle-checklist"));
    }
}
