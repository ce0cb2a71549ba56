//! Diagnostics as the command line shows them, and wrong use of it.

use super::*;

const NINE: &str = "\
data digits
model mlp(hidden: [32])
relern 3
forget head 30
optimizer sgd(lr: 0.1, momentun: 0.9)
forget layers[7] 30%
repeat cycles { train 1 }
train 0.5
objective adversarial(pgd(eps: 8))
evaluate clen on test
train 1 2
";

#[test]
fn nine_mistakes_get_nine_diagnostics_at_their_places() {
    let place = Place::with("a.fsched", NINE);
    let ran = place.run(&["check", "a.fsched", "--format", "json"]).status(1);
    assert_eq!(ran.stderr, "");
    let found: Vec<(String, u64)> = ran
        .json_lines()
        .iter()
        .filter(|d| d["severity"] == "error")
        .map(|d| (d["code"].as_str().unwrap().to_string(), d["line"].as_u64().unwrap()))
        .collect();
    let expected = [
        ("FS0102", 3),
        ("FS0206", 4),
        ("FS0104", 5),
        ("FS0302", 6),
        ("FS0101", 7),
        ("FS0202", 8),
        ("FS0504", 9),
        ("FS0103", 10),
        ("FS0205", 11),
    ];
    assert_eq!(found, expected.map(|(code, line)| (code.to_string(), line)));
}

#[test]
fn diagnostics_as_json_have_the_form_that_formats_promises() {
    let place = Place::with("a.fsched", NINE);
    for d in place.run(&["check", "a.fsched", "--format", "json"]).json_lines() {
        assert_eq!((&d["format"], &d["file"]), (&Value::from(1), &Value::from("a.fsched")));
        let (start, end) = (d["start"].as_u64().unwrap() as usize, d["end"].as_u64().unwrap() as usize);
        assert!(start <= end && end <= NINE.len(), "{d}");
        let line_start = NINE[..start].rfind('\n').map_or(0, |i| i + 1);
        assert_eq!(d["line"], NINE[..start].matches('\n').count() + 1);
        assert_eq!(d["column"], start - line_start + 1);
        for key in ["code", "name", "message"] {
            assert!(d[key].is_string(), "{d}");
        }
        for key in ["labels", "fixes"] {
            assert!(d[key].is_array(), "{d}");
        }
        assert!(d["help"].is_string() || d["help"].is_null(), "{d}");
        for fix in d["fixes"].as_array().unwrap() {
            assert!(["safe", "unsafe"].contains(&fix["applicability"].as_str().unwrap()), "{fix}");
            assert!(fix["title"].is_string() && fix["edits"][0]["text"].is_string(), "{fix}");
        }
    }
}

#[test]
fn people_see_the_line_and_what_to_type_on_stderr() {
    let place = Place::with("a.fsched", "data digits\nmodel mlp(hidden: [16])\nrelern 3\n");
    let ran = place.run(&["check", "a.fsched"]).status(1);
    assert_eq!(ran.stdout, "");
    let expected = "  error[FS0102 unknown-statement]: there is no statement `relern`
   ╭─[a.fsched:3:1]
 2 │ model mlp(hidden: [16])
 3 │ relern 3
   · ──────
   ╰────
  help: did you mean `relearn`?
  fix: replace with `relearn`

";
    assert!(ran.stderr.starts_with(expected), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 error in a.fsched"), "{}", ran.stderr);
}

#[test]
fn short_and_github_forms_are_one_line_each() {
    let place = Place::with("a.fsched", "data digits\nmodel mlp(hidden: [16])\nrelern 3\n");
    let short = place.run(&["check", "a.fsched", "--format", "short"]).status(1);
    assert_eq!(short.stdout, "a.fsched:3:1: error[FS0102]: there is no statement `relern`\n");
    let github = place.run(&["check", "a.fsched", "--format", "github"]).status(1);
    assert!(
        github.stdout.starts_with("::error file=a.fsched,line=3,endLine=3,col=1,endColumn=7,"),
        "{}",
        github.stdout
    );
}

#[test]
fn colour_is_for_those_who_want_it() {
    let place = Place::with("a.fsched", "relern 3\n");
    let escapes = |name: &str, value: &str| {
        let output = place.command(&["check", "a.fsched"]).env(name, value).output().unwrap();
        Ran::of(output).stderr.contains('\u{1b}')
    };
    assert!(!escapes("TERM", "xterm"));
    assert!(escapes("CLICOLOR_FORCE", "1"));
    assert!(!escapes("NO_COLOR", "1"));
}

#[test]
fn lints_are_as_loud_as_flags_and_comments_say() {
    let place = Place::with("a.fsched", "data digits\nmodel mlp(hidden: [16])\ntrain 1\nforget head 90%\n");
    let short = |arguments: &[&str], status| {
        let output = place.run(&[&["check", "a.fsched", "--format", "short"], arguments].concat()).status(status);
        output.stdout.lines().map(|l| l.split(": ").nth(1).unwrap_or_default().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(short(&[], 0), ["warning[FS1005]", "warning[FS1011]"]);
    assert_eq!(short(&["--deny", "lints", "--warn", "FS1011"], 1), ["error[FS1005]", "warning[FS1011]"]);
    assert_eq!(short(&["--allow", "forgets-last,stale-momentum"], 0), Vec::<String>::new());
    assert_eq!(short(&["--allow", "lints", "--deny", "fs1011"], 1), ["error[FS1011]"]);
    place.run(&["plan", "a.fsched", "--deny", "forgets-last"]).status(1);
    place.run(&["run", "a.fsched", "--deny", "forgets-last"]).status(1);
    let slip = place.run(&["check", "a.fsched", "--deny", "forgets-lst"]).status(2);
    assert!(slip.stderr.contains("did you mean `forgets-last`?"), "{}", slip.stderr);
    let text = "# fsched: deny(lints)\ndata digits\nmodel mlp(hidden: [16])\ntrain 1\nforget head 90%  # fsched: allow(lints)\n";
    fs::write(place.path("a.fsched"), text).unwrap();
    assert_eq!(short(&["--warn", "lints"], 0), Vec::<String>::new());
}

#[test]
fn hostile_files_are_told_of_and_never_panic() {
    let many: String = (0..2000).map(|i| format!("trian{i}x 1\n")).collect();
    let same = "trian 1\n".repeat(2000);
    let deep = format!("let x = {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    let big = "train 1 # as it is\n".repeat(10 * 1024 * 1024 / 19);
    let texts: [(&[u8], &str); 7] = [
        (deep.as_bytes(), "FS0008"),
        (b"train\0 3\n", "FS0006"),
        (b"train 3 # \xff\n", "FS0405"),
        (big.as_bytes(), "FS0012"),
        // No more than 500 are told, and a line that says so.
        (many.as_bytes(), "and 451 more"),
        (same.as_bytes(), "1 error in"),
        (b"train 1 \x1b[2J\n", "FS0006"),
    ];
    for (text, expected) in texts {
        let place = Place::with("a.fsched", text);
        let ran = place.run(&["check", "a.fsched"]).status(1);
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
        assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains("panicked"), "{expected}: {}", ran.stderr);
        assert!(ran.stderr.len() < 50_000, "{expected}: {} bytes", ran.stderr.len());
    }
}

#[test]
fn wrong_use_of_the_command_line_is_status_2_and_says_what_to_type() {
    let place = Place::with("a.fsched", QUICK);
    let said = |arguments: &[&str]| place.run(arguments).status(2).stderr;
    assert!(said(&["chek", "a.fsched"]).contains("'check'"));
    assert!(said(&["run", "a.fsched", "--quite"]).contains("'--quiet'"));
    assert!(said(&["run", "a.fsched", "--set", "cycles"]).contains("--set cycles=5"));
    assert!(said(&["explain", "FS1O03"]).contains("did you mean `fsched explain FS1003`?"));
    assert!(said(&["list", "atacks"]).contains("did you mean `fsched list attacks`?"));
    assert!(said(&["check"]).contains("<FILE>..."));
}

#[test]
fn explain_knows_codes_and_names() {
    let place = Place::new();
    let by_code = place.run(&["explain", "fs0102"]).status(0).stdout;
    assert!(by_code.starts_with("# FS0102 unknown-statement\n"), "{by_code}");
    assert_eq!(place.run(&["explain", "unknown-statement"]).status(0).stdout, by_code);
    assert!(place.run(&["explain"]).status(0).stdout.contains("FS0102  unknown-statement\n"));
}
