use std::collections::BTreeMap;

use super::*;

fn with_file(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docent.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::write(folder.path().join("key.txt"), "sk-from-file\n").unwrap();
    let environment: BTreeMap<_, _> = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let overrides = Overrides {
        config: Some(path.clone()),
        data: None,
        environment,
    };
    load(&overrides).map_err(|error| {
        error
            .to_string()
            .replace(&path.display().to_string(), "docent.toml")
    })
}

#[test]
fn the_defaults_are_valid_and_extractive() {
    let config = load(&Overrides::default()).unwrap();
    assert_eq!(config.chat.kind, ChatKind::Extractive);
    assert_eq!(config.server.port, 8080);
    assert!(config.sources.is_empty());
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    let said = |text: &str| with_file(text, &[]).unwrap_err();
    insta::assert_snapshot!(said("[server]\nprot = 1"), @"docent.toml: unknown setting `server.prot`; did you mean `server.port`?");
    insta::assert_snapshot!(said("[severs]\nport = 1"), @"docent.toml: unknown setting `severs`; did you mean `server`?");
    insta::assert_snapshot!(said("[[source]]\nname = \"a\"\nkind = \"folder\"\npaht = \"x\""), @"docent.toml: unknown setting `source.paht` of a folder; did you mean `path`?");
    insta::assert_snapshot!(said("qqqqqqqq = 1"), @"docent.toml: unknown setting `qqqqqqqq`; `docent init --all` prints every setting");
}

#[test]
fn what_is_wrong_with_a_file_is_told_without_its_secrets() {
    let said = |text: &str| with_file(text, &[]).unwrap_err();
    for broken in ["\"sk-secret\nmodel = \"m\"", "sk-secret"] {
        let said = said(&format!("[chat]\napi_key = {broken}"));
        assert!(said.starts_with("docent.toml, line 2, column "), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
    let said = said("[chat]\napi_key = 1234567");
    assert!(
        said.contains("a secret must be a text") && !said.contains("1234567"),
        "{said}"
    );
}

#[test]
fn a_source_is_read_by_its_kind() {
    let said = |entry: &str| with_file(&format!("[[source]]\n{entry}"), &[]).unwrap_err();
    insta::assert_snapshot!(said("kind = \"folder\""), @"docent.toml: a [[source]] has no `name`");
    insta::assert_snapshot!(said("name = \"a\""), @r#"docent.toml: source "a" needs `kind`, one of: folder, git, website, confluence, slack, dbt, contracts"#);
    insta::assert_snapshot!(said("name = \"a\"\nkind = \"foldre\""), @r#"docent.toml: source "a": there is no source kind "foldre"; did you mean "folder"? docent knows folder, git, website, confluence, slack, dbt, contracts"#);
    insta::assert_snapshot!(said("name = \"a\"\nkind = \"folder\""), @r#"docent.toml: source "a": missing field `path`"#);
    insta::assert_snapshot!(said("name = \"..\"\nkind = \"folder\"\npath = \"x\""), @r#"source.name = ".." may have letters, digits, `-`, `_` and `.` only"#);
    let config = with_file(
        "[[source]]\nname = \"a\"\nkind = \"folder\"\npath = \"x\"\ngitignore = false\nowner = \"B\"",
        &[],
    )
    .unwrap();
    let source = &config.sources[0];
    let SourceKind::Folder(folder) = &source.kind else {
        panic!("{source:?} is no folder")
    };
    assert!(folder.path.is_absolute() && folder.path.ends_with("x") && !folder.gitignore);
    assert_eq!(
        (source.owner.as_deref(), source.groups.join(" ")),
        (Some("B"), "everyone".to_owned())
    );
}

#[test]
fn the_environment_wins_over_the_file_and_is_checked_too() {
    let config = with_file("[server]\nport = 1", &[("DOCENT_SERVER__PORT", "9000")]).unwrap();
    assert_eq!(config.server.port, 9000);
    let said = |name: &str, value: &str| with_file("", &[(name, value)]).unwrap_err();
    insta::assert_snapshot!(said("DOCENT_SERVER__PROT", "1"), @"the environment: unknown setting `DOCENT_SERVER__PROT`; did you mean `DOCENT_SERVER__PORT`?");
    insta::assert_snapshot!(said("DOCENT_SERVER__PORT", "many"), @"the environment: DOCENT_SERVER__PORT wants a whole number");
}

#[test]
fn expected_environment_names_work() {
    let config = with_file(
        "",
        &[
            ("DATABASE_URL", "postgres://u:p@h/d"),
            ("QDRANT_URL", "http://q:6334"),
            ("OPENAI_BASE_URL", "http://m:1/v1"),
        ],
    )
    .unwrap();
    assert_eq!(config.ledger.database_url.expose(), "postgres://u:p@h/d");
    assert_eq!(config.index.qdrant_url, "http://q:6334");
    assert_eq!(config.chat.kind, ChatKind::OpenAi);
    assert_eq!(config.chat.base_url, "http://m:1/v1");
}

#[test]
fn slack_needs_the_secret_of_its_mode_and_knows_its_channels() {
    let token = ("SLACK_BOT_TOKEN", "xoxb-1");
    let said = |text: &str, more: &[(&str, &str)]| {
        let environment: Vec<_> = [token].into_iter().chain(more.iter().copied()).collect();
        with_file(text, &environment)
    };
    let http = said("", &[("SLACK_SIGNING_SECRET", "s")]).unwrap();
    assert!(http.slack.is_configured());
    let socket = [
        ("SLACK_APP_TOKEN", "xapp-1"),
        ("DOCENT_SLACK__MODE", "socket"),
    ];
    assert_eq!(said("", &socket).unwrap().slack.mode, SlackMode::Socket);
    let wrong = |text: &str| said(text, &[("SLACK_SIGNING_SECRET", "s")]).unwrap_err();
    assert!(said("", &[]).unwrap_err().contains("SLACK_SIGNING_SECRET"));
    assert!(wrong("[slack]\nmode = \"socket\"").contains("SLACK_APP_TOKEN"));
    assert!(wrong("[slack.channels.C1]\ngroup = [\"a\"]").contains("unknown field `group`"));
    assert!(wrong("[slack.channels.C1]\ngroups = []").contains("slack.channels.C1.groups"));
    assert!(wrong("[slack.channels.C1]\nsources = [\"wiki\"]").contains("no source is named"));
    assert!(wrong("[slack.people]\nana = [\"a\"]").contains("must be a mail address"));
}

#[test]
fn a_key_of_the_environment_is_not_sent_to_a_server_that_the_file_names() {
    let config = with_file(
        "[chat]\nbase_url = \"http://other:1/v1\"",
        &[("OPENAI_API_KEY", "sk-secret")],
    )
    .unwrap();
    assert!(config.chat.api_key.is_empty());
}

#[test]
fn secrets_come_from_files_and_never_show() {
    let config = with_file("[chat]\napi_key_file = \"key.txt\"", &[]).unwrap();
    assert_eq!(config.chat.api_key.expose(), "sk-from-file");
    assert!(!format!("{config:?}").contains("sk-from-file"));
}

#[test]
fn origins_and_secrets_of_the_widget_are_exact_and_long() {
    let said = |text: &str| with_file(text, &[]).unwrap_err();
    insta::assert_snapshot!(said("[widget]\nallowed_origins = [\"https://*.example.com\"]"), @r#"widget.allowed_origins: "https://*.example.com" must be an exact origin such as "https://wiki.example.com""#);
    for broken in [
        "https://a.example/",
        "a.example",
        "https://A.example",
        "null",
        "https://",
    ] {
        let text = format!("[widget]\nallowed_origins = [\"{broken}\"]");
        assert!(with_file(&text, &[]).is_err(), "{broken}");
    }
    let fits = "[widget]\nallowed_origins = [\"https://a.example\", \"http://localhost:3000\"]";
    assert!(with_file(fits, &[]).is_ok());
    insta::assert_snapshot!(said("[widget]\nuser_secret = \"short\""), @"widget.user_secret must have at least 32 characters, for example from `openssl rand -hex 32`");
}

#[test]
fn limits_and_retention_are_of_channels_that_there_are() {
    let said = |text: &str| with_file(text, &[]).unwrap_err();
    let config = with_file(
        "[limits.channels.widget]\nquestions_per_day = 10\n[retention.channels]\napi = 7",
        &[],
    )
    .unwrap();
    let widget = config.limits.channels[&crate::ledger::Channel::Widget];
    assert_eq!(widget.allowance().unwrap().questions_per_day, Some(10));
    assert_eq!(config.limits.caller.allowance(), None);
    assert_eq!(config.retention.of(crate::ledger::Channel::Api), Some(7));
    assert_eq!(config.retention.of(crate::ledger::Channel::Web), None);
    assert!(said("[limits.channels.fax]\nquestions_per_day = 1").contains("fax"));
    assert!(said("[limits.caller]\nquestions_per_week = 1").contains("questions_per_week"));
    let unpriced = "[chat]\nkind = \"openai\"\nbase_url = \"http://x\"\nmodel = \"m\"\n[limits.caller]\nusd_per_day = 1.0";
    insta::assert_snapshot!(said(unpriced), @r#"limits.caller.usd_per_day: what "m" costs is not known, so dollars cannot limit it; add it to [prices], or set tokens_per_day"#);
}

#[test]
fn the_base_path_comes_from_the_public_url() {
    let base = |url: &str| {
        let config = with_file(&format!("[server]\npublic_url = \"{url}\""), &[]).unwrap();
        config.server.base_path()
    };
    assert_eq!(base("https://data.example.com/docent/"), "/docent");
    assert_eq!(base("https://data.example.com"), "");
    assert_eq!(base(""), "");
}

#[test]
fn every_setting_has_a_comment_and_every_key_is_read() {
    let mut commented = false;
    for line in DEFAULTS.lines() {
        let is_key = line.contains(" = ") && !line.starts_with('#');
        if is_key && !line.contains(" = {") {
            assert!(commented, "no comment above `{line}`");
        }
        // Keys that stand together share the comment above them.
        commented = line.starts_with('#') || (is_key && commented);
    }
}
